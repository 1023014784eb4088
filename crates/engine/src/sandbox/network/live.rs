// SPDX-License-Identifier: LGPL-2.1-or-later
//! The network of a sandbox that runs: how much, with whom, and its changes.

use super::guard::{self, Saved};
use super::look_up::{add, resolve, resolve_allowed};
use crate::error::{Error, NetworkError};
use crate::network::{Change, Usage};
use crate::sandbox::{Id, Real};
use std::net::IpAddr;
use std::path::Path;
use terrarium_protocol::guard::{Base, Peer, Port};

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
