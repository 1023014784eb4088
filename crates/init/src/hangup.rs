// SPDX-License-Identifier: LGPL-2.1-or-later
//! The end of those who are asked by TERM and do not hear it: interactive
//! shells ignore it. What they go by is that their terminal is hung up.

use nix::sys::signal::{killpg, Signal};
use nix::unistd::{tcgetpgrp, Pid};
use std::os::fd::AsFd;

/// Tells a session what it is told when its terminal is closed, if who leads
/// it ignores TERM. Who takes TERM has begun to end, and HUP would end it in
/// the middle of that. As the kernel does it, the leader and those in the
/// foreground are told, stopped or not.
pub fn unless_it_hears_term(leader: Pid, master: impl AsFd) {
    if !ignores(leader, Signal::SIGTERM) {
        return;
    }
    let foreground = tcgetpgrp(master).ok().filter(|group| group.as_raw() > 1 && *group != leader);
    for group in foreground.into_iter().chain([leader]) {
        let _ = killpg(group, Signal::SIGHUP);
        let _ = killpg(group, Signal::SIGCONT);
    }
}

fn ignores(pid: Pid, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    ignored(&status).is_some_and(|mask| mask & (1 << (signal as i32 - 1)) != 0)
}

/// The signals that a process ignores, of its status, a bit for each.
fn ignored(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::ignored;

    #[test]
    fn what_is_ignored_is_read() {
        let status = "Name:\tbash\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000384004\nSigCgt:\t4b813efb\n";
        assert_eq!(ignored(status), Some(0x0038_4004));
        assert_eq!(ignored("Name:\tSigIgn:\n"), None);
    }
}
