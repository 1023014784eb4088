// SPDX-License-Identifier: LGPL-2.1-or-later
//! `run --display -- xterm`: from the call until its window is on the screen.

use crate::common::Glass;
use crate::measure::{compare, Case, Unit};
use crate::{bare, caller, phases};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The first picture of a program.
pub fn bench(glass: Glass, runs: usize) {
    let user = caller(glass);
    let ours = Case::new(format!("terrariumctl run --display {} -- xterm", glass.option()), || {
        until_shown(&mut bare::shown(user, glass, &[]))
    });
    let heading = if glass == Glass::Container { "display, container" } else { "display, machine" };
    let floor = match glass {
        Glass::Container => bare::container()
            .map(|make| Case::new("unshare, the same Xorg and xterm", move || until_shown(&mut make()))),
        Glass::Machine => bare::Machine::new(user).map(|floor| {
            Case::new("QEMU alone, the same kernel, Xorg and xterm, a script as init", move || {
                until_shown(&mut floor.command())
            })
        }),
    };
    match floor {
        Ok(floor) => compare(heading, Unit::Seconds, runs, vec![floor, ours]),
        Err(why) => return println!("\n### {heading}\n\nnot measured: {why}"),
    }
    phases::print(runs.min(5), || bare::shown(user, glass, &["--verbose"]));
}

/// Seconds until a program prints "shown". It is left to end by itself.
fn until_shown(command: &mut Command) -> f64 {
    let begun = Instant::now();
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut shown = lines.filter(|line| line.trim_end() == "shown").map(|_| begun.elapsed().as_secs_f64());
    let seconds = shown.next();
    drop(shown);
    child.wait().unwrap();
    seconds.unwrap_or_else(|| panic!("{command:?} showed nothing"))
}
