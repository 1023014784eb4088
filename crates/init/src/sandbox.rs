// SPDX-License-Identifier: LGPL-2.1-or-later
//! The whole: clients, jobs, time. One thread, one poll.

use crate::build::{self, Place};
use crate::channel::Listener;
use crate::conversation::{About, Conversation, Heard, Sent, ENOUGH};
use crate::job::Job;
use crate::memory::OutOfMemory;
use crate::spawn::{self, Setting};
use nix::sys::signal::{kill, Signal};
use nix::sys::wait::{waitpid, WaitPidFlag, WaitStatus};
use nix::unistd::Pid;
use std::time::{Duration, Instant};
use terrarium_protocol::message::{stream, Ending, Failure, Refusal, Stage, State, Status};
use terrarium_protocol::orders::{Command, Lifetime, Size, Until};
use terrarium_protocol::{Frame, FromInit, Kind, Orders, ToInit, WINDOW};

/// Without orders and without a client init ends after this time.
const NO_ORDERS: Duration = Duration::from_secs(60);
/// A foreground sandbox ends once it had no client for this time.
const LOST: Duration = Duration::from_secs(2);
/// Between TERM and KILL for what outlives the command.
const GRACE: Duration = Duration::from_secs(2);
/// How long other clients may take to hear the result, once one has it.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long a result is kept: foreground, else.
const KEEP: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(7 * 24 * 3600)];
/// Programs at once beside the command; clients of a container at once.
const MOST: usize = 16;

/// Everything that init knows.
pub struct Sandbox {
    pub(crate) place: Place,
    pub(crate) listener: Option<Listener>,
    pub(crate) talks: Vec<Conversation>,
    pub(crate) jobs: Vec<Job>,
    setting: Option<Setting>,
    until: Until,
    lifetime: Lifetime,
    memory: OutOfMemory,
    /// Failures from before the orders: modules that would not load.
    early: Vec<Failure>,
    begun: Instant,
    alone_since: Option<Instant>,
    kill_all_at: Option<Instant>,
    no_children: bool,
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
            until: Until::Command,
            lifetime: Lifetime::Kept,
            memory: OutOfMemory::watch(place),
            early,
            begun: Instant::now(),
            alone_since: None,
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

