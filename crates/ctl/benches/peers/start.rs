// SPDX-License-Identifier: LGPL-2.1-or-later
//! `run -- true`: from the call until it returns, when the domain is gone.

use crate::common::{self, Glass};
use crate::floors::{bubblewrap, Container, Machine};
use crate::measure::{compare, seconds, Case, Unit};
use crate::{caller, phases};

/// Start and end of one that does nothing.
pub fn bench(glass: Glass, runs: usize) {
    let user = caller(glass);
    let ours = Case::new(format!("terrariumctl run {} -- true", glass.option()), || {
        seconds(&mut common::run_as(user, glass, &[], &["true"]))
    });
    match glass {
        Glass::Container => {
            let floor = Container::new(user);
            let bare = Case::new("virsh create, /bin/true as init, gone", || floor.run());
            let mut cases = vec![bare, ours];
            if bubblewrap(user).is_some() {
                cases.push(Case::new("bwrap --ro-bind / / --unshare-all true", || {
                    bubblewrap(user).map_or(f64::NAN, |mut bwrap| seconds(&mut bwrap))
                }));
            }
            compare("start, container", Unit::Seconds, runs, cases);
        }
        Glass::Machine => {
            let floor = Machine::new(user);
            let bare =
                Case::new("QEMU alone, the same kernel and initrd, no init", || seconds(&mut floor.run()));
            compare("start, machine", Unit::Seconds, runs, vec![bare, ours]);
        }
    }
    phases::print(runs.min(5), || common::run_as(user, glass, &["--verbose"], &["true"]));
}
