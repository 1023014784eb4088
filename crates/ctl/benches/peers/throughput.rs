// SPDX-License-Identifier: LGPL-2.1-or-later
//! `run -- cat`: bytes in, the same bytes out, from the first to the last.

use crate::caller;
use crate::common::{self, Glass};
use crate::measure::{compare, Case, Unit};
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;

/// How many bytes go through, in each direction.
const BYTES: usize = 64 * 1024 * 1024;

/// Both directions at once.
pub fn bench(glass: Glass, runs: usize) {
    let user = caller(glass);
    let data = common::noise(BYTES);
    let bare = Case::new("cat through two pipes", || rate(&mut user.command("cat"), &data));
    let ours = Case::new(format!("terrariumctl run {} -- cat", glass.option()), || {
        rate(&mut common::run_as(user, glass, &["--no-tty"], &["cat"]), &data)
    });
    let heading = if glass == Glass::Container { "throughput, container" } else { "throughput, machine" };
    compare(&format!("{heading}, 64 MiB"), Unit::Megabytes, runs, vec![bare, ours]);
}

/// Millions of bytes in a second, from the first byte that came back on: how
/// long the start took is measured elsewhere.
fn rate(command: &mut Command, data: &[u8]) -> f64 {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let feeder = common::feed(&mut child, data.to_vec());
    let mut stdout = child.stdout.take().unwrap();
    let mut back = vec![0; data.len()];
    let first = stdout.read(&mut back).unwrap();
    let begun = Instant::now();
    stdout.read_exact(&mut back[first..]).unwrap();
    let taken = begun.elapsed().as_secs_f64();
    feeder.join().unwrap();
    assert!(child.wait().unwrap().success(), "{command:?}");
    assert!(back == data, "other bytes came back");
    (data.len() - first) as f64 / taken / 1e6
}
