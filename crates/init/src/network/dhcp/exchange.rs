// SPDX-License-Identifier: LGPL-2.1-or-later
//! One conversation with whoever answers, over a packet socket, since the
//! interface may have no address to be talked to at. Whoever answers is a
//! stranger: smoltcp decodes, and what is used is checked.

use super::Lease;
use nix::errno::Errno;
use nix::sys::socket::{
    recv, setsockopt, socket, sockopt, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType,
};
use nix::sys::time::{TimeVal, TimeValLike};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    DhcpMessageType as Kind, DhcpPacket, DhcpRepr, EthernetAddress, IpAddress, IpProtocol, Ipv4Packet,
    Ipv4Repr, UdpPacket, UdpRepr,
};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};
use terrarium_protocol::network::{Address, Mac, Net, Route};

const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// Subnet mask, router, resolvers.
const WANTED: &[u8] = &[1, 3, 6];
/// The shortest and the longest lease that is believed, in seconds.
const SHORTEST: u64 = 4;
const LONGEST: u64 = 7 * 24 * 3600;

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// You could have this.
    Offer(Lease),
    /// You have this.
    Ack(Lease),
    /// You have it no more.
    Nak,
}

/// One conversation.
pub struct Exchange {
    socket: OwnedFd,
    index: u32,
    mac: EthernetAddress,
    id: u32,
}

impl Exchange {
    /// A question that nobody was asked yet.
    pub fn new(index: u32, mac: Mac) -> nix::Result<Self> {
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
        Ok(Self { socket, index, mac: EthernetAddress(mac.0), id: fresh_id() })
    }

    /// DISCOVER, OFFER, REQUEST, ACK.
    pub fn acquire(&self, most: Duration) -> nix::Result<Lease> {
        let begun = Instant::now();
        let mut wait = Duration::from_millis(250).min(most);
        let mut first = First::default();
        while begun.elapsed() < most {
            match first.wanted() {
                Some(offer) => self.request(offer)?,
                None => self.discover()?,
            }
            let asked = Instant::now();
            while let Some(answer) = self.hear(wait.saturating_sub(asked.elapsed())) {
                match first.take(answer) {
                    Some(Next::Has(lease)) => return Ok(lease),
                    Some(Next::Asks(offer)) => self.request(&offer)?,
                    None => {}
                }
            }
            wait = (wait * 2).min(Duration::from_secs(1));
        }
        Err(Errno::ETIMEDOUT)
    }

    /// Who has an address?
    pub fn discover(&self) -> nix::Result<()> {
        self.send(&self.message(Kind::Discover), Ipv4Addr::BROADCAST)
    }

    /// Takes what was offered.
    pub fn request(&self, offer: &Lease) -> nix::Result<()> {
        let IpAddr::V4(ip) = offer.address.ip else { return Err(Errno::EINVAL) };
        let mut request = self.message(Kind::Request);
        (request.requested_ip, request.server_identifier) = (Some(ip), Some(offer.server));
        self.send(&request, Ipv4Addr::BROADCAST)
    }

    /// Asks one server, or everybody, for more of what one has.
    pub fn renew(&self, lease: &Lease, server: Ipv4Addr) -> nix::Result<()> {
        let IpAddr::V4(ip) = lease.address.ip else { return Err(Errno::EINVAL) };
        let mut request = self.message(Kind::Request);
        (request.client_ip, request.broadcast) = (ip, false);
        let server = if server.is_unspecified() { Ipv4Addr::BROADCAST } else { server };
        self.send(&request, server)
    }

    fn message(&self, kind: Kind) -> DhcpRepr<'static> {
        let (parameter_request_list, max_size) = (Some(WANTED), Some(1400));
        DhcpRepr { broadcast: true, parameter_request_list, max_size, ..message(kind, self.id, self.mac) }
    }

    fn send(&self, message: &DhcpRepr, server: Ipv4Addr) -> nix::Result<()> {
        let bytes = encode(message, server);
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
    fn hear(&self, most: Duration) -> Option<Answer> {
        let begun = Instant::now();
        while begun.elapsed() < most {
            if let Some(answer) = self.receive(MsgFlags::empty()).ok().flatten() {
                return Some(answer);
            }
        }
        None
    }

    /// The next packet that is here already, and what it answers to us if it
    /// does. `EAGAIN` if there is none.
    pub fn hear_now(&self) -> nix::Result<Option<Answer>> {
        self.receive(MsgFlags::MSG_DONTWAIT)
    }

    fn receive(&self, flags: MsgFlags) -> nix::Result<Option<Answer>> {
        let mut bytes = [0u8; 2048];
        let length = recv(self.socket.as_raw_fd(), &mut bytes, flags)?;
        Ok(decode(&bytes[..length], self.id, self.mac))
    }
}

