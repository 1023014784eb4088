// SPDX-License-Identifier: LGPL-2.1-or-later
//! What can be set once for all.

use super::choice_row;
use crate::settings::settings;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use std::rc::Rc;
use terrarium_engine::message;

/// Shows the window.
pub fn show(window: &Rc<Window>) {
    let parent = &window.widget;
    let page = adw::PreferencesPage::new();
    let new = adw::PreferencesGroup::builder().title(gettext("New Sandboxes")).build();
    new.set_description(Some(&gettext(
        "A new run can begin with a profile’s settings; its command stays empty.",
    )));
    new.add(&choice(
        &gettext("How Strong"),
        "default-isolation",
        &[
            ("automatic", gettext("Automatic")),
            ("container", gettext("Container")),
            ("machine", gettext("Virtual Machine")),
        ],
    ));
    new.add(&default_profile(window));
    page.add(&new);
    let ended = adw::PreferencesGroup::builder().title(gettext("Finished Runs")).build();
    ended.set_description(Some(&gettext(
        "The tab of what has ended stays open; longer while you look at it, or its changes wait for you.",
    )));
    ended.add(&keep_finished());
    page.add(&ended);
    let terminal = adw::PreferencesGroup::builder().title(gettext("Terminal")).build();
    terminal.add(&font());
    terminal.add(&choice(
        &gettext("Colors"),
        "terminal-colours",
        &[("follow", gettext("As the Desktop")), ("light", gettext("Light")), ("dark", gettext("Dark"))],
    ));
    page.add(&terminal);
    let desktop = adw::PreferencesGroup::builder().title(gettext("Desktop")).build();
    desktop.add(&flag(
        &gettext("Notifications"),
        &gettext("When a sandbox that is not seen ends, or asks something"),
        "notifications",
        true,
    ));
    page.add(&desktop);
    let window = adw::PreferencesWindow::builder()
        .transient_for(parent)
        .modal(true)
        .search_enabled(false)
        .default_width(520)
        .default_height(480)
        .width_request(320)
        .build();
    window.set_widget_name("preferences");
    window.add(&page);
    window.present();
}

/// What a new run begins with.
fn default_profile(window: &Rc<Window>) -> adw::ComboRow {
    let mut options = vec![(String::new(), gettext("The Usual Ones"))];
    for item in window.library.items() {
        if let Ok(profile) = &item.profile {
            options.push((item.stem(), message::shown(&profile.name)));
        }
    }
    // One that is gone is no choice any more.
    let options: Vec<(&str, String)> =
        options.iter().map(|(stem, name)| (stem.as_str(), name.clone())).collect();
    choice(&gettext("Settings of a New Run"), "default-profile", &options)
}

/// How long the tab of what has ended stays.
fn keep_finished() -> adw::ComboRow {
    let options = [
        (0, gettext("Until Closed")),
        (600, gettext("10 Minutes")),
        (3600, gettext("1 Hour")),
        (86_400, gettext("1 Day")),
    ];
    let names: Vec<&str> = options.iter().map(|(_, name)| name.as_str()).collect();
    let row = choice_row(&gettext("Keep What Has Ended"), &names);
    row.set_widget_name("keep-finished");
    let now = settings().number("keep-finished", 0);
    // One that was set elsewhere is shown as the next longer one.
    let at = options.iter().position(|(seconds, _)| *seconds >= now).unwrap_or(options.len() - 1);
    row.set_selected(u32::try_from(at).unwrap_or(0));
    let all = options.map(|(seconds, _)| seconds);
    row.connect_selected_notify(move |row| {
        if let Some(seconds) = all.get(row.selected() as usize) {
            settings().set_number("keep-finished", *seconds);
        }
    });
    row
}

fn choice(title: &str, key: &'static str, options: &[(&str, String)]) -> adw::ComboRow {
    let names: Vec<&str> = options.iter().map(|(_, name)| name.as_str()).collect();
    let row = choice_row(title, &names);
    row.set_widget_name(key);
    let words: Vec<String> = options.iter().map(|(word, _)| (*word).to_owned()).collect();
    let now = settings().text(key);
    let at = words.iter().position(|word| *word == now).and_then(|at| u32::try_from(at).ok());
    row.set_selected(at.unwrap_or(0));
    row.connect_selected_notify(move |row| {
        if let Some(word) = words.get(row.selected() as usize) {
            settings().set_text(key, word);
        }
    });
    row
}

fn flag(title: &str, subtitle: &str, key: &'static str, usual: bool) -> adw::ActionRow {
    let switch = gtk::Switch::builder().valign(gtk::Align::Center).build();
    switch.set_active(settings().flag(key, usual));
    switch.set_widget_name(key);
    switch.connect_active_notify(move |switch| settings().set_flag(key, switch.is_active()));
    let row = adw::ActionRow::builder().title(title).subtitle(subtitle).activatable_widget(&switch).build();
    row.set_subtitle_lines(0);
    row.add_suffix(&switch);
    row
}

fn first_label(within: &gtk::Widget) -> Option<gtk::Label> {
    let mut children = std::iter::successors(within.first_child(), WidgetExt::next_sibling);
    children.find_map(|child| child.clone().downcast().ok().or_else(|| first_label(&child)))
}

/// The font, with a way back to the desktop's own.
fn font() -> adw::ActionRow {
    let row = adw::ActionRow::builder().title(gettext("Font")).build();
    let button = gtk::FontButton::builder().valign(gtk::Align::Center).use_font(true).build();
    let monospace = |font: &gtk::pango::FontFamily, _: &gtk::pango::FontFace| font.is_monospace();
    button.set_filter_func(monospace);
    // Its name would leave no room for the title.
    if let Some(label) = first_label(button.upcast_ref()) {
        label.set_ellipsize(gtk::pango::EllipsizeMode::End);
    }
    let reset = gtk::Button::builder().icon_name("edit-undo-symbolic").valign(gtk::Align::Center).build();
    reset.set_tooltip_text(Some(&gettext("Use the Desktop’s Font")));
    super::name_by_hint(&reset);
    reset.add_css_class("flat");
    let now = settings().text("terminal-font");
    button.set_font(if now.is_empty() { "Monospace 11" } else { &now });
    reset.set_visible(!now.is_empty());
    let back = reset.clone();
    button.connect_font_set(move |button| {
        settings().set_text("terminal-font", &button.font().unwrap_or_default());
        back.set_visible(true);
    });
    let shown = button.clone();
    reset.connect_clicked(move |reset| {
        settings().set_text("terminal-font", "");
        shown.set_font("Monospace 11");
        reset.set_visible(false);
    });
    row.add_suffix(&button);
    row.add_suffix(&reset);
    row
}
