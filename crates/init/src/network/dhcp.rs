// SPDX-License-Identifier: LGPL-2.1-or-later
//! DHCP (RFC 2131): an address for an interface, and its renewal.
//!
//! Over a packet socket, since the interface has no address to be talked to
//! at. Whoever answers is a stranger: smoltcp decodes, and what is used is
//! checked.

use super::netlink::Netlink;
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, socket, sockopt, AddressFamily, SockFlag, SockProtocol, SockType};
use nix::sys::time::{TimeVal, TimeValLike};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    DhcpMessageType as Kind, DhcpPacket, DhcpRepr, EthernetAddress, IpAddress, IpProtocol, Ipv4Packet,
    Ipv4Repr, UdpPacket, UdpRepr,
};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};
use terrarium_protocol::network::{Address, Mac, Net, Route};

const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// Subnet mask, router, resolvers.
const WANTED: &[u8] = &[1, 3, 6];
/// How long the first lease may take: a bridge with a spanning tree passes
/// nothing for four seconds.
const FIRST: Duration = Duration::from_secs(10);
/// How long an answer may take when a lease is renewed, and when that is tried
/// again.
const RENEW: Duration = Duration::from_millis(100);
const AGAIN: Duration = Duration::from_secs(30);
/// The longest lease that is believed.
const LONGEST: u64 = 7 * 24 * 3600;

/// An address for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Address,
    /// The way to everybody else.
    pub route: Option<Route>,
    /// Who resolves names.
    pub resolvers: Vec<IpAddr>,
    server: Ipv4Addr,
    time: Duration,
}

/// An interface with a lease.
pub struct Client {
    index: u32,
    mac: Mac,
    /// What it has.
    pub lease: Lease,
    until: Instant,
    next: Instant,
}

impl Client {
    /// Asks until there is an answer.
    pub fn begin(netlink: &mut Netlink, index: u32, mac: Mac) -> nix::Result<Self> {
        let lease = Exchange::new(index, mac)?.acquire(FIRST)?;
        put(netlink, index, &lease)?;
        let now = Instant::now();
        Ok(Self { index, mac, until: now + lease.time, next: now + lease.time / 2, lease })
    }

    /// Renews the lease when half of its time is over. One that has run out is
    /// asked for anew.
    pub fn tick(&mut self, now: Instant) {
        if now < self.next {
            return;
        }
        self.next = now + AGAIN.min(self.lease.time / 4).max(Duration::from_secs(1));
        let Ok(mut exchange) = Exchange::new(self.index, self.mac) else { return };
        let answer = if now < self.until { exchange.renew(&self.lease) } else { exchange.acquire(RENEW) };
        let Ok(fresh) = answer else { return };
        if fresh.address != self.lease.address {
            self.replace(&fresh);
        }
        (self.until, self.next) = (now + fresh.time, now + fresh.time / 2);
        self.lease = fresh;
    }

    fn replace(&self, fresh: &Lease) {
        let Ok(mut netlink) = Netlink::open() else { return };
        let _ = netlink.remove_address(self.index, &self.lease.address);
        let _ = put(&mut netlink, self.index, fresh);
    }
}

fn put(netlink: &mut Netlink, index: u32, lease: &Lease) -> nix::Result<()> {
    netlink.add_address(index, &lease.address)?;
    lease.route.iter().try_for_each(|route| netlink.add_route(index, route))
}

/// One conversation with whoever answers.
struct Exchange {
    socket: OwnedFd,
    index: u32,
    mac: EthernetAddress,
    id: u32,
}

