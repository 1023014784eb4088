// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a filter of libvirt's is made of.

use super::Filter;
use crate::sandbox::network::guard::Saved;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use terrarium_protocol::guard::{Base, Peer, Port, Protocol};
use terrarium_protocol::network::{never, Net};

/// Priority of the first rule; those of libvirt's end at 1000.
const FIRST: i32 = -990;

/// The filter for libvirt. Everything in it is ours: numbers and addresses.
pub fn xml(filter: &Filter, port: &Port, saved: &Saved) -> String {
    let mut rules = Rules { text: String::new(), next: FIRST, port };
    rules.all(saved, &filter.here);
    format!(
        "<filter name='{}' chain='root'><uuid>{}</uuid>\n{}</filter>\n",
        filter.name, filter.uuid, rules.text
    )
}

struct Rules<'a> {
    text: String,
    next: i32,
    port: &'a Port,
}

impl Rules<'_> {
    fn all(&mut self, saved: &Saved, here: &[Net]) {
        let (port, own) = (self.port, &saved.own);
        if port.cut {
            return self.put("drop", "inout", "");
        }
        let mac = port.mac;
        self.put("drop", "out", &format!("<mac match='no' srcmacaddr='{mac}'/>"));
        let itself = format!("srcmacaddr='{mac}' arpsrcmacaddr='{mac}' arpsrcipaddr='{}'", port.address);
        self.put("accept", "out", &format!("<arp {itself}/>"));
        self.peers("drop", &port.policy.block, |net| Some(*net));
        if port.policy.resolver {
            self.ports("accept", &of(own.gateway), &[53]);
        }
        // Other sandboxes are nobody's to allow.
        let gateway = IpAddr::V4(own.gateway);
        self.peers("accept", &port.policy.allow, |net| net.holds(gateway).then(|| of(own.gateway)));
        if port.policy.base == Base::All {
            self.ip("accept", Some(&of(own.gateway)), "");
        }
        self.ip("drop", Some(&own.net), "");
        let is_near = |peer: &Peer| peer.far && here.iter().any(|net| net.overlaps(&peer.net));
        let allow: Vec<Peer> = port.policy.allow.iter().filter(|peer| !is_near(peer)).cloned().collect();
        self.peers("accept", &allow, |net| Some(*net));
        match port.policy.base {
            Base::All => self.ip("accept", None, ""),
            Base::Internet => self.internet(here),
            Base::Nobody => {}
        }
        self.put("drop", "out", "");
    }

    /// The world beyond this computer and its networks.
    fn internet(&mut self, here: &[Net]) {
        for net in outermost(never().chain(here.iter().copied()).collect()) {
            self.ip("drop", Some(&net), "");
        }
        self.ports("drop", &EVERYBODY, &[53, 853]);
        ["tcp", "udp", "icmp"]
            .iter()
            .for_each(|kind| self.ip("accept", None, &format!(" protocol='{kind}'")));
    }

    fn ports(&mut self, action: &str, to: &Net, ports: &[u16]) {
        for port in ports {
            for protocol in ["tcp", "udp"] {
                let kind = format!(" protocol='{protocol}' dstportstart='{port}' dstportend='{port}'");
                self.ip(action, Some(to), &kind);
            }
        }
    }

    /// IPv4's part of a list.
    fn peers(&mut self, action: &str, list: &[Peer], which: impl Fn(&Net) -> Option<Net>) {
        for peer in list.iter().filter(|peer| peer.net.ip.is_ipv4()) {
            let Some(net) = which(&peer.net) else { continue };
            let protocol = peer.protocol.map(|protocol| match protocol {
                Protocol::Tcp => " protocol='tcp'",
                Protocol::Udp => " protocol='udp'",
            });
            let mut kind = protocol.unwrap_or_default().to_owned();
            if let Some((first, last)) = peer.ports {
                let _ = write!(kind, " dstportstart='{first}' dstportend='{last}'");
            }
            self.ip(action, Some(&net), &kind);
        }
    }

    /// A rule about the destination. What is let through is the sandbox's own.
    fn ip(&mut self, action: &str, to: Option<&Net>, more: &str) {
        let mut words = String::new();
        if action == "accept" {
            let _ = write!(words, " srcmacaddr='{}' srcipaddr='{}'", self.port.mac, self.port.address);
        }
        if let Some(net) = to.filter(|net| net.prefix > 0) {
            let _ = write!(words, " dstipaddr='{}' dstipmask='{}'", net.ip, net.prefix);
        }
        self.put(action, "out", &format!("<ip{words}{more}/>"));
    }

    fn put(&mut self, action: &str, direction: &str, what: &str) {
        let priority = self.next;
        self.next += 1;
        // Writing to memory does not fail.
        let _ = writeln!(
            self.text,
            " <rule action='{action}' direction='{direction}' priority='{priority}'>{what}</rule>"
        );
    }
}

const EVERYBODY: Net = Net { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix: 0 };

fn of(ip: Ipv4Addr) -> Net {
    Net::of(ip.into(), 32)
}

