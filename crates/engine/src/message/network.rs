// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sentences about networks.

use super::options::{are_named, with_option};
use super::sentence::{both, Sentence};
use super::{fill, shown, size};
use crate::error::NetworkError;
use crate::host::Family;
use crate::nearest::nearest;
use crate::network::grammar::{Wrong, WORDS};
use crate::network::{Party, Standing, Usage};
use crate::plan::{NetworkProblem, NftLack};
use gettextrs::{gettext, ngettext};
use terrarium_protocol::guard::{Base, Contact};

/// What stands in the way of a network.
pub(super) fn problem(what: &NetworkProblem) -> Sentence {
    text_problem(what).or_else(|| place_problem(what)).unwrap_or_else(|| rule_problem(what))
}

fn about(text: &str, value: &str) -> String {
    fill(text, &[("text", value)])
}

/// A text that is not what its key takes.
fn text_problem(what: &NetworkProblem) -> Option<Sentence> {
    use NetworkProblem as P;
    let (text, fix) = match what {
        P::NoAddress { text } => (
            about(&gettext("“{text}” is not an address with its prefix."), text),
            gettext("Write 192.168.1.5/24, 192.168.1.5/24%192.168.1.255 or fd00::5/64."),
        ),
        P::NoRoute { text } => (
            about(&gettext("“{text}” is not a route."), text),
            gettext("Write the network, its prefix and the gateway, such as 10.0.0.0/8%192.168.1.1."),
        ),
        P::RoutesOverlap { text, other } => (
            fill(&gettext("The routes to {text} and {other} overlap."), &[("text", text), ("other", other)]),
            gettext("Remove one of them, or choose networks that have no address in common."),
        ),
        P::NoMac { text } => (
            about(&gettext("“{text}” is not a hardware address."), text),
            gettext("Write 52:54:00:12:34:56, or leave it out."),
        ),
        P::MulticastMac { text } => (
            about(&gettext("{text} cannot be the hardware address of an interface: it names a group, or nobody."), text),
            gettext("Choose one whose first byte is even, such as 52:54:00:12:34:56."),
        ),
        P::NoEntry { text } => (
            about(&gettext("“{text}” names nobody to talk to."), text),
            gettext("Write a name, an address or a range, with ports from 1 to 65535 if you like: example.org:443/tcp, 10.0.0.0/8, [2001:db8::1]:53/udp."),
        ),
        P::NoResolver { text } => (
            about(&gettext("“{text}” is not the address of a name server."), text),
            gettext("Write an address, such as 192.168.1.1."),
        ),
        P::NoForward { text } => (
            about(&gettext("“{text}” is not a port of this computer and one of the sandbox."), text),
            gettext("Write 8080:80; the first is from 1024 to 65535, the second from 1."),
        ),
        P::ForwardTwice { text } => (
            about(&gettext("The port of this computer in “{text}” leads somewhere else already."), text),
            gettext("Choose another one."),
        ),
        P::NoRate { text } => (
            about(&gettext("“{text}” is not a bandwidth."), text),
            gettext("Write bytes a second, such as 500 KiB or 10M; the least is 1 KiB."),
        ),
        P::NoName { text } => (
            about(&gettext("libvirt can have nothing with the name “{text}”."), text),
            gettext("“virsh net-list --all” and “virsh nwfilter-list” show the names."),
        ),
        P::NoParameter { text } => (
            about(&gettext("A filter cannot have a parameter with the name “{text}”."), text),
            gettext("Use letters, digits and underscores, such as IP."),
        ),
        P::TooManyEntries { most } => (
            fill(&gettext("The list has more than {most} entries."), &[("most", &most.to_string())]),
            gettext("Name ranges rather than single addresses."),
        ),
        _ => return None,
    };
    Some(both(text, fix))
}

/// In the words of the form's rows.
fn choose_user_mode() -> String {
    gettext("Without a group there is QEMU’s user mode, which limits nothing: choose “Custom” as Access, press “Add Interface”, and choose “QEMU’s User Mode” as its network.")
}