impl Exchange {
    fn new(index: u32, mac: Mac) -> nix::Result<Self> {
        let socket =
            socket(AddressFamily::Packet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None::<SockProtocol>)?;
        let address = link(index);
        // SAFETY: an address of the kernel's own form, with its size.
        Errno::result(unsafe {
            libc::bind(
                socket.as_raw_fd(),
                (&raw const address).cast(),
                size_of_val(&address) as libc::socklen_t,
            )
        })?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(50))?;
        let mut id = [0; 4];
        // SAFETY: the buffer has that many bytes.
        let got = unsafe { libc::getrandom(id.as_mut_ptr().cast(), id.len(), libc::GRND_NONBLOCK) };
        if got != 4 {
            // An early machine; who guesses it can answer anyway.
            id = std::process::id().to_ne_bytes();
        }
        Ok(Self { socket, index, mac: EthernetAddress(mac.0), id: u32::from_ne_bytes(id) })
    }

    /// DISCOVER, OFFER, REQUEST, ACK.
    fn acquire(&mut self, most: Duration) -> nix::Result<Lease> {
        let begun = Instant::now();
        let mut wait = Duration::from_millis(250).min(most);
        while begun.elapsed() < most {
            self.send(&self.message(Kind::Discover))?;
            if let Some((Kind::Offer, offer)) = self.hear(wait) {
                let mut request = self.message(Kind::Request);
                let IpAddr::V4(ip) = offer.address.ip else { continue };
                (request.requested_ip, request.server_identifier) = (Some(ip), Some(offer.server));
                self.send(&request)?;
                if let Some((Kind::Ack, lease)) = self.hear(wait) {
                    return Ok(lease);
                }
            }
            wait = (wait * 2).min(Duration::from_secs(1));
        }
        Err(Errno::ETIMEDOUT)
    }

    /// REQUEST for what one has, ACK.
    fn renew(&mut self, lease: &Lease) -> nix::Result<Lease> {
        let IpAddr::V4(ip) = lease.address.ip else { return Err(Errno::EINVAL) };
        let mut request = self.message(Kind::Request);
        request.client_ip = ip;
        self.send(&request)?;
        match self.hear(RENEW) {
            Some((Kind::Ack, fresh)) => Ok(fresh),
            _ => Err(Errno::ETIMEDOUT),
        }
    }

    fn message(&self, kind: Kind) -> DhcpRepr<'static> {
        let nobody = Ipv4Addr::UNSPECIFIED;
        DhcpRepr {
            message_type: kind,
            transaction_id: self.id,
            secs: 0,
            client_hardware_address: self.mac,
            client_ip: nobody,
            your_ip: nobody,
            server_ip: nobody,
            router: None,
            subnet_mask: None,
            relay_agent_ip: nobody,
            broadcast: true,
            requested_ip: None,
            client_identifier: Some(self.mac),
            server_identifier: None,
            parameter_request_list: Some(WANTED),
            dns_servers: None,
            max_size: Some(1400),
            lease_duration: None,
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        }
    }

    fn send(&self, message: &DhcpRepr) -> nix::Result<()> {
        let bytes = encode(message);
        let to = link(self.index);
        // SAFETY: the bytes and the address outlive the call; sizes are given.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                0,
                (&raw const to).cast(),
                size_of_val(&to) as libc::socklen_t,
            )
        };
        Errno::result(sent).map(drop)
    }

    /// The first answer to us within this time.
    fn hear(&self, most: Duration) -> Option<(Kind, Lease)> {
        let begun = Instant::now();
        let mut bytes = [0u8; 2048];
        while begun.elapsed() < most {
            let flags = nix::sys::socket::MsgFlags::empty();
            let Ok(length) = nix::sys::socket::recv(self.socket.as_raw_fd(), &mut bytes, flags) else {
                continue;
            };
            if let Some(found) = decode(&bytes[..length], self.id, self.mac) {
                return Some(found);
            }
        }
        None
    }
}

/// Everybody on the link.
fn link(index: u32) -> libc::sockaddr_ll {
    // SAFETY: all zeros is a valid address.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_IP as u16).to_be();
    address.sll_ifindex = index as i32;
    address.sll_halen = 6;
    address.sll_addr = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0];
    address
}

/// A whole packet of IPv4.
fn encode(message: &DhcpRepr) -> Vec<u8> {
    let udp = UdpRepr { src_port: CLIENT, dst_port: SERVER };
    let length = udp.header_len() + message.buffer_len();
    let (from, to) = (message.client_ip, Ipv4Addr::BROADCAST);
    let ip = Ipv4Repr {
        src_addr: from,
        dst_addr: to,
        next_header: IpProtocol::Udp,
        payload_len: length,
        hop_limit: 64,
    };
    let mut bytes = vec![0; ip.buffer_len() + length];
    let checksums = ChecksumCapabilities::default();
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[..]);
    ip.emit(&mut packet, &checksums);
    let mut datagram = UdpPacket::new_unchecked(packet.payload_mut());
    let fill = |payload: &mut [u8]| {
        // The buffer is as long as it says.
        let _ = message.emit(&mut DhcpPacket::new_unchecked(payload));
    };
    let (from, to) = (IpAddress::Ipv4(from), IpAddress::Ipv4(to));
    udp.emit(&mut datagram, &from, &to, message.buffer_len(), fill, &checksums);
    bytes
}

