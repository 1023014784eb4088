// SPDX-License-Identifier: LGPL-2.1-or-later
//! Names of lists: followed when they move, and what they do not open.

use super::*;

#[test]
fn a_name_that_moves_is_followed() {
    let _alone = alone();
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    let is_at = |ip: std::net::Ipv4Addr| std::fs::write(&hosts, format!("{ip} moves.test\n")).unwrap();
    is_at(world.lan.v4);
    let name = fresh_name("names");
    let run =
        run_as(USER, Glass::Container, &["-n", &name, "--allow", "moves.test:80/tcp"], &["sleep", "600"]);
    let mut run = with(&run, &hosts, "/etc/hosts");
    let mut run = run.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let sandbox = Stop { user: USER, name };
    let directory = || {
        let all = std::fs::read_dir(USER.runtime()).ok()?.flatten();
        let is_it = |path: &std::path::PathBuf| {
            std::fs::read_to_string(path.join("name")).is_ok_and(|text| text.trim() == sandbox.name)
        };
        all.map(|entry| entry.path()).find(is_it)
    };
    let script = probes(&[
        ("internet4", "tcp", world.internet.v4.to_string(), 80),
        ("lan4", "tcp", world.lan.v4.to_string(), 80),
    ]);
    let answer = || answers(&inside(&sandbox, &script));
    wait_for("the start", Duration::from_secs(10), || answer() == ["lan4"]);
    is_at(world.internet.v4);
    // It is looked up every 30 seconds; now they are over.
    let file = directory().expect("its directory").join("network");
    wait_for("the first look", Duration::from_secs(5), || {
        !std::fs::read_to_string(&file).unwrap().contains("\"peers\":[]")
    });
    let mut saved: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    saved["named"]["looked"] = 0.into();
    std::fs::write(&file, saved.to_string()).unwrap();
    // What it was before goes on for a while. Whoever follows may have written
    // the file in between; then it takes its 30 seconds after all.
    wait_for("the other address", Duration::from_secs(45), || answer() == ["internet4", "lan4"]);
    drop(sandbox);
    run.wait().unwrap();
}

/// What the network's resolver knows, until the test ends.
struct Says(Vec<String>);

impl Says {
    fn update(how: &str, host: &str) -> std::process::Output {
        let network = format!("terrarium-{}", USER.uid());
        let words = ["-qc", "lxc:///system", "net-update", &network, how, "dns-host", host, "--live"];
        std::process::Command::new("virsh").args(words).output().unwrap()
    }

    fn new(all: &[(&str, &[&str])]) -> Self {
        let names = |names: &[&str]| {
            names.iter().map(|name| format!("<hostname>{name}</hostname>")).collect::<String>()
        };
        let host = |(ip, all): &(&str, &[&str])| format!("<host ip='{ip}'>{}</host>", names(all));
        let says = Self(all.iter().map(host).collect());
        for one in &says.0 {
            let output = Self::update("add", one);
            assert!(output.status.success(), "{}", err(&output));
        }
        says
    }
}

impl Drop for Says {
    fn drop(&mut self) {
        self.0.iter().for_each(|one| drop(Self::update("delete", one)));
    }
}