/// How often one offer is asked for.
const OFTEN: u32 = 3;

/// The way to the first lease. A server may take seconds until it answers,
/// since it looks whether anybody has the address, and answers then to all that
/// was asked meanwhile.
#[derive(Default)]
struct First {
    offer: Option<Lease>,
    asked: u32,
}

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Asks(Lease),
    Has(Lease),
}

impl First {
    /// What is asked for again; after some times anything will do.
    fn wanted(&mut self) -> Option<&Lease> {
        self.asked += 1;
        if self.asked > OFTEN {
            self.offer = None;
        }
        self.offer.as_ref()
    }

    fn take(&mut self, answer: Answer) -> Option<Next> {
        match answer {
            Answer::Ack(lease) => Some(Next::Has(lease)),
            Answer::Offer(offer) if self.offer.is_none() => {
                self.offer = Some(offer.clone());
                self.asked = 1;
                Some(Next::Asks(offer))
            }
            Answer::Offer(_) => None,
            Answer::Nak => {
                self.offer = None;
                None
            }
        }
    }
}

/// Gives a lease back, from the address that it is about: over a plain socket,
/// since the kernel takes milliseconds to close one of packets. Nobody answers.
pub fn release(lease: &Lease, mac: Mac) -> std::io::Result<()> {
    let IpAddr::V4(ip) = lease.address.ip else { return Ok(()) };
    let message = released(ip, lease.server, mac);
    let mut bytes = vec![0; message.buffer_len()];
    // The buffer is as long as it says.
    let _ = message.emit(&mut DhcpPacket::new_unchecked(&mut bytes[..]));
    UdpSocket::bind((ip, CLIENT))?.send_to(&bytes, (lease.server, SERVER)).map(drop)
}

fn released(ip: Ipv4Addr, server: Ipv4Addr, mac: Mac) -> DhcpRepr<'static> {
    let message = message(Kind::Release, fresh_id(), EthernetAddress(mac.0));
    DhcpRepr { client_ip: ip, server_identifier: Some(server), ..message }
}

/// A number for a conversation.
fn fresh_id() -> u32 {
    let mut id = [0; 4];
    // SAFETY: the buffer has that many bytes.
    let got = unsafe { libc::getrandom(id.as_mut_ptr().cast(), id.len(), libc::GRND_NONBLOCK) };
    if got != 4 {
        // An early machine; who guesses it can answer anyway.
        id = std::process::id().to_ne_bytes();
    }
    u32::from_ne_bytes(id)
}

