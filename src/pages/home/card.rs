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

/// Width of a card in pixels: three of them stand in a line.
const CARD: i32 = 312;

/// How long it runs.
pub fn age(one: &Summary) -> String {
    let milliseconds = one.status.as_ref().and_then(|status| status.running_for).unwrap_or(0);
    // Whole minutes: a card does not tick.
    match milliseconds / 60_000 {
        0 => gettext("less than a minute"),
        minutes @ 1..60 => gettext("{number} min").replace("{number}", &minutes.to_string()),
        minutes => message::duration(minutes * 60_000),
    }
}

/// What is seen of a sandbox.
pub fn card(window: &Rc<Window>, one: &Summary, thumbnails: &Thumbnails) -> gtk::Button {
    let name =
        gtk::Label::builder().label(one.name()).xalign(0.0).ellipsize(gtk::pango::EllipsizeMode::End).build();
    name.add_css_class("heading");
    let detail = format!("{} · {}", message::isolation(one.isolation()), age(one));
    let detail =
        gtk::Label::builder().label(detail).xalign(0.0).ellipsize(gtk::pango::EllipsizeMode::End).build();
    detail.add_css_class("dim-label");
    detail.add_css_class("caption");
    let words = gtk::Box::builder().orientation(gtk::Orientation::Vertical).hexpand(true).build();
    words.append(&name);
    words.append(&detail);
    let foot = gtk::Box::builder()
        .spacing(12)
        .margin_top(9)
        .margin_bottom(9)
        .margin_start(12)
        .margin_end(12)
        .build();
    foot.append(&chip(one.colour(), "", icon(one.metadata.display)));
    foot.append(&words);
    let body = gtk::Box::builder().orientation(gtk::Orientation::Vertical).build();
    body.append(&thumbnail(window, one, thumbnails));
    body.append(&foot);
    let card = gtk::Button::builder().child(&body).width_request(CARD).build();
    card.add_css_class("card");
    card.set_tooltip_text(Some(&one.metadata.command));
    let (window, one) = (Rc::downgrade(window), one.clone());
    card.connect_clicked(move |_| {
        if let Some(window) = window.upgrade() {
            window.attach(&one);
        }
    });
    card
}

/// Its picture or its command, and a pill for what is not plain running. What
/// lies over the empty box is not measured: a guest's size moves nothing.
fn thumbnail(window: &Rc<Window>, one: &Summary, thumbnails: &Thumbnails) -> gtk::Overlay {
    let ground = gtk::Box::builder()
        .css_classes(["thumbnail", &look::class(one.colour())])
        .width_request(260)
        .height_request(160)
        .build();
    let overlay =
        gtk::Overlay::builder().child(&ground).overflow(gtk::Overflow::Hidden).css_classes(["cover"]).build();
    if one.metadata.display == DisplayKind::Window {
        overlay.add_overlay(&thumbnails.place(&one.id));
    } else {
        overlay.add_overlay(&command(one));
    }
    let asks = window.runs.tab_of(&one.id).and_then(|tab| tab.screen.clone());
    let asks = asks.is_some_and(|screen| screen.asking().is_some());
    let says = if asks {
        Some(gettext("Asks for the Clipboard"))
    } else {
        (one.state != State::Running).then(|| message::state(&one.state))
    };
    if let Some(says) = says {
        let pill = gtk::Label::builder()
            .label(says)
            .halign(gtk::Align::End)
            .valign(gtk::Align::Start)
            .margin_top(6)
            .margin_end(6)
            .css_classes(["pill-label"])
            .build();
        overlay.add_overlay(&pill);
    }
    overlay
}

fn command(one: &Summary) -> gtk::Label {
    let command = gtk::Label::builder()
        .label(format!("$ {}", message::shown(&one.metadata.command)))
        .xalign(0.0)
        .yalign(0.0)
        .wrap(true)
        .wrap_mode(gtk::pango::WrapMode::WordChar)
        .lines(6)
        .ellipsize(gtk::pango::EllipsizeMode::End)
        .valign(gtk::Align::Start)
        .margin_top(12)
        .margin_start(14)
        .margin_end(14)
        .build();
    command.add_css_class("monospace");
    command.add_css_class("caption");
    command
}
