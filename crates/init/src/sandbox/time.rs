// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is due: ends that were asked for, and ends that nobody asked for.

use super::{Sandbox, GRACE};
use crate::conversation::{About, Conversation};
use crate::fault::at;
use crate::job::Job;
use nix::errno::Errno;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use std::time::{Duration, Instant};
use terrarium_protocol::message::Step;
use terrarium_protocol::orders::Lifetime;

/// Without orders and without a client init ends after this time.
const NO_ORDERS: Duration = Duration::from_secs(60);
/// A foreground sandbox ends once it had no client for this time.
const LOST: Duration = Duration::from_secs(2);
/// How long other clients may take to hear the result, once one has it.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
/// How long a result is kept: foreground, else.
const KEEP: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(7 * 24 * 3600)];
/// Between two looks at what nothing wakes for.
const LOOK: Duration = Duration::from_secs(1);

/// To every process but init itself.
fn signal_all(signal: Signal) {
    let _ = kill(Pid::from_raw(-1), signal);
}

impl Sandbox {
    /// Asks the command to end, KILL to all after `grace`; `asked` for by
    /// somebody, or because everybody left.
    pub(super) fn stop(&mut self, grace: Duration, asked: bool) {
        if self.over_since.is_some() {
            return;
        }
        if self.screen.pending.is_some() {
            return self.give_up_display(at(Step::Display, "stop")(Errno::ECANCELED));
        }
        let Some(job) = self.command_mut() else { return };
        job.stop_asked |= asked;
        if job.has_ended() {
            self.ask_all_to_end();
        } else {
            job.ask_to_end();
        }
        self.kill_all_within(grace);
    }

    fn ask_all_to_end(&mut self) {
        self.end_display();
        signal_all(Signal::SIGTERM);
        signal_all(Signal::SIGCONT);
        self.jobs.iter().for_each(Job::hang_up);
    }

    /// The command has ended: nobody else stays.
    pub(super) fn end_the_rest(&mut self) {
        self.ask_all_to_end();
        self.kill_all_within(GRACE);
    }

    fn kill_all_within(&mut self, grace: Duration) {
        let at = Instant::now() + grace;
        self.kill_all_at = Some(self.kill_all_at.map_or(at, |old| old.min(at)));
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self) {
        let now = Instant::now();
        if self.kill_all_at.is_some_and(|at| now >= at) {
            self.kill_all_at = None;
            signal_all(Signal::SIGKILL);
        }
        for job in &mut self.jobs {
            job.tick(now);
        }
        // A program whose client has left and that has ended is forgotten.
        self.jobs.retain(|job| job.id == 0 || job.primary.is_some() || !job.has_ended());
        if now.duration_since(self.memory_info_at) >= LOOK {
            self.memory_info_at = now;
            self.memory_info.iter().for_each(|info| info.refresh());
        }
        if self.over_since.is_none() {
            self.notice_no_room(now);
        }
        self.leases.iter_mut().for_each(|lease| lease.tick(now));
        self.tick_display();
        self.notice_the_end(now);
        self.notice_loneliness(now);
    }

    fn notice_the_end(&mut self, now: Instant) {
        let (is_over, no_children) = (self.over_since.is_some(), self.no_children);
        let Some(command) = self.command_mut() else { return };
        // What it wrote may still wait in its pipes for a reader.
        if !is_over && no_children && command.has_ended() {
            command.let_go_of_terminal();
            // Before anybody hears of the result: the machine is gone then.
            self.layer.iter().filter(|layer| layer.outlives).for_each(|layer| layer.sync());
            self.leases.clear();
            self.over_since = Some(now);
            self.notice_no_room(now);
            self.kill_all_at = None;
        }
    }

    fn notice_loneliness(&mut self, now: Instant) {
        let expects_orders = (self.looks || !self.has_orders()) && !self.talks.iter().all(|talk| talk.absent);
        if self.viewers() > 0 || expects_orders {
            self.alone_since = now;
            return;
        }
        let lost = now.duration_since(self.alone_since) >= LOST;
        let ends = self.kill_all_at.is_some_and(|at| at <= now + GRACE);
        if lost && self.lifetime == Lifetime::Foreground && !ends {
            self.stop(GRACE, false);
        }
    }

    /// Whether nothing is left to be done here.
    pub(crate) fn should_end(&self, now: Instant) -> bool {
        if let Some(until) = self.leaving {
            let waits = |talk: &Conversation| match talk.about {
                About::Job(_) => !talk.absent && (!talk.has_result || talk.queued() > 0),
                About::Nothing => false,
            };
            return now >= until || !self.talks.iter().any(waits);
        }
        let alone = now.duration_since(self.alone_since);
        if self.looks {
            return alone > LOST;
        }
        if !self.has_orders() {
            return alone > NO_ORDERS;
        }
        let keep = KEEP[usize::from(self.lifetime != Lifetime::Foreground)];
        self.over_since.is_some_and(|since| alone > keep && now.duration_since(since) > keep)
    }

    /// How long nothing needs to be done.
    pub(crate) fn patience(&self) -> Duration {
        let now = Instant::now();
        let own = [self.kill_all_at, self.leaving, self.display_date()];
        let dates = own.into_iter().chain(self.jobs.iter().map(Job::next_date));
        let next = dates.flatten().map(|at| at.saturating_duration_since(now)).min();
        // Rounded up: poll counts whole milliseconds.
        next.map_or(LOOK, |left| left + Duration::from_millis(1)).min(LOOK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Place;

    /// Whether each of these times after the end is too early, and just long
    /// enough.
    fn ends_after(sandbox: &Sandbox, since: Instant, seconds: u64) {
        let at = |seconds| since + Duration::from_secs(seconds);
        assert!(!sandbox.should_end(at(seconds - 1)), "{seconds} s are not over");
        assert!(sandbox.should_end(at(seconds + 1)), "{seconds} s are over");
    }

    #[test]
    fn a_result_is_kept_a_minute_or_a_week() {
        let mut sandbox = Sandbox::new(Place::Container, None, Vec::new());
        let begun = sandbox.alone_since;
        ends_after(&sandbox, begun, 60);
        sandbox.jobs.push(Job::failed(0, None));
        assert!(!sandbox.should_end(begun + Duration::from_secs(100 * 86_400)), "it still runs");
        let over = begun + Duration::from_secs(10);
        sandbox.over_since = Some(over);
        for (lifetime, seconds) in
            [(Lifetime::Foreground, 60), (Lifetime::Kept, 7 * 86_400), (Lifetime::Detached, 7 * 86_400)]
        {
            sandbox.lifetime = lifetime;
            sandbox.alone_since = begun;
            ends_after(&sandbox, over, seconds);
            // Somebody came and left again without a word.
            sandbox.alone_since = over + Duration::from_secs(30);
            ends_after(&sandbox, over, seconds + 30);
        }
    }
}
