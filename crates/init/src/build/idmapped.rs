// SPDX-License-Identifier: LGPL-2.1-or-later
//! Mounts that show files as other ids' than they are on the disk.
//!
//! Folders that root of a container may write: what it makes there belongs to
//! the caller outside.
//! Root inside is an id of the sandbox's block outside. The mount has the
//! caller's ids and no others, and shows them as root's: files of others can
//! be neither written nor made.

use super::site::Spot;
use super::tree::{self, Attributes};
use nix::errno::Errno;
use nix::sched::{unshare, CloneFlags};
use nix::sys::wait::waitpid;
use nix::unistd::{fork, ForkResult};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;

const MOUNT_ATTR_IDMAP: u64 = 0x10_0000;

/// Mounts `source` at `target` with the ids that these lines say: first on the
/// disk, first as shown, how many.
pub fn bind(source: &Spot, target: &Spot, uids: &str, gids: &str) -> nix::Result<()> {
    let users = namespace(uids, gids)?;
    let mount = tree::clone(source)?;
    let users = u64::from(users.as_raw_fd().unsigned_abs());
    tree::change(&mount, &Attributes { set: MOUNT_ATTR_IDMAP, users, ..Attributes::default() }, false)?;
    tree::put(&mount, target)
}

/// A user namespace that has only these ids: it lives as long as the file.
fn namespace(uids: &str, gids: &str) -> nix::Result<File> {
    let (mut ready, is_ready) = nix::unistd::pipe().map(|(a, b)| (File::from(a), File::from(b)))?;
    let (go, may_go) = nix::unistd::pipe()?;
    // SAFETY: init has a single thread; nothing is locked in the child.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop((ready, may_go));
            if unshare(CloneFlags::CLONE_NEWUSER).is_ok() {
                let _ = (&is_ready).write_all(&[1]);
                let _ = File::from(go).read(&mut [0]);
            }
            // SAFETY: ends this process at once, without init's clean-up.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop((is_ready, go));
            let map = |name: &str, lines: &str| fs::write(format!("/proc/{child}/{name}"), lines);
            let made = ready
                .read_exact(&mut [0])
                .and_then(|()| map("uid_map", uids))
                .and_then(|()| map("gid_map", gids))
                .and_then(|()| File::open(format!("/proc/{child}/ns/user")));
            drop(may_go);
            let _ = waitpid(child, None);
            made.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
        }
    }
}
