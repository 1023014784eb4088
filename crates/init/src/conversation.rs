// SPDX-License-Identifier: LGPL-2.1-or-later
//! One client: its bytes become frames, our frames become bytes.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{sendmsg, ControlMessage, MsgFlags};
use nix::unistd::{read, write};
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use terrarium_protocol::greeting::Side;
use terrarium_protocol::message::Refusal;
use terrarium_protocol::{
    frame, Decoder, Frame, FromInit, Greeting, Kind, Scanner, Tag, MAX_TO_INIT, VERSION,
};

/// Output waits once this much is queued for a client, in bytes.
pub const ENOUGH: usize = 256 * 1024;
/// A client that asks for more than this without reading is given up.
const TOO_MUCH: usize = 2 * 1024 * 1024;

/// What a conversation is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The client has not said.
    Nothing,
    /// The job with this number; 0 is the command.
    Job(u32),
}

enum Phase {
    Scanning(Scanner),
    Talking { tag: Tag, decoder: Decoder },
}

/// What a client's bytes amount to.
pub enum Heard {
    /// A new conversation has begun on it.
    Greeted,
    /// One frame.
    Frame(Frame),
    /// Something else than a frame: whoever spoke does so no more.
    Reset,
}

/// How far one stream was sent.
#[derive(Clone, Copy, Default)]
pub struct Sent {
    /// Offset of the next byte to send.
    pub next: u64,
    /// The client has dealt with all before this offset.
    pub acked: u64,
    /// It knows that the stream has ended.
    pub ended: bool,
}

/// One client.
pub struct Conversation {
    /// Number that is never used again.
    pub id: u64,
    fd: OwnedFd,
    phase: Phase,
    /// Read and not looked at yet.
    pending: Vec<u8>,
    out: Vec<u8>,
    written: usize,
    /// Goes out with the byte at this place in `out`.
    attached: Option<(usize, OwnedFd)>,
    /// A port that nobody is connected to.
    pub absent: bool,
    /// What it is about.
    pub about: About,
    /// By stream number.
    pub sent: [Sent; 3],
    /// The result was queued for it.
    pub has_result: bool,
}

impl Conversation {
    /// A client that has not said anything.
    pub fn new(id: u64, fd: OwnedFd) -> Self {
        Self {
            id,
            fd,
            phase: Phase::Scanning(Scanner::for_client()),
            pending: Vec::new(),
            out: Vec::new(),
            written: 0,
            attached: None,
            absent: false,
            about: About::Nothing,
            sent: [Sent::default(); 3],
            has_result: false,
        }
    }

    /// To be polled.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Forgets the client, keeps the port; under a new number.
    pub fn reset(&mut self, id: u64) {
        self.id = id;
        self.phase = Phase::Scanning(Scanner::for_client());
        self.pending.clear();
        self.forget();
    }

    fn forget(&mut self) {
        self.out.clear();
        self.written = 0;
        self.attached = None;
        self.about = About::Nothing;
        self.sent = [Sent::default(); 3];
        self.has_result = false;
    }

    /// Bytes that wait to be written.
    pub fn queued(&self) -> usize {
        self.out.len() - self.written
    }

    /// Whether it asks for more than it reads.
    pub fn is_flooded(&self) -> bool {
        self.queued() > TOO_MUCH
    }

    /// Queues a control message; before the greeting there is nobody to hear.
    pub fn say(&mut self, message: &FromInit) {
        if let Phase::Talking { tag, .. } = self.phase {
            let json = serde_json::to_vec(message).unwrap_or_default();
            frame::encode(tag, Kind::Control, &json, &mut self.out);
        }
    }

    /// Queues a control message with a descriptor, which arrives with its first
    /// byte.
    pub fn hand_out(&mut self, message: &FromInit, descriptor: OwnedFd) {
        self.attached = Some((self.out.len(), descriptor));
        self.say(message);
    }

    /// Queues output.
    pub fn show(&mut self, stream: u8, offset: u64, bytes: &[u8]) {
        if let Phase::Talking { tag, .. } = self.phase {
            frame::encode_output(tag, stream, offset, bytes, &mut self.out);
        }
    }

