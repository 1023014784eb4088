// SPDX-License-Identifier: LGPL-2.1-or-later
//! What holds, in nft's language. Made of checked values only: addresses,
//! numbers, and names of interfaces that are nothing but letters and digits.
//!
//! Two tables of one name. `netdev` has a chain for each interface, where the
//! sandbox's packets come out: nothing passes that it may not send as itself.
//! `inet` has one for the bridge: whom the packets may go to. Both are set in
//! one transaction, and replace what was there. What counts on when they change
//! is beside them, see [`kept`](super::kept).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};
use terrarium_protocol::guard::{Base, Peer, Port, Protocol, Rules};
use terrarium_protocol::network::{never, Mac, Net};

/// How much of an answer of the resolver is told, in bytes.
pub const NAMES_LENGTH: u32 = 1500;

/// The bridges of all users' networks.
const BRIDGES: &str = "trm-*";

/// Length of the least packet with an answer over TCP: two headers without
/// options, a length, and an answer with a name of one letter and one address.
const LEAST_ANSWER: u32 = 20 + 20 + 2 + 12 + 7 + 16;

/// How many packets of each kind are told of, at most.
const TOLD: &str = "limit rate 200/second burst 400 packets";

/// What the log says of a packet that was let through, and of one that was not.
pub const CONTACT: &str = "contact";
/// See [`CONTACT`].
pub const REFUSED: &str = "refused";
/// What it says of an answer of the network's resolver.
pub const NAMES: &str = "names";

/// Removes both tables, whether or not they are there.
pub fn none(table: &str) -> String {
    ["inet", "netdev"]
        .iter()
        .map(|family| format!("table {family} {table} {{ }}\ndelete table {family} {table}\n"))
        .collect()
}

/// What the guard knows of this computer.
pub struct Here<'a> {
    /// The networks that it is in.
    pub local: &'a [Net],
    /// Where packets are logged.
    pub group: Option<u16>,
    /// Who may talk to the sandboxes from here, beside root.
    pub users: [u32; 2],
}

/// The whole.
pub fn text(table: &str, rules: &Rules, ports: &[&Port], here: &Here) -> String {
    let mut text = none(table);
    let made = Made { rules, ports, here };
    // Writing to memory does not fail.
    let _ = made.inet(&mut text, table).and_then(|()| made.netdev(&mut text, table));
    text
}

struct Made<'a> {
    rules: &'a Rules,
    ports: &'a [&'a Port],
    here: &'a Here<'a>,
}

type Done = std::fmt::Result;

