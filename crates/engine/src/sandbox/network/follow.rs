// SPDX-License-Identifier: LGPL-2.1-or-later
//! Names of lists, looked up again while a sandbox runs. Whoever has a driver
//! does so: there is no process of ours that lives as long as the sandbox.

use super::guard::{self, Saved};
use super::here;
use super::look_up;
use crate::error::Error;
use crate::network::texts;
use crate::network::values::{Entry, Host};
use crate::sandbox::Real;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;
use terrarium_protocol::guard::{Contact, Name, Peer, Policy, NAMES_MAX};
use terrarium_protocol::network::{bits, Net};

/// Between two looks, in seconds.
const EVERY: u64 = 30;
/// Between two glances at who is due, in seconds.
const BETWEEN: u64 = 3;
/// How long an address stays that a name has no more, in seconds: resolvers
/// answer with some of many in turn, and what is open goes on.
const KEEP: u64 = 600;

/// The names of a sandbox's lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Named {
    allow: Vec<Known>,
    block: Vec<Known>,
    /// Who is on the lists by address, too, and so stays.
    fixed: Vec<Peer>,
    /// Seconds since 1970 of the last look.
    looked: u64,
}

/// A name, and what it stood for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    entry: Entry,
    /// When each was seen last.
    peers: Vec<(Peer, u64)>,
}

impl Named {
    /// Of lists that hold already.
    pub fn new(allow: &[Entry], block: &[Entry], now: u64) -> Self {
        let names = |list: &[Entry]| {
            let named = list.iter().filter(|entry| matches!(entry.host, Host::Name(_)));
            named.map(|entry| Known { entry: entry.clone(), peers: Vec::new() }).collect()
        };
        let fixed = allow.iter().chain(block).flat_map(|entry| entry.peers(&entry.nets())).collect();
        // What they stand for is looked up once more, as theirs.
        Self { allow: names(allow), block: names(block), fixed, looked: now.saturating_sub(EVERY) }
    }

    /// An entry that is put on a list while the sandbox runs, and is on no
    /// other any more.
    pub fn put(&mut self, entry: &Entry, allowed: bool) {
        let (to, from) =
            if allowed { (&mut self.allow, &mut self.block) } else { (&mut self.block, &mut self.allow) };
        from.retain(|known| known.entry != *entry);
        if !matches!(entry.host, Host::Name(_)) {
            let peers = entry.peers(&entry.nets());
            self.fixed.retain(|one| !peers.contains(one));
            self.fixed.extend(peers);
        } else if to.iter().all(|known| known.entry != *entry) {
            to.push(Known { entry: entry.clone(), peers: Vec::new() });
            self.looked = 0;
        }
    }

    /// As the guard knows them, that hears what the sandbox is told of them.
    pub fn names(&self) -> Vec<Name> {
        let one = |known: &Known, allow: bool| {
            let Host::Name(name) = &known.entry.host else { return Vec::new() };
            let far = allow && !look_up::is_local(name);
            let name = name.trim_end_matches('.');
            let any = Net::of(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 32);
            let name = |peer: Peer| Name {
                name: name.to_owned(),
                allow,
                protocol: peer.protocol,
                ports: peer.ports,
                far,
            };
            known.entry.peers(&[any]).into_iter().map(name).collect()
        };
        let allow = self.allow.iter().flat_map(|known| one(known, true));
        allow.chain(self.block.iter().flat_map(|known| one(known, false))).take(NAMES_MAX).collect()
    }

    /// The name of a list that stands for somebody.
    pub fn name_of(&self, contact: &Contact) -> Option<String> {
        let is_it = |known: &&Known| known.peers.iter().any(|(peer, _)| peer.net.holds(contact.peer));
        match &self.allow.iter().chain(&self.block).find(is_it)?.entry.host {
            Host::Name(name) => Some(name.clone()),
            _ => None,
        }
    }

    /// Adds to lists those whom their names led the sandbox to: the guard knows.
    pub fn add_told(&self, policy: &mut Policy, contacts: &[Contact]) {
        for (names, list) in [(&self.allow, &mut policy.allow), (&self.block, &mut policy.block)] {
            for contact in contacts {
                let is_it = |known: &&Known| matches!((&known.entry.host, &contact.name), (Host::Name(name), Some(told)) if name.trim_end_matches('.') == told);
                let net = Net::of(contact.peer, bits(contact.peer));
                names.iter().filter(is_it).for_each(|known| look_up::add(list, known.entry.peers(&[net])));
            }
        }
    }

    /// What is on the lists by now, as people write it: whom the sandbox may
    /// talk to, and whom not. What names stand for is not said again.
    pub fn listed(&self, policy: &Policy) -> (Vec<String>, Vec<String>) {
        let all = |names: &[Known], list: &[Peer]| {
            let fixed: Vec<Peer> = list.iter().filter(|one| self.fixed.contains(one)).cloned().collect();
            let names = names.iter().map(|known| known.entry.to_string());
            names.chain(texts(&fixed)).collect()
        };
        (all(&self.allow, &policy.allow), all(&self.block, &policy.block))
    }

