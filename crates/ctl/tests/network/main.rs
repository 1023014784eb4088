// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whom sandboxes reach: with servers in namespaces that stand for the
//! internet, the local network, and another sandbox.

mod a_machine;
mod addresses;
#[path = "../common/mod.rs"]
mod common;
mod filter;
mod first;
mod here;
mod leases;
mod live;
mod named;
mod refused;
mod roots;
mod turns;
mod watch;

use common::net::*;
use common::*;
use std::process::Stdio;
use std::time::{Duration, Instant};
use turns::*;

/// Both kinds of sandboxes with a network need group libvirt.
const USER: User = User::Member;

fn networked(glass: Glass, network: &[&str], script: &str) -> std::process::Output {
    run_as(USER, glass, network, &["bash", "-c", script]).output().unwrap()
}

/// A script of probes. An emulated processor takes its time, on a computer that
/// is busy.
fn patient(glass: Glass, script: &str) -> String {
    if glass == Glass::Machine {
        format!("SECONDS_EACH=6\n{script}")
    } else {
        script.to_owned()
    }
}

/// Ends of the user's sandboxes' interfaces on this computer.
fn interfaces() -> Vec<String> {
    let prefix = bridge(USER).replace("trm-", "t") + "-";
    let names = std::fs::read_dir("/sys/class/net").unwrap().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut all: Vec<String> = names.filter(|name| name.starts_with(&prefix)).collect();
    all.sort();
    all
}

/// Where Terrarium has what there is of a sandbox.
fn directory_of(sandbox: &Stop) -> Option<std::path::PathBuf> {
    let all = std::fs::read_dir(USER.runtime()).ok()?.flatten().map(|entry| entry.path());
    let is_it = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path.join("name")).is_ok_and(|text| text.trim() == sandbox.name)
    };
    all.into_iter().find(is_it)
}

/// The other end of a sandbox's interface, on this computer.
fn interface_of(sandbox: &Stop) -> String {
    let file = directory_of(sandbox).expect("its directory").join("network");
    let saved: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    saved["port"]["interface"].as_str().unwrap().to_owned()
}

/// The guard of the user, in libvirt.
fn guard() -> String {
    format!("terrarium-guard-{}", USER.uid())
}

/// Kills it; what it has set stays.
fn end_the_guard() {
    let words = ["-c", "lxc:///system", "destroy", &guard()];
    let killed = std::process::Command::new("virsh").args(words).output().unwrap();
    assert!(killed.status.success(), "{}", err(&killed));
}

/// A sandbox that goes on, and says "ready" first.
fn lasting(glass: Glass, network: &[&str], script: &str) -> Stop {
    lasting_by(Enforcer::Guard, glass, network, script)
}

/// The same, with another enforcer.
fn lasting_by(enforcer: Enforcer, glass: Glass, network: &[&str], script: &str) -> Stop {
    lasting_with(glass, network, script, |run| enforcer.seen_by(run))
}

/// The same, on a computer as `seen`.
fn lasting_with(
    glass: Glass,
    network: &[&str],
    script: &str,
    seen: impl FnOnce(std::process::Command) -> std::process::Command,
) -> Stop {
    // It is ended as well if its start fails when it is half there.
    let sandbox = Stop { user: USER, name: fresh_name(STEM) };
    let mut options = vec!["--detach", "-n", &sandbox.name];
    options.extend(network);
    let output = seen(run_as(USER, glass, &options, &["bash", "-c", script])).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    sandbox
}

/// Runs a script in a sandbox that goes on.
fn inside(sandbox: &Stop, script: &str) -> String {
    let begun = Instant::now();
    let output = USER.ctl().args(["exec", &sandbox.name, "--", "bash", "-c", script]).output().unwrap();
    // For whoever looks at what failed.
    println!("{} after {:?}: {}{}", output.status, begun.elapsed(), out(&output), err(&output));
    assert_ne!(output.status.code(), Some(125), "{}", err(&output));
    out(&output)
}

