// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much sandboxes say to whom. A table of its own beside the rules, whose
//! sets keep what they counted when the rules change.

use super::nft;
use serde_json::Value;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use terrarium_protocol::guard::{Contact, Port};

/// Most peers that one sandbox's bytes are told apart of.
const PEERS: u32 = 1024;

/// What is counted, and for whom.
pub struct Count {
    table: String,
    /// Those that have sets.
    counted: Vec<Ipv4Addr>,
}

impl Count {
    /// Of nobody yet. `table`: the rules' one.
    pub fn new(table: &str) -> Self {
        let count = Self { table: format!("{table}_met"), counted: Vec::new() };
        count.end();
        count
    }

    /// Takes the table away.
    pub fn end(&self) {
        let _ = nft::set(&format!("table inet {0} {{ }}\ndelete table inet {0}\n", self.table));
    }

    /// From now on exactly these. Where the kernel cannot count nothing is told.
    pub fn set(&mut self, bridge: &str, ports: &[&Port]) {
        let now: Vec<Ipv4Addr> = ports.iter().map(|port| port.address).collect();
        if now == self.counted {
            return;
        }
        let gone: Vec<Ipv4Addr> = self.counted.iter().filter(|ip| !now.contains(ip)).copied().collect();
        let mut text = String::new();
        // Writing to memory does not fail.
        let _ = write(&mut text, &self.table, bridge, ports, &gone);
        if nft::set(&text).is_ok() {
            self.counted = now;
        }
    }

    /// Adds to contacts of a sandbox how much was said.
    pub fn tell(&self, port: &Port, contacts: &mut [Contact]) {
        if !self.counted.contains(&port.address) || contacts.iter().all(|one| one.port.is_none()) {
            return;
        }
        for (direction, family) in [("sent", 4), ("sent", 6), ("got", 4), ("got", 6)] {
            if family == 6 && port.address6.is_none() {
                continue;
            }
            let set = name(direction, family, port.address);
            let Some(text) = nft::list(&["set", "inet", &self.table, &set]) else { continue };
            for (peer, protocol, number, bytes) in elements(&text) {
                let is_it =
                    |one: &&mut Contact| (one.peer, one.protocol, one.port) == (peer, protocol, Some(number));
                for contact in contacts.iter_mut().filter(is_it) {
                    let to = if direction == "sent" { &mut contact.sent } else { &mut contact.received };
                    *to = bytes;
                }
            }
        }
    }
}

fn name(direction: &str, family: u8, address: Ipv4Addr) -> String {
    format!("{direction}{family}_{:08x}", u32::from(address))
}

fn write(
    text: &mut String,
    table: &str,
    bridge: &str,
    ports: &[&Port],
    gone: &[Ipv4Addr],
) -> std::fmt::Result {
    writeln!(text, "table inet {table} {{ }}\nflush table inet {table}")?;
    for address in gone {
        for (direction, family) in [("sent", 4), ("sent", 6), ("got", 4), ("got", 6)] {
            writeln!(text, "delete set inet {table} {}", name(direction, family, *address))?;
        }
    }
    writeln!(text, "table inet {table} {{")?;
    for port in ports {
        for (direction, family, kind) in [
            ("sent", 4, "ipv4_addr"),
            ("sent", 6, "ipv6_addr"),
            ("got", 4, "ipv4_addr"),
            ("got", 6, "ipv6_addr"),
        ] {
            let set = name(direction, family, port.address);
            writeln!(text, " set {set} {{ type {kind} . inet_proto . inet_service; flags dynamic; counter; size {PEERS}; }}")?;
        }
    }
    for (chain, direction, own, peer, number) in
        [("out", "sent", "saddr", "daddr", "dport"), ("in", "got", "daddr", "saddr", "sport")]
    {
        writeln!(text, " chain {chain} {{\n  meta l4proto != {{ tcp, udp }} return")?;
        for port in ports {
            let key = format!("{peer} . meta l4proto . th {number}");
            let set = name(direction, 4, port.address);
            writeln!(text, "  ip {own} {} update @{set} {{ ip {key} }} return", port.address)?;
            if let Some(address) = port.address6 {
                let set = name(direction, 6, port.address);
                writeln!(text, "  ip6 {own} {address} update @{set} {{ ip6 {key} }} return")?;
            }
        }
        writeln!(text, " }}")?;
    }
    // What comes here was let through.
    for hook in ["forward", "input", "output"] {
        writeln!(text, " chain {hook} {{ type filter hook {hook} priority 10; policy accept;")?;
        if hook != "output" {
            writeln!(text, "  iifname \"{bridge}\" jump out")?;
        }
        if hook != "input" {
            writeln!(text, "  oifname \"{bridge}\" jump in")?;
        }
        writeln!(text, " }}")?;
    }
    writeln!(text, "}}")
}

/// Peer, protocol, port and bytes of a set, as nft's JSON has them.
fn elements(text: &str) -> Vec<(IpAddr, u8, u16, u64)> {
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    let sets =
        json["nftables"].as_array().into_iter().flatten().filter_map(|one| one["set"]["elem"].as_array());
    let one = |element: &Value| {
        let element = &element["elem"];
        let key = &element["val"]["concat"];
        let protocol = match key[1].as_str() {
            Some("tcp") => 6,
            Some("udp") => 17,
            _ => return None,
        };
        let port = u16::try_from(key[2].as_u64()?).ok()?;
        Some((key[0].as_str()?.parse().ok()?, protocol, port, element["counter"]["bytes"].as_u64()?))
    };
    sets.flatten().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nft_lists_is_read() {
        let text = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"set": {"name": "x", "elem": [
            {"elem": {"val": {"concat": ["192.0.2.1", "tcp", 443]}, "counter": {"packets": 5, "bytes": 10268}}},
            {"elem": {"val": {"concat": ["2001:db8::1", "udp", 53]}, "counter": {"packets": 5, "bytes": 7}}},
            {"elem": {"val": "odd"}}]}}]}"#;
        let found: Vec<_> = elements(text)
            .into_iter()
            .map(|(ip, kind, port, bytes)| (ip.to_string(), kind, port, bytes))
            .collect();
        assert_eq!(found, [("192.0.2.1".to_owned(), 6, 443, 10268), ("2001:db8::1".to_owned(), 17, 53, 7)]);
        assert!(elements("").is_empty() && elements("{}").is_empty());
    }
}