impl Made<'_> {
    fn inet(&self, text: &mut String, table: &str) -> Done {
        writeln!(text, "table inet {table} {{")?;
        self.sets(text)?;
        self.refuse(text)?;
        for (number, port) in self.ports.iter().enumerate() {
            self.port(text, number, port)?;
        }
        self.out(text)?;
        self.into(text)?;
        self.here(text)?;
        self.between(text)?;
        writeln!(text, "}}")
    }

    fn sets(&self, text: &mut String) -> Done {
        for (name, kind, is_v4) in [("local4", "ipv4_addr", true), ("local6", "ipv6_addr", false)] {
            let nets = never().chain(self.here.local.iter().copied());
            let all: Vec<String> =
                nets.filter(|net| net.ip.is_ipv4() == is_v4).map(|net| net.to_string()).collect();
            writeln!(
                text,
                " set {name} {{ type {kind}; flags interval; auto-merge; elements = {{ {} }}; }}",
                all.join(", ")
            )?;
        }
        Ok(())
    }

    /// Where packets end that may not pass, and where those that begin
    /// something pass.
    fn refuse(&self, text: &mut String) -> Done {
        let log = |text: &mut String, when: &str, prefix: &str| match self.here.group {
            Some(group) => writeln!(text, "  {when}{TOLD} log prefix \"{prefix}\" group {group} snaplen 64"),
            None => Ok(()),
        };
        writeln!(text, " chain refused {{")?;
        log(text, "", REFUSED)?;
        writeln!(text, "  drop\n }}\n chain contact {{")?;
        log(text, "ct state new ", CONTACT)?;
        writeln!(text, "  accept\n }}")
    }

    /// Whom one sandbox may talk to.
    fn port(&self, text: &mut String, number: usize, port: &Port) -> Done {
        let policy = &port.policy;
        writeln!(text, " chain port{number} {{")?;
        self.peers(text, &policy.block, "refused")?;
        if policy.resolver {
            let dns = "meta l4proto { tcp, udp } th dport 53 accept";
            writeln!(text, "  ip daddr {} {dns}", self.rules.gateway)?;
            if let Some(gateway) = self.rules.gateway6 {
                writeln!(text, "  ip6 daddr {gateway} {dns}")?;
            }
        }
        // Other sandboxes are nobody's to allow.
        for (family, net) in
            [Some(self.rules.net), self.rules.net6].iter().flatten().map(|net| (family(net.ip), net))
        {
            let gateway = if net.ip.is_ipv4() {
                Some(IpAddr::V4(self.rules.gateway))
            } else {
                self.rules.gateway6.map(IpAddr::V6)
            };
            if let Some(gateway) = gateway {
                writeln!(text, "  {family} daddr {net} {family} daddr != {gateway} goto refused")?;
            }
        }
        self.peers(text, &policy.allow, "contact")?;
        match policy.base {
            Base::All => writeln!(text, "  goto contact")?,
            Base::Internet => internet(text)?,
            Base::Nobody => writeln!(text, "  goto refused")?,
        }
        writeln!(text, " }}")
    }

    fn peers(&self, text: &mut String, peers: &[Peer], verdict: &str) -> Done {
        peers.iter().try_for_each(|peer| writeln!(text, "  {} goto {verdict}", matches(peer)))
    }

    /// What comes from the bridge. After the kernel has put fragments together
    /// and knows to what a packet belongs.
    fn out(&self, text: &mut String) -> Done {
        let bridge = &self.rules.bridge;
        writeln!(text, " chain out {{ type filter hook prerouting priority -150; policy accept;")?;
        writeln!(text, "  iifname != \"{bridge}\" accept")?;
        // Somebody else began it: this computer, for a forwarded port.
        writeln!(text, "  ct state established ct direction reply accept")?;
        writeln!(text, "  ip option lsrr exists goto refused\n  ip option ssrr exists goto refused")?;
        // The kernel has put pieces together; one that is left was wrapped in
        // another, and hides its port. Nor may a way be given by the sandbox.
        writeln!(text, "  exthdr frag exists goto refused\n  exthdr rt exists goto refused")?;
        if let Some(gateway) = self.rules.gateway6 {
            // Neighbours are on the link: what went further would be a letter to anybody.
            let link = format!("ip6 daddr {{ {gateway}, fe80::/10, ff02::/16 }}");
            writeln!(text, "  icmpv6 type {{ 135, 136 }} ip6 hoplimit 255 {link} accept")?;
        }
        for (number, port) in self.ports.iter().enumerate() {
            writeln!(text, "  ip saddr {} goto port{number}", port.address)?;
            if let Some(address) = port.address6 {
                writeln!(text, "  ip6 saddr {address} goto port{number}")?;
            }
        }
        writeln!(text, "  drop\n }}")
    }

    /// What one that is cut tries all the same is told of as refused: that it
    /// sends is counted, and nothing else would say what. It sends to nobody
    /// without knowing where the gateway is: that much it may ask.
    fn tried(&self, text: &mut String, port: &Port) -> Done {
        let Some(group) = self.here.group else { return Ok(()) };
        let own = format!("arp saddr ether {} arp saddr ip {}", port.mac, port.address);
        let gateway = self.rules.gateway;
        writeln!(text, "  ether type arp {own} arp daddr ip {gateway} limit rate 20/second accept")?;
        let mut log = |source: String| {
            let when = format!("ether saddr {} {source}", port.mac);
            writeln!(text, "  {when} {TOLD} log prefix \"{REFUSED}\" group {group} snaplen 64")
        };
        log(format!("ip saddr {}", port.address))?;
        port.address6.map_or(Ok(()), |address| log(format!("ip6 saddr {address}")))
    }

    /// What goes to the bridge, and what of it is cut.
    fn into(&self, text: &mut String) -> Done {
        writeln!(text, " chain into {{ type filter hook postrouting priority 0; policy accept;")?;
        writeln!(text, "  oifname != \"{}\" accept", self.rules.bridge)?;
        self.told(text)?;
        for port in self.ports.iter().filter(|port| port.cut) {
            writeln!(text, "  ip daddr {} drop", port.address)?;
            if let Some(address) = port.address6 {
                writeln!(text, "  ip6 daddr {address} drop")?;
            }
        }
        writeln!(text, " }}")
    }

    /// What this computer's programs begin. What the kernel sends by itself has
    /// no user: answers, and what a network takes to work.
    fn here(&self, text: &mut String) -> Done {
        let [owner, guard] = self.here.users;
        writeln!(
            text,
            " chain here {{ type filter hook output priority 0; policy accept;\n  oifname != \"{}\" accept\n  \
             ct state != new accept\n  meta l4proto igmp accept\n  icmpv6 type != echo-request accept\n  \
             meta skuid {{ {} }} accept\n  drop\n }}",
            self.rules.bridge,
            // Of a set nothing may be named twice.
            BTreeSet::from([0, owner, guard]).iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
        )
    }

    /// No sandbox reaches another user's, whatever its own lists say.
    fn between(&self, text: &mut String) -> Done {
        let bridge = &self.rules.bridge;
        writeln!(
            text,
            " chain between {{ type filter hook forward priority -10; policy accept;\n  \
             iifname \"{bridge}\" oifname \"{BRIDGES}\" goto refused\n  \
             iifname \"{BRIDGES}\" oifname \"{bridge}\" drop\n }}"
        )
    }

    /// What the resolver answers is told of, at once and whole.
    fn told(&self, text: &mut String) -> Done {
        let Some(group) = self.here.group else { return Ok(()) };
        let log =
            format!("{TOLD} log prefix \"{NAMES}\" group {group} snaplen {NAMES_LENGTH} queue-threshold 1");
        // Over TCP what carries an answer, and not what keeps a connection up.
        let kinds = ["udp sport 53".to_owned(), format!("tcp sport 53 meta length >= {LEAST_ANSWER}")];
        for kind in kinds {
            writeln!(text, "  ip saddr {} {kind} {log}", self.rules.gateway)?;
            if let Some(gateway) = self.rules.gateway6 {
                writeln!(text, "  ip6 saddr {gateway} {kind} {log}")?;
            }
        }
        Ok(())
    }

    fn netdev(&self, text: &mut String, table: &str) -> Done {
        writeln!(text, "table netdev {table} {{")?;
        for (number, port) in self.ports.iter().enumerate() {
            writeln!(
                text,
                " chain from{number} {{ type filter hook ingress device \"{}\" priority 0; policy drop;",
                port.interface
            )?;
            if port.cut {
                self.tried(text, port)?;
            } else {
                itself(text, port)?;
            }
            writeln!(text, " }}")?;
        }
        writeln!(text, "}}")
    }
}

