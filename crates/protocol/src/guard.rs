// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the engine and the guard say to each other.
//!
//! The guard is init in another role: it enforces, on the host's side, whom
//! networked sandboxes may talk to. A message is its length (four bytes, little
//! endian) and that many bytes of JSON. The engine always sends everything that
//! is to hold; the guard keeps no state of its own that matters.

use crate::network::{Mac, Net};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Version of these messages and of the rules that are made of them; the guard
/// refuses others. A guard of an earlier one is replaced, so it goes up with
/// every change of either.
pub const VERSION: u16 = 6;
/// Longest message either way, in bytes.
pub const MAX: usize = 2 * 1024 * 1024;
/// Most ports of one network.
pub const PORTS_MAX: usize = 256;
/// Most rules of one port's lists.
pub const PEERS_MAX: usize = 512;
/// Most names of one port's lists.
pub const NAMES_MAX: usize = 256;
/// Longest name of a host, in bytes (RFC 1035).
pub const NAME_MAX: usize = 253;

/// A part of the kernel that the rules take.
pub struct Need {
    /// The kernel's module.
    pub module: &'static str,
    /// What nft calls the expression; empty: what all of them are in.
    pub expression: &'static str,
    /// The version whose nf_tables has it, and no module of that name.
    pub until: Option<(u32, u32)>,
}

/// All that they cannot do without. What is not here either is in nf_tables of
/// every kernel since 4.19, or is done without (nft_connlimit, nft_counter).
pub const NEEDS: &[Need] = &[
    Need { module: "nf_tables", expression: "", until: None },
    Need { module: "nft_ct", expression: "ct", until: None },
    Need { module: "nft_fib_inet", expression: "fib", until: None },
    Need { module: "nft_limit", expression: "limit", until: None },
    Need { module: "nft_log", expression: "log", until: None },
    Need { module: "nft_objref", expression: "objref", until: Some((6, 2)) },
];

/// What the engine says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ToGuard {
    /// From now on exactly this holds.
    Rules(Box<Rules>),
    /// Whom did the sandbox behind this interface talk to?
    Report {
        /// The interface on the host.
        interface: String,
    },
    /// Which version is it? The question and its answer are the same in all of
    /// them; before the third there was no answer.
    Version,
}

/// What the guard answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromGuard {
    /// It holds.
    Done {
        /// Interfaces that are not there; nothing holds for them.
        missing: Vec<String>,
    },
    /// It does not; what did before does.
    Failed {
        /// What nft or the guard says.
        why: String,
    },
    /// Answer to [`ToGuard::Report`], latest last.
    Report(Vec<Contact>),
    /// Answer to [`ToGuard::Version`]: its [`VERSION`].
    Version(u16),
}

/// All rules of one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// [`VERSION`].
    pub version: u16,
    /// The bridge.
    pub bridge: String,
    /// The bridge's own address, where names are resolved.
    pub gateway: Ipv4Addr,
    /// The same for IPv6.
    pub gateway6: Option<Ipv6Addr>,
    /// The bridge's network.
    pub net: Net,
    /// The same for IPv6.
    pub net6: Option<Net>,
    /// Every sandbox on it.
    pub ports: Vec<Port>,
}

/// One sandbox on the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its interface's other end on the host.
    pub interface: String,
    /// The only hardware address that it may have.
    pub mac: Mac,
    /// The only address that it may have.
    pub address: Ipv4Addr,
    /// The same for IPv6.
    pub address6: Option<Ipv6Addr>,
    /// Whom it may talk to.
    pub policy: Policy,
    /// Nothing passes for now.
    pub cut: bool,
    /// Most bytes a second that it receives.
    pub inbound: Option<u64>,
    /// Most bytes a second that it sends.
    pub outbound: Option<u64>,
    /// Ports of this computer's loopback that lead to ports of the sandbox.
    pub forwards: Vec<Forward>,
    /// The lists' names: what the network's resolver tells the sandbox of them
    /// holds from then on.
    #[serde(default)]
    pub names: Vec<Name>,
}

/// A name of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// In small letters.
    pub name: String,
    /// Whether whoever has it may be talked to, or may not.
    pub allow: bool,
    /// Over what; over everything without one.
    pub protocol: Option<Protocol>,
    /// First and last port; all of them without.
    pub ports: Option<(u16, u16)>,
    /// See [`Peer::far`].
    pub far: bool,
}

/// A port of this computer's loopback that leads into a sandbox, over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    /// The port on 127.0.0.1 of this computer, from [`OUTER_MIN`].
    pub outer: u16,
    /// The sandbox's port.
    pub inner: u16,
}

/// Lowest port that the guard may listen at.
pub const OUTER_MIN: u16 = 1024;
/// Most forwarded ports of one sandbox.
pub const FORWARDS_MAX: usize = 16;

/// Whom a sandbox may talk to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Whom, if no list says otherwise.
    pub base: Base,
    /// Whom beside that.
    pub allow: Vec<Peer>,
    /// Whom never; it goes before `allow`.
    pub block: Vec<Peer>,
    /// Whether the network's own resolver answers it.
    pub resolver: bool,
}

/// Whom a sandbox may talk to without a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// Nobody.
    #[default]
    Nobody,
    /// The world, but neither this computer nor its networks.
    Internet,
    /// All that this computer reaches, and itself.
    All,
}

/// Somebody to talk to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Who.
    pub net: Net,
    /// Over what; over everything without one.
    pub protocol: Option<Protocol>,
    /// First and last port; all of them without.
    pub ports: Option<(u16, u16)>,
    /// Only for as long as it is no part of this computer's networks: a name of
    /// the internet led to it.
    #[serde(default)]
    pub far: bool,
}

