// SPDX-License-Identifier: LGPL-2.1-or-later
//! What holds for a machine's network, in one machine: to start one takes as
//! long as most of this.

use super::*;
use crate::live::{free_port, goes_with_it, holds_at_once, joins, leads_inside, stands_still_and_goes_on};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Runs all of it, whatever becomes of each.
pub fn parts(all: &[(&str, &dyn Fn())]) {
    let mut failed = Vec::new();
    for (name, part) in all {
        let begun = Instant::now();
        if catch_unwind(AssertUnwindSafe(part)).is_err() {
            failed.push(*name);
        }
        println!("{name}: {:?}", begun.elapsed());
    }
    assert!(failed.is_empty(), "{failed:?}");
}

/// From its mode on, whatever the mode is changed to.
fn reaches_no_more_than_the_mode_says(sandbox: &Stop) {
    let world = World::new();
    let around = Surroundings::new(Enforcer::Guard, &world);
    let script = patient(Glass::Machine, &around.script());
    let reached = || answers(&inside(sandbox, &script));
    assert_eq!(reached(), INTERNET);
    change(sandbox, &["mode", "full"]);
    assert_eq!(reached(), around.everything());
    // Of none its resolver stays.
    change(sandbox, &["mode", "none"]);
    around.lists().iter().for_each(|one| change(sandbox, &["allow", one]));
    assert_eq!(reached(), [&THOSE[..], &["names", "names6"]].concat());
    change(sandbox, &["mode", "internet"]);
}

#[test]
fn with_the_internet_is_held_to_it() {
    let _turn = guarded();
    let (attack, port) = (roots::Attack::new(Enforcer::Guard), free_port());
    let (shared, forward) = (attack.shared(), format!("{port}:4001"));
    let options = ["-N", "internet", "-p", "-m", &shared, "--forward", &forward];
    let sandbox = lasting(Glass::Machine, &options, here::BOTH);
    // Those that change its lists come last.
    parts(&[
        ("names and files", &|| names_are_right(&inside(&sandbox, NAMES))),
        ("a forwarded port", &|| leads_inside(&sandbox, port)),
        ("what it serves", &|| here::reaches_what_it_serves(&sandbox)),
        ("its root", &|| attack.gets_nothing_through(&sandbox, None)),
        ("a network that is joined", &|| joins(Glass::Machine, &sandbox)),
        ("a cut", &|| stands_still_and_goes_on(&sandbox)),
        ("the mode", &|| reaches_no_more_than_the_mode_says(&sandbox)),
        ("names of lists", &|| named::leads_where_its_resolver_says(Glass::Machine, &sandbox)),
        ("a change", &|| holds_at_once(Glass::Machine, &sandbox)),
        // Takes its interface down, and with it the way to all but neighbours.
        ("the first packet", &|| first::passes_at_once(&sandbox, None)),
    ]);
    goes_with_it(sandbox, port);
}
