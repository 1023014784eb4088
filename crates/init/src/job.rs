// SPDX-License-Identifier: LGPL-2.1-or-later
//! A program that runs, its streams and its end.

use crate::hangup;
use crate::ring::Ring;
use crate::spawn::Spawned;
use nix::errno::Errno;
use nix::sys::signal::{killpg, Signal};
use nix::unistd::{read, write, Pid};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};
use terrarium_protocol::message::{stream, Ending, Failure, Outcome, StreamStatus};
use terrarium_protocol::orders::Size;
use terrarium_protocol::WINDOW;

/// Input that is taken from clients and not written yet, in bytes.
const INPUT: usize = 256 * 1024;
/// Output is read in pieces of at most this, in bytes.
const PIECE: usize = 64 * 1024;
/// A reader that has taken nothing for this long holds a terminal up no more.
const STALL: Duration = Duration::from_secs(5);
/// How long others may hold the output of a program beside the command open
/// after it has ended.
const LINGER: Duration = Duration::from_millis(500);
/// What is kept of the output of the command, and of a program beside it.
const KEPT: [usize; 2] = [WINDOW as usize, WINDOW as usize / 4];

/// What the command writes to.
pub struct Stream {
    /// One of [`stream`].
    pub number: u8,
    /// Init's end; gone once the stream has ended, or nobody wants it.
    pub fd: Option<OwnedFd>,
    /// Its last bytes.
    pub ring: Ring,
    /// All before this offset was dealt with by whoever has the keyboard.
    pub acked: u64,
    /// When `acked` last grew.
    pub moved: Instant,
}

impl Stream {
    fn new(number: u8, fd: OwnedFd, capacity: usize) -> Self {
        Self { number, fd: Some(fd), ring: Ring::new(capacity), acked: 0, moved: Instant::now() }
    }

    /// Notes how far the reader that counts has come.
    pub fn ack(&mut self, offset: u64) {
        let offset = offset.min(self.ring.end());
        if offset > self.acked {
            self.acked = offset;
            self.moved = Instant::now();
        }
    }

    fn room(&self) -> u64 {
        (self.ring.capacity() as u64).saturating_sub(self.ring.end() - self.acked)
    }

    fn push(&mut self, piece: &[u8]) {
        if self.acked == self.ring.end() {
            // Only now is there something to take.
            self.moved = Instant::now();
        }
        self.ring.push(piece);
    }
}

/// What the command reads from.
#[derive(Default)]
pub struct Input {
    /// Init's end of the pipe; a terminal's input goes to its master.
    pub pipe: Option<OwnedFd>,
    queue: VecDeque<u8>,
    /// Bytes received so far.
    pub received: u64,
    ends: bool,
    /// Nothing more will be read.
    pub closed: bool,
}

/// A program and all that belongs to it.
pub struct Job {
    /// 0 for the command.
    pub id: u32,
    /// `None` if it never ran.
    pub pid: Option<Pid>,
    /// The size of its terminal, if it has one.
    pub terminal: Option<Size>,
    /// Its streams.
    pub streams: Vec<Stream>,
    /// Its input.
    pub input: Input,
    /// Who has the keyboard.
    pub primary: Option<u64>,
    /// Old output is dropped rather than waited for.
    pub drops: bool,
    /// Bytes that were dropped unread.
    pub dropped: u64,
    /// Somebody asked for its end.
    pub stop_asked: bool,
    /// When it was asked is over: KILL.
    pub kill_at: Option<Instant>,
    /// Init's own end of the terminal's far side: without it a terminal that
    /// its programs have closed for a moment would be gone.
    slave: Option<OwnedFd>,
    started: Instant,
    ended: Option<(Ending, u64)>,
    ended_at: Option<Instant>,
}

impl Job {
    /// A program that was just started.
    pub fn new(id: u32, spawned: Spawned, terminal: Option<Size>, drops: bool) -> Self {
        let capacity = KEPT[usize::from(id > 0)];
        let mut streams = vec![Stream::new(stream::OUT, spawned.out, capacity)];
        streams.extend(spawned.err.map(|fd| Stream::new(stream::ERR, fd, capacity)));
        let input = Input { pipe: spawned.input, ..Input::default() };
        let (pid, slave) = (Some(spawned.pid), spawned.slave);
        Self { pid, slave, terminal, streams, input, drops, ..Self::failed(id, None) }
    }

