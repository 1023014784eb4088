// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whom a sandbox may talk to, and through which interfaces.

use super::build::Found;
use super::{Note, ProblemKind};
use crate::host::{Family, Host};
use crate::kernel::{Feature, Kernel};
use crate::network::values::{self, Entry};
use crate::profile::{self, Isolation, Network, NetworkMode, Profile};
use crate::uri::Uri;
use serde::Serialize;
use std::net::IpAddr;
use terrarium_protocol::guard::{Base, Forward, FORWARDS_MAX, PEERS_MAX, RATE_MAX, RATE_MIN};
use terrarium_protocol::network::{Address, Mac, Route};

/// The network of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkPlan {
    /// In this order they become eth0, eth1, …
    pub interfaces: Vec<InterfacePlan>,
    /// Whom the one on Terrarium's own network may talk to.
    pub base: Base,
    /// Whom beside that.
    pub allow: Vec<Entry>,
    /// Whom never.
    pub block: Vec<Entry>,
    /// Whether the own network's resolver answers.
    pub resolver: bool,
    /// Other resolvers.
    pub dns: Vec<IpAddr>,
    /// Ports of this computer that lead into it.
    pub forwards: Vec<Forward>,
    /// Who enforces this on the own network.
    pub enforcer: Enforcer,
}

/// Who enforces whom a sandbox talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcer {
    /// Terrarium's guard, with nft.
    Guard,
    /// A filter of libvirt's: slower, IPv4 only, and it tells nothing.
    Filter,
}

/// One interface of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InterfacePlan {
    /// What it is on.
    pub source: Source,
    /// Its hardware address, if it is not Terrarium's choice.
    pub mac: Option<Mac>,
    /// Its addresses, beside those that the own network gives.
    pub addresses: Vec<Address>,
    /// Routes through it.
    pub routes: Vec<Route>,
    /// Whether it asks for its address.
    pub dhcp: bool,
    /// A filter of libvirt's.
    pub filter: Option<String>,
    /// Its parameters.
    pub parameters: Vec<(String, String)>,
    /// Most bytes a second that it receives.
    pub inbound: Option<u64>,
    /// Most bytes a second that it sends.
    pub outbound: Option<u64>,
}

/// What an interface is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Terrarium's own network.
    Own,
    /// Another network of libvirt's.
    Named(String),
    /// QEMU's user mode.
    User,
}

/// What can be wrong with a network.
#[allow(missing_docs)] // the fields are what their names say
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkProblem {
    /// A text that is not what its key takes.
    NoAddress {
        text: String,
    },
    NoRoute {
        text: String,
    },
    RoutesOverlap {
        text: String,
        other: String,
    },
    NoMac {
        text: String,
    },
    MulticastMac {
        text: String,
    },
    NoEntry {
        text: String,
    },
    NoResolver {
        text: String,
    },
    NoForward {
        text: String,
    },
    ForwardTwice {
        text: String,
    },
    NoRate {
        text: String,
    },
    NoName {
        text: String,
    },
    NoParameter {
        text: String,
    },
    /// Entries of a list beyond what is kept.
    TooManyEntries {
        most: usize,
    },
    /// A key that another one rules out.
    CustomOnly,
    SourceAndUser,
    OwnTwice,
    OwnIsGiven,
    ListsElsewhere,
    BandwidthElsewhere,
    FilterWithoutName,
    FilterOnOwn,
    FilterInUserMode,
    /// User mode is the session's machines'.
    UserMode,
    /// A machine with a network has to be the system's.
    NeedsSystem {
        in_group: bool,
    },
    /// The guard is a container.
    NeedsContainers,
    /// Without these nothing is enforced, or nothing resolved.
    NoNft {
        lack: NftLack,
    },
    NoDnsmasq {
        family: Family,
    },
    /// A container has the kernel of this computer.
    NoIpv6 {
        text: String,
    },
    /// What libvirt's filter cannot do.
    BandwidthNeedsNft {
        lack: NftLack,
    },
    ForwardsNeedNft {
        lack: NftLack,
    },
    /// The kernel has no driver.
    KernelLacksNetwork {
        version: String,
    },
    /// No such network, or filter.
    NoSuchNetwork {
        name: String,
    },
    NetworkInactive {
        name: String,
    },
    NoSuchFilter {
        name: String,
    },
}

/// Why nft sets no rules here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NftLack {
    /// It is not installed.
    Program {
        /// Which distribution's package it is in.
        family: Family,
    },
    /// The kernel has no such modules.
    Kernel {
        /// Their names.
        modules: Vec<String>,
    },
}

impl NftLack {
    /// On this computer; what the kernel lacks no package brings.
    fn of(host: &Host) -> Self {
        match host.network.lacks.as_slice() {
            [] => Self::Program { family: host.family },
            modules => Self::Kernel { modules: modules.to_vec() },
        }
    }
}

