// SPDX-License-Identifier: LGPL-2.1-or-later
//! A copy of init that stands between the two halves of the agent, and knows
//! of the clipboard what they do not: HTML. What they say to each other passes
//! as it is, but
//!
//! - what a program in the sandbox offers is completed by HTML, if it has some,
//!   which is fetched from it when it is asked for ([`fetch`]);
//! - where this desktop offers HTML, this copy owns the clipboard, and serves it
//!   with all that comes along ([`serve`]): the agent would leave it out.
//!
//! Where the agent is of a version that is not known everything passes.

mod board;
mod fetch;
mod serve;
mod side;

use super::confined::{nothing, Confined};
use super::server::{AGENT_RELAY, AGENT_SOCKET};
use super::socket::Socket;
use crate::build::Place;
use board::Board;
use fetch::Fetch;
use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::unistd::Pid;
use serve::Serve;
use side::Side;
use std::convert::Infallible;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Instant;
use terrarium_protocol::agent::{
    Header, Message, Piece, CLIPBOARD, DATA, DISCONNECTED, GRAB, HTML, RELEASE, REQUEST, VERSION,
};
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::Event;
use x11rb::NONE;

/// Whether the connection to the server holds.
type Result<T> = std::result::Result<T, ReplyOrIdError>;

/// Bytes of HTML that are fetched, or taken; a viewer takes no more.
const LIMIT: usize = 64 << 20;
/// Bytes of any other message that is kept.
const SMALL: u32 = 1024;

/// Starts it beside a server that is up, for agents of this owner.
pub fn start(
    (place, uid): (Place, u32),
    cookie: &[u8; 16],
    log: &OwnedFd,
    owner: (u32, u32),
) -> nix::Result<Pid> {
    // The one of before would be in its way.
    let _ = std::fs::remove_file(AGENT_RELAY);
    let socket = Socket::listen(Path::new(AGENT_RELAY), owner)?;
    let null = nothing()?;
    let descriptors = [null.as_fd(), socket.listener(), log.as_fd()];
    let confined = Confined { place, uid, descriptors: &descriptors };
    confined.spawn(|| Ok(()), || stand_between(cookie))
}

/// In the copy: descriptor 1 is where the agent comes.
fn stand_between(cookie: &[u8; 16]) -> nix::Result<Infallible> {
    let lost = |error: String| {
        eprintln!("terrarium: clipboard: {error}");
        Errno::EPIPE
    };
    // SAFETY: it was put there for this process alone.
    let listener = UnixListener::from(unsafe { OwnedFd::from_raw_fd(1) });
    listener.set_nonblocking(true).map_err(|error| lost(error.to_string()))?;
    let board = Board::connect(cookie).map_err(lost)?;
    let (fetch, serve) = (Fetch::default(), Serve::default());
    let relay = Relay { board, listener, talk: None, known: false, fetch, serve };
    relay.run().map_err(|error| lost(error.to_string()))
}

/// The agent's halves, as long as both are there.
struct Talk {
    /// Who speaks to the display.
    client: Side,
    /// Who speaks to SPICE.
    daemon: Side,
    /// What was copied in the sandbox was offered.
    offered: bool,
}

struct Relay {
    board: Board,
    listener: UnixListener,
    talk: Option<Talk>,
    /// What the agent's halves say is known.
    known: bool,
    fetch: Fetch,
    serve: Serve,
}

impl Relay {
    fn run(mut self) -> Result<Infallible> {
        loop {
            let mut told = Vec::new();
            self.hear_server(&mut told)?;
            self.fetch.expire(&self.board, &mut told)?;
            self.serve.expire(&self.board, &mut told)?;
            self.tell(told);
            self.board.flush()?;
            self.wait()?;
        }
    }

    fn hear_server(&mut self, told: &mut Vec<Message>) -> Result<()> {
        while let Some(event) = self.board.event()? {
            match &event {
                // A window of ours wants nothing: somebody pretends it.
                Event::SelectionRequest(one) if self.is_ours(one.requestor) => continue,
                Event::XfixesSelectionNotify(change) if self.known => {
                    self.fetch.changed(&self.board, change.owner, told)?;
                }
                _ => {}
            }
            self.fetch.hear(&self.board, &event, told)?;
            self.serve.hear(&self.board, &event, told)?;
        }
        Ok(())
    }

    fn is_ours(&self, window: u32) -> bool {
        window == self.board.window || self.fetch.has(window)
    }

    /// What the half that speaks to SPICE is told.
    fn tell(&mut self, told: Vec<Message>) {
        let Some(talk) = &mut self.talk else { return };
        for message in told {
            talk.offered |= message.header.kind == GRAB;
            talk.daemon.tell(message);
        }
    }

