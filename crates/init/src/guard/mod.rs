// SPDX-License-Identifier: LGPL-2.1-or-later
//! The guard: enforces whom networked sandboxes may talk to, on the host's
//! side.
//!
//! It is pid 1 of a container that shares the host's network, with the power
//! over networks and no other, and lives as long as there is a sandbox to
//! guard. What holds is the kernel's: when the guard dies its rules stay.
//!
//! | module | what |
//! |---|---|
//! | [`confine`] | gives up everything else |
//! | [`client`] | what the engine asks |
//! | [`rules`], [`nft`] | what holds |
//! | [`host`] | this computer's networks |
//! | [`log`] | whom sandboxes talked to |

mod client;
mod confine;
mod host;
mod log;
mod nft;
mod rules;

use crate::channel::Listener;
use client::Client;
use host::Changes;
use log::Log;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};
use terrarium_protocol::guard::{FromGuard, Port, Rules, ToGuard};
use terrarium_protocol::network::Net;

/// How long it waits for its first sandbox, and after its last one.
const FIRST: Duration = Duration::from_secs(20);
const LAST: Duration = Duration::from_secs(2);
/// How often it looks whether anybody is left.
const LOOK: u16 = 500;

struct Guard {
    table: String,
    rules: Option<Rules>,
    local: Vec<Net>,
    log: Option<Log>,
    /// The interfaces that rules were set for.
    guarded: Vec<String>,
    /// What should hold does not yet.
    is_behind: bool,
    alone_since: Instant,
}

/// Runs until nobody is left.
pub fn run() {
    let Ok(listener) = Listener::inherit() else { return };
    if let Err(errno) = confine::confine() {
        eprintln!("terrarium-guard: {errno}");
        return;
    }
    let mut guard = Guard {
        table: format!("terrarium_{}", listener.owner()),
        rules: None,
        local: host::networks(),
        log: Log::open().ok(),
        guarded: Vec::new(),
        is_behind: false,
        alone_since: Instant::now(),
    };
    // Without it the networks are looked up at each request only.
    let changes = Changes::watch().ok();
    while !guard.is_over() {
        wait(&listener, changes.as_ref(), guard.log.as_ref());
        let may_differ = changes.as_ref().is_none_or(Changes::drain);
        if let Some(log) = &mut guard.log {
            log.drain();
        }
        if may_differ || guard.is_behind {
            guard.look();
        }
        while let Some(fd) = listener.accept() {
            if let Ok(client) = Client::new(fd) {
                guard.serve(client);
            }
        }
    }
    let _ = nft::set(&rules::none(&guard.table));
}

fn wait(listener: &Listener, changes: Option<&Changes>, log: Option<&Log>) {
    let mut fds = vec![PollFd::new(listener.fd(), PollFlags::POLLIN)];
    fds.extend(changes.map(|changes| PollFd::new(changes.fd().as_fd(), PollFlags::POLLIN)));
    fds.extend(log.map(|log| PollFd::new(log.fd().as_fd(), PollFlags::POLLIN)));
    let _ = poll(&mut fds, PollTimeout::from(LOOK));
}

impl Guard {
    fn is_over(&self) -> bool {
        let patience = if self.rules.is_some() { LAST } else { FIRST };
        self.guarded.is_empty() && self.alone_since.elapsed() > patience
    }

    /// Sets the rules anew if this computer's networks are others, or a
    /// sandbox is gone.
    fn look(&mut self) {
        let local = host::networks();
        let is_changed =
            self.is_behind || self.local != local || self.guarded.iter().any(|name| !is_there(name));
        self.local = local;
        if !is_changed {
            return;
        }
        let Some(rules) = self.rules.take() else { return };
        // What held before still does if this fails; somebody will look again.
        self.is_behind = self.set(&rules).is_err();
        self.rules = Some(rules);
    }

    fn serve(&mut self, mut client: Client) {
        let answer = match client.request() {
            Some(ToGuard::Rules(rules)) if rules.are_proper() => match self.set(&rules) {
                Ok(missing) => {
                    self.rules = Some(*rules);
                    FromGuard::Done { missing }
                }
                Err(why) => FromGuard::Failed { why },
            },
            Some(ToGuard::Report { interface }) => FromGuard::Report(self.report(&interface)),
            Some(ToGuard::Rules(_)) => FromGuard::Failed { why: "these rules are none".into() },
            None => return,
        };
        client.answer(&answer);
    }

    /// Sets the rules for all interfaces that are there.
    fn set(&mut self, rules: &Rules) -> Result<Vec<String>, String> {
        self.local = host::networks();
        let mut tries = 5;
        loop {
            let (there, missing): (Vec<&Port>, Vec<&Port>) =
                rules.ports.iter().partition(|port| is_there(&port.interface));
            let group = self.log.as_ref().map(|log| log.group);
            let done = nft::set(&rules::text(&self.table, rules, &there, &self.local, group));
            tries -= 1;
            match done {
                Ok(()) => {
                    if !there.is_empty() || !self.guarded.is_empty() {
                        self.alone_since = Instant::now();
                    }
                    self.guarded = there.iter().map(|port| port.interface.clone()).collect();
                    self.forget(&there);
                    return Ok(missing.iter().map(|port| port.interface.clone()).collect());
                }
                // An interface may have gone in between.
                Err(why) if tries == 0 => return Err(why),
                Err(_) => {}
            }
        }
    }

    fn forget(&mut self, there: &[&Port]) {
        if let Some(log) = &mut self.log {
            let addresses: Vec<IpAddr> = there.iter().flat_map(|port| addresses(port)).collect();
            log.keep(&addresses);
        }
    }

    fn report(&self, interface: &str) -> Vec<terrarium_protocol::guard::Contact> {
        let port = self.rules.iter().flat_map(|rules| &rules.ports).find(|port| port.interface == interface);
        match (port, &self.log) {
            (Some(port), Some(log)) => log.of(&addresses(port)),
            _ => Vec::new(),
        }
    }
}

fn addresses(port: &Port) -> Vec<IpAddr> {
    let mut all = vec![IpAddr::V4(port.address)];
    all.extend(port.address6.map(IpAddr::V6));
    all
}

fn is_there(interface: &str) -> bool {
    nix::net::if_::if_nametoindex(interface).is_ok() || Path::new("/sys/class/net").join(interface).exists()
}