/// Serves as the other sandbox.
const OTHER: &str = r#"perl -MIO::Socket::IP -e '
    for my $any ("0.0.0.0", "::") { next if fork; my $s = IO::Socket::IP->new(LocalHost => $any, LocalPort => 4001, V6Only => 1, Listen => 9, ReuseAddr => 1) || die $!;
    while (my $c = $s->accept) { print $c "other\n" } } sleep 600'"#;

/// An address of the link that only this run uses.
fn near(world: &World) -> String {
    let [_, _, _, host] = world.lan.v4.octets();
    format!("169.254.{}.{host}", 16 + std::process::id() % 200)
}

/// Everything that could be reached, under a name.
fn targets(world: &World, other: &serde_json::Value) -> Vec<(&'static str, &'static str, String, u16)> {
    let own = |index: usize| other["addresses"][index].as_str().unwrap().to_owned();
    let (other4, other6) = (own(0), own(1));
    let gateway4 = format!("{}.1", other4.rsplit_once('.').unwrap().0);
    let gateway6 = format!("{}::1", other6.split_once("::").unwrap().0);
    let (internet, lan) = (&world.internet, &world.lan);
    let port = world.host_port;
    vec![
        ("internet4", "tcp", internet.v4.to_string(), 80),
        ("internet6", "tcp", internet.v6.to_string(), 80),
        ("internet-udp", "udp40", internet.v4.to_string(), 81),
        ("internet-fragments", "udp5000", internet.v4.to_string(), 81),
        ("internet-dns", "udp40", internet.v4.to_string(), 53),
        ("internet-dns-tcp", "tcp", internet.v4.to_string(), 53),
        ("internet-dns-fragments", "udp5000", internet.v4.to_string(), 53),
        ("internet-udp6", "udp40", internet.v6.to_string(), 81),
        ("internet-fragments6", "udp5000", internet.v6.to_string(), 81),
        ("internet-dns6", "udp40", internet.v6.to_string(), 53),
        ("internet-dns-tcp6", "tcp", internet.v6.to_string(), 53),
        ("internet-dns-fragments6", "udp5000", internet.v6.to_string(), 53),
        ("lan4", "tcp", lan.v4.to_string(), 80),
        ("lan6", "tcp", lan.v6.to_string(), 80),
        ("lan-udp", "udp40", lan.v4.to_string(), 81),
        ("lan-fragments6", "udp5000", lan.v6.to_string(), 81),
        ("link-local", "tcp", near(world), 80),
        ("host-lan", "tcp", lan.ours.to_string(), port),
        ("gateway4", "tcp", gateway4.clone(), port),
        ("gateway6", "tcp", gateway6.clone(), port),
        ("gateway-udp", "udp40", gateway4.clone(), port),
        ("other4", "tcp", other4, 4001),
        ("other6", "tcp", other6, 4001),
        ("names", "dns", gateway4, 53),
        ("names6", "dns", gateway6, 53),
    ]
}

const INTERNET: [&str; 8] = [
    "internet-fragments",
    "internet-fragments6",
    "internet-udp",
    "internet-udp6",
    "internet4",
    "internet6",
    "names",
    "names6",
];

/// A world, somebody else's sandbox, and a script that tries all of it.
struct Surroundings<'a> {
    world: &'a World,
    all: Vec<(&'static str, &'static str, String, u16)>,
    other: Stop,
}

impl<'a> Surroundings<'a> {
    fn new(enforcer: Enforcer, world: &'a World) -> Self {
        world.lan.also(&near(world));
        let other = lasting_by(enforcer, Glass::Container, &["-N", "full"], OTHER);
        let mut usage = usage(&other);
        let addresses = usage["addresses"].as_array_mut().unwrap();
        if enforcer == Enforcer::Filter {
            assert_eq!(addresses.len(), 1, "it has no IPv6");
            addresses.push("fd00:7:7:7::6".into());
        }
        let all = targets(world, &usage);
        // A bridge that has just come up looks for others with its address first.
        wait_for("the bridge's own addresses", Duration::from_secs(10), || {
            let args = ["-6", "addr", "show", "dev", &bridge(USER), "tentative"];
            std::process::Command::new("ip").args(args).output().unwrap().stdout.is_empty()
        });
        Self { world, all, other }
    }

