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
//! | [`kept`] | what of it counts on when the rules change |
//! | [`names`] | what the resolver tells sandboxes |
//! | [`count`] | how much they say to whom |
//! | [`forward`] | ports that lead into sandboxes |
//! | [`host`] | this computer's networks |
//! | [`log`] | whom sandboxes talked to |

mod client;
mod confine;
mod count;
mod forward;
mod host;
mod kept;
mod log;
mod names;
mod nft;
mod rules;
#[cfg(test)]
mod rules_tests;

use crate::channel::Listener;
use client::Client;
use count::Count;
use host::Changes;
use kept::Kept;
use log::Log;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::unistd::geteuid;
use rules::Here;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use terrarium_protocol::guard::{FromGuard, Port, Rules, ToGuard, VERSION};
use terrarium_protocol::network::Net;

/// How long it waits for its first sandbox, and after its last one.
const FIRST: Duration = Duration::from_secs(20);
const LAST: Duration = Duration::from_secs(2);
/// How often it looks whether anybody is left.
const LOOK: u16 = 500;

struct Guard {
    table: String,
    /// Who may talk to sandboxes from this computer: whose they are, and this
    /// process for forwarded ports.
    users: [u32; 2],
    rules: Option<Rules>,
    local: Vec<Net>,
    log: Option<Log>,
    forwards: forward::Forwards,
    count: Count,
    kept: Kept,
    /// Whether the kernel can count connections; known once it could not.
    bounded: bool,
    /// The interfaces that rules were set for, with their numbers: whoever comes
    /// later may have the name, and is somebody else.
    guarded: Vec<(String, u32)>,
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
    let table = format!("terrarium_{}", listener.owner());
    let mut guard = Guard {
        count: Count::new(&table),
        kept: Kept::new(&table),
        table,
        users: [listener.owner(), geteuid().as_raw()],
        rules: None,
        local: host::networks(),
        log: Log::open().ok(),
        forwards: forward::Forwards::default(),
        bounded: true,
        guarded: Vec::new(),
        is_behind: false,
        alone_since: Instant::now(),
    };
    // Without it the networks are looked up at each request only.
    let changes = Changes::watch().ok();
    while !guard.is_over() {
        wait(&listener, changes.as_ref(), guard.log.as_ref());
        let may_differ = changes.as_ref().is_none_or(Changes::drain);
        let told = guard.hear();
        if may_differ || told || guard.is_behind {
            guard.look(told);
        }
        while let Some(fd) = listener.accept() {
            if let Ok(client) = Client::new(fd) {
                guard.serve(client);
            }
        }
    }
    let _ = nft::set(&format!("{}{}", rules::none(&guard.table), guard.kept.none()));
    guard.count.end();
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

    /// Takes in what the kernel told. Returns whether names of lists mean
    /// somebody else by now.
    fn hear(&mut self) -> bool {
        let ports = self.rules.as_ref().map_or(&[][..], |rules| &rules.ports);
        self.log.as_mut().is_some_and(|log| log.drain(ports))
    }

    /// Sets the rules anew if names lead elsewhere, this computer's networks
    /// are others, or a sandbox is gone.
    fn look(&mut self, told: bool) {
        let local = host::networks();
        let is_gone = |(name, number): &&(String, u32)| index(name) != Some(*number);
        let gone: Vec<String> = self.guarded.iter().filter(is_gone).map(|(name, _)| name.clone()).collect();
        let is_changed = told || self.is_behind || self.local != local || !gone.is_empty();
        self.local = local;
        if !is_changed {
            return;
        }
        let Some(mut rules) = self.rules.take() else { return };
        rules.ports.retain(|port| !gone.contains(&port.interface));
        // What held before still does if this fails; somebody will look again.
        self.is_behind = self.set(&rules).is_err();
        self.rules = Some(rules);
    }

