// SPDX-License-Identifier: LGPL-2.1-or-later
//! Into the sandbox: owns the clipboard for this desktop where that has HTML
//! of it, and asks for what a program wants when it wants it; one thing at a
//! time, each for one program only. Programs that ask and do not take what
//! they asked for are not waited for.

use super::board::Board;
use super::Result;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use terrarium_protocol::agent::{Message, REQUEST};
use x11rb::protocol::xproto::{AtomEnum, Property, PropertyNotifyEvent, SelectionRequestEvent};
use x11rb::protocol::Event;
use x11rb::NONE;

/// How long this desktop may take to hand something over.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a program may take to fetch the next piece.
const STEP: Duration = Duration::from_secs(10);
/// Bytes that are put somewhere at once.
const PIECE: usize = 256 * 1024;
/// Programs that may wait; contents that may be under way in pieces.
const MOST: usize = 16;
const MOST_UNDER_WAY: usize = 4;

/// What is owned.
struct Owned {
    formats: Vec<u32>,
    since: u32,
}

/// What this desktop was asked for.
struct Asked {
    format: u32,
    by: SelectionRequestEvent,
    until: Instant,
}

/// Something large on its way to a program.
struct UnderWay {
    to: SelectionRequestEvent,
    kind: u32,
    content: Vec<u8>,
    at: usize,
    until: Instant,
}

/// What programs in the sandbox are offered and given.
#[derive(Default)]
pub struct Serve {
    /// What is to be owned as soon as the time is known.
    wanted: Option<Vec<u32>>,
    owned: Option<Owned>,
    asked: Option<Asked>,
    waiting: VecDeque<(u32, SelectionRequestEvent)>,
    under_way: Vec<UnderWay>,
}

impl Serve {
    /// Offers these formats.
    pub fn offer(&mut self, board: &Board, formats: Vec<u32>) -> Result<()> {
        self.wanted = Some(formats);
        board.ask_time()
    }

    /// Somebody else offers something.
    pub fn give_way(&mut self) {
        self.wanted = None;
    }

    /// Offers nothing more. What is under way comes to its end.
    pub fn release(&mut self, board: &Board) -> Result<()> {
        self.wanted = None;
        if let Some(owned) = self.owned.take() {
            board.own(NONE, owned.since)?;
        }
        self.refuse_all(board)
    }

    fn refuse_all(&mut self, board: &Board) -> Result<()> {
        let asked = self.asked.take().map(|asked| asked.by);
        let waiting = self.waiting.drain(..).map(|(_, by)| by);
        asked.into_iter().chain(waiting).try_for_each(|by| board.answer(&by, None))
    }

    /// Whether an answer in that format is for a program here; 0 is what is
    /// said where nobody answers.
    pub fn awaits(&self, format: u32) -> bool {
        self.asked.as_ref().is_some_and(|asked| format == asked.format || format == 0)
    }

    /// Hands over what this desktop answered.
    pub fn hand_over(&mut self, board: &Board, answer: Message, told: &mut Vec<Message>) -> Result<()> {
        let Some(Asked { by, format, .. }) = self.asked.take() else { return Ok(()) };
        let content = if answer.header.format == format { answer.content } else { Vec::new() };
        let (property, kind) = (property_of(&by), board.type_of(by.target));
        if content.is_empty() || (content.len() > PIECE && self.under_way.len() >= MOST_UNDER_WAY) {
            board.answer(&by, None)?;
        } else if content.len() <= PIECE {
            board.put(by.requestor, property, kind, &content)?;
            board.answer(&by, Some(property))?;
        } else {
            board.hear(by.requestor, true)?;
            board.put_numbers(by.requestor, property, board.names.INCR, &[content.len() as u32])?;
            board.answer(&by, Some(property))?;
            let until = Instant::now() + STEP;
            self.under_way.push(UnderWay { to: by, kind, content, at: 0, until });
        }
        self.ask_next(told);
        Ok(())
    }