/// What this computer lacks.
fn place_problem(what: &NetworkProblem) -> Option<Sentence> {
    use NetworkProblem as P;
    let (text, fix) = match what {
        P::NeedsSystem { in_group: true } => (
            gettext("A virtual machine of your session cannot have this network: nothing would enforce whom it talks to."),
            if are_named() {
                gettext("Leave the connection out or use qemu:///system, which has to run; use a container; or choose QEMU’s user mode, which limits nothing (-N user; in a profile the mode “custom” with user = true).")
            } else {
                [gettext("Leave the connection out or use qemu:///system, which has to run, or use a container."), choose_user_mode()].join(" ")
            },
        ),
        P::NeedsSystem { in_group: false } => (
            gettext("Only members of the group libvirt can have this network, and you are not one."),
            if are_named() {
                gettext("Choose QEMU’s user mode, which needs no group and limits nothing (-N user; in a profile the mode “custom” with user = true); or join the group, which equals being root on this computer: sudo usermod -aG libvirt $USER, then log in again.")
            } else {
                [choose_user_mode(), gettext("Or join the group, which equals being root on this computer: sudo usermod -aG libvirt $USER, then log in again.")].join(" ")
            },
        ),
        P::NeedsContainers => (
            gettext("Whom a sandbox talks to is enforced by a container, and lxc:///system cannot be used."),
            gettext("“terrariumctl doctor” says why."),
        ),
        P::NoNft { lack: NftLack::Program { family } } => (
            gettext("nft is not installed, so nothing could enforce whom the sandbox talks to."),
            install(*family, "nftables", "nftables"),
        ),
        P::NoNft { lack: NftLack::Kernel { modules } } => (
            without(&gettext("This computer’s kernel lacks {modules}, so nothing could enforce whom the sandbox talks to."), modules),
            another_kernel(),
        ),
        P::BandwidthNeedsNft { lack: lack @ NftLack::Program { .. } } => (
            gettext("A bandwidth is kept by nft, which is not installed."),
            or_leave_out(lack),
        ),
        P::BandwidthNeedsNft { lack: lack @ NftLack::Kernel { modules } } => (
            without(&gettext("A bandwidth is kept by nft, for which this computer’s kernel lacks {modules}."), modules),
            or_leave_out(lack),
        ),
        P::ForwardsNeedNft { lack: lack @ NftLack::Program { .. } } => (
            gettext("Ports of this computer lead into a sandbox by the guard, which needs nft, and that is not installed."),
            or_leave_out(lack),
        ),
        P::ForwardsNeedNft { lack: lack @ NftLack::Kernel { modules } } => (
            without(&gettext("Ports of this computer lead into a sandbox by the guard, which needs nft, and for that this computer’s kernel lacks {modules}."), modules),
            or_leave_out(lack),
        ),
        P::NoDnsmasq { family } => (
            gettext("dnsmasq is not installed, without which libvirt makes no network."),
            install(*family, "dnsmasq-base", "dnsmasq"),
        ),
        P::NoIpv6 { text } => (
            about(&gettext("This computer’s kernel was started without IPv6, so a container cannot have {text}."), text),
            gettext("Use IPv4 or a virtual machine, or start the kernel without ipv6.disable=1."),
        ),
        P::KernelLacksNetwork { version } => (
            fill(&gettext("The kernel {version} has no driver for a virtual machine’s network (virtio_net)."), &[("version", version)]),
            gettext("Choose another kernel, or use a container."),
        ),
        P::NoSuchNetwork { name } => (
            fill(&gettext("libvirt has no network with the name “{name}”."), &[("name", name)]),
            gettext("“virsh net-list --all” shows those that there are."),
        ),
        P::NetworkInactive { name } => (
            fill(&gettext("The network “{name}” is not active."), &[("name", name)]),
            fill(&gettext("Start it: virsh net-start {name}"), &[("name", &super::quote(name))]),
        ),
        P::NoSuchFilter { name } => (
            fill(&gettext("libvirt has no filter with the name “{name}”."), &[("name", name)]),
            gettext("“virsh nwfilter-list” shows those that there are."),
        ),
        _ => return None,
    };
    Some(both(text, fix))
}

fn or_leave_out(lack: &NftLack) -> String {
    fill(&gettext("{install} Or leave the setting out."), &[("install", &nft_fix(lack))])
}

/// How nft comes to set rules here, with a full stop.
fn nft_fix(lack: &NftLack) -> String {
    match lack {
        NftLack::Program { family } => {
            let text = install(*family, "nftables", "nftables");
            format!("{}.", text.trim_end_matches('.'))
        }
        NftLack::Kernel { .. } => another_kernel(),
    }
}

