// SPDX-License-Identifier: LGPL-2.1-or-later
//! Terrarium's own network: one for each user, made when it is first needed.
//!
//! libvirt gives it a bridge, address translation and a resolver. No spanning
//! tree delays the first packet, and one sandbox cannot reach another: their
//! ports are isolated. Its range is one that this computer has no use for,
//! looked up each time.

use crate::error::{Error, NetworkError};
use crate::network::names;
use crate::sandbox::lock;
use crate::uri::Uri;
use crate::virt::{Network, Pool};
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use terrarium_protocol::network::Net;

/// Length of its prefixes in bits.
const PREFIX: u8 = 24;
const PREFIX6: u8 = 64;
/// Ranges that nobody on the internet has; the largest first.
const RANGES: [(Ipv4Addr, u8); 3] =
    [(Ipv4Addr::new(10, 0, 0, 0), 8), (Ipv4Addr::new(172, 16, 0, 0), 12), (Ipv4Addr::new(100, 64, 0, 0), 10)];
/// How many places in each range are tried.
const TRIES: u32 = 200;

/// Where its addresses are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// Its bridge.
    pub bridge: String,
    /// The bridge's address: gateway and resolver.
    pub gateway: Ipv4Addr,
    /// The network.
    pub net: Net,
    /// The same for IPv6, if this computer has it.
    pub gateway6: Option<Ipv6Addr>,
    /// See [`Self::net`].
    pub net6: Option<Net>,
}

/// Makes it if it is not there, raises it if it is down.
pub fn ensure(pool: &Pool, uri: &Uri, caller: u32, runtime: &Path) -> Result<Own, Error> {
    let _guard = lock(&runtime.join("network.lock"))?;
    let all = pool.networks(uri)?;
    let name = names::network(caller);
    let (ours, others): (Vec<Network>, Vec<Network>) = all.into_iter().partition(|one| one.name() == name);
    let taken = taken(&others, caller);
    if let Some(network) = ours.first() {
        let own = network.xml().ok().and_then(|xml| parse(&xml, caller));
        let is_good = |own: &Own| !taken.iter().any(|net| net.overlaps(&own.net));
        match own {
            // One that is up may be in use: it stays what it is.
            Some(own) if network.is_active() => return Ok(own),
            Some(own) if is_good(&own) && network.start().is_ok() => return Ok(own),
            _ => network.remove()?,
        }
    }
    make(pool, uri, caller, &taken)
}

fn make(pool: &Pool, uri: &Uri, caller: u32, taken: &[Net]) -> Result<Own, Error> {
    let mut own = choose(caller, taken)?;
    let has_v6 = Path::new("/proc/sys/net/ipv6").is_dir();
    if !has_v6 {
        (own.gateway6, own.net6) = (None, None);
    }
    let network = pool.define_network(uri, &xml(&own, caller))?;
    let Err(error) = network.start() else { return Ok(own) };
    let _ = network.remove();
    if own.net6.is_none() {
        return Err(error);
    }
    // libvirt will not forward IPv6 where this computer learns its own routes
    // from a router; IPv4 works all the same.
    (own.gateway6, own.net6) = (None, None);
    let network = pool.define_network(uri, &xml(&own, caller))?;
    network.start().map(|()| own).inspect_err(|_| drop(network.remove()))
}

/// Takes it away. Returns whether it was there.
pub fn remove(pool: &Pool, uri: &Uri, caller: u32) -> Result<bool, Error> {
    let name = names::network(caller);
    match pool.networks(uri)?.into_iter().find(|one| one.name() == name) {
        Some(network) => network.remove().map(|()| true),
        None => Ok(false),
    }
}

fn choose(caller: u32, taken: &[Net]) -> Result<Own, Error> {
    let random = |most: u32| -> Result<u32, Error> {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).map_err(|_| Error::Network(NetworkError::NoRange))?;
        Ok(u32::from_le_bytes(bytes) % most)
    };
    for (first, prefix) in RANGES {
        for _ in 0..TRIES {
            let place = random(1 << (PREFIX - prefix))?;
            let ip = Ipv4Addr::from(u32::from(first) + (place << (32 - PREFIX)));
            let net = Net::of(ip.into(), PREFIX);
            if taken.iter().any(|other| other.overlaps(&net)) {
                continue;
            }
            // RFC 4193: fd, 40 bits of chance.
            let (high, low) = (random(1 << 20)?, random(1 << 20)?);
            let global = u128::from(high) << 20 | u128::from(low);
            let first6 = Ipv6Addr::from(0xfd << 120 | global << 80);
            return Ok(Own {
                bridge: names::bridge(caller),
                gateway: Ipv4Addr::from(u32::from(ip) + 1),
                net,
                gateway6: Some(Ipv6Addr::from(u128::from(first6) + 1)),
                net6: Some(Net::of(first6.into(), PREFIX6)),
            });
        }
    }
    Err(Error::Network(NetworkError::NoRange))
}

/// All ranges that this computer has a use for: addresses, routes, resolvers,
/// and other networks of libvirt's, up or down.
fn taken(others: &[Network], caller: u32) -> Vec<Net> {
    let own = names::bridge(caller);
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let mut all = routes(&read("/proc/self/net/route"), &own);
    all.extend(resolvers(&read("/etc/resolv.conf")));
    all.extend(resolvers(&read("/run/systemd/resolve/resolv.conf")));
    let texts = others.iter().filter_map(|network| network.xml().ok());
    all.extend(texts.flat_map(|xml| addresses(&xml)).map(|(_, net)| net));
    all
}

