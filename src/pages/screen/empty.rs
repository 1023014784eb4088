// SPDX-License-Identifier: LGPL-2.1-or-later
//! A screen without a window: a program that takes its time, most of all in an
//! emulated machine, is not to be taken for one that hangs.

use super::Screen;
use gtk::glib;
use gtk::prelude::*;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use terrarium_protocol::display::DisplayStatus;

/// Who opens a window sooner is not waited for.
const SOON: Duration = Duration::from_millis(1500);

/// What is said of it.
pub struct Empty {
    hint: gtk::Label,
    /// There was a window: what is empty now is as its programs want it.
    had_one: Cell<bool>,
}

impl Empty {
    /// Of the page's layout.
    pub fn new(builder: &gtk::Builder) -> Self {
        Self { hint: crate::pages::object(builder, "screen-empty"), had_one: Cell::new(false) }
    }
}

impl Screen {
    /// Init has said how the screen is.
    pub(super) fn follow_emptiness(self: &Rc<Self>) {
        if self.has_no_window() {
            let weak = Rc::downgrade(self);
            glib::timeout_add_local_once(SOON, move || {
                if let Some(screen) = weak.upgrade() {
                    screen.empty.hint.set_visible(screen.has_no_window());
                }
            });
        } else {
            let has_one = self.status.get().and_then(|status| status.has_windows) == Some(true);
            self.empty.had_one.set(self.empty.had_one.get() || has_one);
            self.empty.hint.set_visible(false);
        }
    }

    fn has_no_window(&self) -> bool {
        let is_empty = |status: DisplayStatus| status.up && status.has_windows == Some(false);
        !self.empty.had_one.get() && self.status.get().is_some_and(is_empty)
    }
}
