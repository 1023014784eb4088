// SPDX-License-Identifier: LGPL-2.1-or-later
//! What spice-glib has to say. It warns of each message that it does not
//! understand, and a server can send a million of those a minute: somebody's
//! log would fill their disk.

use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use gtk::glib;

/// The names that spice-glib writes under.
const DOMAINS: [&str; 2] = ["GSpice", "Spice"];
/// So many lines are passed on ...
const LINES: u32 = 20;
/// ... in this time.
const SPAN: Duration = Duration::from_secs(10);

/// How much was said lately.
struct Ration {
    since: Option<Instant>,
    lines: u32,
}

impl Ration {
    const fn new() -> Self {
        Ration { since: None, lines: 0 }
    }

    /// Whether a line may pass at that time, and how many before it did not.
    fn take(&mut self, now: Instant) -> Option<u32> {
        let over = self.since.is_none_or(|since| now.saturating_duration_since(since) >= SPAN);
        let missed = if over { self.lines.saturating_sub(LINES) } else { 0 };
        if over {
            self.since = Some(now);
            self.lines = 0;
        }
        self.lines = self.lines.saturating_add(1);
        (self.lines <= LINES).then_some(missed)
    }
}

/// Passes spice-glib's warnings on to `tracing`, but not endlessly.
pub(super) fn moderate() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let levels = glib::LogLevels::LEVEL_CRITICAL | glib::LogLevels::LEVEL_WARNING;
        for domain in DOMAINS {
            glib::log_set_handler(Some(domain), levels, false, false, |domain, _, text| {
                pass(domain.unwrap_or_default(), text);
            });
        }
    });
}

fn pass(domain: &str, text: &str) {
    static RATION: Mutex<Ration> = Mutex::new(Ration::new());
    let Ok(missed) = RATION.lock().map(|mut ration| ration.take(Instant::now())) else { return };
    if let Some(missed) = missed {
        if missed > 0 {
            tracing::warn!("{missed} warnings of spice-glib were left out");
        }
        let text: String = text.chars().take(500).map(|c| if c.is_control() { ' ' } else { c }).collect();
        tracing::warn!("{domain}: {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let (mut ration, begin) = (Ration::new(), Instant::now());
        let passed = (0..1000).filter(|_| ration.take(begin).is_some()).count();
        assert_eq!(passed, 20);
        assert_eq!(ration.take(begin + SPAN), Some(980));
        assert_eq!(ration.take(begin + SPAN), Some(0));
    }
}