impl NetworkPlan {
    /// The interface on Terrarium's own network, and its place.
    #[must_use]
    pub fn own(&self) -> Option<(usize, &InterfacePlan)> {
        self.interfaces.iter().enumerate().find(|(_, one)| one.source == Source::Own)
    }
}

/// Whether a profile's machine has to be on qemu:///system.
pub(super) fn needs_system(network: &Network) -> bool {
    match network.mode {
        NetworkMode::None => false,
        NetworkMode::Internet | NetworkMode::Full => true,
        NetworkMode::Custom => {
            network.interfaces.is_empty() || network.interfaces.iter().any(|one| !one.user)
        }
    }
}

/// The plan's part; problems are added.
pub(super) fn network(
    profile: &Profile,
    host: &Host,
    isolation: Isolation,
    connection: &Uri,
    kernel: Option<&Kernel>,
    found: &mut Found,
) -> Option<NetworkPlan> {
    let wish = &profile.network;
    let mut check = Check { found, wish };
    if wish.mode != NetworkMode::Custom {
        check.custom_only();
    }
    if wish.mode == NetworkMode::None {
        return None;
    }
    check.place(host, isolation, connection, kernel);
    let dns = wish.dns.iter().enumerate().filter_map(|(index, text)| check.resolver(index, text)).collect();
    let (base, resolver) = match wish.mode {
        NetworkMode::Full => (Base::All, true),
        NetworkMode::Custom if !wish.allow.is_empty() => {
            let names = wish.allow.iter().filter_map(|text| values::entry(text));
            (Base::Nobody, names.into_iter().any(|one| matches!(one.host, values::Host::Name(_))))
        }
        _ => (Base::Internet, true),
    };
    let (allow, block) = (check.list("allow", &wish.allow), check.list("block", &wish.block));
    let forwards = check.forwards();
    let interfaces = check.interfaces();
    if isolation == Isolation::Container && !host.network.ipv6 {
        check.without_ipv6(&interfaces);
    }
    let enforcer =
        if host.network.can_guard() || !host.network.ebtables { Enforcer::Guard } else { Enforcer::Filter };
    let is_on = |source: &Source| interfaces.iter().any(|one| one.source == *source);
    if is_on(&Source::Own) {
        check.own_network(host, enforcer, &interfaces);
    } else {
        let lists = [("allow", &wish.allow), ("block", &wish.block), ("forwards", &wish.forwards)];
        for (key, _) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            check.add(format!("network.{key}"), NetworkProblem::ListsElsewhere);
        }
    }
    Some(NetworkPlan { interfaces, base, allow, block, resolver, dns, forwards, enforcer })
}

/// What is worth knowing of it.
pub(super) fn notes(network: Option<&NetworkPlan>, host: &Host) -> Vec<Note> {
    let Some(plan) = network else { return Vec::new() };
    let mut notes = Vec::new();
    if plan.interfaces.iter().any(|one| one.source == Source::User) {
        notes.push(Note::UserModeReachesHost);
    }
    if plan.own().is_some() && plan.enforcer == Enforcer::Filter {
        notes.push(Note::FilteredByLibvirt { lack: NftLack::of(host) });
    }
    notes
}

/// Whether a problem says already that there are no containers, or why.
fn says_so(what: &ProblemKind) -> bool {
    let group = NetworkProblem::NeedsSystem { in_group: false };
    match what {
        ProblemKind::Network(network) => *network == group,
        ProblemKind::ConnectionUnusable { uri, .. } => uri.is_lxc(),
        _ => false,
    }
}

struct Check<'a, 'b> {
    found: &'a mut Found,
    wish: &'b Network,
}

impl Check<'_, '_> {
    fn add(&mut self, field: impl Into<String>, what: NetworkProblem) {
        self.found.add(field, ProblemKind::Network(what));
    }

    fn custom_only(&mut self) {
        if !self.wish.interfaces.is_empty() {
            self.add("network.interfaces", NetworkProblem::CustomOnly);
        }
        if !self.wish.allow.is_empty() && self.wish.mode != NetworkMode::Internet {
            self.add("network.allow", NetworkProblem::CustomOnly);
        }
        if self.wish.mode == NetworkMode::None && !self.wish.forwards.is_empty() {
            self.add("network.forwards", NetworkProblem::CustomOnly);
        }
        if self.wish.mode == NetworkMode::None && !self.wish.block.is_empty() {
            self.add("network.block", NetworkProblem::CustomOnly);
        }
    }

