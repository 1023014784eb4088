// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whom sandboxes reach: with servers in namespaces that stand for the
//! internet, the local network, and another sandbox.

#[path = "../common/mod.rs"]
mod common;
mod filter;
mod named;

use common::net::*;
use common::share::{picture, Folder};
use common::traces::alone;
use common::*;
use std::io::Write;
use std::os::unix::fs::symlink;
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
    out(&USER.ctl().args(["exec", &sandbox.name, "--", "bash", "-c", script]).output().unwrap())
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
            // Twenty shells take an emulated processor a while.
            let script =
                if glass == Glass::Machine { format!("SECONDS_EACH=6\n{script}") } else { script.clone() };
            let output = networked(glass, network, &script);
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
    let script = format!(
        "cat /proc/net/dev | grep -c : ; {}",
        probes(&[("internet4", "tcp", world.internet.v4.to_string(), 80)])
    );
    for glass in glasses() {
        // What comes from somebody else does not come again.
        let silent = (0..3).any(|_| {
            let before = world.internet.packets();
            let output = networked(glass, &[], &script);
            assert_eq!(out(&output).trim(), "1", "{glass:?}: lo alone");
            world.internet.packets() == before
        });
        assert!(silent, "{glass:?}: packets arrive");
    }
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
fn a_network_of_libvirts_gives_or_takes_addresses_of_a_container() {
    gives_or_takes_addresses(Glass::Container);
}

#[test]
fn a_network_of_libvirts_gives_or_takes_addresses_of_a_machine() {
    gives_or_takes_addresses(Glass::Machine);
}

fn gives_or_takes_addresses(glass: Glass) {
    let _alone = alone();
    let (one, other) = (Named::new("a"), Named::new("b"));
    let dhcp = format!("dhcp,source={}", one.name);
    let fixed = format!(
        "source={},mac=52:54:00:77:00:01,address={}.9/24%{1}.255,route=10.254.0.0/16%{1}.1,filter=clean-traffic,filter.IP={1}.9",
        other.name, other.net
    );
    let script = "perl -e 'for (`cat /proc/net/fib_trie`) { print \"$1\\n\" if /\\|-- (198\\.19\\.\\d+\\.(?!0$|255$)\\d+)$/ }' | sort -u
        cat /etc/resolv.conf | grep nameserver; cat /sys/class/net/eth1/address; cut -f1,2,3 /proc/net/route | grep FE0A; cat < /dev/tcp/$GATE/$PORT";
    let host = std::net::TcpListener::bind((format!("{}.1", other.net), 0)).unwrap();
    let port = host.local_addr().unwrap().port();
    let server =
        std::thread::spawn(move || host.accept().map(|(mut client, _)| client.write_all(b"hello\n")));
    let script = format!("GATE={}.1 PORT={port}; {script}", other.net);
    let output = networked(glass, &["-N", &dhcp, "-N", &fixed], &script);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let given = (100..=200).any(|host| text.contains(&format!("{}.{host}\n", one.net)));
    assert!(given, "an address of the range: {text}");
    for line in [
        format!("{}.9\n", other.net),
        format!("nameserver {}.1\n", one.net),
        "52:54:00:77:00:01\n".to_owned(),
        "eth1\t".to_owned(),
        "hello".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} in {text}");
    }
    server.join().unwrap().unwrap().unwrap();
    let links = out(&std::process::Command::new("ip").args(["-br", "link"]).output().unwrap());
    assert!(!links.contains("master tta") && !links.contains("master ttb"), "{links}");
}

#[test]
fn a_port_of_this_computer_leads_inside_and_goes_with_the_sandbox() {
    let _alone = alone();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let forward = format!("{port}:4001");
    let options = ["-N", "internet", "--forward", &forward];
    let sandbox = lasting(Glass::Container, &options, OTHER);
    let talk = || {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stream, &mut text).map(|_| text)
    };
    wait_for("an answer", Duration::from_secs(5), || talk().is_ok_and(|text| text == "other\n"));
    let second = networked(Glass::Container, &options, "true");
    assert_eq!(second.status.code(), Some(125), "the port is taken");
    assert!(err(&second).contains(&format!("127.0.0.1:{port}")), "{}", err(&second));
    assert_eq!(talk().unwrap(), "other\n", "the first one goes on");
    drop(sandbox);
    wait_for("the port to be free", Duration::from_secs(5), || talk().is_err());
}

#[test]
fn what_is_cut_of_a_container_stands_still_and_goes_on() {
    stands_still_and_goes_on(Glass::Container);
}

#[test]
fn what_is_cut_of_a_machine_stands_still_and_goes_on() {
    stands_still_and_goes_on(Glass::Machine);
}

