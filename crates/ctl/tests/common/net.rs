// SPDX-License-Identifier: LGPL-2.1-or-later
//! Networks for tests: namespaces that stand for the internet and for the
//! local network. Their addresses lead into them and nowhere else, and nobody
//! uses them here.

use super::*;
use std::io::BufRead;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::process::CommandExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Serves every port that is named: over TCP it says its name, and on the
/// last one it never stops; over UDP it sends back what it got.
const SERVER: &str = r#"
use strict; use IO::Socket::IP; use Socket; $| = 1;
my ($name, $log, @ports) = @ARGV; my (@tcp, @udp); my $last = $ports[-1];
for my $port (@ports) {
    for my $any ("0.0.0.0", "::") {
        my %at = (LocalHost => $any, LocalPort => $port, ReuseAddr => 1, V6Only => 1);
        push @tcp, IO::Socket::IP->new(%at, Listen => 20, Type => SOCK_STREAM) || die "$any $port: $!";
        push @udp, IO::Socket::IP->new(%at, Type => SOCK_DGRAM) || die "$any $port: $!";
    }
}
$SIG{CHLD} = "IGNORE"; print "ready\n";
while (1) {
    my $bits = ''; vec($bits, fileno($_), 1) = 1 for @tcp, @udp;
    select($bits, undef, undef, undef);
    for my $socket (@udp) {
        next unless vec($bits, fileno($socket), 1);
        my $from = recv($socket, my $text, 65535, 0); send($socket, "$name got " . length($text), 0, $from) if $from;
    }
    for my $socket (@tcp) {
        next unless vec($bits, fileno($socket), 1);
        my $client = $socket->accept or next;
        if (!fork) {
            alarm 60;
            print $client "$name\n";
            if ($client->sockport == $last) {
                $SIG{PIPE} = 'DEFAULT'; my $sent = 0; my $piece = "x" x 4096;
                while (my $count = syswrite($client, $piece)) {
                    $sent += $count; open(my $out, '>', "$log.new"); print $out $sent; close $out; rename("$log.new", $log);
                }
            }
            exit 0;
        }
        close $client;
    }
}
"#;

/// Whatever says who it is on these ports; on the last one without end.
pub const PORTS: [u16; 4] = [53, 80, 81, 4000];

/// Runs a program of root's and demands that it works.
pub fn ip(words: &str) {
    let output = Command::new("ip").args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", err(&output));
}

/// A namespace with servers in it, joined to this computer.
pub struct Place {
    name: String,
    server: Option<Child>,
    log: PathBuf,
    /// Its end on the host.
    pub device: String,
    /// Where it answers.
    pub v4: Ipv4Addr,
    /// The same for IPv6.
    pub v6: Ipv6Addr,
    /// This computer's own address towards it.
    pub ours: Ipv4Addr,
}

impl Place {
    fn new(name: &str, number: u32, link: u32, link6: u128) -> Self {
        let id = format!("{}-{number}", std::process::id());
        let (ns, device) = (format!("terrarium-{name}-{id}"), format!("tt{name}{id}"));
        let (ours, theirs) = (Ipv4Addr::from(link + 1), Ipv4Addr::from(link + 2));
        let (ours6, theirs6) = (Ipv6Addr::from(link6 + 1), Ipv6Addr::from(link6 + 2));
        ip(&format!("netns add {ns}"));
        ip(&format!("link add {device} type veth peer name inside netns {ns}"));
        ip(&format!("addr add {ours}/28 dev {device}"));
        ip(&format!("addr add {ours6}/64 dev {device} nodad"));
        ip(&format!("link set {device} up"));
        for words in [
            "link set lo up".to_owned(),
            format!("addr add {theirs}/28 dev inside"),
            format!("addr add {theirs6}/64 dev inside nodad"),
            "link set inside up".to_owned(),
            format!("route add default via {ours}"),
            format!("-6 route add default via {ours6}"),
        ] {
            ip(&format!("-n {ns} {words}"));
        }
        let log = std::env::temp_dir().join(format!("terrarium-sent-{name}-{id}"));
        Self { name: ns, server: None, log, device, v4: theirs, v6: theirs6, ours }
    }

