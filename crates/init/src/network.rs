// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host name and the loopback interface; there is no other network.

use crate::fault::{at, Result};
use nix::errno::Errno;
use nix::sys::socket::{socket, AddressFamily, SockFlag, SockType};
use std::os::fd::AsRawFd;
use terrarium_protocol::message::Step;

/// Sets the name, raises `lo`.
pub fn begin(host_name: &str) -> Result<()> {
    nix::unistd::sethostname(host_name).map_err(at(Step::Network, host_name))?;
    raise_loopback().map_err(at(Step::Network, "lo"))
}

/// Raises `lo` in the network namespace that we are in.
pub fn raise_loopback() -> nix::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all zeros is a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request names an interface and its flags, as this call reads.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) })
        .map(drop)
}
