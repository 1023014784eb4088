// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a tab and its sandbox say to each other.

use super::{Phase, Tab};
use crate::bridge::{Bridge, Events};
use crate::pages::end::End;
use crate::pages::terminal;
use gettextrs::gettext;
use gtk::glib;
use std::rc::Rc;
use std::time::Duration;
use terrarium_engine::console::{Console, Event};
use terrarium_engine::message;
use terrarium_engine::sandbox::Id;
use terrarium_engine::Error;
use terrarium_protocol::display::DisplayStatus;
use terrarium_protocol::message::{stream::OUT, Outcome};
use vte::prelude::*;

/// Bytes that VTE is given before it must have drawn them: it keeps what it
/// is fed, however much that is.
const SLICE: usize = 256 * 1024;
/// VTE may have drawn nothing for what changes nothing.
const DRAW: Duration = Duration::from_millis(100);
/// How long a page that is new may take to have a size.
const SIZED: Duration = Duration::from_secs(1);
/// How often a lost sandbox is looked for while its domain is there, and the
/// time between.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(200);

impl Tab {
    /// Talks to the sandbox that this tab is about.
    pub fn attach(self: &Rc<Self>) {
        if self.is_paused() {
            self.dim(true);
            return;
        }
        let (Some(window), Some(id)) = (self.window.upgrade(), self.id()) else { return };
        self.find_plan(&window);
        let tab = self.clone();
        glib::spawn_future_local(async move {
            // What was written for this width is shown in it.
            if tab.screen.is_none() && !tab.is_sized.get() {
                let _ = glib::future_with_timeout(SIZED, tab.sized.recv()).await;
            }
            tab.lost(&window.bridge, id, None).await;
        });
    }

    async fn attach_at(self: &Rc<Self>, bridge: &Bridge, id: Id, from: Option<u64>) -> Result<(), Error> {
        let (events, attached) = bridge.attach(id, from);
        let console = attached.await?;
        self.waiting.replace(None);
        self.begin(console);
        self.listen(bridge.clone(), events, async_channel::bounded(1).1);
        Ok(())
    }

    /// `answered`: closed once its start has worked, or not. What is gone at
    /// once says so before that.
    pub(super) fn listen(
        self: &Rc<Self>,
        bridge: Bridge,
        events: Events,
        answered: async_channel::Receiver<()>,
    ) {
        let tab = self.clone();
        glib::spawn_future_local(async move {
            let (mut next, mut fed) = (None, 0);
            while let Ok((console, event)) = events.recv().await {
                if tab.left.get() {
                    return;
                }
                match event {
                    Event::Output { stream, offset, bytes } => {
                        let end = offset + bytes.len() as u64;
                        tab.feed(&console, &bytes);
                        fed += bytes.len();
                        if fed >= SLICE {
                            let _ = glib::future_with_timeout(DRAW, tab.drawn.recv()).await;
                            fed = 0;
                        }
                        if stream == OUT {
                            next = Some(end);
                        }
                        console.ack(stream, end);
                    }
                    Event::Gone { bytes, .. } => terminal::remark(&tab.terminal, &message::gone(bytes)),
                    Event::Full => tab.has_become_full(),
                    Event::Keyboard { yours } => tab.keyboard_is(yours),
                    Event::Display(status) => tab.display_is(status),
                    Event::Result(outcome) => {
                        let _ = glib::future_with_timeout(DRAW, tab.drawn.recv()).await;
                        return tab.result(&bridge, &console, outcome).await;
                    }
                    Event::Closed => break,
                    _ => {}
                }
            }
            let _ = answered.recv().await;
            let id = tab.id();
            if let (Phase::Running, Some(id)) = (tab.phase.get(), id) {
                tab.console.replace(None);
                tab.lost(&bridge, id, next).await;
            }
        });
    }

    fn feed(self: &Rc<Self>, console: &Console, bytes: &[u8]) {
        // What was drawn before does not count for these bytes.
        while self.drawn.try_recv().is_ok() {}
        let has_terminal = match &self.plan {
            Some(plan) => plan.orders.command.terminal.is_some(),
            None => console.status().terminal.is_some(),
        };
        if has_terminal {
            self.take_for_clipboard(bytes);
            self.terminal.feed(bytes);
        } else {
            terminal::feed_plain(&self.terminal, bytes);
        }
    }

    fn display_is(&self, status: DisplayStatus) {
        self.log.add(&format!("screen: {}", message::screen(status)));
        if let Some(screen) = &self.screen {
            screen.set_status(Some(status));
        }
        self.change();
    }

    fn keyboard_is(&self, yours: bool) {
        self.log.add(if yours { "the keyboard is ours" } else { "somebody else has the keyboard" });
        self.keyboard.set(yours);
        self.tell_size();
        self.change();
    }

    /// It has ended by itself. Only when that is on the screen the sandbox is
    /// told so, and goes.
    async fn result(self: &Rc<Self>, bridge: &Bridge, console: &Console, outcome: Outcome) {
        self.hears_result.set(true);
        self.ended(&End::Outcome(outcome));
        glib::timeout_future(Duration::from_millis(50)).await;
        self.console.replace(None);
        if let Some(id) = self.id() {
            self.hold(bridge, id.clone()).await;
            let told = self.is_reviewed() && bridge.gather(id.clone()).await;
            bridge.received(id.clone(), console.clone()).await;
            // Nobody has to wait until it is gone.
            if told {
                self.offer_changes(bridge, id.clone()).await;
            }
            let _ = bridge.finish(id.clone()).await;
            if !told {
                self.offer_changes(bridge, id).await;
            }
        }
        self.hears_result.set(false);
        self.go_round_again();
    }

    /// The answer to a stop; the conversation may have told it already.
    pub(super) fn stopped(self: &Rc<Self>, outcome: Option<Outcome>) {
        if self.phase.get() == Phase::Ended {
            return;
        }
        self.ended(&match outcome {
            Some(outcome) => End::Outcome(outcome),
            None => self.was_stopped(),
        });
    }

    /// It ended without a result of its own, as it was asked to or by force.
    fn was_stopped(&self) -> End {
        let end = if self.forced.get() { End::Forced } else { End::Stopped };
        end(self.runs_for())
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
            self.ended(&self.was_stopped());
        } else {
            // Asked before its directory and log are put away.
            let last_words = bridge.last_words(id.clone()).await;
            if self.phase.get() != Phase::Running {
                return;
            }
            self.ended(&End::Failed(Error::Crashed { last_words }));
        }
        let _ = bridge.finish(id).await;
    }

    fn unheard(self: &Rc<Self>, error: Error) {
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