    fn script(&self) -> String {
        probes(&self.all)
    }

    /// All but another sandbox, which nobody reaches.
    fn everything(&self) -> Vec<&'static str> {
        let names = self.all.iter().map(|one| one.0).filter(|name| !name.starts_with("other"));
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names
    }

    /// Lists for exactly [`THOSE`].
    fn lists(&self) -> [String; 3] {
        let World { internet, lan, .. } = self.world;
        [format!("{}:80/tcp", internet.v4), format!("{}:81", lan.v4), format!("[{}]:81/udp", internet.v6)]
    }
}

const THOSE: [&str; 4] = ["internet-fragments6", "internet-udp6", "internet4", "lan-udp"];

#[test]
fn nobody_reaches_more_than_the_mode_says() {
    let _turn = guarded();
    let world = World::new();
    let around = Surroundings::new(Enforcer::Guard, &world);
    let script = around.script();
    let reached = |network: &[&str]| {
        let output = networked(Glass::Container, network, &script);
        assert_eq!(output.status.code(), Some(0), "{network:?}: {}", err(&output));
        answers(&out(&output))
    };
    assert_eq!(reached(&["-N", "internet"]), INTERNET);
    assert_eq!(reached(&["-N", "internet", "-p"]), INTERNET);
    assert_eq!(reached(&["-N", "full"]), around.everything());
    let lists = around.lists();
    assert_eq!(reached(&["--allow", &lists[0], "--allow", &lists[1], "--allow", &lists[2]]), THOSE);
    let v6 = world.internet.v6.to_string();
    let four = ["internet-fragments", "internet-udp", "internet4", "names", "names6"];
    assert_eq!(reached(&["-N", "internet", "--block", &v6]), four);
    let lan = format!("{}:80/tcp", world.lan.v4);
    let mut beside = INTERNET.to_vec();
    beside.insert(6, "lan4");
    assert_eq!(reached(&["-N", "internet", "--allow", &lan]), beside);
}

#[test]
fn nothing_leaves_a_container_without_a_network() {
    nothing_leaves(Glass::Container);
}

#[test]
fn nothing_leaves_a_machine_without_a_network() {
    nothing_leaves(Glass::Machine);
}

fn nothing_leaves(glass: Glass) {
    let _turn = guarded();
    let world = World::new();
    let port = 8181;
    let all =
        [world.internet.v4.to_string(), world.internet.v6.to_string()].map(|ip| ("it", "tcp", ip, port));
    let script = format!("cat /proc/net/dev | grep -c : ; {}", probes(&all));
    world.internet.count(port);
    let output = networked(glass, &[], &script);
    assert_eq!(out(&output).trim(), "1", "lo alone");
    assert_eq!(world.internet.counted(), 0, "packets arrive");
    networked(Glass::Container, &["-N", "internet"], &script);
    assert!(world.internet.counted() >= 2, "those of a sandbox with a network are counted");
}

/// What this computer's kernel remembers of a flood from these ports.
fn remembered(ports: &std::ops::Range<u16>) -> usize {
    let table = std::fs::read_to_string("/proc/net/nf_conntrack").unwrap();
    let port = |line: &str| line.split_once(" sport=")?.1.split(' ').next()?.parse::<u16>().ok();
    let is_it =
        |line: &&str| line.contains(" dport=53 ") && port(line).is_some_and(|port| ports.contains(&port));
    table.lines().filter(is_it).count()
}

/// One packet from each of many ports, to whom every sandbox may talk.
const FLOOD: &str = r#"perl -MSocket -e 'my ($to) = `cat /etc/resolv.conf` =~ /^nameserver ([\d.]+)$/m or die; $to = sockaddr_in(53, inet_aton($to));
    for ($ARGV[0] .. $ARGV[1] - 1) { socket(my $s, AF_INET, SOCK_DGRAM, 0) or die; bind($s, sockaddr_in($_, INADDR_ANY)) or die; send($s, "x", 0, $to) }
    print "sent\n"'"#;

