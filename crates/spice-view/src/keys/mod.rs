// SPDX-License-Identifier: LGPL-2.1-or-later
//! Keys by where they are, not by what is printed on them: the guest has its
//! own layout, dead keys and compose.

mod combo;
mod table;
mod tracker;

pub use combo::{Combo, UnknownKey};
pub use table::{from_evdev, from_hardware};
pub use tracker::{Outcome, Tracker};

/// A key as a PC keyboard numbers it (XT, "set 1"); keys with the prefix E0
/// have bit 8 set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scancode(u16);

impl Scancode {
    /// The key Pause, which alone has the prefix E1 and two codes.
    pub const PAUSE: Scancode = Scancode(0x21d);

    pub(crate) const fn new(code: u16) -> Self {
        Scancode(code)
    }

    /// The number: 0x01 to 0x7f, or that with 0x100 for the prefix E0, or [`Scancode::PAUSE`].
    pub fn code(self) -> u16 {
        self.0
    }

    fn is_ctrl(self) -> bool {
        matches!(self.0, 0x1d | 0x11d)
    }

    /// The left Alt only: the right one is a third shift on many layouts.
    fn is_alt(self) -> bool {
        self.0 == 0x38
    }
}
