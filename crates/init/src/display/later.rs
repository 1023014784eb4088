// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is not needed for a program's first picture comes after it: where a
//! machine is emulated, every program that starts takes time from it.

use std::time::{Duration, Instant};

/// After a window came, until it has drawn itself.
const DRAWN: Duration = Duration::from_millis(400);
/// After the command started, for one that shows no window.
const WINDOWLESS: Duration = Duration::from_secs(3);

/// When the agent is started.
#[derive(Default)]
pub struct Later {
    command: Option<Instant>,
    window: Option<Instant>,
    over: bool,
}

impl Later {
    /// The command has started.
    pub fn command_started(&mut self) {
        self.command = Some(Instant::now());
    }

    /// There is a window.
    pub fn window_came(&mut self) {
        self.window.get_or_insert_with(Instant::now);
    }

    /// When its time comes; `None` before the command has started, and once
    /// it has come.
    pub fn date(&self) -> Option<Instant> {
        let latest = self.command.filter(|_| !self.over)? + WINDOWLESS;
        Some(self.window.map_or(latest, |at| latest.min(at + DRAWN)))
    }

    /// Whether its time has just come.
    pub fn comes_now(&mut self) -> bool {
        let now = self.date().is_some_and(|date| date <= Instant::now());
        self.over |= now;
        now
    }

    /// Whether its time has come.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_the_command_brings_it_forward() {
        let mut later = Later::default();
        later.window_came();
        assert_eq!(later.date(), None, "the command has not started");
        later.command_started();
        let soon = later.date().unwrap();
        later.window = None;
        assert!(soon < later.date().unwrap());
        assert!(!later.comes_now() && !later.is_over());
        later.command = Instant::now().checked_sub(WINDOWLESS);
        assert!(later.comes_now() && later.is_over());
        assert!(!later.comes_now() && later.date().is_none());
    }
}
