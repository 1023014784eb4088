// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the header has room for. A narrow window is no wider than it has to be,
//! whatever is shown: its menu has the rest. Before a name is cut, the mark and
//! the button that leads beside make room for it.

use super::Runs;
use crate::pages::tab::Tab;
use gtk::glib;
use gtk::prelude::*;
use std::time::Duration;

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

/// Sizes are given out within some frames.
const FRAMES: Duration = Duration::from_millis(80);

impl Runs {
    /// Whether there is room for it.
    pub(super) fn has_room(&self, tab: &Tab, button: Extra) -> bool {
        !self.narrow.get() || self.extra(tab) == Some(button)
    }

    /// The one that a narrow header has: what leads back comes first.
    fn extra(&self, tab: &Tab) -> Option<Extra> {
        if self.has_details() {
            Some(Extra::Details)
        } else if tab.is_paused() {
            Some(Extra::Pause)
        } else if self.is_fullscreen() {
            Some(Extra::Fullscreen)
        } else {
            (!self.is_tight()).then_some(Extra::Details)
        }
    }

    /// Whether the name was cut in a header of this width.
    pub(super) fn is_tight(&self) -> bool {
        self.narrow.get() && self.header.width() <= self.tight.get()
    }

    /// Makes room for the name, should it be cut, and stay so: sizes are given
    /// out, and buttons come and go, while a window becomes narrow.
    pub(super) fn look_for_room(&self) {
        if !self.narrow.get() || self.looks_for_room.replace(true) {
            return;
        }
        let own = self.own.clone();
        glib::timeout_add_local_once(FRAMES, move || {
            let Some(runs) = own.upgrade() else { return };
            runs.looks_for_room.set(false);
            let is_cut = runs.name.is_mapped() && runs.name.layout().is_ellipsized() && !runs.is_tight();
            let width = if is_cut { runs.header.width() } else { 0 };
            let before = runs.cut_at.replace(width);
            if is_cut && before == width {
                runs.tight.set(width);
                runs.refresh();
            } else if is_cut {
                runs.look_for_room();
            }
        });
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
