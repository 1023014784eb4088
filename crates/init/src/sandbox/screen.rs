// SPDX-License-Identifier: LGPL-2.1-or-later
//! A sandbox with a screen: the command waits for it, and what runs beside it
//! does not hold the sandbox up.

use super::Sandbox;
use crate::conversation::About;
use crate::display::{daemon_waits, Beside, Display, Lost, Source};
use crate::fault::Result;
use crate::job::Job;
use crate::spawn;
use nix::errno::Errno;
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};
use terrarium_protocol::display::ScreenSize;
use terrarium_protocol::message::{Failure, Refusal, Stage};
use terrarium_protocol::orders::{Command, Orders, Until};
use terrarium_protocol::FromInit;

/// Between two looks whether anything but the display is left.
const LOOK: Duration = Duration::from_millis(500);
/// Between two looks whether something is there that is about to come. More
/// often would hold it up where a machine is emulated.
const SOON: Duration = Duration::from_millis(15);
/// Without a window for this long a program has none; one that hands over to
/// another needs a moment.
const WINDOWLESS: Duration = Duration::from_secs(2);

/// Who is left in a sandbox whose command has ended.
enum Left {
    /// Only the display's own.
    Nobody,
    /// What a bus has started, too; one of them may be about to show a window.
    Services,
    /// Somebody else.
    Others,
}

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
    pub(super) display: Option<Display>,
    pub(super) pending: Option<Pending>,
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
    pub(super) fn begin_display(&mut self, talk: usize, orders: &Orders) -> Result<()> {
        let Some(display) = orders.display.clone() else { return Ok(()) };
        self.tell_now(talk, &FromInit::Stage(Stage::Display));
        self.screen.display = Some(Display::begin(display, self.place, &orders.user, orders.id_base)?);
        self.screen.pending = Some(Pending { talk: self.talks[talk].id, orders: Box::new(orders.clone()) });
        // It does not need the screen, and is there when that is.
        self.start_beside(Beside::Bus, &orders.command);
        self.screen
            .awaited
            .extend((0..orders.display.iter().map(|one| one.prepare.len()).sum()).map(Beside::Prepare));
        self.screen.awaited.push(Beside::Manager);
        Ok(())
    }

    /// Starts a program beside the command. One that cannot be started is
    /// done without.
    fn start_beside(&mut self, what: Beside, like: &Command) {
        let orders = self.screen.display.as_ref().map(Display::orders);
        let command = orders.and_then(|orders| what.command(orders, like));
        let (Some(command), Some(setting)) = (command, self.setting.as_mut()) else { return };
        let Ok(spawned) = spawn::spawn(setting, &command) else { return };
        let id = self.next_job;
        self.next_job += 1;
        let mut job = Job::new(id, spawned, None, true);
        job.end_input();
        self.jobs.push(job);
        self.screen.beside.push((id, what));
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

    pub(super) fn display_status(&self) -> Option<terrarium_protocol::display::DisplayStatus> {
        let agent = self.screen.beside.iter().any(|(_, what)| *what == Beside::Agent);
        self.screen.display.as_ref().map(|display| display.status(agent))
    }

    /// What is due about the display.
    pub(super) fn tick_display(&mut self) {
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

    /// Whether a program that the command has to wait for is not over.
    fn is_being_prepared(&self) -> bool {
        let running = self.screen.beside.iter().map(|(_, what)| what);
        running.chain(&self.screen.awaited).any(|what| matches!(what, Beside::Prepare(_)))
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

    /// Starts what was waited for, if its time has come.
    fn start_awaited(&mut self) {
        let up = self.screen.display.as_ref().is_some_and(Display::is_up);
        let is_due = |what: &Beside| match what {
            Beside::Bus => true,
            Beside::Prepare(_) | Beside::Manager => up,
            Beside::Agent => up && daemon_waits(),
        };
        let (due, later) = self.screen.awaited.drain(..).partition::<Vec<_>, _>(is_due);
        self.screen.awaited = later;
        let Some(like) = self.like.clone().filter(|_| !due.is_empty()) else { return };
        due.into_iter().for_each(|what| self.start_beside(what, &like));
        self.tell_display();
    }

    /// The display did not come up, or is not wanted any more: neither does
    /// the command.
    pub(super) fn give_up_display(&mut self, failure: Failure) {
        let Some(Pending { talk, .. }) = self.screen.pending.take() else { return };
        self.end_display();
        if let Some(talk) = self.talks.iter_mut().find(|one| one.id == talk) {
            talk.say(&FromInit::Failed(failure.clone()));
        }
        self.jobs.push(Job::failed(0, Some(failure)));
        self.end_the_rest();
    }

    /// Nothing of the display comes again.
    pub(super) fn end_display(&mut self) {
        self.screen.beside.clear();
        self.screen.awaited.clear();
        if let Some(display) = &mut self.screen.display {
            display.end();
        }
    }

    /// Looks whether a process that ended was the display's.
    pub(super) fn display_lost(&mut self, pid: Pid) -> bool {
        let Some(display) = &mut self.screen.display else { return false };
        match display.lost(pid) {
            Some(Lost::Start) => {
                let failure = display.failure(Errno::ECHILD);
                self.give_up_display(failure);
                true
            }
            Some(Lost::Other) => {
                self.tell_display();
                true
            }
            None => false,
        }
    }

    /// Starts a program again that ran beside the command and ended.
    pub(super) fn beside_ended(&mut self, id: u32) {
        let Some(at) = self.screen.beside.iter().position(|(job, _)| *job == id) else { return };
        let (_, what) = self.screen.beside.remove(at);
        let last_words = self.jobs.iter().find(|job| job.id == id).map(Job::tail).unwrap_or_default();
        if let Some(display) = &mut self.screen.display {
            display.note_down(&format!("terrarium: {what:?} has ended\n"), &last_words);
        }
        let once = matches!(what, Beside::Prepare(_));
        if !once && self.screen.display.as_mut().is_some_and(|display| display.may_come_again(what)) {
            self.screen.awaited.push(what);
        }
        self.tell_display();
    }

    pub(super) fn resize_screen(&mut self, talk: usize, size: ScreenSize) {
        let may = self.job_with_keyboard(talk).is_some();
        match self.screen.display.as_mut().filter(|_| may) {
            Some(display) => display.resize(size),
            None => self.refuse(talk, Refusal::NoScreen),
        }
    }

    pub(super) fn hand_out_channel(&mut self, talk: usize) {
        let socket = self.screen.display.as_ref().ok_or(Errno::ENODEV).and_then(Display::connect);
        match socket {
            Ok(socket) => self.talks[talk].hand_out(&FromInit::Channel, socket),
            Err(_) => self.refuse(talk, Refusal::NoScreen),
        }
    }

    pub(super) fn take_picture(&mut self, talk: usize) {
        if self.jobs.len() > super::MOST || self.talks[talk].about != About::Nothing {
            return self.refuse(talk, Refusal::Busy);
        }
        let taken = self.screen.display.as_ref().ok_or(Errno::ENODEV).and_then(Display::picture);
        match taken {
            Ok(spawned) => self.begin_job(talk, |id| Job::new(id, spawned, None, false)),
            Err(_) => self.refuse(talk, Refusal::NoScreen),
        }
    }

    pub(super) fn show_log(&mut self, talk: usize) {
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

    /// A sandbox that lasts until all have ended does not last for the sake of
    /// its display: it ends when the command has, no window is left, and
    /// whoever is left belongs to the display.
    fn notice_that_only_the_display_is_left(&mut self) {
        let Some(command) = self.command().filter(|job| job.has_ended()) else { return };
        // Who asked for the end does not wait for a window that may still come.
        let asked = command.stop_asked;
        if self.until != Until::All || self.over_since.is_some() || self.looked_lately() {
            return;
        }
        let Some(display) = self.screen.display.as_ref().filter(|display| !display.is_ending()) else {
            return;
        };
        if asked {
            if !matches!(self.who_is_left(), Left::Others) {
                self.end_the_rest();
            }
            return;
        }
        if display.windows().unwrap_or(0) > 0 {
            self.screen.windowless_since = None;
            return;
        }
        let since = *self.screen.windowless_since.get_or_insert_with(Instant::now);
        let over = match self.who_is_left() {
            Left::Others => false,
            Left::Services => since.elapsed() >= WINDOWLESS,
            Left::Nobody => true,
        };
        if over {
            self.end_the_rest();
        }
    }

    fn looked_lately(&mut self) -> bool {
        if self.screen.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return true;
        }
        self.screen.looked = Some(Instant::now());
        false
    }

    /// Who is left beside the display's own.
    fn who_is_left(&self) -> Left {
        let mut own: Vec<i32> = self.screen.display.iter().flat_map(Display::pids).map(Pid::as_raw).collect();
        let is_beside = |job: &&Job| self.screen.beside.iter().any(|(id, _)| *id == job.id);
        own.extend(self.jobs.iter().filter(is_beside).filter_map(|job| job.pid).map(Pid::as_raw));
        let parents = parents();
        if !any_other(&parents, &own) {
            return Left::Nobody;
        }
        own.extend(parents.keys().filter(|&&pid| is_a_service(pid)));
        if any_other(&parents, &own) {
            Left::Others
        } else {
            Left::Services
        }
    }

    /// When the display wants to be looked at next.
    pub(super) fn display_date(&self) -> Option<Instant> {
        let now = Instant::now();
        if self.screen.pending.is_some() {
            let up = self.screen.display.as_ref().is_some_and(Display::is_up);
            return Some(now + if up { SOON } else { LOOK });
        }
        if let Some(date) = self.screen.display.as_ref().and_then(Display::agent_date) {
            return Some(date);
        }
        // The agent's daemon may never come; the others are there in no time.
        let hurries = self.screen.awaited.iter().any(|what| *what != Beside::Agent);
        if !self.screen.awaited.is_empty() {
            return Some(now + if hurries { SOON } else { LOOK });
        }
        let ended = self.command().is_some_and(Job::has_ended) && self.screen.display.is_some();
        ended.then(|| now + LOOK)
    }
}

/// Whether a bus started a process: it says so in the environment. Who claims
/// it without being one has given up its say in when the sandbox ends.
fn is_a_service(pid: i32) -> bool {
    const MOST: u64 = 256 * 1024;
    let mut text = Vec::new();
    let read =
        File::open(format!("/proc/{pid}/environ")).and_then(|file| file.take(MOST).read_to_end(&mut text));
    read.is_ok() && text.split(|&byte| byte == 0).any(|pair| pair.starts_with(b"DBUS_STARTER_BUS_TYPE="))
}

/// Each process and its parent, without the kernel's own.
fn parents() -> HashMap<i32, i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let one = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((pid, parent(&stat)?))
    };
    entries.filter_map(one).filter(|&(pid, parent)| pid > 2 && parent != 2 && parent != 0).collect()
}

