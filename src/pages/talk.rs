// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a tab and its sandbox say to each other.

use super::end::End;
use super::tab::{Phase, Tab};
use crate::bridge::{Bridge, Events};
use gettextrs::gettext;
use gtk::glib;
use std::rc::Rc;
use std::time::Duration;
use terrarium_engine::console::{Console, Event};
use terrarium_engine::message;
use terrarium_engine::sandbox::{Id, Progress, Start, Stop};
use terrarium_engine::Error;
use terrarium_protocol::message::Outcome;
use terrarium_protocol::orders::Lifetime;
use vte::prelude::*;

/// Bytes that VTE is given before it must have drawn them: it keeps what it
/// is fed, however much that is.
const SLICE: usize = 256 * 1024;
/// VTE may have drawn nothing for what changes nothing.
const DRAW: Duration = Duration::from_millis(100);
/// A start that takes longer is shown.
const SHOW_START: Duration = Duration::from_millis(400);
/// How often a lost sandbox is looked for while its domain is there, and the
/// time between.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(200);

impl Tab {
    /// Runs the plan.
    pub fn start(self: &Rc<Self>) {
        let tab = self.clone();
        glib::spawn_future_local(async move {
            let Some(window) = tab.window.upgrade() else { return };
            let Some(plan) = tab.plan.clone() else { return };
            // The command is to begin with the size that it will have.
            let _ = glib::future_with_timeout(Duration::from_millis(150), tab.sized.recv()).await;
            let how = Start { lifetime: Lifetime::Kept, size: tab.size(), screen: None, unique_name: true };
            let (progress, events, started) = window.bridge.start(plan, how);
            tab.watch_start(window.bridge.clone(), progress);
            tab.listen(window.bridge.clone(), events);
            drop(window);
            match started.await {
                Ok(started) => {
                    tab.set_name(&started.name);
                    *tab.id.borrow_mut() = Some(started.id);
                    tab.begin(started.console);
                }
                Err(error) => tab.fail(error),
            }
        });
    }

    fn watch_start(self: &Rc<Self>, bridge: Bridge, progress: async_channel::Receiver<Progress>) {
        let weak = Rc::downgrade(self);
        glib::timeout_add_local_once(SHOW_START, move || {
            if let Some(tab) = weak.upgrade().filter(|tab| tab.phase.get() == Phase::Starting) {
                tab.widget.set_visible_child_name("start");
            }
        });
        self.start_page.begin();
        let tab = self.clone();
        glib::spawn_future_local(async move {
            while let Ok(step) = progress.recv().await {
                if let Progress::Boot(id) = &step {
                    *tab.id.borrow_mut() = Some(id.clone());
                    if tab.cancelled.get() {
                        let _ = bridge.stop(id.clone(), Stop::Now).await;
                    }
                }
                tab.start_page.reached(&step);
            }
        });
    }

    /// Gives up a start, as soon as there is something to give up.
    pub fn cancel(self: &Rc<Self>) {
        self.cancelled.set(true);
        let (Some(window), Some(id)) = (self.window.upgrade(), self.id()) else { return };
        glib::spawn_future_local(async move { drop(window.bridge.stop(id, Stop::Now).await) });
    }

    /// The command runs, or ran.
    fn begin(&self, console: Console) {
        if self.cancelled.get() || self.phase.get() == Phase::Ended {
            return;
        }
        self.count_from(console.status().running_for);
        *self.console.borrow_mut() = Some(console);
        self.phase.set(Phase::Running);
        self.widget.set_visible_child_name("terminal");
        self.tell_size();
        self.terminal.grab_focus();
        self.change();
    }

    fn fail(&self, error: Error) {
        if self.cancelled.get() {
            if let Some(window) = self.window.upgrade() {
                self.phase.set(Phase::Ended);
                window.runs.close(self);
            }
            return;
        }
        self.ended(&End::Failed(error));
    }

    /// Talks to the sandbox that this tab is about.
    pub fn attach(self: &Rc<Self>) {
        if self.is_paused() {
            self.terminal.set_opacity(0.5);
            return;
        }
        let (Some(window), Some(id)) = (self.window.upgrade(), self.id()) else { return };
        let tab = self.clone();
        glib::spawn_future_local(async move {
            tab.lost(&window.bridge, id, None).await;
        });
    }

    async fn attach_at(self: &Rc<Self>, bridge: &Bridge, id: Id, from: Option<u64>) -> Result<(), Error> {
        let (events, attached) = bridge.attach(id, from);
        let console = attached.await?;
        self.waiting.replace(None);
        self.listen(bridge.clone(), events);
        self.begin(console);
        Ok(())
    }