    /// Another address that leads there, behind the one on the link.
    pub fn also(&self, address: &str) {
        let family =
            if address.contains(':') { ("-6", self.v6.to_string()) } else { ("-4", self.v4.to_string()) };
        let at_once = if family.0 == "-6" { " nodad" } else { "" };
        ip(&format!("-n {} addr add {address} dev lo{at_once}", self.name));
        ip(&format!("{} route add {address} via {} dev {}", family.0, family.1, self.device));
    }

    /// Answers come from this address, too.
    fn is_called(&mut self, v4: Ipv4Addr, v6: Ipv6Addr) {
        let net = Ipv4Addr::from(u32::from(self.ours) & !15);
        self.also(&v4.to_string());
        self.also(&v6.to_string());
        ip(&format!("-n {} route replace {net}/28 dev inside src {v4}", self.name));
        let net6 = Ipv6Addr::from(u128::from(self.v6) & !0xffff);
        // Before the kernel's own way to it.
        ip(&format!("-n {} -6 route add {net6}/64 dev inside src {v6} metric 1", self.name));
        (self.v4, self.v6) = (v4, v6);
    }

    fn serve(&mut self, name: &str) {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]);
        self.server = Some(serve(command, name, &self.log, &PORTS));
    }

    /// Runs a program in it.
    pub fn inside(&self) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]);
        command
    }

    /// Bytes that it sent on the last connection to its endless port.
    pub fn sent(&self) -> u64 {
        fs::read_to_string(&self.log).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Counts packets to a port from now on, of both families, whatever answers
    /// them: a port that nobody else sends to, as neighbours are looked for and
    /// groups are joined all the time.
    pub fn count(&self, port: u16) {
        let rules = format!(
            "add table inet count; add counter inet count sent; \
             add chain inet count in {{ type filter hook prerouting priority -300; }}; \
             add rule inet count in meta l4proto {{ tcp, udp }} th dport {port} counter name sent"
        );
        let output = self.inside().args(["nft", &rules]).output().unwrap();
        assert!(output.status.success(), "{}", err(&output));
    }

    /// How many there were.
    pub fn counted(&self) -> u64 {
        let output = self.inside().args(["nft", "-j", "list", "counter", "inet", "count", "sent"]).output();
        let list: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        list["nftables"][1]["counter"]["packets"].as_u64().unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.server.iter_mut().for_each(end);
        let _ = Command::new("ip").args(["link", "del", &self.device]).output();
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
        let _ = fs::remove_file(&self.log);
    }
}

/// Ends servers, with all that they do.
fn end(server: &mut Child) {
    let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", server.id())]).status();
    let _ = server.wait();
}

/// Starts servers; returns once they listen.
pub fn serve(mut command: Command, name: &str, log: &Path, ports: &[u16]) -> Child {
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    command.args(["perl", "-e", SERVER, name]).arg(log).args(ports).stdout(Stdio::piped());
    // Who writes to somebody that is gone goes with the others.
    let mut child = command.process_group(0).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "{name}");
    child
}

/// Takes away what worlds of a process that is gone have left: whoever is killed
/// cleans nothing up.
pub fn end_worlds_of_the_dead() {
    let spaces = out(&Command::new("ip").args(["netns", "list"]).output().unwrap());
    for name in spaces.lines().filter_map(|line| line.split(' ').next()) {
        let Some((place, id)) = name.strip_prefix("terrarium-").and_then(|rest| rest.split_once('-')) else {
            continue;
        };
        if !is_of_the_dead(id) {
            continue;
        }
        let servers = out(&Command::new("ip").args(["netns", "pids", name]).output().unwrap());
        for server in servers.split_whitespace() {
            let _ = Command::new("kill").args(["-KILL", server]).status();
        }
        let _ = Command::new("ip").args(["link", "del", &format!("tt{place}{id}")]).output();
        let _ = Command::new("ip").args(["netns", "del", name]).output();
    }
    let all = Command::new("virsh").args(["-qc", "lxc:///system", "net-list", "--all", "--name"]).output();
    for name in out(&all.unwrap()).split_whitespace() {
        if name.strip_prefix("terrarium-test-").is_some_and(is_of_the_dead) {
            let _ = Command::new("virsh").args(["-qc", "lxc:///system", "net-destroy", name]).output();
            let _ = Command::new("virsh").args(["-qc", "lxc:///system", "net-undefine", name]).output();
        }
    }
}