/// Only what it sends as itself.
fn itself(text: &mut String, port: &Port) -> Done {
    writeln!(text, "  ether saddr != {} drop", port.mac)?;
    writeln!(text, "  ether type arp arp saddr ether {} arp saddr ip {} accept", port.mac, port.address)?;
    writeln!(text, "  ether type ip ip saddr {} accept", port.address)?;
    let Some(address) = port.address6 else { return Ok(()) };
    let near = link_local(port.mac);
    writeln!(text, "  ether type != ip6 drop")?;
    // No router, no redirection, and no neighbour but itself.
    writeln!(text, "  icmpv6 type {{ 134, 137 }} drop")?;
    for ip in [address, near] {
        writeln!(
            text,
            "  icmpv6 type 136 ip6 saddr {{ {address}, {near} }} @th,64,128 0x{:032x} accept",
            u128::from(ip)
        )?;
    }
    writeln!(text, "  icmpv6 type 136 drop")?;
    writeln!(text, "  ip6 saddr {near} icmpv6 type 135 accept")?;
    writeln!(text, "  ip6 saddr != {address} drop\n  exthdr frag missing accept")?;
    // Of what comes in pieces the first one shows what it is (RFC 7112): without
    // it nobody puts the others together.
    writeln!(text, "  frag frag-off != 0 accept\n  @th,0,16 0-65535 accept")
}

