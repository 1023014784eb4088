// SPDX-License-Identifier: LGPL-2.1-or-later
//! One of the agent's halves: what it says, and what it is yet to be told.

use nix::poll::PollFlags;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use terrarium_protocol::agent::{Decoder, Header, Message, Piece};

/// What is read at a time, in bytes.
const PIECE: usize = 64 * 1024;
/// With more than this to be told it, its other half is not listened to.
const FULL: usize = 256 * 1024;
/// With more than this it takes nothing at all.
const STUCK: usize = 3 * super::LIMIT;

/// A half that is connected.
pub struct Side {
    socket: UnixStream,
    decoder: Decoder,
    /// What it is to be told.
    outlet: Outlet,
}

impl Side {
    /// Over a socket, which will never be waited for.
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket, decoder: Decoder::default(), outlet: Outlet::default() })
    }

    /// To be polled.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether there is something that it can be told now.
    pub fn has_more(&self) -> bool {
        self.outlet.next().is_some()
    }

    /// Whether it is to take what it has been told before it is told more.
    pub fn is_full(&self) -> bool {
        self.outlet.size > FULL
    }

    /// Whether it has stopped taking what it is told.
    pub fn is_stuck(&self) -> bool {
        self.outlet.size > STUCK
    }

    /// Reads what it says, if it `may` say something; an error at its end.
    pub fn hear(&mut self, ready: PollFlags, may: bool) -> io::Result<()> {
        if may && !ready.is_empty() {
            return self.read();
        }
        // It would be told again and again that it has ended.
        if ready.intersects(PollFlags::POLLHUP | PollFlags::POLLERR) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        match self.socket.read(&mut piece) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.decoder.feed(&piece[..count]);
                Ok(())
            }
            Err(error) => may_wait(error),
        }
    }

    /// The next piece of what it said; `keep` as for the decoder.
    pub fn piece(&mut self, keep: impl FnOnce(&Header) -> bool) -> Option<Piece> {
        self.decoder.piece(keep)
    }

    /// Tells it a piece of what its other half said.
    pub fn pass(&mut self, piece: Piece) {
        match piece {
            Piece::Message(message) => self.tell(message),
            Piece::Begin(header) => self.outlet.begin(header),
            Piece::Part(part) => self.outlet.part(part),
        }
    }

    /// Tells it something, in between.
    pub fn tell(&mut self, message: Message) {
        self.outlet.message(message);
    }

    /// Writes what it takes of it.
    pub fn write(&mut self) -> io::Result<()> {
        while let Some(next) = self.outlet.next() {
            match self.socket.write(next) {
                Ok(count) => self.outlet.advance(count),
                Err(error) => return may_wait(error),
            }
        }
        Ok(())
    }
}

fn may_wait(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(()),
        _ => Err(error),
    }
}

/// What is to be written, in order. A message that passes is not torn apart by
/// another one.
#[derive(Default)]
struct Outlet {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes of the first that are written.
    written: usize,
    /// Bytes that are not.
    size: usize,
    /// Bytes that are yet to come of the message that passes.
    rest: usize,
    /// What is to come behind it.
    held: Vec<Message>,
}

impl Outlet {
    fn begin(&mut self, header: Header) {
        self.rest = header.length as usize;
        self.push(header.encode().to_vec());
        self.let_go();
    }

    fn part(&mut self, part: Vec<u8>) {
        self.rest = self.rest.saturating_sub(part.len());
        self.push(part);
        self.let_go();
    }

    fn message(&mut self, message: Message) {
        if self.rest > 0 {
            self.size += message.content.len();
            self.held.push(message);
        } else {
            self.push(message.header.encode().to_vec());
            self.push(message.content);
        }
    }

    fn let_go(&mut self) {
        if self.rest == 0 {
            for message in std::mem::take(&mut self.held) {
                self.size -= message.content.len();
                self.message(message);
            }
        }
    }

    fn push(&mut self, chunk: Vec<u8>) {
        self.size += chunk.len();
        if !chunk.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    fn next(&self) -> Option<&[u8]> {
        self.chunks.front().map(|chunk| &chunk[self.written..])
    }

    fn advance(&mut self, count: usize) {
        self.written += count;
        self.size -= count;
        if self.chunks.front().is_some_and(|chunk| chunk.len() <= self.written) {
            self.chunks.pop_front();
            self.written = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrarium_protocol::agent::{DATA, GRAB, RELEASE};

    fn all(outlet: &mut Outlet, at_once: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(next) = outlet.next() {
            let count = next.len().min(at_once);
            out.extend_from_slice(&next[..count]);
            outlet.advance(count);
        }
        out
    }

    #[test]
    fn what_is_told_in_between_comes_behind_what_passes() {
        let mut outlet = Outlet::default();
        let header = Header { kind: DATA, selection: 0, format: 1, length: 5 };
        let release = Message::about_clipboard(RELEASE, 0, Vec::new());
        let grab = Message::about_clipboard(GRAB, 0, vec![1, 0, 0, 0]);
        outlet.begin(header);
        outlet.part(b"la".to_vec());
        outlet.message(release.clone());
        outlet.message(grab.clone());
        assert_eq!(all(&mut outlet, 3), [&header.encode()[..], b"la"].concat());
        assert!(outlet.size > 0 && outlet.next().is_none(), "nobody is to wait for what is held");
        outlet.part(b"rge".to_vec());
        let rest = [b"rge", &release.header.encode()[..], &grab.header.encode(), &grab.content].concat();
        assert_eq!(all(&mut outlet, 7), rest);
        assert_eq!(outlet.size, 0);
        // Nothing passes any more.
        outlet.begin(Header { length: 0, ..header });
        outlet.message(release);
        assert_eq!((all(&mut outlet, 100).len(), outlet.size), (32, 0));
    }

    #[test]
    fn a_half_that_takes_nothing_is_full_and_is_not_waited_for() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut side = Side::new(ours).unwrap();
        side.tell(Message::about_clipboard(DATA, 1, vec![b'x'; 8 << 20]));
        side.write().unwrap();
        assert!(side.is_full() && side.has_more());
        assert!(!side.is_stuck());
        side.hear(PollFlags::POLLIN, true).unwrap();
        side.hear(PollFlags::POLLIN, false).unwrap();
        drop(theirs);
        assert!(side.write().is_err());
        assert!(side.hear(PollFlags::POLLHUP, true).is_err(), "it has ended");
        assert!(side.hear(PollFlags::POLLHUP, false).is_err(), "and is not asked for ever");
        side.tell(Message::about_clipboard(DATA, 1, vec![b'x'; STUCK]));
        assert!(side.is_stuck());
    }
}