/// A message that says and asks nothing yet.
fn message(kind: Kind, id: u32, mac: EthernetAddress) -> DhcpRepr<'static> {
    let nobody = Ipv4Addr::UNSPECIFIED;
    DhcpRepr {
        message_type: kind,
        transaction_id: id,
        secs: 0,
        client_hardware_address: mac,
        client_ip: nobody,
        your_ip: nobody,
        server_ip: nobody,
        router: None,
        subnet_mask: None,
        relay_agent_ip: nobody,
        broadcast: false,
        requested_ip: None,
        client_identifier: Some(mac),
        server_identifier: None,
        parameter_request_list: None,
        dns_servers: None,
        max_size: None,
        lease_duration: None,
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
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
fn encode(message: &DhcpRepr, to: Ipv4Addr) -> Vec<u8> {
    let udp = UdpRepr { src_port: CLIENT, dst_port: SERVER };
    let length = udp.header_len() + message.buffer_len();
    let from = message.client_ip;
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
fn decode(bytes: &[u8], id: u32, mac: EthernetAddress) -> Option<Answer> {
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
    match message.message_type {
        Kind::Offer => lease(&message).map(Answer::Offer),
        Kind::Ack => lease(&message).map(Answer::Ack),
        Kind::Nak => Some(Answer::Nak),
        _ => None,
    }
}

/// A lease that makes sense.
fn lease(message: &DhcpRepr) -> Option<Lease> {
    let prefix = u32::from(message.subnet_mask?).leading_ones() as u8;
    let ip = message.your_ip;
    if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() || ip.is_loopback() || prefix == 0 {
        return None;
    }
    let everywhere =
        |gateway: Ipv4Addr| Route { to: Net::of(IpAddr::V4(gateway), 0), gateway: Some(gateway.into()) };
    let usable = |ip: &Ipv4Addr| !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast();
    let time = u64::from(message.lease_duration.unwrap_or(3600)).clamp(SHORTEST, LONGEST);
    let time = Duration::from_secs(time);
    let (renew, rebind) = moments(message, time);
    Some(Lease {
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
        renew,
        rebind,
        time,
    })
}

/// When more is asked for, as the server says if that makes sense.
fn moments(message: &DhcpRepr, time: Duration) -> (Duration, Duration) {
    let said = |seconds: Option<u32>| seconds.map(|seconds| Duration::from_secs(seconds.into()));
    match (said(message.renew_duration), said(message.rebind_duration)) {
        (Some(renew), Some(rebind)) if !renew.is_zero() && renew < rebind && rebind < time => (renew, rebind),
        _ => (time / 2, time * 7 / 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use smoltcp::wire::DhcpOption;

    const MAC: EthernetAddress = EthernetAddress([0x52, 0x54, 0, 0, 0, 1]);

    fn answer<'a>(change: impl FnOnce(&mut DhcpRepr<'a>)) -> Vec<u8> {
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
        let mut bytes = encode(&message, Ipv4Addr::BROADCAST);
        // As a server sends it.
        (bytes[20], bytes[21], bytes[22], bytes[23]) = (0, 67, 0, 68);
        bytes
    }

    #[test]
    fn leases_are_read_and_nonsense_is_not() {
        let Some(Answer::Ack(lease)) = decode(&answer(|_| {}), 7, MAC) else { panic!("a lease") };
        assert_eq!((lease.address.prefix, lease.time.as_secs()), (24, LONGEST));
        assert_eq!((lease.renew, lease.rebind), (lease.time / 2, lease.time * 7 / 8));
        assert_eq!(lease.route.unwrap().gateway, Some("10.1.2.1".parse().unwrap()));
        assert!(decode(&answer(|_| {}), 8, MAC).is_none(), "another question's");
        assert!(decode(&answer(|message| message.your_ip = Ipv4Addr::LOCALHOST), 7, MAC).is_none());
        assert!(decode(&answer(|message| message.subnet_mask = None), 7, MAC).is_none());
        let nak = |message: &mut DhcpRepr| (message.message_type, message.subnet_mask) = (Kind::Nak, None);
        assert_eq!(decode(&answer(nak), 7, MAC), Some(Answer::Nak));
        assert!(decode(&answer(|message| message.message_type = Kind::Discover), 7, MAC).is_none());
        let said = |renew: u32, rebind: u32| {
            let (renew, rebind) = (renew.to_be_bytes(), rebind.to_be_bytes());
            let options = [(58, &renew[..]), (59, &rebind[..])].map(|(kind, data)| DhcpOption { kind, data });
            let bytes = answer(|message| {
                (message.lease_duration, message.additional_options) = (Some(100), &options);
            });
            match decode(&bytes, 7, MAC) {
                Some(Answer::Ack(lease)) => (lease.renew.as_secs(), lease.rebind.as_secs()),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            [said(20, 40), said(40, 20), said(0, 40), said(20, 100)],
            [(20, 40), (50, 87), (50, 87), (50, 87)]
        );
        let other = EthernetAddress([2; 6]);
        assert!(decode(&answer(|message| message.client_hardware_address = other), 7, MAC).is_none());
    }

    #[test]
    fn answers_that_come_late_and_twice_lead_to_a_lease() {
        let read = |bytes: &[u8]| match decode(bytes, 7, MAC) {
            Some(Answer::Ack(lease)) => lease,
            other => panic!("{other:?}"),
        };
        let lease = read(&answer(|_| {}));
        let other = read(&answer(|message| message.your_ip = Ipv4Addr::new(10, 1, 2, 4)));
        let mut first = First::default();
        assert_eq!(first.wanted(), None);
        assert_eq!(first.take(Answer::Offer(lease.clone())), Some(Next::Asks(lease.clone())));
        // To what was asked before.
        assert_eq!(first.take(Answer::Offer(lease.clone())), None);
        assert_eq!(first.take(Answer::Offer(other.clone())), None);
        assert_eq!(first.take(Answer::Ack(lease.clone())), Some(Next::Has(lease.clone())));
        // It is asked for again, and not for ever.
        assert_eq!(
            [first.wanted().is_some(), first.wanted().is_some(), first.wanted().is_some()],
            [true, true, false]
        );
        assert_eq!(first.take(Answer::Offer(other.clone())), Some(Next::Asks(other.clone())));
        assert_eq!((first.take(Answer::Nak), first.wanted()), (None, None), "it is somebody else's");
        assert_eq!(first.take(Answer::Offer(lease.clone())), Some(Next::Asks(lease)));
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