fn another_kernel() -> String {
    gettext("Start this computer with a kernel that has them, such as its distribution’s.")
}

/// Fills in what a kernel lacks.
fn without(text: &str, modules: &[String]) -> String {
    fill(text, &[("modules", &shown(&modules.join(", ")))])
}

fn install(family: Family, debian: &str, other: &str) -> String {
    let package = if matches!(family, Family::Debian | Family::Other) { debian } else { other };
    match family.install(&[package]) {
        Some(command) => fill(&gettext("Install it: {command}"), &[("command", &command)]),
        None => {
            fill(&gettext("Install the package {package} (its name on Debian)."), &[("package", package)])
        }
    }
}

/// A key that another one rules out.
fn rule_problem(what: &NetworkProblem) -> Sentence {
    use NetworkProblem as P;
    let (text, fix) = match what {
        P::CustomOnly => (
            gettext("This setting has no meaning in the chosen mode of the network."),
            gettext("Set network.mode to “custom”, or leave the setting out."),
        ),
        P::SourceAndUser => (
            gettext("An interface cannot be in user mode and on a network of libvirt’s."),
            gettext("Leave out “user” or “source”."),
        ),
        P::OwnTwice => (
            gettext("A sandbox can be on Terrarium’s own network once."),
            gettext("Give the other interfaces a source."),
        ),
        P::OwnIsGiven => (
            gettext("Addresses and routes on Terrarium’s own network are given by Terrarium."),
            gettext("Leave them out, or name another network as the source."),
        ),
        P::ListsElsewhere => (
            gettext("Lists of whom a sandbox may talk to hold on Terrarium’s own network only."),
            gettext("Leave the lists out, or add an interface without a source. For other networks there is “filter”."),
        ),
        P::BandwidthElsewhere => (
            gettext("A bandwidth can be kept on Terrarium’s own network only."),
            gettext("Leave it out, or leave out the source."),
        ),
        P::FilterWithoutName => (
            gettext("There are parameters of a filter, and no filter."),
            gettext("Name the filter, or leave the parameters out."),
        ),
        P::FilterOnOwn => (
            gettext("Filters of libvirt’s are not used on Terrarium’s own network."),
            gettext("Use the lists “allow” and “block”, or name another network as the source."),
        ),
        P::FilterInUserMode => (
            gettext("Nothing can filter the user mode of QEMU."),
            gettext("Leave the filter out, or name a network as the source."),
        ),
        _ => (
            gettext("Only virtual machines of your session have QEMU’s user mode."),
            with_option(
                &gettext("Use a virtual machine{option}, the connection qemu:///session, and no other kind of interface."),
                "--machine",
            ),
        ),
    };
    both(text, fix)
}

/// What is worth knowing of user mode.
pub(super) fn user_mode() -> String {
    gettext("In user mode nothing limits whom the virtual machine talks to: it reaches the local network, and through the address 10.0.2.2 the services that listen on this computer’s 127.0.0.1.")
}

/// What is worth knowing of libvirt's filter.
pub(super) fn filtered(lack: &NftLack) -> String {
    let why = match lack {
        NftLack::Program { .. } => gettext("nft is not installed."),
        NftLack::Kernel { modules } => {
            without(&gettext("This computer’s kernel lacks {modules}, which nft needs."), modules)
        }
    };
    let text = gettext("{why} So a filter of libvirt’s (nwfilter) enforces whom the sandbox talks to. That is slower: its start and each change of the network take seconds. It has no IPv6, whom it met is not seen, and names of its lists and networks that this computer joins are followed only as long as a window or a run in the foreground is open. {install}");
    fill(&text, &[("why", &why), ("install", &nft_fix(lack))])
}

/// What doctor says of a kernel in which nft cannot do all that it has to.
pub(super) fn kernel_lacks(modules: &[String], filtered: bool) -> String {
    let text = if filtered {
        gettext("Sandboxes can have a network, enforced by a filter of libvirt’s (nwfilter): slower, and without IPv6. With a kernel that has {modules}, such as the distribution’s, it would be Terrarium’s own.")
    } else {
        gettext("Sandboxes cannot have a network: this computer’s kernel lacks {modules}. Start it with a kernel that has them, such as its distribution’s.")
    };
    without(&text, modules)
}

