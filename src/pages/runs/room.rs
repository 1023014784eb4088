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

/// What makes room for a name that would be cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    /// The mark in the profile's colour, which the line has as well.
    Mark,
    /// The button that leads beside, where the menu leads, too.
    Details,
}

const ORDER: [Gives; 2] = [Gives::Mark, Gives::Details];

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
            (!self.gives_way(Gives::Details)).then_some(Extra::Details)
        }
    }

    /// Whether the name, were it all there, would be cut in a header of this width.
    pub(super) fn gives_way(&self, what: Gives) -> bool {
        self.narrow.get() && self.header.width() <= self.cut[what as usize].get()
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
            let is_cut = runs.name.is_mapped() && runs.name.layout().is_ellipsized();
            let next = ORDER.into_iter().find(|what| !runs.gives_way(*what)).filter(|_| is_cut);
            let width = next.map_or(0, |_| runs.header.width());
            let is_still = runs.cut_at.replace(width) == width;
            match next {
                Some(what) if is_still => {
                    runs.cut[what as usize].set(width);
                    runs.cut_at.set(0);
                    runs.refresh();
                }
                Some(_) => runs.look_for_room(),
                None => {}
            }
        });
    }

    /// Another name, or another width, is looked at anew.
    pub(super) fn has_room_again(&self) {
        self.cut.iter().for_each(|width| width.set(0));
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
