// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs what is compared in turns, and prints what came of it.

use std::fs;
use std::process::{Command, Output};
use std::time::Instant;

/// What is compared with the others of its table.
pub struct Case<'a> {
    what: String,
    measure: Box<dyn FnMut() -> f64 + 'a>,
}

impl<'a> Case<'a> {
    /// Its name in the table, and one run of it.
    pub fn new(what: impl Into<String>, measure: impl FnMut() -> f64 + 'a) -> Self {
        Self { what: what.into(), measure: Box::new(measure) }
    }
}

/// What the figures are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds: less is better.
    Seconds,
    /// Millions of bytes in a second: more is better.
    Megabytes,
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::Seconds if figure < 0.1 => format!("{:.1} ms", figure * 1e3),
            Self::Seconds if figure < 1.0 => format!("{:.0} ms", figure * 1e3),
            Self::Seconds => format!("{figure:.2} s"),
            Self::Megabytes => format!("{figure:.1} MB/s"),
        }
    }
}

/// Measures every case once in each of the rounds, after one that does not
/// count, and prints a table. The first case is the floor; the ratio to it is
/// the median of the rounds' own ratios, since a busy computer is busy for all
/// cases of a round. Nine of ten runs are at least as good as "p90".
pub fn compare(heading: &str, unit: Unit, runs: usize, mut cases: Vec<Case>) {
    let mut figures = vec![Vec::new(); cases.len()];
    for round in 0..=runs {
        for (case, figures) in cases.iter_mut().zip(&mut figures) {
            eprint!("\r\x1b[K{heading}: {round}/{runs} {}", case.what);
            let figure = (case.measure)();
            if round > 0 {
                figures.push(figure);
            }
        }
    }
    eprint!("\r\x1b[K");
    println!("\n### {heading}\n");
    println!("| what | runs | median | p90 | ratio to the floor |\n|---|---|---|---|---|");
    for (case, own) in cases.iter().zip(&figures) {
        let ratios = own.iter().zip(&figures[0]).map(|(own, floor)| own / floor).collect();
        let bad = if unit == Unit::Seconds { 0.9 } else { 0.1 };
        println!(
            "| {} | {runs} | {} | {} | {:.2} |",
            case.what,
            unit.show(quantile(own.clone(), 0.5)),
            unit.show(quantile(own.clone(), bad)),
            quantile(ratios, 0.5)
        );
    }
}

/// The figure that this share of all is not above.
pub fn quantile(mut figures: Vec<f64>, share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let last = figures.len().saturating_sub(1);
    figures.get((share * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Runs a program to its end, which must be a good one. Seconds.
pub fn seconds(command: &mut Command) -> f64 {
    let begun = Instant::now();
    let output = succeed(command);
    drop(output);
    begun.elapsed().as_secs_f64()
}

/// Runs a program to its end, which must be a good one.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {said}", output.status);
    output
}

/// What the figures were measured on, for whoever compares them with others.
pub fn computer() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = read("/proc/cpuinfo");
    let line = |name: &str| {
        let line = cpu.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("", |(_, value)| value.trim()).to_owned()
    };
    let can = line("flags").split(' ').any(|flag| flag == "vmx" || flag == "svm");
    let kvm = if can { "with" } else { "without" };
    let build = if cfg!(debug_assertions) { "a debug build" } else { "a release build" };
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{processors} processors ({}) {kvm} virtualization, Linux {}, load {load}, {build}",
        line("model name"),
        kernel.trim()
    )
}
