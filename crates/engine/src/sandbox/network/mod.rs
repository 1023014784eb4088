// SPDX-License-Identifier: LGPL-2.1-or-later
//! The network of a sandbox: made before the domain, guarded before init hears
//! of it, changed while it runs.
//!
//! | module | what |
//! |---|---|
//! | `own` | Terrarium's own network |
//! | `guard` | who enforces what may pass |
//! | `filter` | who does so where there is no nft |
//! | `look_up` | whom the entries of a list mean |
//! | `here` | the networks that this computer is in |
//! | `follow` | names of lists, looked up again |
//! | `lease` | what DHCP gave, given back |
//! | `live` | what can be done while a sandbox runs |

pub mod filter;
pub mod follow;
pub mod guard;
mod here;
pub mod lease;
pub mod live;
mod look_up;
pub mod own;

use self::filter::Filter;
use self::follow::Named;
use self::guard::Saved;
use self::lease::Asks;
use self::own::Own;
use super::directory::make_private;
use super::real::Real;
use crate::error::{Error, NetworkError};
use crate::network::names;
use crate::plan::{
    Enforcer, Instance, InterfacePlan, NetworkPlan, NetworkProblem, Plan, Problem, ProblemKind, Source,
};
use std::net::{IpAddr, Ipv4Addr};
use terrarium_protocol::guard::{Peer, Policy, Port};
use terrarium_protocol::network::{self, Address, Mac, Net, Route};

/// QEMU's user mode: the address that it gives, its gateway and resolver.
const USER: [Ipv4Addr; 3] =
    [Ipv4Addr::new(10, 0, 2, 15), Ipv4Addr::new(10, 0, 2, 2), Ipv4Addr::new(10, 0, 2, 3)];

/// What was found out before the domain is made.
pub struct Prepared {
    own: Option<Own>,
    allow: Vec<Peer>,
    block: Vec<Peer>,
}

/// Looks at what the plan names, and makes Terrarium's own network if it is
/// needed. Nothing is left behind if the start fails later: the network is
/// meant to stay.
pub fn prepare(real: &Real, plan: &Plan) -> Result<Option<Prepared>, Error> {
    let Some(wish) = &plan.reach else { return Ok(None) };
    make_private(&real.places.runtime, if plan.caller == 0 { 0o711 } else { 0o700 })?;
    check_names(real, plan, wish)?;
    let (allow, block) = (look_up::resolve_allowed(&wish.allow)?, look_up::resolve(&wish.block)?);
    let own = match wish.own() {
        Some(_) => Some(own::ensure(&real.pool, &plan.connection, plan.caller, &real.places.runtime)?),
        None => None,
    };
    // ebtables cannot see which address a neighbour claims.
    let own = own.map(|own| match wish.enforcer {
        Enforcer::Guard => own,
        Enforcer::Filter => Own { gateway6: None, net6: None, ..own },
    });
    Ok(Some(Prepared { own, allow, block }))
}

/// Networks and filters of libvirt's that the plan names.
fn check_names(real: &Real, plan: &Plan, wish: &NetworkPlan) -> Result<(), Error> {
    let mut problems = Vec::new();
    let mut add = |index: usize, key: &str, what: NetworkProblem| {
        problems.push(Problem {
            field: format!("network.interfaces[{index}].{key}"),
            what: ProblemKind::Network(what),
        });
    };
    let is_named = |one: &InterfacePlan| matches!(one.source, Source::Named(_));
    let networks =
        if wish.interfaces.iter().any(is_named) { real.pool.networks(&plan.connection)? } else { Vec::new() };
    for (index, one) in wish.interfaces.iter().enumerate() {
        if let Source::Named(name) = &one.source {
            let name = name.clone();
            match networks.iter().find(|network| network.name() == name) {
                None => add(index, "source", NetworkProblem::NoSuchNetwork { name }),
                Some(network) if !network.is_active() => {
                    add(index, "source", NetworkProblem::NetworkInactive { name });
                }
                Some(_) => {}
            }
        }
        if let Some(name) = &one.filter {
            if !real.pool.has_filter(&plan.connection, name)? {
                add(index, "filter", NetworkProblem::NoSuchFilter { name: name.clone() });
            }
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Problems(problems))
    }
}

/// Has a filter made before the domain that names it, where that enforces.
pub fn filter(
    real: &Real,
    plan: &Plan,
    instance: &Instance,
    prepared: Option<&Prepared>,
) -> Result<(), Error> {
    match prepared {
        Some(prepared) if is_filtered(plan) => enforce(real, plan, instance, prepared),
        _ => Ok(()),
    }
}

/// Whether libvirt filters any of its interfaces.
pub fn has_filter(plan: &Plan) -> bool {
    let has = |reach: &NetworkPlan| reach.interfaces.iter().any(|one| one.filter.is_some());
    is_filtered(plan) || plan.reach.as_ref().is_some_and(has)
}

fn is_filtered(plan: &Plan) -> bool {
    plan.reach.as_ref().is_some_and(|reach| reach.enforcer == Enforcer::Filter)
}

