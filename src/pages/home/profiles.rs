// SPDX-License-Identifier: LGPL-2.1-or-later
//! The profiles at Home, and what is run without one.

use super::Home;
use crate::pages::chip;
use crate::pages::tab::facts::icon;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{store, Profile};

impl Home {
    pub(super) fn read_profiles(self: &Rc<Self>, window: &Rc<Window>) {
        let Some(host) = window.bridge.host() else { return };
        let entries = store::list(&host.places).unwrap_or_default();
        *self.known.borrow_mut() = entries.into_iter().filter_map(|entry| entry.profile.ok()).collect();
        for profile in self.known.borrow().iter() {
            self.profiles.append(&profile_row(window, profile));
        }
        self.profiles_box.set_visible(!self.known.borrow().is_empty());
        let container_works = host.usable(&terrarium_engine::uri::Uri::LxcSystem);
        self.welcome_note.set_label(&if container_works {
            gettext("The terminal starts as a container.")
        } else {
            gettext("This starts as a virtual machine. Containers need one more step.")
        });
    }
}

fn profile_row(window: &Rc<Window>, profile: &Profile) -> adw::ActionRow {
    let program =
        profile.command.argv.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let glass = profile.isolation.map(message::isolation);
    let parts: Vec<String> = [Some(program), glass].into_iter().flatten().collect();
    let row = adw::ActionRow::builder()
        .title(glib::markup_escape_text(&profile.name).as_str())
        .subtitle(glib::markup_escape_text(&parts.join(" · ")).as_str())
        .activatable(true)
        .build();
    row.add_prefix(&chip(profile.colour, "", icon(profile.display.kind)));
    let play = gtk::Button::builder()
        .icon_name("media-playback-start-symbolic")
        .tooltip_text(gettext("Run"))
        .valign(gtk::Align::Center)
        .css_classes(["flat", "circular"])
        .build();
    row.add_suffix(&play);
    let (weak, own) = (Rc::downgrade(window), profile.clone());
    play.connect_clicked(move |_| {
        if let Some(window) = weak.upgrade() {
            run_profile(&window, &own);
        }
    });
    let (weak, own) = (Rc::downgrade(window), profile.clone());
    row.connect_activated(move |_| {
        if let Some(window) = weak.upgrade() {
            window.show_form(Some(&own));
        }
    });
    row
}

/// Runs a profile; one with problems is shown in the form instead.
fn run_profile(window: &Rc<Window>, profile: &Profile) {
    let Some(host) = window.bridge.host() else { return };
    match plan(profile, host).plan {
        Some(plan) => window.start(plan),
        None => window.show_form(Some(profile)),
    }
}

/// A shell without anything else.
pub(super) fn open_terminal(window: &Rc<Window>) {
    let Some(host) = window.bridge.host() else { return };
    let shell = host.user.shell.clone().into_os_string();
    run_profile(window, &Profile::new(gettext("Terminal"), vec![shell]));
}
