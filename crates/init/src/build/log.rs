// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt's log of this container. libvirt adds to it with each run, for
//! ever, and only root may make it shorter: in a container that is init, as
//! long as the host's root is still its own.

use super::site::open_host;
use super::tree::{self, Attributes};
use nix::errno::Errno;
use nix::fcntl::{openat2, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::{fstat, SFlag};
use nix::unistd::ftruncate;
use std::path::Path;

/// Bytes that a log may have: some hundred runs.
const MOST: i64 = 64 * 1024;

/// Empties the log at `path` if it has become long. Nothing depends on it.
pub fn shorten(path: &Path) {
    let _ = try_to(path);
}

/// The host's file systems are read-only here; that is a flag of each mount,
/// and this one is ours, lies nowhere and goes with its descriptor.
fn try_to(path: &Path) -> nix::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::EINVAL) };
    let mount = tree::clone(&open_host(folder)?)?;
    let clear = libc::MOUNT_ATTR_RDONLY;
    tree::change(&mount, &Attributes { clear, ..Attributes::default() }, false)?;
    let how =
        OpenHow::new().flags(OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC);
    let log = openat2(&mount, name, how.resolve(ResolveFlag::RESOLVE_BENEATH))?;
    let found = fstat(&log)?;
    let is_file = found.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits();
    if is_file && found.st_size > MOST {
        ftruncate(&log, 0)?;
    }
    Ok(())
}
