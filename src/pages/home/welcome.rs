// SPDX-License-Identifier: LGPL-2.1-or-later
//! The first thing that a new user sees: three things that can be run at once.

use super::Home;
use crate::pages::chip;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::rc::Rc;
use terrarium_engine::host::Host;
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{Colour, Icon, Isolation, Profile};

impl Home {
    pub(super) fn fill_welcome(&self) {
        let rows = [
            (
                gettext("Open a _Terminal"),
                gettext("A shell without network. What it writes is thrown away."),
                (Colour::Grey, Icon::Terminal),
                "win.open-terminal",
            ),
            (
                gettext("Open a _Document…"),
                gettext("Look at a file you do not trust. It is shared read-only."),
                (Colour::Red, Icon::Document),
                "win.open-document",
            ),
            (
                gettext("Try an _App…"),
                gettext("Any installed app, with an empty home folder."),
                (Colour::Teal, Icon::App),
                "win.try-app",
            ),
        ];
        for (title, subtitle, (colour, icon), action) in rows {
            let row = adw::ActionRow::builder().title(title).use_underline(true).activatable(true).build();
            row.set_subtitle(&subtitle);
            row.set_subtitle_lines(0);
            row.add_prefix(&chip(colour, "", icon.themed()));
            row.add_suffix(&gtk::Image::from_icon_name("go-next-symbolic"));
            row.set_widget_name(action.trim_start_matches("win."));
            row.connect_activated(move |row| {
                let _ = row.activate_action(action, None);
            });
            self.welcome_rows.append(&row);
        }
    }

    /// What is true of this computer, or nothing.
    pub(super) fn say_what_works(&self, window: &Rc<Window>) {
        let Some(host) = window.bridge.host() else { return };
        let link = |text: &str| format!("<a href=\"computer\">{}</a>", glib::markup_escape_text(text));
        let step = link(&gettext("one more step"));
        let note = match (works(host, Isolation::Container), works(host, Isolation::Machine)) {
            (true, true) => String::new(),
            (true, false) => gettext("These start as containers. Virtual machines need {step}."),
            (false, true) => gettext("These start as virtual machines. Containers need {step}."),
            (false, false) => {
                gettext("Neither containers nor virtual machines work here yet. They need {step}.")
            }
        };
        self.welcome_note.set_markup(&note.replace("{step}", &step));
        self.welcome_note.set_visible(!note.is_empty());
    }

    pub(super) fn connect_welcome(&self) {
        self.welcome_note.connect_activate_link(|label, _| {
            let _ = label.activate_action("win.computer", None);
            glib::Propagation::Stop
        });
    }
}

fn works(host: &Host, isolation: Isolation) -> bool {
    let profile = Profile { isolation: Some(isolation), ..Profile::new("x", vec!["true".into()]) };
    plan(&profile, host).problems.is_empty()
}
