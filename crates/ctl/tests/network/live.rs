// SPDX-License-Identifier: LGPL-2.1-or-later
//! The network of a sandbox that runs: cut, given back, changed, followed. A
//! machine does all of this as one, see `a_machine`.

use super::*;

#[test]
fn what_is_cut_of_a_container_stands_still_and_goes_on() {
    let _turn = guarded();
    stands_still_and_goes_on(&lasting(Glass::Container, &["-N", "internet"], "sleep 600"));
}

/// Root of a sandbox sends datagrams as fast as it can, for a while.
const FLOOD: &str = r#"timeout 4 perl -MSocket -e '
    socket($s, AF_INET, SOCK_DGRAM, 0); connect($s, pack_sockaddr_in(9, inet_aton($ARGV[0]))); $x = "x" x 1400; send($s, $x, 0) while 1' "#;

pub fn stands_still_and_goes_on(sandbox: &Stop) {
    let (_wire, _lives) = (wire(), guard_lives());
    let world = World::new();
    let download = format!("timeout 40 cat < /dev/tcp/{}/4000 > /dev/null", world.internet.v4);
    std::thread::scope(move |scope| {
        scope.spawn(move || inside(sandbox, &download));
        is_cut_and_goes_on(sandbox, &world);
        is_bounded(sandbox, &world);
        inside(sandbox, "pkill -x cat; true");
        drop(world);
    });
}

fn is_cut_and_goes_on(sandbox: &Stop, world: &World) {
    wait_for("bytes", Duration::from_secs(20), || world.internet.sent() > 1 << 20);
    change(sandbox, &["cut"]);
    std::thread::sleep(Duration::from_millis(900));
    let still = world.internet.sent();
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(world.internet.sent(), still, "it stands still within a second");
    inside(sandbox, &format!("timeout 2 bash -c 'exec 3<> /dev/tcp/{}/81'; true", world.internet.v4));
    let tried = |one: &serde_json::Value| one["refused"] == true && one["port"] == 81;
    wait_for("what is tried is told", Duration::from_secs(5), || {
        usage(sandbox)["contacts"].as_array().is_some_and(|all| all.iter().any(tried))
    });
    change(sandbox, &["restore"]);
    wait_for("more bytes", Duration::from_secs(8), || world.internet.sent() > still);
    let seen = usage(sandbox);
    assert!(seen["received"].as_u64() > Some(1 << 20) && seen["sent"].as_u64() > Some(1000), "{seen}");
    // libvirt counts the same, from inside.
    let shown = sandbox.user.ctl().args(["show", &sandbox.name, "--json"]).output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let moved = &shown["usage"]["network"];
    assert!(moved["inwards"].as_u64() >= seen["received"].as_u64(), "{moved} after {seen}");
    assert!(moved["outwards"].as_u64() >= seen["sent"].as_u64(), "{moved} after {seen}");
}

/// Bytes a second, in the slowest of some seconds: what waited passes at once.
fn slowest(seconds: u32, count: impl Fn() -> u64) -> f64 {
    let one = |_| {
        // With what asking for it takes.
        let (begun, from) = (Instant::now(), count());
        std::thread::sleep(Duration::from_secs(1));
        (count() - from) as f64 / begun.elapsed().as_secs_f64()
    };
    (0..seconds).map(one).fold(f64::INFINITY, f64::min)
}

fn is_bounded(sandbox: &Stop, world: &World) {
    change(sandbox, &["bandwidth", "--inbound", "200k"]);
    std::thread::sleep(Duration::from_millis(500));
    // What arrives: the server writes into a buffer that grows.
    let rate = slowest(3, || usage(sandbox)["received"].as_u64().unwrap());
    assert!(rate < 300_000.0, "{rate} bytes a second");
    // What is sent is limited before it goes anywhere.
    change(sandbox, &["cut"]);
    change(sandbox, &["restore"]);
    let flooded = |measure: &dyn Fn(&dyn Fn() -> u64) -> f64| {
        let script = format!("{FLOOD} {}", world.internet.v4);
        let path = format!("/sys/class/net/{}/statistics/tx_bytes", world.internet.device);
        let sent = || std::fs::read_to_string(&path).unwrap().trim().parse::<u64>().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| inside(sandbox, &script));
            let before = sent();
            wait_for("the flood", Duration::from_secs(8), || sent() > before + 20_000);
            measure(&sent)
        })
    };
    let free = flooded(&|sent| slowest(2, sent));
    change(sandbox, &["bandwidth", "--inbound", "200k", "--outbound", "50k"]);
    // What may pass at once does so once, however often rules are set anew.
    let kept = flooded(&|sent| {
        let (begun, from) = (Instant::now(), sent());
        for word in ["block", "allow"].repeat(4) {
            change(sandbox, &[word, "192.0.2.250"]);
        }
        std::thread::sleep(Duration::from_secs(2).saturating_sub(begun.elapsed()));
        let (bytes, seconds) = ((sent() - from) as f64, begun.elapsed().as_secs_f64());
        assert!(bytes < 130_000.0 + 60_000.0 * seconds, "{bytes} bytes in {seconds} seconds");
        bytes / seconds
    });
    assert!(kept < free, "{kept} bytes a second, {free} without a limit");
    change(sandbox, &["bandwidth"]);
}