    fn command(&self) -> Option<&Job> {
        self.jobs.first()
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

    // --- what clients say -------------------------------------------------

    /// Deals with what a client's bytes amounted to. `true` if it left.
    pub(crate) fn heard(&mut self, talk: usize, heard: Vec<Heard>) -> bool {
        for one in heard {
            match one {
                Heard::Greeted => {
                    let (id, old) = (self.fresh_id(), self.talks[talk].id);
                    self.left(old);
                    self.talks[talk].id = id;
                    let welcome = FromInit::Welcome(Box::new(self.status()));
                    self.talks[talk].say(&welcome);
                }
                Heard::Frame(frame) => self.frame(talk, &frame),
                Heard::Left => return true,
            }
        }
        false
    }

    fn frame(&mut self, talk: usize, frame: &Frame) {
        match frame.kind {
            Kind::Input => {
                let id = self.talks[talk].id;
                if let Some(job) = self.job_of(talk).filter(|job| job.primary == Some(id)) {
                    job.take_input(&frame.payload);
                }
            }
            Kind::Control => match serde_json::from_slice(&frame.payload) {
                Ok(message) => self.message(talk, message),
                Err(_) => self.refuse(talk, Refusal::Malformed),
            },
            Kind::Output => self.refuse(talk, Refusal::Malformed),
        }
    }

    fn refuse(&mut self, talk: usize, why: Refusal) {
        self.talks[talk].say(&FromInit::Refused { why });
    }

    fn message(&mut self, talk: usize, message: ToInit) {
        let id = self.talks[talk].id;
        match message {
            ToInit::Start(orders) => self.start(talk, &orders),
            ToInit::Attach { keyboard, out, err } => self.attach(talk, keyboard, out, err),
            ToInit::Exec(command) => self.exec(talk, &command),
            ToInit::Query => {}
            ToInit::Keyboard => self.give_keyboard(talk),
            ToInit::Resize(size) => self.resize(talk, size),
            ToInit::CloseInput => {
                if let Some(job) = self.job_of(talk).filter(|job| job.primary == Some(id)) {
                    job.end_input();
                }
            }
            ToInit::CloseOutput { stream } => {
                if let Some(job) = self.job_of(talk).filter(|job| job.primary == Some(id)) {
                    job.close_output(stream);
                }
            }
            ToInit::Ack { stream, offset } => self.ack(talk, stream, offset),
            ToInit::Signal { signal } => {
                if let (Some(job), Ok(signal)) = (self.job_of(talk), Signal::try_from(signal)) {
                    job.signal(signal);
                }
            }
            ToInit::Stop { grace } => self.stop(Duration::from_millis(grace.into())),
            ToInit::Received => self.received(talk),
            ToInit::Ping { id } => self.talks[talk].say(&FromInit::Pong { id }),
        }
    }

    fn start(&mut self, talk: usize, orders: &Orders) {
        if !self.jobs.is_empty() {
            return self.refuse(talk, Refusal::AlreadyStarted);
        }
        self.until = orders.until;
        self.lifetime = orders.lifetime;
        self.tell_now(talk, &FromInit::Stage(Stage::Files));
        let job = self.build(talk, orders).unwrap_or_else(|failure| self.never_ran(talk, failure));
        self.jobs.push(job);
        self.attach(talk, true, Some(0), Some(0));
    }

    fn build(&mut self, talk: usize, orders: &Orders) -> crate::fault::Result<Job> {
        crate::network::begin(&orders.host_name)?;
        // A missing module shows as a mount that fails; then it is the cause.
        build::build(orders, self.place).map_err(|failure| self.early.pop().unwrap_or(failure))?;
        self.tell_now(talk, &FromInit::Stage(Stage::Command));
        let mut setting = Setting {
            place: self.place,
            user: orders.user.clone(),
            limits: orders.limits,
            id_base: orders.id_base,
            namespaces: None,
        };
        let spawned = spawn::spawn(&mut setting, &orders.command)?;
        self.setting = Some(setting);
        self.tell_now(talk, &FromInit::Started { pid: spawned.pid.as_raw() });
        let drops = orders.lifetime == Lifetime::Detached;
        Ok(Job::new(0, spawned, orders.command.terminal, drops))
    }

    fn never_ran(&mut self, talk: usize, failure: Failure) -> Job {
        self.talks[talk].say(&FromInit::Failed(failure.clone()));
        Job::failed(0, Some(failure))
    }

    fn tell_now(&mut self, talk: usize, message: &FromInit) {
        self.talks[talk].say(message);
        self.talks[talk].flush();
    }

    fn attach(&mut self, talk: usize, keyboard: bool, out: Option<u64>, err: Option<u64>) {
        let Some(job) = self.jobs.first_mut() else { return self.refuse(talk, Refusal::NotStarted) };
        let client = &mut self.talks[talk];
        client.about = About::Job(0);
        for stream in &mut job.streams {
            let (start, end) = (stream.ring.start(), stream.ring.end());
            let asked = if stream.number == stream::ERR { err } else { out };
            let usual = if job.terminal.is_some() { start } else { stream.acked.max(start) };
            let from = asked.unwrap_or(usual).min(end);
            if keyboard && asked.is_some() {
                stream.ack(from);
            }
            client.sent[usize::from(stream.number)] = Sent { next: from, acked: from, ended: false };
        }
        if keyboard {
            self.give_keyboard(talk);
        }
    }

    fn give_keyboard(&mut self, talk: usize) {
        let id = self.talks[talk].id;
        let Some(job) = self.job_of(talk) else { return self.refuse(talk, Refusal::NotStarted) };
        let before = job.primary.replace(id);
        for stream in &mut job.streams {
            stream.moved = Instant::now();
        }
        let (credit, closed) = (job.credit(), job.input.closed);
        if let Some(other) = self.talks.iter_mut().find(|other| Some(other.id) == before && other.id != id) {
            other.say(&FromInit::Keyboard { yours: false });
        }
        let client = &mut self.talks[talk];
        client.say(&FromInit::Keyboard { yours: true });
        client.say(&FromInit::Credit { offset: credit });
        if closed {
            client.say(&FromInit::InputClosed);
        }
    }

    fn exec(&mut self, talk: usize, command: &Command) {
        let runs = self.command().is_some_and(|job| job.pid.is_some() && !job.has_ended());
        let Some(setting) = self.setting.as_mut().filter(|_| runs) else {
            let why = if self.jobs.is_empty() { Refusal::NotStarted } else { Refusal::Finished };
            return self.refuse(talk, why);
        };
        if self.jobs.len() > MOST || self.talks[talk].about != About::Nothing {
            return self.refuse(talk, Refusal::Busy);
        }
        let id = self.next_job;
        self.next_job += 1;
        self.talks[talk].about = About::Job(id);
        let job = match spawn::spawn(setting, command) {
            Ok(spawned) => {
                self.talks[talk].say(&FromInit::Started { pid: spawned.pid.as_raw() });
                Job::new(id, spawned, command.terminal, false)
            }
            Err(failure) => {
                self.talks[talk].say(&FromInit::Failed(failure.clone()));
                Job::failed(id, Some(failure))
            }
        };
        self.no_children = false;
        self.jobs.push(job);
        self.give_keyboard(talk);
    }

    fn resize(&mut self, talk: usize, size: Size) {
        let (id, about) = (self.talks[talk].id, self.talks[talk].about);
        let Some(job) = self.job_of(talk) else { return };
        if job.primary != Some(id) || job.terminal.is_none_or(|old| old == size) {
            return;
        }
        job.terminal = Some(size);
        if let Some(master) = job.streams.first().and_then(|stream| stream.fd.as_ref()) {
            let _ = spawn::resize(master, size);
        }
        for other in self.talks.iter_mut().filter(|other| other.id != id && other.about == about) {
            other.say(&FromInit::Resized(size));
        }
    }

    fn ack(&mut self, talk: usize, number: u8, offset: u64) {
        let id = self.talks[talk].id;
        let Some(sent) = self.talks[talk].sent.get_mut(usize::from(number)) else { return };
        // Nobody can have dealt with what was not sent.
        sent.acked = offset.clamp(sent.acked, sent.next.max(sent.acked));
        let offset = sent.acked;
        if let Some(job) = self.job_of(talk).filter(|job| job.primary == Some(id)) {
            if let Some(stream) = job.streams.iter_mut().find(|stream| stream.number == number) {
                stream.ack(offset);
            }
        }
    }

    fn stop(&mut self, grace: Duration) {
        let Some(job) = self.jobs.first_mut().filter(|job| !job.is_over()) else { return };
        job.stop_asked = true;
        job.signal(Signal::SIGTERM);
        let at = Instant::now() + grace;
        self.kill_all_at = Some(self.kill_all_at.map_or(at, |old| old.min(at)));
    }

    fn received(&mut self, talk: usize) {
        match self.talks[talk].about {
            About::Job(0) if self.talks[talk].has_result => {
                self.leaving.get_or_insert_with(|| Instant::now() + FAREWELL);
            }
            About::Job(id) if id > 0 && self.talks[talk].has_result => {
                self.jobs.retain(|job| job.id != id);
                self.talks[talk].about = About::Nothing;
            }
            _ => {}
        }
    }

    /// A conversation is over.
    pub(crate) fn left(&mut self, id: u64) {
        for job in &mut self.jobs {
            if job.primary == Some(id) {
                job.primary = None;
                // A program of its own goes with whoever asked for it.
                if job.id > 0 && !job.has_ended() {
                    job.signal(Signal::SIGHUP);
                    job.kill_at = Some(Instant::now() + GRACE);
                }
            }
        }
        self.jobs.retain(|job| job.id == 0 || job.primary.is_some() || !job.has_ended());
    }

    fn status(&self) -> Status {
        let command = self.command();
        let result =
            command.filter(|_| self.over_since.is_some()).and_then(|job| job.outcome(self.memory.is_out()));
        let state = match command {
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
            streams: command.map(Job::stream_status).unwrap_or_default(),
            input: command.map_or(0, |job| job.input.received),
            viewers: self.viewers(),
            result,
        }
    }

    /// Room for another client of a container.
    pub(crate) fn is_full(&self) -> bool {
        self.talks.len() >= MOST
    }

    // --- what time and processes do -----------------------------------------

    /// Reaps whoever has ended. Orphans are reaped too, and forgotten.
    pub(crate) fn reap(&mut self) {
        loop {
            let (pid, ending) = match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Ending::Exited { code: code as u8 }),
                Ok(WaitStatus::Signaled(pid, signal, _)) => {
                    (pid, Ending::Signalled { signal: signal as i32, stopped: false })
                }
                Ok(WaitStatus::StillAlive) => return self.no_children = false,
                Err(nix::errno::Errno::ECHILD) => return self.no_children = true,
                _ => continue,
            };
            let Some(job) = self.jobs.iter_mut().find(|job| job.pid == Some(pid)) else { continue };
            let stopped = job.stop_asked;
            job.end(match ending {
                Ending::Signalled { signal, .. } => Ending::Signalled { signal, stopped },
                other => other,
            });
            if job.id == 0 && self.until == Until::Command {
                self.end_the_rest();
            }
        }
    }

    fn end_the_rest(&mut self) {
        let everybody = Pid::from_raw(-1);
        let _ = kill(everybody, Signal::SIGTERM);
        let _ = kill(everybody, Signal::SIGCONT);
        let at = Instant::now() + GRACE;
        self.kill_all_at = Some(self.kill_all_at.map_or(at, |old| old.min(at)));
    }

    /// Does what is due. `true` once the sandbox should end.
    pub(crate) fn tick(&mut self) -> bool {
        let now = Instant::now();
        if self.kill_all_at.is_some_and(|at| now >= at) {
            self.kill_all_at = None;
            let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        }
        for job in &mut self.jobs {
            if job.kill_at.is_some_and(|at| now >= at) {
                job.kill_at = None;
                job.signal(Signal::SIGKILL);
            }
        }
        self.notice_loneliness(now);
        let over = self.command().is_some_and(Job::is_over) && self.no_children;
        if over && self.over_since.is_none() {
            self.over_since = Some(now);
            self.kill_all_at = None;
        }
        self.should_end(now)
    }

    fn notice_loneliness(&mut self, now: Instant) {
        if self.viewers() > 0 {
            self.alone_since = None;
            return;
        }
        let since = *self.alone_since.get_or_insert(now);
        let lost = self.lifetime == Lifetime::Foreground && now.duration_since(since) >= LOST;
        let runs = self.command().is_some_and(|job| !job.has_ended() && !job.stop_asked);
        if lost && runs {
            self.stop(GRACE);
        }
    }

    fn should_end(&self, now: Instant) -> bool {
        if let Some(until) = self.leaving {
            let waits = |talk: &Conversation| {
                talk.about == About::Job(0) && !talk.absent && (!talk.has_result || talk.queued() > 0)
            };
            return now >= until || !self.talks.iter().any(waits);
        }
        if self.jobs.is_empty() {
            let alone = self.talks.iter().all(|talk| talk.absent);
            return alone && now.duration_since(self.begun) > NO_ORDERS;
        }
        let keep = KEEP[usize::from(self.lifetime != Lifetime::Foreground)];
        self.over_since.is_some_and(|since| self.viewers() == 0 && now.duration_since(since) > keep)
    }

    /// How long nothing may need to be done.
    pub(crate) fn patience(&self) -> Duration {
        let now = Instant::now();
        let dates =
            [self.kill_all_at, self.leaving].into_iter().chain(self.jobs.iter().map(|job| job.kill_at));
        let next = dates.flatten().map(|at| at.saturating_duration_since(now)).min();
        next.unwrap_or(Duration::MAX).min(Duration::from_secs(1))
    }

    // --- what clients get -----------------------------------------------------

    /// Queues output and results for everybody who may have them.
    pub(crate) fn pump(&mut self) {
        let out_of_memory = self.memory.is_out();
        let is_over = self.over_since.is_some();
        for talk in &mut self.talks {
            let About::Job(id) = talk.about else { continue };
            let Some(job) = self.jobs.iter().find(|job| job.id == id) else { continue };
            // Every stream gets its turn, whatever the others have left.
            let mut delivered = true;
            for stream in &job.streams {
                delivered &= show(talk, stream);
            }
            let over = if id == 0 { is_over } else { job.is_over() };
            if over && delivered && !talk.has_result {
                if let Some(outcome) = job.outcome(out_of_memory) {
                    talk.say(&FromInit::Result(outcome));
                    talk.has_result = true;
                }
            }
        }
    }

    /// Writes input; tells the sender about the room that it made.
    pub(crate) fn write_input(&mut self) {
        for job in &mut self.jobs {
            if job.has_input() && job.write_input() {
                let (credit, closed) = (job.credit(), job.input.closed);
                if let Some(talk) = self.talks.iter_mut().find(|talk| Some(talk.id) == job.primary) {
                    talk.say(&FromInit::Credit { offset: credit });
                    if closed {
                        talk.say(&FromInit::InputClosed);
                    }
                }
            }
        }
    }
}

/// Queues what a client may have of a stream. `true` if it has all of it,
/// and the stream has ended.
fn show(talk: &mut Conversation, stream: &crate::job::Stream) -> bool {
    let index = usize::from(stream.number);
    let ring = &stream.ring;
    while talk.queued() < ENOUGH {
        let Sent { next, acked, .. } = talk.sent[index];
        if next < ring.start() {
            talk.say(&FromInit::Gone { stream: stream.number, bytes: ring.start() - next });
            talk.sent[index] = Sent { next: ring.start(), acked: ring.start(), ended: false };
            continue;
        }
        let until = ring.end().min(acked + WINDOW);
        let most = usize::try_from(until.saturating_sub(next)).unwrap_or(0).min(32 * 1024);
        if most == 0 {
            break;
        }
        let bytes = ring.slice(next, most);
        talk.show(stream.number, next, &bytes);
        talk.sent[index].next += bytes.len() as u64;
    }
    let sent = &mut talk.sent[index];
    let complete = stream.fd.is_none() && sent.next >= ring.end();
    if complete && !sent.ended {
        sent.ended = true;
        talk.say(&FromInit::End { stream: stream.number, offset: ring.end() });
    }
    complete
}
