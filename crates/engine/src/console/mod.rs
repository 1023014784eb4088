// SPDX-License-Identifier: LGPL-2.1-or-later
//! The conversation with the init of a sandbox.
//!
//! A [`Console`] is a handle; two threads stand behind it. The *reader* takes
//! frames from the socket and calls the handler with each [`Event`]; while the
//! handler blocks nothing more is read, which is how back-pressure reaches the
//! command. The *writer* sends what was queued, input only as far as init gave
//! credit for it, so that no method here ever waits for the sandbox except
//! [`Console::input`].

mod channel;
mod connect;
mod pulse;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use connect::{greet, Patience};

use crate::error::Error;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use terrarium_protocol::display::{DisplayStatus, ScreenSize};
use terrarium_protocol::message::{Failure, Outcome, Refusal, Stage, Status};
use terrarium_protocol::orders::Size;
use terrarium_protocol::{FromInit, ToInit};
use writer::Outbox;

/// What a sandbox tells. Everything in it was bounded and checked for form; its
/// content is the sandbox's and not to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A step of the start was reached.
    Stage(Stage),
    /// The command (or the program of an exec) runs.
    Started {
        /// Its process id inside.
        pid: i32,
    },
    /// It has written all that it may ([`crate::profile::Files::writable`]):
    /// its programs are told that no space is left.
    Full,
    /// The layer can be looked at.
    Looking,
    /// It could not be started; a [`Event::Result`] follows.
    Failed(Failure),
    /// The command wrote this. Answer with [`Console::ack`] when it is dealt
    /// with, or no more will come after a while.
    Output {
        /// One of [`terrarium_protocol::message::stream`].
        stream: u8,
        /// Offset of the first byte in that stream.
        offset: u64,
        /// At most 64 KiB.
        bytes: Vec<u8>,
    },
    /// Output that this client would have got is gone.
    Gone {
        /// Which stream.
        stream: u8,
        /// How many bytes.
        bytes: u64,
    },
    /// A stream has ended.
    End {
        /// Which stream.
        stream: u8,
        /// Its whole length in bytes.
        offset: u64,
    },
    /// The command wants no more input.
    InputClosed,
    /// Who has the keyboard.
    Keyboard {
        /// Whether it is this client.
        yours: bool,
    },
    /// Another client changed the size of the terminal.
    Resized(Size),
    /// The screen is another than before.
    Display(DisplayStatus),
    /// It has ended. Answer with [`Console::received`] when this is in safe
    /// hands.
    Result(Outcome),
    /// Something that this client asked for was refused.
    Refused(Refusal),
    /// The conversation is over: init closed it, or is gone. Always last.
    Closed,
}

/// Keeps other clients off a machine's port while it is used, or says that a
/// sandbox has a client.
pub type Lock = nix::fcntl::Flock<std::fs::File>;

/// Takes events, on a thread of its own.
pub type Handler = Box<dyn FnMut(&Console, Event) + Send>;

/// One conversation. Clones are handles to the same one; it is closed by
/// [`Console::close`], by init, or when the last handle is gone.
#[derive(Clone)]
pub struct Console {
    inner: Arc<Inner>,
}

struct Inner {
    status: Status,
    outbox: Arc<Outbox>,
    socket: UnixStream,
    /// Files that stay locked while the conversation lasts.
    _locks: Vec<Lock>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // What was said last (that the result arrived) must get through, but
        // an init that does not read holds nobody up.
        let _ = self.socket.set_write_timeout(Some(std::time::Duration::from_secs(1)));
        self.outbox.finish();
    }
}

