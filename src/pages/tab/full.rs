// SPDX-License-Identifier: LGPL-2.1-or-later
//! A sandbox that has written all that it may.

use super::Tab;
use crate::pages::terminal;
use crate::window::Window;
use terrarium_engine::message;

/// Whether it has, and whether somebody knows.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Full {
    #[default]
    No,
    Untold,
    Told,
}

impl Tab {
    /// Said where its programs speak, and over its page once that is seen: a
    /// screen has no such place.
    pub(super) fn has_become_full(&self) {
        // Heard again by whoever lost the conversation.
        if self.is_full() {
            return;
        }
        self.full.set(Full::Untold);
        let text = message::layer_full();
        self.log.add(&text);
        terminal::remark(&self.terminal, &text);
        self.change();
    }

    /// It is seen.
    pub(crate) fn tell_if_full(&self, window: &Window) {
        if self.has_something_to_tell() && window.shows("runs") {
            self.full.set(Full::Told);
            window.note(&format!("{}: {}", message::shown(&self.name()), message::layer_full()));
        }
    }

    /// Whether it has written all that it may.
    pub(in crate::pages) fn is_full(&self) -> bool {
        self.full.get() != Full::No
    }

    /// Whether nobody has seen that yet.
    pub(in crate::pages) fn has_something_to_tell(&self) -> bool {
        self.full.get() == Full::Untold
    }
}
