// SPDX-License-Identifier: LGPL-2.1-or-later
//! What people write about networks, read.

use std::net::IpAddr;
use terrarium_protocol::guard::{Forward, Peer, Protocol, OUTER_MIN};
use terrarium_protocol::network::{bits, Address, Net, Route};

/// Longest name of a host (RFC 1035), of a network or of a filter, in bytes.
const NAME_MAX: usize = 253;

/// `IP/PREFIX` or `IP/PREFIX%BROADCAST`.
#[must_use]
pub fn address(text: &str) -> Option<Address> {
    let (net, broadcast) = match text.split_once('%') {
        Some((net, broadcast)) => (net, Some(broadcast.parse::<IpAddr>().ok()?)),
        None => (text, None),
    };
    let (ip, prefix) = ip_and_prefix(net)?;
    let is_good = |broadcast: IpAddr| ip.is_ipv4() && Net::of(ip, prefix).holds(broadcast);
    if prefix == 0 || ip.is_unspecified() || ip.is_multicast() || !broadcast.is_none_or(is_good) {
        return None;
    }
    Some(Address { ip, prefix, broadcast })
}

/// `NET/PREFIX%GATEWAY`, or `NET/PREFIX` for what is on the interface itself.
#[must_use]
pub fn route(text: &str) -> Option<Route> {
    let (net, gateway) = match text.split_once('%') {
        Some((net, gateway)) => (net, Some(gateway.parse::<IpAddr>().ok()?)),
        None => (text, None),
    };
    let (ip, prefix) = ip_and_prefix(net)?;
    let to = Net { ip, prefix };
    let fits = gateway.is_none_or(|gateway| {
        gateway.is_ipv4() == ip.is_ipv4() && !gateway.is_unspecified() && !gateway.is_multicast()
    });
    (to.is_proper() && fits).then_some(Route { to, gateway })
}

/// Two routes of which nobody could say which one holds. A default route holds
/// where no other does.
#[must_use]
pub fn conflict(one: &Route, other: &Route) -> bool {
    one.to == other.to || (one.to.prefix > 0 && other.to.prefix > 0 && one.to.overlaps(&other.to))
}

fn ip_and_prefix(text: &str) -> Option<(IpAddr, u8)> {
    let (ip, prefix) = text.split_once('/')?;
    let ip: IpAddr = ip.parse().ok()?;
    let prefix = number(prefix)?;
    (prefix <= u16::from(bits(ip))).then_some((ip, prefix as u8))
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn port(text: &str) -> Option<u16> {
    number(text).filter(|&port| port > 0)
}

/// Whom a list names.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    /// Everybody.
    Any,
    /// A range.
    Net(Net),
    /// A name that is to be resolved.
    Name(String),
}

/// An entry of `network.allow` or `network.block`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// Who.
    pub host: Host,
    /// Over what.
    pub protocol: Option<Protocol>,
    /// First and last port.
    pub ports: Option<(u16, u16)>,
}

/// `HOST`, `HOST:PORT`, `HOST:PORT/tcp`, `HOST:FIRST-LAST/udp`, where HOST is a
/// name, an address, a range, or `*`. An IPv6 address with a port stands in
/// brackets.
#[must_use]
pub fn entry(text: &str) -> Option<Entry> {
    let (rest, protocol) = match text.rsplit_once('/') {
        Some((rest, "tcp")) => (rest, Some(Protocol::Tcp)),
        Some((rest, "udp")) => (rest, Some(Protocol::Udp)),
        _ => (text, None),
    };
    let (host, ports) = split_ports(rest)?;
    Some(Entry { host: host_of(&host)?, protocol, ports: ports.map(range).unwrap_or(Some(None))? })
}

