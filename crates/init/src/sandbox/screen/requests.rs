// SPDX-License-Identifier: LGPL-2.1-or-later
//! What clients ask of the screen.

use super::Sandbox;
use crate::conversation::About;
use crate::display::Display;
use crate::job::Job;
use nix::errno::Errno;
use terrarium_protocol::display::ScreenSize;
use terrarium_protocol::message::Refusal;
use terrarium_protocol::FromInit;

impl Sandbox {
    pub(in crate::sandbox) fn resize_screen(&mut self, talk: usize, size: ScreenSize) {
        let may = self.job_with_keyboard(talk).is_some();
        match self.screen.display.as_mut().filter(|_| may) {
            Some(display) => display.resize(size),
            None => self.refuse(talk, Refusal::NoScreen),
        }
    }

    pub(in crate::sandbox) fn hand_out_channel(&mut self, talk: usize) {
        let socket = self.screen.display.as_ref().ok_or(Errno::ENODEV).and_then(Display::connect);
        match socket {
            Ok(socket) => self.talks[talk].hand_out(&FromInit::Channel, socket),
            Err(_) => self.refuse(talk, Refusal::NoScreen),
        }
    }

    pub(in crate::sandbox) fn take_picture(&mut self, talk: usize) {
        if self.jobs.len() > crate::sandbox::MOST || self.talks[talk].about != About::Nothing {
            return self.refuse(talk, Refusal::Busy);
        }
        let taken = self.screen.display.as_ref().ok_or(Errno::ENODEV).and_then(Display::picture);
        match taken {
            Ok(spawned) => self.begin_job(talk, |id| Job::new(id, spawned, None, false)),
            Err(_) => self.refuse(talk, Refusal::NoScreen),
        }
    }

    pub(in crate::sandbox) fn show_log(&mut self, talk: usize) {
        if self.talks[talk].about != About::Nothing {
            return self.refuse(talk, Refusal::Busy);
        }
        let Some(display) = &self.screen.display else { return self.refuse(talk, Refusal::NoScreen) };
        let mut text = display.log();
        for job in self.jobs.iter().filter(|job| self.screen.beside.iter().any(|(id, _)| *id == job.id)) {
            text.extend(job.tail());
        }
        self.begin_job(talk, |id| Job::of_text(id, &text));
    }
}
