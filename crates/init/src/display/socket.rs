// SPDX-License-Identifier: LGPL-2.1-or-later
//! The socket of a server that is started by the first who connects, as the
//! session bus and that of sound are: many programs never do.

use nix::errno::Errno;
use nix::unistd::{chown, Gid, Uid};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// The socket.
pub struct Socket {
    listener: OwnedFd,
    /// Somebody connects.
    wanted: bool,
}

impl Socket {
    /// Makes it, as its server would have made it.
    pub fn listen(path: &Path, (uid, gid): (u32, u32)) -> nix::Result<Self> {
        let errno = |error: std::io::Error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        let listener = UnixListener::bind(path).map_err(errno)?;
        chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        Ok(Self { listener: listener.into(), wanted: false })
    }

    /// To be polled while no server is there.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        (!self.wanted).then(|| self.listener.as_fd())
    }

    /// For the server.
    pub fn listener(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// Notes whether somebody waits for it.
    pub fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
    }

    /// Whether somebody waits for it.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }
}
