// SPDX-License-Identifier: LGPL-2.1-or-later
//! What clients say, and what is done about it.

use super::time::FAREWELL;
use super::{Sandbox, GRACE, MOST};
use crate::build;
use crate::conversation::{About, Heard, Sent};
use crate::fault::Result;
use crate::job::Job;
use crate::layer::Work;
use crate::spawn::{self, Setting};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};
use terrarium_protocol::message::{stream, Failure, Refusal, Stage};
use terrarium_protocol::orders::{Command, Lifetime, Size};
use terrarium_protocol::{Frame, FromInit, Kind, Orders, ToInit};

/// Between TERM and KILL for who is left when a signal asks for the end.
const STOP: Duration = Duration::from_secs(10);

impl Sandbox {
    /// Reads what a client says. `false` if it is gone.
    pub(crate) fn listen(&mut self, talk: usize) -> bool {
        let is_there = self.talks[talk].listen();
        while let Some(heard) = self.talks[talk].hear() {
            match heard {
                Heard::Frame(frame) => self.frame(talk, &frame),
                Heard::Reset => self.is_another(talk),
                Heard::Greeted => {
                    self.is_another(talk);
                    let welcome = FromInit::Welcome(Box::new(self.status()));
                    self.talks[talk].say(&welcome);
                }
            }
        }
        is_there
    }

    /// A new conversation on the connection of an old one.
    fn is_another(&mut self, talk: usize) {
        let (fresh, old) = (self.fresh_id(), self.talks[talk].id);
        self.talks[talk].id = fresh;
        self.left(old);
    }