/// The world beyond this computer and its networks.
fn internet(text: &mut String) -> Done {
    writeln!(
        text,
        "  fib daddr type {{ local, broadcast, multicast, anycast }} goto refused\n  ip daddr @local4 goto refused\n  \
         ip6 daddr @local6 goto refused\n  meta nfproto ipv6 ip6 daddr != 2000::/3 goto refused\n  \
         meta l4proto {{ tcp, udp }} th dport {{ 53, 853 }} goto refused\n  \
         meta l4proto {{ tcp, udp, icmp, icmpv6 }} goto contact\n  goto refused"
    )
}

fn family(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() {
        "ip"
    } else {
        "ip6"
    }
}

fn matches(peer: &Peer) -> String {
    let mut text = format!("{} daddr {}", family(peer.net.ip), peer.net);
    if peer.net.prefix == 0 {
        text = format!("meta nfproto {}", if peer.net.ip.is_ipv4() { "ipv4" } else { "ipv6" });
    }
    if peer.far {
        let local = if peer.net.ip.is_ipv4() { "local4" } else { "local6" };
        let _ = write!(text, " {} daddr != @{local}", family(peer.net.ip));
    }
    let protocol = match peer.protocol {
        Some(Protocol::Tcp) => "tcp",
        Some(Protocol::Udp) => "udp",
        None => return text,
    };
    match peer.ports {
        Some((first, last)) if first == last => format!("{text} {protocol} dport {first}"),
        Some((first, last)) => format!("{text} {protocol} dport {first}-{last}"),
        None => format!("{text} meta l4proto {protocol}"),
    }
}

