// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whom sandboxes reach: with servers in namespaces that stand for the
//! internet, the local network, and another sandbox.

mod addresses;
#[path = "../common/mod.rs"]
mod common;
mod filter;
mod first;
mod here;
mod live;
mod named;
mod watch;

use common::net::*;
use common::traces::alone;
use common::*;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Both kinds of sandboxes with a network need group libvirt.
const USER: User = User::Member;

fn glasses() -> [Glass; 2] {
    [Glass::Container, Glass::Machine]
}

fn networked(glass: Glass, network: &[&str], script: &str) -> std::process::Output {
    run_as(USER, glass, network, &["bash", "-c", script]).output().unwrap()
}

/// A script of probes. Shells take an emulated processor seconds, on a computer
/// that is busy.
fn patient(glass: Glass, script: &str) -> String {
    if glass == Glass::Machine {
        format!("SECONDS_EACH=20\n{script}")
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
    let name = fresh_name("net");
    let mut options = vec!["--detach", "-n", &name];
    options.extend(network);
    let run = run_as(USER, glass, &options, &["bash", "-c", script]);
    let output = enforcer.seen_by(run).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    Stop { user: USER, name }
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
        ("lan4", "tcp", lan.v4.to_string(), 80),
        ("lan6", "tcp", lan.v6.to_string(), 80),
        ("lan-udp", "udp40", lan.v4.to_string(), 81),
        ("link-local", "tcp", near(world), 80),
        ("host-lan", "tcp", lan.ours.to_string(), port),
        ("gateway4", "tcp", gateway4.clone(), port),
        ("gateway6", "tcp", gateway6, port),
        ("gateway-udp", "udp40", gateway4.clone(), port),
        ("other4", "tcp", other4, 4001),
        ("other6", "tcp", other6, 4001),
        ("names", "dns", gateway4, 53),
    ]
}

const INTERNET: [&str; 5] = ["internet-fragments", "internet-udp", "internet4", "internet6", "names"];

#[test]
fn nobody_reaches_more_than_the_mode_says() {
    let _alone = alone();
    let world = World::new();
    world.lan.also(&near(&world));
    let other = lasting(Glass::Container, &["-N", "full"], OTHER);
    let all = targets(&world, &usage(&other));
    // A bridge that has just come up looks for others with its address first.
    wait_for("the bridge's own addresses", Duration::from_secs(10), || {
        let args = ["-6", "addr", "show", "dev", &bridge(USER), "tentative"];
        std::process::Command::new("ip").args(args).output().unwrap().stdout.is_empty()
    });
    let script = probes(&all);
    let mut everything: Vec<&str> =
        all.iter().map(|one| one.0).filter(|name| !name.starts_with("other")).collect();
    everything.sort_unstable();
    for glass in glasses() {
        let reached = |network: &[&str]| {
            let output = networked(glass, network, &patient(glass, &script));
            assert_eq!(output.status.code(), Some(0), "{glass:?} {network:?}: {}", err(&output));
            answers(&out(&output))
        };
        assert_eq!(reached(&["-N", "internet"]), INTERNET, "{glass:?}");
        let allow = format!("{}:80/tcp", world.internet.v4);
        let lan = format!("{}:81", world.lan.v4);
        if glass == Glass::Container || full() {
            assert_eq!(reached(&["-N", "full"]), everything, "{glass:?}");
            assert_eq!(reached(&["--allow", &allow, "--allow", &lan]), ["internet4", "lan-udp"], "{glass:?}");
        }
    }
    let v6 = world.internet.v6.to_string();
    let blocked = ["-N", "internet", "--block", &v6];
    let output = networked(Glass::Container, &blocked, &script);
    assert_eq!(answers(&out(&output)), ["internet-fragments", "internet-udp", "internet4", "names"]);
    let lan = format!("{}:80/tcp", world.lan.v4);
    let output = networked(Glass::Container, &["-N", "internet", "--allow", &lan], &script);
    let beside = ["internet-fragments", "internet-udp", "internet4", "internet6", "lan4", "names"];
    assert_eq!(answers(&out(&output)), beside);
}

