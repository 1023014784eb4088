// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host name, the loopback interface, and the network that was ordered.
//!
//! Whom it reaches is enforced outside; what is set here is for the command's
//! convenience, and its root may change it.

mod dhcp;
pub mod netlink;

pub use dhcp::Client;

use crate::fault::{at, Result};
use netlink::Netlink;
use nix::errno::Errno;
use nix::sys::socket::{socket, AddressFamily, SockFlag, SockType};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use terrarium_protocol::message::Step;
use terrarium_protocol::network::{Interface, Mac, Network};

/// How long an interface may take to appear.
const APPEAR: Duration = Duration::from_secs(3);

/// Sets the name, raises `lo`.
pub fn begin(host_name: &str) -> Result<()> {
    nix::unistd::sethostname(host_name).map_err(at(Step::Network, host_name))?;
    raise_loopback().map_err(at(Step::Network, "lo"))
}

/// Raises all that was ordered, and writes into it what DHCP told. The host's
/// side is in place by then. What comes back is to be kept up to date.
pub fn raise(network: &mut Network) -> Result<Vec<Client>> {
    let mut leases = Vec::new();
    if network.interfaces.is_empty() {
        return Ok(leases);
    }
    let mut netlink = Netlink::open().map_err(at(Step::Network, "netlink"))?;
    for interface in &mut network.interfaces {
        let name =
            find(interface.mac).ok_or_else(|| at(Step::Network, interface.mac.to_string())(Errno::ENODEV))?;
        let lease = raise_one(&mut netlink, &name, interface).map_err(at(Step::Network, name.as_str()))?;
        if let Some(client) = lease {
            if let Some(lease) = client.lease() {
                interface.addresses.push(lease.address);
                network.resolvers.extend(&lease.resolvers);
            }
            leases.push(client);
        }
    }
    Ok(leases)
}

fn raise_one(netlink: &mut Netlink, name: &str, interface: &Interface) -> nix::Result<Option<Client>> {
    let index = nix::net::if_::if_nametoindex(name)?;
    if !interface.dhcp {
        // Nobody else hands out addresses or routes here. A kernel without
        // IPv6 has no such files.
        let has_v6 = interface.addresses.iter().any(|one| one.ip.is_ipv6());
        set(name, "accept_ra", "0");
        set(name, "autoconf", "0");
        set(name, "disable_ipv6", if has_v6 { "0" } else { "1" });
    }
    for address in &interface.addresses {
        netlink.add_address(index, address)?;
    }
    netlink.set_up(index, true)?;
    interface.routes.iter().try_for_each(|route| netlink.add_route(index, route))?;
    if interface.dhcp {
        return Client::begin(netlink, index, interface.mac).map(Some);
    }
    Ok(None)
}

fn set(interface: &str, name: &str, value: &str) {
    let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{interface}/{name}"), value);
}

/// The interface with this hardware address. A machine's may just appear.
fn find(mac: Mac) -> Option<String> {
    let begun = Instant::now();
    loop {
        let names = nix::net::if_::if_nameindex().ok();
        let names = names.iter().flatten().map(|one| one.name().to_string_lossy().into_owned());
        if let Some(name) = names.into_iter().find(|name| hardware_address(name) == Some(mac)) {
            return Some(name);
        }
        if begun.elapsed() > APPEAR {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A request about an interface, with nothing in it yet.
fn request(name: &str) -> libc::ifreq {
    // SAFETY: all zeros is a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let last = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name[..last].iter_mut().zip(name.as_bytes()) {
        *to = *from as libc::c_char;
    }
    request
}

fn hardware_address(name: &str) -> Option<Mac> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).ok()?;
    let mut request = request(name);
    // SAFETY: the request names an interface and has room for its address.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFHWADDR, &raw mut request) }).ok()?;
    // SAFETY: the call has filled this member.
    let address = unsafe { request.ifr_ifru.ifru_hwaddr };
    let mut mac = [0; 6];
    for (to, from) in mac.iter_mut().zip(address.sa_data) {
        *to = from as u8;
    }
    (address.sa_family == libc::ARPHRD_ETHER).then_some(Mac(mac))
}

/// Raises `lo` in the network namespace that we are in.
pub fn raise_loopback() -> nix::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut request = request("lo");
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request names an interface and its flags, as this call reads.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) })
        .map(drop)
}
