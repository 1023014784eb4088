// SPDX-License-Identifier: LGPL-2.1-or-later
//! Stands between a server's socket and spice-glib's, and passes on what
//! [`Filter`] lets pass; in a thread, so that GTK's is not held up by it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread;

use crate::types::ChannelKind;
use crate::wire::{Filter, Refusal};

/// What is read at once, in bytes: of pictures, and of all else.
const LARGE: usize = 256 << 10;
const SMALL: usize = 16 << 10;
const STACK: usize = 256 << 10;

/// A socket that has what may be had of the server's; what is refused is told
/// once, and nothing comes any more.
pub(super) fn stand_before(
    server: OwnedFd,
    kind: ChannelKind,
    decoders: bool,
    refused: impl FnOnce(Refusal) + Send + 'static,
) -> io::Result<OwnedFd> {
    let (client, near) = UnixStream::pair()?;
    // Its kind is not asked for: it is read, written and shut like any socket.
    let server = UnixStream::from(server);
    near.set_nonblocking(true)?;
    server.set_nonblocking(true)?;
    let chunk = if kind == ChannelKind::Display { LARGE } else { SMALL };
    let mut guard =
        Guard { filter: Filter::new(kind, decoders), down: Flow::new(chunk), up: Flow::new(SMALL) };
    let run = move || {
        if let Err(Some(refusal)) = guard.run(&server, &near) {
            // The server hears nothing of it before the session has ended.
            refused(refusal);
            let _ = near.set_nonblocking(false);
            let _ = io::copy(&mut &near, &mut io::sink());
        }
    };
    thread::Builder::new().name(format!("spice {kind:?}")).stack_size(STACK).spawn(run)?;
    Ok(client.into())
}

/// Bytes on their way from one socket to the other.
struct Flow {
    /// Room for what is read, which is not cleared each time.
    room: Vec<u8>,
    chunk: usize,
    /// Up to where there is something, up to where that may be written, and up
    /// to where it was.
    filled: usize,
    passed: usize,
    written: usize,
    /// Nothing more comes.
    ended: bool,
}

struct Guard {
    filter: Filter,
    /// From the server, and to it.
    down: Flow,
    up: Flow,
}

impl Guard {
    /// Until both ends have said all; `Err(None)`: one of them is gone.
    fn run(&mut self, server: &UnixStream, near: &UnixStream) -> Result<(), Option<Refusal>> {
        loop {
            let [from_server, from_near] = wait(
                [server, near],
                [self.down.wants(), self.up.wants()],
                [self.up.is_due(), self.down.is_due()],
            )
            .map_err(|_| None)?;
            if from_server && self.down.wants() {
                self.down.read(server);
                let Flow { room, filled, passed, .. } = &mut self.down;
                *passed += self.filter.pass(&room[*passed..*filled]).map_err(Some)?;
            }
            if from_near && self.up.wants() {
                self.up.read(near);
                self.up.passed = self.up.filled;
            }
            self.down.write(near).map_err(|_| None)?;
            // A server that hears no more may still have something to say.
            if self.up.write(server).is_err() {
                self.up.ended = true;
                self.up.written = self.up.passed;
            }
            if self.up.ended && !self.up.is_due() {
                // spice-glib closes all at once.
                let _ = server.shutdown(Shutdown::Both);
            }
            if self.down.ended && !self.down.is_due() {
                let _ = near.shutdown(Shutdown::Write);
                if self.up.ended {
                    return Ok(());
                }
            }
        }
    }
}

impl Flow {
    fn new(chunk: usize) -> Flow {
        Flow { room: Vec::new(), chunk, filled: 0, passed: 0, written: 0, ended: false }
    }

    fn is_due(&self) -> bool {
        self.passed > self.written
    }

    /// Whether more is to be read: not before what may be written is.
    fn wants(&self) -> bool {
        !self.ended && !self.is_due()
    }

    fn read(&mut self, mut from: &UnixStream) {
        self.room.copy_within(self.written..self.filled, 0);
        self.filled -= self.written;
        (self.passed, self.written) = (0, 0);
        if self.room.len() < self.filled + self.chunk {
            self.room.resize(self.filled + self.chunk, 0);
        }
        match from.read(&mut self.room[self.filled..]) {
            Ok(0) => self.ended = true,
            Ok(count) => self.filled += count,
            Err(error) if is_for_now(&error) => {}
            Err(_) => self.ended = true,
        }
    }

    fn write(&mut self, mut to: &UnixStream) -> io::Result<()> {
        while self.is_due() {
            match to.write(&self.room[self.written..self.passed]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if is_for_now(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Waits until one of the sockets can be read or written as wanted; which can
/// be read, or is gone.
fn wait(sockets: [&UnixStream; 2], read: [bool; 2], write: [bool; 2]) -> io::Result<[bool; 2]> {
    let events =
        |at: usize| if read[at] { libc::POLLIN } else { 0 } | if write[at] { libc::POLLOUT } else { 0 };
    let poll = |at: usize| {
        let events = events(at);
        // Who wants nothing of a socket would be told for ever that it is gone.
        let fd = if events == 0 { -1 } else { sockets[at].as_raw_fd() };
        libc::pollfd { fd, events, revents: 0 }
    };
    let mut polled = [poll(0), poll(1)];
    loop {
        // SAFETY: there are two of them, which live.
        let got = unsafe { libc::poll(polled.as_mut_ptr(), 2, -1) };
        if got >= 0 {
            return Ok(polled.map(|one| one.revents & !libc::POLLOUT != 0));
        }
        let error = io::Error::last_os_error();
        if error.kind() != ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
