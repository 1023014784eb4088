// SPDX-License-Identifier: LGPL-2.1-or-later
//! Entries of lists as people write them.

use super::values::{Entry, Host};
use terrarium_protocol::guard::{Peer, Protocol};
use terrarium_protocol::network::{bits, Net};

/// Entries of rules as people write them, each once.
#[must_use]
pub fn texts(list: &[Peer]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for peer in list {
        // Ports without a protocol are both of them.
        let is_other = |one: &&Peer| {
            let protocols = (one.protocol, peer.protocol);
            let differ = matches!(
                protocols,
                (Some(Protocol::Tcp), Some(Protocol::Udp)) | (Some(Protocol::Udp), Some(Protocol::Tcp))
            );
            differ && one.net == peer.net && one.ports == peer.ports && one.ports.is_some()
        };
        let has_both = list.iter().any(|one| is_other(&one));
        let any = |ip: &str| Net { ip: ip.parse().unwrap_or(peer.net.ip), prefix: 0 };
        let everybody = [any("0.0.0.0"), any("::")];
        let is_any =
            everybody.iter().all(|net| list.iter().any(|one| one == &Peer { net: *net, ..peer.clone() }));
        let host = if is_any && peer.net.prefix == 0 { Host::Any } else { Host::Net(peer.net) };
        let text =
            Entry { host, protocol: peer.protocol.filter(|_| !has_both), ports: peer.ports }.to_string();
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Host::Any => write!(f, "*")?,
            Host::Name(name) => write!(f, "{name}")?,
            Host::Net(net) => {
                let brackets = net.ip.is_ipv6() && self.ports.is_some();
                let (open, close) = if brackets { ("[", "]") } else { ("", "") };
                write!(f, "{open}{}{close}", net.ip)?;
                if net.prefix != bits(net.ip) {
                    write!(f, "/{}", net.prefix)?;
                }
            }
        }
        match self.ports {
            Some((first, last)) if first == last => write!(f, ":{first}")?,
            Some((first, last)) => write!(f, ":{first}-{last}")?,
            None => {}
        }
        match self.protocol {
            Some(Protocol::Tcp) => write!(f, "/tcp"),
            Some(Protocol::Udp) => write!(f, "/udp"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::entry;
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "*",
            "*:443",
            "a.example:1-2/udp",
            "192.0.2.2",
            "192.0.2.0/24:80/tcp",
            "fd00::1",
            "[fd00::/64]:80",
            "fd00::/64",
        ] {
            let read = entry(&text.replace("/64]", "]/64")).unwrap();
            assert_eq!(entry(&read.to_string()), Some(read.clone()), "{text}");
            if !matches!(read.host, Host::Name(_)) {
                assert_eq!(texts(&read.peers(&read.nets())), [read.to_string()], "{text}");
            }
        }
        assert_eq!(entry("192.0.2.2:8765/tcp").unwrap().to_string(), "192.0.2.2:8765/tcp");
    }
}