/// The fourth field; the second, in brackets, may hold anything.
fn parent(stat: &str) -> Option<i32> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // What has ended and was not reaped yet is nobody.
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.next()?.parse().ok(),
    }
}

fn any_other(parents: &HashMap<i32, i32>, own: &[i32]) -> bool {
    let belongs = |mut pid: i32| {
        // A tree is not deeper than it has members.
        for _ in 0..parents.len() {
            if own.contains(&pid) {
                return true;
            }
            match parents.get(&pid) {
                Some(&parent) if parent > 1 => pid = parent,
                _ => return false,
            }
        }
        false
    };
    parents.keys().any(|&pid| !belongs(pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_the_bus_are_nobody_and_orphans_are_somebody() {
        let tree: HashMap<i32, i32> = [(10, 1), (11, 10), (12, 11), (20, 1)].into();
        assert!(!any_other(&tree, &[10, 20]));
        assert!(any_other(&tree, &[10]));
        assert!(any_other(&tree, &[11, 20]));
        assert!(!any_other(&HashMap::new(), &[]));
    }

    #[test]
    fn a_name_with_brackets_hides_no_parent() {
        assert_eq!(parent("7 (a) Z) S 5 7 7"), Some(5));
        assert_eq!(parent("7 (a) Z 5 7 7"), None);
        assert_eq!(parent("garbage"), None);
    }
}