    /// Where it runs, and what it needs there.
    fn place(&mut self, host: &Host, isolation: Isolation, connection: &Uri, kernel: Option<&Kernel>) {
        if isolation == Isolation::Machine && needs_system(self.wish) && *connection == Uri::QemuSession {
            let in_group = host.in_group_libvirt || host.caller == 0;
            self.add("network.mode", NetworkProblem::NeedsSystem { in_group });
        }
        let kernel = kernel.filter(|_| isolation == Isolation::Machine);
        if let Some(kernel) = kernel.filter(|kernel| !kernel.can(Feature::Network)) {
            self.add("network.mode", NetworkProblem::KernelLacksNetwork { version: kernel.version.clone() });
        }
        for (index, _) in self.wish.interfaces.iter().enumerate().filter(|(_, one)| one.user) {
            if *connection != Uri::QemuSession {
                self.add(format!("network.interfaces[{index}].user"), NetworkProblem::UserMode);
            }
        }
    }

    fn own_network(&mut self, host: &Host, enforcer: Enforcer, interfaces: &[InterfacePlan]) {
        let lack = || NftLack::of(host);
        match enforcer {
            Enforcer::Guard => {
                if !host.usable(&Uri::LxcSystem) && !self.found.has(says_so) {
                    self.add("network.mode", NetworkProblem::NeedsContainers);
                }
                if !host.network.can_guard() {
                    self.add("network.mode", NetworkProblem::NoNft { lack: lack() });
                }
            }
            Enforcer::Filter => {
                if !self.wish.forwards.is_empty() {
                    self.add("network.forwards", NetworkProblem::ForwardsNeedNft { lack: lack() });
                }
                let on_own = interfaces.iter().enumerate().filter(|(_, one)| one.source == Source::Own);
                for (index, one) in on_own {
                    for (key, rate) in [("inbound", one.inbound), ("outbound", one.outbound)] {
                        if rate.is_some() {
                            let field = format!("network.interfaces[{index}].{key}");
                            self.add(field, NetworkProblem::BandwidthNeedsNft { lack: lack() });
                        }
                    }
                }
            }
        }
        if !host.network.dnsmasq {
            self.add("network.mode", NetworkProblem::NoDnsmasq { family: host.family });
        }
    }

    fn resolver(&mut self, index: usize, text: &str) -> Option<IpAddr> {
        let ip = text.parse::<IpAddr>().ok().filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
        if ip.is_none() {
            self.add(format!("network.dns[{index}]"), NetworkProblem::NoResolver { text: text.to_owned() });
        }
        ip
    }

    fn forwards(&mut self) -> Vec<Forward> {
        let wish = self.wish;
        if wish.forwards.len() > FORWARDS_MAX {
            self.add("network.forwards", NetworkProblem::TooManyEntries { most: FORWARDS_MAX });
        }
        let mut all: Vec<Forward> = Vec::new();
        for (index, text) in wish.forwards.iter().enumerate() {
            let field = format!("network.forwards[{index}]");
            match values::forward(text) {
                Some(one) if all.iter().any(|other| other.outer == one.outer) => {
                    self.add(field, NetworkProblem::ForwardTwice { text: text.clone() });
                }
                Some(one) => all.push(one),
                None => self.add(field, NetworkProblem::NoForward { text: text.clone() }),
            }
        }
        all
    }

    fn list(&mut self, key: &str, list: &[String]) -> Vec<Entry> {
        if list.len() > PEERS_MAX / 8 {
            self.add(format!("network.{key}"), NetworkProblem::TooManyEntries { most: PEERS_MAX / 8 });
        }
        let mut all = Vec::new();
        for (index, text) in list.iter().enumerate() {
            match values::entry(text) {
                Some(entry) => all.push(entry),
                None => self
                    .add(format!("network.{key}[{index}]"), NetworkProblem::NoEntry { text: text.clone() }),
            }
        }
        all
    }

    fn interfaces(&mut self) -> Vec<InterfacePlan> {
        let usual = [profile::Interface::default()];
        let wish = self.wish;
        let list = if wish.interfaces.is_empty() || wish.mode != NetworkMode::Custom {
            &usual[..]
        } else {
            &wish.interfaces
        };
        let all: Vec<InterfacePlan> =
            list.iter().enumerate().map(|(index, one)| self.interface(index, one)).collect();
        self.overlaps(&all);
        if all.iter().filter(|one| one.source == Source::Own).count() > 1 {
            self.add("network.interfaces", NetworkProblem::OwnTwice);
        }
        all
    }

