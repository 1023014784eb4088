// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is not needed for a program's first picture comes after it: where a
//! machine is emulated, every program that starts takes time from it.

use std::time::{Duration, Instant};

/// After a window came, until it has drawn itself.
const DRAWN: Duration = Duration::from_millis(400);
/// After the command started, for one that shows no window.
const WINDOWLESS: Duration = Duration::from_secs(3);
/// What a manager that comes late takes to be there; nobody else hurries it.
const MANAGED: Duration = Duration::from_millis(1500);

/// When the window manager (if it comes late) and then the agent are started.
#[derive(Default)]
pub struct Later {
    /// Whether the manager waits, too.
    manager: bool,
    command: Option<Instant>,
    window: Option<Instant>,
    /// When the manager's time came.
    managed: Option<Instant>,
    over: bool,
}

impl Later {
    /// `manager`: the window manager waits, too.
    pub fn new(manager: bool) -> Self {
        Self { manager, ..Self::default() }
    }

    /// The command has started.
    pub fn command_started(&mut self) {
        self.command = Some(Instant::now());
    }

    /// There is a window.
    pub fn window_came(&mut self) {
        self.window.get_or_insert_with(Instant::now);
    }

    /// When the next one's time comes; `None` before the command has started,
    /// and once there is no next one.
    pub fn date(&self) -> Option<Instant> {
        if let Some(at) = self.managed {
            return Some(at + MANAGED).filter(|_| !self.over);
        }
        let latest = self.command.filter(|_| !self.over)? + WINDOWLESS;
        Some(self.window.map_or(latest, |at| latest.min(at + DRAWN)))
    }

    /// Whether the agent's time has just come.
    pub fn comes_now(&mut self) -> bool {
        if self.date().is_none_or(|date| date > Instant::now()) {
            return false;
        }
        if self.manager && self.managed.is_none() {
            self.managed = Some(Instant::now());
            return false;
        }
        self.over = true;
        true
    }

    /// Whether the window manager is yet to come, and not now.
    pub fn holds_manager(&self) -> bool {
        self.manager && self.managed.is_none()
    }

    /// Whether the agent's time has come.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ago(time: Duration) -> Option<Instant> {
        Instant::now().checked_sub(time)
    }

    #[test]
    fn a_window_of_the_command_brings_it_forward() {
        let mut later = Later::default();
        later.window_came();
        assert_eq!(later.date(), None, "the command has not started");
        later.command_started();
        let soon = later.date().unwrap();
        later.window = None;
        assert!(soon < later.date().unwrap());
        assert!(!later.comes_now() && !later.is_over() && !later.holds_manager());
        later.command = ago(WINDOWLESS);
        assert!(later.comes_now() && later.is_over());
        assert!(!later.comes_now() && later.date().is_none());
    }

    #[test]
    fn a_late_manager_comes_first() {
        let mut later = Later::new(true);
        later.command_started();
        assert!(!later.comes_now() && later.holds_manager());
        later.command = ago(WINDOWLESS);
        assert!(!later.comes_now() && !later.holds_manager() && !later.is_over());
        assert!(!later.comes_now() && later.date().is_some_and(|date| date > Instant::now()));
        later.managed = ago(MANAGED);
        assert!(later.comes_now() && later.is_over() && later.date().is_none());
    }
}
