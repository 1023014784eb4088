// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where the time of a start goes, as `run --verbose` tells it.

use crate::common::{self, Glass, User};
use crate::measure::quantile;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

/// Prints how long each step takes: median over `runs`.
pub fn print(user: User, glass: Glass, runs: usize) {
    let mut steps: Vec<(String, Vec<f64>)> = Vec::new();
    for _ in 0..runs {
        for (name, seconds) in once(user, glass) {
            match steps.iter_mut().find(|(known, _)| *known == name) {
                Some((_, all)) => all.push(seconds),
                None => steps.push((name, vec![seconds])),
            }
        }
    }
    let shown = steps.into_iter().map(|(name, all)| format!("{name} {:.0} ms", quantile(all, 0.5) * 1e3));
    println!("\nIts steps, the last one until all is over: {}.", shown.collect::<Vec<_>>().join(", "));
}

fn once(user: User, glass: Glass) -> Vec<(String, f64)> {
    let begun = Instant::now();
    let mut child = common::run_as(user, glass, &["--verbose"], &["true"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut steps = vec![("plan".to_owned(), 0.0)];
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        let text = line.trim_start_matches("terrariumctl: ");
        // A remark is a sentence, a step is none.
        if !text.ends_with('.') {
            steps.push((text.to_owned(), begun.elapsed().as_secs_f64()));
        }
    }
    assert!(child.wait().unwrap().success(), "run --verbose");
    let ends: Vec<f64> = steps.iter().skip(1).map(|(_, start)| *start).collect();
    let ends = ends.into_iter().chain([begun.elapsed().as_secs_f64()]);
    steps.iter().zip(ends).map(|((name, start), end)| (name.clone(), end - start)).collect()
}
