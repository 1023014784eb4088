// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where conversations come from: a listening socket, or four ports.

use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg, FdFlag, OFlag};
use nix::sys::socket::{accept4, getsockopt, sockopt::PeerCredentials, SockFlag};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// The descriptor that libvirt gives a container's init.
const LISTENER: i32 = 3;
/// Names of the ports begin like this.
const PORT: &str = "org.terrarium.";

/// Makes a descriptor never wait.
pub fn set_nonblocking(fd: &OwnedFd) -> nix::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd.as_fd(), FcntlArg::F_GETFL)?);
    fcntl(fd.as_fd(), FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).map(drop)
}

/// A container's listening socket.
pub struct Listener {
    socket: OwnedFd,
    owner: u32,
}

impl Listener {
    /// Takes descriptor 3. The owner is whoever made it listen: the kernel
    /// keeps that user in the socket.
    pub fn inherit() -> nix::Result<Self> {
        // SAFETY: only borrowed for a check that fails if it is not open.
        let fd = unsafe { BorrowedFd::borrow_raw(LISTENER) };
        fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        // SAFETY: it is open, and nobody else in this process owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(LISTENER) };
        set_nonblocking(&socket)?;
        let owner = getsockopt(&socket, PeerCredentials)?.uid();
        Ok(Self { socket, owner })
    }

    /// Who made it listen.
    pub fn owner(&self) -> u32 {
        self.owner
    }

    /// To be polled.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The next client of the owner, if one waits. Others are turned away.
    pub fn accept(&self) -> Option<OwnedFd> {
        loop {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            match accept4(self.socket.as_raw_fd(), flags) {
                Ok(fd) => {
                    // SAFETY: just made, owned by nobody else.
                    let client = unsafe { OwnedFd::from_raw_fd(fd) };
                    if getsockopt(&client, PeerCredentials).is_ok_and(|peer| peer.uid() == self.owner) {
                        return Some(client);
                    }
                }
                Err(Errno::EINTR | Errno::ECONNABORTED) => {}
                Err(_) => return None,
            }
        }
    }
}

/// A machine's ports, as far as they appear within `most`.
pub fn ports(most: Duration) -> Vec<OwnedFd> {
    let begun = Instant::now();
    loop {
        let found = open_ports();
        if found.len() >= 4 || begun.elapsed() > most {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn open_ports() -> Vec<OwnedFd> {
    let Ok(entries) = fs::read_dir("/sys/class/virtio-ports") else { return Vec::new() };
    let ours = entries.flatten().filter(|entry| {
        fs::read_to_string(entry.path().join("name")).is_ok_and(|name| name.trim().starts_with(PORT))
    });
    let open = |entry: fs::DirEntry| {
        let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let path = std::path::Path::new("/dev").join(entry.file_name());
        let port = nix::fcntl::open(&path, flags, nix::sys::stat::Mode::empty()).ok()?;
        signal_changes(&port);
        Some(port)
    };
    ours.filter_map(open).collect()
}

/// SIGIO comes when a client arrives at the port or leaves it. Without a
/// client a port cannot be waited for: it is always ready, for nothing.
fn signal_changes(port: &OwnedFd) {
    // SAFETY: both take integers; what fails leaves the look once a second.
    unsafe {
        libc::fcntl(port.as_raw_fd(), libc::F_SETOWN, libc::getpid());
        libc::fcntl(port.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK | libc::O_ASYNC);
    }
}
