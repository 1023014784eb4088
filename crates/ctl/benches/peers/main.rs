// SPDX-License-Identifier: LGPL-2.1-or-later
//! How terrariumctl compares with its peers and with what is the least that
//! could be: `cargo bench --package terrarium-ctl`. See docs/performance.md.
//!
//! Nothing here fails because it is slow: tables are printed, to be read.

mod bare;
#[path = "../../tests/common/mod.rs"]
mod common;
mod display;
mod files;
mod floors;
mod measure;
mod phases;
mod start;
mod stop;
mod throughput;

use common::{Glass, User};

/// What was asked for.
struct Options {
    words: Vec<String>,
    runs: Option<usize>,
}

impl Options {
    fn read() -> Self {
        let mut options = Self { words: Vec::new(), runs: None };
        let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
        while let Some(word) = arguments.next() {
            if word == "--runs" {
                options.runs = arguments.next().and_then(|count| count.parse().ok());
            } else {
                options.words.push(word);
            }
        }
        options
    }

    /// Whether a group of measurements is wanted: no word of its kind means all.
    fn wants(&self, group: &str, of: &[&str]) -> bool {
        let named = |name: &str| self.words.iter().any(|word| word == name);
        named(group) || !of.iter().any(|name| named(name))
    }
}

const GROUPS: &[&str] = &["start", "stop", "throughput", "display", "files"];
const GLASSES: &[&str] = &["container", "machine"];

/// Who runs the sandboxes: as the tests do where root calls and their users
/// are there; else whoever calls.
fn caller(glass: Glass) -> User {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let there = users.lines().any(|line| line.starts_with(&format!("{}:", User::Member.name())));
    if there && rustix::process::geteuid().is_root() {
        glass.user()
    } else {
        User::Root
    }
}

fn main() {
    let options = Options::read();
    let known = |word: &String| GROUPS.contains(&word.as_str()) || GLASSES.contains(&word.as_str());
    if !std::env::args().any(|word| word == "--bench") || !options.words.iter().all(known) {
        eprintln!("Usage: cargo bench --package terrarium-ctl -- [start|stop|throughput|display|files|container|machine]... [--runs N]");
        std::process::exit(2);
    }
    println!("{}", measure::computer());
    for (glass, name) in [(Glass::Container, GLASSES[0]), (Glass::Machine, GLASSES[1])] {
        if !options.wants(name, GLASSES) {
            continue;
        }
        let fewer = |container: usize, machine: usize| {
            options.runs.unwrap_or(if glass == Glass::Container { container } else { machine })
        };
        if options.wants("start", GROUPS) {
            start::bench(glass, fewer(21, 5));
        }
        if options.wants("stop", GROUPS) {
            stop::bench(glass, fewer(11, 5));
        }
        if options.wants("display", GROUPS) {
            display::bench(glass, fewer(11, 5));
        }
        if options.wants("files", GROUPS) {
            files::bench(glass, fewer(5, 1));
        }
        if options.wants("throughput", GROUPS) {
            throughput::bench(glass, fewer(7, 3));
        }
    }
    // The copy of terrariumctl, and what else lies beside it.
    let _ = std::fs::remove_dir_all(floors::folder());
}
