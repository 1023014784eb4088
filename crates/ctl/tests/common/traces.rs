// SPDX-License-Identifier: LGPL-2.1-or-later
//! What Terrarium may leave behind.

use super::{list, User};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

/// Tests that compare what was there before with what is there afterwards run
/// one after another.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

static HOST: RwLock<()> = RwLock::new(());

/// For tests that put something where the whole computer, or another test's
/// user, has it: they do it beside each other.
pub fn host_is_changed() -> RwLockReadGuard<'static, ()> {
    HOST.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that compares it, or that has the user's home for itself.
pub fn host_is_mine() -> RwLockWriteGuard<'static, ()> {
    HOST.write().unwrap_or_else(PoisonError::into_inner)
}

/// The tests' own two users; root's sandboxes may be anybody's.
const USERS: [User; 2] = [User::Member, User::Plain];

/// Domains, directories, files, processes, mounts, control groups.
pub fn traces() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let names = USERS.map(|user| format!("terrarium-{}-", user.uid()));
    let named = shell(
        "virsh -q -c lxc:///system list --all --name; virsh -q -c qemu:///system list --all --name; \
         pgrep -a 'libvirt_lxc|qemu-system'; find /sys/fs/cgroup -name '*terrarium-*'",
    );
    all.extend(named.into_iter().filter(|line| names.iter().any(|name| line.contains(name))));
    for user in USERS {
        let entries = std::fs::read_dir(user.runtime()).into_iter().flatten().flatten();
        let kept = entries.filter(|entry| entry.file_name() != "lock");
        all.extend(kept.map(|entry| entry.path().display().to_string()));
    }
    // libvirt's daemons may have mounts of their own.
    let theirs =
        "for pid in $(pgrep -x 'libvirtd|virtlxcd|virtqemud'); do cut -d' ' -f5 /proc/$pid/mountinfo; done";
    all.extend(shell(theirs).into_iter().filter(|line| names.iter().any(|name| line.contains(name))));
    all.extend(shell(&format!(
        "cut -d' ' -f5 /proc/self/mountinfo | grep -v '^/run/libvirt\\|^/tmp/'; losetup -a; ls /sys/class/net; \
         find /home/{}*/.cache/terrarium -name 'init.*'",
        User::Plain.name()
    )));
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
        // Root takes away what an ordinary user may not.
        let _ = [User::Member, User::Plain, User::Root].map(list);
        let fresh: Vec<String> = traces().difference(before).cloned().collect();
        if fresh.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "left behind: {fresh:#?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