    fn listen(self: &Rc<Self>, bridge: Bridge, events: Events) {
        let tab = self.clone();
        glib::spawn_future_local(async move {
            let (mut next, mut fed) = (None, 0);
            while let Ok((console, event)) = events.recv().await {
                match event {
                    Event::Output { stream, offset, bytes } => {
                        let end = offset + bytes.len() as u64;
                        tab.feed(&console, &bytes);
                        fed += bytes.len();
                        if fed >= SLICE {
                            let _ = glib::future_with_timeout(DRAW, tab.drawn.recv()).await;
                            fed = 0;
                        }
                        next = Some(end);
                        console.ack(stream, end);
                    }
                    Event::Gone { bytes, .. } => tab.remark(&message::gone(bytes)),
                    Event::Keyboard { yours } => tab.keyboard_is(yours),
                    Event::Result(outcome) => {
                        let _ = glib::future_with_timeout(DRAW, tab.drawn.recv()).await;
                        return tab.result(&bridge, &console, outcome).await;
                    }
                    Event::Closed => break,
                    _ => {}
                }
            }
            let id = tab.id();
            if let (Phase::Running, Some(id)) = (tab.phase.get(), id) {
                tab.console.replace(None);
                tab.lost(&bridge, id, next).await;
            }
        });
    }

    fn feed(&self, console: &Console, bytes: &[u8]) {
        // What was drawn before does not count for these bytes.
        while self.drawn.try_recv().is_ok() {}
        if self.plan.is_none() && console.status().terminal.is_none() {
            // Streams have no terminal that would go back to the line's start.
            let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            self.terminal.feed(&lines.join(&b"\r\n"[..]));
        } else {
            self.terminal.feed(bytes);
        }
    }

    /// A line of ours among the sandbox's: dim and in brackets.
    fn remark(&self, text: &str) {
        self.terminal.feed(format!("\r\n\x1b[0;2m[{text}]\x1b[0m\r\n").as_bytes());
    }

    fn keyboard_is(&self, yours: bool) {
        self.keyboard.set(yours);
        self.tell_size();
        self.change();
    }

    /// It has ended by itself. Only when that is on the screen the sandbox is
    /// told so, and goes.
    async fn result(self: &Rc<Self>, bridge: &Bridge, console: &Console, outcome: Outcome) {
        self.ended(&End::Outcome(outcome));
        glib::timeout_future(Duration::from_millis(50)).await;
        console.received();
        self.console.replace(None);
        if let Some(id) = self.id() {
            let _ = bridge.finish(id).await;
        }
    }

    /// The answer to a stop; the conversation may have told it already.
    pub(super) fn stopped(&self, outcome: Option<Outcome>) {
        if self.phase.get() == Phase::Ended {
            return;
        }
        self.ended(&match outcome {
            Some(outcome) => End::Outcome(outcome),
            None => End::Stopped(self.runs_for()),
        });
    }

    /// There is no conversation, or it broke off. While its domain is there it
    /// is looked for; one that does not answer is left as it is.
    async fn lost(self: &Rc<Self>, bridge: &Bridge, id: Id, from: Option<u64>) {
        let mut tries = 0;
        while self.phase.get() == Phase::Running {
            let Err(error) = self.attach_at(bridge, id.clone(), from).await else { return };
            self.waiting.replace(Some(gettext("Waiting for libvirt…")));
            match bridge.exists(id.clone()).await {
                Ok(false) => break,
                Ok(true) if tries == TRIES => return self.unheard(error),
                Ok(true) => tries += 1,
                // libvirt is away; the sandbox need not be.
                Err(_) => {}
            }
            glib::timeout_future(BETWEEN).await;
        }
        self.waiting.replace(None);
        if self.phase.get() != Phase::Running {
            return;
        }
        if self.forced.get() || self.is_stopping() {
            self.ended(&End::Stopped(self.runs_for()));
        } else {
            self.ended(&End::Failed(Error::Crashed { last_words: None }));
        }
        let _ = bridge.finish(id).await;
    }

    fn unheard(&self, error: Error) {
        self.waiting.replace(None);
        if self.phase.get() == Phase::Running {
            self.unheard.set(true);
            self.ended(&End::Unheard(error));
        }
    }

    /// Once more to what could not be talked to.
    pub fn try_again(self: &Rc<Self>) {
        if self.unheard.take() {
            self.phase.set(Phase::Running);
            self.not_ended();
            self.attach();
        }
    }
}
