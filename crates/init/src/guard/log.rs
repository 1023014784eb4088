// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the rules tell of packets (nfnetlink_log), and whom that makes known.

use super::names::{addresses, Names};
use super::rules::{NAMES, NAMES_LENGTH, REFUSED};
use crate::network::netlink::Message;
use nix::errno::Errno;
use nix::sys::socket::{recv, send, socket, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType};
use std::collections::HashMap;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{SystemTime, UNIX_EPOCH};
use terrarium_protocol::guard::{destination, Contact, Port};

/// `NFNL_SUBSYS_ULOG`, and its messages: a packet, a setting.
const SUBSYSTEM: u16 = 4 << 8;
const PACKET: u16 = SUBSYSTEM;
const CONFIG: u16 = SUBSYSTEM | 1;
/// Attributes of a setting, and of a packet.
const COMMAND: u16 = 1;
const MODE: u16 = 2;
const FLUSH: u16 = 4;
const PAYLOAD: u16 = 9;
const PREFIX: u16 = 10;
const BIND: u8 = 1;
const COPY_PACKET: u8 = 2;
/// The kernel gathers packets for so long before it tells of them, in 1/100 s:
/// by itself a second, in which who was just met is not known.
const SOON: u32 = 10;
/// Headers of an answer of the resolver: IP without options, UDP.
const IP4: usize = 20;
const IP6: usize = 40;
const UDP: usize = 8;
const TCP_PROTOCOL: u8 = 6;

/// Groups belong to whoever binds them first; each user's guard finds one.
const FIRST_GROUP: u16 = 0x5400;
const GROUPS: u16 = 64;

/// Most that is remembered of one sandbox.
const REMEMBERED: usize = 256;
/// Most sandboxes that are remembered.
const SANDBOXES: usize = 512;

/// The kernel's log of packets.
pub struct Log {
    socket: OwnedFd,
    /// Where the rules are to log.
    pub group: u16,
    seen: HashMap<IpAddr, Vec<Contact>>,
    /// What the resolver told.
    pub names: Names,
}

impl Log {
    /// With the first group that is free.
    pub fn open() -> nix::Result<Self> {
        (FIRST_GROUP..FIRST_GROUP + GROUPS).find_map(|group| Self::bind(group).ok()).ok_or(Errno::EBUSY)
    }

