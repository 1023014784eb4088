// SPDX-License-Identifier: LGPL-2.1-or-later
//! The networks that this computer is in: looked up, never listed.

use nix::ifaddrs::{getifaddrs, InterfaceAddress};
use nix::sys::socket::SockaddrStorage;
use std::net::IpAddr;
use terrarium_protocol::network::{joined, Net};

/// Those of its addresses, and those that it has routes to without a gateway.
pub fn networks() -> Vec<Net> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let addresses = getifaddrs().map(|all| all.filter_map(|one| net(&one)).collect()).unwrap_or_default();
    joined(addresses, &read("/proc/self/net/route"), &read("/proc/self/net/ipv6_route"))
}

fn net(one: &InterfaceAddress) -> Option<Net> {
    let ip = |storage: SockaddrStorage| {
        let v4 = storage.as_sockaddr_in().map(|found| IpAddr::V4(found.ip()));
        v4.or_else(|| storage.as_sockaddr_in6().map(|found| IpAddr::V6(found.ip())))
    };
    let mask = match ip(one.netmask?)? {
        IpAddr::V4(mask) => u32::from(mask).leading_ones(),
        IpAddr::V6(mask) => u128::from(mask).leading_ones(),
    };
    Some(Net::of(ip(one.address?)?, mask as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_computer_is_among_them() {
        let own = "127.0.0.1".parse().unwrap();
        assert!(networks().iter().any(|net| net.holds(own)));
    }
}
