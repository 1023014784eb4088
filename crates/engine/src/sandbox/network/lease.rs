// SPDX-License-Identifier: LGPL-2.1-or-later
//! Leases of libvirt's networks, given back for sandboxes that are gone.
//!
//! A sandbox's init does so itself when it ends; one that was killed could not.
//! Whose lease ends is told by its hardware address alone, and the server of a
//! network of libvirt's listens on this computer: it takes the message from any
//! of its users, if it comes by the network's bridge.

use crate::sandbox::Real;
use crate::uri::Uri;
use nix::sys::socket::{setsockopt, sockopt};
use serde::{Deserialize, Serialize};
use smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress};
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use terrarium_protocol::network::Mac;

const SERVER: u16 = 67;

/// An interface that asks a network of libvirt's for its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// The network's name.
    pub network: String,
    /// The interface's address.
    pub mac: Mac,
}

fn file(directory: &Path) -> PathBuf {
    directory.join("leases")
}

/// Writes down what asks, before it does. Without it leases end by themselves.
pub fn note(directory: &Path, all: &[Asks]) {
    if !all.is_empty() {
        let _ = std::fs::write(file(directory), serde_json::to_vec(all).unwrap_or_default());
    }
}

/// Gives back what a sandbox still has that is gone. Nobody answers, so nothing
/// is waited for.
pub fn give_back(real: &Real, connection: &Uri, directory: &Path) {
    let Ok(text) = std::fs::read(file(directory)) else { return };
    for one in serde_json::from_slice::<Vec<Asks>>(&text).unwrap_or_default() {
        if let Err(error) = of(real, connection, &one) {
            tracing::debug!(network = one.network, "its lease stays until its time is over: {error}");
        }
    }
}

fn of(real: &Real, connection: &Uri, one: &Asks) -> Result<(), crate::error::Error> {
    let network = real.pool.network(connection, &one.network)?;
    let leases = network.leases(&one.mac.to_string())?;
    if leases.is_empty() {
        return Ok(());
    }
    let (bridge, servers) = (network.bridge()?, super::own::addresses(&network.xml()?));
    for ip in leases {
        let server = servers.iter().find_map(|(server, net)| match server {
            IpAddr::V4(server) if net.holds(ip.into()) => Some(*server),
            _ => None,
        });
        // A kernel before 5.7 lets nobody but root choose the bridge.
        let sent = server.map_or(Ok(()), |server| send(&bridge, server, ip, one.mac));
        tracing::debug!(network = one.network, %ip, ?sent, "a lease is given back");
    }
    Ok(())
}

fn send(bridge: &str, server: Ipv4Addr, ip: Ipv4Addr, mac: Mac) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    setsockopt(&socket, sockopt::BindToDevice, &bridge.into())?;
    let message = message(server, ip, EthernetAddress(mac.0));
    let mut bytes = vec![0; message.buffer_len()];
    // The buffer is as long as it says.
    let _ = message.emit(&mut DhcpPacket::new_unchecked(&mut bytes[..]));
    socket.send_to(&bytes, (server, SERVER)).map(drop)
}

/// DHCPRELEASE (RFC 2131, 4.4.1), as init would say it.
fn message(server: Ipv4Addr, ip: Ipv4Addr, mac: EthernetAddress) -> DhcpRepr<'static> {
    let nobody = Ipv4Addr::UNSPECIFIED;
    DhcpRepr {
        message_type: DhcpMessageType::Release,
        transaction_id: std::process::id(),
        secs: 0,
        client_hardware_address: mac,
        client_ip: ip,
        your_ip: nobody,
        server_ip: nobody,
        router: None,
        subnet_mask: None,
        relay_agent_ip: nobody,
        broadcast: false,
        requested_ip: None,
        client_identifier: Some(mac),
        server_identifier: Some(server),
        parameter_request_list: None,
        dns_servers: None,
        max_size: None,
        lease_duration: None,
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    }
}
