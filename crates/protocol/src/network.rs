// SPDX-License-Identifier: LGPL-2.1-or-later
//! The network of a sandbox, as init is told to raise it.

use crate::Bytes;
use serde::{de, Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// All of it. Whom the sandbox may talk to is enforced outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// In this order they become eth0, eth1, …
    pub interfaces: Vec<Interface>,
    /// Servers that resolve names; what DHCP hears comes behind them.
    pub resolvers: Vec<IpAddr>,
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// What it is found by.
    pub mac: Mac,
    /// Addresses that it gets.
    pub addresses: Vec<Address>,
    /// Routes through it, beside those of its addresses.
    pub routes: Vec<Route>,
    /// Whether it asks for an address, routes and resolvers.
    pub dhcp: bool,
}

/// An address in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Length of the network's prefix in bits.
    pub prefix: u8,
    /// Whom broadcasts go to, if not to the usual address. IPv4 only.
    pub broadcast: Option<IpAddr>,
}

/// A way to other networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Where it leads.
    pub to: Net,
    /// Through whom; nobody if that network is on the interface itself.
    pub gateway: Option<IpAddr>,
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Net {
    /// Its first address.
    pub ip: IpAddr,
    /// Length of its prefix in bits.
    pub prefix: u8,
}

/// Never part of the internet, whatever this computer's networks are: private,
/// shared and link-local ranges, benchmarks, multicast, and the address that
/// one cloud keeps its metadata at (RFC 6890).
const NEVER: &[([u8; 4], u8)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([168, 63, 129, 16], 32),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([224, 0, 0, 0], 3),
];

/// The same for IPv6, of what lies in [`WORLD6`]: ways into IPv4.
const NEVER6: &[([u16; 2], u8)] = &[([0x2001, 0], 32), ([0x2002, 0], 16)];

/// Where the internet is, of IPv6.
const WORLD6: Net = Net { ip: IpAddr::V6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0)), prefix: 3 };

/// Networks that are never part of the internet; of IPv6 those in 2000::/3,
/// beyond which nothing is.
pub fn never() -> impl Iterator<Item = Net> {
    let v4 = NEVER.iter().map(|&(ip, prefix)| Net { ip: IpAddr::V4(ip.into()), prefix });
    let v6 = NEVER6
        .iter()
        .map(|&([a, b], prefix)| Net { ip: IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0)), prefix });
    v4.chain(v6)
}

/// Whether an address can be part of the internet.
#[must_use]
pub fn is_of_the_internet(ip: IpAddr) -> bool {
    (ip.is_ipv4() || WORLD6.holds(ip)) && !never().any(|net| net.holds(ip))
}

/// What is shorter is a way into the world rather than a network.
const SHORTEST: u8 = 8;
const SHORTEST6: u8 = 16;

/// The networks that a computer is in: those of its addresses, and those that
/// it has routes to without a gateway.
#[must_use]
pub fn joined(mut addresses: Vec<Net>, route: &str, route6: &str) -> Vec<Net> {
    addresses.extend(routes(route));
    addresses.extend(routes6(route6));
    addresses.retain(|net| net.prefix >= if net.ip.is_ipv4() { SHORTEST } else { SHORTEST6 });
    addresses.sort_unstable();
    addresses.dedup();
    addresses
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

/// Bits of an address of that kind.
#[must_use]
pub fn bits(ip: IpAddr) -> u8 {
    if ip.is_ipv4() {
        32
    } else {
        128
    }
}

impl Net {
    /// The network of an address.
    #[must_use]
    pub fn of(ip: IpAddr, prefix: u8) -> Self {
        let prefix = prefix.min(bits(ip));
        let ip = match ip {
            IpAddr::V4(ip) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V4((u32::from(ip) & mask).into())
            }
            IpAddr::V6(ip) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V6((u128::from(ip) & mask).into())
            }
        };
        Self { ip, prefix }
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn holds(&self, ip: IpAddr) -> bool {
        ip.is_ipv4() == self.ip.is_ipv4() && Self::of(ip, self.prefix) == Self::of(self.ip, self.prefix)
    }

    /// Whether two have an address in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        if self.prefix <= other.prefix {
            self.holds(other.ip)
        } else {
            other.holds(self.ip)
        }
    }

    /// Whether it is one of that kind, and its first address is the first.
    #[must_use]
    pub fn is_proper(&self) -> bool {
        self.prefix <= bits(self.ip) && Self::of(self.ip, self.prefix).ip == self.ip
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// The hardware address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Whether one interface can have it: it is nobody's but its own.
    #[must_use]
    pub fn is_unicast(self) -> bool {
        self.0[0] & 1 == 0 && self.0 != [0; 6]
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut mac = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut mac {
            let part = parts.next().filter(|part| part.len() == 2).ok_or(())?;
            if !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| ())?;
        }
        if parts.next().is_some() {
            return Err(());
        }
        Ok(Self(mac))
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| de::Error::custom("no hardware address"))
    }
}

/// What `/etc/resolv.conf` says with these servers.
#[must_use]
pub fn resolv_conf(resolvers: &[IpAddr]) -> Bytes {
    // The C library heeds three.
    let line = |ip: &IpAddr| format!("nameserver {ip}\n");
    let lines: String = resolvers.iter().take(3).map(line).collect();
    Bytes::from(format!("# This sandbox's own, made when it was started.\n{lines}options edns0 trust-ad\n"))
}

/// What `/etc/hosts` says.
#[must_use]
pub fn hosts(host_name: &str, addresses: &[IpAddr]) -> Bytes {
    let own: String = addresses.iter().map(|ip| format!("{ip} {host_name}\n")).collect();
    let own = if addresses.is_empty() { format!("127.0.1.1 {host_name}\n") } else { own };
    Bytes::from(format!("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{own}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_what_is_in_them() {
        let net = |text: &str, prefix| Net::of(text.parse().unwrap(), prefix);
        assert_eq!(net("10.1.2.3", 24).to_string(), "10.1.2.0/24");
        assert_eq!(net("10.1.2.3", 0).to_string(), "0.0.0.0/0");
        assert_eq!(net("fd00::1:2", 64).to_string(), "fd00::/64");
        assert!(net("10.1.2.3", 24).holds("10.1.2.255".parse().unwrap()));
        assert!(!net("10.1.2.3", 24).holds("10.1.3.0".parse().unwrap()));
        assert!(!net("0.0.0.0", 0).holds("::1".parse().unwrap()));
        assert!(
            net("10.0.0.0", 8).overlaps(&net("10.1.2.3", 24))
                && net("10.1.2.3", 24).overlaps(&net("10.0.0.0", 8))
        );
        assert!(!net("10.0.0.0", 9).overlaps(&net("10.128.0.0", 9)));
        assert!(!Net { ip: "10.0.0.1".parse().unwrap(), prefix: 8 }.is_proper());
        assert!(!Net { ip: "10.0.0.0".parse().unwrap(), prefix: 33 }.is_proper());
    }

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

    #[test]
    fn hardware_addresses_are_read() {
        let mac: Mac = "52:54:00:Ab:cd:01".parse().unwrap();
        assert_eq!(mac.to_string(), "52:54:00:ab:cd:01");
        assert!(mac.is_unicast() && !"01:00:5e:00:00:01".parse::<Mac>().unwrap().is_unicast());
        for text in [
            "",
            "52:54:00:ab:cd",
            "52:54:00:ab:cd:01:02",
            "52:54:00:ab:cd:1",
            "52-54-00-ab-cd-01",
            "+2:54:00:ab:cd:01",
        ] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }
}
