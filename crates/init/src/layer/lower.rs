// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host below the layer, looked at as the caller: what it cannot see is
//! not told. In a machine QEMU is the caller anyway.

use crate::build::{credentials, Place};
use nix::errno::Errno;
use nix::fcntl::{openat, readlinkat, AtFlags, OFlag};
use nix::sys::stat::{fstatat, FileStat, Mode};
use std::ffi::{CStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;

/// Who looks.
#[derive(Clone, Copy)]
pub struct Caller {
    user: Option<(u32, u32)>,
}

impl Caller {
    /// The user whose sandbox it is.
    pub fn new(place: Place, user: (u32, u32)) -> Self {
        Self { user: (place == Place::Container).then_some(user) }
    }

    fn look<T>(self, work: impl FnOnce() -> nix::Result<T>) -> nix::Result<T> {
        match self.user {
            None => work(),
            Some(user) => credentials::powerless(user, (0, 0), work),
        }
    }

    /// What lies there, if the caller can tell.
    pub fn stat(self, above: &OwnedFd, name: &CStr) -> Option<FileStat> {
        self.look(|| fstatat(above, name, AtFlags::AT_SYMLINK_NOFOLLOW)).ok()
    }

    /// A directory.
    pub fn directory(self, above: &OwnedFd, name: &CStr) -> Option<OwnedFd> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        self.look(|| openat(above, name, flags, Mode::empty())).ok()
    }

    /// Its names.
    pub fn names(self, directory: &OwnedFd) -> Vec<OsString> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let names = self.look(|| {
            let dir = nix::dir::Dir::openat(directory, ".", flags, Mode::empty())?;
            let name = |entry: nix::dir::Entry| OsString::from_vec(entry.file_name().to_bytes().to_vec());
            Ok(dir.into_iter().flatten().map(name).filter(|name| name != "." && name != "..").collect())
        });
        names.unwrap_or_default()
    }

    /// A regular file, to be read.
    pub fn file(self, above: &OwnedFd, name: &CStr) -> nix::Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = File::from(self.look(|| openat(above, name, flags, Mode::empty()))?);
        file.metadata().ok().filter(std::fs::Metadata::is_file).ok_or(Errno::EINVAL)?;
        Ok(file)
    }

    /// Where a link leads.
    pub fn target(self, above: &OwnedFd, name: &CStr) -> Option<OsString> {
        self.look(|| readlinkat(above, name)).ok()
    }
}
