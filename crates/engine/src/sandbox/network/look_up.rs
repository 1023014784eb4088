// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whom the entries of a list mean, names looked up.

use super::here;
use crate::error::{Error, NetworkError};
use crate::network::values::{Entry, Host};
use std::net::ToSocketAddrs;
use terrarium_protocol::guard::{Peer, PEERS_MAX};
use terrarium_protocol::network::{bits, is_of_the_internet, Net};

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
pub fn is_local(name: &str) -> bool {
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

/// Adds whom a list lacks, as long as there is room.
pub fn add(list: &mut Vec<Peer>, peers: Vec<Peer>) {
    for peer in peers {
        if !list.contains(&peer) && list.len() < PEERS_MAX {
            list.push(peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::values::entry;

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
}
