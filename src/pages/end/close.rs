// SPDX-License-Identifier: LGPL-2.1-or-later
//! The tab of what has ended goes by itself, if that is set.

use crate::pages::tab::{Phase, Tab};
use crate::settings::settings;
use gtk::glib;
use std::rc::Rc;
use std::time::Duration;

impl Tab {
    /// Closes it from elsewhere, with the questions that closing asks.
    pub(in crate::pages) fn close(self: &Rc<Self>) {
        let Some(window) = self.window.upgrade() else { return };
        window.runs.close(self);
        // One that asks is still there.
        self.tell_home();
    }

    /// Closes it when it was kept for long enough. One that is looked at stays
    /// for as long again.
    pub(super) fn close_later(self: &Rc<Self>) {
        let seconds = u64::try_from(settings().number("keep-finished", 0)).unwrap_or(0);
        if seconds == 0 {
            return;
        }
        let weak = Rc::downgrade(self);
        glib::spawn_future_local(async move {
            loop {
                glib::timeout_future(Duration::from_secs(seconds)).await;
                let Some(tab) = weak.upgrade().filter(|tab| tab.phase() == Phase::Ended) else { return };
                let Some(window) = tab.window.upgrade() else { return };
                let current = window.runs.current().is_some_and(|current| Rc::ptr_eq(&current, &tab));
                let waits = tab.end_page.to_review.borrow().is_some();
                if !(waits || current && window.shows("runs")) {
                    return window.runs.close(&tab);
                }
            }
        });
    }
}
