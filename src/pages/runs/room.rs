// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the header has room for. A narrow window is no wider than it has to be,
//! whatever is shown: its menu has the rest.

use super::Runs;
use crate::pages::tab::Tab;
use gtk::prelude::*;

/// A button beside those that are always there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    /// What is beside the sandbox.
    Details,
    /// Goes on.
    Pause,
    /// Leaves the full screen.
    Fullscreen,
}

impl Runs {
    /// Whether there is room for it.
    pub(super) fn has_room(&self, tab: &Tab, button: Extra) -> bool {
        !self.narrow.get() || self.extra(tab) == button
    }

    /// The one that a narrow header has: what leads back comes first.
    fn extra(&self, tab: &Tab) -> Extra {
        if self.has_details() {
            Extra::Details
        } else if tab.is_paused() {
            Extra::Pause
        } else if self.is_fullscreen() {
            Extra::Fullscreen
        } else {
            Extra::Details
        }
    }

    /// Without a tab nothing can be done, and this page is not seen; the window
    /// is as wide as its widest page, though.
    pub(super) fn hide_buttons(&self) {
        let buttons: [&gtk::Widget; 5] = [
            self.clipboard_button.upcast_ref(),
            self.fullscreen_button.upcast_ref(),
            self.pause.upcast_ref(),
            self.stop.upcast_ref(),
            self.details_button.upcast_ref(),
        ];
        buttons.iter().for_each(|button| button.set_visible(false));
    }
}
