// SPDX-License-Identifier: LGPL-2.1-or-later
//! When the first picture of a window was drawn, and how many since: for
//! tests and benches.

use gtk::prelude::*;
use std::cell::Cell;

/// The kernel counts a process's start in hundredths of a second.
const TICKS: f64 = 100.0;

thread_local! {
    static PICTURES: Cell<u64> = const { Cell::new(0) };
    static FIRST: Cell<Option<f64>> = const { Cell::new(None) };
}

/// Counts a window's pictures from now on.
pub fn count(window: &impl IsA<gtk::Widget>) {
    window.connect_realize(|window| {
        let Some(clock) = window.frame_clock() else { return };
        clock.connect_after_paint(|_| {
            PICTURES.set(PICTURES.get() + 1);
            if FIRST.get().is_none() {
                FIRST.set(age());
            }
        });
    });
}

/// Both, as lines of text.
#[must_use]
pub fn describe() -> String {
    let first =
        FIRST.get().map_or_else(|| "none".to_owned(), |seconds| format!("{:.0} ms", seconds * 1000.0));
    format!("first picture: {first}\npictures: {}\n", PICTURES.get())
}

/// How long this process has lived, in seconds.
#[must_use]
pub fn age() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // What comes before is its name, which may hold anything.
    let began: f64 = stat.rsplit(')').next()?.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let now: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    Some(now - began / TICKS)
}
