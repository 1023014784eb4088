// SPDX-License-Identifier: LGPL-2.1-or-later
//! Keys and the pointer on their way to the guest.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use spice_client_glib as spice;

use super::attempt::Attempt;
use crate::keys::Scancode;
use crate::types::{Button, Event, Locks, MonitorId};

/// The second of the two codes of Pause.
const PAUSE_SECOND: u32 = 0x45;
/// SPICE's numbers of the wheel as buttons.
const WHEEL: (i32, i32) = (4, 5);
/// More steps of the wheel than this are not sent at once.
const MAX_STEPS: u32 = 20;
const SCROLL_LOCK: u32 = 1;
const NUM_LOCK: u32 = 2;
const CAPS_LOCK: u32 = 4;

/// So much of what is typed waits for the channel, and not longer: a key that
/// comes late is worse than none.
const MAX_EARLY: usize = 64;
const EARLY: Duration = Duration::from_secs(5);

/// What came before the channel was open.
enum Early {
    Key(Scancode, bool),
    Locks(Locks),
}

#[derive(Default)]
pub(super) struct Inputs {
    channel: RefCell<Option<spice::InputsChannel>>,
    open: Cell<bool>,
    early: RefCell<Vec<(Instant, Early)>>,
    /// The buttons that are down, as SPICE's mask.
    buttons: Cell<i32>,
}

/// SPICE's number of a button, and its bit in a mask.
fn button_number(button: Button) -> (i32, i32) {
    match button {
        Button::Left => (1, 1 << 0),
        Button::Middle => (2, 1 << 1),
        Button::Right => (3, 1 << 2),
        Button::Side => (6, 1 << 5),
        Button::Extra => (7, 1 << 6),
    }
}

fn locks_of(bits: i32) -> Locks {
    let has = |bit: u32| bits.unsigned_abs() & bit != 0;
    Locks { caps: has(CAPS_LOCK), num: has(NUM_LOCK), scroll: has(SCROLL_LOCK) }
}

/// Whether a key is down after all that waits.
fn is_down(early: &[(Instant, Early)], key: Scancode) -> bool {
    let last = early.iter().rev().find_map(|(_, early)| match early {
        Early::Key(other, down) if *other == key => Some(*down),
        _ => None,
    });
    last == Some(true)
}

impl Inputs {
    pub(super) fn is_known(&self) -> bool {
        self.channel.borrow().is_some()
    }

    pub(super) fn open(&self) {
        self.open.set(true);
        for (at, early) in self.early.take() {
            match early {
                Early::Locks(locks) => self.set_locks(locks),
                Early::Key(key, down) if at.elapsed() < EARLY => self.key(key, down),
                Early::Key(..) => {}
            }
        }
    }

    /// Keeps it until the channel, which is opened beside that of pictures, is
    /// there: who sees a picture types.
    fn keep(&self, early: Early) {
        let mut all = self.early.borrow_mut();
        // A key that waits as pressed has to come up again, or it would go on.
        let lets_go = matches!(early, Early::Key(key, false) if is_down(&all, key));
        if all.len() < MAX_EARLY || lets_go {
            all.push((Instant::now(), early));
        }
    }

    pub(super) fn forget(&self) {
        self.open.set(false);
        self.buttons.set(0);
        self.early.take();
        self.channel.take();
    }

    /// The channel once it is open; spice-glib complains about an earlier use.
    fn get(&self) -> Option<spice::InputsChannel> {
        self.channel.borrow().clone().filter(|_| self.open.get())
    }

    pub(super) fn key(&self, key: Scancode, down: bool) {
        let Some(channel) = self.get() else { return self.keep(Early::Key(key, down)) };
        let codes = [u32::from(key.code()), PAUSE_SECOND];
        let count = if key == Scancode::PAUSE { 2 } else { 1 };
        for code in codes.into_iter().take(count) {
            if down {
                channel.key_press(code);
            } else {
                channel.key_release(code);
            }
        }
    }

    pub(super) fn position(&self, monitor: MonitorId, x: u32, y: u32) {
        let (Ok(monitor), Ok(x), Ok(y)) = (i32::try_from(monitor.0), i32::try_from(x), i32::try_from(y))
        else {
            return;
        };
        if let Some(channel) = self.get() {
            channel.position(x, y, monitor, self.buttons.get());
        }
    }

    pub(super) fn motion(&self, x: i32, y: i32) {
        if let Some(channel) = self.get() {
            channel.motion(x, y, self.buttons.get());
        }
    }

    pub(super) fn button(&self, button: Button, down: bool) {
        let Some(channel) = self.get() else { return };
        let (number, bit) = button_number(button);
        if down {
            self.buttons.set(self.buttons.get() | bit);
            channel.button_press(number, self.buttons.get());
        } else {
            self.buttons.set(self.buttons.get() & !bit);
            channel.button_release(number, self.buttons.get());
        }
    }

    pub(super) fn wheel(&self, steps: i32) {
        let Some(channel) = self.get() else { return };
        let number = if steps < 0 { WHEEL.0 } else { WHEEL.1 };
        for _ in 0..steps.unsigned_abs().min(MAX_STEPS) {
            channel.button_press(number, self.buttons.get());
            channel.button_release(number, self.buttons.get());
        }
    }

    pub(super) fn set_locks(&self, locks: Locks) {
        let Some(channel) = self.get() else { return self.keep(Early::Locks(locks)) };
        let bit = |on: bool, bit: u32| if on { bit } else { 0 };
        let (caps, num) = (bit(locks.caps, CAPS_LOCK), bit(locks.num, NUM_LOCK));
        channel.set_key_locks(caps | num | bit(locks.scroll, SCROLL_LOCK));
    }
}

impl Attempt {
    pub(super) fn adopt_inputs(self: &Rc<Self>, channel: &spice::InputsChannel) {
        self.inputs.channel.replace(Some(channel.clone()));
        let weak = Rc::downgrade(self);
        channel.connect_inputs_modifiers(move |channel| {
            if let Some(attempt) = weak.upgrade() {
                attempt.tell(&Event::Locks(locks_of(channel.key_modifiers())));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pressed_too_early_comes_up_again() {
        let inputs = Inputs::default();
        inputs.key(Scancode::PAUSE, true);
        for _ in 0..2 * MAX_EARLY {
            inputs.set_locks(Locks { caps: false, num: false, scroll: false });
        }
        assert_eq!(inputs.early.borrow().len(), MAX_EARLY);
        inputs.key(Scancode::PAUSE, false);
        inputs.key(Scancode::PAUSE, false);
        inputs.key(Scancode::PAUSE, true);
        let early = inputs.early.borrow();
        assert_eq!(early.len(), MAX_EARLY + 1, "its release alone");
        assert!(matches!(early.last(), Some((_, Early::Key(Scancode::PAUSE, false)))));
    }
}