    fn bind(group: u16) -> nix::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkNetFilter,
        )?;
        let log = Self { socket, group, seen: HashMap::new(), names: Names::default() };
        log.ask(COMMAND, &[BIND])?;
        let mut mode = NAMES_LENGTH.to_be_bytes().to_vec();
        mode.extend([COPY_PACKET, 0]);
        log.ask(MODE, &mode)?;
        log.ask(FLUSH, &SOON.to_be_bytes())?;
        nix::fcntl::fcntl(&log.socket, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
        Ok(log)
    }

    fn ask(&self, attribute: u16, value: &[u8]) -> nix::Result<()> {
        let [high, low] = self.group.to_be_bytes();
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        let bytes = Message::new(&[0, 0, high, low]).with(attribute, value).finish(CONFIG, flags, 1);
        send(self.socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
        let mut answer = [0u8; 1024];
        let length = recv(self.socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        let errno =
            answer[..length].get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
        match errno {
            Some(0) => Ok(()),
            Some(errno) => Err(Errno::from_raw(-errno)),
            None => Err(Errno::EPROTO),
        }
    }

    /// To be polled.
    pub fn fd(&self) -> &OwnedFd {
        &self.socket
    }

    /// Takes in what was told. Returns whether names of lists mean somebody
    /// else by now.
    pub fn drain(&mut self, ports: &[Port]) -> bool {
        let mut bytes = vec![0u8; 64 * 1024];
        let mut differs = false;
        while let Ok(length) = recv(self.socket.as_raw_fd(), &mut bytes, MsgFlags::empty()) {
            if length == 0 {
                break;
            }
            messages(&bytes[..length], |prefix, packet| {
                if prefix.starts_with(NAMES.as_bytes()) {
                    differs |= self.name(packet, ports);
                } else {
                    self.take(prefix, packet);
                }
            });
        }
        differs
    }

    fn name(&mut self, packet: &[u8], ports: &[Port]) -> bool {
        let Some((_, to, protocol, Some(_))) = destination(packet) else { return false };
        let Some(rest) = packet.get(if to.is_ipv4() { IP4 } else { IP6 }..) else { return false };
        let mut differs = false;
        for message in answers(protocol, rest) {
            differs |= self.names.take(to, message, ports);
        }
        differs
    }

    fn take(&mut self, prefix: &[u8], packet: &[u8]) {
        let Some((source, peer, protocol, port)) = destination(packet) else { return };
        let refused = prefix.starts_with(REFUSED.as_bytes());
        if !self.seen.contains_key(&source) && self.seen.len() >= SANDBOXES {
            return;
        }
        let all = self.seen.entry(source).or_default();
        let is_it = |one: &Contact| {
            (one.peer, one.protocol, one.port, one.refused) == (peer, protocol, port, refused)
        };
        let mut count = 1;
        if let Some(index) = all.iter().position(is_it) {
            count += all.remove(index).count;
        } else if all.len() >= REMEMBERED {
            all.remove(0);
        }
        let last = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        all.push(Contact { peer, protocol, port, refused, count, last, received: 0, sent: 0, name: None });
    }

    /// Whom a sandbox talked to.
    pub fn of(&self, port: &Port) -> Vec<Contact> {
        let mut all: Vec<Contact> =
            addresses(port).iter().filter_map(|ip| self.seen.get(ip)).flatten().cloned().collect();
        all.sort_by_key(|one| one.last);
        all.iter_mut().for_each(|one| one.name = self.names.of(port, one.peer));
        all
    }

    /// Forgets who is gone: somebody else will have these addresses.
    pub fn keep(&mut self, ports: &[&Port]) {
        self.names.keep(ports);
        let all: Vec<IpAddr> = ports.iter().flat_map(|port| addresses(port)).collect();
        self.seen.retain(|ip, _| all.contains(ip));
    }
}

/// The resolver's messages in a packet, behind its IP header. Over TCP each has
/// its length before it; those that begin a segment are found.
fn answers(protocol: u8, packet: &[u8]) -> Vec<&[u8]> {
    if protocol != TCP_PROTOCOL {
        return packet.get(UDP..).into_iter().collect();
    }
    let header = packet.get(12).map_or(0, |byte| usize::from(byte >> 4) * 4);
    let mut rest = packet.get(header.max(20)..).unwrap_or_default();
    let mut all = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        all.push(&after[..length]);
        rest = &after[length..];
    }
    all
}

/// Calls `each` with the prefix and the packet of every message.
fn messages(mut bytes: &[u8], mut each: impl FnMut(&[u8], &[u8])) {
    while let Some(length) = bytes.get(..4).and_then(|word| word.try_into().ok()).map(u32::from_ne_bytes) {
        let Some(message) = bytes.get(..length as usize).filter(|message| message.len() >= 20) else {
            return;
        };
        if message[4..6] == PACKET.to_ne_bytes() {
            let (mut prefix, mut packet) = (&[][..], &[][..]);
            attributes(&message[20..], |kind, value| match kind {
                PREFIX => prefix = value,
                PAYLOAD => packet = value,
                _ => {}
            });
            each(prefix, packet);
        }
        bytes = bytes.get((length as usize).next_multiple_of(4)..).unwrap_or_default();
    }
}

fn attributes<'a>(mut bytes: &'a [u8], mut each: impl FnMut(u16, &'a [u8])) {
    while let Some(&[a, b, c, d]) = bytes.first_chunk::<4>() {
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let Some(value) = bytes.get(4..length) else { return };
        each(u16::from_ne_bytes([c, d]) & 0x3fff, value);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(words: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; usize::from(words) * 4];
        bytes[12] = words << 4;
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn answers_over_tcp_are_found_one_after_another() {
        let payload = b"\0\x03one\0\x05three\x01\0cut";
        for words in [5, 8, 15] {
            let packet = segment(words, payload);
            assert_eq!(answers(TCP_PROTOCOL, &packet), [&b"one"[..], b"three", b"cut"], "{words}");
        }
        assert_eq!(answers(17, b"12345678message"), [&b"message"[..]]);
        assert!(answers(TCP_PROTOCOL, &segment(8, b"")).is_empty());
    }

    proptest! {
        #[test]
        fn any_packet_has_answers_or_none(packet in proptest::collection::vec(any::<u8>(), 0..200)) {
            let all = answers(TCP_PROTOCOL, &packet);
            prop_assert!(all.iter().map(|one| one.len()).sum::<usize>() <= packet.len());
            let _ = answers(17, &packet);
        }
    }
}
