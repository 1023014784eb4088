// SPDX-License-Identifier: LGPL-2.1-or-later
//! `stop --now`: from the call until the sandbox is gone.

use crate::caller;
use crate::common::{self, Glass, Stop, User};
use crate::measure::{compare, seconds, succeed, Case, Unit};

/// The end of one that goes on for ever.
pub fn bench(glass: Glass, runs: usize) {
    let user = caller(glass);
    let name = common::fresh_name("stop");
    let bare = Case::new("virsh destroy of the same sandbox", || {
        let (_stop, connection, domain) = start(user, glass, &name);
        let taken = seconds(user.command("virsh").args(["-q", "-c", &connection, "destroy", &domain]));
        // Puts away what Terrarium kept of it.
        common::list(user);
        taken
    });
    let ours = Case::new("terrariumctl stop --now", || {
        let _stop = start(user, glass, &name);
        seconds(user.ctl().args(["stop", "--now", &name]))
    });
    let heading = if glass == Glass::Container { "stop, container" } else { "stop, machine" };
    compare(heading, Unit::Seconds, runs, vec![bare, ours]);
}

/// Starts one; its connection and its domain.
fn start(user: User, glass: Glass, name: &str) -> (Stop, String, String) {
    let stop = Stop { user, name: name.to_owned() };
    succeed(&mut common::run_as(user, glass, &["--detach", "-n", name], &["sleep", "600"]));
    let one = common::listed(user, name).unwrap();
    let field = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
    (stop, field("connection"), field("domain"))
}
