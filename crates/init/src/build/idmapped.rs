// SPDX-License-Identifier: LGPL-2.1-or-later
//! Folders that root of a container may write: what it makes there belongs to
//! the caller outside, by an id-mapped mount.
//!
//! Root inside is an id of the sandbox's block outside. The mount has the
//! caller's ids and no others, and shows them as root's: files of others can
//! be neither written nor made.

use super::site::Spot;
use nix::errno::Errno;
use nix::sched::{unshare, CloneFlags};
use nix::sys::wait::waitpid;
use nix::unistd::{fork, ForkResult};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const OPEN_TREE_CLONE: libc::c_uint = 1;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
const MOUNT_ATTR_IDMAP: u64 = 0x10_0000;

/// Mounts `source` at `target`. `users` and `groups`: lines of which ids files
/// have there, the ones that they are shown as, and how many.
pub fn bind(source: &Spot, target: &Spot, users: &str, groups: &str) -> nix::Result<()> {
    let users = namespace(users, groups)?;
    let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC as libc::c_uint | libc::AT_EMPTY_PATH as libc::c_uint;
    // SAFETY: an open descriptor and an empty path; a new descriptor comes back.
    let tree = unsafe {
        let made = libc::syscall(libc::SYS_open_tree, source.raw(), c"".as_ptr(), flags);
        OwnedFd::from_raw_fd(Errno::result(made)? as libc::c_int)
    };
    // The kernel's struct mount_attr: to set, to clear, propagation, users.
    let attributes: [u64; 4] = [MOUNT_ATTR_IDMAP, 0, 0, u64::from(users.as_raw_fd().unsigned_abs())];
    // SAFETY: an open descriptor, an empty path and four u64 that outlive the
    // call, whose size is given.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    })?;
    let flags = MOVE_MOUNT_F_EMPTY_PATH | 0x40; // and MOVE_MOUNT_T_EMPTY_PATH
                                                // SAFETY: two open descriptors and empty paths.
    let moved = unsafe {
        let empty = c"".as_ptr();
        libc::syscall(libc::SYS_move_mount, tree.as_raw_fd(), empty, target.raw(), empty, flags)
    };
    Errno::result(moved).map(drop)
}

/// A user namespace that has only these ids: it lives as long as the file.
fn namespace(users: &str, groups: &str) -> nix::Result<File> {
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
                .and_then(|()| map("uid_map", users))
                .and_then(|()| map("gid_map", groups))
                .and_then(|()| File::open(format!("/proc/{child}/ns/user")));
            drop(may_go);
            let _ = waitpid(child, None);
            made.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
        }
    }
}