#[test]
fn without_a_network_nothing_leaves() {
    let _alone = alone();
    let world = World::new();
    let port = 8181;
    let all =
        [world.internet.v4.to_string(), world.internet.v6.to_string()].map(|ip| ("it", "tcp", ip, port));
    let script = format!("cat /proc/net/dev | grep -c : ; {}", probes(&all));
    world.internet.count(port);
    for glass in glasses() {
        let output = networked(glass, &[], &script);
        assert_eq!(out(&output).trim(), "1", "{glass:?}: lo alone");
        assert_eq!(world.internet.counted(), 0, "{glass:?}: packets arrive");
    }
    networked(Glass::Container, &["-N", "internet"], &script);
    assert!(world.internet.counted() >= 2, "those of a sandbox with a network are counted");
}

/// What this computer's kernel remembers of a flood.
fn remembered() -> usize {
    let table = std::fs::read_to_string("/proc/net/nf_conntrack").unwrap();
    let port = |line: &str| line.split_once(" sport=")?.1.split(' ').next()?.parse::<u16>().ok();
    let is_it = |line: &&str| {
        line.contains(" dport=53 ") && port(line).is_some_and(|port| (20_000..29_000).contains(&port))
    };
    table.lines().filter(is_it).count()
}

/// One packet from each of many ports, to whom every sandbox may talk.
const FLOOD: &str = r#"perl -MSocket -e 'my ($to) = `cat /etc/resolv.conf` =~ /^nameserver ([\d.]+)$/m or die; $to = sockaddr_in(53, inet_aton($to));
    for (20000..28999) { socket(my $s, AF_INET, SOCK_DGRAM, 0) or die; bind($s, sockaddr_in($_, INADDR_ANY)) or die; send($s, "x", 0, $to) }
    print "sent\n"'"#;

/// The table is one for all; where it is full nobody connects any more.
#[test]
fn a_flood_of_connections_takes_a_bounded_part_of_the_table() {
    wait_for("the end of another flood", Duration::from_secs(60), || remembered() == 0);
    let output = networked(Glass::Container, &["-N", "internet"], FLOOD);
    assert_eq!(out(&output), "sent\n", "{}", err(&output));
    let made = remembered();
    assert!((1000..=4096).contains(&made), "{made}");
}

#[test]
fn names_are_resolved_and_files_are_right() {
    let _alone = alone();
    let script = r#"cat /etc/resolv.conf; grep -c "$(hostname)" /etc/hosts; [ "$(cat /etc/hostname)" = "$(hostname)" ] && echo same;
        touch /etc/resolv.conf 2>/dev/null || echo shut
        gateway=$(sed -n 's/nameserver \(.*\..*\)/\1/p' /etc/resolv.conf)
        perl -MTime::HiRes=time -MIO::Socket::IP -e '$s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => 53, Proto => "udp"); $b = time;
            print $s "\0\7\1\0\0\1\0\0\0\0\0\0\7version\4bind\0\0\20\0\3"; recv($s, $t, 512, 0); printf "%d ms\n", (time - $b) * 1000' "$gateway""#;
    let before = std::fs::read("/etc/resolv.conf").unwrap();
    for glass in glasses() {
        let output = networked(glass, &["-N", "internet"], script);
        let text = out(&output);
        assert!(text.contains("nameserver 1") && text.contains("2\nsame\nshut\n"), "{text}{}", err(&output));
        let milliseconds: u32 = text.trim().lines().last().unwrap().trim_end_matches(" ms").parse().unwrap();
        assert!(milliseconds < 300, "{glass:?}: {text}");
    }
    assert_eq!(std::fs::read("/etc/resolv.conf").unwrap(), before);
}

