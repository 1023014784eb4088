// SPDX-License-Identifier: LGPL-2.1-or-later
//! The network of a sandbox that runs: how much, with whom, and what can be
//! changed.

use super::guard::{self, Saved};
use super::here;
use super::values::{Entry, Host};
use crate::error::{Error, NetworkError};
use crate::sandbox::{Id, Real};
use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;
use terrarium_protocol::guard::{Base, Contact, Peer, Policy, Port, Protocol, PEERS_MAX};
use terrarium_protocol::network::{bits, is_of_the_internet, Net};

/// What can be changed while a sandbox runs. It holds at once, and until it is
/// changed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing passes any more.
    Cut,
    /// It does again.
    Restore,
    /// Whom it may talk to, beside the lists.
    Base(Base),
    /// Somebody whom it may talk to, and no longer may not.
    Allow(Entry),
    /// Somebody whom it may not talk to.
    Block(Entry),
    /// Bytes a second that it receives and sends, at most.
    Bandwidth {
        /// It receives.
        inbound: Option<u64>,
        /// It sends.
        outbound: Option<u64>,
    },
}

/// What there is to know of a sandbox's network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whom it may talk to.
    pub policy: Policy,
    /// Its lists, as people write them: whom it may talk to.
    pub allowed: Vec<String>,
    /// Whom it may not talk to.
    pub blocked: Vec<String>,
    /// Whether it is cut.
    pub cut: bool,
    /// Bytes a second that it receives at most.
    pub inbound: Option<u64>,
    /// Bytes a second that it sends at most.
    pub outbound: Option<u64>,
    /// Bytes that it received since it was started.
    pub received: u64,
    /// Bytes that it sent.
    pub sent: u64,
    /// Whom it talked to or tried to, latest last.
    pub contacts: Vec<Contact>,
    /// Whether anybody sees that; nobody does where libvirt's filter enforces.
    pub seen: bool,
}

/// What the lists say of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Unlisted,
    /// May be talked to.
    Allowed,
    /// May not be talked to; taking it off the list mends that.
    Blocked,
    /// May not be talked to, because of an entry that names others, too.
    BlockedWithOthers,
}

impl Usage {
    /// What the lists say of one whom it met.
    #[must_use]
    pub fn standing(&self, contact: &Contact) -> Standing {
        let one = met(contact);
        let own = one.peers(&one.nets());
        let names = |list: &[Peer]| list.iter().any(|peer| covers(peer, contact));
        let exactly =
            |list: &[Peer]| list.iter().filter(|peer| covers(peer, contact)).all(|peer| own.contains(peer));
        match (names(&self.policy.block), names(&self.policy.allow)) {
            (true, _) if exactly(&self.policy.block) => Standing::Blocked,
            (true, _) => Standing::BlockedWithOthers,
            (false, true) => Standing::Allowed,
            (false, false) => Standing::Unlisted,
        }
    }
}

/// The entry that names somebody whom a sandbox met, and nobody else. Without
/// ports that can be told apart it is all that they may say to each other.
#[must_use]
pub fn met(contact: &Contact) -> Entry {
    let protocol = match contact.protocol {
        6 => Some(Protocol::Tcp),
        17 => Some(Protocol::Udp),
        _ => None,
    };
    let ports = contact.port.filter(|port| *port > 0 && protocol.is_some()).map(|port| (port, port));
    Entry { host: Host::Net(Net::of(contact.peer, bits(contact.peer))), protocol, ports }
}

fn covers(peer: &Peer, contact: &Contact) -> bool {
    let protocol = peer.protocol.is_none_or(|protocol| met(contact).protocol == Some(protocol));
    let ports = peer
        .ports
        .is_none_or(|(first, last)| contact.port.is_some_and(|port| (first..=last).contains(&port)));
    peer.net.holds(contact.peer) && protocol && ports
}

/// See [`crate::sandbox::Driver::change_network`].
pub fn change(real: &Real, id: &Id, change: &Change) -> Result<(), Error> {
    let directory = real.own_directory(id)?;
    let has_filter = || guard::read(&directory).is_some_and(|saved| saved.filter.is_some());
    if matches!(change, Change::Bandwidth { .. }) && has_filter() {
        return Err(Error::Network(NetworkError::BandwidthNeedsNft));
    }
    // Names are looked up before anything is locked.
    let peers = match change {
        Change::Allow(entry) => resolve_allowed(std::slice::from_ref(entry))?,
        Change::Block(entry) => resolve(std::slice::from_ref(entry))?,
        _ => Vec::new(),
    };
    guard::change(real, &directory, |Saved { port, named, .. }| {
        match change {
            Change::Allow(entry) => named.put(entry, true),
            Change::Block(entry) => named.put(entry, false),
            _ => {}
        }
        make(port, change, peers);
        true
    })
}

