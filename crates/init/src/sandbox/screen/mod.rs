// SPDX-License-Identifier: LGPL-2.1-or-later
//! A sandbox with a screen: the command waits for it, and what runs beside it
//! does not hold the sandbox up.
//!
//! | module | about |
//! |---|---|
//! | [`beside`] | programs beside the command |
//! | [`requests`] | what clients ask of the screen |
//! | [`left`] | its end, when nobody is left |

mod beside;
mod left;
mod requests;

use super::Sandbox;
use crate::conversation::About;
use crate::display::{Beside, Display, Lost, Source, LOOK, SOON};
use crate::fault::Result;
use crate::job::Job;
use nix::errno::Errno;
use nix::unistd::Pid;
use std::time::Instant;
use terrarium_protocol::message::{Failure, Stage};
use terrarium_protocol::orders::Orders;
use terrarium_protocol::FromInit;

/// A start that waits for the display.
pub struct Pending {
    /// Who asked for it.
    pub talk: u64,
    /// What is to be started.
    pub orders: Box<Orders>,
}

/// The display, and who runs beside it.
#[derive(Default)]
pub struct Screen {
    pub(in crate::sandbox) display: Option<Display>,
    pub(in crate::sandbox) pending: Option<Pending>,
    /// Programs by the numbers of their jobs.
    beside: Vec<(u32, Beside)>,
    /// Programs that are to be started as soon as what they need is there.
    awaited: Vec<Beside>,
    looked: Option<Instant>,
    windowless_since: Option<Instant>,
}

impl Screen {
    /// What there is to read.
    pub fn sources(&self) -> Vec<(Source, std::os::fd::BorrowedFd<'_>)> {
        self.display.as_ref().map(Display::sources).unwrap_or_default()
    }
}

impl Sandbox {
    /// Starts the display; the command comes when that is up.
    pub(in crate::sandbox) fn begin_display(&mut self, talk: usize, orders: &Orders) -> Result<()> {
        let Some(display) = orders.display.clone() else { return Ok(()) };
        self.tell_now(talk, &FromInit::Stage(Stage::Display));
        self.screen.display = Some(Display::begin(display, self.place, &orders.user, orders.id_base)?);
        self.screen.pending = Some(Pending { talk: self.talks[talk].id, orders: Box::new(orders.clone()) });
        let prepares = orders.display.iter().map(|one| one.prepare.len()).sum();
        self.screen.awaited = vec![Beside::Bus, Beside::Manager];
        let sound = orders.display.as_ref().and_then(|one| one.sound_server.as_ref());
        self.screen.awaited.extend(sound.map(|_| Beside::Sound));
        self.screen.awaited.extend((0..prepares).map(Beside::Prepare));
        // A bus does not need the screen, and is there when that is.
        self.start_awaited();
        Ok(())
    }

    /// Hears one of the display's sources.
    pub(crate) fn hear_display(&mut self, source: Source) {
        let Some(display) = &mut self.screen.display else { return };
        if display.hear(source) {
            self.tell_display();
        }
    }

    /// Tells everybody how the screen is.
    fn tell_display(&mut self) {
        let Some(status) = self.display_status() else { return };
        for talk in self.talks.iter_mut().filter(|talk| talk.about == About::Job(0)) {
            talk.say(&FromInit::Display(status));
        }
    }

    pub(in crate::sandbox) fn display_status(&self) -> Option<terrarium_protocol::display::DisplayStatus> {
        let agent = self.screen.beside.iter().any(|(_, what)| *what == Beside::Agent);
        self.screen.display.as_ref().map(|display| display.status(agent))
    }

    /// What is due about the display.
    pub(in crate::sandbox) fn tick_display(&mut self) {
        self.screen.display.iter_mut().for_each(Display::tick);
        self.start_awaited();
        if self.screen.pending.is_some() {
            let Some(display) = &self.screen.display else { return };
            if let Some(failure) = display.is_late() {
                self.give_up_display(failure);
            } else if display.is_ready(!self.is_being_prepared()) {
                self.display_is_ready();
            }
        } else {
            self.notice_that_only_the_display_is_left();
        }
    }

    fn display_is_ready(&mut self) {
        let Some(Pending { talk, orders }) = self.screen.pending.take() else { return };
        let starter = self.talks.iter().position(|one| one.id == talk);
        self.start_command(starter, &orders);
        // Waited for without end, it would keep init awake.
        let comes = |display: &Display| display.orders().agent.is_some() && !display.is_ending();
        if self.screen.display.as_ref().is_some_and(comes) {
            self.screen.awaited.push(Beside::Agent);
        }
        self.screen.display.iter_mut().for_each(Display::command_started);
        self.tell_display();
    }

    /// The display did not come up, or is not wanted any more: neither does
    /// the command.
    pub(in crate::sandbox) fn give_up_display(&mut self, failure: Failure) {
        let Some(Pending { talk, .. }) = self.screen.pending.take() else { return };
        self.end_display();
        self.leases.clear();
        if let Some(talk) = self.talks.iter_mut().find(|one| one.id == talk) {
            talk.say(&FromInit::Failed(failure.clone()));
        }
        self.jobs.push(Job::failed(0, Some(failure)));
        self.end_the_rest();
    }

    /// Nothing of the display comes again.
    pub(in crate::sandbox) fn end_display(&mut self) {
        self.screen.beside.clear();
        self.screen.awaited.clear();
        if let Some(display) = &mut self.screen.display {
            display.end();
        }
    }

    /// Looks whether a process that ended was the display's.
    pub(in crate::sandbox) fn display_lost(&mut self, pid: Pid) -> bool {
        let Some(display) = &mut self.screen.display else { return false };
        match display.lost(pid) {
            Some(Lost::Start) => {
                let failure = display.failure(Errno::ECHILD);
                self.give_up_display(failure);
                true
            }
            Some(lost) => {
                if lost == Lost::Server {
                    // What it plays into has gone with the server.
                    self.end_beside(Beside::Sound);
                }
                self.tell_display();
                true
            }
            None => false,
        }
    }

    /// When the display wants to be looked at next.
    pub(in crate::sandbox) fn display_date(&self) -> Option<Instant> {
        let now = Instant::now();
        if self.screen.pending.is_some() {
            let up = self.screen.display.as_ref().is_some_and(Display::is_up);
            return Some(now + if up { SOON } else { LOOK });
        }
        let display = self.screen.display.as_ref()?;
        let looks = self.screen.awaited.iter().filter_map(|what| display.looks_for(*what));
        let ended = self.command().is_some_and(Job::has_ended).then_some(LOOK);
        let look = looks.chain(ended).min().map(|time| now + time);
        display.next_date().into_iter().chain(look).min()
    }
}
