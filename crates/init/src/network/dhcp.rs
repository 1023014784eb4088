// SPDX-License-Identifier: LGPL-2.1-or-later
//! DHCP (RFC 2131): an address for an interface, and its renewal.
//!
//! When half of a lease's time is over its server is asked for more, from seven
//! eighths on anybody is, and when it has run out, or the server takes it back,
//! the address goes and another one is asked for. Nothing is waited for: init
//! comes by every second. Who is dropped gives back what it has.

mod exchange;
#[cfg(test)]
mod tests;

use super::netlink::Netlink;
use exchange::{Answer, Exchange};
use nix::errno::Errno;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use terrarium_protocol::network::{Address, Mac, Route};

/// How long the first lease may take: a bridge with a spanning tree passes
/// nothing for four seconds.
const FIRST: Duration = Duration::from_secs(10);
/// The shortest and the longest time between two questions.
const SOON: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_secs(30);
/// So many packets are looked at in one go.
const AT_ONCE: usize = 1000;

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
    /// When its server is asked for more, when anybody is, when it is over.
    renew: Duration,
    rebind: Duration,
    time: Duration,
}

/// An interface with a lease, or that had one.
pub struct Client {
    index: u32,
    mac: Mac,
    lease: Option<Lease>,
    /// When the lease was asked for.
    since: Instant,
    next: Instant,
    wait: Duration,
    asking: Option<Exchange>,
}

impl Client {
    /// Asks until there is an answer.
    pub fn begin(netlink: &mut Netlink, index: u32, mac: Mac) -> nix::Result<Self> {
        let lease = Exchange::new(index, mac)?.acquire(FIRST)?;
        put(netlink, index, &lease)?;
        let now = Instant::now();
        let next = now + lease.renew;
        Ok(Self { index, mac, lease: Some(lease), since: now, next, wait: SOON, asking: None })
    }

    /// What it has.
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// Hears who has answered, and asks if it is time.
    pub fn tick(&mut self, now: Instant) {
        // Everything that arrives passes here while an answer is waited for; a
        // flood of it must not keep init.
        for _ in 0..AT_ONCE {
            let Some(Ok(heard)) = self.asking.as_ref().map(Exchange::hear_now) else { break };
            if let Some(answer) = heard {
                self.take(answer, now);
            }
        }
        if self.lease.as_ref().is_some_and(|lease| now >= self.since + lease.time) {
            self.lose(now);
        }
        if now >= self.next {
            self.ask(now);
        }
    }

    fn take(&mut self, answer: Answer, now: Instant) {
        match (answer, &self.lease) {
            (Answer::Offer(offer), None) => {
                let _ = self.asking.as_ref().map(|exchange| exchange.request(&offer));
            }
            (Answer::Ack(fresh), _) => self.have(fresh, now),
            (Answer::Nak, Some(_)) => self.lose(now),
            (Answer::Nak, None) => self.asking = None,
            (Answer::Offer(_), Some(_)) => {}
        }
    }

    fn have(&mut self, fresh: Lease, now: Instant) {
        let same = |old: &Lease| (old.address, old.route) == (fresh.address, fresh.route);
        if !self.lease.as_ref().is_some_and(same) {
            self.remove();
            let _ = Netlink::open().and_then(|mut netlink| put(&mut netlink, self.index, &fresh));
        }
        (self.since, self.next, self.wait) = (now, now + fresh.renew, SOON);
        (self.lease, self.asking) = (Some(fresh), None);
    }

    /// It is somebody else's by now; another one is asked for.
    fn lose(&mut self, now: Instant) {
        self.remove();
        (self.lease, self.asking) = (None, None);
        (self.next, self.wait) = (now, SOON);
    }

    /// Its routes go with the address.
    fn remove(&self) {
        if let (Some(lease), Ok(mut netlink)) = (&self.lease, Netlink::open()) {
            let _ = netlink.remove_address(self.index, &lease.address);
        }
    }

    fn ask(&mut self, now: Instant) {
        if self.asking.is_none() {
            self.asking = Exchange::new(self.index, self.mac).ok();
        }
        let Some(exchange) = &self.asking else { return };
        let age = now.duration_since(self.since);
        let _ = match &self.lease {
            None => exchange.discover(),
            Some(lease) if age >= lease.rebind => exchange.renew(lease, Ipv4Addr::BROADCAST),
            Some(lease) => exchange.renew(lease, lease.server),
        };
        // Halfway to what comes next, or ever less often.
        let until = |lease: &Lease| if age < lease.rebind { lease.rebind } else { lease.time };
        let half = self.lease.as_ref().map(|lease| until(lease).saturating_sub(age) / 2);
        self.next = now + half.unwrap_or(self.wait).clamp(SOON, AGAIN);
        self.wait = (self.wait * 2).min(AGAIN);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(lease) = &self.lease {
            // It ends by itself, later.
            let _ = exchange::release(lease, self.mac);
        }
        self.remove();
    }
}

fn put(netlink: &mut Netlink, index: u32, lease: &Lease) -> nix::Result<()> {
    match netlink.add_address(index, &lease.address) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno),
    }
    lease.route.iter().try_for_each(|route| netlink.add_route(index, route))
}