fn make(port: &mut Port, change: &Change, peers: Vec<Peer>) {
    match change {
        Change::Cut => port.cut = true,
        Change::Restore => port.cut = false,
        Change::Base(base) => {
            port.policy.base = *base;
            port.policy.resolver |= *base != Base::Nobody;
        }
        Change::Allow(_) => {
            port.policy.block.retain(|one| !peers.contains(one));
            add(&mut port.policy.allow, peers);
        }
        Change::Block(_) => {
            port.policy.allow.retain(|one| !peers.contains(one));
            add(&mut port.policy.block, peers);
        }
        Change::Bandwidth { inbound, outbound } => (port.inbound, port.outbound) = (*inbound, *outbound),
    }
}

/// Adds whom a list lacks, as long as there is room.
pub(super) fn add(list: &mut Vec<Peer>, peers: Vec<Peer>) {
    for peer in peers {
        if !list.contains(&peer) && list.len() < PEERS_MAX {
            list.push(peer);
        }
    }
}

/// See [`crate::sandbox::Driver::network`].
pub fn usage(real: &Real, id: &Id) -> Result<Usage, Error> {
    let directory = real.own_directory(id)?;
    let saved = guard::read(&directory).ok_or(Error::Network(NetworkError::NotOwn))?;
    let Saved { mut port, named, filter, .. } = saved;
    let seen = filter.is_none();
    let (allowed, blocked) = named.listed(&port.policy);
    let mut contacts = if seen { guard::report(real, &port)? } else { Vec::new() };
    // The guard gives what it heard, and the user's own word goes before that.
    named.add_told(&mut port.policy, &contacts);
    for contact in &mut contacts {
        if let Some(name) = named.name_of(contact) {
            contact.name = Some(name);
        }
    }
    let statistics = Path::new("/sys/class/net").join(&port.interface).join("statistics");
    let count = |name: &str| {
        let text = std::fs::read_to_string(statistics.join(name)).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    };
    let mut addresses = vec![IpAddr::V4(port.address)];
    addresses.extend(port.address6.map(IpAddr::V6));
    // What the host's end sends is what the sandbox receives.
    let (received, sent) = (count("tx_bytes"), count("rx_bytes"));
    let Port { policy, cut, inbound, outbound, .. } = port;
    Ok(Usage { addresses, policy, allowed, blocked, cut, inbound, outbound, received, sent, contacts, seen })
}

/// Everybody whom the entries of a list mean, names looked up.
///
/// # Errors
/// A name has no address.
pub fn resolve(list: &[Entry]) -> Result<Vec<Peer>, Error> {
    peers(list, false, look_up)
}

/// The same of a list of whom a sandbox may talk to. Whoever answers for a name
/// of the internet, who may be the one that made the sandbox's program, opens
/// nothing of this computer's networks with it.
///
/// # Errors
/// A name has no address, or none of the internet.
pub fn resolve_allowed(list: &[Entry]) -> Result<Vec<Peer>, Error> {
    let here = here::networks();
    peers(list, true, |name| not_rebound(name, look_up(name)?, &here))
}

fn peers(
    list: &[Entry],
    allowed: bool,
    look_up: impl Fn(&str) -> Result<Vec<Net>, Error>,
) -> Result<Vec<Peer>, Error> {
    let mut all = Vec::new();
    for entry in list {
        let (nets, far) = match &entry.host {
            Host::Name(name) => (look_up(name)?, allowed && !is_local(name)),
            _ => (entry.nets(), false),
        };
        add(&mut all, entry.peers(&nets).into_iter().map(|peer| Peer { far, ..peer }).collect());
    }
    Ok(all)
}

/// Last parts of names that nobody on the internet answers for: RFC 6761, 6762
/// and 8375, what ICANN has set aside, and what routers use.
const LOCAL: &[&str] = &["arpa", "corp", "home", "internal", "lan", "local", "localhost", "test"];

/// Whether nobody on the internet answers for a name.
pub(super) fn is_local(name: &str) -> bool {
    let last = name.trim_end_matches('.').rsplit_once('.').map(|(_, last)| last.to_ascii_lowercase());
    last.is_none_or(|last| LOCAL.contains(&last.as_str()))
}

