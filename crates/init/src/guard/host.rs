// SPDX-License-Identifier: LGPL-2.1-or-later
//! The networks that this computer is in: looked up, never listed.

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    bind, recv, socket, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
    SockaddrStorage,
};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use terrarium_protocol::network::{joined, Net};

/// Networks of this computer's addresses, and those that it has routes to
/// without a gateway.
pub fn networks() -> Vec<Net> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    joined(addresses(), &read("/proc/self/net/route"), &read("/proc/self/net/ipv6_route"))
}

fn addresses() -> Vec<Net> {
    let ip = |storage: SockaddrStorage| {
        let v4 = storage.as_sockaddr_in().map(|found| IpAddr::V4(found.ip()));
        v4.or_else(|| storage.as_sockaddr_in6().map(|found| IpAddr::V6(found.ip())))
    };
    let net = |one: nix::ifaddrs::InterfaceAddress| {
        let address = ip(one.address?)?;
        let mask = match ip(one.netmask?)? {
            IpAddr::V4(mask) => u32::from(mask).leading_ones(),
            IpAddr::V6(mask) => u128::from(mask).leading_ones(),
        };
        Some(Net::of(address, mask as u8))
    };
    getifaddrs().map(|all| all.filter_map(net).collect()).unwrap_or_default()
}

/// Tells when addresses, routes or interfaces change.
pub struct Changes(OwnedFd);

impl Changes {
    /// From now on.
    pub fn watch() -> nix::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
        let groups = libc::RTMGRP_LINK
            | libc::RTMGRP_IPV4_IFADDR
            | libc::RTMGRP_IPV4_ROUTE
            | libc::RTMGRP_IPV6_IFADDR
            | libc::RTMGRP_IPV6_ROUTE;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups as u32))?;
        Ok(Self(socket))
    }

    /// To be polled.
    pub fn fd(&self) -> &OwnedFd {
        &self.0
    }

    /// Whether something was told; whoever wants to know looks for themselves.
    pub fn drain(&self) -> bool {
        let mut bytes = [0u8; 8192];
        let mut any = false;
        loop {
            match recv(self.0.as_raw_fd(), &mut bytes, MsgFlags::empty()) {
                Err(Errno::EAGAIN) | Ok(0) => return any,
                // More than fits was told (ENOBUFS).
                _ => any = true,
            }
        }
    }
}
