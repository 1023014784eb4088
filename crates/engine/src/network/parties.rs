// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whom a sandbox met, each of them once, and where they belong by what holds
//! now: who was refused and has been allowed since is refused no more.

use super::usage::{Standing, Usage};
use terrarium_protocol::guard::{Base, Contact};

/// Somebody whom a sandbox talked to, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// As it was met last.
    pub contact: Contact,
    /// What the lists say of it.
    pub standing: Standing,
    /// How often it was talked to.
    pub connections: u64,
    /// How often that was refused.
    pub tries: u64,
    /// Whether it belongs to those who are refused.
    pub refused: bool,
}

impl Usage {
    /// All of them, latest last.
    #[must_use]
    pub fn parties(&self) -> Vec<Party> {
        let mut all: Vec<Party> = Vec::new();
        for contact in &self.contacts {
            let is_it = |one: &Party| key(&one.contact) == key(contact);
            let known = all.iter().position(is_it).map(|index| all.remove(index));
            let mut party = known.unwrap_or_else(|| self.party(contact));
            if contact.refused {
                party.tries += contact.count;
            } else {
                party.connections += contact.count;
            }
            let name = contact.name.clone().or_else(|| party.contact.name.take());
            let (received, sent) =
                (contact.received.max(party.contact.received), contact.sent.max(party.contact.sent));
            party.contact = Contact { name, received, sent, ..contact.clone() };
            all.push(party);
        }
        all.iter_mut().for_each(|one| one.refused = self.refuses(one));
        all
    }

    fn party(&self, contact: &Contact) -> Party {
        let standing = self.standing(contact);
        Party { contact: contact.clone(), standing, connections: 0, tries: 0, refused: false }
    }

    fn refuses(&self, party: &Party) -> bool {
        match party.standing {
            _ if self.cut => party.contact.refused,
            Standing::Allowed => false,
            // Whom it did talk to stays where it was found.
            Standing::Blocked | Standing::BlockedWithOthers => party.connections == 0,
            Standing::Unlisted => party.contact.refused && self.policy.base != Base::All,
        }
    }
}

fn key(contact: &Contact) -> (std::net::IpAddr, u8, Option<u16>) {
    (contact.peer, contact.protocol, contact.port)
}

#[cfg(test)]
mod tests {
    use super::super::values::entry;
    use super::*;
    use terrarium_protocol::guard::Policy;

    fn usage(refused: &[bool]) -> Usage {
        let contact = |refused: &bool| Contact {
            peer: "192.0.2.2".parse().unwrap(),
            protocol: 6,
            port: Some(8765),
            refused: *refused,
            count: 2,
            last: 0,
            received: 0,
            sent: 0,
            name: None,
        };
        Usage {
            policy: Policy { base: Base::Internet, ..Policy::default() },
            contacts: refused.iter().map(contact).collect(),
            seen: true,
            ..Usage::default()
        }
    }

    #[test]
    fn each_is_there_once_and_where_it_belongs_now() {
        let of = |usage: &Usage| {
            let all = usage.parties();
            assert_eq!(all.len(), 1);
            (all[0].refused, all[0].connections, all[0].tries)
        };
        let mut one = usage(&[true]);
        assert_eq!(of(&one), (true, 0, 2));
        let peers = |text: &str| entry(text).map(|one| one.peers(&one.nets())).unwrap();
        one.policy.allow = peers("192.0.2.2:8765/tcp");
        assert_eq!(of(&one), (false, 0, 2), "it was allowed");
        one.cut = true;
        assert_eq!(of(&one), (true, 0, 2), "nobody is talked to");
        let mut both = usage(&[true, false]);
        assert_eq!(of(&both), (false, 2, 2), "it was allowed, and is a part of the internet");
        both.policy.block = peers("192.0.2.2:8765/tcp");
        assert_eq!(of(&both), (false, 2, 2));
        let mut all = usage(&[true]);
        all.policy.base = Base::All;
        assert_eq!(of(&all), (false, 0, 2));
        all.policy.block = peers("192.0.2.2:8765/tcp");
        assert_eq!(of(&all), (true, 0, 2));
    }
}