    fn serve(&mut self, mut client: Client) {
        let answer = match client.request() {
            Some(ToGuard::Rules(mut rules)) if rules.are_proper() => match self.set(&rules) {
                Ok(missing) => {
                    rules.ports.retain(|port| !missing.contains(&port.interface));
                    self.rules = Some(*rules);
                    FromGuard::Done { missing }
                }
                Err(why) => FromGuard::Failed { why },
            },
            Some(ToGuard::Report { interface }) => FromGuard::Report(self.report(&interface)),
            Some(ToGuard::Version) => FromGuard::Version(VERSION),
            Some(ToGuard::Rules(_)) => FromGuard::Failed { why: "these rules are none".into() },
            None => return,
        };
        client.answer(&answer);
    }

    /// Sets the rules for all interfaces that are there.
    fn set(&mut self, rules: &Rules) -> Result<Vec<String>, String> {
        self.local = host::networks();
        let mut why = String::new();
        // What counts on may have been taken away by somebody; and the kernel may
        // lack nft_connlimit.
        for (anew, bounded) in [(false, self.bounded), (true, self.bounded), (true, false)] {
            // An interface may go in between.
            for _ in 0..5 {
                let (there, missing): (Vec<&Port>, Vec<&Port>) =
                    rules.ports.iter().partition(|port| index(&port.interface).is_some());
                match self.write(rules, &there, anew, bounded) {
                    Ok(()) => {
                        self.bounded = bounded;
                        self.know(&rules.bridge, &there)?;
                        return Ok(missing.iter().map(|port| port.interface.clone()).collect());
                    }
                    Err(words) => why = words,
                }
            }
        }
        Err(why)
    }

    /// All of it holds, or nothing is changed.
    fn write(&mut self, rules: &Rules, there: &[&Port], anew: bool, bounded: bool) -> Result<(), String> {
        let group = self.log.as_ref().map(|log| log.group);
        let here = Here { local: &self.local, group, users: self.users };
        let resolved = self.resolved(there);
        let all: Vec<&Port> = resolved.iter().collect();
        let numbered: Vec<(u32, &Port)> =
            there.iter().filter_map(|port| Some((index(&port.interface)?, *port))).collect();
        let (kept, things) = self.kept.text(&rules.bridge, &numbered, bounded, anew);
        nft::set(&(rules::text(&self.table, rules, &all, &here) + &kept))?;
        self.kept.holds(things);
        Ok(())
    }

    /// Takes in that rules hold for these.
    fn know(&mut self, bridge: &str, there: &[&Port]) -> Result<(), String> {
        if !there.is_empty() || !self.guarded.is_empty() {
            self.alone_since = Instant::now();
        }
        // No interface has the number 0.
        let numbered = |port: &&Port| (port.interface.clone(), index(&port.interface).unwrap_or(0));
        self.guarded = there.iter().map(numbered).collect();
        if let Some(log) = &mut self.log {
            log.keep(there);
        }
        self.count.set(bridge, there);
        self.forwards.set(there)
    }

    /// With what the names of their lists stand for.
    fn resolved(&self, ports: &[&Port]) -> Vec<Port> {
        let one =
            |port: &&Port| self.log.as_ref().map_or_else(|| (*port).clone(), |log| log.names.resolved(port));
        ports.iter().map(one).collect()
    }

    fn report(&self, interface: &str) -> Vec<terrarium_protocol::guard::Contact> {
        let port = self.rules.iter().flat_map(|rules| &rules.ports).find(|port| port.interface == interface);
        match (port, &self.log) {
            (Some(port), Some(log)) => {
                let mut all = log.of(port);
                self.count.tell(port, &mut all);
                all
            }
            _ => Vec::new(),
        }
    }
}

/// An interface's number, while it is there.
fn index(interface: &str) -> Option<u32> {
    std::fs::read_to_string(format!("/sys/class/net/{interface}/ifindex")).ok()?.trim().parse().ok()
}
