// SPDX-License-Identifier: LGPL-2.1-or-later
//! What was written: looked at once nothing runs.

use super::{Sandbox, MOST};
use crate::build;
use crate::conversation::About;
use crate::job::Job;
use crate::layer::{self, Work};
use nix::errno::Errno;
use std::time::{Duration, Instant};
use terrarium_protocol::message::Refusal;
use terrarium_protocol::{FromInit, Orders};

/// Between two looks at how much room is left.
const LOOK: Duration = Duration::from_millis(250);

impl Sandbox {
    /// Builds everything and runs nothing.
    pub(super) fn look(&mut self, talk: usize, orders: &Orders) {
        if self.has_orders() {
            return self.refuse(talk, Refusal::AlreadyStarted);
        }
        self.looks = true;
        self.owner = (orders.user.uid, orders.user.gid);
        match build::build(orders, self.place) {
            Ok(built) => {
                (self.memory_info, self.layer) = (built.memory, built.layer);
                self.tell_now(talk, &FromInit::Looking);
            }
            Err(failure) => {
                let failure = self.early.pop().unwrap_or(failure);
                self.tell_now(talk, &FromInit::Failed(failure));
            }
        }
    }

    /// Says once that the layer is full.
    pub(super) fn notice_no_room(&mut self, now: Instant) {
        let (Some(looked), Some(layer)) = (self.room_at, &self.layer) else { return };
        if now.duration_since(looked) < LOOK && self.over_since.is_none() {
            return;
        }
        self.room_at = Some(now);
        if layer.is_full() {
            self.room_at = None;
            for talk in self.talks.iter_mut().filter(|talk| talk.about == About::Job(0)) {
                talk.say(&FromInit::Full);
            }
        }
    }

    /// Begins a program that belongs to this conversation.
    pub(super) fn hand_out(&mut self, talk: usize, work: &Work) {
        let may_change = self.looks || !matches!(work, Work::Forget(_));
        let is_still = (self.looks || self.over_since.is_some()) && may_change;
        if self.jobs.len() > MOST || self.talks[talk].about != About::Nothing {
            return self.refuse(talk, Refusal::Busy);
        }
        let begun = match self.layer.as_ref().filter(|_| is_still) {
            Some(layer) => layer::start(layer, self.place, self.owner, work),
            None => Err(Errno::ENODEV),
        };
        match begun {
            Ok(spawned) => self.begin_job(talk, |id| Job::new(id, spawned, None, false)),
            Err(_) => self.refuse(talk, Refusal::NoLayer),
        }
    }
}
