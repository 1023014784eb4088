// SPDX-License-Identifier: LGPL-2.1-or-later
//! What was written, handed out: copies of init that look at the layer and
//! write what they find to a pipe, as a program's output.
//!
//! | module | what |
//! |---|---|
//! | [`base`] | what init itself has put there |
//! | [`list`] | how the layer differs from the host |
//! | [`veil`] | directories that hide the host's |
//! | [`lower`] | the host, looked at as the caller |
//! | [`contents`] | files |
//! | [`forget`] | takes something out of it |
//! | [`back`] | what was kept there comes back |
//! | [`attributes`] | what belongs to a file beside what it holds |
//!
//! Nothing of the sandbox runs while they do. They follow no link and open
//! nothing but regular files and directories of the layer.

mod attributes;
mod back;
pub mod base;
mod contents;
mod forget;
mod list;
mod lower;
mod veil;

use crate::build::{Kept, Place, Top};
use crate::channel::set_nonblocking;
use crate::spawn::Spawned;
use nix::errno::Errno;
use nix::fcntl::{openat, openat2, OFlag, OpenHow, ResolveFlag};
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use nix::sys::stat::Mode;
use nix::unistd::{fork, pipe2, ForkResult};
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::Bytes;

/// What is to be done.
pub enum Work<'a> {
    /// Tell how it differs.
    List,
    /// Hand out these files.
    Contents(&'a [Bytes]),
    /// Take these out.
    Forget(&'a [Bytes]),
}

/// Begins it in a copy of init.
pub fn start(layer: &Kept, place: Place, user: (u32, u32), work: &Work) -> nix::Result<Spawned> {
    let (out, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: init has a single thread; nothing is locked in the child.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(out);
            let code = match child(layer, place, user, work, theirs.into()) {
                Ok(()) => 0,
                Err(errno) => errno as i32,
            };
            // SAFETY: ends this process at once, without init's clean-up.
            unsafe { libc::_exit(code) }
        }
        ForkResult::Parent { child: pid } => {
            drop(theirs);
            set_nonblocking(&out)?;
            Ok(Spawned { pid, out, err: None, input: None, slave: None })
        }
    }
}

fn child(layer: &Kept, place: Place, user: (u32, u32), work: &Work, out: File) -> nix::Result<()> {
    crate::spawn::reset_signals()?;
    nix::unistd::setsid()?;
    crate::memory::come_before_init();
    // A descriptor for each level of the deepest directory.
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.max(soft), hard);
    let caller = lower::Caller::new(place, user);
    match work {
        Work::List => list::write(layer, caller, out),
        Work::Contents(paths) => contents::write(layer, paths, out),
        Work::Forget(paths) => forget::forget(layer, caller, paths),
    }
}

/// Where something that is seen at `path` lies in the layer.
pub fn place_of(layer: &Kept, path: &[u8]) -> Option<PathBuf> {
    if !terrarium_protocol::changes::is_plain(path) {
        return None;
    }
    let path = Path::new(OsStr::from_bytes(path));
    let top = top_of(layer, path)?;
    Some(top.stored.join(path.strip_prefix(&top.seen).ok()?))
}

/// The directory of the layer that a path is seen in.
fn top_of<'a>(layer: &'a Kept, path: &Path) -> Option<&'a Top> {
    // A place where something is shown lies in what is around it.
    let tops = layer.tops.iter().filter(|top| path.starts_with(&top.seen) && path != top.seen);
    tops.max_by_key(|top| top.seen.as_os_str().len())
}

/// How a directory is opened.
const FOLDER: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// A directory of a layer, by a path in it. `disk`: its own top directory.
fn directory(disk: &OwnedFd, path: &Path) -> nix::Result<OwnedFd> {
    beneath(disk, path, FOLDER)
}

/// Opens something of a layer that no link leads to.
fn beneath(disk: &OwnedFd, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let how = OpenHow::new().flags(flags).resolve(
        ResolveFlag::RESOLVE_BENEATH
            | ResolveFlag::RESOLVE_NO_SYMLINKS
            | ResolveFlag::RESOLVE_NO_MAGICLINKS
            | ResolveFlag::RESOLVE_NO_XDEV,
    );
    // The kernel takes paths of 4095 bytes; the layer may be deeper.
    let mut at = disk.as_fd().try_clone_to_owned().map_err(|_| Errno::EMFILE)?;
    let parts: Vec<_> = path.iter().collect();
    let Some((last, above)) = parts.split_last() else { return Err(Errno::EINVAL) };
    for part in above {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        at = openat(&at, *part, flags, Mode::empty())?;
    }
    openat2(&at, *last, how)
}
