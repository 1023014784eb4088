// SPDX-License-Identifier: LGPL-2.1-or-later
//! In a narrow window there is no room for what it can reach beside the form: a
//! row leads there.

use super::look::with_any;
use super::Form;
use crate::pages::reach::{show, unbroken, Ask};
use crate::pages::{object, spare_buttons};
use crate::window::Window;
use adw::prelude::*;
use gtk::glib;
use std::rc::Rc;
use terrarium_engine::plan::plan;
use terrarium_engine::reach::reach;

/// The row, in a group of its own.
pub struct Narrow {
    pub(super) group: adw::PreferencesGroup,
    row: adw::ActionRow,
    header: adw::HeaderBar,
}

impl Narrow {
    /// That of the layout.
    pub fn new(builder: &gtk::Builder) -> Self {
        Self {
            group: object(builder, "reach-group"),
            row: object(builder, "reach-row"),
            header: object(builder, "form-header"),
        }
    }

    /// What is in the way of knowing it, if something is.
    pub fn tell(&self, why: Option<&str>) {
        self.row.set_subtitle(&unbroken(why.unwrap_or_default()));
    }
}

impl Form {
    pub(super) fn connect_narrow(self: &Rc<Self>, window: &Rc<Window>) {
        let form = Rc::downgrade(self);
        self.flap.connect_folded_notify(move |_| {
            let form = form.clone();
            // Not while sizes are being given out.
            glib::spawn_future_local(async move {
                if let Some(form) = form.upgrade() {
                    form.narrow.group.set_visible(form.flap.is_folded());
                    spare_buttons(&form.narrow.header, form.flap.is_folded());
                    form.mark_main_button();
                }
            });
        });
        let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        self.narrow.row.connect_activated(move |_| {
            if let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) {
                form.show_sheet(&window);
            }
        });
    }

    /// The same as beside the form, or where it has to be mended first.
    fn show_sheet(&self, window: &Rc<Window>) {
        let Some(host) = window.bridge.host() else { return };
        let profile = self.profile();
        match plan(&with_any(&profile), host).plan.filter(|_| !self.folders.lacks_any()) {
            Some(plan) if self.fault().is_none() => {
                show(&window.widget, &profile, &reach(&plan), Ask::default());
            }
            _ => self.go_to_what_is_in_the_way(window),
        }
    }
}
