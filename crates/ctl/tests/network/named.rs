// SPDX-License-Identifier: LGPL-2.1-or-later
//! Names of lists: followed when they move, and what they do not open.

use super::*;

#[test]
fn a_name_that_moves_is_followed() {
    is_followed(Glass::Container);
    if full() {
        is_followed(Glass::Machine);
    }
}

fn is_followed(glass: Glass) {
    let _turn = guarded();
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    let is_at = |ip: std::net::Ipv4Addr| std::fs::write(&hosts, format!("{ip} moves.test\n")).unwrap();
    is_at(world.lan.v4);
    let name = fresh_name(STEM);
    let run = run_as(USER, glass, &["-n", &name, "--allow", "moves.test:80/tcp"], &["sleep", "600"]);
    let mut run = with(&run, &hosts, "/etc/hosts");
    let mut run = run.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let sandbox = Stop { user: USER, name };
    let script = probes(&[
        ("internet4", "tcp", world.internet.v4.to_string(), 80),
        ("lan4", "tcp", world.lan.v4.to_string(), 80),
    ]);
    let script = patient(glass, &script);
    wait_for("the start", Duration::from_secs(60), || {
        directory_of(&sandbox).is_some_and(|one| one.join("network").exists())
    });
    let tried = || USER.ctl().args(["exec", &sandbox.name, "--", "bash", "-c", &script]).output().unwrap();
    let answer = || answers(&out(&tried()));
    wait_for("an answer", Duration::from_secs(60), || answer() == ["lan4"]);
    is_at(world.internet.v4);
    // It is looked up every 30 seconds; now they are over.
    let file = directory_of(&sandbox).expect("its directory").join("network");
    wait_for("the first look", Duration::from_secs(5), || {
        !std::fs::read_to_string(&file).unwrap().contains("\"peers\":[]")
    });
    let mut saved: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    saved["named"]["looked"] = 0.into();
    std::fs::write(&file, saved.to_string()).unwrap();
    // What it was before goes on for a while. Whoever follows may have written
    // the file in between; then it takes its 30 seconds after all.
    wait_for("the other address", Duration::from_secs(75), || answer() == ["internet4", "lan4"]);
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

/// Three names, and who has them before a sandbox starts.
struct Lists {
    folder: tempfile::TempDir,
    near: String,
    far: String,
    bad: String,
}

impl Lists {
    fn new(world: &World) -> Self {
        let of = |stem: &str, end: &str| format!("{}.{end}", fresh_name(stem));
        let (near, far, bad) = (of("near", "test"), of("far", "example"), of("bad", "test"));
        let folder = tempfile::tempdir().unwrap();
        let hosts = format!("{} {near}\n{} {far}\n192.0.2.99 {bad}\n", world.lan.v4, world.internet.v4);
        std::fs::write(folder.path().join("hosts"), hosts).unwrap();
        Self { folder, near, far, bad }
    }

    /// Where terrariumctl looks them up.
    fn hosts(&self) -> std::path::PathBuf {
        self.folder.path().join("hosts")
    }

    fn all(&self) -> [[String; 2]; 4] {
        let one = |list: &str, entry: String| [list.to_owned(), entry];
        [
            one("allow", format!("{}:80/tcp", self.near)),
            one("allow", format!("{}:81/tcp", self.far)),
            one("block", format!("{}:4000/tcp", self.bad)),
            one("allow", "*:4000/tcp".to_owned()),
        ]
    }
}

/// Nobody has a driver: the guard hears what the sandbox is told.
#[test]
fn a_name_of_a_detached_container_leads_where_its_resolver_says() {
    let _turn = guarded();
    let world = World::new();
    let lists = Lists::new(&world);
    let options: Vec<String> =
        lists.all().into_iter().flat_map(|[list, entry]| [format!("--{list}"), entry]).collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let seen = |run: std::process::Command| with(&run, &lists.hosts(), "/etc/hosts");
    let sandbox = lasting_with(Glass::Container, &options, "sleep 600", seen);
    leads(Glass::Container, &sandbox, &world, &lists);
}

/// The same of one that runs, whose lists are given now.
pub fn leads_where_its_resolver_says(glass: Glass, sandbox: &Stop) {
    let world = World::new();
    let lists = Lists::new(&world);
    change(sandbox, &["mode", "none"]);
    for [list, entry] in lists.all() {
        let mut ctl = USER.ctl();
        ctl.args(["network", &sandbox.name, &list, &entry]);
        let output = with(&ctl, &lists.hosts(), "/etc/hosts").output().unwrap();
        assert!(output.status.success(), "{entry}: {}", err(&output));
    }
    leads(glass, sandbox, &world, &lists);
    change(sandbox, &["mode", "internet"]);
}

fn leads(glass: Glass, sandbox: &Stop, world: &World, lists: &Lists) {
    let _lives = guard_lives();
    let (internet, lan) = (world.internet.v4.to_string(), world.lan.v4.to_string());
    let Lists { near, far, bad, .. } = lists;
    let script = probes(&[
        ("near-internet", "tcp", internet.clone(), 80),
        ("near-lan", "tcp", lan.clone(), 80),
        ("far-internet", "tcp", internet.clone(), 81),
        ("far-lan", "tcp", lan.clone(), 81),
        ("bad-internet", "tcp", internet.clone(), 4000),
    ]);
    let script = patient(glass, &script);
    let reached = || answers(&inside(sandbox, &script));
    assert_eq!(reached(), ["bad-internet", "far-internet", "near-lan"]);
    // What the names are now; the one of the internet leads to the local network.
    let _says = Says::new(&[(&internet, &[near, bad]), (&lan, &[far])]);
    let asked = format!("for name in {near} {far} {bad}; do getent ahostsv4 $name | head -1; done");
    wait_for("the resolver", Duration::from_secs(15), || {
        inside(sandbox, &asked).matches(&internet).count() == 2
    });
    wait_for("the rules", Duration::from_secs(15), || {
        reached() == ["far-internet", "near-internet", "near-lan"]
    });
    let seen = usage(sandbox);
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
    let _turn = guarded();
    let _lives = guard_lives();
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    let internet = world.internet.v4.to_string();
    let bad = fresh_name("bad") + ".test";
    std::fs::write(&hosts, format!("192.0.2.99 {bad}\n")).unwrap();
    let options = ["-N", "internet", "--block", &bad];
    let seen = |run: std::process::Command| with(&run, &hosts, "/etc/hosts");
    let sandbox = lasting_with(Glass::Container, &options, "sleep 600", seen);
    let script = probes(&[("bad", "tcp", internet.clone(), 80)]);
    assert_eq!(answers(&inside(&sandbox, &script)), ["bad"]);
    let _says = Says::new(&[(&internet, &[&bad])]);
    let asked = format!("{OVER_TCP} {bad}");
    wait_for("the resolver", Duration::from_secs(5), || inside(&sandbox, &asked).trim() == internet);
    wait_for("the rules", Duration::from_secs(5), || answers(&inside(&sandbox, &script)).is_empty());
}

#[test]
fn a_name_of_the_internet_opens_no_network_that_this_computer_is_in() {
    let _turn = guarded();
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
