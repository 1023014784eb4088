// SPDX-License-Identifier: LGPL-2.1-or-later
//! Programs that run beside the command, as its user: started when their time
//! has come, and again when they end.

use super::Sandbox;
use crate::display::{Beside, Display};
use crate::job::Job;
use crate::spawn::{self, Spawned};
use nix::sys::signal::Signal;
use terrarium_protocol::orders::Command;

impl Sandbox {
    /// Starts a program beside the command. One that cannot be started is
    /// done without.
    fn start_beside(&mut self, what: Beside, like: &Command) {
        if what == Beside::Sound {
            self.screen.display.iter_mut().for_each(Display::offer_sound_server);
        }
        let Some(spawned) = self.spawn_beside(what, like) else { return };
        let id = self.next_job;
        self.next_job += 1;
        let mut job = Job::new(id, spawned, None, true);
        job.end_input();
        self.jobs.push(job);
        self.screen.beside.push((id, what));
    }

    /// As the command's user, or as the display's.
    fn spawn_beside(&mut self, what: Beside, like: &Command) -> Option<Spawned> {
        let display = self.screen.display.as_ref()?;
        if let Some(spawned) = (what == Beside::Agent).then(|| display.agent()).flatten() {
            return spawned.ok();
        }
        let command = what.command(display.orders(), like)?;
        spawn::with_socket(self.setting.as_mut()?, &command, display.listener(what)).ok()
    }

    /// Starts what was waited for, if its time has come.
    pub(super) fn start_awaited(&mut self) {
        let Some(display) = &self.screen.display else { return };
        let is_due = |what: &Beside| display.is_due(*what);
        let (due, later) = self.screen.awaited.drain(..).partition::<Vec<_>, _>(is_due);
        self.screen.awaited = later;
        let Some(like) = self.like.clone().filter(|_| !due.is_empty()) else { return };
        due.into_iter().for_each(|what| self.start_beside(what, &like));
        self.tell_display();
    }

    /// Whether a program that the command has to wait for is not over.
    pub(super) fn is_being_prepared(&self) -> bool {
        let running = self.screen.beside.iter().map(|(_, what)| what);
        running.chain(&self.screen.awaited).any(|what| matches!(what, Beside::Prepare(_)))
    }

    /// Ends it; it comes again.
    pub(super) fn end_beside(&mut self, what: Beside) {
        let ids = self.screen.beside.iter().filter(|(_, of)| *of == what).map(|(id, _)| *id);
        for id in ids.collect::<Vec<_>>() {
            self.jobs.iter().filter(|job| job.id == id).for_each(|job| job.signal(Signal::SIGKILL));
        }
    }

    /// Starts a program again that ran beside the command and ended.
    pub(in crate::sandbox) fn beside_ended(&mut self, id: u32) {
        let Some(at) = self.screen.beside.iter().position(|(job, _)| *job == id) else { return };
        let (_, what) = self.screen.beside.remove(at);
        let last_words = self.jobs.iter().find(|job| job.id == id).map(Job::tail).unwrap_or_default();
        if let Some(display) = &mut self.screen.display {
            display.note_down(&format!("terrarium: {what:?} has ended\n"), &last_words);
            display.beside_ended(what);
        }
        let once = matches!(what, Beside::Prepare(_));
        if !once && self.screen.display.as_mut().is_some_and(|display| display.may_come_again(what)) {
            self.screen.awaited.push(what);
        }
        self.tell_display();
    }
}