    /// A program that never ran.
    pub fn failed(id: u32, failure: Option<Failure>) -> Self {
        Self {
            id,
            pid: None,
            terminal: None,
            streams: Vec::new(),
            input: Input::default(),
            primary: None,
            drops: false,
            dropped: 0,
            stop_asked: false,
            kill_at: None,
            slave: None,
            started: Instant::now(),
            ended: failure.map(|failure| (Ending::Failed(failure), 0)),
            ended_at: None,
        }
    }

    /// No program: a text that is read as if one had written it.
    pub fn of_text(id: u32, text: &[u8]) -> Self {
        let mut ring = Ring::new(text.len().max(1));
        ring.push(text);
        let out = Stream { number: stream::OUT, fd: None, ring, acked: 0, moved: Instant::now() };
        Self { streams: vec![out], ended: Some((Ending::Exited { code: 0 }, 0)), ..Self::failed(id, None) }
    }

    /// The last of what it wrote.
    pub fn tail(&self) -> Vec<u8> {
        let one = |stream: &Stream| stream.ring.slice(stream.ring.start(), stream.ring.capacity());
        self.streams.iter().flat_map(one).collect()
    }

    /// Milliseconds since its start, or what it ran.
    pub fn duration(&self) -> u64 {
        let now = || u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.ended.as_ref().map_or_else(now, |(_, duration)| *duration)
    }

    /// Notes its end.
    pub fn end(&mut self, ending: Ending) {
        self.ended = Some((ending, self.duration()));
        self.ended_at = Some(Instant::now());
    }

    /// The terminal ends with the last program that has it open.
    pub fn let_go_of_terminal(&mut self) {
        self.slave = None;
    }

    /// Whether the process itself is over.
    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether there is nothing more to come but the result.
    pub fn is_over(&self) -> bool {
        self.has_ended() && self.streams.iter().all(|stream| stream.fd.is_none())
    }

    /// Its result, once it has ended.
    pub fn outcome(&self, out_of_memory: bool) -> Option<Outcome> {
        let (ending, duration) = self.ended.clone()?;
        let (dropped, stopped) = (self.dropped, self.stop_asked);
        Some(Outcome { ending, duration, out_of_memory, dropped, stopped })
    }

    /// Sends a signal to its process group; a stopped one is woken by those
    /// that should end it.
    pub fn signal(&self, signal: Signal) {
        if let (Some(pid), false) = (self.pid, self.has_ended()) {
            let _ = killpg(pid, signal);
            if matches!(signal, Signal::SIGTERM | Signal::SIGHUP | Signal::SIGINT) {
                let _ = killpg(pid, Signal::SIGCONT);
            }
        }
    }

    /// Asks it to end: by TERM, and on a terminal, where a shell may ignore
    /// that, as when the terminal is closed.
    pub fn ask_to_end(&self) {
        self.signal(Signal::SIGTERM);
        self.hang_up();
    }

    /// The second part of that, for who was sent TERM already.
    pub fn hang_up(&self) {
        let master = self.terminal.and_then(|_| self.input_fd());
        if let (Some(pid), Some(master), false) = (self.pid, master, self.has_ended()) {
            hangup::unless_it_hears_term(pid, master);
        }
    }

    /// Whether a stream is read now.
    pub fn wants(&self, stream: &Stream) -> bool {
        if stream.fd.is_none() || stream.room() > 0 {
            return stream.fd.is_some();
        }
        let waited_for =
            self.primary.is_some() && (self.terminal.is_none() || stream.moved.elapsed() < STALL);
        let may_drop = self.drops || self.terminal.is_some();
        may_drop && !waited_for
    }

