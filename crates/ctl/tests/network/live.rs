// SPDX-License-Identifier: LGPL-2.1-or-later
//! The network of a sandbox that runs: cut, given back, changed, followed.

use super::*;

#[test]
fn what_is_cut_of_a_container_stands_still_and_goes_on() {
    stands_still_and_goes_on(Glass::Container);
}

#[test]
fn what_is_cut_of_a_machine_stands_still_and_goes_on() {
    stands_still_and_goes_on(Glass::Machine);
}

/// Root of a sandbox sends datagrams as fast as it can, for a while.
const FLOOD: &str = r#"timeout 4 perl -MIO::Socket::IP -e '
    $s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => 9, Proto => "udp"); print $s "x" x 1400 while 1' "#;

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
    // All of the time in which it is counted, and what asking for it takes.
    let (begun, from) = (Instant::now(), received());
    std::thread::sleep(Duration::from_secs(3));
    let more = received() - from;
    let rate = more as f64 / begun.elapsed().as_secs_f64();
    assert!(rate < 300_000.0, "{rate} bytes a second");
    // What is sent is limited before it goes anywhere.
    change(&sandbox, &["cut"]);
    change(&sandbox, &["restore"]);
    let flooded = || {
        let script = format!("{FLOOD} {}", world.internet.v4);
        let path = format!("/sys/class/net/{}/statistics/tx_bytes", world.internet.device);
        let sent = || std::fs::read_to_string(&path).unwrap().trim().parse::<f64>().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| inside(&sandbox, &script));
            let before = sent();
            wait_for("the flood", Duration::from_secs(4), || sent() > before + 20_000.0);
            let (begun, from) = (Instant::now(), sent());
            std::thread::sleep(Duration::from_millis(1500));
            let sent = sent() - from;
            sent / begun.elapsed().as_secs_f64()
        })
    };
    let free = flooded();
    change(&sandbox, &["bandwidth", "--inbound", "200k", "--outbound", "50k"]);
    let kept = flooded();
    assert!(kept < 100_000.0 && kept < free, "{kept} bytes a second, {free} without a limit");
}

#[test]
fn what_is_changed_of_a_container_holds_at_once_and_who_was_met_is_told() {
    holds_at_once(Glass::Container);
}

#[test]
fn what_is_changed_of_a_machine_holds_at_once_and_who_was_met_is_told() {
    holds_at_once(Glass::Machine);
}

fn holds_at_once(glass: Glass) {
    let _alone = alone();
    let world = World::new();
    let sandbox = lasting(glass, &["-N", "internet"], "sleep 600");
    let tried = |what: &str| {
        let all = [
            ("internet4", "tcp", world.internet.v4.to_string(), 80),
            ("lan4", "tcp", world.lan.v4.to_string(), 80),
            ("host", "tcp", world.lan.ours.to_string(), world.host_port),
            ("cloud4", "tcp", "169.254.169.254".to_owned(), 80),
            ("cloud6", "tcp", "fd00:ec2::254".to_owned(), 80),
        ];
        let chosen: Vec<_> = all.into_iter().filter(|one| what.contains(one.0)).collect();
        answers(&inside(&sandbox, &patient(glass, &probes(&chosen))))
    };
    assert_eq!(tried("internet4 lan4 host cloud4 cloud6"), ["internet4"]);
    let met = usage(&sandbox);
    let has = |peer: &str, refused: bool| {
        met["contacts"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["peer"] == peer && one["port"] == 80 && one["refused"] == refused)
    };
    let (internet, lan) = (world.internet.v4.to_string(), world.lan.v4.to_string());
    assert!(has(&internet, false) && has(&lan, true), "{met:#}");
    assert!(has("169.254.169.254", true) && has("fd00:ec2::254", true), "{met:#}");
    change(&sandbox, &["block", &format!("{internet}:80/tcp")]);
    change(&sandbox, &["allow", &lan]);
    assert_eq!(tried("internet4 lan4"), ["lan4"]);
    change(&sandbox, &["allow", &format!("{internet}:80/tcp")]);
    change(&sandbox, &["mode", "none"]);
    let both = ["internet4", "lan4"];
    assert_eq!(tried("internet4 lan4 host"), both, "both are on the list");
    // The guard dies: its rules stay. The next change starts another.
    end_the_guard();
    assert_eq!(tried("internet4 lan4 host"), both, "nobody watches, and nothing more passes");
    change(&sandbox, &["mode", "full"]);
    assert_eq!(tried("internet4 lan4 host"), ["host", "internet4", "lan4"]);
}

#[test]
fn a_network_that_this_computer_joins_is_its_own_from_then_on() {
    for glass in glasses() {
        joins(glass);
    }
}

fn joins(glass: Glass) {
    let _alone = alone();
    let world = World::new();
    let sandbox = lasting(glass, &["-N", "internet"], "sleep 600");
    let probe = patient(glass, &probes(&[("internet4", "tcp", world.internet.v4.to_string(), 80)]));
    assert_eq!(inside(&sandbox, &probe).trim(), "internet4");
    // The same address, now in a network without a gateway.
    ip(&format!("route replace {}/32 dev {}", world.internet.v4, world.internet.device));
    let rules_know = || rules(USER).is_some_and(|text| text.contains(&world.internet.v4.to_string()));
    wait_for("the rules", Duration::from_secs(3), rules_know);
    assert_eq!(inside(&sandbox, &probe).trim(), "");
}

#[test]
fn a_port_of_this_computer_leads_inside_and_goes_with_the_sandbox() {
    for glass in glasses() {
        leads_inside(glass);
    }
}

fn leads_inside(glass: Glass) {
    let _alone = alone();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let forward = format!("{port}:4001");
    let options = ["-N", "internet", "--forward", &forward];
    let sandbox = lasting(glass, &options, OTHER);
    let before = interfaces();
    let talk = || {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stream, &mut text).map(|_| text)
    };
    let patience = Duration::from_secs(if glass == Glass::Machine { 30 } else { 5 });
    wait_for("an answer", patience, || talk().is_ok_and(|text| text == "other\n"));
    let second = networked(glass, &options, "true");
    assert_eq!(second.status.code(), Some(125), "the port is taken");
    assert!(err(&second).contains(&format!("127.0.0.1:{port}")), "{}", err(&second));
    assert_eq!(talk().unwrap(), "other\n", "the first one goes on");
    wait_for("nothing of the second to be left", Duration::from_secs(10), || interfaces() == before);
    drop(sandbox);
    wait_for("the port to be free", Duration::from_secs(5), || talk().is_err());
}
