// SPDX-License-Identifier: LGPL-2.1-or-later
//! The rules at work: in networks of their own, with nobody's else beside them.

use super::kept::Kept;
use super::rules::tests::example;
use super::rules::{none, text, Here};
use std::collections::BTreeSet;
use std::process::Command;
use terrarium_protocol::guard::{Base, Port, Rules, NEEDS};
use terrarium_protocol::network::Net;

/// Two users' bridges, one that is nobody's, and who is behind each. `$1` has
/// the rules of the first one. Prints who reaches whom.
const BRIDGES: &str = r#"
set -e
echo 1 > /proc/sys/net/ipv4/ip_forward
ip link set lo up
serve='my $s = IO::Socket::IP->new(LocalHost => "0.0.0.0", LocalPort => 4001, Listen => 9) or die; while (my $c = $s->accept) { print $c "here\n" }'
for one in lo2 lo4 lo5; do ip link add $one type veth peer name p$one; done
place() { # BRIDGE INTERFACE NETWORK HOST MAC
    ip link add "$1" type bridge
    ip addr add "$3.1/24" dev "$1"
    ip link set "$1" up
    unshare --net perl -MIO::Socket::IP -e "$serve" & eval "${2}_pid=$!"
    local pid=$!
    until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
    ip link add "$2" type veth peer name eth0 netns $pid
    ip link set "$2" master "$1" up
    in="nsenter --net=/proc/$pid/ns/net"
    $in ip link set eth0 address "$5" up
    $in ip addr add "$3.$4/24" dev eth0
    $in ip route add default via "$3.1"
}
place trm-a lo3 10.9.8 3 52:54:00:00:00:03
place trm-b other 10.7.7 2 52:54:00:00:07:02
place lan lan0 10.6.6 2 52:54:00:00:06:02
trap 'kill $lo3_pid $other_pid $lan0_pid' EXIT
try() { # NAME PID ADDRESS
    nsenter --net=/proc/$2/ns/net timeout 1 bash -c "read -r line < /dev/tcp/$3/4001 && echo $1 \$line" 2>/dev/null || echo "$1 no"
}
all() {
    try "$1-a-b" $lo3_pid 10.7.7.2
    try "$1-b-a" $other_pid 10.9.8.3
    try "$1-a-lan" $lo3_pid 10.6.6.2
}
for wait in 1 2 3 4 5 6 7 8 9; do all warm | grep -q no || break; sleep 0.3; done
all before
nft -f "$1"
all after
"#;

#[test]
fn nobody_gets_from_one_users_bridge_to_another_s() {
    let mut rules: Rules = example();
    rules.bridge = "trm-a".into();
    rules.ports[1].policy.base = Base::All;
    (rules.ports[1].inbound, rules.ports[1].outbound) = (None, None);
    assert!(rules.are_proper());
    let ports: Vec<&Port> = rules.ports.iter().collect();
    let here = Here { local: &[], group: None, users: [0, 7] };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text("terrarium_7", &rules, &ports, &here)).unwrap();
    let done = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "bash", "-c", BRIDGES, "bash"])
        .arg(file.path())
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let all: Vec<&str> = said.lines().collect();
    let expected = [
        "before-a-b here",
        "before-b-a here",
        "before-a-lan here",
        "after-a-b no",
        "after-b-a no",
        "after-a-lan here",
    ];
    assert_eq!(all, expected, "{}", String::from_utf8_lossy(&done.stderr));
}

/// Sets all of it, the same again, as it is without one sandbox and with other
/// rates, as it is when nothing is known, and takes it away.
const TWICE: &str = r#"
set -e
for number in 2 3 4 5; do ip link add lo$number type veth peer name peer$number; done
nft -f "$1"
nft -f "$2"
nft list ruleset | grep -c 'chain '
nft list ruleset | grep -o 'rate over 2000 bytes'
ip link del lo2
nft -f "$3"
nft -f "$4"
nft list ruleset | grep -c 'chain '
nft list ruleset | grep -c '^.set open'
nft list ruleset | grep -o 'rate over 3000 bytes'
nft -f "$5"
nft -f "$5"
nft list ruleset
"#;

/// In a network of its own, which goes with it.
#[test]
fn nft_takes_all_of_it_twice_and_takes_it_away() {
    let rules = example();
    let local = [Net::of("192.0.2.0".parse().unwrap(), 24), Net::of("10.9.0.0".parse().unwrap(), 16)];
    let here = Here { local: &local, group: Some(7), users: [0, 7] };
    let mut kept = Kept::new("terrarium_7");
    let mut all = |ports: &[Port], anew| {
        let numbered: Vec<(u32, &Port)> = ports.iter().map(|port| (u32::from(port.mac.0[5]), port)).collect();
        let (more, things) = kept.text("br0", &numbered, true, anew);
        kept.holds(things);
        text("terrarium_7", &rules, &ports.iter().collect::<Vec<_>>(), &here) + &more
    };
    let mut fewer = rules.ports[1..].to_vec();
    fewer[0].outbound = Some(3000);
    let mut texts = vec![all(&rules.ports, false), all(&rules.ports, false), all(&fewer, false)];
    assert!(
        texts[0].contains(" set open2 {") && !texts[1].contains(" set open2 {"),
        "it stays: {}",
        texts[1]
    );
    texts.push(all(&fewer, true));
    texts.push(none("terrarium_7") + &kept.none());
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = (0..texts.len()).map(|number| folder.path().join(number.to_string())).collect();
    files.iter().zip(&texts).for_each(|(file, text)| std::fs::write(file, text).unwrap());
    let done = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", TWICE, "sh"])
        .args(&files)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    // refused, contact, a chain for each sandbox and for each interface, six
    // hooks, and one where a rate is kept; then one sandbox less; then nothing.
    let found = String::from_utf8_lossy(&done.stdout);
    let expected = ["17", "rate over 2000 bytes", "15", "3", "rate over 3000 bytes"];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{said}");
}

/// Expressions that are in nf_tables itself, and what the rules do without.
const IN_ALL: [&str; 11] = [
    "bitwise",
    "byteorder",
    "cmp",
    "dynset",
    "exthdr",
    "immediate",
    "lookup",
    "meta",
    "payload",
    "range",
    "connlimit",
];

/// So that the engine looks for all of it before it starts anything.
#[test]
fn what_the_rules_take_of_the_kernel_is_listed() {
    let rules = example();
    let ports: Vec<&Port> = rules.ports.iter().collect();
    let here = Here { local: &[], group: Some(7), users: [0, 7] };
    let numbered: Vec<(u32, &Port)> = (2..).zip(rules.ports.iter()).collect();
    let (more, _) = Kept::new("terrarium_7").text("br0", &numbered, true, true);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text("terrarium_7", &rules, &ports, &here) + &more).unwrap();
    let script = "for number in 2 3 4 5; do ip link add lo$number type veth peer name peer$number; done
        nft --debug=netlink -c -f \"$1\"";
    let done = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", script, "sh"])
        .arg(file.path())
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // "  [ limit rate 5/second ]", also one within another.
    let used: BTreeSet<&str> = said.split("[ ").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
    let needed = NEEDS.iter().map(|need| need.expression).filter(|name| !name.is_empty());
    let known: BTreeSet<&str> = needed.clone().chain(IN_ALL).collect();
    assert!(used.is_subset(&known), "{:?}", used.difference(&known).collect::<Vec<_>>());
    assert!(needed.clone().all(|name| used.contains(name)), "{used:?}");
}
