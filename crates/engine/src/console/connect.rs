// SPDX-License-Identifier: LGPL-2.1-or-later
//! Finding init at the other end of a socket.

use super::Lock;
use super::{from_json, Greeted};
use crate::error::{Error, FileAction};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};
use terrarium_protocol::greeting::{padding, Side};
use terrarium_protocol::message::Status;
use terrarium_protocol::{Decoder, FromInit, Greeting, Scanner, MAX_FROM_INIT, MAX_TO_INIT, VERSION};

/// How long to wait for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Give up after this time.
    pub most: Duration,
    /// Greet again after this time without an answer: an earlier client may
    /// have been killed in the middle of a frame. `None` for a machine that
    /// boots: nobody was there before, and nobody reads yet.
    pub again: Option<Duration>,
}

impl Patience {
    /// For a sandbox that is starting.
    pub const START: Self = Self { most: Duration::from_secs(120), again: None };
    /// For a sandbox that runs.
    pub const ATTACH: Self = Self { most: Duration::from_secs(10), again: Some(Duration::from_secs(2)) };
    /// For a look at many sandboxes.
    pub const LOOK: Self = Self { most: Duration::from_secs(3), again: Some(Duration::from_secs(1)) };
}

/// Connects to the socket at `path` and exchanges greetings. `lock` stays
/// open as long as the conversation.
///
/// # Errors
/// Nobody listens, nobody answers in time, or init is of another version.
pub fn greet(path: &Path, lock: Option<Lock>, patience: Patience) -> Result<Greeted, Error> {
    let failed = |source| Error::File { action: FileAction::Connect, path: path.to_owned(), source };
    let mut socket = UnixStream::connect(path).map_err(failed)?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| failed(std::io::Error::other(error.to_string())))?;
    let greeting = Greeting::new(nonce);
    socket.write_all(&greeting.encode(Side::Client)).map_err(failed)?;
    let mut wait = Wait { socket: &mut socket, patience, begun: Instant::now(), greeted: Instant::now() };
    let (answer, rest) = wait.for_echo(&greeting).map_err(|error| error.at(path, patience))?;
    if answer.version != VERSION {
        return Err(Error::Version { theirs: answer.version });
    }
    let mut decoder = Decoder::new(greeting.tag(), MAX_FROM_INIT + 1024);
    decoder.feed(&rest);
    let status = wait.for_welcome(&mut decoder).map_err(|error| error.at(path, patience))?;
    socket.set_read_timeout(None).map_err(failed)?;
    Ok(Greeted { socket, tag: greeting.tag(), decoder, locks: lock.into_iter().collect(), status })
}

enum Fault {
    Io(std::io::Error),
    Late,
}

impl Fault {
    fn at(self, path: &Path, patience: Patience) -> Error {
        match self {
            Self::Io(source) => Error::File { action: FileAction::Connect, path: path.to_owned(), source },
            Self::Late => Error::NoAnswer { seconds: patience.most.as_secs() },
        }
    }
}

struct Wait<'a> {
    socket: &'a mut UnixStream,
    patience: Patience,
    begun: Instant,
    greeted: Instant,
}

impl Wait<'_> {
    fn for_echo(&mut self, greeting: &Greeting) -> Result<(Greeting, Vec<u8>), Fault> {
        let mut scanner = Scanner::for_echo(greeting.nonce);
        loop {
            if let Some(piece) = self.piece()? {
                if let Some(found) = scanner.feed(&piece) {
                    return Ok(found);
                }
            } else if self.patience.again.is_some_and(|again| self.greeted.elapsed() > again) {
                self.greeted = Instant::now();
                self.greet_again(greeting)?;
            }
        }
    }

    /// Zeros end whatever frame init still waits for the rest of. A full
    /// socket is no fault: then init is busy, and what is there will do.
    fn greet_again(&mut self, greeting: &Greeting) -> Result<(), Fault> {
        let mut bytes = padding(MAX_TO_INIT.min(64 * 1024));
        bytes.extend(greeting.encode(Side::Client));
        self.socket.set_write_timeout(Some(Duration::from_millis(200))).map_err(Fault::Io)?;
        match self.socket.write_all(&bytes) {
            Err(error) if !would_block(&error) => Err(Fault::Io(error)),
            _ => self.socket.set_write_timeout(None).map_err(Fault::Io),
        }
    }

    fn for_welcome(&mut self, decoder: &mut Decoder) -> Result<Status, Fault> {
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => {
                    if let Some(FromInit::Welcome(status)) = from_json(&frame.payload) {
                        return Ok(*status);
                    }
                }
                Ok(None) => {
                    if let Some(piece) = self.piece()? {
                        decoder.feed(&piece);
                    }
                }
                Err(error) => return Err(Fault::Io(std::io::Error::other(error))),
            }
        }
    }

    /// What arrives within a short while, if anything.
    fn piece(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        if self.begun.elapsed() > self.patience.most {
            return Err(Fault::Late);
        }
        self.socket.set_read_timeout(Some(Duration::from_millis(100))).map_err(Fault::Io)?;
        let mut piece = vec![0; 16 * 1024];
        match self.socket.read(&mut piece) {
            Ok(0) => Err(Fault::Io(ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                piece.truncate(count);
                Ok(Some(piece))
            }
            Err(error) if would_block(&error) => Ok(None),
            Err(error) => Err(Fault::Io(error)),
        }
    }
}

fn would_block(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