/// The table is one for all; where it is full nobody connects any more. Rules
/// that are set anew meanwhile count on.
#[test]
fn a_flood_of_connections_takes_a_bounded_part_of_the_table() {
    let _turn = alone();
    let ports = 20_000u16..38_000;
    wait_for("the end of another flood", Duration::from_secs(60), || remembered(&ports) == 0);
    let sandbox = lasting(Glass::Container, &["-N", "internet", "-p"], "sleep 600");
    let changes: [&[&str]; 3] =
        [&["block", "192.0.2.77"], &["bandwidth", "--outbound", "10M"], &["mode", "full"]];
    for (number, words) in (0..).zip(changes) {
        let first = ports.start + 6000 * number;
        assert_eq!(inside(&sandbox, &format!("{FLOOD} {first} {}", first + 6000)), "sent\n");
        let count = remembered(&ports);
        println!("{count} are remembered");
        assert!((1000..=4096).contains(&count), "{count}, {number} changes");
        change(&sandbox, words);
    }
}

/// Says what names are resolved by, and how long that takes at best: others use
/// this computer, too.
const NAMES: &str = r#"cat /etc/resolv.conf; grep -c "$(hostname)" /etc/hosts; [ "$(cat /etc/hostname)" = "$(hostname)" ] && echo same;
    touch /etc/resolv.conf 2>/dev/null || echo shut
    gateway=$(sed -n 's/nameserver \(.*\..*\)/\1/p' /etc/resolv.conf)
    perl -MTime::HiRes=time -MSocket -e 'socket($s, AF_INET, SOCK_DGRAM, 0); connect($s, pack_sockaddr_in(53, inet_aton($ARGV[0]))); $best = 1e9;
        for (1..3) { $b = time; send($s, "\0\7\1\0\0\1\0\0\0\0\0\0\7version\4bind\0\0\20\0\3", 0); recv($s, $t, 512, 0); $took = time - $b; $best = $took if $took < $best }
        printf "%d ms\n", $best * 1000' "$gateway""#;

fn names_are_right(text: &str) {
    assert!(text.contains("nameserver 1") && text.contains("2\nsame\nshut\n"), "{text}");
    let milliseconds: u32 = text.trim().lines().last().unwrap().trim_end_matches(" ms").parse().unwrap();
    assert!(milliseconds < 300, "{text}");
}

#[test]
fn names_are_resolved_and_files_are_right() {
    let _turn = guarded();
    let before = std::fs::read("/etc/resolv.conf").unwrap();
    names_are_right(&out(&networked(Glass::Container, &["-N", "internet"], NAMES)));
    assert_eq!(std::fs::read("/etc/resolv.conf").unwrap(), before);
}

/// Who enforces whom sandboxes reach.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Enforcer {
    Guard,
    Filter,
}

impl Enforcer {
    /// A computer that seems to have what this one takes, and not what the
    /// other does.
    fn seen_by(self, ctl: std::process::Command) -> std::process::Command {
        match self {
            Self::Guard => ctl,
            Self::Filter => {
                // A guard that is just ending lets through nobody whom it does not know.
                wait_for("the guard's rules to go", Duration::from_secs(10), || rules(USER).is_none());
                with(&ctl, std::path::Path::new("/dev/null"), "/usr/sbin/nft")
            }
        }
    }
}

/// The same program, that sees something else at a path.
fn with(ctl: &std::process::Command, what: &std::path::Path, at: &str) -> std::process::Command {
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "sh", "-c", r#"mount --bind "$0" "$1" && shift && exec "$@""#]).arg(what).arg(at);
    command.arg(ctl.get_program()).args(ctl.get_args()).env_clear().current_dir("/");
    command.envs(ctl.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null());
    command
}
