// SPDX-License-Identifier: LGPL-2.1-or-later
//! Names and addresses that follow from whose a sandbox is and its number.
//! The number is nobody else's while it runs: it was taken under a lock.

use std::net::{Ipv4Addr, Ipv6Addr};
use terrarium_protocol::network::{Mac, Net};

/// Highest number of a sandbox that has an address on the own network.
pub const NUMBER_MAX: u32 = 253;

/// The user's own network in libvirt.
pub fn network(caller: u32) -> String {
    format!("terrarium-{caller}")
}

/// Its bridge.
pub fn bridge(caller: u32) -> String {
    format!("trm-{}", short(caller))
}

/// The guard's domain.
pub fn guard(caller: u32) -> String {
    format!("terrarium-guard-{caller}")
}

/// The filter of a sandbox, where libvirt's filters enforce.
pub fn filter(caller: u32, number: u32) -> String {
    format!("{}{number}", filters(caller))
}

/// What the names of all of them begin with.
pub fn filters(caller: u32) -> String {
    format!("terrarium-{caller}-")
}

/// The bridge's hardware address.
pub fn bridge_mac(caller: u32) -> Mac {
    let [_, a, b, c] = caller.to_be_bytes();
    Mac([0x52, 0x54, 0xff, a, b, c])
}

/// The other end of an interface on the host. At most 15 characters, and none
/// of the names that libvirt gives by itself.
pub fn interface(caller: u32, number: u32, index: usize) -> String {
    format!("t{}-{}-{}", short(caller), short(number), short(index as u32 % 36))
}

/// The hardware address of an interface. The same for the same number, so that
/// nobody remembers another one for its address.
pub fn mac(caller: u32, number: u32, index: usize) -> Mac {
    let [a, b, c, d] = caller.wrapping_mul(256).wrapping_add(number).to_be_bytes();
    Mac([0x52, 0x54, index as u8 ^ a, b, c, d])
}

/// A number in few letters.
fn short(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(number % 36, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

/// A sandbox's address.
pub fn address(net: &Net, number: u32) -> Option<Ipv4Addr> {
    let std::net::IpAddr::V4(first) = net.ip else { return None };
    (1..=NUMBER_MAX).contains(&number).then(|| Ipv4Addr::from(u32::from(first) + 1 + number))
}

/// The same for IPv6.
pub fn address6(net: &Net, number: u32) -> Option<Ipv6Addr> {
    let std::net::IpAddr::V6(first) = net.ip else { return None };
    (1..=NUMBER_MAX).contains(&number).then(|| Ipv6Addr::from(u128::from(first) + 1 + u128::from(number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrarium_protocol::guard::is_interface;

    #[test]
    fn the_kernel_takes_every_name() {
        assert_eq!(interface(1000, 3, 0), "trs-3-0");
        for name in [interface(u32::MAX, 99_999, 9), bridge(u32::MAX), interface(0, 1, 0)] {
            assert!(is_interface(&name), "{name}");
        }
        assert!(mac(u32::MAX, 99, 7).is_unicast() && bridge_mac(7).is_unicast());
        assert_ne!(mac(1000, 3, 0), mac(1000, 3, 1));
        let net = Net::of("10.1.2.0".parse().unwrap(), 24);
        assert_eq!(address(&net, 1), Some(Ipv4Addr::new(10, 1, 2, 2)));
        assert_eq!((address(&net, 253), address(&net, 254)), (Some(Ipv4Addr::new(10, 1, 2, 254)), None));
    }
}
