// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the main menu shows.

use super::Window;
use adw::prelude::*;
use gettextrs::gettext;

impl Window {
    pub(super) fn about(&self) {
        let about = adw::AboutWindow::builder()
            .transient_for(&self.widget)
            .application_name("Terrarium")
            .application_icon(crate::APP_ID)
            .version(env!("CARGO_PKG_VERSION"))
            .developer_name(gettext("The Terrarium developers"))
            .comments(gettext("Run programs behind glass"))
            .license_type(gtk::License::Lgpl21)
            .build();
        about.present();
    }

    pub(super) fn shortcuts(&self) {
        let builder = gtk::Builder::from_string(include_str!("../shortcuts.ui"));
        if let Some(window) = builder.object::<gtk::ShortcutsWindow>("shortcuts") {
            window.set_transient_for(Some(&self.widget));
            window.present();
        }
    }
}
