// SPDX-License-Identifier: LGPL-2.1-or-later
//! The new root while it is built, and places in it.
//!
//! A link of the host may lie on the way to a place (`/home` is one on some
//! systems). It is followed as the sandbox's programs will follow it, within
//! the new root: the kernel is asked to, so that nothing is built outside.

use super::Place;
use crate::fault::{at, Result};
use nix::errno::Errno;
use nix::fcntl::{open, openat2, OFlag, OpenHow, ResolveFlag};
use nix::mount::{mount, MsFlags};
use nix::sys::stat::{fstat, mkdirat, Mode, SFlag};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::message::Step;

/// The new root, under construction.
pub struct Site {
    /// Where it is mounted.
    pub new: PathBuf,
    /// An empty directory, below every overlay.
    pub empty: PathBuf,
    /// Where we are.
    pub place: Place,
}

/// Something in the new root, held open.
pub struct Spot(OwnedFd);

impl Site {
    /// What lies at `path`, if anything does.
    pub fn find(&self, path: &Path) -> nix::Result<Option<Spot>> {
        let root = open(&self.new, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC);
        match openat2(&root, path, how.resolve(ResolveFlag::RESOLVE_IN_ROOT)) {
            Ok(fd) => Ok(Some(Spot(fd))),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// The directory at `path`. It and what is missing above it are made,
    /// 0755 and root's.
    pub fn directory(&self, path: &Path, step: Step) -> Result<Spot> {
        self.make(path).map_err(at(step, path.as_os_str().as_bytes()))
    }

    fn make(&self, path: &Path) -> nix::Result<Spot> {
        if let Some(spot) = self.find(path)? {
            return Ok(spot);
        }
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::EINVAL) };
        mkdirat(&self.make(above)?.0, name, Mode::from_bits_truncate(0o755))?;
        self.find(path)?.ok_or(Errno::ENOENT)
    }
}

impl Spot {
    /// A path that leads here and nowhere else.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }

    /// What is here.
    pub fn kind(&self) -> nix::Result<SFlag> {
        Ok(SFlag::from_bits_truncate(fstat(&self.0)?.st_mode & SFlag::S_IFMT.bits()))
    }

    /// Mounts a file system here.
    pub fn mount(&self, kind: &str, flags: MsFlags, options: Option<&std::ffi::OsStr>) -> nix::Result<()> {
        mount(Some(kind), &self.path(), Some(kind), flags, options)
    }

    /// Mounts what lies at `source` here as well.
    pub fn bind(&self, source: &Path) -> nix::Result<()> {
        mount(Some(source), &self.path(), None::<&str>, MsFlags::MS_BIND, None::<&str>)
    }
}