fn stands_still_and_goes_on(glass: Glass) {
    let _alone = alone();
    let world = World::new();
    let download = format!("cat < /dev/tcp/{}/4000 > /dev/null", world.internet.v4);
    let sandbox = lasting(glass, &["-N", "internet"], &download);
    wait_for("bytes", Duration::from_secs(5), || world.internet.sent() > 1 << 20);
    change(&sandbox, &["cut"]);
    std::thread::sleep(Duration::from_millis(900));
    let still = world.internet.sent();
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(world.internet.sent(), still, "it stands still within a second");
    change(&sandbox, &["restore"]);
    wait_for("more bytes", Duration::from_secs(8), || world.internet.sent() > still);
    let seen = usage(&sandbox);
    assert!(seen["received"].as_u64() > Some(1 << 20) && seen["sent"].as_u64() > Some(1000), "{seen}");
    // libvirt counts the same, from inside.
    let shown = sandbox.user.ctl().args(["show", &sandbox.name, "--json"]).output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let moved = &shown["usage"]["network"];
    assert!(moved["inwards"].as_u64() >= seen["received"].as_u64(), "{moved} after {seen}");
    assert!(moved["outwards"].as_u64() >= seen["sent"].as_u64(), "{moved} after {seen}");
    change(&sandbox, &["bandwidth", "--inbound", "200k"]);
    std::thread::sleep(Duration::from_millis(500));
    // What arrives: the server writes into a buffer that grows.
    let received = || usage(&sandbox)["received"].as_u64().unwrap();
    let (from, begun) = (received(), Instant::now());
    std::thread::sleep(Duration::from_secs(3));
    let rate = (received() - from) as f64 / begun.elapsed().as_secs_f64();
    assert!(rate < 300_000.0, "{rate} bytes a second");
}

#[test]
fn what_is_changed_holds_at_once_and_who_was_met_is_told() {
    let _alone = alone();
    let world = World::new();
    let sandbox = lasting(Glass::Container, &["-N", "internet"], "sleep 600");
    let tried = |what: &str| {
        let all = [
            ("internet4", "tcp", world.internet.v4.to_string(), 80),
            ("lan4", "tcp", world.lan.v4.to_string(), 80),
            ("cloud", "tcp", "169.254.169.254".to_owned(), 80),
        ];
        let chosen: Vec<_> = all.into_iter().filter(|one| what.contains(one.0)).collect();
        answers(&inside(&sandbox, &probes(&chosen)))
    };
    assert_eq!(tried("internet4 lan4 cloud"), ["internet4"]);
    let met = usage(&sandbox);
    let has = |peer: &str, refused: bool| {
        met["contacts"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["peer"] == peer && one["port"] == 80 && one["refused"] == refused)
    };
    let (internet, lan) = (world.internet.v4.to_string(), world.lan.v4.to_string());
    assert!(has(&internet, false) && has(&lan, true) && has("169.254.169.254", true), "{met:#}");
    change(&sandbox, &["block", &format!("{internet}:80/tcp")]);
    change(&sandbox, &["allow", &lan]);
    assert_eq!(tried("internet4 lan4"), ["lan4"]);
    change(&sandbox, &["allow", &format!("{internet}:80/tcp")]);
    change(&sandbox, &["mode", "none"]);
    assert_eq!(tried("internet4 lan4"), ["internet4", "lan4"], "both are on the list");
    // The guard dies: its rules stay. The next change starts another.
    let guard = format!("terrarium-guard-{}", USER.uid());
    let killed = std::process::Command::new("virsh")
        .args(["-c", "lxc:///system", "destroy", &guard])
        .output()
        .unwrap();
    assert!(killed.status.success(), "{}", err(&killed));
    change(&sandbox, &["mode", "internet"]);
    assert_eq!(tried("internet4 lan4"), ["internet4", "lan4"]);
}