/// Those of IPv4 that no other one holds: each rule costs time.
fn outermost(mut all: Vec<Net>) -> Vec<Net> {
    all.retain(|net| net.ip.is_ipv4());
    all.sort_by_key(|net| net.prefix);
    let mut kept: Vec<Net> = Vec::new();
    for net in all {
        if !kept.iter().any(|other| other.overlaps(&net)) {
            kept.push(net);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::values::entry;
    use crate::sandbox::network::follow::Named;
    use crate::sandbox::network::own::Own;
    use crate::uri::Uri;
    use terrarium_protocol::guard::Policy;

    fn saved(policy: Policy) -> Saved {
        let net = |text: &str, prefix| Net::of(text.parse().unwrap(), prefix);
        let own = Own {
            bridge: "trm-rs".into(),
            gateway: [10, 9, 8, 1].into(),
            net: net("10.9.8.0", 24),
            gateway6: None,
            net6: None,
        };
        let port = Port {
            interface: "trs-1-0".into(),
            mac: "52:54:00:00:00:01".parse().unwrap(),
            address: [10, 9, 8, 2].into(),
            address6: None,
            policy,
            cut: false,
            inbound: None,
            outbound: None,
            forwards: Vec::new(),
            names: Vec::new(),
        };
        let here = vec![net("203.0.113.0", 28), net("10.9.8.0", 24), net("fd00::", 64)];
        let filter = Filter { here, ..Filter::new(1000, 1, &Uri::LxcSystem) };
        Saved { own, port, named: Named::default(), filter: Some(filter) }
    }

    fn rules(saved: &Saved) -> Vec<String> {
        let text = xml(saved.filter.as_ref().unwrap(), &saved.port, saved);
        assert!(text.starts_with(
            "<filter name='terrarium-1000-1' chain='root'><uuid>54455252-4152-4d49-8d00-000003e80001</uuid>"
        ));
        let lines = text.lines().filter(|line| line.starts_with(" <rule"));
        lines.map(|line| line.replace(" srcmacaddr='52:54:00:00:00:01' srcipaddr='10.9.8.2'", "")).collect()
    }

    fn has(rules: &[String], action: &str, what: &str) -> Option<usize> {
        rules.iter().position(|rule| rule.contains(&format!("action='{action}'")) && rule.contains(what))
    }

    #[test]
    fn the_internet_is_neither_this_computer_nor_its_networks() {
        let saved = saved(Policy { base: Base::Internet, resolver: true, ..Policy::default() });
        let all = rules(&saved);
        let everything = has(&all, "accept", "<ip protocol='tcp'/>").unwrap();
        for net in [
            "dstipaddr='10.9.8.0' dstipmask='24'",
            "'203.0.113.0' dstipmask='28'",
            "'169.254.0.0'",
            "'10.0.0.0' dstipmask='8'",
        ] {
            assert!(has(&all, "drop", net).unwrap() < everything, "{net}");
        }
        assert!(
            has(&all, "accept", "'10.9.8.1' dstipmask='32' protocol='udp' dstportstart='53'").unwrap()
                < has(&all, "drop", "'10.9.8.0'").unwrap()
        );
        assert!(has(&all, "drop", "<ip protocol='udp' dstportstart='53'").unwrap() < everything);
        let last = all.last().unwrap();
        assert!(last.contains("action='drop' direction='out'") && last.ends_with("'></rule>"), "{last}");
        assert!(all.iter().all(|rule| !rule.contains("ipv6")));
        // What another one holds is not said twice.
        assert_eq!(all.iter().filter(|rule| rule.contains("'10.9.8.0'")).count(), 1);
    }

    #[test]
    fn lists_come_in_their_order() {
        let list = |text: &str| {
            text.split_whitespace()
                .map(|one| entry(one).unwrap())
                .flat_map(|one| one.peers(&one.nets()))
                .collect::<Vec<_>>()
        };
        let policy = Policy {
            allow: list("192.0.2.0/24 10.0.0.0/8:80/tcp [2001:db8::1]:80 *:9/udp"),
            block: list("192.0.2.7:1-9/udp"),
            ..Policy::default()
        };
        let all = rules(&saved(policy.clone()));
        let blocked = has(
            &all,
            "drop",
            "<ip dstipaddr='192.0.2.7' dstipmask='32' protocol='udp' dstportstart='1' dstportend='9'/>",
        )
        .unwrap();
        assert!(blocked < has(&all, "accept", "'192.0.2.0' dstipmask='24'/>").unwrap());
        // The gateway before its network, then the rest.
        let gateway =
            has(&all, "accept", "'10.9.8.1' dstipmask='32' protocol='tcp' dstportstart='80'").unwrap();
        let net = has(&all, "drop", "'10.9.8.0'").unwrap();
        assert!(gateway < net && net < has(&all, "accept", "'10.0.0.0'").unwrap());
        assert!(has(&all, "accept", "<ip protocol='udp' dstportstart='9' dstportend='9'/>").is_some());
        assert!(has(&all, "accept", "<ip/>").is_none() && has(&all, "accept", "'53'").is_none());
        let mut far = policy;
        far.allow = list("203.0.113.5 198.51.100.5");
        far.allow.iter_mut().for_each(|peer| peer.far = true);
        let all = rules(&saved(far));
        assert!(
            has(&all, "accept", "203.0.113.5").is_none() && has(&all, "accept", "198.51.100.5").is_some()
        );
        let mut cut = saved(Policy { base: Base::All, ..Policy::default() });
        assert!(has(&rules(&cut), "accept", "<ip/>").is_some());
        cut.port.cut = true;
        assert_eq!(rules(&cut), [" <rule action='drop' direction='inout' priority='-990'></rule>"]);
    }
}
