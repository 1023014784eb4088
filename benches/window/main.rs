// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window against the least that could be in its place, in turns: a bare
//! libadwaita window with a label, and a bare GtkListView with the same rows.
//!
//! Needs Xvfb: `cargo bench --bench window`, with `-- start`, `idle` or
//! `scroll` for a part of it.

mod program;
mod scroll;

use program::{Bare, Look, Ours, Screen, Start};
use std::time::Duration;

const ROUNDS: usize = 7;
/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(10);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.first().map(String::as_str) {
        Some("--bare") => return program::bare(),
        Some("--scroll") => return scroll::run(),
        _ => {}
    }
    let wants = |word: &str| words.is_empty() || words.iter().any(|one| one == word);
    let Some(screen) = Screen::start() else { return println!("not measured: Xvfb is not installed") };
    if wants("start") {
        start(&screen);
    }
    if wants("idle") {
        idle(&screen);
    }
    if wants("scroll") {
        scroll::compare(&screen);
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Until the first picture, and what it has in memory then.
fn start(screen: &Screen) {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (one, other) = (look::<Ours>(screen), look::<Bare>(screen));
        // The first one reads what is not in memory yet.
        if round > 0 {
            ours.push(one);
            bare.push(other);
        }
    }
    let of = |all: &[Look], value: fn(&Look) -> f64| median(all.iter().map(value).collect());
    let ratio = |value: fn(&Look) -> f64| {
        median(ours.iter().zip(&bare).map(|(one, other)| value(one) / value(other)).collect())
    };
    let row = |what: &str, value: fn(&Look) -> f64, unit: &str| {
        println!(
            "{what}: ours {:.0} {unit}, bare {:.0} {unit}, ratio {:.2}",
            of(&ours, value),
            of(&bare, value),
            ratio(value)
        );
    };
    row("first picture", |look| look.first, "ms");
    row("resident memory", |look| look.memory, "MB");
}

fn look<S: Start>(screen: &Screen) -> Look {
    let program = S::start(screen);
    std::thread::sleep(Duration::from_secs(2));
    program.look()
}

/// What happens while nothing happens.
fn idle(screen: &Screen) {
    let program = Ours::start(screen);
    std::thread::sleep(Duration::from_secs(4));
    let before = program.look();
    std::thread::sleep(IDLE);
    let after = program.look();
    let share = (after.processor - before.processor) / IDLE.as_secs_f64() * 100.0;
    println!(
        "idle for {} s: {} pictures, {share:.2} % of a processor",
        IDLE.as_secs(),
        after.pictures - before.pictures
    );
}