/// Nobody has a driver: the guard hears what the sandbox is told.
#[test]
fn a_name_of_a_detached_sandbox_leads_where_its_resolver_says() {
    let _alone = alone();
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    let (internet, lan) = (world.internet.v4.to_string(), world.lan.v4.to_string());
    let (near, far, bad) =
        (fresh_name("near") + ".test", fresh_name("far") + ".example", fresh_name("bad") + ".test");
    std::fs::write(&hosts, format!("{lan} {near}\n{internet} {far}\n192.0.2.99 {bad}\n")).unwrap();
    let name = fresh_name("names");
    let lists = [format!("{near}:80/tcp"), format!("{far}:81/tcp"), format!("{bad}:4000/tcp")];
    let options = [
        "--detach",
        "-n",
        &name,
        "--allow",
        &lists[0],
        "--allow",
        &lists[1],
        "--block",
        &lists[2],
        "--allow",
        "*:4000/tcp",
    ];
    let run = run_as(USER, Glass::Container, &options, &["sleep", "600"]);
    let output = with(&run, &hosts, "/etc/hosts").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let sandbox = Stop { user: USER, name };
    let script = probes(&[
        ("near-internet", "tcp", internet.clone(), 80),
        ("near-lan", "tcp", lan.clone(), 80),
        ("far-internet", "tcp", internet.clone(), 81),
        ("far-lan", "tcp", lan.clone(), 81),
        ("bad-internet", "tcp", internet.clone(), 4000),
    ]);
    let reached = || answers(&inside(&sandbox, &script));
    assert_eq!(reached(), ["bad-internet", "far-internet", "near-lan"]);
    // What the names are now; the one of the internet leads to the local network.
    let _says = Says::new(&[(&internet, &[&near, &bad]), (&lan, &[&far])]);
    let asked = format!("for name in {near} {far} {bad}; do getent ahostsv4 $name | head -1; done");
    wait_for("the resolver", Duration::from_secs(5), || {
        inside(&sandbox, &asked).matches(&internet).count() == 2
    });
    wait_for("the rules", Duration::from_secs(5), || {
        reached() == ["far-internet", "near-internet", "near-lan"]
    });
    let seen = usage(&sandbox);
    let of = |port: u16, refused: bool| {
        let mut all = seen["contacts"].as_array().unwrap().iter();
        all.rfind(|one| one["peer"] == internet.as_str() && one["port"] == port && one["refused"] == refused)
    };
    let met = of(80, false).unwrap_or_else(|| panic!("{seen:#}"));
    assert!(met["name"].is_string(), "{met}");
    let bytes = |key: &str| met[key].as_u64().unwrap();
    assert!(bytes("received") > 60 && bytes("sent") > 60 && bytes("sent") < 10_000, "{met}");
    assert!(of(4000, true).is_some(), "{seen:#}");
    let text = out(&USER.ctl().args(["network", &sandbox.name]).output().unwrap());
    assert!(text.contains(" received, ") && text.contains(".test"), "{text}");
}

/// Asks the resolver over TCP for names of this computer.
const OVER_TCP: &str = r#"perl -MIO::Socket::IP -e 'my ($to) = `cat /etc/resolv.conf` =~ /^nameserver ([\d.]+)$/m or die;
    for my $name (@ARGV) { my $s = IO::Socket::IP->new(PeerHost => $to, PeerPort => 53) or die $!;
        my $q = pack("n6", 7, 0x100, 1, 0, 0, 0) . join("", map { pack("C/a*", $_) } split(/\./, $name)) . "\0" . pack("n2", 1, 1);
        syswrite($s, pack("n/a*", $q)); sysread($s, my $t, 4096); print join(".", unpack("C4", substr($t, -4))), "\n" }' "#;

/// Who asks that way is told, and the guard hears it.
#[test]
fn a_blocked_name_that_is_asked_for_over_tcp_is_known() {
    let _alone = alone();
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    let internet = world.internet.v4.to_string();
    let (name, bad) = (fresh_name("names"), fresh_name("bad") + ".test");
    std::fs::write(&hosts, format!("192.0.2.99 {bad}\n")).unwrap();
    let options = ["--detach", "-n", &name, "-N", "internet", "--block", &bad];
    let run = run_as(USER, Glass::Container, &options, &["sleep", "600"]);
    let output = with(&run, &hosts, "/etc/hosts").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let sandbox = Stop { user: USER, name };
    let script = probes(&[("bad", "tcp", internet.clone(), 80)]);
    assert_eq!(answers(&inside(&sandbox, &script)), ["bad"]);
    let _says = Says::new(&[(&internet, &[&bad])]);
    let asked = format!("{OVER_TCP} {bad}");
    wait_for("the resolver", Duration::from_secs(5), || inside(&sandbox, &asked).trim() == internet);
    wait_for("the rules", Duration::from_secs(5), || answers(&inside(&sandbox, &script)).is_empty());
}

#[test]
fn a_name_of_the_internet_opens_no_network_that_this_computer_is_in() {
    let _alone = alone();
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    for ip in [world.lan.v4, world.lan.ours] {
        std::fs::write(&hosts, format!("{ip} far.example\n")).unwrap();
        let run = run_as(USER, Glass::Container, &["--allow", "far.example:80/tcp"], &["true"]);
        let output = with(&run, &hosts, "/etc/hosts").output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{}", err(&output));
        assert!(err(&output).contains(&ip.to_string()), "{}", err(&output));
    }
}