    fn is_due(&self, now: u64) -> bool {
        !self.is_empty() && self.looked.saturating_add(EVERY) <= now
    }

    fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.block.is_empty()
    }

    /// Takes what was found into the lists; a name without an answer stays as
    /// it was. Returns whether they are others now.
    fn freshen(&mut self, policy: &mut Policy, found: &Found, now: u64) -> bool {
        self.looked = now;
        let mut changed = false;
        for (names, list) in [(&mut self.allow, &mut policy.allow), (&mut self.block, &mut policy.block)] {
            let before = list.clone();
            for known in names {
                if let Some((_, peers)) = found.iter().find(|(entry, _)| *entry == known.entry) {
                    known.freshen(list, peers, &self.fixed, now);
                }
            }
            changed |= before != *list;
        }
        changed
    }
}

/// What names stand for now.
type Found = Vec<(Entry, Vec<Peer>)>;

impl Known {
    fn freshen(&mut self, list: &mut Vec<Peer>, found: &[Peer], fixed: &[Peer], now: u64) {
        for peer in found {
            match self.peers.iter_mut().find(|(known, _)| known == peer) {
                Some((_, seen)) => *seen = now,
                None => {
                    // What the user took off the list since stays off: it is
                    // known already, and not added again.
                    self.peers.push((peer.clone(), now));
                    look_up::add(list, vec![peer.clone()]);
                }
            }
        }
        self.peers.retain(|(peer, seen)| {
            let stays = seen.saturating_add(KEEP) > now;
            if !stays && !fixed.contains(peer) {
                list.retain(|one| one != peer);
            }
            stays
        });
    }
}

/// Sees to it that names are looked up for as long as `alive` is.
pub fn begin(real: Real, alive: Weak<()>) {
    std::thread::spawn(move || loop {
        refresh(&real, now());
        for _ in 0..BETWEEN {
            std::thread::sleep(Duration::from_secs(1));
            if alive.strong_count() == 0 {
                return;
            }
        }
    });
}

/// Whether any sandbox has a list with names, or nobody else who sees this
/// computer's networks change.
pub fn is_needed(runtime: &Path) -> bool {
    let all = guard::directories(runtime);
    let mut all = all.iter().filter_map(|one| guard::read(one));
    all.any(|one| !one.named.is_empty() || one.filter.is_some())
}

/// Seconds since 1970.
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// What keeps looks going.
pub type Alive = Arc<()>;

/// Looks up what is due, of all sandboxes. What fails comes again.
fn refresh(real: &Real, now: u64) {
    for directory in guard::directories(&real.places.runtime) {
        let Some(saved) = guard::read(&directory) else { continue };
        moved(real, &directory, &saved);
        if !saved.named.is_due(now) {
            continue;
        }
        // Nothing is locked while somebody's name server is waited for.
        let mut found = look(&saved.named.allow, look_up::resolve_allowed);
        found.extend(look(&saved.named.block, look_up::resolve));
        let _ =
            guard::change(real, &directory, |saved| saved.named.freshen(&mut saved.port.policy, &found, now));
    }
}

/// A filter knows only the networks that this computer was in when it was made.
fn moved(real: &Real, directory: &Path, saved: &Saved) {
    let here = here::networks();
    if saved.filter.as_ref().is_some_and(|filter| filter.here != here) {
        let _ = guard::change(real, directory, |saved| {
            saved.filter.iter_mut().for_each(|filter| filter.here.clone_from(&here));
            true
        });
    }
}

