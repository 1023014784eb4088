// SPDX-License-Identifier: LGPL-2.1-or-later
//! Programs that belong to the display and not to the command: the server, the
//! agent's daemon, and copies of init that speak to the server.
//!
//! They run as a user whom the command's user namespace does not have, so that
//! nothing in it, whatever its privileges there, may trace, signal or replace
//! them. They have no capability and the command's own seccomp filter.

use crate::build::Place;
use crate::confine;
use nix::errno::Errno;
use nix::fcntl::{open, OFlag};
use nix::sys::stat::Mode;
use nix::unistd::{fork, ForkResult, Pid};
use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use terrarium_protocol::orders::{Limits, User};

/// Processes and open files of the display's user.
const LIMITS: Limits = Limits { processes: 64, files: 1024 };

/// Who runs it, and what it may keep.
pub struct Confined<'a> {
    /// Where init is.
    pub place: Place,
    /// The display's user, and its group.
    pub uid: u32,
    /// Descriptors that become 0, 1 and so on; the rest is closed.
    pub descriptors: &'a [BorrowedFd<'a>],
}

impl Confined<'_> {
    /// Forks. `before` runs with all of init's privileges, `after` without
    /// any; it execs or ends.
    pub fn spawn(
        &self,
        before: impl FnOnce() -> nix::Result<()>,
        after: impl FnOnce() -> nix::Result<Infallible>,
    ) -> nix::Result<Pid> {
        // SAFETY: init has a single thread; nothing is locked in the child.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(child),
            ForkResult::Child => {
                let Err(errno) = self.child(before, after);
                // Descriptor 2 is the display's log.
                eprintln!("terrarium: {}", errno.desc());
                // SAFETY: ends this process at once, without init's clean-up.
                unsafe { libc::_exit(127) }
            }
        }
    }

    fn child(
        &self,
        before: impl FnOnce() -> nix::Result<()>,
        after: impl FnOnce() -> nix::Result<Infallible>,
    ) -> nix::Result<Infallible> {
        crate::spawn::reset_signals()?;
        nix::unistd::setsid()?;
        before()?;
        self.place_descriptors()?;
        crate::memory::come_before_init();
        let gid = self.uid;
        let user = User { uid: self.uid, gid, home: "/".into(), privileged: false };
        confine::drop_privileges(&user, LIMITS, self.place)?;
        confine::filter(true)?;
        after()
    }

    /// The given descriptors come to stand first; the others are closed.
    fn place_descriptors(&self) -> nix::Result<()> {
        // Above all places first, so that none is overwritten before its turn.
        let copies: Vec<OwnedFd> = self.descriptors.iter().map(above).collect::<nix::Result<_>>()?;
        for (to, from) in copies.iter().enumerate() {
            // SAFETY: replaces descriptors of this child; what init had there
            // is not used in it any more.
            Errno::result(unsafe { libc::dup2(from.as_raw_fd(), to as RawFd) })?;
        }
        std::mem::forget(copies);
        let first = self.descriptors.len() as libc::c_uint;
        // SAFETY: closes init's descriptors in this child, which uses none.
        Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) }).map(drop)
    }
}

fn above(fd: &BorrowedFd) -> nix::Result<OwnedFd> {
    use nix::fcntl::{fcntl, FcntlArg};
    let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(64))?;
    // SAFETY: just made, owned by nobody else.
    Ok(unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(copy) })
}

/// Becomes a program, with nothing in its environment but a path.
pub fn exec(argv: &[CString]) -> nix::Result<Infallible> {
    exec_with(argv, &[])
}

/// The same with more in its environment.
pub fn exec_with(argv: &[CString], more: &[&CStr]) -> nix::Result<Infallible> {
    let environment = [&[c"PATH=/usr/bin:/bin", c"LC_ALL=C.UTF-8", c"HOME=/tmp"], more].concat();
    let program = argv.first().ok_or(Errno::EINVAL)?;
    nix::unistd::execve(program, argv, &environment)
}

/// Words as exec takes them.
pub fn words<T: Into<Vec<u8>>>(words: impl IntoIterator<Item = T>) -> nix::Result<Vec<CString>> {
    words.into_iter().map(|word| CString::new(word).map_err(|_| Errno::EINVAL)).collect()
}

/// /dev/null, for a descriptor that is not used.
pub fn nothing() -> nix::Result<OwnedFd> {
    open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
}