    /// Reads once; [`Self::hear`] tells what it amounts to. `false` if the
    /// client is gone.
    pub fn listen(&mut self) -> bool {
        let mut piece = vec![0; 64 * 1024];
        match read(&self.fd, &mut piece) {
            Ok(0) => false,
            Ok(count) => {
                self.pending.extend_from_slice(&piece[..count]);
                true
            }
            Err(errno) => matches!(errno, Errno::EAGAIN | Errno::EINTR),
        }
    }

    /// The next of what was read, one at a time: what follows may belong to
    /// another client of the same port.
    pub fn hear(&mut self) -> Option<Heard> {
        loop {
            let piece = std::mem::take(&mut self.pending);
            match &mut self.phase {
                Phase::Scanning(scanner) => {
                    let (greeting, rest) = scanner.feed(&piece)?;
                    self.pending = rest;
                    if self.greet(&greeting) {
                        return Some(Heard::Greeted);
                    }
                }
                Phase::Talking { decoder, .. } => {
                    if !piece.is_empty() {
                        decoder.feed(&piece);
                    }
                    match decoder.next_frame() {
                        Ok(frame) => return frame.map(Heard::Frame),
                        Err(_) => return Some(self.give_up()),
                    }
                }
            }
        }
    }

    /// No frame: somebody else may have begun to speak.
    fn give_up(&mut self) -> Heard {
        let fresh = Phase::Scanning(Scanner::for_client());
        if let Phase::Talking { decoder, .. } = std::mem::replace(&mut self.phase, fresh) {
            self.pending = decoder.into_rest();
        }
        self.forget();
        Heard::Reset
    }

    /// Answers a greeting. `false` if that was all that can be said.
    fn greet(&mut self, theirs: &Greeting) -> bool {
        self.forget();
        let ours = Greeting { version: VERSION, nonce: theirs.nonce };
        self.out.extend_from_slice(&ours.encode(Side::Init));
        self.phase = Phase::Talking { tag: theirs.tag(), decoder: Decoder::new(theirs.tag(), MAX_TO_INIT) };
        let same = theirs.version == VERSION;
        if !same {
            self.say(&FromInit::Refused { why: Refusal::Version });
            self.phase = Phase::Scanning(Scanner::for_client());
        }
        same
    }

    /// Writes what it can. `false` if the client is gone.
    pub fn flush(&mut self) -> bool {
        while self.written < self.out.len() {
            match self.write() {
                Ok(0) | Err(Errno::EAGAIN) => break,
                Ok(count) => self.written += count,
                Err(Errno::EINTR) => {}
                Err(_) => return false,
            }
        }
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        } else if self.written > ENOUGH && self.attached.is_none() {
            self.out.drain(..self.written);
            self.written = 0;
        }
        true
    }

    /// Writes once: up to a descriptor, or from it on.
    fn write(&mut self) -> nix::Result<usize> {
        let waiting = &self.out[self.written..];
        match &self.attached {
            Some((at, descriptor)) if *at == self.written => {
                let descriptors = [descriptor.as_raw_fd()];
                let control = [ControlMessage::ScmRights(&descriptors)];
                let parts = [IoSlice::new(waiting)];
                let flags = MsgFlags::MSG_NOSIGNAL;
                let count = sendmsg::<()>(self.fd.as_raw_fd(), &parts, &control, flags, None)?;
                self.attached = None;
                Ok(count)
            }
            Some((at, _)) => write(&self.fd, &waiting[..at - self.written]),
            None => write(&self.fd, waiting),
        }
    }

    /// Whether the port still has nobody at its other end. Such a port is
    /// always readable: it gives the end of the stream.
    pub fn still_absent(&self) -> bool {
        let mut one = [PollFd::new(self.fd(), PollFlags::POLLIN)];
        let _ = nix::poll::poll(&mut one, PollTimeout::ZERO);
        one[0].revents().is_some_and(|now| now.contains(PollFlags::POLLHUP))
    }
}
