// SPDX-License-Identifier: LGPL-2.1-or-later
//! What was allowed or blocked while a sandbox ran, put into its profile.

use super::values::entry;
use crate::profile::{Network, NetworkMode};
use terrarium_protocol::guard::Contact;
use terrarium_protocol::network::is_of_the_internet;

/// Somebody whom a sandbox met, as a profile's lists have it. By name, if one
/// is known that leads to the internet: addresses change.
#[must_use]
pub fn written(contact: &Contact) -> String {
    let name = contact.name.as_deref().filter(|_| is_of_the_internet(contact.peer));
    let name = name.filter(|name| entry(name).is_some());
    let protocol = match contact.protocol {
        6 => "/tcp",
        17 => "/udp",
        _ => "",
    };
    let port = contact.port.filter(|port| *port > 0 && !protocol.is_empty());
    match (name, port) {
        (Some(name), Some(port)) => format!("{name}:{port}{protocol}"),
        (Some(name), None) => name.to_owned(),
        (None, Some(port)) if contact.peer.is_ipv6() => format!("[{}]:{port}{protocol}", contact.peer),
        (None, Some(port)) => format!("{}:{port}{protocol}", contact.peer),
        (None, None) => contact.peer.to_string(),
    }
}

/// Puts an entry on one of a profile's lists, and takes it off the other.
/// Returns whether that has a meaning there: where everybody may be talked to,
/// or a list would shut out all others, nobody can be allowed beside.
pub fn always(network: &mut Network, text: &str, allow: bool) -> bool {
    let has_room = match network.mode {
        NetworkMode::None => false,
        NetworkMode::Full => !allow,
        NetworkMode::Internet => true,
        NetworkMode::Custom => !allow || !network.allow.is_empty(),
    };
    let is_it = |one: &String| one == text || same(one, text);
    let (to, from) = if allow {
        (&mut network.allow, &mut network.block)
    } else {
        (&mut network.block, &mut network.allow)
    };
    let is_off = from.iter().any(is_it);
    if !has_room && !is_off {
        return false;
    }
    // The last one of a list that shuts out all others stays: without it
    // everybody would be let in.
    let keeps_last = network.mode == NetworkMode::Custom && !allow && from.len() == 1;
    if !keeps_last {
        from.retain(|one| !is_it(one));
    }
    if has_room && !to.iter().any(is_it) {
        to.push(text.to_owned());
    }
    true
}

/// Whether two texts name the same.
fn same(one: &str, other: &str) -> bool {
    let one = entry(one);
    one.is_some() && one == entry(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(peer: &str, protocol: u8, port: Option<u16>, name: Option<&str>) -> Contact {
        let (peer, name) = (peer.parse().unwrap(), name.map(str::to_owned));
        Contact { peer, protocol, port, refused: false, count: 1, last: 0, received: 0, sent: 0, name }
    }

    #[test]
    fn whoever_was_met_is_written_as_lists_read_it() {
        for (contact, text) in [
            (contact("192.0.2.1", 6, Some(443), Some("a.example")), "a.example:443/tcp"),
            (contact("192.0.2.1", 1, None, Some("a.example")), "a.example"),
            // A name that leads into the local network would open nothing.
            (contact("192.168.1.1", 6, Some(80), Some("a.example")), "192.168.1.1:80/tcp"),
            (contact("192.0.2.1", 6, Some(80), Some("<b>")), "192.0.2.1:80/tcp"),
            (contact("2001:db8::1", 17, Some(53), None), "[2001:db8::1]:53/udp"),
            (contact("192.0.2.1", 47, None, None), "192.0.2.1"),
        ] {
            assert_eq!(written(&contact), text);
            assert!(entry(text).is_some(), "{text}");
        }
    }

    #[test]
    fn lists_get_it_where_that_has_a_meaning() {
        let of = |mode, allow: &[&str], block: &[&str]| {
            let list = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect();
            Network { mode, allow: list(allow), block: list(block), ..Network::default() }
        };
        let after = |mut network: Network, allow| {
            always(&mut network, "a.example:1/tcp", allow).then_some((network.allow, network.block))
        };
        let lists = |allow: &[&str], block: &[&str]| {
            let all = of(NetworkMode::None, allow, block);
            Some((all.allow, all.block))
        };
        let one = "a.example:1/tcp";
        use NetworkMode::{Custom, Full, Internet, None as Nobody};
        assert_eq!(after(of(Internet, &[], &[]), false), lists(&[], &[one]));
        assert_eq!(after(of(Internet, &["x"], &["A.example:1/tcp"]), true), lists(&["x", one], &[]));
        assert_eq!(after(of(Internet, &[one], &[]), true), lists(&[one], &[]), "once");
        assert_eq!(after(of(Full, &[], &[one, "x"]), true), lists(&[], &["x"]), "only off");
        assert_eq!(after(of(Full, &[], &[]), true), None);
        assert_eq!(after(of(Nobody, &[], &[]), false), None);
        assert_eq!(after(of(Custom, &[], &[]), true), None, "it would shut out the others");
        assert_eq!(after(of(Custom, &["x"], &[]), true), lists(&["x", one], &[]));
        assert_eq!(after(of(Custom, &["x", one], &[]), false), lists(&["x"], &[one]));
        assert_eq!(after(of(Custom, &[one], &[]), false), lists(&[one], &[one]), "blocked all the same");
    }
}
