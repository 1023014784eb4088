// SPDX-License-Identifier: LGPL-2.1-or-later
//! `-N`, and `network`: whom a sandbox talks to.

use crate::args::{NetworkOf, NetworkVerb, Reach, Run};
use crate::fault::Fault;
use crate::run::DONE;
use crate::{control, print, Result};
use serde_json::json;
use terrarium_engine::message;
use terrarium_engine::network::values::{entry, Entry};
use terrarium_engine::network::{grammar, Change, Usage};
use terrarium_engine::profile::{self, Profile};
use terrarium_engine::sandbox::Driver;
use terrarium_protocol::guard::Base;

/// Adds what the options say.
pub fn set(profile: &mut Profile, options: &Run) -> std::result::Result<(), Fault> {
    if !options.network.is_empty() {
        // What a profile says counts until an option says something else.
        profile.network.interfaces.clear();
    }
    for text in &options.network {
        grammar::add(&mut profile.network, text)
            .map_err(|wrong| Fault::Usage(message::not_a_network(&wrong)))?;
    }
    for (options, list) in [
        (&options.allow, &mut profile.network.allow),
        (&options.block, &mut profile.network.block),
        (&options.dns, &mut profile.network.dns),
        (&options.forward, &mut profile.network.forwards),
    ] {
        list.extend(options.iter().cloned());
    }
    if !options.allow.is_empty() && profile.network.mode == profile::NetworkMode::None {
        profile.network.mode = profile::NetworkMode::Custom;
    }
    Ok(())
}

/// `network`
pub fn network(options: &NetworkOf) -> Result {
    let driver = control::driver();
    let id = driver.find(&options.name)?.id;
    match &options.verb {
        Some(verb) => driver.change_network(&id, &change(verb)?)?,
        None => show(&driver.network(&id)?, options.json),
    }
    Ok(DONE)
}

fn change(verb: &NetworkVerb) -> std::result::Result<Change, Fault> {
    Ok(match verb {
        NetworkVerb::Cut => Change::Cut,
        NetworkVerb::Restore => Change::Restore,
        NetworkVerb::Mode { mode } => Change::Base(match mode {
            Reach::None => Base::Nobody,
            Reach::Internet => Base::Internet,
            Reach::Full => Base::All,
        }),
        NetworkVerb::Allow { who } => Change::Allow(peer(who)?),
        NetworkVerb::Block { who } => Change::Block(peer(who)?),
        NetworkVerb::Bandwidth { inbound, outbound } => {
            Change::Bandwidth { inbound: rate(inbound.as_deref())?, outbound: rate(outbound.as_deref())? }
        }
    })
}

fn peer(text: &str) -> std::result::Result<Entry, Fault> {
    entry(text).ok_or_else(|| Fault::Usage(message::not_an_entry(text)))
}

fn rate(text: Option<&str>) -> std::result::Result<Option<u64>, Fault> {
    let read = |text: &str| {
        let rate = profile::parse_size(text).filter(|&rate| rate >= terrarium_protocol::guard::RATE_MIN);
        rate.ok_or_else(|| Fault::Usage(message::not_a_rate(text)))
    };
    text.map(read).transpose()
}

fn show(usage: &Usage, as_json: bool) {
    if !as_json {
        message::usage(usage).iter().for_each(|line| println!("{line}"));
        return;
    }
    let all = json!({
        "addresses": usage.addresses,
        "cut": usage.cut,
        "inbound": usage.inbound,
        "outbound": usage.outbound,
        "policy": usage.policy,
        "received": usage.received,
        "sent": usage.sent,
        "contacts": usage.contacts,
        "seen": usage.seen,
    });
    println!("{}", print::json(&all));
}