    /// Hears what programs want.
    pub fn hear(&mut self, board: &Board, event: &Event, told: &mut Vec<Message>) -> Result<()> {
        match event {
            Event::SelectionRequest(request) => self.request(board, *request, told),
            Event::SelectionClear(clear)
                if clear.owner == board.window && clear.selection == board.names.CLIPBOARD =>
            {
                // It is somebody else's by now, unless somebody only says so.
                if board.owner()? != board.window {
                    self.owned = None;
                    self.refuse_all(board)?;
                }
                Ok(())
            }
            Event::PropertyNotify(change) if change.window == board.window => {
                if change.atom == board.names.TIMESTAMP {
                    self.own(board, change.time)?;
                }
                Ok(())
            }
            Event::PropertyNotify(change) if change.state == Property::DELETE => self.go_on(board, change),
            _ => Ok(()),
        }
    }

    fn own(&mut self, board: &Board, time: u32) -> Result<()> {
        let Some(formats) = self.wanted.take() else { return Ok(()) };
        board.own(board.window, time)?;
        // Somebody may have been faster.
        if board.owner()? == board.window {
            self.owned = Some(Owned { formats, since: time });
        }
        Ok(())
    }

    fn request(&mut self, board: &Board, by: SelectionRequestEvent, told: &mut Vec<Message>) -> Result<()> {
        let Some(owned) = self.owned.as_ref().filter(|_| by.selection == board.names.CLIPBOARD) else {
            return board.answer(&by, None);
        };
        let property = property_of(&by);
        if by.target == board.names.TARGETS {
            let own = [board.names.TARGETS, board.names.TIMESTAMP];
            let targets = [&own[..], &board.targets(&owned.formats)].concat();
            board.put_numbers(by.requestor, property, AtomEnum::ATOM.into(), &targets)?;
            return board.answer(&by, Some(property));
        }
        if by.target == board.names.TIMESTAMP {
            board.put_numbers(by.requestor, property, AtomEnum::INTEGER.into(), &[owned.since])?;
            return board.answer(&by, Some(property));
        }
        let offered = board.format_of(by.target).filter(|format| owned.formats.contains(format));
        match offered.filter(|_| self.waiting.len() < MOST) {
            Some(format) => self.waiting.push_back((format, by)),
            None => board.answer(&by, None)?,
        }
        self.ask_next(told);
        Ok(())
    }

    /// Asks this desktop, which answers one question after the other.
    fn ask_next(&mut self, told: &mut Vec<Message>) {
        if self.asked.is_some() {
            return;
        }
        if let Some((format, by)) = self.waiting.pop_front() {
            told.push(Message::about_clipboard(REQUEST, format, Vec::new()));
            self.asked = Some(Asked { format, by, until: Instant::now() + ANSWER });
        }
    }

    /// A program has taken a piece: the next one comes, and an empty one last.
    fn go_on(&mut self, board: &Board, change: &PropertyNotifyEvent) -> Result<()> {
        let is = |one: &UnderWay| one.to.requestor == change.window && property_of(&one.to) == change.atom;
        let Some(at) = self.under_way.iter().position(is) else { return Ok(()) };
        let one = &mut self.under_way[at];
        let end = one.content.len().min(one.at + PIECE);
        board.put(one.to.requestor, change.atom, one.kind, &one.content[one.at..end])?;
        if one.at < end {
            (one.at, one.until) = (end, Instant::now() + STEP);
            return Ok(());
        }
        self.stop(board, at)
    }

    fn stop(&mut self, board: &Board, at: usize) -> Result<()> {
        let window = self.under_way.swap_remove(at).to.requestor;
        if self.under_way.iter().any(|one| one.to.requestor == window) {
            return Ok(());
        }
        board.hear(window, false)
    }

    /// Gives up what takes too long.
    pub fn expire(&mut self, board: &Board, told: &mut Vec<Message>) -> Result<()> {
        let now = Instant::now();
        while let Some(at) = self.under_way.iter().position(|one| one.until <= now) {
            self.stop(board, at)?;
        }
        if let Some(asked) = self.asked.take_if(|asked| asked.until <= now) {
            board.answer(&asked.by, None)?;
            self.ask_next(told);
        }
        Ok(())
    }

    /// When that is.
    pub fn deadline(&self) -> Option<Instant> {
        let asked = self.asked.iter().map(|asked| asked.until);
        asked.chain(self.under_way.iter().map(|one| one.until)).min()
    }
}

/// Where a program wants its content; older ones do not say.
fn property_of(request: &SelectionRequestEvent) -> u32 {
    if request.property == NONE {
        request.target
    } else {
        request.property
    }
}