/// Takes `:PORTS` off, if it is there.
fn split_ports(text: &str) -> Option<(String, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (ip, rest) = rest.split_once(']')?;
        let (prefix, ports) = match rest.split_once(':') {
            Some((prefix, ports)) => (prefix, Some(ports)),
            None => (rest, None),
        };
        let is_good = prefix.is_empty() || prefix.starts_with('/');
        return (is_good && ip.contains(':')).then(|| (format!("{ip}{prefix}"), ports));
    }
    match text.rsplit_once(':') {
        Some((host, ports)) if !host.contains(':') => Some((host.to_owned(), Some(ports))),
        _ => Some((text.to_owned(), None)),
    }
}

fn range(text: &str) -> Option<Option<(u16, u16)>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some(Some((first, last)))
}

fn host_of(text: &str) -> Option<Host> {
    if text == "*" {
        return Some(Host::Any);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(Host::Net(Net::of(ip, bits(ip))));
    }
    if text.contains('/') {
        let (ip, prefix) = ip_and_prefix(text)?;
        return Some(Net { ip, prefix }).filter(Net::is_proper).map(Host::Net);
    }
    is_host_name(text).then(|| Host::Name(text.to_ascii_lowercase()))
}

fn is_host_name(text: &str) -> bool {
    let good = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    let label =
        |label: &str| (1..64).contains(&label.len()) && label.bytes().all(good) && !label.starts_with('-');
    let name = text.strip_suffix('.').unwrap_or(text);
    // What looks like a broken address is one.
    let is_number = name.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    (1..=NAME_MAX).contains(&name.len()) && !is_number && name.split('.').all(label)
}

/// `OUTER:INNER`: a port of this computer's loopback, a port of the sandbox.
#[must_use]
pub fn forward(text: &str) -> Option<Forward> {
    let (outer, inner) = text.split_once(':')?;
    let (outer, inner) = (port(outer)?, port(inner)?);
    (outer >= OUTER_MIN).then_some(Forward { outer, inner })
}

/// Whether libvirt can have a network or a filter of that name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let bad = |c: char| c == '/' || c.is_control();
    !text.trim().is_empty() && text.len() <= NAME_MAX && !text.contains(bad)
}

/// Whether a filter can have a parameter of that name.
#[must_use]
pub fn is_parameter(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(good)
}

impl Entry {
    /// As rules have it, for these addresses.
    pub fn peers(&self, nets: &[Net]) -> Vec<Peer> {
        let both = [Protocol::Tcp, Protocol::Udp];
        let protocols: Vec<Option<Protocol>> = match (self.protocol, self.ports) {
            (None, Some(_)) => both.map(Some).to_vec(),
            (protocol, _) => vec![protocol],
        };
        let peers = nets.iter().flat_map(|net| {
            protocols.iter().map(move |&protocol| Peer { net: *net, protocol, ports: self.ports, far: false })
        });
        peers.collect()
    }