    /// Reads one stream once.
    pub fn fill(&mut self, index: usize) {
        let (drops, primary) = (self.drops || self.terminal.is_some(), self.primary.is_some());
        let has_lingered = self.linger_ends().is_some_and(|at| Instant::now() >= at);
        let Some(stream) = self.streams.get_mut(index) else { return };
        let Some(fd) = &stream.fd else { return };
        let room = usize::try_from(stream.room()).unwrap_or(PIECE);
        let most = if drops && !(primary && room > 0) { PIECE } else { room.min(PIECE) };
        if most == 0 {
            // Reading nothing would look like the end.
            return;
        }
        let mut piece = vec![0; most];
        match read(fd, &mut piece) {
            Ok(0) => stream.fd = None,
            Ok(count) => {
                stream.push(&piece[..count]);
                let lost = stream.ring.start().saturating_sub(stream.acked);
                self.dropped += lost;
                stream.acked += lost;
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) if !has_lingered => {}
            // A terminal whose last user is gone says EIO.
            Err(_) => stream.fd = None,
        }
    }

    /// When a program beside the command waits no longer for the ends of its
    /// streams, which others may have inherited.
    fn linger_ends(&self) -> Option<Instant> {
        let waits = self.id > 0 && !self.is_over();
        self.ended_at.filter(|_| waits).map(|at| at + LINGER)
    }

    /// When [`Self::tick`] has something to do next. What waits for a reader
    /// longer than that is woken by the reader.
    pub fn next_date(&self) -> Option<Instant> {
        let now = Instant::now();
        self.kill_at.into_iter().chain(self.linger_ends().filter(|&at| at > now)).min()
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        if self.kill_at.is_some_and(|at| now >= at) {
            self.kill_at = None;
            self.signal(Signal::SIGKILL);
        }
        if self.linger_ends().is_some_and(|at| now >= at) {
            (0..self.streams.len()).for_each(|index| self.fill(index));
        }
    }

    /// Nobody reads this stream any more: the writer gets SIGPIPE.
    pub fn close_output(&mut self, number: u8) {
        if self.terminal.is_none() {
            if let Some(stream) = self.streams.iter_mut().find(|stream| stream.number == number) {
                stream.fd = None;
                stream.acked = stream.ring.end();
            }
        }
    }

    /// Takes input from a client.
    pub fn take_input(&mut self, bytes: &[u8]) {
        self.input.received += bytes.len() as u64;
        if !self.input.closed && !self.input.ends && self.input.queue.len() + bytes.len() <= 2 * INPUT {
            self.input.queue.extend(bytes);
        }
    }

    /// No more input comes.
    pub fn end_input(&mut self) {
        if self.terminal.is_none() {
            self.input.ends = true;
            self.close_drained_input();
        }
    }

    fn close_drained_input(&mut self) {
        if self.input.ends && self.input.queue.is_empty() && !self.input.closed {
            self.input.pipe = None;
            self.input.closed = true;
        }
    }

    /// Up to which offset clients may send.
    pub fn credit(&self) -> u64 {
        let room = if self.input.closed { INPUT } else { INPUT.saturating_sub(self.input.queue.len()) };
        self.input.received + room as u64
    }

    /// Whether input waits to be written.
    pub fn has_input(&self) -> bool {
        !self.input.queue.is_empty()
    }

    /// Where input goes.
    pub fn input_fd(&self) -> Option<&OwnedFd> {
        match self.terminal {
            Some(_) => self.streams.first().and_then(|stream| stream.fd.as_ref()),
            None => self.input.pipe.as_ref(),
        }
    }

    /// Writes input; `true` if clients should hear of new credit, or that
    /// nothing more is read.
    pub fn write_input(&mut self) -> bool {
        let before = self.input.queue.len();
        while let (Some(fd), (head, _)) = (self.input_fd(), self.input.queue.as_slices()) {
            if head.is_empty() {
                break;
            }
            match write(fd, head) {
                Ok(count) => drop(self.input.queue.drain(..count)),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(_) => self.refuse_input(),
            }
        }
        self.close_drained_input();
        before > self.input.queue.len() && (self.input.queue.len() < INPUT / 2 || self.input.closed)
    }

    /// The command has closed its input.
    pub fn refuse_input(&mut self) {
        self.input.queue.clear();
        self.input.pipe = None;
        self.input.closed = true;
    }

    /// Its streams as others see them.
    pub fn stream_status(&self) -> Vec<StreamStatus> {
        let one = |stream: &Stream| StreamStatus {
            stream: stream.number,
            start: stream.ring.start(),
            end: stream.ring.end(),
            acknowledged: stream.acked,
            ended: stream.fd.is_none(),
        };
        self.streams.iter().map(one).collect()
    }
}
