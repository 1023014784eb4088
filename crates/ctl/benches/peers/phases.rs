// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where the time of a start goes, as `run --verbose` tells it.

use crate::measure::quantile;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Prints how long each step takes: median over `runs`. The last one lasts
/// until the command prints something, or else until all is over.
pub fn print(runs: usize, command: impl Fn() -> Command) {
    let mut steps: Vec<(String, Vec<f64>)> = Vec::new();
    for _ in 0..runs {
        for (name, seconds) in once(command()) {
            match steps.iter_mut().find(|(known, _)| *known == name) {
                Some((_, all)) => all.push(seconds),
                None => steps.push((name, vec![seconds])),
            }
        }
    }
    let shown = steps.into_iter().map(|(name, all)| format!("{name} {:.0} ms", quantile(all, 0.5) * 1e3));
    println!(
        "\nIts steps, the last one until it prints something or all is over: {}.",
        shown.collect::<Vec<_>>().join(", ")
    );
}

fn once(mut command: Command) -> Vec<(String, f64)> {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let printed = std::thread::spawn(move || stdout.next().map(|_| begun.elapsed().as_secs_f64()));
    let mut steps = vec![("plan".to_owned(), 0.0)];
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        // A remark is a sentence, a step is none; other lines are the command's.
        if let Some(text) = line.strip_prefix("terrariumctl: ").filter(|text| !text.ends_with('.')) {
            steps.push((text.to_owned(), begun.elapsed().as_secs_f64()));
        }
    }
    assert!(child.wait().unwrap().success(), "run --verbose");
    let end = printed.join().unwrap().unwrap_or_else(|| begun.elapsed().as_secs_f64());
    let ends: Vec<f64> = steps.iter().skip(1).map(|(_, start)| *start).chain([end]).collect();
    steps.iter().zip(ends).map(|((name, start), end)| (name.clone(), end - start)).collect()
}
