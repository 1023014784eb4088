// SPDX-License-Identifier: LGPL-2.1-or-later
//! The networks that this computer is in: looked up, never listed.

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    bind, recv, socket, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
    SockaddrStorage,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use terrarium_protocol::network::Net;

/// What is shorter is a way into the world rather than a network.
const SHORTEST: u8 = 8;
const SHORTEST6: u8 = 16;

/// Networks of this computer's addresses, and those that it has routes to
/// without a gateway.
pub fn networks() -> Vec<Net> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let mut all = addresses();
    all.extend(routes(&read("/proc/self/net/route")));
    all.extend(routes6(&read("/proc/self/net/ipv6_route")));
    all.retain(|net| net.prefix >= if net.ip.is_ipv4() { SHORTEST } else { SHORTEST6 });
    all.sort_unstable();
    all.dedup();
    all
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

/// `/proc/net/route`: interface, destination, gateway, flags, …, mask; in
/// hexadecimal, and in this computer's byte order.
fn routes(text: &str) -> Vec<Net> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok();
        let (to, gateway, mask) = (number(1)?, number(2)?, number(7)?);
        let ip = Ipv4Addr::from(to.to_ne_bytes());
        let prefix = u32::from_be_bytes(mask.to_ne_bytes()).leading_ones();
        (gateway == 0).then(|| Net::of(ip.into(), prefix as u8))
    };
    text.lines().skip(1).filter_map(line).collect()
}

/// `/proc/net/ipv6_route`: destination, its prefix, source, its prefix, next
/// hop, …, flags, interface; in hexadecimal.
fn routes6(text: &str) -> Vec<Net> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| u128::from_str_radix(fields.get(at)?, 16).ok();
        let (to, prefix, gateway) = (number(0)?, number(1)?, number(4)?);
        (gateway == 0).then(|| Net::of(Ipv6Addr::from(to).into(), prefix.min(128) as u8))
    };
    text.lines().filter_map(line).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_without_a_gateway_are_networks() {
        let text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                    eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                    eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\nbroken\n";
        let names: Vec<String> = routes(text).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["10.0.2.0/24"]);
        let text = "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 \
                    00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0\n\
                    00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                    fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n";
        let names: Vec<String> = routes6(text).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["fd00::/64"]);
    }
}
