// SPDX-License-Identifier: LGPL-2.1-or-later
//! The network of the fake's sandboxes: what is changed is what is told.

use terrarium_engine::error::{Error, NetworkError};
use terrarium_engine::network::values::Entry;
use terrarium_engine::network::{texts, Change, Usage};
use terrarium_protocol::guard::{Base, Contact, Peer, Policy};

/// One that was not used yet.
pub fn usage() -> Usage {
    Usage {
        addresses: vec!["10.99.0.2".parse().expect("an address")],
        policy: Policy { base: Base::Internet, resolver: true, ..Policy::default() },
        seen: true,
        ..Usage::default()
    }
}

/// Somebody whom a sandbox met.
pub fn contact(peer: &str, protocol: u8, port: Option<u16>, refused: bool, count: u64) -> Contact {
    Contact {
        peer: peer.parse().expect("an address"),
        protocol,
        port,
        refused,
        count,
        last: 0,
        received: 0,
        sent: 0,
        name: None,
    }
}

fn peers(entry: &Entry) -> Vec<Peer> {
    entry.peers(&entry.nets())
}

pub fn change(usage: &mut Usage, change: &Change) -> Result<(), Error> {
    match change {
        Change::Cut => usage.cut = true,
        Change::Restore => usage.cut = false,
        Change::Base(base) => usage.policy.base = *base,
        Change::Allow(entry) => {
            usage.policy.block.retain(|one| !peers(entry).contains(one));
            usage.policy.allow.extend(peers(entry));
        }
        Change::Block(entry) => {
            usage.policy.allow.retain(|one| !peers(entry).contains(one));
            usage.policy.block.extend(peers(entry));
        }
        // The guard of this one can be no quicker than that.
        Change::Bandwidth { inbound: Some(rate), .. } if *rate > 1 << 30 => {
            return Err(Error::Network(NetworkError::Guard { why: "too fast".into() }));
        }
        Change::Bandwidth { inbound, outbound } => (usage.inbound, usage.outbound) = (*inbound, *outbound),
    }
    (usage.allowed, usage.blocked) = (texts(&usage.policy.allow), texts(&usage.policy.block));
    Ok(())
}