/// What went wrong with a network.
pub(super) fn error(error: &NetworkError) -> String {
    match error {
        NetworkError::Guard { why } => {
            let text = gettext("The rules for the sandbox’s network could not be set, so it has none: {why}. Try again; “terrariumctl doctor” looks for the cause.");
            fill(&text, &[("why", &shown(why))])
        }
        NetworkError::Newer => gettext("Terrarium was updated, and its newer version guards the networks of your sandboxes. Close all windows of Terrarium, and try again."),
        NetworkError::Missing { interface } => {
            let text = gettext("libvirt did not make the interface {interface} of the sandbox. Try again.");
            fill(&text, &[("interface", interface)])
        }
        NetworkError::NoRange => gettext("This computer uses all private ranges of addresses, so there is none for the network of sandboxes. Use another network of libvirt’s as the source."),
        NetworkError::Full => gettext("All addresses of the network of sandboxes are taken. Stop a sandbox, and try again."),
        NetworkError::UnknownHost { name } => {
            let text = gettext("The name {name} of the network’s lists has no address now. Correct it, or try again when this computer is online.");
            fill(&text, &[("name", name)])
        }
        NetworkError::NotOfTheInternet { name, address } => {
            let text = gettext("The name {name} leads to {address}, which is not on the internet but in this computer’s networks. If the sandbox may reach it, put the address itself on the list.");
            fill(&text, &[("name", name), ("address", &address.to_string())])
        }
        NetworkError::InUse { sandbox } => {
            fill(&gettext("The network of sandboxes is in use by “{name}”. Stop that sandbox, and try again."), &[("name", sandbox)])
        }
        NetworkError::BandwidthNeedsNft => gettext("This sandbox was started without nft, so nothing can keep a bandwidth. Install nftables, and start it again."),
        NetworkError::NotOwn => gettext("This sandbox is not on Terrarium’s own network, so its network cannot be looked at or changed. Start it with the mode “internet”, “full” or “custom”."),
    }
}

/// `doctor --remove` took it away.
#[must_use]
pub fn network_removed() -> String {
    gettext("Your network of sandboxes was removed.")
}

/// `doctor --remove` had nothing to do.
#[must_use]
pub fn no_network() -> String {
    gettext("You have no network of sandboxes.")
}

/// `-N` that is none.
#[must_use]
pub fn not_a_network(wrong: &Wrong) -> String {
    match wrong {
        Wrong::Unknown { key } if nearest(key, WORDS).is_some() => {
            let text = fill(&gettext("“{key}” is no network, and no key of one."), &[("key", key)]);
            super::sentence::or_meant(&text, nearest(key, WORDS), "")
        }
        Wrong::Unknown { key } => {
            let text = gettext("“{key}” is no key of a network. Write none, internet, full, or keys with commas between them: user, dhcp, source=NET, mac=MAC, address=IP/PREFIX%BROADCAST, route=NET/PREFIX%GATEWAY, filter=NAME, filter.KEY=VALUE, inbound=RATE, outbound=RATE.");
            fill(&text, &[("key", key)])
        }
        Wrong::Value { key, value } => {
            let text = gettext("{key}: “{value}” is not a value that this key of a network takes.");
            fill(&text, &[("key", key), ("value", value)])
        }
        Wrong::Twice { key } => {
            let text =
                gettext("{key}: The key is there twice. Give the network another -N, or leave one out.");
            fill(&text, &[("key", key)])
        }
        Wrong::NotAlone { word } => {
            fill(&gettext("{word}: The word stands alone, without other keys."), &[("word", word)])
        }
    }
}

/// An entry of `network allow` or `network block` that is none.
#[must_use]
pub fn not_an_entry(text: &str) -> String {
    let Sentence { text, fix } = problem(&NetworkProblem::NoEntry { text: text.to_owned() });
    format!("{text} {fix}")
}

/// A bandwidth that is none.
#[must_use]
pub fn not_a_rate(text: &str) -> String {
    let Sentence { text, fix } = problem(&NetworkProblem::NoRate { text: text.to_owned() });
    format!("{text} {fix}")
}