/// Leaves out what is not of the internet, or of a network that this computer
/// is in (`here`), unless the name is not of the internet, either.
fn not_rebound(name: &str, mut nets: Vec<Net>, here: &[Net]) -> Result<Vec<Net>, Error> {
    if is_local(name) {
        return Ok(nets);
    }
    let first = nets.first().copied();
    nets.retain(|net| is_of_the_internet(net.ip) && !here.iter().any(|one| one.holds(net.ip)));
    match (nets.is_empty(), first) {
        (true, Some(net)) => {
            Err(Error::Network(NetworkError::NotOfTheInternet { name: name.to_owned(), address: net.ip }))
        }
        _ => Ok(nets),
    }
}

fn look_up(name: &str) -> Result<Vec<Net>, Error> {
    let unknown = || Error::Network(NetworkError::UnknownHost { name: name.to_owned() });
    let found = (name, 0).to_socket_addrs().map_err(|_| unknown())?;
    let mut nets: Vec<Net> = found.map(|one| Net::of(one.ip(), bits(one.ip()))).collect();
    nets.sort_unstable();
    nets.dedup();
    if nets.is_empty() {
        return Err(unknown());
    }
    Ok(nets)
}

#[cfg(test)]
mod tests {
    use super::super::values::entry;
    use super::*;

    #[test]
    fn a_name_of_the_internet_opens_no_network_of_this_computer() {
        let nets = |text: &str| -> Vec<Net> {
            text.split_whitespace().flat_map(|one| entry(one).unwrap().nets()).collect()
        };
        let world = "192.0.2.1 2001:db8::1";
        // Addresses that could be anybody's, of this computer's own network.
        let here = nets("203.0.113.0/24 2001:db8:7::/48");
        let near = "10.1.2.3 127.0.0.1 169.254.169.254 192.168.1.1 ::1 fd00::1 fe80::1 ::ffff:192.168.1.1 2002:c0a8:101::1 203.0.113.9 2001:db8:7::9";
        let all = nets(&format!("{near} {world}"));
        for name in ["example.org", "example.org.", "lan.example", "a.LAN.Org"] {
            assert_eq!(not_rebound(name, all.clone(), &here).unwrap(), nets(world), "{name}");
            let refused = not_rebound(name, nets(near), &here).unwrap_err();
            assert!(matches!(refused, Error::Network(NetworkError::NotOfTheInternet { .. })), "{name}");
        }
        for name in ["printer", "printer.local", "Printer.LAN.", "nas.home.arpa", "git.internal"] {
            assert_eq!(not_rebound(name, all.clone(), &here).unwrap(), all, "{name}");
        }
    }

    #[test]
    fn lists_say_who_is_blocked_and_by_what() {
        let list = |text: &str| {
            let one = entry(text).unwrap();
            one.peers(&one.nets())
        };
        let (tcp, icmp) = (6, 1);
        let who = |protocol, port| Contact {
            peer: "192.0.2.7".parse().unwrap(),
            protocol,
            port,
            refused: false,
            count: 1,
            last: 0,
            received: 0,
            sent: 0,
            name: None,
        };
        let standing = |allow: &str, block: &str, contact: &Contact| {
            let read = |text: &str| text.split_whitespace().flat_map(list).collect();
            let policy = Policy { allow: read(allow), block: read(block), ..Policy::default() };
            Usage { policy, seen: true, ..Usage::default() }.standing(contact)
        };
        let web = who(tcp, Some(443));
        assert_eq!(standing("", "192.0.2.8 192.0.2.7:80/tcp 192.0.2.7/udp", &web), Standing::Unlisted);
        assert_eq!(standing("192.0.2.0/24:1-500", "", &web), Standing::Allowed);
        assert_eq!(standing("*", "192.0.2.7:443/tcp", &web), Standing::Blocked);
        for range in ["192.0.2.0/24", "192.0.2.7", "192.0.2.7/tcp", "*:443"] {
            assert_eq!(standing("", range, &web), Standing::BlockedWithOthers, "{range}");
        }
        assert_eq!(standing("", "192.0.2.7", &who(icmp, None)), Standing::Blocked);
        assert_eq!(standing("", "192.0.2.7/tcp", &who(icmp, None)), Standing::Unlisted);
        assert_eq!(met(&web), entry("192.0.2.7:443/tcp").unwrap());
    }
}