impl Console {
    /// What init said first.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.inner.status
    }

    /// Queues input. Returns at once; [`Self::input`] waits instead.
    pub fn queue_input(&self, bytes: &[u8]) {
        self.inner.outbox.queue_input(bytes);
    }

    /// Sends input, waiting while more than 256 KiB is under way. `false` if
    /// nobody will read it any more.
    #[must_use]
    pub fn input(&self, bytes: &[u8]) -> bool {
        self.inner.outbox.input(bytes)
    }

    /// No more input comes.
    pub fn close_input(&self) {
        self.inner.outbox.close_input();
    }

    /// Says that all before `offset` of `stream` has been dealt with.
    pub fn ack(&self, stream: u8, offset: u64) {
        self.say(&ToInit::Ack { stream, offset });
    }

    /// Says that nobody reads `stream` any more: the command gets SIGPIPE.
    pub fn close_output(&self, stream: u8) {
        self.say(&ToInit::CloseOutput { stream });
    }

    /// The terminal that shows the command has a new size.
    pub fn resize(&self, size: Size) {
        self.say(&ToInit::Resize(size));
    }

    /// The screen shall have this size; the nearest that it can have counts.
    pub fn resize_screen(&self, size: ScreenSize) {
        self.say(&ToInit::Screen(size.bounded()));
    }

    /// Asks for the keyboard.
    pub fn ask_keyboard(&self) {
        self.say(&ToInit::Keyboard);
    }

    /// Sends a signal to the command's process group.
    pub fn signal(&self, signal: i32) {
        self.say(&ToInit::Signal { signal });
        self.inner.outbox.pulse.ask();
        self.say(&ToInit::Ping { id: 0 });
    }

    /// Whether init has answered nothing since a signal that was sent so long
    /// ago: it hangs, or something else plays its part.
    #[must_use]
    pub fn is_silent(&self, patience: std::time::Duration) -> bool {
        self.inner.outbox.pulse.is_silent(patience)
    }

    /// TERM, and after `grace` milliseconds KILL.
    pub fn stop(&self, grace: u32) {
        self.say(&ToInit::Stop { grace });
    }

    /// The result is in safe hands: the sandbox may go.
    pub fn received(&self) {
        self.say(&ToInit::Received);
    }

    /// Ends the conversation, not the sandbox. What was queued is sent first,
    /// for at most a second. The handler gets [`Event::Closed`].
    pub fn close(&self) {
        self.inner.outbox.drain(std::time::Duration::from_secs(1));
        self.inner.outbox.close();
        let _ = self.inner.socket.shutdown(std::net::Shutdown::Both);
    }

    /// Asks for the next thing, once the last one has given its result.
    pub(crate) fn ask(&self, request: &ToInit) {
        self.say(request);
    }

    fn say(&self, message: &ToInit) {
        self.inner.outbox.control(message);
    }
}

/// A greeted socket on which nothing was asked for yet.
pub struct Greeted {
    socket: UnixStream,
    tag: terrarium_protocol::Tag,
    decoder: terrarium_protocol::Decoder,
    locks: Vec<Lock>,
    /// What init said first.
    pub status: Status,
}

impl Greeted {
    /// Holds this, too, as long as the conversation lasts.
    #[must_use]
    pub fn holding(mut self, lock: Option<Lock>) -> Self {
        self.locks.extend(lock);
        self
    }

    /// Asks for something and begins to listen.
    ///
    /// # Errors
    /// The threads could not be started.
    pub fn begin(self, request: &ToInit, handler: Handler) -> Result<Console, Error> {
        let failed = |source| Error::File {
            action: crate::error::FileAction::Connect,
            path: std::path::PathBuf::new(),
            source,
        };
        let input = self.status.input;
        let reading = self.socket.try_clone().map_err(failed)?;
        let writing = self.socket.try_clone().map_err(failed)?;
        // A program of its own has input of its own, from offset 0.
        let offset = if matches!(request, ToInit::Attach { .. }) { input } else { 0 };
        let outbox = Arc::new(Outbox::new(self.tag, offset));
        outbox.control(request);
        let console = Console {
            inner: Arc::new(Inner {
                status: self.status,
                outbox: outbox.clone(),
                socket: self.socket,
                _locks: self.locks,
            }),
        };
        writer::spawn(outbox.clone(), writing).map_err(failed)?;
        reader::spawn(&console, reading, self.decoder, outbox, handler).map_err(failed)?;
        Ok(console)
    }
}

/// A control message as JSON. Messages of ours always have one.
fn to_json(message: &ToInit) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

/// A control message of init. `None` if it is none.
fn from_json(payload: &[u8]) -> Option<FromInit> {
    serde_json::from_slice(payload).ok()
}
