// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which keys the guest believes to be down, and the way out: Ctrl+Alt,
//! pressed and let go alone, always leaves the guest.

use super::Scancode;

/// More keys than this are not down at a time.
const MAX_DOWN: usize = 32;

/// What is to be done about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Tell the guest about these keys: which, and whether it goes down.
    Send(Vec<(Scancode, bool)>),
    /// The same, and then leave the guest.
    Leave(Vec<(Scancode, bool)>),
}

/// Follows the keys.
#[derive(Debug, Default)]
pub struct Tracker {
    down: Vec<Scancode>,
    /// Whether only Ctrl and Alt were pressed since no key was down.
    only_exit: bool,
    /// Whether both of them were down together.
    both: bool,
}

impl Tracker {
    /// A key went down, or repeats.
    pub fn press(&mut self, key: Scancode) -> Outcome {
        if self.down.is_empty() {
            self.only_exit = true;
            self.both = false;
        }
        if !(key.is_ctrl() || key.is_alt()) {
            self.only_exit = false;
        }
        if !self.down.contains(&key) {
            if self.down.len() == MAX_DOWN {
                return Outcome::Send(Vec::new());
            }
            self.down.push(key);
        }
        let ctrl = self.down.iter().any(|key| key.is_ctrl());
        self.both |= ctrl && self.down.iter().any(|key| key.is_alt());
        Outcome::Send(vec![(key, true)])
    }

    /// A key went up. One that the guest does not know to be down is left out.
    pub fn release(&mut self, key: Scancode) -> Outcome {
        let Some(at) = self.down.iter().position(|down| *down == key) else {
            return Outcome::Send(Vec::new());
        };
        self.down.remove(at);
        let mut keys = vec![(key, false)];
        if self.only_exit && self.both {
            self.both = false;
            keys.extend(self.release_all());
            return Outcome::Leave(keys);
        }
        Outcome::Send(keys)
    }

    /// A button was pressed or the like: Ctrl and Alt were meant for the guest.
    pub fn interrupt(&mut self) {
        self.only_exit = false;
    }

    /// Lets go of all keys, the last one first.
    pub fn release_all(&mut self) -> Vec<(Scancode, bool)> {
        self.only_exit = false;
        self.both = false;
        self.down.drain(..).rev().map(|key| (key, false)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CTRL: Scancode = Scancode::new(0x1d);
    const ALT: Scancode = Scancode::new(0x38);
    const ALTGR: Scancode = Scancode::new(0x138);
    const A: Scancode = Scancode::new(0x1e);

    fn left(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Leave(_))
    }

    #[test]
    fn ctrl_and_alt_alone_leave() {
        for keys in [[CTRL, ALT], [ALT, CTRL]] {
            let mut tracker = Tracker::default();
            tracker.press(keys[0]);
            tracker.press(keys[1]);
            // Held keys repeat.
            tracker.press(keys[1]);
            let outcome = tracker.release(keys[0]);
            assert_eq!(outcome, Outcome::Leave(vec![(keys[0], false), (keys[1], false)]));
            assert_eq!(tracker.release(keys[1]), Outcome::Send(vec![]));
        }
    }

    #[test]
    fn ctrl_and_alt_with_another_key_are_the_guests() {
        let mut tracker = Tracker::default();
        tracker.press(CTRL);
        tracker.press(ALT);
        tracker.press(A);
        assert!(!left(&tracker.release(A)));
        assert!(!left(&tracker.release(ALT)));
        assert!(!left(&tracker.release(CTRL)));
    }

    #[test]
    fn ctrl_and_alt_with_a_button_are_the_guests() {
        let mut tracker = Tracker::default();
        tracker.press(CTRL);
        tracker.press(ALT);
        tracker.interrupt();
        assert!(!left(&tracker.release(ALT)));
    }

    #[test]
    fn one_of_them_or_altgr_does_not_leave() {
        let mut tracker = Tracker::default();
        for keys in [vec![CTRL], vec![ALT], vec![CTRL, ALTGR]] {
            keys.iter().for_each(|key| drop(tracker.press(*key)));
            assert!(keys.iter().all(|key| !left(&tracker.release(*key))));
        }
    }

    #[test]
    fn an_unknown_release_is_not_sent() {
        let mut tracker = Tracker::default();
        assert_eq!(tracker.release(A), Outcome::Send(vec![]));
    }

    proptest! {
        #[test]
        fn after_letting_go_the_guest_has_no_key_down(
            steps in proptest::collection::vec((0x01_u16..0x53, any::<bool>()), 0..300),
        ) {
            let mut tracker = Tracker::default();
            let mut guest = std::collections::BTreeSet::new();
            let apply = |guest: &mut std::collections::BTreeSet<Scancode>, keys: Vec<(Scancode, bool)>| {
                for (key, down) in keys {
                    if down { guest.insert(key); } else { assert!(guest.remove(&key)); }
                }
            };
            for (code, down) in steps {
                let key = Scancode::new(code);
                match if down { tracker.press(key) } else { tracker.release(key) } {
                    Outcome::Send(keys) | Outcome::Leave(keys) => apply(&mut guest, keys),
                }
            }
            apply(&mut guest, tracker.release_all());
            prop_assert!(guest.is_empty());
        }
    }
}