/// What a hostile root sends arrives nowhere that it should not: neither at
/// the bridge, nor at another sandbox, nor beyond.
fn root_gets_nothing_through(glass: Glass, enforcer: Enforcer) {
    let _alone = alone();
    let world = World::new();
    let other = lasting_by(enforcer, Glass::Container, &["-N", "full"], OTHER);
    let folder = share::Folder::new(USER, &USER.home());
    let program = compiled("frames.c", &folder.path);
    // A number that names its process on this computer.
    let nap = format!("864{:05}", std::process::id() % 100_000);
    let shared = folder.bind("/mnt", "");
    let script = format!("sleep {nap}");
    let options = ["-N", "internet", "-p", "-m", &shared];
    let options = if glass == Glass::Machine { &options[..] } else { &options[..2] };
    let sandbox = lasting_by(enforcer, glass, options, &script);
    let (own, others) = (usage(&sandbox), usage(&other));
    let own4 = own["addresses"][0].as_str().unwrap();
    // Without the guard there is no IPv6; what its root tries is a guess.
    let six = |usage: &serde_json::Value, guess: &str| {
        usage["addresses"][1].as_str().map_or_else(|| format!("fd00:7:7:7::{guess}"), str::to_owned)
    };
    let own6 = six(&own, "5");
    let bridge = bridge(USER);
    let text = |path: String| std::fs::read_to_string(path).unwrap().trim().to_owned();
    let words = [
        "send".to_owned(),
        "eth0".to_owned(),
        own4.to_owned(),
        own6.clone(),
        format!("{}.1", own4.rsplit_once('.').unwrap().0),
        format!("{}::1", own6.split_once("::").unwrap().0),
        text(format!("/sys/class/net/{bridge}/address")),
        others["addresses"][0].as_str().unwrap().to_owned(),
        six(&others, "6"),
        inside(&other, "cat /sys/class/net/eth0/address").trim().to_owned(),
        world.internet.v4.to_string(),
    ];
    let mut hear = std::process::Command::new(&program);
    let hear = hear.args(["hear", scaled("6", "20")]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let sent = if glass == Glass::Machine {
        inside(&sandbox, &format!("/mnt/program {}", words.join(" ")))
    } else {
        // Root of this computer in the sandbox's network: more than any
        // program inside can be.
        let found = out(&std::process::Command::new("pgrep")
            .args(["-f", &format!("^sleep {nap}")])
            .output()
            .unwrap());
        let pid = found.lines().next().unwrap().to_owned();
        out(&std::process::Command::new("nsenter")
            .args(["-t", &pid, "-n"])
            .arg(&program)
            .args(&words)
            .output()
            .unwrap())
    };
    assert_eq!(sent.trim(), "sent");
    let heard = out(&hear.wait_with_output().unwrap());
    let at = |device: &str| {
        let lines = heard.lines().filter_map(|line| line.split_once(' ')).filter(|(name, _)| *name == device);
        let mut all: Vec<&str> = lines.map(|(_, mark)| mark).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    assert_eq!(at(&world.internet.device), ["control-fragments", "control-udp"], "{glass:?}: beyond");
    let at_bridge = [
        "control-arp",
        "control-fragments",
        "control-udp",
        "dns-elsewhere",
        "dns-fragments",
        "source-route",
        "to-other-routed",
    ];
    let found: Vec<&str> = at(&bridge).into_iter().filter(|mark| !at_bridge.contains(mark)).collect();
    assert_eq!(found, [""; 0], "{glass:?}: at the bridge");
    let mut devices: Vec<&str> =
        heard.lines().filter_map(|line| line.split_once(' ')).map(|(name, _)| name).collect();
    devices.sort_unstable();
    devices.dedup();
    // Others may be tested at the same time.
    let ours = bridge.replace("trm-", "t") + "-";
    let known = |name: &&&str| name.starts_with(&ours);
    // The one left is where the frames come out, before anything looks at them.
    assert_eq!(devices.iter().filter(known).count(), 1, "{glass:?}: {devices:?}");
}

#[test]
fn root_of_a_container_gets_nothing_through() {
    root_gets_nothing_through(Glass::Container, Enforcer::Guard);
}

#[test]
fn root_of_a_machine_gets_nothing_through() {
    root_gets_nothing_through(Glass::Machine, Enforcer::Guard);
}

#[test]
fn many_start_at_once_with_addresses_of_their_own_and_leave_nothing() {
    let _alone = alone();
    let (count, machines) = (scaled(6, 20), scaled(1, 3));
    let begun = Instant::now();
    let all: Vec<Stop> = std::thread::scope(|scope| {
        let glass = |number: usize| if number < machines { Glass::Machine } else { Glass::Container };
        let start = |number| move || lasting(glass(number), &["-N", "internet"], "sleep 600");
        let starts: Vec<_> = (0..count).map(|number| scope.spawn(start(number))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    println!("{count} sandboxes with a network started in {:?}", begun.elapsed());
    let mut addresses: Vec<String> = all.iter().map(|one| usage(one)["addresses"].to_string()).collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), count);
    let refused = USER.ctl().args(["doctor", "--remove"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(125), "it is in use");
    drop(all);
    let left = || {
        let links = out(&std::process::Command::new("ip").args(["-br", "link"]).output().unwrap());
        links.lines().any(|line| line.contains("master trm-")) || rules(USER).is_some()
    };
    wait_for("everything to be gone", Duration::from_secs(10), || !left());
    let guards = || {
        out(&std::process::Command::new("virsh")
            .args(["-qc", "lxc:///system", "list", "--name"])
            .output()
            .unwrap())
    };
    wait_for("the guard to go", Duration::from_secs(5), || {
        !guards().contains(&format!("guard-{}", USER.uid()))
    });
    let removed = USER.ctl().args(["doctor", "--remove"]).output().unwrap();
    assert!(removed.status.success(), "{}", err(&removed));
    let networks = std::process::Command::new("virsh")
        .args(["-qc", "qemu:///system", "net-list", "--all", "--name"])
        .output()
        .unwrap();
    assert!(!out(&networks).contains(&format!("terrarium-{}", USER.uid())));
}

#[test]
fn what_cannot_be_is_refused_with_its_key() {
    let down = Down::new();
    for (option, key) in [
        ("address=10.0.0.1/33,source=default", "address"),
        ("route=10.0.0.1/8%10.0.0.2", "route"),
        ("mac=01:00:5e:00:00:01", "mac"),
        ("colour=red", "colour"),
        ("source=terrarium-has-none", "-N source=terrarium-has-none"),
        (down.option.as_str(), down.typed.as_str()),
        ("source=default,filter=terrarium-has-none", "-N source=default,filter=terrarium-has-none"),
        (
            "source=default,address=10.0.0.2/24,route=10.1.0.0/16%10.0.0.1,route=10.1.2.0/24%10.0.0.1",
            "-N source=default,address=10.0.0.2/24,route=10.1.0.0/16%10.0.0.1,route=10.1.2.0/24%10.0.0.1",
        ),
        ("user", "-N user"),
    ] {
        let output = networked(Glass::Container, &["-N", option], "true");
        let said = err(&output);
        assert_eq!(output.status.code(), Some(125), "{option}: {said}");
        assert!(said.contains(&format!("{key}: ")) || said.contains(&format!("“{key}”")), "{option}: {said}");
    }
    let output = networked(Glass::Container, &["-N", &down.option], "true");
    let fix = format!("virsh net-start {}", down.name);
    assert!(err(&output).contains(&fix), "{}", err(&output));
    let output = networked(Glass::Container, &["-N", "internet", "--block", "example.org:70000"], "true");
    assert!(err(&output).contains("--block example.org:70000: "), "{}", err(&output));
    let plain = run_as(User::Plain, Glass::Machine, &["-N", "internet"], &["true"]).output().unwrap();
    assert_eq!(plain.status.code(), Some(125));
    assert!(err(&plain).contains("-N internet: ") && err(&plain).contains("libvirt"), "{}", err(&plain));
}

/// A network of libvirt's that is not up.
struct Down {
    name: String,
    option: String,
    /// As it is named when it is refused.
    typed: String,
}

impl Down {
    fn new() -> Self {
        let name = format!("terrarium-test-down-{}", std::process::id());
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let xml = format!("<network><name>{name}</name></network>");
        std::io::Write::write_all(&mut file, xml.as_bytes()).unwrap();
        let mut define = std::process::Command::new("virsh");
        let defined = define.args(["-qc", "lxc:///system", "net-define"]).arg(file.path()).output().unwrap();
        assert!(defined.status.success(), "{}", err(&defined));
        Self { option: format!("source={name}"), typed: format!("-N source={name}"), name }
    }
}

impl Drop for Down {
    fn drop(&mut self) {
        let words = ["-qc", "lxc:///system", "net-undefine", &self.name];
        let _ = std::process::Command::new("virsh").args(words).output();
    }
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
