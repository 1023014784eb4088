// SPDX-License-Identifier: LGPL-2.1-or-later
//! The whole: what is done about each event.
//!
//! | module | about |
//! |---|---|
//! | [`clients`] | what clients say |
//! | [`output`] | what clients get |
//! | [`layer`] | what was written |
//! | [`screen`] | the display, if there is one |
//! | [`time`] | what is due |

mod clients;
mod layer;
mod output;
mod screen;
mod time;

use crate::build::{Kept, MemoryInfo, Place};
use crate::channel::Listener;
use crate::conversation::{About, Conversation};
use crate::job::Job;
use crate::memory::OutOfMemory;
use crate::spawn::Setting;
use nix::errno::Errno;
use nix::sys::wait::{waitpid, WaitPidFlag, WaitStatus};
use nix::unistd::Pid;
use screen::Screen;
use std::time::{Duration, Instant};
use terrarium_protocol::message::{Ending, Failure, State, Status};
use terrarium_protocol::orders::{Command, Lifetime, Until};

/// Between TERM and KILL for what outlives the command.
const GRACE: Duration = Duration::from_secs(2);
/// Programs at once beside the command; clients of a container at once.
const MOST: usize = 16;

/// Everything that init knows.
pub struct Sandbox {
    pub(crate) place: Place,
    pub(crate) listener: Option<Listener>,
    pub(crate) talks: Vec<Conversation>,
    /// The command, then whatever runs beside it.
    pub(crate) jobs: Vec<Job>,
    setting: Option<Setting>,
    /// What programs beside the command have of it: environment, directory.
    like: Option<Command>,
    pub(crate) screen: Screen,
    until: Until,
    lifetime: Lifetime,
    memory: OutOfMemory,
    memory_info: Option<MemoryInfo>,
    memory_info_at: Instant,
    /// Where lies what is written.
    layer: Option<Kept>,
    /// Nothing runs here: the layer is looked at.
    looks: bool,
    /// When that was looked at last; `None` once it was full.
    room_at: Option<Instant>,
    /// Whose sandbox it is.
    owner: (u32, u32),
    /// Addresses that were given for a time.
    leases: Vec<crate::network::Client>,
    /// Failures from before the orders: modules that would not load.
    early: Vec<Failure>,
    /// Since when nobody watches the command (or waits to give orders).
    alone_since: Instant,
    kill_all_at: Option<Instant>,
    no_children: bool,
    /// Since when nothing runs any more.
    over_since: Option<Instant>,
    leaving: Option<Instant>,
    next_id: u64,
    next_job: u32,
    release: String,
}

impl Sandbox {
    /// Before any orders.
    pub fn new(place: Place, listener: Option<Listener>, early: Vec<Failure>) -> Self {
        let release = nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned());
        Self {
            place,
            listener,
            talks: Vec::new(),
            jobs: Vec::new(),
            setting: None,
            like: None,
            screen: Screen::default(),
            until: Until::Command,
            lifetime: Lifetime::Kept,
            memory: OutOfMemory::watch(place),
            memory_info: None,
            memory_info_at: Instant::now(),
            layer: None,
            looks: false,
            room_at: Some(Instant::now()),
            owner: (0, 0),
            leases: Vec::new(),
            early,
            alone_since: Instant::now(),
            kill_all_at: None,
            no_children: false,
            over_since: None,
            leaving: None,
            next_id: 1,
            next_job: 1,
            release: release.unwrap_or_default(),
        }
    }

    /// A number that no conversation had.
    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Room for another client of a container.
    pub(crate) fn is_full(&self) -> bool {
        self.talks.len() >= MOST
    }

    fn command(&self) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == 0)
    }

    fn command_mut(&mut self) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.id == 0)
    }

    /// Whether the orders have come.
    fn has_orders(&self) -> bool {
        self.screen.pending.is_some() || self.looks || self.command().is_some()
    }

    fn job_of(&mut self, talk: usize) -> Option<&mut Job> {
        match self.talks[talk].about {
            About::Job(id) => self.jobs.iter_mut().find(|job| job.id == id),
            About::Nothing => None,
        }
    }

    fn viewers(&self) -> u32 {
        self.talks.iter().filter(|talk| talk.about == About::Job(0)).count() as u32
    }

    fn status(&self) -> Status {
        let command = self.command();
        let over = command.filter(|_| self.over_since.is_some());
        let result = over.and_then(|job| job.outcome(self.memory.is_out()));
        let state = match command {
            None if self.screen.pending.is_some() => State::Starting,
            None => State::Waiting,
            Some(_) if result.is_some() => State::Finished,
            Some(_) => State::Running,
        };
        Status {
            kernel: self.release.clone(),
            init_pid: std::process::id() as i32,
            state,
            command_pid: command.and_then(|job| job.pid).map(Pid::as_raw),
            running_for: command.map(Job::duration),
            terminal: command.and_then(|job| job.terminal),
            display: self.display_status(),
            streams: command.map(Job::stream_status).unwrap_or_default(),
            input: command.map_or(0, |job| job.input.received),
            viewers: self.viewers(),
            result,
        }
    }

    /// Reaps whoever has ended. Orphans are reaped too, and forgotten: the
    /// result is the command's own.
    pub(crate) fn reap(&mut self) {
        loop {
            let (pid, ending) = match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Ending::Exited { code: code as u8 }),
                Ok(WaitStatus::Signaled(pid, signal, _)) => {
                    (pid, Ending::Signalled { signal: signal as i32, stopped: false })
                }
                Ok(WaitStatus::StillAlive) => return self.no_children = false,
                Err(Errno::ECHILD) => return self.no_children = true,
                _ => continue,
            };
            self.ended(pid, ending);
        }
    }

    fn ended(&mut self, pid: Pid, ending: Ending) {
        let running = |job: &&mut Job| job.pid == Some(pid) && !job.has_ended();
        let Some(job) = self.jobs.iter_mut().find(running) else {
            self.display_lost(pid);
            return;
        };
        let stopped = job.stop_asked;
        job.end(match ending {
            Ending::Signalled { signal, .. } => Ending::Signalled { signal, stopped },
            other => other,
        });
        let id = job.id;
        if id > 0 {
            job.let_go_of_terminal();
            self.beside_ended(id);
        } else if self.until == Until::Command {
            job.let_go_of_terminal();
            self.end_the_rest();
        }
    }
}
