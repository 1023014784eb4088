// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the network's resolver told sandboxes, seen as it passes: the names of
//! whom they meet, and where those of their lists are by now.
//!
//! What a name server somewhere says is a stranger's word: smoltcp takes it
//! apart, and only what looks like a name of a host is one.

use smoltcp::wire::{DnsFlags, DnsPacket, DnsQueryType, DnsQuestion, DnsRecord, DnsRecordData};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use terrarium_protocol::guard::{is_host_name, Peer, Port, NAME_MAX, PEERS_MAX};
use terrarium_protocol::network::is_of_the_internet;

/// Most answers of one message, addresses of one listed name, and names that
/// are remembered for one sandbox beside those.
const ANSWERS: usize = 32;
const ADDRESSES: usize = 64;
const REMEMBERED: usize = 512;

/// A name, and an address that was told for it.
type Told = (String, IpAddr);

/// What each sandbox was told, latest last.
#[derive(Default)]
pub struct Names {
    listed: HashMap<IpAddr, Vec<Told>>,
    others: HashMap<IpAddr, Vec<Told>>,
}

impl Names {
    /// Takes in an answer to the sandbox at an address. `ports`: whose lists
    /// have which names. Returns whether a list means somebody else by now.
    pub fn take(&mut self, to: IpAddr, message: &[u8], ports: &[Port]) -> bool {
        let Some(port) = ports.iter().find(|port| addresses(port).contains(&to)) else { return false };
        let to = IpAddr::V4(port.address);
        let Some((name, answers)) = answer(message) else { return false };
        let is_listed = port.names.iter().any(|one| one.name.trim_end_matches('.') == name);
        let (all, most) =
            if is_listed { (&mut self.listed, ADDRESSES) } else { (&mut self.others, REMEMBERED) };
        let all = all.entry(to).or_default();
        let mut is_new = false;
        for ip in answers {
            let told = (name.clone(), ip);
            let before = all.iter().position(|one| *one == told);
            is_new |= before.is_none();
            before.map(|index| all.remove(index));
            // Others' names do not push one off.
            let of_this = |one: &Told| !is_listed || one.0 == name;
            if all.iter().filter(|one| of_this(one)).count() >= most {
                all.iter().position(of_this).map(|index| all.remove(index));
            }
            all.push(told);
        }
        is_listed && is_new
    }

    /// The name that a sandbox asked for when it was told this address.
    pub fn of(&self, port: &Port, peer: IpAddr) -> Option<String> {
        let to = IpAddr::V4(port.address);
        let told = [&self.listed, &self.others].into_iter().filter_map(|all| all.get(&to)).flatten();
        told.filter(|(_, ip)| *ip == peer).map(|(name, _)| name.clone()).next_back()
    }

    /// The port, with the addresses of its names on its lists.
    pub fn resolved(&self, port: &Port) -> Port {
        let mut port = port.clone();
        let told = self.listed.get(&IpAddr::V4(port.address));
        for (name, ip) in told.into_iter().flatten() {
            for one in port.names.iter().filter(|one| one.name.trim_end_matches('.') == name) {
                if one.far && !is_of_the_internet(*ip) {
                    continue;
                }
                let list = if one.allow { &mut port.policy.allow } else { &mut port.policy.block };
                add(list, one.at(*ip));
            }
        }
        port
    }

    /// Forgets who is gone: somebody else will have these addresses.
    pub fn keep(&mut self, ports: &[&Port]) {
        let is_there = |ip: &IpAddr| ports.iter().any(|port| IpAddr::V4(port.address) == *ip);
        self.listed.retain(|ip, _| is_there(ip));
        self.others.retain(|ip, _| is_there(ip));
    }
}

fn add(list: &mut Vec<Peer>, peer: Peer) {
    if !list.contains(&peer) && list.len() < PEERS_MAX {
        list.push(peer);
    }
}

/// All addresses of a sandbox.
pub fn addresses(port: &Port) -> Vec<IpAddr> {
    let mut all = vec![IpAddr::V4(port.address)];
    all.extend(port.address6.map(IpAddr::V6));
    all
}

/// The name that was asked for, and the addresses that it has.
fn answer(message: &[u8]) -> Option<(String, Vec<IpAddr>)> {
    let packet = DnsPacket::new_checked(message).ok()?;
    if !packet.flags().contains(DnsFlags::RESPONSE) || packet.question_count() != 1 {
        return None;
    }
    let (mut rest, question) = DnsQuestion::parse(packet.payload()).ok()?;
    let mut name = String::new();
    for label in packet.parse_name(question.name) {
        let label = std::str::from_utf8(label.ok()?).ok()?;
        if label.is_empty() || label.contains('.') || name.len() + label.len() >= NAME_MAX {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&label.to_ascii_lowercase());
    }
    let mut all = Vec::new();
    for _ in 0..usize::from(packet.answer_record_count()).min(ANSWERS) {
        // What comes next of a message that was cut off is not needed.
        let Ok((next, record)) = DnsRecord::parse(rest) else { break };
        all.extend(address(&record.data));
        rest = next;
    }
    (is_host_name(&name) && !all.is_empty()).then_some((name, all))
}

