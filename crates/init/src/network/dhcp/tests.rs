// SPDX-License-Identifier: LGPL-2.1-or-later
//! Leases of a real server, dnsmasq, which is libvirt's. Its leases take two
//! minutes at least: the clock is the test's own.

use super::super::netlink::Netlink;
use super::*;
use nix::sched::{unshare, CloneFlags};
use std::process::{Child, Command, Stdio};

/// Both ends of a pair of veth, one of them in a network of the server's.
struct Link {
    server: Child,
    folder: tempfile::TempDir,
    index: u32,
    mac: Mac,
}

/// Runs a program in the test's own network, and demands that it works.
fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn server(folder: &std::path::Path, range: &str) -> Command {
    let mut command = Command::new("dnsmasq");
    command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping", "--user=root"]);
    command.args(["--dhcp-authoritative", "--interface=theirs", "--bind-interfaces"]);
    command
        .arg(format!("--dhcp-range={range},2m"))
        .arg(format!("--dhcp-leasefile={}/leases", folder.display()));
    command.arg(format!("--pid-file={}/pid", folder.display())).arg("--dhcp-option=3,10.77.0.1");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

impl Link {
    /// This thread has a network of its own from now on. `None`: that takes
    /// root, and dnsmasq.
    fn new(range: &str) -> Option<Self> {
        if unshare(CloneFlags::CLONE_NEWNET).is_err()
            || Command::new("dnsmasq").arg("--version").output().is_err()
        {
            if let Some(file) = std::env::var_os("TERRARIUM_SKIPS") {
                let text = "network::dhcp::tests: it takes root, and dnsmasq\n";
                std::io::Write::write_all(
                    &mut std::fs::OpenOptions::new().append(true).open(file).unwrap(),
                    text.as_bytes(),
                )
                .unwrap();
            }
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        ip("link add ours type veth peer name theirs");
        // Whoever holds the other network until the server is in it.
        let holder = Command::new("unshare").args(["--net", "sleep", "600"]).spawn().unwrap();
        let mut link = Self { server: holder, folder, index: 0, mac: Mac([0; 6]) };
        link.wait_for("its network", |link| {
            link.other_network() != std::fs::read_link("/proc/thread-self/ns/net").ok()
        });
        ip(&format!("link set theirs netns {}", link.server.id()));
        link.enter(&["ip", "addr", "add", "10.77.0.1/24", "dev", "theirs"]);
        link.enter(&["ip", "link", "set", "theirs", "up"]);
        ip("link set ours up");
        link.index = nix::net::if_::if_nametoindex("ours").unwrap();
        link.mac = ip("-br link show ours").split_whitespace().nth(2).unwrap().parse().unwrap();
        link.serve(range);
        Some(link)
    }

    fn other_network(&self) -> Option<std::path::PathBuf> {
        std::fs::read_link(format!("/proc/{}/ns/net", self.server.id())).ok()
    }

    fn wait_for(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs a program in the server's network.
    fn enter(&self, words: &[&str]) {
        let target = self.server.id().to_string();
        let done = Command::new("nsenter").args(["-t", &target, "-n"]).args(words).status().unwrap();
        assert!(done.success(), "{words:?}");
    }

    fn silence(&self) {
        if let Ok(pid) = std::fs::read_to_string(self.folder.path().join("pid")) {
            let _ = Command::new("kill").args(["-KILL", pid.trim()]).status();
            let _ = std::fs::remove_file(self.folder.path().join("pid"));
        }
    }

    /// Serves another range from now on, and knows of no lease.
    fn serve(&self, range: &str) {
        self.silence();
        let _ = std::fs::remove_file(self.folder.path().join("leases"));
        let command = server(self.folder.path(), range);
        let target = self.server.id().to_string();
        let mut entered = Command::new("nsenter");
        entered.args(["-t", &target, "-n"]).arg(command.get_program()).args(command.get_args());
        std::thread::spawn(move || entered.stdout(Stdio::null()).stderr(Stdio::null()).status());
        self.wait_for("dnsmasq", |link| link.folder.path().join("pid").exists());
    }

    fn begin(&self) -> Client {
        Client::begin(&mut Netlink::open().unwrap(), self.index, self.mac).unwrap()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.silence();
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Ticks until something is so; the clock stands still.
fn until(client: &mut Client, now: Instant, is_so: impl Fn(&Client) -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        client.tick(now);
        if is_so(client) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

fn address(client: &Client) -> Option<IpAddr> {
    client.lease().map(|lease| lease.address.ip)
}

/// What the kernel has.
fn has() -> String {
    ip("-4 addr show dev ours")
        .split("inet ")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .unwrap_or("")
        .to_owned()
}

impl Link {
    /// What the server has given, as it writes it down.
    fn given(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("leases")).unwrap_or_default()
    }
}

#[test]
fn who_is_dropped_gives_its_lease_back() {
    let Some(link) = Link::new("10.77.0.50,10.77.0.50") else { return };
    let client = link.begin();
    link.wait_for("the lease", |link| link.given().contains("10.77.0.50"));
    drop(client);
    link.wait_for("its end", |link| !link.given().contains("10.77.0.50"));
    assert_eq!(has(), "");
    // Somebody else can have it.
    let other = Mac([0x52, 0x54, 0, 0x77, 0, 2]);
    ip(&format!("link set ours address {other}"));
    let client = Client::begin(&mut Netlink::open().unwrap(), link.index, other).unwrap();
    assert_eq!((has().as_str(), address(&client)), ("10.77.0.50", "10.77.0.50".parse().ok()));
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_lease_is_renewed_by_its_server_and_then_by_anybody() {
    let Some(link) = Link::new("10.77.0.50,10.77.0.50") else { return };
    let mut client = link.begin();
    assert_eq!(has(), "10.77.0.50");
    assert!(ip("route show default").contains("via 10.77.0.1"));
    let begun = client.since;
    // Nothing is asked before its time.
    client.tick(begun + MINUTE - Duration::from_secs(2));
    assert!(client.asking.is_none());
    let half = begun + MINUTE + Duration::from_secs(1);
    assert!(until(&mut client, half, |client| client.since == half), "renewed");
    assert!(client.asking.is_none() && has() == "10.77.0.50");
    // Its server is silent; a new one that knows it takes over.
    link.silence();
    let next = half + MINUTE;
    assert!(!until(&mut client, next, |client| client.since == next));
    assert_eq!(has(), "10.77.0.50", "it has time left");
    link.serve("10.77.0.50,10.77.0.60");
    let late = half + Duration::from_secs(110);
    assert!(until(&mut client, late, |client| client.since == late), "rebound");
    assert_eq!(has(), "10.77.0.50");
}

#[test]
fn what_is_taken_back_or_over_goes() {
    let Some(link) = Link::new("10.77.0.50,10.77.0.50") else { return };
    let mut client = link.begin();
    // The server says no: it gives other addresses now.
    link.serve("10.77.0.90,10.77.0.91");
    let half = client.since + MINUTE + Duration::from_secs(1);
    assert!(until(&mut client, half, |client| address(client)
        .is_some_and(|ip| ip.to_string().starts_with("10.77.0.9"))));
    assert!(has().starts_with("10.77.0.9"), "{}", has());
    assert_eq!(ip("-4 addr show dev ours").matches("inet ").count(), 1, "the other one is gone");
    assert!(ip("route show default").contains("via 10.77.0.1"));
    // Nobody answers until the time is over.
    link.silence();
    let over = client.since + 2 * MINUTE;
    client.tick(over - Duration::from_secs(1));
    assert!(has().starts_with("10.77.0.9"));
    client.tick(over);
    assert_eq!((has().as_str(), address(&client)), ("", None));
    assert!(!until(&mut client, over + Duration::from_secs(1), |client| client.lease().is_some()));
    link.serve("10.77.0.50,10.77.0.50");
    let again = over + MINUTE;
    assert!(until(&mut client, again, |client| address(client).is_some()));
    assert_eq!(has(), "10.77.0.50");
}
