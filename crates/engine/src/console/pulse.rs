// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether init still answers.
//!
//! A guest's kernel can play init, and an init can hang: what is passed on
//! through it then arrives nowhere. So each signal comes with a question, and
//! who sends another one knows whether that was answered.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most that can be under way before the answer, in bytes: init sends a MiB of
/// each stream beyond what was acknowledged. More comes from none of ours.
const UNDER_WAY: usize = 8 << 20;

/// See the module.
#[derive(Default)]
pub struct Pulse(Mutex<State>);

#[derive(Default)]
struct State {
    /// Since when an answer is owed, or what comes before it still arrives.
    owed: Option<Instant>,
    /// What has arrived since, in bytes.
    before: usize,
    /// Somebody deals with what arrived last, and nothing is read meanwhile.
    busy: bool,
}

impl Pulse {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question goes out.
    pub fn ask(&self) {
        let mut state = self.lock();
        if state.owed.is_none() {
            (state.owed, state.before) = (Some(Instant::now()), 0);
        }
    }

    /// It was answered.
    pub fn answered(&self) {
        self.lock().owed = None;
    }

    /// Bytes have arrived, and are dealt with from now on.
    pub fn begin(&self, bytes: usize) {
        let mut state = self.lock();
        state.before = state.before.saturating_add(bytes);
        state.busy = true;
    }

    /// They are dealt with. Whoever did so may have taken their time.
    pub fn end(&self) {
        let mut state = self.lock();
        state.busy = false;
        if state.owed.is_some() && state.before <= UNDER_WAY {
            state.owed = Some(Instant::now());
        }
    }

    /// Whether an answer is owed for so long that none will come.
    pub fn is_silent(&self, patience: Duration) -> bool {
        let state = self.lock();
        let waits_for_us = state.busy && state.before <= UNDER_WAY;
        !waits_for_us && state.owed.is_some_and(|since| since.elapsed() >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    #[test]
    fn only_who_owes_an_answer_is_silent() {
        let pulse = Pulse::default();
        assert!(!pulse.is_silent(NONE));
        pulse.ask();
        assert!(pulse.is_silent(NONE) && !pulse.is_silent(Duration::from_secs(3600)));
        pulse.answered();
        assert!(!pulse.is_silent(NONE));
    }

    #[test]
    fn who_waits_for_our_reader_is_not_silent_and_who_floods_is() {
        let pulse = Pulse::default();
        pulse.ask();
        pulse.begin(1 << 20);
        assert!(!pulse.is_silent(NONE), "the answer may be behind what nobody reads");
        std::thread::sleep(Duration::from_millis(20));
        pulse.end();
        assert!(pulse.is_silent(NONE) && !pulse.is_silent(Duration::from_secs(3600)));
        // What no init of ours would send is no excuse.
        pulse.begin(UNDER_WAY);
        assert!(pulse.is_silent(NONE));
        let since = pulse.lock().owed;
        pulse.end();
        assert_eq!(pulse.lock().owed, since);
    }
}