/// `/proc/net/route`, of which the default route says nothing.
fn routes(text: &str, own: &str) -> Vec<Net> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok();
        let (to, mask) = (number(1)?, number(7)?);
        let prefix = u32::from_be_bytes(mask.to_ne_bytes()).leading_ones() as u8;
        // A VPN may have the world in two halves.
        (prefix > 1 && fields.first() != Some(&own))
            .then(|| Net::of(Ipv4Addr::from(to.to_ne_bytes()).into(), prefix))
    };
    text.lines().skip(1).filter_map(line).collect()
}

fn resolvers(text: &str) -> Vec<Net> {
    let line = |line: &str| line.trim().strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok();
    text.lines().filter_map(line).map(|ip| Net::of(ip, terrarium_protocol::network::bits(ip))).collect()
}

/// Addresses in a network's XML, with their networks.
pub(super) fn addresses(xml: &str) -> Vec<(IpAddr, Net)> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut all = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) if element.name().as_ref() == b"ip" => {
                let value = |name: &str| {
                    let found = element.try_get_attribute(name).ok().flatten()?;
                    Some(found.unescape_value().ok()?.into_owned())
                };
                let Some(ip) = value("address").and_then(|text| text.parse::<IpAddr>().ok()) else {
                    continue;
                };
                let mask = value("netmask").and_then(|text| text.parse::<Ipv4Addr>().ok());
                let prefix = value("prefix").and_then(|text| text.parse().ok());
                let prefix = prefix.or(mask.map(|mask| u32::from(mask).leading_ones() as u8));
                // Without either libvirt takes the class of the address.
                all.push((ip, Net::of(ip, prefix.unwrap_or(8))));
            }
            Ok(Event::Eof) | Err(_) => return all,
            _ => {}
        }
    }
}

/// Reads ours back; nothing if it is not as we make it.
fn parse(xml: &str, caller: u32) -> Option<Own> {
    let bridge = names::bridge(caller);
    let all = addresses(xml);
    let (gateway, net) = all.iter().find_map(|&(ip, net)| match ip {
        IpAddr::V4(ip) => Some((ip, net)),
        IpAddr::V6(_) => None,
    })?;
    let six = all.iter().find_map(|&(ip, net)| match ip {
        IpAddr::V6(ip) => Some((ip, net)),
        IpAddr::V4(_) => None,
    });
    let is_ours =
        xml.contains(&format!("'{bridge}'")) && xml.contains("isolated='yes'") && net.prefix == PREFIX;
    is_ours.then(|| Own {
        bridge,
        gateway,
        net,
        gateway6: six.map(|(ip, _)| ip),
        net6: six.map(|(_, net)| net),
    })
}

/// The network for libvirt. Everything in it is ours: numbers and addresses.
fn xml(own: &Own, caller: u32) -> String {
    let six = match (own.gateway6, own.net6) {
        (Some(gateway), Some(net)) => {
            format!("<ip family='ipv6' address='{gateway}' prefix='{}'/>", net.prefix)
        }
        _ => String::new(),
    };
    let nat = if own.net6.is_some() { "<nat ipv6='yes'/>" } else { "" };
    format!(
        "<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>\
         <name>{}</name><forward mode='nat'>{nat}</forward><bridge name='{}' stp='off' delay='0'/>\
         <mac address='{}'/><port isolated='yes'/><ip address='{}' prefix='{}'/>{six}\
         <dnsmasq:options><dnsmasq:option value='no-hosts'/></dnsmasq:options></network>",
        names::network(caller),
        own.bridge,
        names::bridge_mac(caller),
        own.gateway,
        own.net.prefix
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_read_again_and_avoids_what_is_taken() {
        let own = choose(1000, &[]).unwrap();
        assert_eq!(parse(&xml(&own, 1000), 1000), Some(own.clone()));
        assert_eq!(parse(&xml(&own, 1000), 1001), None);
        let all = Net::of("10.0.0.0".parse().unwrap(), 8);
        let other = choose(1000, &[all]).unwrap();
        assert!(!all.overlaps(&other.net) && other.net6 != own.net6);
        let ranges: Vec<Net> = RANGES.iter().map(|&(ip, prefix)| Net::of(ip.into(), prefix)).collect();
        assert!(choose(1000, &ranges).is_err());
    }

    #[test]
    fn what_is_in_use_is_found() {
        let text = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
                    eth0 00000000 0100000A 0003 0 0 0 00000000 0 0 0\n\
                    tun0 00010A0A 0100000A 0003 0 0 0 00FFFFFF 0 0 0\n\
                    trm-rs 0000090A 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
        let found: Vec<String> = routes(text, "trm-rs").iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.10.1.0/24"]);
        assert_eq!(resolvers("# x\nnameserver 10.0.0.53\n")[0].to_string(), "10.0.0.53/32");
        let xml = "<network><ip address='192.168.122.1' netmask='255.255.255.0'><dhcp/></ip></network>";
        assert_eq!(addresses(xml)[0].1.to_string(), "192.168.122.0/24");
    }
}
