// SPDX-License-Identifier: LGPL-2.1-or-later
//! What there is to know of the network of a sandbox that runs, and what can
//! be changed.

use super::values::{Entry, Host};
use std::net::IpAddr;
use terrarium_protocol::guard::{Base, Contact, Peer, Policy, Protocol};
use terrarium_protocol::network::{bits, Net};

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

#[cfg(test)]
mod tests {
    use super::super::values::entry;
    use super::*;

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