/// Whether a name that ends in `PID-NUMBER` is of a process that is gone.
pub fn is_of_the_dead(name: &str) -> bool {
    let mut parts = name.rsplit('-').map(str::parse::<u32>);
    let (Some(Ok(_)), Some(Ok(id))) = (parts.next(), parts.next()) else { return false };
    !Path::new(&format!("/proc/{id}")).exists()
}

/// The internet, a local network with addresses that could be anybody's, and
/// this computer itself.
pub struct World {
    /// The internet.
    pub internet: Place,
    /// The local network.
    pub lan: Place,
    host: Child,
    host_log: PathBuf,
    /// Where this computer serves.
    pub host_port: u16,
}

/// A part of a range that nobody uses here: `count` parts of `size` addresses
/// each, looked at in turn, so that what was used last is not used next.
fn unused(range: Ipv4Addr, count: u32, size: u32, number: u32) -> u32 {
    let look = |what: &str| out(&Command::new("ip").args(["-4", what]).output().unwrap());
    let text = [look("addr"), look("route")].concat();
    let word = |c: char| !(c.is_ascii_digit() || c == '.');
    let used: Vec<u32> =
        text.split(word).filter_map(|word| word.parse::<Ipv4Addr>().ok()).map(u32::from).collect();
    let first = u32::from(range);
    let parts = (0..count).map(|step| first + (std::process::id() + number + step) % count * size);
    let mut free = parts.filter(|part| !used.iter().any(|ip| (*part..part + size).contains(ip)));
    // A list may still have what was another world's just now.
    static RECENT: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    let part = free.find(|part| !recent.iter().rev().take(24).any(|one| one == part)).unwrap();
    recent.push(part);
    part
}

/// Whoever looks for what is not used, until it is.
static LOOKING: Mutex<()> = Mutex::new(());

fn looking() -> MutexGuard<'static, ()> {
    LOOKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that no other world or network of this process has.
fn next_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

impl World {
    /// All of it; gone at the end. In documentation's ranges (RFC 5737, RFC 3849)
    /// and that of benchmarks (RFC 2544).
    pub fn new() -> Self {
        let _looking = looking();
        let number = next_number();
        let id = u128::from(std::process::id() % 1024) << 6 | u128::from(number % 64);
        let six = |kind: u128| 0x2001_0db8_u128 << 96 | kind << 80 | id << 64;
        let part = |a, b, c| unused(Ipv4Addr::new(a, b, c, 0), 16, 16, number);
        let link = unused(Ipv4Addr::new(198, 18, 0, 0), 4096, 16, number * 16);
        let mut internet = Place::new("w", number, link, six(1));
        let (v4, v6) = (Ipv4Addr::from(part(203, 0, 113) + 5), Ipv6Addr::from(six(2) + 5));
        internet.is_called(v4, v6);
        internet.serve("internet");
        let mut lan = Place::new("l", number, part(198, 51, 100), six(3));
        lan.serve("lan");
        let host_port = std::net::TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
        let host_log = std::env::temp_dir().join(format!("terrarium-sent-h-{}-{number}", std::process::id()));
        let host = serve(Command::new("env"), "host", &host_log, &[host_port, host_port + 1]);
        Self { internet, lan, host, host_log, host_port }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        end(&mut self.host);
        let _ = fs::remove_file(&self.host_log);
    }
}

/// A network of libvirt's with a DHCP server, for a test.
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its first three numbers.
    pub net: String,
    /// Its bridge.
    pub bridge: String,
}

impl Named {
    /// Made and raised.
    pub fn new() -> Self {
        let _looking = looking();
        let (id, number) = (std::process::id(), next_number());
        let name = format!("terrarium-test-{id}-{number}");
        let link = Ipv4Addr::from(unused(Ipv4Addr::new(198, 19, 0, 0), 256, 256, number));
        let net = link.to_string().rsplit_once('.').unwrap().0.to_owned();
        let bridge = format!("ttn{id}-{number}");
        let xml = format!(
            "<network><name>{name}</name><forward mode='nat'/><bridge name='{bridge}' stp='off' delay='0'/>\
             <ip address='{net}.1' netmask='255.255.255.0'><dhcp><range start='{net}.100' end='{net}.200'>\
             <lease expiry='2' unit='minutes'/></range></dhcp></ip></network>"
        );
        let file = std::env::temp_dir().join(&name);
        fs::write(&file, xml).unwrap();
        let virsh = |words: &[&str]| {
            let output = Command::new("virsh").args(["-qc", "lxc:///system"]).args(words).output().unwrap();
            assert!(output.status.success(), "{words:?}: {}", err(&output));
        };
        virsh(&["net-create", file.to_str().unwrap()]);
        let _ = fs::remove_file(file);
        Self { name, net, bridge }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = Command::new("virsh").args(["-qc", "lxc:///system", "net-destroy", &self.name]).output();
    }
}