/// An answer to this question, if it is a lease that makes sense. The checksum
/// of UDP is not looked at: on this computer it is often not filled in yet.
fn decode(bytes: &[u8], id: u32, mac: EthernetAddress) -> Option<(Kind, Lease)> {
    let packet = Ipv4Packet::new_checked(bytes).ok()?;
    if packet.next_header() != IpProtocol::Udp || packet.frag_offset() != 0 || packet.more_frags() {
        return None;
    }
    let datagram = UdpPacket::new_checked(packet.payload()).ok()?;
    if (datagram.src_port(), datagram.dst_port()) != (SERVER, CLIENT) {
        return None;
    }
    let message = DhcpPacket::new_checked(datagram.payload()).ok()?;
    let message = DhcpRepr::parse(&message).ok()?;
    if message.transaction_id != id || message.client_hardware_address != mac {
        return None;
    }
    let prefix = u32::from(message.subnet_mask?).leading_ones() as u8;
    let ip = message.your_ip;
    if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() || ip.is_loopback() || prefix == 0 {
        return None;
    }
    let everywhere =
        |gateway: Ipv4Addr| Route { to: Net::of(IpAddr::V4(gateway), 0), gateway: Some(gateway.into()) };
    let usable = |ip: &Ipv4Addr| !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast();
    let time = u64::from(message.lease_duration.unwrap_or(3600)).clamp(4, LONGEST);
    let lease = Lease {
        address: Address { ip: ip.into(), prefix, broadcast: None },
        route: message.router.filter(usable).map(everywhere),
        resolvers: message
            .dns_servers
            .iter()
            .flatten()
            .copied()
            .filter(|ip| usable(ip))
            .map(IpAddr::V4)
            .collect(),
        server: message.server_identifier.unwrap_or(Ipv4Addr::UNSPECIFIED),
        time: Duration::from_secs(time),
    };
    Some((message.message_type, lease))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAC: EthernetAddress = EthernetAddress([0x52, 0x54, 0, 0, 0, 1]);

    fn answer(change: impl FnOnce(&mut DhcpRepr)) -> Vec<u8> {
        let exchange_id = 7;
        let mut message = DhcpRepr {
            message_type: Kind::Ack,
            transaction_id: exchange_id,
            secs: 0,
            client_hardware_address: MAC,
            client_ip: Ipv4Addr::UNSPECIFIED,
            your_ip: Ipv4Addr::new(10, 1, 2, 3),
            server_ip: Ipv4Addr::UNSPECIFIED,
            router: Some(Ipv4Addr::new(10, 1, 2, 1)),
            subnet_mask: Some(Ipv4Addr::new(255, 255, 255, 0)),
            relay_agent_ip: Ipv4Addr::UNSPECIFIED,
            broadcast: true,
            requested_ip: None,
            client_identifier: None,
            server_identifier: Some(Ipv4Addr::new(10, 1, 2, 1)),
            parameter_request_list: None,
            dns_servers: None,
            max_size: None,
            lease_duration: Some(u32::MAX),
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        };
        change(&mut message);
        let mut bytes = encode(&message);
        // As a server sends it.
        (bytes[20], bytes[21], bytes[22], bytes[23]) = (0, 67, 0, 68);
        bytes
    }

    #[test]
    fn leases_are_read_and_nonsense_is_not() {
        let (kind, lease) = decode(&answer(|_| {}), 7, MAC).unwrap();
        assert_eq!((kind, lease.address.prefix, lease.time.as_secs()), (Kind::Ack, 24, LONGEST));
        assert_eq!(lease.route.unwrap().gateway, Some("10.1.2.1".parse().unwrap()));
        assert!(decode(&answer(|_| {}), 8, MAC).is_none(), "another question's");
        assert!(decode(&answer(|message| message.your_ip = Ipv4Addr::LOCALHOST), 7, MAC).is_none());
        assert!(decode(&answer(|message| message.subnet_mask = None), 7, MAC).is_none());
        let other = EthernetAddress([2; 6]);
        assert!(decode(&answer(|message| message.client_hardware_address = other), 7, MAC).is_none());
    }

    proptest! {
        #[test]
        fn any_packet_is_a_lease_or_none(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..300, byte: u8) {
            let _ = decode(&bytes, 7, MAC);
            bytes = answer(|_| {});
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = decode(&bytes, 7, MAC);
            bytes.truncate(at);
            let _ = decode(&bytes, 7, MAC);
        }
    }
}