fn look(names: &[Known], resolve: fn(&[Entry]) -> Result<Vec<Peer>, Error>) -> Found {
    let one = |entry: &Entry| Some((entry.clone(), resolve(std::slice::from_ref(entry)).ok()?));
    names.iter().filter_map(|known| one(&known.entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::values::entry;

    fn peers(text: &str) -> Vec<Peer> {
        let all = text.split_whitespace().map(|one| entry(one).unwrap());
        all.flat_map(|one| one.peers(&one.nets())).collect()
    }

    #[test]
    fn names_follow_and_what_is_open_goes_on() {
        let lists = ["a.example:443/tcp", "10.0.0.0/8"].map(|text| entry(text).unwrap());
        let mut named = Named::new(&lists, &[], 1000);
        assert!(named.is_due(1000) && named.allow.len() == 1);
        // At the start the name had the first address.
        let mut policy = Policy { allow: peers("192.0.2.1:443/tcp 10.0.0.0/8"), ..Policy::default() };
        let mut look = |policy: &mut Policy, found: &str, now: u64| {
            let changed = named.freshen(policy, &vec![(lists[0].clone(), peers(found))], now);
            assert!(!named.is_due(now + EVERY - 1) && named.is_due(now + EVERY));
            changed
        };
        assert!(!look(&mut policy, "192.0.2.1:443/tcp", 1000), "nothing is new");
        assert!(look(&mut policy, "192.0.2.2:443/tcp", 1030));
        assert_eq!(policy.allow, peers("192.0.2.1:443/tcp 10.0.0.0/8 192.0.2.2:443/tcp"), "both for a while");
        assert!(!look(&mut policy, "192.0.2.2:443/tcp", 1000 + KEEP - 1));
        assert!(look(&mut policy, "192.0.2.2:443/tcp", 1000 + KEEP));
        assert_eq!(policy.allow, peers("10.0.0.0/8 192.0.2.2:443/tcp"), "the old one is gone");
        // The user blocks it; that it is still the name's changes nothing.
        policy.allow.pop();
        policy.block = peers("192.0.2.2:443/tcp");
        assert!(!look(&mut policy, "192.0.2.2:443/tcp", 1100 + KEEP));
        assert_eq!((policy.allow, policy.block), (peers("10.0.0.0/8"), peers("192.0.2.2:443/tcp")));
    }

    #[test]
    fn the_guard_gets_names_as_the_resolver_has_them() {
        let lists = ["A.example.", "nas.lan:80", "10.0.0.1"].map(|text| entry(text).unwrap());
        let names = Named::new(&lists, &[entry("bad.example:1-2/udp").unwrap()], 0).names();
        assert!(names.iter().all(Name::is_proper));
        let short = |one: &Name| (one.name.clone(), one.allow, one.far, one.protocol.is_some());
        let found: Vec<_> = names.iter().map(short).collect();
        let wanted = [
            ("a.example", true, true, false),
            ("nas.lan", true, false, true),
            ("nas.lan", true, false, true),
            ("bad.example", false, false, true),
        ];
        assert_eq!(found, wanted.map(|(name, allow, far, kind)| (name.to_owned(), allow, far, kind)));
    }

    #[test]
    fn what_the_sandbox_was_told_is_shown_as_listed() {
        let lists = ["a.example:443/tcp"].map(|text| entry(text).unwrap());
        let mut named = Named::new(&[], &lists, 0);
        let mut policy = Policy::default();
        let contact = |peer: &str, name: Option<&str>| Contact {
            peer: peer.parse().unwrap(),
            protocol: 6,
            port: Some(443),
            refused: true,
            count: 1,
            last: 0,
            received: 0,
            sent: 0,
            name: name.map(str::to_owned),
        };
        named.add_told(
            &mut policy,
            &[contact("192.0.2.1", Some("a.example")), contact("192.0.2.2", Some("b.example"))],
        );
        assert_eq!(policy.block, peers("192.0.2.1:443/tcp"));
        named.freshen(&mut policy, &vec![(lists[0].clone(), peers("192.0.2.3:443/tcp"))], 1);
        assert_eq!(named.name_of(&contact("192.0.2.3", None)).as_deref(), Some("a.example"));
        assert_eq!(named.name_of(&contact("192.0.2.4", None)), None);
    }

    #[test]
    fn who_is_listed_by_address_too_stays() {
        let lists = ["a.example", "192.0.2.1"].map(|text| entry(text).unwrap());
        let mut named = Named::new(&[], &lists, 0);
        let mut policy = Policy { block: peers("192.0.2.1"), ..Policy::default() };
        let look = |named: &mut Named, policy: &mut Policy, found: &str, now: u64| {
            named.freshen(policy, &vec![(lists[0].clone(), peers(found))], now)
        };
        look(&mut named, &mut policy, "192.0.2.1", 1);
        look(&mut named, &mut policy, "192.0.2.2", 2 * KEEP);
        assert_eq!(policy.block, peers("192.0.2.1 192.0.2.2"));
        // By hand, while it runs.
        named.put(&entry("192.0.2.2").unwrap(), false);
        look(&mut named, &mut policy, "192.0.2.3", 4 * KEEP);
        assert_eq!(policy.block, peers("192.0.2.1 192.0.2.2 192.0.2.3"));
        assert_eq!(
            named.listed(&policy),
            (vec![], vec!["a.example".to_owned(), "192.0.2.1".into(), "192.0.2.2".into()])
        );
        named.put(&lists[0], true);
        assert!(named.block.is_empty() && named.allow.len() == 1 && named.is_due(EVERY));
    }

    #[test]
    fn a_name_without_an_answer_stays_as_it_was() {
        let list = [entry("a.example").unwrap()];
        let mut named = Named::new(&[], &list, 0);
        let mut policy = Policy { block: peers("192.0.2.1"), ..Policy::default() };
        named.freshen(&mut policy, &vec![(list[0].clone(), peers("192.0.2.1"))], 1);
        assert!(!named.freshen(&mut policy, &Vec::new(), 10 * KEEP));
        assert_eq!(policy.block, peers("192.0.2.1"));
        let text = serde_json::to_string(&named).unwrap();
        assert_eq!(serde_json::from_str::<Named>(&text).unwrap(), named);
        assert!(!Named::default().is_due(u64::MAX) && Named::new(&[], &[], 0).is_empty());
    }
}