#[test]
fn what_is_changed_of_a_container_holds_at_once_and_who_was_met_is_told() {
    let _turn = guarded();
    let sandbox = lasting(Glass::Container, &["-N", "internet"], "sleep 600");
    holds_at_once(Glass::Container, &sandbox);
}

/// The lists are changed, and the mode at the end is another one.
pub fn holds_at_once(glass: Glass, sandbox: &Stop) {
    let world = World::new();
    let tried = |what: &str| {
        let all = [
            ("internet4", "tcp", world.internet.v4.to_string(), 80),
            ("lan4", "tcp", world.lan.v4.to_string(), 80),
            ("host", "tcp", world.lan.ours.to_string(), world.host_port),
            ("cloud4", "tcp", "169.254.169.254".to_owned(), 80),
            ("cloud6", "tcp", "fd00:ec2::254".to_owned(), 80),
        ];
        let chosen: Vec<_> = all.into_iter().filter(|one| what.contains(one.0)).collect();
        answers(&inside(sandbox, &patient(glass, &probes(&chosen))))
    };
    let (internet, lan) = (world.internet.v4.to_string(), world.lan.v4.to_string());
    {
        let _lives = guard_lives();
        assert_eq!(tried("internet4 lan4 host cloud4 cloud6"), ["internet4"]);
        let met = usage(sandbox);
        let has = |peer: &str, refused: bool| {
            let is_it = |one: &serde_json::Value| {
                one["peer"] == peer && one["port"] == 80 && one["refused"] == refused
            };
            met["contacts"].as_array().unwrap().iter().any(is_it)
        };
        assert!(has(&internet, false) && has(&lan, true), "{met:#}");
        assert!(has("169.254.169.254", true) && has("fd00:ec2::254", true), "{met:#}");
    }
    change(sandbox, &["block", &format!("{internet}:80/tcp")]);
    change(sandbox, &["allow", &lan]);
    assert_eq!(tried("internet4 lan4"), ["lan4"]);
    change(sandbox, &["allow", &format!("{internet}:80/tcp")]);
    change(sandbox, &["mode", "none"]);
    let both = ["internet4", "lan4"];
    assert_eq!(tried("internet4 lan4 host"), both, "both are on the list");
    {
        // The guard dies: its rules stay. The next change starts another.
        let _dies = guard_dies();
        end_the_guard();
        assert_eq!(tried("internet4 lan4 host"), both, "nobody watches, and nothing more passes");
        change(sandbox, &["mode", "full"]);
    }
    assert_eq!(tried("internet4 lan4 host"), ["host", "internet4", "lan4"]);
}

#[test]
fn a_network_that_this_computer_joins_is_its_own_from_then_on() {
    let _turn = guarded();
    let sandbox = lasting(Glass::Container, &["-N", "internet"], "sleep 600");
    joins(Glass::Container, &sandbox);
}

pub fn joins(glass: Glass, sandbox: &Stop) {
    let _lives = guard_lives();
    let world = World::new();
    let probe = patient(glass, &probes(&[("internet4", "tcp", world.internet.v4.to_string(), 80)]));
    assert_eq!(inside(sandbox, &probe).trim(), "internet4");
    // The same address, now in a network without a gateway.
    ip(&format!("route replace {}/32 dev {}", world.internet.v4, world.internet.device));
    let rules_know = || rules(USER).is_some_and(|text| text.contains(&world.internet.v4.to_string()));
    wait_for("the rules", Duration::from_secs(3), rules_know);
    assert_eq!(inside(sandbox, &probe).trim(), "");
}

/// A port of this computer's that nobody has.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_port_of_this_computer_leads_into_a_container_and_goes_with_it() {
    let _turn = guarded();
    let port = free_port();
    let forward = format!("{port}:4001");
    let sandbox = lasting(Glass::Container, &["-N", "internet", "--forward", &forward], OTHER);
    leads_inside(&sandbox, port);
    goes_with_it(sandbox, port);
}

/// Ends the sandbox.
pub fn goes_with_it(sandbox: Stop, port: u16) {
    drop(sandbox);
    let is_shut = || std::net::TcpStream::connect(("127.0.0.1", port)).is_err();
    wait_for("the port to be free", Duration::from_secs(5), is_shut);
}

pub fn leads_inside(sandbox: &Stop, port: u16) {
    let _lives = guard_lives();
    let talk = || {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stream, &mut text).map(|_| text)
    };
    wait_for("an answer", Duration::from_secs(30), || talk().is_ok_and(|text| text == "other\n"));
    let (name, forward) = (fresh_name(STEM), format!("{port}:4001"));
    let second = networked(Glass::Container, &["-n", &name, "-N", "internet", "--forward", &forward], "true");
    assert_eq!(second.status.code(), Some(125), "the port is taken");
    assert!(err(&second).contains(&format!("127.0.0.1:{port}")), "{}", err(&second));
    assert_eq!(talk().unwrap(), "other\n", "the first one goes on: {}", sandbox.name);
    assert!(listed(USER, &name).is_none(), "nothing of the second is left");
}
