// SPDX-License-Identifier: LGPL-2.1-or-later
//! The first button of an end has the focus once nobody types any more:
//! whoever still does must not run it again, and whoever waits can.

use crate::pages::tab::{Phase, Tab};
use crate::window::Window;
use gtk::glib;
use gtk::prelude::*;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// So long nothing may have been typed.
const QUIET: Duration = Duration::from_millis(1500);
const BETWEEN: Duration = Duration::from_millis(250);

impl Tab {
    /// Puts it there then, unless something else has it by that time.
    pub(super) fn focus_later(self: &Rc<Self>) {
        let Some(window) = self.window.upgrade() else { return };
        let last = Rc::new(Cell::new(Instant::now()));
        let keys = gtk::EventControllerKey::new();
        keys.set_propagation_phase(gtk::PropagationPhase::Capture);
        let typed = last.clone();
        keys.connect_key_pressed(move |_, _, _, _| {
            typed.set(Instant::now());
            glib::Propagation::Proceed
        });
        window.widget.add_controller(keys.clone());
        let (weak, window) = (Rc::downgrade(self), Rc::downgrade(&window));
        glib::timeout_add_local(BETWEEN, move || {
            let Some(window) = window.upgrade() else { return glib::ControlFlow::Break };
            let tab = weak.upgrade().filter(|tab| tab.waits_for_focus(&window));
            if tab.is_some() && last.get().elapsed() < QUIET {
                return glib::ControlFlow::Continue;
            }
            window.widget.remove_controller(&keys);
            tab.iter().for_each(|tab| tab.end_page.focus());
            glib::ControlFlow::Break
        });
    }

    fn waits_for_focus(self: &Rc<Self>, window: &Window) -> bool {
        let current = window.runs.current().is_some_and(|current| Rc::ptr_eq(&current, self));
        let has_focus = gtk::prelude::GtkWindowExt::focus(&window.widget).is_some();
        let shown = self.widget.visible_child_name().as_deref() == Some("end");
        current && shown && !has_focus && self.phase() == Phase::Ended && window.shows("runs")
    }
}