    fn wait(&mut self) -> Result<()> {
        let events = |side: &Side, other: &Side| {
            let (read, write) = (!other.is_full(), side.has_more());
            let mut events = PollFlags::empty();
            events.set(PollFlags::POLLIN, read);
            events.set(PollFlags::POLLOUT, write);
            events
        };
        let mut fds = vec![PollFd::new(self.board.fd(), PollFlags::POLLIN)];
        match &self.talk {
            Some(Talk { client, daemon, .. }) => fds.extend([
                PollFd::new(client.fd(), events(client, daemon)),
                PollFd::new(daemon.fd(), events(daemon, client)),
            ]),
            // One agent at a time: the next one waits.
            None => fds.push(PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)),
        }
        let _ = poll(&mut fds, self.patience());
        let now = |at: usize| fds.get(at).and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        let ready = [now(1), now(2)];
        match self.talk.take() {
            Some(talk) => self.go_on(talk, ready),
            None if ready[0].is_empty() => Ok(()),
            None => {
                self.talk = self.accept().ok();
                Ok(())
            }
        }
    }

    fn patience(&self) -> PollTimeout {
        let deadline = self.fetch.deadline().into_iter().chain(self.serve.deadline()).min();
        let rest = deadline.map(|at| at.saturating_duration_since(Instant::now()).as_millis() + 1);
        rest.map_or(PollTimeout::NONE, |rest| PollTimeout::try_from(rest).unwrap_or(PollTimeout::MAX))
    }

    fn accept(&self) -> io::Result<Talk> {
        let (client, _) = self.listener.accept()?;
        let daemon = UnixStream::connect(AGENT_SOCKET)?;
        Ok(Talk { client: Side::new(client)?, daemon: Side::new(daemon)?, offered: false })
    }

    /// Hears both halves and tells them; without either there is no agent.
    fn go_on(&mut self, mut talk: Talk, ready: [PollFlags; 2]) -> Result<()> {
        let client = talk.client.hear(ready[0], !talk.daemon.is_full());
        let daemon = talk.daemon.hear(ready[1], !talk.client.is_full());
        let mut told = Vec::new();
        self.hear_client(&mut talk, &mut told)?;
        self.hear_daemon(&mut talk, &mut told)?;
        let written = talk.client.write().and(talk.daemon.write());
        let takes = !talk.daemon.is_stuck();
        if takes && client.and(daemon).and(written).is_ok() {
            self.talk = Some(talk);
            self.tell(told);
            return Ok(());
        }
        self.known = false;
        self.fetch.give_up(&self.board, &mut told)?;
        self.serve.release(&self.board)
    }

    fn hear_client(&mut self, talk: &mut Talk, told: &mut Vec<Message>) -> Result<()> {
        let known = self.known;
        let keep = |header: &Header| known && is_about_clipboard(header) && header.length <= SMALL;
        while let Some(piece) = talk.client.piece(|one| keep(one) && matches!(one.kind, GRAB | RELEASE)) {
            let Piece::Message(message) = piece else {
                talk.daemon.pass(piece);
                continue;
            };
            if message.header.kind == GRAB {
                let owner = self.board.owner()?;
                // That it became the owner was heard before this.
                self.hear_server(told)?;
                // It looks at all that is offered: it is not to give back what
                // it was given.
                if owner != NONE && owner != self.board.window {
                    self.fetch.complete(&self.board, message, told)?;
                }
                continue;
            }
            self.fetch.withdraw(&self.board)?;
            if !self.fetch.is_alone() && std::mem::take(&mut talk.offered) {
                talk.daemon.tell(message);
            }
        }
        Ok(())
    }

    fn hear_daemon(&mut self, talk: &mut Talk, told: &mut Vec<Message>) -> Result<()> {
        loop {
            let (known, serve) = (self.known, &self.serve);
            let keep = |header: &Header| match header.kind {
                VERSION => header.length <= SMALL,
                DATA => {
                    let ours = is_about_clipboard(header) && serve.awaits(header.format);
                    known && ours && header.length as usize <= LIMIT
                }
                DISCONNECTED => known && header.length <= SMALL,
                GRAB | REQUEST | RELEASE => known && is_about_clipboard(header) && header.length <= SMALL,
                _ => false,
            };
            match talk.daemon.piece(keep) {
                Some(Piece::Message(message)) => self.daemon_says(talk, message, told)?,
                Some(piece) => talk.client.pass(piece),
                None => return Ok(()),
            }
        }
    }

    fn daemon_says(&mut self, talk: &mut Talk, message: Message, told: &mut Vec<Message>) -> Result<()> {
        match message.header.kind {
            GRAB => {
                talk.offered = false;
                if message.formats().contains(&HTML) {
                    return self.serve.offer(&self.board, message.formats());
                }
                self.serve.give_way();
            }
            DATA => return self.serve.hand_over(&self.board, message, told),
            REQUEST if message.header.format == HTML => return self.fetch.html(&self.board, told),
            VERSION => self.known = message.is_known_version(),
            RELEASE | DISCONNECTED => self.serve.release(&self.board)?,
            _ => {}
        }
        talk.client.tell(message);
        Ok(())
    }
}

fn is_about_clipboard(header: &Header) -> bool {
    header.selection == CLIPBOARD
}
