// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::host::{ConnectionState, Host, Networks};
use crate::kernel::Feature;
use crate::profile::{Interface, Network, NetworkMode, Profile};
use crate::uri::Uri;
use crate::xml::tests::host;
use terrarium_protocol::guard::Base;

fn profile(isolation: Isolation, network: Network) -> Profile {
    let mut profile = Profile::new("x", vec!["true".into()]);
    profile.isolation = Some(isolation);
    profile.network = network;
    profile
}

fn mode(mode: NetworkMode) -> Network {
    Network { mode, ..Network::default() }
}

fn custom(interface: Interface) -> Network {
    Network { mode: NetworkMode::Custom, interfaces: vec![interface], ..Network::default() }
}

fn named() -> Interface {
    Interface { source: Some("default".into()), ..Interface::default() }
}

/// The keys that a plan complains of.
fn fields(network: Network) -> Vec<String> {
    let planned = plan(&profile(Isolation::Container, network), &host());
    planned.problems.into_iter().map(|problem| problem.field).collect()
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn nothing_is_the_default_and_has_no_interface() {
    let plan = plan(&profile(Isolation::Container, Network::default()), &host()).plan.unwrap();
    assert_eq!((plan.network, plan.reach), (NetworkMode::None, None));
}

#[test]
fn modes_become_policies() {
    let of = |network: Network| {
        plan(&profile(Isolation::Container, network), &host()).plan.unwrap().reach.unwrap()
    };
    let bases =
        [NetworkMode::Internet, NetworkMode::Full, NetworkMode::Custom].map(|wish| of(mode(wish)).base);
    assert_eq!(bases, [Base::Internet, Base::All, Base::Internet]);
    let list =
        |allow: &[&str]| Network { mode: NetworkMode::Custom, allow: texts(allow), ..Network::default() };
    let (by_address, by_name) = (of(list(&["192.0.2.1:80/tcp"])), of(list(&["example.org"])));
    assert_eq!((by_address.base, by_address.resolver), (Base::Nobody, false), "names lead nowhere");
    assert_eq!((by_name.base, by_name.resolver), (Base::Nobody, true));
    let allow = || texts(&["192.168.1.5:631"]);
    let beside = of(Network { allow: allow(), ..mode(NetworkMode::Internet) });
    assert_eq!((beside.base, beside.allow.len()), (Base::Internet, 1));
    for wish in [NetworkMode::None, NetworkMode::Full] {
        assert_eq!(fields(Network { allow: allow(), ..mode(wish) }), ["network.allow"]);
    }
}

#[test]
fn every_key_that_is_wrong_is_named() {
    let interface = Interface {
        mac: Some("01:00:5e:00:00:01".into()),
        addresses: texts(&["10.0.0.2/24", "10.0.0.2/33", "x"]),
        routes: texts(&["10.1.0.0/16%10.0.0.1", "10.1.2.0/24%10.0.0.3", "10.9.9.9/8%10.0.0.1"]),
        filter: Some("a/b".into()),
        parameters: [("not good".to_owned(), String::new())].into(),
        inbound: Some("1M".into()),
        ..named()
    };
    let network = Network {
        allow: texts(&["example.org:70000"]),
        block: texts(&["10.0.0.0/8", "10.0.0.1/8"]),
        dns: texts(&["resolver"]),
        forwards: texts(&["8080:80", "70000:80", "8080:81"]),
        ..custom(interface)
    };
    let found = fields(network);
    let one = "network.interfaces[0]";
    for field in [
        "network.dns[0]".to_owned(),
        "network.forwards[1]".to_owned(),
        "network.forwards[2]".to_owned(),
        "network.allow[0]".to_owned(),
        "network.block[1]".to_owned(),
        format!("{one}.mac"),
        format!("{one}.addresses[1]"),
        format!("{one}.addresses[2]"),
        format!("{one}.routes[1]"),
        format!("{one}.routes[2]"),
        format!("{one}.filter"),
        format!("{one}.parameters.not good"),
        format!("{one}.inbound"),
        "network.allow".to_owned(),
    ] {
        assert!(found.contains(&field), "{field} is missing in {found:?}");
    }
    assert!(!found.contains(&format!("{one}.addresses[0]")) && !found.contains(&format!("{one}.routes[0]")));
}

#[test]
fn keys_that_rule_each_other_out_are_named() {
    let one = |change: &dyn Fn(&mut Interface)| {
        let mut interface = Interface::default();
        change(&mut interface);
        fields(custom(interface))
    };
    let name = |key: &str| vec![format!("network.interfaces[0].{key}")];
    assert_eq!(one(&|one| one.dhcp = true), [""; 0], "it has its address without asking");
    assert_eq!(one(&|one| one.addresses = texts(&["10.0.0.2/24"])), name("addresses"));
    assert_eq!(one(&|one| one.filter = Some("clean-traffic".into())), name("filter"));
    assert_eq!(one(&|one| one.outbound = Some("10 bytes".into())), name("outbound"));
    assert_eq!(
        one(&|one| *one = Interface { parameters: [("A".into(), "b".into())].into(), ..named() }),
        name("parameters")
    );
    let both = fields(custom(Interface { user: true, ..named() }));
    assert_eq!(both[0], "network.interfaces[0].user", "{both:?}");
    assert_eq!(fields(custom(Interface { source: Some("a/b".into()), ..named() })), name("source"));
    let twice = Network { interfaces: vec![Interface::default(); 2], ..custom(Interface::default()) };
    assert_eq!(fields(twice), ["network.interfaces"]);
    let none = Network { block: texts(&["*"]), allow: texts(&["*"]), ..Network::default() };
    assert_eq!(fields(none), ["network.allow", "network.block"]);
}

fn machine(network: Network, host: &Host) -> Vec<ProblemKind> {
    plan(&profile(Isolation::Machine, network), host).problems.into_iter().map(|one| one.what).collect()
}

#[test]
fn a_machine_with_a_network_is_the_systems_or_none() {
    let mut host = host();
    let internet = || mode(NetworkMode::Internet);
    let plan_of = |host: &Host| plan(&profile(Isolation::Machine, internet()), host).plan.unwrap();
    let made = plan_of(&host);
    assert_eq!(made.connection, Uri::QemuSystem);
    assert!(made.machine.unwrap().modules.contains(&"virtio_net".to_owned()));
    let needs = |in_group| ProblemKind::Network(NetworkProblem::NeedsSystem { in_group });
    let mut asked = profile(Isolation::Machine, internet());
    asked.machine.connection = Some("qemu:///session".into());
    assert_eq!(plan(&asked, &host).problems[0].what, needs(true));
    host.in_group_libvirt = false;
    assert_eq!(machine(internet(), &host), [needs(false)]);
    // One sentence: that there are no containers either has the same cause.
    host.connections[0].state = ConnectionState::NotAllowed;
    assert_eq!(machine(internet(), &host), [needs(false)]);
    let container = plan(&profile(Isolation::Container, internet()), &host).problems;
    assert!(
        matches!(container[..], [Problem { what: ProblemKind::ConnectionUnusable { .. }, .. }]),
        "{container:?}"
    );
    host.connections[0].state = ConnectionState::Works;
    assert_eq!(machine(Network::default(), &host), []);
    host.in_group_libvirt = true;
    host.kernels[0].features.retain(|feature| *feature != Feature::Network);
    let lacks = NetworkProblem::KernelLacksNetwork { version: "6.1.0-9-amd64".into() };
    assert_eq!(machine(internet(), &host), [ProblemKind::Network(lacks)]);
}

#[test]
fn user_mode_is_for_machines_of_the_session_and_says_what_it_reaches() {
    let user = || custom(Interface { user: true, ..Interface::default() });
    let planned = plan(&profile(Isolation::Machine, user()), &host());
    assert_eq!(planned.plan.unwrap().connection, Uri::QemuSession);
    assert!(planned.notes.contains(&Note::UserModeReachesHost));
    assert_eq!(fields(user()), ["network.interfaces[0].user"], "a container has none");
}

#[test]
fn what_enforces_it_has_to_be_there() {
    let mut host = host();
    host.network = Networks::default();
    host.connections[0].state = ConnectionState::NotRunning;
    let family = host.family;
    let wanted = [
        NetworkProblem::NeedsContainers,
        NetworkProblem::NoNft { lack: NftLack::Program { family } },
        NetworkProblem::NoDnsmasq { family },
    ];
    assert_eq!(machine(mode(NetworkMode::Full), &host), wanted.map(ProblemKind::Network));
    host.network.ebtables = true;
    assert_eq!(
        machine(mode(NetworkMode::Full), &host),
        [ProblemKind::Network(NetworkProblem::NoDnsmasq { family })]
    );
    assert_eq!(machine(custom(named()), &host), [], "another network is its owner's affair");
}

#[test]
fn a_container_has_no_more_ipv6_than_this_computer() {
    let mut host = host();
    host.network.ipv6 = false;
    let given = |addresses, routes| Interface { addresses, routes, ..named() };
    let both = || {
        custom(given(texts(&["10.0.0.2/24", "fd00::2/64"]), texts(&["10.1.0.0/16%10.0.0.1", "::/0%fd00::1"])))
    };
    let found = plan(&profile(Isolation::Container, both()), &host).problems;
    let found: Vec<_> = found.into_iter().map(|one| (one.field, one.what)).collect();
    let six = |key: &str, text: &str| {
        let what = NetworkProblem::NoIpv6 { text: text.to_owned() };
        (format!("network.interfaces[0].{key}"), ProblemKind::Network(what))
    };
    assert_eq!(found, [six("addresses", "fd00::2"), six("routes", "::")]);
    assert_eq!(machine(both(), &host), [], "it has a kernel of its own");
    assert_eq!(machine(mode(NetworkMode::Internet), &host), [], "it goes on with IPv4");
}

#[test]
fn without_nft_a_filter_does_what_it_can() {
    let mut host = host();
    host.network.nft = false;
    filtered(&host, &NftLack::Program { family: host.family });
    host.network.nft = true;
    let modules = vec!["nft_limit".to_owned()];
    host.network.lacks.clone_from(&modules);
    filtered(&host, &NftLack::Kernel { modules: modules.clone() });
    // No package brings what the kernel lacks.
    host.network.nft = false;
    filtered(&host, &NftLack::Kernel { modules: modules.clone() });
    host.network.ebtables = false;
    let wanted = NetworkProblem::NoNft { lack: NftLack::Kernel { modules } };
    assert_eq!(machine(mode(NetworkMode::Internet), &host), [ProblemKind::Network(wanted)]);
    assert_eq!(machine(custom(named()), &host), []);
}

fn filtered(host: &Host, lack: &NftLack) {
    let of = |network: Network| plan(&profile(Isolation::Container, network), host);
    let planned = of(mode(NetworkMode::Internet));
    assert_eq!(planned.problems, []);
    assert!(planned.notes.contains(&Note::FilteredByLibvirt { lack: lack.clone() }));
    assert_eq!(planned.plan.unwrap().reach.unwrap().enforcer, Enforcer::Filter);
    let rate = Interface { inbound: Some("1M".into()), ..Interface::default() };
    let network = Network { forwards: texts(&["8080:80"]), ..custom(rate) };
    let found = of(network).problems;
    let wanted = [
        ("network.forwards", NetworkProblem::ForwardsNeedNft { lack: lack.clone() }),
        ("network.interfaces[0].inbound", NetworkProblem::BandwidthNeedsNft { lack: lack.clone() }),
    ];
    let found: Vec<_> = found.iter().map(|one| (one.field.as_str(), one.what.clone())).collect();
    assert_eq!(found, wanted.map(|(field, what)| (field, ProblemKind::Network(what))));
    // Somebody else's network is not ours to filter.
    assert!(!of(custom(named())).notes.contains(&Note::FilteredByLibvirt { lack: lack.clone() }));
}
