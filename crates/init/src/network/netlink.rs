// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is asked of the kernel's routing: addresses, routes, up and down.
//!
//! rtnetlink(7): a header, a fixed body, attributes; all in this computer's
//! byte order, aligned to four.

use nix::errno::Errno;
use nix::sys::socket::{recv, send, socket, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use terrarium_protocol::network::{bits, Address, Route};

/// `IFA_F_NODAD`: it is used at once.
const NO_DUPLICATES: u8 = 0x02;

/// A conversation with the kernel.
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

/// A message that is being made.
pub struct Message(Vec<u8>);

impl Message {
    /// With its fixed part.
    pub fn new(body: &[u8]) -> Self {
        let mut bytes = vec![0; 16];
        bytes.extend_from_slice(body);
        Self(bytes)
    }

    /// Adds an attribute.
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let length = (value.len() + 4) as u16;
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// The whole, with its header.
    pub fn finish(mut self, kind: u16, flags: u16, sequence: u32) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[0..4].copy_from_slice(&length.to_ne_bytes());
        self.0[4..6].copy_from_slice(&kind.to_ne_bytes());
        self.0[6..8].copy_from_slice(&flags.to_ne_bytes());
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

fn family(ip: IpAddr) -> u8 {
    (if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }) as u8
}

impl Netlink {
    /// Opens it.
    pub fn open() -> nix::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Asks, and waits for the answer.
    fn ask(&mut self, kind: u16, flags: libc::c_int, message: Message) -> nix::Result<()> {
        self.sequence += 1;
        let flags = (flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        let bytes = message.finish(kind, flags, self.sequence);
        send(self.socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
        let mut answer = [0u8; 4096];
        loop {
            let length = match recv(self.socket.as_raw_fd(), &mut answer, MsgFlags::empty()) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            let word = |at: usize| {
                answer
                    .get(at..at + 4)
                    .map(|bytes| i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            };
            let is_error = answer[4..6] == (libc::NLMSG_ERROR as u16).to_ne_bytes();
            if length >= 20 && is_error && word(8) == Some(self.sequence as i32) {
                return match word(16) {
                    Some(0) => Ok(()),
                    Some(errno) => Err(Errno::from_raw(-errno)),
                    None => Err(Errno::EPROTO),
                };
            }
        }
    }

    /// Raises an interface, or takes it down.
    pub fn set_up(&mut self, index: u32, up: bool) -> nix::Result<()> {
        let mut body = [0u8; 16];
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        let flag = libc::IFF_UP as u32;
        body[8..12].copy_from_slice(&(if up { flag } else { 0 }).to_ne_bytes());
        body[12..16].copy_from_slice(&flag.to_ne_bytes());
        self.ask(libc::RTM_NEWLINK, 0, Message::new(&body))
    }

    fn address(index: u32, address: &Address) -> Message {
        let ip = octets(address.ip);
        let flags = if address.ip.is_ipv6() { NO_DUPLICATES } else { 0 };
        let mut body = vec![family(address.ip), address.prefix, flags, 0];
        body.extend_from_slice(&index.to_ne_bytes());
        let message = Message::new(&body).with(libc::IFA_LOCAL, &ip).with(libc::IFA_ADDRESS, &ip);
        let usual = match address.ip {
            IpAddr::V4(ip) if address.prefix < 31 => {
                Some(IpAddr::V4((u32::from(ip) | (u32::MAX >> address.prefix)).into()))
            }
            _ => None,
        };
        match address.broadcast.or(usual) {
            Some(broadcast) => message.with(libc::IFA_BROADCAST, &octets(broadcast)),
            None => message,
        }
    }

    /// Gives an interface an address.
    pub fn add_address(&mut self, index: u32, address: &Address) -> nix::Result<()> {
        let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
        self.ask(libc::RTM_NEWADDR, flags, Self::address(index, address))
    }

    /// Takes an address away.
    pub fn remove_address(&mut self, index: u32, address: &Address) -> nix::Result<()> {
        self.ask(libc::RTM_DELADDR, 0, Self::address(index, address))
    }

    /// Adds a route through an interface.
    pub fn add_route(&mut self, index: u32, route: &Route) -> nix::Result<()> {
        let scope = if route.gateway.is_some() || route.to.ip.is_ipv6() {
            libc::RT_SCOPE_UNIVERSE
        } else {
            libc::RT_SCOPE_LINK
        };
        let body = [
            family(route.to.ip),
            route.to.prefix.min(bits(route.to.ip)),
            0,
            0,
            libc::RT_TABLE_MAIN,
            libc::RTPROT_STATIC,
            scope,
            libc::RTN_UNICAST,
            0,
            0,
            0,
            0,
        ];
        let mut message = Message::new(&body)
            .with(libc::RTA_DST, &octets(route.to.ip))
            .with(libc::RTA_OIF, &index.to_ne_bytes());
        if let Some(gateway) = route.gateway {
            message = message.with(libc::RTA_GATEWAY, &octets(gateway));
        }
        self.ask(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_REPLACE, message)
    }
}