    /// The ranges that it names itself.
    #[must_use]
    pub fn nets(&self) -> Vec<Net> {
        match &self.host {
            Host::Any => ["0.0.0.0", "::"]
                .map(|text| Net { ip: text.parse().unwrap_or(IpAddr::V4(0.into())), prefix: 0 })
                .to_vec(),
            Host::Net(net) => vec![*net],
            Host::Name(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_and_routes_are_read() {
        let good = address("192.168.122.5/24%192.168.122.255").unwrap();
        assert_eq!((good.prefix, good.broadcast), (24, Some("192.168.122.255".parse().unwrap())));
        assert!(address("fd00::5/64").is_some() && address("10.0.0.1/32").is_some());
        for text in [
            "",
            "10.0.0.1",
            "10.0.0.1/33",
            "10.0.0.1/+8",
            "10.0.0.1/0",
            "10.0.0.256/8",
            "0.0.0.0/8",
            "224.0.0.1/8",
            "fd00::5/129",
            "10.0.0.1/24%10.0.1.255",
            "fd00::1/64%fd00::ff",
            "10.0.0.1/24%",
            "10.0.0.1/24/8",
        ] {
            assert_eq!(address(text), None, "{text}");
        }
        assert!(route("10.0.0.0/8%192.168.122.1").is_some() && route("0.0.0.0/0%10.0.0.1").is_some());
        assert!(route("::/0%fe80::1").is_some() && route("10.0.0.0/8").unwrap().gateway.is_none());
        for text in [
            "",
            "10.0.0.1/8%10.0.0.2",
            "10.0.0.0/8%fd00::1",
            "10.0.0.0/33%1.2.3.4",
            "10.0.0.0/8%0.0.0.0",
            "10.0.0.0%1.2.3.4",
        ] {
            assert_eq!(route(text), None, "{text}");
        }
        let conflicts = |one: &str, other: &str| conflict(&route(one).unwrap(), &route(other).unwrap());
        assert!(conflicts("10.0.0.0/8%1.2.3.4", "10.1.0.0/16%1.2.3.4") && conflicts("::/0", "::/0%fe80::1"));
        assert!(
            !conflicts("0.0.0.0/0%1.2.3.4", "10.1.0.0/16%1.2.3.4")
                && !conflicts("10.0.0.0/9", "10.128.0.0/9")
        );
    }

    #[test]
    fn forwards_are_read() {
        assert_eq!(forward("8080:80"), Some(Forward { outer: 8080, inner: 80 }));
        for text in ["", "80", "80:80", "8080:0", "70000:80", "8080:70000", "a:b", "8080:80:1", "+8080:80"] {
            assert_eq!(forward(text), None, "{text}");
        }
    }

    #[test]
    fn entries_of_lists_are_read() {
        let is = |text: &str| {
            let one = entry(text).unwrap_or_else(|| panic!("{text}"));
            let host = match one.host {
                Host::Any => "*".to_owned(),
                Host::Net(net) => net.to_string(),
                Host::Name(name) => name,
            };
            (host, one.protocol, one.ports)
        };
        let (tcp, udp) = (Some(Protocol::Tcp), Some(Protocol::Udp));
        assert_eq!(is("Example.org"), ("example.org".into(), None, None));
        assert_eq!(is("example.org:443/tcp"), ("example.org".into(), tcp, Some((443, 443))));
        assert_eq!(is("10.0.0.0/8"), ("10.0.0.0/8".into(), None, None));
        assert_eq!(is("10.0.0.0/8:53-60/udp"), ("10.0.0.0/8".into(), udp, Some((53, 60))));
        assert_eq!(is("10.0.0.1/tcp"), ("10.0.0.1/32".into(), tcp, None));
        assert_eq!(is("2001:db8::1"), ("2001:db8::1/128".into(), None, None));
        assert_eq!(is("[2001:db8::]/32:5"), ("2001:db8::/32".into(), None, Some((5, 5))));
        assert_eq!(is("*:80"), ("*".into(), None, Some((80, 80))));
        for text in [
            "",
            ":80",
            "a:70000",
            "a:0",
            "a:9-1",
            "10.0.0.1/33",
            "10.0.0.1/8",
            "10.0.0",
            "a b",
            "a..b",
            "[a]:1",
            "[::1",
            "-a",
            "a:",
            "a/sctp",
            "a:1/icmp",
            "::1/tcp/udp",
        ] {
            assert_eq!(entry(text), None, "{text}");
        }
        assert_eq!(entry("*:80").map(|one| one.peers(&one.nets()).len()), Some(4));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text: String) {
            let _ = (address(&text), route(&text), entry(&text), is_name(&text));
        }

        #[test]
        fn what_is_written_is_read_again(ip: [u8; 4], prefix in 1u8..=32, first in 1u16.., last in 1u16..) {
            let net = Net::of(IpAddr::from(ip), prefix);
            let (first, last) = (first.min(last), first.max(last));
            let one = entry(&format!("{net}:{first}-{last}/udp")).unwrap();
            prop_assert_eq!((one.host, one.ports), (Host::Net(net), Some((first, last))));
            let route = route(&format!("{net}%10.0.0.1")).unwrap();
            prop_assert_eq!(route.to, net);
        }
    }
}
