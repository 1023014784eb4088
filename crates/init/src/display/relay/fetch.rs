// SPDX-License-Identifier: LGPL-2.1-or-later
//! Out of the sandbox: looks whether a program that copied something has HTML
//! of it, and fetches that when it is asked for. One that has nothing else is
//! none for the agent: it is offered without. The program may take its time,
//! or say anything: nothing is waited for without end, and no more is kept
//! than may pass.

use super::board::Board;
use super::{Result, LIMIT};
use std::time::{Duration, Instant};
use terrarium_protocol::agent::{Message, DATA, GRAB, HTML, RELEASE};
use x11rb::protocol::xproto::{Property, Window};
use x11rb::protocol::Event;
use x11rb::NONE;

/// How long a program may take to say what it has: others wait for it.
const NAMES: Duration = Duration::from_secs(1);
/// How long it may take between two pieces of it.
const STEP: Duration = Duration::from_secs(5);
/// And for all of it: who asked gives up after ten seconds.
const WHOLE: Duration = Duration::from_secs(9);
/// Bytes of the names of what it has.
const NAMES_MAX: usize = 64 * 1024;

/// What something is fetched for.
enum What {
    /// To see whether somebody has HTML alone.
    Look,
    /// To complete this offer.
    Offer(Message),
    /// For whoever asked.
    Html,
}

/// Something that is being fetched.
struct Fetching {
    what: What,
    /// Of its own, so that late answers to another question are none to this.
    window: Window,
    /// It comes in pieces.
    in_pieces: bool,
    got: Vec<u8>,
    next: Instant,
    last: Instant,
}

/// Fetches one thing at a time.
#[derive(Default)]
pub struct Fetch {
    now: Option<Fetching>,
    /// What was offered the agent knows nothing of.
    alone: bool,
}

impl Fetch {
    /// Somebody copied something: what he offers is completed and told.
    pub fn complete(&mut self, board: &Board, offer: Message, told: &mut Vec<Message>) -> Result<()> {
        self.give_up(board, told)?;
        self.begin(board, What::Offer(offer), board.names.TARGETS, NAMES)
    }

    /// Somebody else owns the clipboard, or nobody any more.
    pub fn changed(&mut self, board: &Board, owner: Window, told: &mut Vec<Message>) -> Result<()> {
        let was_alone = std::mem::take(&mut self.alone);
        if owner == NONE && was_alone {
            told.push(Message::about_clipboard(RELEASE, 0, Vec::new()));
        }
        if owner == NONE || owner == board.window {
            return Ok(());
        }
        self.give_up(board, told)?;
        self.begin(board, What::Look, board.names.TARGETS, NAMES)
    }

    /// Somebody pastes HTML.
    pub fn html(&mut self, board: &Board, told: &mut Vec<Message>) -> Result<()> {
        let owner = board.owner()?;
        if self.now.is_some() || owner == board.window || owner == NONE {
            told.push(nothing());
            return Ok(());
        }
        self.begin(board, What::Html, board.names.HTML, STEP)
    }

    fn begin(&mut self, board: &Board, what: What, target: u32, patience: Duration) -> Result<()> {
        let (window, now) = (board.open_window()?, Instant::now());
        board.convert(window, target, x11rb::CURRENT_TIME)?;
        let last = now + if matches!(what, What::Html) { WHOLE } else { patience };
        let next = now + patience;
        self.now = Some(Fetching { what, window, in_pieces: false, got: Vec::new(), next, last });
        Ok(())
    }

    /// What is being fetched is not wanted any more. An offer is not told.
    pub fn give_up(&mut self, board: &Board, told: &mut Vec<Message>) -> Result<()> {
        let Some(fetching) = self.now.take() else { return Ok(()) };
        if matches!(fetching.what, What::Html) {
            told.push(nothing());
        }
        board.close_window(fetching.window)
    }

