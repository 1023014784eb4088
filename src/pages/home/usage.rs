// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the running sandboxes use and wrote last, while that is seen.

use super::Home;
use crate::pages::usage::{Rate, Sample, SPAN};
use crate::window::Window;
use gettextrs::gettext;
use gtk::prelude::*;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Weak;
use std::time::{Duration, Instant};
use terrarium_engine::message;
use terrarium_engine::profile::DisplayKind;
use terrarium_engine::sandbox::{Id, Moved, State, Summary, Usage};
use terrarium_protocol::message::stream::OUT;

/// What was found last.
#[derive(Default)]
pub struct Meter {
    before: RefCell<HashMap<Id, (Instant, Usage)>>,
    words: RefCell<HashMap<Id, String>>,
    /// What was measured in the last minute.
    samples: RefCell<HashMap<Id, VecDeque<Sample>>>,
    /// How far the output was that a card shows.
    ends: RefCell<HashMap<Id, u64>>,
}

impl Meter {
    /// `38 % CPU · 180 MB`, once it was measured.
    pub fn words(&self, id: &Id) -> Option<String> {
        self.words.borrow().get(id).cloned()
    }

    /// Forgets those that are gone.
    pub fn retain(&self, sandboxes: &[Summary]) {
        let is_there = |id: &Id| sandboxes.iter().any(|one| one.id == *id);
        self.before.borrow_mut().retain(|id, _| is_there(id));
        self.words.borrow_mut().retain(|id, _| is_there(id));
        self.samples.borrow_mut().retain(|id, _| is_there(id));
        self.ends.borrow_mut().retain(|id, _| is_there(id));
    }

    /// The card of this one is new and shows nothing yet.
    pub fn forget_lines(&self) {
        self.ends.borrow_mut().clear();
    }

    fn add(&self, id: Id, now: Instant, usage: Usage) {
        let before = self.before.borrow_mut().insert(id.clone(), (now, usage));
        let processor = before.and_then(|(then, old)| share(now - then, old, usage));
        let rate = |what: fn(&Usage) -> Option<Moved>| {
            let (then, old) = before?;
            rate(now - then, what(&old)?, what(&usage)?)
        };
        let (disk, network) = (rate(|usage| usage.disk), rate(|usage| usage.network));
        self.keep(&id, Sample { at: now, processor, memory: usage.memory, disk, network });
        let memory = message::size(usage.memory);
        let words = match processor {
            Some(percent) => {
                let text = gettext("{percent} % CPU · {memory}");
                text.replace("{percent}", &percent.to_string()).replace("{memory}", &memory)
            }
            None => memory,
        };
        self.words.borrow_mut().insert(id, words);
    }

    fn keep(&self, id: &Id, sample: Sample) {
        let mut all = self.samples.borrow_mut();
        let samples = all.entry(id.clone()).or_default();
        samples.push_back(sample);
        while samples.front().is_some_and(|first| sample.at - first.at > SPAN) {
            samples.pop_front();
        }
    }
}

/// Processor time in per cent of the time that passed.
fn share(passed: Duration, old: Usage, new: Usage) -> Option<u64> {
    let passed = u64::try_from(passed.as_nanos()).ok().filter(|passed| *passed > 0)?;
    let used = new.processor.checked_sub(old.processor)?;
    Some(used.saturating_mul(100) / passed)
}

/// Bytes a second.
fn rate(passed: Duration, old: Moved, new: Moved) -> Option<Rate> {
    let seconds = Some(passed.as_secs_f64()).filter(|seconds| *seconds > 0.0)?;
    let each = |old: u64, new: u64| Some(new.checked_sub(old)? as f64 / seconds);
    Some(Rate { inwards: each(old.inwards, new.inwards)?, outwards: each(old.outwards, new.outwards)? })
}

impl Home {
    /// What a sandbox has used in the last minute.
    pub(in crate::pages) fn samples(&self, id: &Id) -> Vec<Sample> {
        self.meter
            .samples
            .borrow()
            .get(id)
            .map(|samples| samples.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Measures once: all while Home is seen, else the one whose tab is.
    pub(super) async fn measure_seen(&self, window: &Weak<Window>) {
        let Some(open) = window.upgrade() else { return };
        let seen = open.runs.current().and_then(|tab| tab.id()).filter(|_| open.shows("runs"));
        drop(open);
        if self.widget.is_mapped() {
            self.measure(window, None).await;
            self.read_lines(window).await;
        } else if seen.is_some() {
            self.measure(window, seen).await;
        }
    }

    async fn measure(&self, window: &Weak<Window>, only: Option<Id>) {
        let shown = self.shown.borrow().clone().unwrap_or_default();
        let ids: Vec<Id> = shown
            .iter()
            .filter(|one| matches!(one.state, State::Running | State::Paused))
            .filter(|one| only.as_ref().is_none_or(|only| one.id == *only))
            .map(|one| one.id.clone())
            .collect();
        let Some(bridge) = window.upgrade().map(|window| window.bridge.clone()).filter(|_| !ids.is_empty())
        else {
            return;
        };
        for (id, usage) in bridge.usage(ids).await {
            self.meter.add(id, Instant::now(), usage);
        }
        self.tell_cards();
    }

    /// Those that have a tab show what that shows; of the others init is asked
    /// when they have written more.
    async fn read_lines(&self, window: &Weak<Window>) {
        let shown = self.shown.borrow().clone().unwrap_or_default();
        for one in shown.iter().filter(|one| one.metadata.display != DisplayKind::Window) {
            let Some(window) = window.upgrade().filter(|_| self.widget.is_mapped()) else { return };
            if let Some(tab) = window.runs.tab_of(&one.id) {
                self.show_lines(&one.id, &tab.text());
                continue;
            }
            let end = one.status.as_ref().and_then(|status| {
                status.streams.iter().find(|stream| stream.stream == OUT).map(|stream| stream.end)
            });
            let Some(end) = end.filter(|end| *end > 0 && one.state == State::Running) else { continue };
            if self.meter.ends.borrow().get(&one.id) == Some(&end) {
                continue;
            }
            let bridge = window.bridge.clone();
            drop(window);
            if let Some(text) = bridge.last_lines(one.id.clone(), end).await {
                self.meter.ends.borrow_mut().insert(one.id.clone(), end);
                self.show_lines(&one.id, &text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_the_time_that_passed() {
        let used = |processor| Usage { processor, ..Usage::default() };
        let second = Duration::from_secs(1);
        assert_eq!(share(second, used(0), used(380_000_000)), Some(38));
        assert_eq!(share(second, used(0), used(2_000_000_000)), Some(200));
        // Another with the same number has begun anew.
        assert_eq!(share(second, used(5), used(1)), None);
        assert_eq!(share(Duration::ZERO, used(0), used(1)), None);
    }

    #[test]
    fn what_is_moved_is_told_by_the_second() {
        let moved = |inwards, outwards| Moved { inwards, outwards };
        let found = rate(Duration::from_secs(2), moved(100, 7), moved(300, 7)).expect("a rate");
        assert_eq!((found.inwards, found.outwards), (100.0, 0.0));
        // An interface that was taken away takes what it counted with it.
        assert_eq!(rate(Duration::from_secs(2), moved(100, 7), moved(50, 9)), None);
        assert_eq!(rate(Duration::ZERO, moved(0, 0), moved(1, 1)), None);
    }
}