/// The address that the kernel gives an interface by itself (RFC 4291,
/// appendix A).
pub fn link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let tail = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    Ipv6Addr::from(0xfe80 << 112 | u128::from(u64::from_be_bytes(tail)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use terrarium_protocol::guard::{Forward, Policy, FORWARDS_MAX, PEERS_MAX, PORTS_MAX, VERSION};

    #[test]
    fn the_address_of_the_link_is_the_kernels() {
        let mac = "52:54:00:12:34:56".parse().unwrap();
        assert_eq!(link_local(mac).to_string(), "fe80::5054:ff:fe12:3456");
    }

    #[test]
    fn peers_match_what_they_say() {
        let peer = |net: &str, prefix, protocol, ports| {
            matches(&Peer { net: Net::of(net.parse().unwrap(), prefix), protocol, ports, far: false })
        };
        assert_eq!(peer("10.0.0.0", 8, None, None), "ip daddr 10.0.0.0/8");
        assert_eq!(peer("::1", 128, Some(Protocol::Udp), Some((5, 5))), "ip6 daddr ::1/128 udp dport 5");
        assert_eq!(peer("0.0.0.0", 0, Some(Protocol::Tcp), Some((1, 2))), "meta nfproto ipv4 tcp dport 1-2");
        assert_eq!(peer("1.2.3.4", 32, Some(Protocol::Tcp), None), "ip daddr 1.2.3.4/32 meta l4proto tcp");
    }

    fn port(number: u8) -> Port {
        let policy = Policy { base: Base::Internet, resolver: true, ..Policy::default() };
        Port {
            interface: format!("lo{number}"),
            mac: Mac([0x52, 0x54, 0, 0, 0, number]),
            address: Ipv4Addr::new(10, 9, 8, number),
            address6: Some(format!("fd09::{number}").parse().unwrap()),
            policy,
            cut: false,
            inbound: None,
            outbound: None,
            forwards: Vec::new(),
            names: Vec::new(),
        }
    }

    /// Four sandboxes, of all kinds.
    pub fn example() -> Rules {
        let peer = |text: &str, prefix| Net::of(text.parse().unwrap(), prefix);
        let mut all: Vec<Port> = (2..6).map(port).collect();
        all[1].policy.base = Base::All;
        all[1].inbound = Some(1 << 20);
        all[1].outbound = Some(2000);
        all[2].policy = Policy {
            base: Base::Nobody,
            allow: vec![
                Peer {
                    net: peer("192.0.2.1", 32),
                    protocol: Some(Protocol::Tcp),
                    ports: Some((80, 80)),
                    far: true,
                },
                Peer {
                    net: peer("2001:db8::", 32),
                    protocol: Some(Protocol::Udp),
                    ports: Some((1, 9)),
                    far: false,
                },
                Peer { net: peer("::", 0), protocol: Some(Protocol::Udp), ports: None, far: false },
            ],
            block: vec![Peer { net: peer("192.0.2.9", 32), protocol: None, ports: None, far: false }],
            resolver: false,
        };
        all[3].cut = true;
        Rules {
            version: VERSION,
            bridge: "br0".into(),
            gateway: "10.9.8.1".parse().unwrap(),
            gateway6: Some("fd09::1".parse().unwrap()),
            net: peer("10.9.8.0", 24),
            net6: Some(peer("fd09::", 64)),
            ports: all,
        }
    }

    /// What makes them improper, one thing each.
    const BAD: &[fn(&mut Rules)] = &[
        |all| all.version += 1,
        |all| all.version -= 1,
        |all| all.bridge = "br0\" accept".into(),
        |all| all.bridge = String::new(),
        |all| all.bridge = "x".repeat(16),
        |all| all.gateway = Ipv4Addr::new(10, 9, 9, 1),
        |all| all.gateway6 = None,
        |all| all.net.prefix = 33,
        |all| all.ports[0].interface = "eth0; drop".into(),
        |all| all.ports[0].interface = all.bridge.clone(),
        |all| all.ports[0].interface = all.ports[1].interface.clone(),
        |all| all.ports[0].address = all.ports[1].address,
        |all| all.ports[0].address = all.gateway,
        |all| all.ports[0].address = Ipv4Addr::new(192, 0, 2, 1),
        |all| all.ports[0].address6 = all.gateway6,
        |all| all.ports[0].address6 = "2001:db8::1".parse().ok(),
        |all| all.ports[0].mac = Mac([1, 0, 0x5e, 0, 0, 1]),
        |all| all.ports[0].inbound = Some(0),
        |all| all.ports[0].outbound = Some(u64::MAX),
        |all| all.ports[0].forwards = vec![Forward { outer: 22, inner: 22 }],
        |all| all.ports[0].forwards = vec![Forward { outer: 2222, inner: 0 }],
        |all| all.ports[0].forwards = vec![Forward { outer: 2222, inner: 22 }; FORWARDS_MAX + 1],
        |all| all.ports[2].policy.allow[0].net.prefix = 0,
        |all| all.ports[2].policy.allow[0].ports = Some((2, 1)),
        |all| all.ports[2].policy.allow[1].protocol = None,
        |all| {
            let one = all.ports[2].policy.block[0].clone();
            all.ports[2].policy.block = vec![one; PEERS_MAX + 1];
        },
        |all| all.ports = (0..=PORTS_MAX).map(|_| all.ports[0].clone()).collect(),
    ];

    /// Nothing gets into nft's language but what was checked.
    #[test]
    fn what_cannot_be_a_rule_is_refused() {
        for (number, change) in BAD.iter().enumerate() {
            let mut rules = example();
            change(&mut rules);
            assert!(!rules.are_proper(), "number {number}");
        }
    }
}
