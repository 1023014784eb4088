// SPDX-License-Identifier: LGPL-2.1-or-later
//! The kinds of rows that fields have.

use super::field::{say, Access, Field, Signal};
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use terrarium_engine::message;

/// One of several.
pub fn choice<T: Copy + PartialEq + 'static>(
    signal: &Signal,
    names: (&'static str, &str),
    title: &str,
    options: &[(T, String)],
    access: Access<T>,
) -> Field {
    let words: Vec<&str> = options.iter().map(|(_, word)| word.as_str()).collect();
    let row = crate::pages::choice_row(title, &words);
    let changed = signal.clone();
    row.connect_selected_notify(move |_| changed.emit());
    let (shown, values) = (row.clone(), options.iter().map(|(value, _)| *value).collect::<Vec<T>>());
    let known = values.clone();
    let show = move |value: T| {
        let index = known.iter().position(|one| *one == value).and_then(|index| u32::try_from(index).ok());
        shown.set_selected(index.unwrap_or(gtk::INVALID_LIST_POSITION));
    };
    let chosen = row.clone();
    let value = move || values.get(chosen.selected() as usize).copied();
    Field::new(names, &row, access, (show, value))
}

/// On or off.
pub fn switch(
    signal: &Signal,
    names: (&'static str, &str),
    (title, subtitle): (&str, &str),
    access: Access<bool>,
) -> Field {
    let switch = gtk::Switch::builder().valign(gtk::Align::Center).build();
    switch.set_widget_name(names.1);
    let row = adw::ActionRow::builder().title(title).subtitle(subtitle).build();
    row.set_subtitle_lines(0);
    row.add_suffix(&switch);
    row.set_activatable_widget(Some(&switch));
    let changed = signal.clone();
    switch.connect_active_notify(move |_| changed.emit());
    let shown = switch.clone();
    let show = move |on| shown.set_active(on);
    let value = move || Some(switch.is_active());
    let field = Field::new(names, &row, access, (show, value));
    field.row.set_widget_name(&format!("{}-row", names.1));
    field
}

/// A number; 0 is shown as `zero`, if there is such a word.
pub fn number(
    signal: &Signal,
    names: (&'static str, &str),
    (title, subtitle): (&str, &str),
    (least, most, step): (f64, f64, f64),
    zero: Option<String>,
    access: Access<u64>,
) -> Field {
    let spin = gtk::SpinButton::with_range(least, most, step);
    spin.set_valign(gtk::Align::Center);
    spin.set_widget_name(names.1);
    if let Some(zero) = &zero {
        show_zero(&spin, zero);
    }
    let row = adw::ActionRow::builder().title(title).subtitle(subtitle).build();
    row.add_suffix(&spin);
    row.set_activatable_widget(Some(&spin));
    let shown = spin.clone();
    let show = move |value: u64| shown.set_value(value as f64);
    let read = spin.clone();
    let value = move || Some(read.value().max(0.0) as u64);
    let field = Field::new(names, &row, access, (show, value));
    field.row.set_widget_name(&format!("{}-row", names.1));
    refuse(&spin, zero, signal.clone(), field.message());
    field
}

/// Zero is shown as a word.
fn show_zero(spin: &gtk::SpinButton, zero: &str) {
    spin.set_width_chars(i32::try_from(zero.chars().count()).unwrap_or(8));
    let word = zero.to_owned();
    spin.connect_output(move |spin| {
        let is_zero = spin.value() < 0.5;
        if is_zero && spin.text() != word.as_str() {
            spin.set_text(&word);
        }
        if is_zero {
            glib::Propagation::Stop
        } else {
            glib::Propagation::Proceed
        }
    });
    // It begins with 0, which is no change that it would tell of.
    spin.set_text(zero);
}

/// What is no number, or not one that it takes, becomes the one before, and a
/// sentence says so. By itself it would become the least without a word.
fn refuse(spin: &gtk::SpinButton, zero: Option<String>, signal: Signal, message: adw::ActionRow) {
    let (refused, said) = (Rc::new(RefCell::new(None)), Cell::new(false));
    let is_refused = refused.clone();
    spin.set_numeric(false);
    spin.set_update_policy(gtk::SpinButtonUpdatePolicy::IfValid);
    spin.connect_input(move |spin| {
        let text = spin.text();
        let number = match zero.as_deref() == Some(text.trim()) {
            true => Some(0.0),
            false => text.trim().parse::<f64>().ok(),
        };
        let (least, most) = spin.range();
        let number = number.filter(|number| (least..=most).contains(number));
        is_refused.replace(number.is_none().then(|| text.to_string()));
        Some(number.ok_or(()))
    });
    spin.connect_value_changed(move |spin| {
        let Some(text) = refused.take() else {
            if said.take() {
                say(&message, None, false);
            }
            return signal.emit();
        };
        said.set(true);
        say(&message, Some(&not_taken(spin, &text)), true);
    });
}

fn not_taken(spin: &gtk::SpinButton, text: &str) -> String {
    let (least, most) = spin.range();
    // TRANSLATORS: {text} is what was typed, {value} what is there again
    gettext("“{text}” is no number from {least} to {most}. It is {value} as before.")
        .replace("{least}", &least.to_string())
        .replace("{most}", &most.to_string())
        .replace("{value}", &spin.text())
        .replace("{text}", &message::shown(text))
}

/// Text.
pub fn entry(signal: &Signal, names: (&'static str, &str), title: &str, access: Access<String>) -> Field {
    let row = adw::EntryRow::builder().title(title).enable_emoji_completion(false).build();
    let changed = signal.clone();
    row.connect_changed(move |_| changed.emit());
    let shown = row.clone();
    let show = move |text: String| {
        if shown.text() != text {
            shown.set_text(&text);
        }
    };
    let typed = row.clone();
    Field::new(names, &row, access, (show, move || Some(typed.text().into())))
}

/// A path that may be missing, as text.
pub fn path_text(path: Option<&PathBuf>) -> String {
    path.map(|path| path.display().to_string()).unwrap_or_default()
}

/// The other way round.
pub fn text_path(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    (!text.is_empty()).then(|| PathBuf::from(text))
}