#[test]
fn a_network_that_this_computer_joins_is_its_own_from_then_on() {
    let _alone = alone();
    let world = World::new();
    let sandbox = lasting(Glass::Container, &["-N", "internet"], "sleep 600");
    let probe = probes(&[("internet4", "tcp", world.internet.v4.to_string(), 80)]);
    assert_eq!(inside(&sandbox, &probe).trim(), "internet4");
    // The same address, now in a network without a gateway.
    ip(&format!("route replace {}/32 dev {}", world.internet.v4, world.internet.device));
    let rules_know = || rules(USER).is_some_and(|text| text.contains(&world.internet.v4.to_string()));
    wait_for("the rules", Duration::from_secs(3), rules_know);
    assert_eq!(inside(&sandbox, &probe).trim(), "");
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
    for (option, key) in [
        ("address=10.0.0.1/33,source=default", "address"),
        ("route=10.0.0.1/8%10.0.0.2", "route"),
        ("mac=01:00:5e:00:00:01", "mac"),
        ("colour=red", "colour"),
        ("source=terrarium-has-none", "-N source=terrarium-has-none"),
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
    let output = networked(Glass::Container, &["-N", "internet", "--block", "example.org:70000"], "true");
    assert!(err(&output).contains("--block example.org:70000: "), "{}", err(&output));
    let plain = run_as(User::Plain, Glass::Machine, &["-N", "internet"], &["true"]).output().unwrap();
    assert_eq!(plain.status.code(), Some(125));
    assert!(err(&plain).contains("-N internet: ") && err(&plain).contains("libvirt"), "{}", err(&plain));
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

/// A root in which /etc/resolv.conf is missing, or a link into places that a
/// sandbox has of its own, or to nowhere, as services of resolution leave it.
#[test]
fn names_are_resolved_whatever_resolv_conf_is() {
    let _alone = alone();
    let system = Folder::home(Glass::Container);
    ["usr/bin", "etc/odd", "var"].iter().for_each(|name| drop(system.dir(name)));
    let busybox = system.path.join("usr/bin/busybox");
    std::fs::copy("/bin/busybox", &busybox).unwrap();
    for name in ["sh", "cat", "touch"] {
        symlink("busybox", system.path.join("usr/bin").join(name)).unwrap();
    }
    symlink("usr/bin", system.path.join("bin")).unwrap();
    system.file("etc/real", "nameserver 192.0.2.53\n");
    let root = system.path.display().to_string();
    let place = system.path.join("etc/resolv.conf");
    for link in [
        None,
        Some("../run/systemd/resolve/stub-resolv.conf"),
        Some("/run/resolvconf/resolv.conf"),
        Some("/etc/odd/nowhere"),
        Some("real"),
    ] {
        let _ = std::fs::remove_file(&place);
        link.iter().for_each(|target| symlink(target, &place).unwrap());
        let before = picture(&system.path);
        let script = "cat /etc/resolv.conf; touch /etc/resolv.conf 2>/dev/null || echo shut; cat /etc/hosts";
        let options = ["-N", "internet", "-r", &root];
        let output = run_as(USER, Glass::Container, &options, &["sh", "-c", script]).output().unwrap();
        let text = out(&output);
        let is_right =
            text.contains("\nnameserver 1") && text.contains("shut\n") && text.contains("localhost");
        assert!(is_right && !text.contains("192.0.2.53"), "{link:?}: {text}{}", err(&output));
        assert_eq!(picture(&system.path), before, "{link:?}");
    }
}

#[test]
fn a_network_without_ipv4_is_one() {
    let _alone = alone();
    let network = Named::new("a");
    let bridge = format!("tta{}", std::process::id());
    std::fs::write(format!("/proc/sys/net/ipv6/conf/{bridge}/disable_ipv6"), "0").unwrap();
    // Unique local (RFC 4193), a part that is this test's.
    let net = format!("fd7e:{:x}", std::process::id() % 0xffff);
    ip(&format!("-6 address add {net}::1/64 dev {bridge} nodad"));
    let host = std::net::TcpListener::bind((format!("{net}::1"), 0)).unwrap();
    let port = host.local_addr().unwrap().port();
    let server =
        std::thread::spawn(move || host.accept().map(|(mut client, _)| client.write_all(b"hello\n")));
    let option = format!("source={},address={net}::9/64,route=::/0%{net}::1", network.name);
    let dns = format!("{net}::1");
    let script = format!("grep -c '/32 host LOCAL' /proc/net/fib_trie; cat /etc/resolv.conf; cat < /dev/tcp/{net}::1/{port}; tr -s ' ' </proc/net/ipv6_route | cut -d' ' -f1,2,10");
    let output = networked(Glass::Container, &["-N", &option, "--dns", &dns], &script);
    let text = out(&output);
    // Unblocks the server, should nobody have come.
    let _ = std::net::TcpStream::connect((format!("{net}::1"), port));
    server.join().unwrap().unwrap().unwrap();
    assert!(
        text.contains(&format!("nameserver {net}::1\n")) && text.contains("hello\n"),
        "{text}{}",
        err(&output)
    );
    assert_eq!(text.matches("nameserver").count(), 1, "{text}");
    assert!(text.contains("00000000000000000000000000000000 00 eth0"), "a way to everybody: {text}");
    assert!(
        text.lines().next().is_some_and(|count| count.parse::<u32>().is_ok_and(|count| count <= 2)),
        "lo has IPv4 alone: {text}"
    );
}
