// SPDX-License-Identifier: LGPL-2.1-or-later
//! The card of a sandbox: of one that runs, or of one whose end is still shown.

use super::thumbnails::Thumbnails;
use crate::look;
use crate::pages::chip;
use crate::pages::tab::facts::icon;
use crate::pages::tab::Tab;
use crate::window::Window;
use gettextrs::gettext;
use gtk::prelude::*;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::profile::{Colour, DisplayKind};
use terrarium_engine::sandbox::{State, Summary};

/// Lines of output on a card.
const LINES: usize = 8;

/// One card.
pub struct Card {
    /// Its widget.
    pub widget: gtk::Button,
    name: String,
    detail: gtk::Label,
    /// The last lines, for one without a screen.
    lines: Option<gtk::Label>,
}

/// As its tab is, if it has one here.
pub fn called(window: &Window, one: &Summary) -> String {
    window.runs.tab_of(&one.id).map_or_else(|| one.name().to_owned(), |tab| tab.name())
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
        let themed = one.metadata.icon.map_or_else(|| icon(one.metadata.display), |icon| icon.themed());
        let name = called(window, one);
        let (foot, detail) = foot(&name, one.colour(), themed);
        let (picture, lines) = thumbnail(window, one, thumbnails);
        let widget = Self::with(&picture, &foot);
        widget.set_tooltip_text(Some(&message::shown(&one.metadata.command)));
        let (weak, own) = (Rc::downgrade(window), one.clone());
        widget.connect_clicked(move |_| {
            if let Some(window) = weak.upgrade() {
                window.attach(&own);
            }
        });
        super::menu::of_running(window, &widget, one);
        let card = Self { widget, name, detail, lines };
        card.tell(one, None);
        card
    }

    /// What is seen of a sandbox that has ended, as long as it has its tab.
    pub fn ended(window: &Rc<Window>, tab: &Rc<Tab>) -> Self {
        let (foot, detail) = foot(&tab.name(), tab.facts.colour, tab.facts.icon());
        detail.set_label(&tab.end_page_detail());
        let (overlay, says) = (ground(tab.facts.colour), tab.end_in_short());
        let lines = tab.screen.is_none().then(|| quoted(""));
        match (&lines, tab.screen.as_ref().and_then(|screen| screen.picture())) {
            (Some(lines), _) => overlay.add_overlay(lines),
            (None, Some(texture)) => {
                let picture = gtk::Picture::for_paintable(&texture);
                picture.set_can_shrink(true);
                overlay.add_overlay(&picture);
            }
            (None, None) => {}
        }
        overlay.add_overlay(&pill(&says));
        let widget = Self::with(&overlay, &foot);
        let said = message::shown(&[tab.name(), says].join(", "));
        widget.update_property(&[gtk::accessible::Property::Label(&said)]);
        let (weak, own) = (Rc::downgrade(window), Rc::downgrade(tab));
        widget.connect_clicked(move |_| {
            if let (Some(window), Some(tab)) = (weak.upgrade(), own.upgrade()) {
                window.show("runs");
                window.runs.show_again(&tab);
            }
        });
        super::menu::of_ended(&widget, tab);
        let card = Self { widget, name: tab.name(), detail, lines };
        card.show_lines(&tab.text());
        card
    }

    fn with(picture: &gtk::Overlay, foot: &gtk::Box) -> gtk::Button {
        let body = gtk::Box::builder().orientation(gtk::Orientation::Vertical).build();
        body.append(picture);
        body.append(foot);
        let widget = gtk::Button::builder().child(&body).build();
        widget.add_css_class("card");
        widget
    }

    /// Time, and what it uses if that is known.
    pub fn tell(&self, one: &Summary, usage: Option<&str>) {
        let detail = match usage {
            Some(usage) => format!("{} · {usage}", age(one)),
            None => format!("{} · {}", message::isolation(one.isolation()), age(one)),
        };
        let shown = unbroken(&detail);
        if self.detail.label() != shown {
            self.detail.set_label(&shown);
            let state = message::state(&one.state);
            let said = [self.name.as_str(), &state, &message::isolation(one.isolation()), &detail].join(", ");
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

/// A line ends between facts, not between a number and its unit.
fn unbroken(facts: &str) -> String {
    let whole = |fact: &str| match fact.contains(|c: char| c.is_ascii_digit()) {
        true => fact.replace(' ', "\u{a0}"),
        false => fact.to_owned(),
    };
    facts.split(" · ").map(whole).collect::<Vec<_>>().join("\u{a0}· ")
}

fn label(text: &str) -> gtk::Label {
    gtk::Label::builder().label(text).xalign(0.0).ellipsize(gtk::pango::EllipsizeMode::End).build()
}

/// Mark and name, and below that a line that is told later.
fn foot(name: &str, colour: Colour, icon: &str) -> (gtk::Box, gtk::Label) {
    let name = label(&message::shown(name));
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
    foot.append(&chip(colour, "", icon));
    foot.append(&words);
    (foot, detail)
}

/// The empty box that a picture or lines lie over: those are not measured, so
/// that a guest's size moves nothing.
fn ground(colour: Colour) -> gtk::Overlay {
    let ground = gtk::Box::builder()
        .css_classes(["thumbnail", &look::class(colour)])
        .width_request(260)
        .height_request(160)
        .build();
    let overlay = gtk::Overlay::builder().child(&ground).overflow(gtk::Overflow::Hidden);
    overlay.css_classes(["cover"]).build()
}

fn pill(says: &str) -> gtk::Label {
    let pill = gtk::Label::builder().label(says).halign(gtk::Align::End).valign(gtk::Align::Start);
    let pill = pill.margin_top(6).margin_end(6).margin_start(6).css_classes(["pill-label"]).build();
    pill.set_ellipsize(gtk::pango::EllipsizeMode::End);
    pill
}

/// Its picture or its last lines, and a pill for what is not plain running.
fn thumbnail(
    window: &Rc<Window>,
    one: &Summary,
    thumbnails: &Thumbnails,
) -> (gtk::Overlay, Option<gtk::Label>) {
    let overlay = ground(one.colour());
    let lines = (one.metadata.display != DisplayKind::Window).then(|| output(one));
    match &lines {
        Some(lines) => overlay.add_overlay(lines),
        None => overlay.add_overlay(&thumbnails.place(&one.id)),
    }
    if let Some(says) = says(window, one) {
        overlay.add_overlay(&pill(&says));
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
    quoted(&format!("$ {}", message::shown(&one.metadata.command)))
}

/// Lines of what a sandbox wrote.
fn quoted(text: &str) -> gtk::Label {
    let output = gtk::Label::builder()
        .label(text)
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
    // As a terminal shows it, whatever the direction of the rest.
    output.set_direction(gtk::TextDirection::Ltr);
    output
}
