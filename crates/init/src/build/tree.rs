// SPDX-License-Identifier: LGPL-2.1-or-later
//! Mounts that are nowhere yet, and the attributes of mounts: system calls
//! that nix does not have.

use super::site::Spot;
use nix::errno::Errno;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const OPEN_TREE_CLONE: libc::c_uint = 1;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
const MOVE_MOUNT_T_EMPTY_PATH: libc::c_uint = 0x40;

/// The kernel's struct mount_attr.
#[repr(C)]
#[derive(Default)]
pub struct Attributes {
    /// `MOUNT_ATTR_*` that are to be set.
    pub set: u64,
    /// `MOUNT_ATTR_*` that are to be cleared.
    pub clear: u64,
    /// Stays as it is.
    pub propagation: u64,
    /// A user namespace, for `MOUNT_ATTR_IDMAP`.
    pub users: u64,
}

/// One more mount of what lies at `source`, nowhere so far.
pub fn clone(source: &Spot) -> nix::Result<OwnedFd> {
    let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC as libc::c_uint | libc::AT_EMPTY_PATH as libc::c_uint;
    // SAFETY: an open descriptor and an empty path; a new descriptor comes back.
    unsafe {
        let made = libc::syscall(libc::SYS_open_tree, source.raw(), c"".as_ptr(), flags);
        Ok(OwnedFd::from_raw_fd(Errno::result(made)? as libc::c_int))
    }
}

/// Gives a mount `attributes`; `deep`: also all that is mounted in it.
pub fn change(mount: &impl AsRawFd, attributes: &Attributes, deep: bool) -> nix::Result<()> {
    let flags = libc::AT_EMPTY_PATH | if deep { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: an open descriptor, an empty path and a struct that outlives the
    // call, whose size is given.
    let done = unsafe {
        let (path, attributes) = (c"".as_ptr(), std::ptr::from_ref(attributes));
        let size = size_of::<Attributes>();
        libc::syscall(libc::SYS_mount_setattr, mount.as_raw_fd(), path, flags, attributes, size)
    };
    Errno::result(done).map(drop)
}

/// Puts a mount to `target`.
pub fn put(mount: &OwnedFd, target: &Spot) -> nix::Result<()> {
    let flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    // SAFETY: two open descriptors and empty paths.
    let moved = unsafe {
        let empty = c"".as_ptr();
        libc::syscall(libc::SYS_move_mount, mount.as_raw_fd(), empty, target.raw(), empty, flags)
    };
    Errno::result(moved).map(drop)
}