    fn interface(&mut self, index: usize, one: &profile::Interface) -> InterfacePlan {
        let field = |key: &str| format!("network.interfaces[{index}].{key}");
        let source = match (&one.source, one.user) {
            (Some(_), true) => {
                self.add(field("user"), NetworkProblem::SourceAndUser);
                Source::User
            }
            (Some(name), false) => {
                if !values::is_name(name) {
                    self.add(field("source"), NetworkProblem::NoName { text: name.clone() });
                }
                Source::Named(name.clone())
            }
            (None, true) => Source::User,
            (None, false) => Source::Own,
        };
        let mut plan = InterfacePlan {
            mac: self.mac(&field("mac"), one.mac.as_deref()),
            addresses: Vec::new(),
            routes: Vec::new(),
            dhcp: source != Source::Own && (one.dhcp || one.addresses.is_empty()),
            filter: one.filter.clone(),
            parameters: one.parameters.clone().into_iter().collect(),
            inbound: self.rate(&field("inbound"), one.inbound.as_deref()),
            outbound: self.rate(&field("outbound"), one.outbound.as_deref()),
            source,
        };
        for (number, text) in one.addresses.iter().enumerate() {
            match values::address(text) {
                Some(address) => plan.addresses.push(address),
                None => self.add(
                    field(&format!("addresses[{number}]")),
                    NetworkProblem::NoAddress { text: text.clone() },
                ),
            }
        }
        for (number, text) in one.routes.iter().enumerate() {
            match values::route(text) {
                Some(route) => plan.routes.push(route),
                None => self
                    .add(field(&format!("routes[{number}]")), NetworkProblem::NoRoute { text: text.clone() }),
            }
        }
        self.fits(&field, one, &plan);
        plan
    }

    /// What the source rules out.
    fn fits(&mut self, field: &dyn Fn(&str) -> String, one: &profile::Interface, plan: &InterfacePlan) {
        if plan.source == Source::Own {
            // Who would ask (DHCP) has what it would be told, without asking.
            for (key, is_given) in
                [("addresses", !one.addresses.is_empty()), ("routes", !one.routes.is_empty())]
            {
                if is_given {
                    self.add(field(key), NetworkProblem::OwnIsGiven);
                }
            }
            if one.filter.is_some() {
                self.add(field("filter"), NetworkProblem::FilterOnOwn);
            }
        } else {
            for (key, is_given) in [("inbound", one.inbound.is_some()), ("outbound", one.outbound.is_some())]
            {
                if is_given {
                    self.add(field(key), NetworkProblem::BandwidthElsewhere);
                }
            }
        }
        if let Some(name) = one.filter.as_ref().filter(|name| !values::is_name(name)) {
            self.add(field("filter"), NetworkProblem::NoName { text: name.clone() });
        }
        if one.filter.is_some() && plan.source == Source::User {
            self.add(field("filter"), NetworkProblem::FilterInUserMode);
        }
        if one.filter.is_none() && !one.parameters.is_empty() {
            self.add(field("parameters"), NetworkProblem::FilterWithoutName);
        }
        for name in one.parameters.keys().filter(|name| !values::is_parameter(name)) {
            self.add(
                field(&format!("parameters.{name}")),
                NetworkProblem::NoParameter { text: name.clone() },
            );
        }
    }

    fn without_ipv6(&mut self, all: &[InterfacePlan]) {
        for (index, one) in all.iter().enumerate() {
            let addresses = one.addresses.iter().map(|address| ("addresses", address.ip));
            let routes = one.routes.iter().map(|route| ("routes", route.to.ip));
            for (key, ip) in addresses.chain(routes).filter(|(_, ip)| ip.is_ipv6()) {
                let what = NetworkProblem::NoIpv6 { text: ip.to_string() };
                self.add(format!("network.interfaces[{index}].{key}"), what);
            }
        }
    }

    fn mac(&mut self, field: &str, text: Option<&str>) -> Option<Mac> {
        let text = text?;
        match text.parse::<Mac>() {
            Ok(mac) if mac.is_unicast() => return Some(mac),
            Ok(_) => self.add(field, NetworkProblem::MulticastMac { text: text.to_owned() }),
            Err(()) => self.add(field, NetworkProblem::NoMac { text: text.to_owned() }),
        }
        None
    }

    fn rate(&mut self, field: &str, text: Option<&str>) -> Option<u64> {
        let text = text?;
        let rate = profile::parse_size(text).filter(|rate| (RATE_MIN..=RATE_MAX).contains(rate));
        if rate.is_none() {
            self.add(field, NetworkProblem::NoRate { text: text.to_owned() });
        }
        rate
    }

    fn overlaps(&mut self, all: &[InterfacePlan]) {
        let mut before: Vec<(Route, String)> = Vec::new();
        for (index, one) in all.iter().enumerate() {
            for (number, route) in one.routes.iter().enumerate() {
                let text = route.to.to_string();
                if let Some((_, other)) = before.iter().find(|(other, _)| values::conflict(route, other)) {
                    let what = NetworkProblem::RoutesOverlap { text: text.clone(), other: other.clone() };
                    self.add(format!("network.interfaces[{index}].routes[{number}]"), what);
                }
                before.push((*route, text));
            }
        }
    }
}