/// Has the rules set for a sandbox whose domain is there and whose interface
/// is not up yet; then the plan's orders may say that it be raised.
pub fn guard(
    real: &Real,
    plan: &mut Plan,
    instance: &Instance,
    prepared: Option<&Prepared>,
) -> Result<(), Error> {
    let Some(prepared) = prepared else { return Ok(()) };
    if !is_filtered(plan) {
        enforce(real, plan, instance, prepared)?;
    }
    lease::note(&instance.directory, &asking(plan, instance));
    plan.orders.network = orders(plan, instance, prepared);
    Ok(())
}

/// Interfaces that ask networks of libvirt's for addresses.
fn asking(plan: &Plan, instance: &Instance) -> Vec<Asks> {
    let all = plan.reach.iter().flat_map(|wish| &wish.interfaces).enumerate();
    let asks = |(index, one): (usize, &InterfacePlan)| match &one.source {
        Source::Named(name) if one.dhcp => {
            Some(Asks { network: name.clone(), mac: mac(plan, instance, index, one) })
        }
        _ => None,
    };
    all.filter_map(asks).collect()
}

fn enforce(real: &Real, plan: &Plan, instance: &Instance, prepared: &Prepared) -> Result<(), Error> {
    let (Some(wish), Some(own)) = (&plan.reach, &prepared.own) else { return Ok(()) };
    let Some((index, interface)) = wish.own() else { return Ok(()) };
    let number = instance.number;
    let address = names::address(&own.net, number).ok_or(Error::Network(NetworkError::Full))?;
    let port = Port {
        interface: names::interface(plan.caller, number, index),
        mac: mac(plan, instance, index, interface),
        address,
        address6: own.net6.and_then(|net| names::address6(&net, number)),
        policy: Policy {
            base: wish.base,
            allow: prepared.allow.clone(),
            block: prepared.block.clone(),
            resolver: wish.resolver,
        },
        cut: false,
        inbound: interface.inbound,
        outbound: interface.outbound,
        forwards: wish.forwards.clone(),
        names: Vec::new(),
    };
    let filter = is_filtered(plan).then(|| Filter::new(plan.caller, number, &plan.connection));
    let named = Named::new(&wish.allow, &wish.block, follow::now());
    guard::hold(real, &instance.directory, &Saved { own: own.clone(), port, named, filter })
}

fn mac(plan: &Plan, instance: &Instance, index: usize, interface: &InterfacePlan) -> Mac {
    interface.mac.unwrap_or_else(|| names::mac(plan.caller, instance.number, index))
}

/// What init is told.
fn orders(plan: &Plan, instance: &Instance, prepared: &Prepared) -> Option<network::Network> {
    let wish = plan.reach.as_ref()?;
    let mut resolvers = wish.dns.clone();
    let mut interfaces = Vec::new();
    for (index, one) in wish.interfaces.iter().enumerate() {
        let mut interface = network::Interface {
            mac: mac(plan, instance, index, one),
            addresses: one.addresses.clone(),
            routes: one.routes.clone(),
            dhcp: one.dhcp,
        };
        let given = match (&one.source, &prepared.own) {
            (Source::Own, Some(own)) => on_own(&mut interface, own, instance.number, wish),
            (Source::User, _) => in_user_mode(&mut interface, one),
            _ => Vec::new(),
        };
        if wish.dns.is_empty() {
            resolvers.extend(given);
        }
        interfaces.push(interface);
    }
    Some(network::Network { interfaces, resolvers })
}

fn everywhere(ip: IpAddr, gateway: IpAddr) -> Route {
    Route { to: Net::of(ip, 0), gateway: Some(gateway) }
}

/// Addresses of ours, routes to everywhere; its resolvers.
fn on_own(interface: &mut network::Interface, own: &Own, number: u32, wish: &NetworkPlan) -> Vec<IpAddr> {
    let six = own
        .net6
        .zip(own.gateway6)
        .and_then(|(net, gateway)| Some((net, gateway, names::address6(&net, number)?)));
    let mut resolvers = Vec::new();
    let mut add = |net: Net, ip: IpAddr, gateway: IpAddr| {
        interface.addresses.push(Address { ip, prefix: net.prefix, broadcast: None });
        interface.routes.push(everywhere(net.ip, gateway));
        resolvers.push(gateway);
    };
    if let Some(ip) = names::address(&own.net, number) {
        add(own.net, ip.into(), own.gateway.into());
    }
    if let Some((net, gateway, ip)) = six {
        add(net, ip.into(), gateway.into());
    }
    if wish.resolver {
        resolvers
    } else {
        Vec::new()
    }
}

fn in_user_mode(interface: &mut network::Interface, wish: &InterfacePlan) -> Vec<IpAddr> {
    let [address, gateway, resolver] = USER.map(IpAddr::V4);
    if wish.addresses.is_empty() {
        // Known beforehand, so nobody has to ask.
        interface.dhcp = false;
        interface.addresses.push(Address { ip: address, prefix: 24, broadcast: None });
        interface.routes.push(everywhere(gateway, gateway));
    }
    vec![resolver]
}