fn address(data: &DnsRecordData) -> Option<IpAddr> {
    match data {
        DnsRecordData::A(ip) => Some(IpAddr::V4(*ip)),
        DnsRecordData::Other(DnsQueryType::Aaaa, bytes) => {
            <[u8; 16]>::try_from(*bytes).ok().map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use terrarium_protocol::guard::{Name, Policy, Protocol};
    use terrarium_protocol::network::Mac;

    /// An answer as dnsmasq sends it: the question, an alias, two addresses.
    fn message(name: &str, v4: [u8; 4], v6: [u8; 16]) -> Vec<u8> {
        let mut bytes = vec![0, 7, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0];
        for label in name.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.extend([0, 0, 1, 0, 1]);
        bytes.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12]);
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4]);
        bytes.extend(v4);
        bytes.extend([0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 9, 0, 16]);
        bytes.extend(v6);
        bytes
    }

    fn port(names: Vec<Name>) -> Port {
        Port {
            interface: "t1-1-0".into(),
            mac: Mac([2; 6]),
            address: [10, 9, 8, 2].into(),
            address6: None,
            policy: Policy::default(),
            cut: false,
            inbound: None,
            outbound: None,
            forwards: Vec::new(),
            names,
        }
    }

    fn listed(name: &str, allow: bool, far: bool) -> Name {
        Name { name: name.into(), allow, protocol: Some(Protocol::Tcp), ports: Some((443, 443)), far }
    }

    const WORLD6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];

    #[test]
    fn answers_are_read_and_nonsense_is_not() {
        let bytes = message("WWW.Example.org", [192, 0, 2, 1], WORLD6);
        let (name, all) = answer(&bytes).unwrap();
        assert_eq!(name, "www.example.org");
        assert_eq!(all, ["192.0.2.1", "2001:db8::5"].map(|ip| ip.parse::<IpAddr>().unwrap()));
        for name in ["a b.example", "a<b>.example", "\u{202e}.example"] {
            assert!(answer(&message(name, [192, 0, 2, 1], WORLD6)).is_none(), "{name}");
        }
        let mut question = bytes.clone();
        question[2] = 1;
        assert!(answer(&question).is_none(), "a question");
        // A name that leads to itself ends.
        let mut circle = vec![0, 7, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1];
        assert!(answer(&circle).is_none());
        circle.truncate(13);
        assert!(answer(&circle).is_none());
    }

    #[test]
    fn names_of_lists_lead_where_the_sandbox_is_told() {
        let (www, near) = (listed("www.example.org", true, true), listed("nas.lan", true, false));
        let all = [port(vec![www.clone(), near.clone(), listed("bad.example.org", false, false)])];
        let mut names = Names::default();
        let mut told =
            |name: &str, ip: [u8; 4]| names.take(all[0].address.into(), &message(name, ip, WORLD6), &all);
        assert!(told("www.example.org", [192, 0, 2, 1]) && !told("www.example.org", [192, 0, 2, 1]));
        assert!(told("www.example.org", [192, 168, 1, 1]), "which opens nothing");
        assert!(told("nas.lan", [192, 168, 1, 9]) && told("bad.example.org", [192, 0, 2, 6]));
        assert!(!told("other.example.org", [192, 0, 2, 7]), "on no list");
        let policy = names.resolved(&all[0]).policy;
        let has = |list: &[Peer], one: &Name, ip: &str| list.contains(&one.at(ip.parse().unwrap()));
        assert!(has(&policy.allow, &www, "192.0.2.1") && has(&policy.allow, &www, "2001:db8::5"));
        assert!(has(&policy.allow, &near, "192.168.1.9") && !has(&policy.allow, &www, "192.168.1.1"));
        assert_eq!((policy.allow.len(), policy.block.len()), (4, 2));
        let of = |names: &Names, ip: &str| names.of(&all[0], ip.parse().unwrap());
        assert_eq!(of(&names, "192.0.2.7").as_deref(), Some("other.example.org"));
        assert_eq!(of(&names, "192.0.2.8"), None);
        assert!(!names.take([10, 9, 8, 3].into(), &message("nas.lan", [1; 4], WORLD6), &all), "nobody's");
        names.keep(&[]);
        assert_eq!(names.resolved(&all[0]), all[0]);
    }

    #[test]
    fn whoever_asks_a_lot_pushes_nobody_off_a_list() {
        let all = [port(vec![listed("bad.example", false, false)])];
        let mut names = Names::default();
        let to = all[0].address.into();
        names.take(to, &message("bad.example", [192, 0, 2, 6], WORLD6), &all);
        for number in 0..2 * REMEMBERED {
            let ip = [10, 1, (number / 256) as u8, number as u8];
            names.take(to, &message(&format!("n{number}.example"), ip, WORLD6), &all);
        }
        assert_eq!(names.resolved(&all[0]).policy.block.len(), 2);
        assert_eq!(names.others[&to].len(), REMEMBERED);
        for number in 0..2 * ADDRESSES {
            names.take(to, &message("bad.example", [10, 2, 0, number as u8], WORLD6), &all);
        }
        assert_eq!(names.listed[&to].len(), ADDRESSES);
    }

    proptest! {
        #[test]
        fn any_message_is_an_answer_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0usize..300, byte: u8) {
            let _ = answer(&bytes);
            let mut bytes = message("www.example.org", [192, 0, 2, 1], WORLD6);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = answer(&bytes);
            bytes.truncate(at);
            let _ = answer(&bytes);
        }
    }
}
