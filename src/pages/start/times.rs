// SPDX-License-Identifier: LGPL-2.1-or-later
//! How long the parts of earlier starts took: one small file in the cache.
//! What was started is kept as a checksum only.

use gtk::{gio, glib, prelude::*};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use terrarium_engine::plan::Plan;

/// Starts that are remembered.
const MOST: usize = 200;
/// A larger file is not ours.
const LARGEST: usize = 256 * 1024;
/// No part of a start takes longer: a day, in milliseconds.
const LONGEST: u64 = 24 * 3600 * 1000;

/// Milliseconds of each part of a start.
pub type Times = Vec<u64>;

#[derive(Default, Serialize, Deserialize)]
struct Known {
    /// Counts the starts, so that the oldest can go.
    count: u64,
    starts: BTreeMap<String, (u64, Times)>,
}

/// What two starts have in common that should take the same time.
pub fn key(plan: &Plan) -> String {
    let kernel = plan.machine.as_ref().map(|machine| (&machine.kernel.version, machine.kvm));
    let what = format!("{:?} {:?} {kernel:?} {:?}", plan.isolation, plan.display, plan.orders.command.argv);
    glib::compute_checksum_for_string(glib::ChecksumType::Sha256, &what)
        .map(|sum| sum.to_string())
        .unwrap_or_default()
}

fn file(cache: &Path) -> gio::File {
    gio::File::for_path(cache.join("starts.json"))
}

async fn load(cache: &Path) -> Known {
    let Ok((bytes, _)) = file(cache).load_contents_future().await else { return Known::default() };
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Known {
    if bytes.len() > LARGEST {
        return Known::default();
    }
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// The times of the last such start, if it had as many parts.
pub async fn last(cache: &Path, key: &str, parts: usize) -> Option<Times> {
    let known = load(cache).await;
    let (_, times) = known.starts.get(key)?;
    let good = times.len() == parts && times.iter().all(|time| *time < LONGEST);
    good.then(|| times.clone())
}

/// Remembers them. Without a cache the next bar pulses; that is all.
pub async fn keep(cache: &Path, key: String, times: Times) {
    let mut known = load(cache).await;
    known.add(key, times);
    let Ok(text) = serde_json::to_vec(&known) else { return };
    let folder = cache.to_owned();
    let made = gio::spawn_blocking(move || std::fs::create_dir_all(folder)).await;
    if !matches!(made, Ok(Ok(()))) {
        return;
    }
    let flags = gio::FileCreateFlags::PRIVATE | gio::FileCreateFlags::REPLACE_DESTINATION;
    if let Err((_, error)) = file(cache).replace_contents_future(text, None, false, flags).await {
        tracing::debug!(%error, "the times of the start were not kept");
    }
}

impl Known {
    fn add(&mut self, key: String, times: Times) {
        self.count += 1;
        self.starts.insert(key, (self.count, times));
        while self.starts.len() > MOST {
            let oldest = self.starts.iter().min_by_key(|(_, (count, _))| *count).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.starts.remove(&oldest);
            }
        }
    }
}

/// How far a start is, from 0 to 1, when its parts took `last` before, the
/// first `done` of them are over and the next takes `now` already.
pub fn fraction(last: &[u64], done: usize, now: u64) -> f64 {
    let whole: u64 = last.iter().sum();
    let before: u64 = last.iter().take(done).sum();
    let within = last.get(done).map_or(0, |most| now.min(*most));
    if whole == 0 {
        return 0.0;
    }
    (before + within) as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_never_runs_ahead_of_the_parts_that_are_done() {
        let last = [6000, 1500, 500];
        assert_eq!(fraction(&last, 0, 0), 0.0);
        assert_eq!(fraction(&last, 0, 3000), 0.375);
        assert_eq!(fraction(&last, 0, 90_000), 0.75, "the part takes longer: the bar waits");
        assert_eq!(fraction(&last, 1, 0), 0.75);
        assert_eq!(fraction(&last, 3, 0), 1.0);
        assert_eq!(fraction(&[], 0, 5), 0.0);
        assert_eq!(fraction(&[0, 0], 1, 5), 0.0);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut known = Known::default();
        for number in 0..MOST + 5 {
            known.add(format!("{number:04}"), vec![1, 2]);
        }
        known.add("0005".into(), vec![3, 4]);
        assert_eq!(known.starts.len(), MOST);
        assert!(!known.starts.contains_key("0004") && known.starts.contains_key("0005"));
        let text = serde_json::to_vec(&known).unwrap();
        assert_eq!(parse(&text).starts.len(), MOST);
        assert!(parse(b"{\"count\": -1}").starts.is_empty());
    }
}
