// SPDX-License-Identifier: LGPL-2.1-or-later
//! The card of a running sandbox.

use super::thumbnails::Thumbnails;
use crate::look;
use crate::pages::chip;
use crate::pages::tab::facts::icon;
use crate::window::Window;
use gettextrs::gettext;
use gtk::prelude::*;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::profile::DisplayKind;
use terrarium_engine::sandbox::{State, Summary};

/// Lines of output on a card.
const LINES: usize = 8;

/// One card.
pub struct Card {
    /// Its widget.
    pub widget: gtk::Button,
    detail: gtk::Label,
    /// The last lines, for one without a screen.
    lines: Option<gtk::Label>,
}

/// How long it runs, in whole minutes: a card does not tick.
pub fn age(one: &Summary) -> String {
    let milliseconds = one.status.as_ref().and_then(|status| status.running_for).unwrap_or(0);
    match milliseconds / 60_000 {
        0 => gettext("less than a minute"),
        minutes @ 1..60 => gettext("{number} min").replace("{number}", &minutes.to_string()),
        minutes => message::duration(minutes * 60_000),
    }
}

impl Card {
    /// What is seen of a sandbox.
    pub fn new(window: &Rc<Window>, one: &Summary, thumbnails: &Thumbnails) -> Self {
        let name = label(&message::shown(one.name()));
        name.add_css_class("heading");
        let detail = label("");
        // With large text on a narrow screen one line says half of it.
        detail.set_wrap(true);
        detail.set_lines(2);
        ["dim-label", "caption", "numeric"].iter().for_each(|class| detail.add_css_class(class));
        let words = gtk::Box::builder().orientation(gtk::Orientation::Vertical).hexpand(true).build();
        words.append(&name);
        words.append(&detail);
        let foot = gtk::Box::builder().spacing(12).margin_top(9).margin_bottom(9).margin_start(12);
        let foot = foot.margin_end(12).build();
        let themed = one.metadata.icon.map_or_else(|| icon(one.metadata.display), |icon| icon.themed());
        foot.append(&chip(one.colour(), "", themed));
        foot.append(&words);
        let (picture, lines) = thumbnail(window, one, thumbnails);
        let body = gtk::Box::builder().orientation(gtk::Orientation::Vertical).build();
        body.append(&picture);
        body.append(&foot);
        let widget = gtk::Button::builder().child(&body).build();
        widget.add_css_class("card");
        widget.set_tooltip_text(Some(&message::shown(&one.metadata.command)));
        let (weak, own) = (Rc::downgrade(window), one.clone());
        widget.connect_clicked(move |_| {
            if let Some(window) = weak.upgrade() {
                window.attach(&own);
            }
        });
        let card = Self { widget, detail, lines };
        card.tell(one, None);
        card
    }

    /// Time, and what it uses if that is known.
    pub fn tell(&self, one: &Summary, usage: Option<&str>) {
        let detail = match usage {
            Some(usage) => format!("{} · {usage}", age(one)),
            None => format!("{} · {}", message::isolation(one.isolation()), age(one)),
        };
        if self.detail.label() != detail {
            self.detail.set_label(&detail);
            let state = message::state(&one.state);
            let said = [one.name(), &state, &message::isolation(one.isolation()), &detail].join(", ");
            self.widget.update_property(&[gtk::accessible::Property::Label(&message::shown(&said))]);
        }
    }

    /// Shows the last lines of what it wrote.
    pub fn show_lines(&self, text: &str) {
        let Some(label) = self.lines.as_ref().filter(|_| !text.trim().is_empty()) else { return };
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(LINES)..];
        // Isolated, so that no line can turn the direction of another.
        let cut = |line: &&str| line.chars().filter(|c| !c.is_control()).take(120).collect::<String>();
        let shown: Vec<String> = last.iter().map(|line| format!("\u{2068}{}\u{2069}", cut(line))).collect();
        let shown = shown.join("\n");
        if label.label() != shown {
            label.set_label(&shown);
        }
    }
}

fn label(text: &str) -> gtk::Label {
    gtk::Label::builder().label(text).xalign(0.0).ellipsize(gtk::pango::EllipsizeMode::End).build()
}

/// Its picture or its last lines, and a pill for what is not plain running.
/// What lies over the empty box is not measured: a guest's size moves nothing.
fn thumbnail(
    window: &Rc<Window>,
    one: &Summary,
    thumbnails: &Thumbnails,
) -> (gtk::Overlay, Option<gtk::Label>) {
    let ground = gtk::Box::builder()
        .css_classes(["thumbnail", &look::class(one.colour())])
        .width_request(260)
        .height_request(160)
        .build();
    let overlay = gtk::Overlay::builder().child(&ground).overflow(gtk::Overflow::Hidden);
    let overlay = overlay.css_classes(["cover"]).build();
    let lines = (one.metadata.display != DisplayKind::Window).then(|| output(one));
    match &lines {
        Some(lines) => overlay.add_overlay(lines),
        None => overlay.add_overlay(&thumbnails.place(&one.id)),
    }
    if let Some(says) = says(window, one) {
        let pill = gtk::Label::builder().label(says).halign(gtk::Align::End).valign(gtk::Align::Start);
        let pill = pill.margin_top(6).margin_end(6).margin_start(6).css_classes(["pill-label"]).build();
        pill.set_ellipsize(gtk::pango::EllipsizeMode::End);
        overlay.add_overlay(&pill);
    }
    (overlay, lines)
}

/// What the pill says, if there is one.
pub fn says(window: &Window, one: &Summary) -> Option<String> {
    if window.runs.tab_of(&one.id).is_some_and(|tab| tab.waits_for_answer()) {
        return Some(gettext("Asks for the Clipboard"));
    }
    (one.state != State::Running).then(|| message::state(&one.state))
}

/// Until it has written something, its command.
fn output(one: &Summary) -> gtk::Label {
    let output = gtk::Label::builder()
        .label(format!("$ {}", message::shown(&one.metadata.command)))
        .xalign(0.0)
        .yalign(0.0)
        .wrap(false)
        .ellipsize(gtk::pango::EllipsizeMode::End)
        .valign(gtk::Align::Start)
        .margin_top(12)
        .margin_start(14)
        .margin_end(14)
        .build();
    ["monospace", "caption", "quoted"].iter().for_each(|class| output.add_css_class(class));
    output
}
