// SPDX-License-Identifier: LGPL-2.1-or-later
//! The display's own programs: started, lost, started again, ended.

use super::beside::{self, Beside};
use super::relay;
use super::server::AGENT_RELAY;
use super::watcher::{Duties, Watcher};
use super::Display;
use nix::errno::Errno;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// How often something that keeps ending is started again within
/// [`WHILE`], before it is left alone.
const TRIES: usize = 5;
const WHILE: Duration = Duration::from_secs(60);

/// What may be started again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Server,
    Daemon,
    Watcher,
    Relay,
    Beside(Beside),
}

/// A process of the display that has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The server, before it was up.
    Start,
    /// The server, and what others had of it.
    Server,
    /// Something that was started again, or is to be.
    Other,
}

impl Display {
    pub(super) fn start_watcher(&mut self) {
        let duties = Duties {
            fill: self.orders.fill,
            monitors: self.orders.monitors,
            scale: self.orders.scale,
            stands_in: self.later.holds_manager(),
        };
        match Watcher::start((self.place, self.uid), &self.cookie, &self.log_pipe.1, duties) {
            Ok(mut watcher) => {
                watcher.resize(self.size);
                self.watcher = Some(watcher);
            }
            Err(errno) => self.note("watcher", errno),
        }
    }

    pub(super) fn start_daemon(&mut self) {
        let (Some(agent), Some(server)) = (&self.orders.agent, &self.server) else { return };
        match beside::daemon(self.place, self.uid, agent, server, &self.log_pipe.1) {
            Ok(pid) => self.daemon = pid,
            Err(errno) => self.note("agent", errno),
        }
        // One of before has nobody to speak to any more.
        if let Some(pid) = self.relay.take() {
            let _ = kill(pid, Signal::SIGKILL);
        }
        if self.daemon.is_some() {
            self.start_relay();
        }
    }

    fn start_relay(&mut self) {
        let has_home = self.orders.agent.as_ref().is_some_and(|agent| agent.files);
        let whose = if has_home { self.owner } else { (self.uid, self.uid) };
        match relay::start((self.place, self.uid), &self.cookie, &self.log_pipe.1, whose) {
            Ok(pid) => self.relay = Some(pid),
            Err(errno) => self.do_without_relay(errno),
        }
    }

    /// The agent's halves meet without it.
    fn do_without_relay(&mut self, errno: Errno) {
        let _ = std::fs::remove_file(AGENT_RELAY);
        self.note("clipboard", errno);
    }

    /// Its own processes.
    pub fn pids(&self) -> Vec<Pid> {
        let server = self.server.as_ref().map(|server| server.pid);
        let watcher = self.watcher.as_ref().map(|watcher| watcher.pid);
        [server, watcher, self.daemon, self.relay].into_iter().flatten().collect()
    }

    /// One of its own processes has ended. It is started again, as long as
    /// that does not go on and on.
    pub fn lost(&mut self, pid: Pid) -> Option<Lost> {
        if self.daemon == Some(pid) {
            self.daemon = None;
            if self.is_up() && self.may_restart(Part::Daemon) {
                self.start_daemon();
            }
        } else if self.relay == Some(pid) {
            self.relay = None;
            // A server that comes up brings a new one.
            if self.is_up() {
                if self.may_restart(Part::Relay) {
                    self.start_relay();
                } else {
                    self.do_without_relay(Errno::ECHILD);
                }
            }
        } else if self.watcher.as_ref().is_some_and(|watcher| watcher.pid == pid) {
            self.watcher = None;
            if self.is_up() && self.may_restart(Part::Watcher) {
                self.start_watcher();
            }
        } else if self.server.as_ref().is_some_and(|server| server.pid == pid) {
            let was_up = self.is_up();
            self.server = None;
            // Who plays is not to wait for one that is gone.
            self.sound.clear();
            self.hear_log();
            self.note_down("terrarium: the server has ended\n", &[]);
            if !was_up && self.windows.is_none() && self.restarts.is_empty() {
                return Some(Lost::Start);
            }
            self.server_again();
            return Some(Lost::Server);
        } else {
            return None;
        }
        Some(Lost::Other)
    }

    fn server_again(&mut self) {
        if self.may_restart(Part::Server) {
            if let Err(failure) = self.start_server() {
                self.note("server", Errno::from_raw(failure.errno));
            }
        }
    }

    fn may_restart(&mut self, part: Part) -> bool {
        self.restarts.retain(|(_, at)| at.elapsed() < WHILE);
        let tries = self.restarts.iter().filter(|(one, _)| *one == part).count();
        if self.ending || tries >= TRIES {
            return false;
        }
        self.restarts.push((part, Instant::now()));
        true
    }

    /// Whether something that ran beside may be started again.
    pub fn may_come_again(&mut self, what: Beside) -> bool {
        self.may_restart(Part::Beside(what))
    }

    /// What ran beside has ended: a server waits again for somebody to come.
    pub fn beside_ended(&mut self, what: Beside) {
        self.want(what, false);
    }

    /// Whether it was ended.
    pub fn is_ending(&self) -> bool {
        self.ending
    }

    /// It is over: nothing comes again.
    pub fn end(&mut self) {
        self.ending = true;
        for pid in self.pids() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}