    /// What was copied in the sandbox is gone: it is not offered any more.
    pub fn withdraw(&mut self, board: &Board) -> Result<()> {
        let offer = self.now.take_if(|fetching| matches!(fetching.what, What::Offer(_)));
        offer.map_or(Ok(()), |fetching| board.close_window(fetching.window))
    }

    /// Whether what is offered is none of the agent's.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// Whether this window is one that something is fetched into.
    pub fn has(&self, window: Window) -> bool {
        self.now.as_ref().is_some_and(|fetching| fetching.window == window)
    }

    /// Hears what comes of it.
    pub fn hear(&mut self, board: &Board, event: &Event, told: &mut Vec<Message>) -> Result<()> {
        let Some(fetching) = &mut self.now else { return Ok(()) };
        let comes = match event {
            Event::SelectionNotify(answer) if answer.requestor == fetching.window => {
                if answer.property == NONE {
                    return self.finish(board, None, told);
                }
                !fetching.in_pieces
            }
            Event::PropertyNotify(change) => {
                let ours = change.window == fetching.window && change.atom == board.names.TERRARIUM_CONTENT;
                ours && fetching.in_pieces && change.state == Property::NEW_VALUE
            }
            _ => false,
        };
        if comes {
            self.take(board, told)?;
        }
        Ok(())
    }

    fn take(&mut self, board: &Board, told: &mut Vec<Message>) -> Result<()> {
        let Some(fetching) = &mut self.now else { return Ok(()) };
        let limit = if matches!(fetching.what, What::Html) { LIMIT } else { NAMES_MAX };
        let (kind, piece) = board.take(fetching.window, limit - fetching.got.len())?;
        if kind == board.names.INCR && !fetching.in_pieces {
            // That it was taken asks for the first piece.
            fetching.in_pieces = true;
            fetching.next = Instant::now() + STEP;
            return Ok(());
        }
        let Some(piece) = piece else { return self.finish(board, None, told) };
        let over = !fetching.in_pieces || piece.is_empty();
        fetching.got.extend(piece);
        fetching.next = Instant::now() + STEP;
        if over {
            let got = std::mem::take(&mut fetching.got);
            return self.finish(board, Some(got), told);
        }
        Ok(())
    }

    fn finish(&mut self, board: &Board, got: Option<Vec<u8>>, told: &mut Vec<Message>) -> Result<()> {
        let Some(fetching) = self.now.take() else { return Ok(()) };
        board.close_window(fetching.window)?;
        let got = got.unwrap_or_default();
        match fetching.what {
            What::Look => {
                let names = atoms(&got).filter_map(|name| board.format_of(name)).collect::<Vec<_>>();
                self.alone = names == [HTML];
                if self.alone {
                    told.push(Message::about_clipboard(GRAB, 0, Vec::new()).with(HTML));
                }
            }
            What::Offer(offer) => {
                let has_html = atoms(&got).any(|name| name == board.names.HTML);
                told.push(if has_html { offer.with(HTML) } else { offer });
            }
            What::Html => told.push(Message::about_clipboard(DATA, HTML, got)),
        }
        Ok(())
    }

    /// Gives up what takes too long: an offer is told as it was.
    pub fn expire(&mut self, board: &Board, told: &mut Vec<Message>) -> Result<()> {
        match self.deadline() {
            Some(deadline) if deadline <= Instant::now() => self.finish(board, None, told),
            _ => Ok(()),
        }
    }

    /// When that is.
    pub fn deadline(&self) -> Option<Instant> {
        self.now.as_ref().map(|fetching| fetching.next.min(fetching.last))
    }
}

fn nothing() -> Message {
    Message::about_clipboard(DATA, HTML, Vec::new())
}

/// The atoms in a property's bytes.
fn atoms(names: &[u8]) -> impl Iterator<Item = u32> + '_ {
    names.chunks_exact(4).filter_map(|name| name.try_into().map(u32::from_ne_bytes).ok())
}