/// The bridge of a user's own network.
pub fn bridge(user: User) -> String {
    let name = format!("terrarium-{}", user.uid());
    let output = Command::new("virsh").args(["-qc", "qemu:///system", "net-info", &name]).output().unwrap();
    let text = out(&output);
    let line = text.lines().find_map(|line| line.strip_prefix("Bridge:")).unwrap();
    line.trim().to_owned()
}

/// A user's rules, as nft has them.
pub fn rules(user: User) -> Option<String> {
    let table = format!("terrarium_{}", user.uid());
    let output = Command::new("nft").args(["list", "table", "inet", &table]).output().unwrap();
    output.status.success().then(|| out(&output))
}

/// `network NAME --json`.
pub fn usage(sandbox: &Stop) -> serde_json::Value {
    let output = sandbox.user.ctl().args(["network", &sandbox.name, "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", err(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `network NAME WORDS...`.
pub fn change(sandbox: &Stop, words: &[&str]) {
    let output = sandbox.user.ctl().arg("network").arg(&sandbox.name).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", err(&output));
}

/// Tries everybody at once, and says who answers within a time. A connection is
/// answered when something is said, as servers here do at once; a datagram when
/// one comes back. One of these may be lost: until who has an address is known,
/// the kernel keeps few pieces, so they are sent again. A plain socket takes an
/// emulated processor far less than a module or a shell for each.
const PROBER: &str = r#"use strict; use Socket qw(:all); use Time::HiRes qw(time); $| = 1;
    my ($patience, @all) = @ARGV; my %open; my $begun = time; my $end = $begun + $patience; my $heard;
    for (@all) {
        my ($name, $how, $ip, $port) = split /,/; my $six = $ip =~ /:/;
        my $to = $six ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $ip)) : pack_sockaddr_in($port, inet_aton($ip));
        my $kind = $how eq "tcp" ? SOCK_STREAM : SOCK_DGRAM;
        socket(my $socket, $six ? AF_INET6 : AF_INET, $kind | SOCK_NONBLOCK, 0) || die $!;
        connect($socket, $to) || $!{EINPROGRESS} || next;
        my $says = $how eq "dns" ? "\0\7\1\0\0\1\0\0\0\0\0\0\7version\4bind\0\0\20\0\3" : $how =~ /(\d+)/ ? "x" x $1 : undef;
        $open{fileno $socket} = [$name, $socket, $says];
    }
    my @say = (0, 0.5, 1);
    while (%open && (my $left = $end - time) > 0) {
        if (@say && time - $begun >= $say[0]) { shift @say; defined $$_[2] && send($$_[1], $$_[2], 0) for values %open }
        my $bits = ""; vec($bits, $_, 1) = 1 for keys %open;
        select($bits, undef, undef, $left < 0.1 ? $left : 0.1);
        for (keys %open) {
            next unless vec($bits, $_, 1); my ($name, $socket) = @{$open{$_}};
            my $got = sysread($socket, my $text, 70000);
            print "$name\n" if $got;
            # Who is as far away needs no longer.
            if ($got && !$heard++) { my ($far, $least) = ((time - $begun) * 10, $patience * 0.6); $least = 2 if $least < 2; $far = $least if $far < $least; $end = $begun + $far if $begun + $far < $end }
            next if !defined $got && $!{EAGAIN};
            # Refused: a datagram may come through later.
            delete $open{$_} if $got || !defined $open{$_}[2];
        }
    }"#;

/// A shell script that tries all of `targets` (name, how, address, port) at
/// once and prints the names of those that answer.
pub fn probes(targets: &[(&str, &str, String, u16)]) -> String {
    let words: Vec<String> =
        targets.iter().map(|(name, how, ip, port)| format!("{name},{how},{ip},{port}")).collect();
    format!("perl -e '{PROBER}' \"${{SECONDS_EACH:-2}}\" {}\n", words.join(" "))
}

/// What a script printed, sorted.
pub fn answers(text: &str) -> Vec<String> {
    let mut all: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    all.sort();
    all
}