/// What there is to know of a sandbox's network, a line each.
#[must_use]
pub fn usage(usage: &Usage) -> Vec<String> {
    let line = |label: String, value: &str| format!("{label}: {}", shown(value));
    let addresses: Vec<String> = usage.addresses.iter().map(ToString::to_string).collect();
    let mut lines = vec![
        line(gettext("Addresses"), &addresses.join(", ")),
        line(gettext("Received"), &size(usage.received)),
        line(gettext("Sent"), &size(usage.sent)),
    ];
    for (label, rate) in
        [(gettext("Receives at most"), usage.inbound), (gettext("Sends at most"), usage.outbound)]
    {
        lines.extend(rate.map(|rate| line(label, &fill(&gettext("{size}/s"), &[("size", &size(rate))]))));
    }
    lines.push(line(gettext("Access"), &access(usage)));
    for (label, list) in [(gettext("Allowed"), &usage.allowed), (gettext("Blocked"), &usage.blocked)] {
        lines.extend((!list.is_empty()).then(|| line(label, &list.join(", "))));
    }
    if usage.cut {
        lines.push(gettext("The network is cut."));
    }
    if !usage.seen {
        lines.push(nobody_looks());
    }
    let parties = usage.parties();
    for (refused, heading) in [(false, gettext("Contacted")), (true, gettext("Refused"))] {
        let of_this: Vec<&Party> = parties.iter().filter(|one| one.refused == refused).collect();
        if !of_this.is_empty() {
            lines.push(heading);
            lines.extend(of_this.iter().rev().map(|one| format!("  {}", party(one))));
        }
    }
    lines
}

/// Whom a sandbox may talk to now, in a few words.
#[must_use]
pub fn access(usage: &Usage) -> String {
    match (usage.policy.base, usage.allowed.is_empty()) {
        (Base::All, _) => gettext("Internet and LAN"),
        (Base::Internet, true) => gettext("Internet only"),
        (Base::Internet, false) => gettext("Internet and chosen hosts"),
        (Base::Nobody, true) => gettext("No network"),
        (Base::Nobody, false) => gettext("Chosen hosts"),
    }
}

/// One peer of a sandbox, as `allow` and `block` take it, with its name, how
/// often, and how much.
fn party(one: &Party) -> String {
    let mut parts = vec![peer(&one.contact)];
    parts.extend(one.contact.name.as_deref().map(shown));
    let count = if one.refused { one.tries } else { one.connections };
    if count > 1 {
        parts[0].push_str(&format!(" × {count}"));
    }
    parts.extend(moved(&one.contact));
    parts.extend(before(one));
    parts.join("  ")
}

/// What was refused of somebody who may be talked to now, if anything was.
#[must_use]
pub fn before(one: &Party) -> Option<String> {
    if one.refused || one.tries == 0 {
        return None;
    }
    let text = ngettext("{count} refused try", "{count} refused tries", super::many(one.tries));
    let tries = fill(&text, &[("count", &one.tries.to_string())]);
    let said = match (one.standing, one.connections) {
        (Standing::Allowed, 0) => vec![gettext("Allowed by you"), gettext("not contacted since"), tries],
        (Standing::Allowed, _) => vec![gettext("Allowed by you"), tries],
        (_, 0) => vec![gettext("not contacted since"), tries],
        _ => vec![tries],
    };
    Some(said.join(" · "))
}

/// How much was said, if that is known.
#[must_use]
pub fn moved(one: &Contact) -> Option<String> {
    if one.received == 0 && one.sent == 0 {
        return None;
    }
    let values = [("received", size(one.received)), ("sent", size(one.sent))];
    let values = [(values[0].0, values[0].1.as_str()), (values[1].0, values[1].1.as_str())];
    Some(fill(&gettext("{received} received, {sent} sent"), &values))
}

/// Nobody sees whom a sandbox meets.
#[must_use]
pub fn nobody_looks() -> String {
    gettext("Whom it meets is not seen: nft was not installed when it was started.")
}

/// One peer of a sandbox, as `allow` and `block` take it.
#[must_use]
pub fn peer(one: &Contact) -> String {
    let protocol = match one.protocol {
        1 | 58 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        other => other.to_string(),
    };
    match (one.peer, one.port) {
        (peer, None) => format!("{peer} {protocol}"),
        (std::net::IpAddr::V4(peer), Some(port)) => format!("{peer}:{port}/{protocol}"),
        (std::net::IpAddr::V6(peer), Some(port)) => format!("[{peer}]:{port}/{protocol}"),
    }
}