    fn frame(&mut self, talk: usize, frame: &Frame) {
        match frame.kind {
            Kind::Input => {
                if let Some(job) = self.job_with_keyboard(talk) {
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

    /// The job that this client may type to.
    pub(super) fn job_with_keyboard(&mut self, talk: usize) -> Option<&mut Job> {
        let id = self.talks[talk].id;
        self.job_of(talk).filter(|job| job.primary == Some(id))
    }

    pub(super) fn refuse(&mut self, talk: usize, why: Refusal) {
        self.talks[talk].say(&FromInit::Refused { why });
    }

    fn message(&mut self, talk: usize, message: ToInit) {
        match message {
            ToInit::Start(orders) => self.start(talk, &orders),
            ToInit::Attach { keyboard, out, err } => self.attach(talk, keyboard, out, err),
            ToInit::Exec(command) => self.exec(talk, &command),
            ToInit::Query => {}
            ToInit::Keyboard => self.give_keyboard(talk),
            ToInit::Resize(size) => self.resize(talk, size),
            ToInit::Screen(size) => self.resize_screen(talk, size),
            ToInit::Channel => self.hand_out_channel(talk),
            ToInit::Picture => self.take_picture(talk),
            ToInit::Log => self.show_log(talk),
            ToInit::Look(orders) => self.look(talk, &orders),
            ToInit::Changes => self.hand_out(talk, &Work::List),
            ToInit::Contents { paths } => self.hand_out(talk, &Work::Contents(&paths)),
            ToInit::Forget { paths } => self.hand_out(talk, &Work::Forget(&paths)),
            ToInit::CloseInput => {
                if let Some(job) = self.job_with_keyboard(talk) {
                    job.end_input();
                }
            }
            ToInit::CloseOutput { stream } => {
                if let Some(job) = self.job_with_keyboard(talk) {
                    job.close_output(stream);
                }
            }
            ToInit::Ack { stream, offset } => self.ack(talk, stream, offset),
            ToInit::Signal { signal } => {
                if let Ok(signal) = Signal::try_from(signal) {
                    self.signal(talk, signal);
                }
            }
            ToInit::Stop { grace } => self.stop(Duration::from_millis(grace.into()), true),
            ToInit::Received => self.received(talk),
            ToInit::Ping { id } => self.talks[talk].say(&FromInit::Pong { id }),
        }
    }

    fn start(&mut self, talk: usize, orders: &Orders) {
        if self.has_orders() {
            return self.refuse(talk, Refusal::AlreadyStarted);
        }
        self.until = orders.until;
        self.lifetime = orders.lifetime;
        self.talks[talk].about = About::Job(0);
        self.tell_now(talk, &FromInit::Stage(Stage::Files));
        match self.build(talk, orders) {
            Err(failure) => {
                let job = self.never_ran(Some(talk), 0, failure);
                self.begin_command(Some(talk), job);
            }
            Ok(()) if self.screen.pending.is_some() => {}
            Ok(()) => self.start_command(Some(talk), orders),
        }
    }

    fn build(&mut self, talk: usize, orders: &Orders) -> Result<()> {
        crate::network::begin(&orders.host_name)?;
        let mut orders = std::borrow::Cow::Borrowed(orders);
        if orders.network.is_some() {
            self.leases = orders.to_mut().network.as_mut().map_or(Ok(Vec::new()), crate::network::raise)?;
        }
        let orders = orders.as_ref();
        // A missing module shows as a mount that fails; then it is the cause.
        let built =
            build::build(orders, self.place).map_err(|failure| self.early.pop().unwrap_or(failure))?;
        (self.memory_info, self.layer) = (built.memory, built.layer);
        self.owner = (orders.user.uid, orders.user.gid);
        self.setting = Some(Setting {
            place: self.place,
            user: orders.user.clone(),
            limits: orders.limits,
            id_base: orders.id_base,
            writes_outside: build::writes_outside(orders),
            namespaces: None,
        });
        self.like = Some(orders.command.clone());
        self.begin_display(talk, orders)
    }

    /// Starts the command, for whoever asked for it if that client is there.
    pub(super) fn start_command(&mut self, talk: Option<usize>, orders: &Orders) {
        self.tell_starter(talk, &FromInit::Stage(Stage::Command));
        let Some(setting) = self.setting.as_mut() else { return };
        let job = match spawn::spawn(setting, &orders.command) {
            Ok(spawned) => {
                self.tell_starter(talk, &FromInit::Started { pid: spawned.pid.as_raw() });
                Job::new(0, spawned, orders.command.terminal, orders.lifetime == Lifetime::Detached)
            }
            Err(failure) => self.never_ran(talk, 0, failure),
        };
        self.begin_command(talk, job);
    }

    fn tell_starter(&mut self, talk: Option<usize>, message: &FromInit) {
        if let Some(talk) = talk {
            self.tell_now(talk, message);
        }
    }

    fn begin_command(&mut self, talk: Option<usize>, job: Job) {
        let never_ran = job.pid.is_none();
        self.jobs.push(job);
        if never_ran {
            // What runs beside it would hold the sandbox up.
            self.end_the_rest();
        }
        // There may be no child at all, and then no signal of its end.
        self.reap();
        if let Some(talk) = talk {
            self.attach(talk, true, Some(0), Some(0));
        }
    }

    fn never_ran(&mut self, talk: Option<usize>, id: u32, failure: Failure) -> Job {
        // Whoever hears of it may end this sandbox at once.
        self.leases.clear();
        if let Some(talk) = talk {
            self.talks[talk].say(&FromInit::Failed(failure.clone()));
        }
        Job::failed(id, Some(failure))
    }

    pub(super) fn tell_now(&mut self, talk: usize, message: &FromInit) {
        self.talks[talk].say(message);
        self.talks[talk].flush();
    }

    fn attach(&mut self, talk: usize, keyboard: bool, out: Option<u64>, err: Option<u64>) {
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == 0) else {
            return self.refuse(talk, Refusal::NotStarted);
        };
        let client = &mut self.talks[talk];
        if matches!(client.about, About::Job(id) if id > 0) {
            return self.refuse(talk, Refusal::Malformed);
        }
        client.about = About::Job(0);
        client.has_result = false;
        for stream in &mut job.streams {
            let (start, end) = (stream.ring.start(), stream.ring.end());
            let asked = if stream.number == stream::ERR { err } else { out };
            let usual =
                if job.terminal.is_some() { stream.ring.first_line() } else { stream.acked.max(start) };
            let from = asked.unwrap_or(usual).min(end);
            if keyboard && asked.is_some() {
                stream.ack(from);
            }
            client.sent[usize::from(stream.number)] = Sent { next: from, acked: from, ended: false };
        }
        // Whoever comes later has not heard it.
        if self.room_at.is_none() {
            client.say(&FromInit::Full);
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
        match spawn::spawn(setting, command) {
            Ok(spawned) => self.begin_job(talk, |id| Job::new(id, spawned, command.terminal, false)),
            Err(failure) => {
                self.talks[talk].say(&FromInit::Failed(failure.clone()));
                self.begin_job(talk, |id| Job::failed(id, Some(failure)));
            }
        }
    }

    /// A program that belongs to this conversation.
    pub(super) fn begin_job(&mut self, talk: usize, make: impl FnOnce(u32) -> Job) {
        let id = self.next_job;
        self.next_job += 1;
        let job = make(id);
        let client = &mut self.talks[talk];
        (client.about, client.has_result, client.sent) = (About::Job(id), false, Default::default());
        if let Some(pid) = job.pid {
            client.say(&FromInit::Started { pid: pid.as_raw() });
        }
        self.jobs.push(job);
        self.give_keyboard(talk);
    }

    /// To the program's group. Once the command has ended there is none: then
    /// what asks for an end ends whoever is left.
    fn signal(&mut self, talk: usize, signal: Signal) {
        let asks = matches!(signal, Signal::SIGINT | Signal::SIGTERM | Signal::SIGHUP | Signal::SIGQUIT);
        match self.job_of(talk) {
            // A shell on a terminal does not hear that it is to end.
            Some(job) if job.id > 0 || !job.has_ended() => match signal {
                Signal::SIGTERM => job.ask_to_end(),
                other => job.signal(other),
            },
            Some(_) if asks => self.stop(STOP, true),
            _ => {}
        }
    }

    fn resize(&mut self, talk: usize, size: Size) {
        let (id, about) = (self.talks[talk].id, self.talks[talk].about);
        let Some(job) = self.job_with_keyboard(talk) else { return };
        if job.terminal.is_none_or(|old| old == size) {
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
        let Some(sent) = self.talks[talk].sent.get_mut(usize::from(number)) else { return };
        // Nobody can have dealt with what was not sent.
        sent.acked = offset.clamp(sent.acked, sent.next.max(sent.acked));
        let offset = sent.acked;
        if let Some(job) = self.job_with_keyboard(talk) {
            if let Some(stream) = job.streams.iter_mut().find(|stream| stream.number == number) {
                stream.ack(offset);
            }
        }
    }

    fn received(&mut self, talk: usize) {
        let About::Job(id) = self.talks[talk].about else { return };
        if !self.talks[talk].has_result {
            return;
        }
        if id == 0 {
            self.leaving.get_or_insert_with(|| Instant::now() + FAREWELL);
        } else {
            self.jobs.retain(|job| job.id != id);
            self.talks[talk].about = About::Nothing;
        }
    }

    /// A conversation is over.
    pub(crate) fn left(&mut self, id: u64) {
        for job in self.jobs.iter_mut().filter(|job| job.primary == Some(id)) {
            job.primary = None;
            // A program of its own goes with whoever asked for it.
            if job.id > 0 && !job.has_ended() {
                job.signal(Signal::SIGHUP);
                job.kill_at = Some(Instant::now() + GRACE);
            }
        }
    }
}