/// A protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// Somebody whom a sandbox talked to, or tried to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Who.
    pub peer: IpAddr,
    /// Number of the protocol, as in IP's header.
    pub protocol: u8,
    /// Destination port, if the protocol has any.
    pub port: Option<u16>,
    /// Whether it was refused.
    pub refused: bool,
    /// How often.
    pub count: u64,
    /// Seconds since 1970 of the last time.
    pub last: u64,
    /// Bytes that came from there, headers included.
    #[serde(default)]
    pub received: u64,
    /// Bytes that went there.
    #[serde(default)]
    pub sent: u64,
    /// The name that the sandbox asked for when it was told this address.
    #[serde(default)]
    pub name: Option<String>,
}

impl Rules {
    /// Whether every value is one that rules may be made of: the guard trusts
    /// nobody's text.
    #[must_use]
    pub fn are_proper(&self) -> bool {
        let same_net = |ip: IpAddr, net: &Net| net.is_proper() && net.holds(ip);
        let v6 = match (self.gateway6, &self.net6) {
            (Some(ip), Some(net)) => same_net(ip.into(), net),
            (None, None) => true,
            _ => false,
        };
        let mut names: Vec<&str> = self.ports.iter().map(|port| port.interface.as_str()).collect();
        let mut addresses: Vec<Ipv4Addr> = self.ports.iter().map(|port| port.address).collect();
        names.sort_unstable();
        addresses.sort_unstable();
        let unique =
            names.windows(2).all(|two| two[0] != two[1]) && addresses.windows(2).all(|two| two[0] != two[1]);
        self.version == VERSION
            && is_interface(&self.bridge)
            && same_net(self.gateway.into(), &self.net)
            && v6
            && self.ports.len() <= PORTS_MAX
            && unique
            && self.ports.iter().all(|port| self.is_proper(port))
    }

    fn is_proper(&self, port: &Port) -> bool {
        let lists = [&port.policy.allow, &port.policy.block];
        is_interface(&port.interface)
            && port.interface != self.bridge
            && port.mac.is_unicast()
            && port.address != self.gateway
            && self.net.holds(port.address.into())
            && port.address6.is_none_or(|ip| {
                Some(ip) != self.gateway6 && self.net6.is_some_and(|net| net.holds(ip.into()))
            })
            && [port.inbound, port.outbound].iter().flatten().all(|rate| (RATE_MIN..=RATE_MAX).contains(rate))
            && port.forwards.len() <= FORWARDS_MAX
            && port.forwards.iter().all(|one| one.outer >= OUTER_MIN && one.inner > 0)
            && port.names.len() <= NAMES_MAX
            && port.names.iter().all(Name::is_proper)
            && lists.iter().all(|list| list.len() <= PEERS_MAX && list.iter().all(Peer::is_proper))
    }
}

/// Slowest and fastest bandwidth that can be kept, in bytes a second.
pub const RATE_MIN: u64 = 1024;
/// See [`RATE_MIN`].
pub const RATE_MAX: u64 = 100 << 30;

impl Name {
    /// Whether it is one, with what it stands for.
    #[must_use]
    pub fn is_proper(&self) -> bool {
        is_host_name(&self.name) && are_ports(self.protocol, self.ports)
    }

    /// Whom it is, at one of its addresses.
    #[must_use]
    pub fn at(&self, ip: IpAddr) -> Peer {
        let net = Net::of(ip, crate::network::bits(ip));
        Peer { net, protocol: self.protocol, ports: self.ports, far: self.far }
    }
}

fn are_ports(protocol: Option<Protocol>, ports: Option<(u16, u16)>) -> bool {
    ports.is_none_or(|(first, last)| first <= last && protocol.is_some())
}

/// Whether it is nothing but letters, digits, and what else names of hosts
/// have, in small letters.
#[must_use]
pub fn is_host_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(good)
}

impl Peer {
    /// Whether it is somebody.
    #[must_use]
    pub fn is_proper(&self) -> bool {
        self.net.is_proper() && are_ports(self.protocol, self.ports)
    }
}

/// Whether the kernel takes it for an interface's name, and nft's language for
/// nothing else.
#[must_use]
pub fn is_interface(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..16).contains(&name.len()) && name.bytes().all(good)
}

/// A packet's start, as the kernel logged it: its destination, protocol and
/// port. `None` if it is no whole header.
#[must_use]
pub fn destination(packet: &[u8]) -> Option<(IpAddr, IpAddr, u8, Option<u16>)> {
    let at = |index: usize| packet.get(index).copied();
    let (source, peer, protocol, rest) = match at(0)? >> 4 {
        4 => {
            let length = usize::from(at(0)? & 15) * 4;
            let ip =
                |from: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(from..from + 4)?).ok()?));
            let first = u16::from_be_bytes([at(6)?, at(7)?]) & 0x1fff == 0;
            let rest = if first && length >= 20 { packet.get(length..) } else { None };
            (IpAddr::V4(ip(12)?), IpAddr::V4(ip(16)?), at(9)?, rest)
        }
        6 => {
            let ip =
                |from: usize| Some(Ipv6Addr::from(<[u8; 16]>::try_from(packet.get(from..from + 16)?).ok()?));
            (IpAddr::V6(ip(8)?), IpAddr::V6(ip(24)?), at(6)?, packet.get(40..))
        }
        _ => return None,
    };
    let has_ports = matches!(protocol, 6 | 17 | 33 | 132 | 136);
    let port =
        rest.filter(|rest| has_ports && rest.len() >= 4).map(|rest| u16::from_be_bytes([rest[2], rest[3]]));
    Some((source, peer, protocol, port))
}
