// SPDX-License-Identifier: LGPL-2.1-or-later
//! What Terrarium may leave behind.

use super::{list, User};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tests that compare what was there before with what is there afterwards run
/// one after another.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Domains, directories, files, processes, mounts, control groups.
pub fn traces() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for user in [User::Member, User::Plain, User::Root] {
        let entries = std::fs::read_dir(user.runtime()).into_iter().flatten().flatten();
        all.extend(
            entries.filter(|e| e.file_name() != "lock").map(|entry| entry.path().display().to_string()),
        );
    }
    all.extend(shell(
        "virsh -q -c lxc:///system list --all --name; virsh -q -c qemu:///system list --all --name; \
         cut -d' ' -f5 /proc/self/mountinfo; losetup -a; ls /sys/class/net; pgrep -a 'libvirt_lxc|qemu-system'; \
         find /sys/fs/cgroup -name '*terrarium-*'; \
         find /home/terrarium-test*/.cache/terrarium /var/cache/terrarium -name 'init.*' -o -name '*.new'",
    ));
    // libvirt leaves mount points of its own, one set for each domain name it
    // ever saw; names are used again, so they do not grow with the runs.
    all.retain(|line| !(line.is_empty() || line.starts_with("terrarium-") && line.contains('.')));
    all
}

fn shell(script: &str) -> Vec<String> {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Waits until there is nothing that was not there before.
pub fn nothing_is_left(before: &BTreeSet<String>) {
    let begun = Instant::now();
    loop {
        for user in [User::Member, User::Plain, User::Root] {
            list(user);
        }
        let fresh: Vec<String> = traces().difference(before).cloned().collect();
        if fresh.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "left behind: {fresh:#?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
