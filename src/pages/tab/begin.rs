// SPDX-License-Identifier: LGPL-2.1-or-later
//! A tab's sandbox is started.

use super::{Phase, Tab};
use crate::bridge::Bridge;
use crate::pages::end::End;
use crate::pages::terminal;
use gtk::glib;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use terrarium_engine::console::Console;
use terrarium_engine::message;
use terrarium_engine::sandbox::{Progress, Start, Stop};
use terrarium_engine::Error;
use terrarium_protocol::orders::Lifetime;

/// A start that takes longer is shown.
const SHOW_START: Duration = Duration::from_millis(400);
/// How long a start waits for the page to have a size.
const SIZED: Duration = Duration::from_millis(150);

impl Tab {
    /// Runs the plan.
    pub fn start(self: &Rc<Self>) {
        let tab = self.clone();
        glib::spawn_future_local(async move {
            let Some(window) = tab.window.upgrade() else { return };
            let Some(mut plan) = tab.plan.clone() else { return };
            plan.linger();
            // The command is to begin with the size that it will have.
            let _ = glib::future_with_timeout(SIZED, tab.sized.recv()).await;
            let screen = tab.screen.as_ref().and_then(|screen| screen.wanted());
            let scale = tab.screen.as_ref().map_or(1, |screen| screen.take_scale());
            let size = terminal::size(&tab.terminal);
            let how = Start { lifetime: Lifetime::Kept, size, screen, scale, unique_name: true };
            let command = message::quote_all(&plan.orders.command.argv);
            tab.log.add(&format!("start on {}: {command}", plan.connection));
            let (progress, events, started) = window.bridge.start(plan, how, tab.cancelled.clone());
            tab.watch_start(window.bridge.clone(), progress);
            let bridge = window.bridge.clone();
            // Dropped once it is known whether it runs.
            let (answer, answered) = async_channel::bounded(1);
            tab.listen(bridge.clone(), events, answered);
            drop(window);
            match started.await {
                Ok(started) => {
                    tab.set_name(&started.name);
                    *tab.id.borrow_mut() = Some(started.id.clone());
                    tab.begin(started.console);
                    drop(answer);
                    tab.hold(&bridge, started.id).await;
                }
                Err(error) => tab.fail(error),
            }
        });
    }

    fn watch_start(self: &Rc<Self>, bridge: Bridge, progress: async_channel::Receiver<Progress>) {
        let weak = Rc::downgrade(self);
        glib::timeout_add_local_once(SHOW_START, move || {
            if let Some(tab) = weak.upgrade().filter(|tab| tab.is_beginning()) {
                tab.widget.set_visible_child_name("start");
            }
        });
        let tab = self.clone();
        glib::spawn_future_local(async move {
            tab.start_page.begin(&bridge).await;
            while let Ok(step) = progress.recv().await {
                if let Progress::Boot(id) = &step {
                    *tab.id.borrow_mut() = Some(id.clone());
                    if tab.cancelled.load(Ordering::Relaxed) {
                        let _ = bridge.stop(id.clone(), Stop::Now).await;
                    }
                }
                // How far a copy has come is shown and not noted.
                if !matches!(step, Progress::Copy { .. }) {
                    tab.log.add(&message::progress(&step));
                }
                tab.start_page.reached(&step);
            }
        });
    }

    /// Whether there is nothing to be seen of it yet.
    fn is_beginning(&self) -> bool {
        match self.phase.get() {
            Phase::Starting => true,
            Phase::Running => {
                self.plan.is_some() && self.screen.as_ref().is_some_and(|screen| screen.is_beginning())
            }
            Phase::Ended => false,
        }
    }

    /// Gives up a start, as soon as there is something to give up.
    pub fn cancel(self: &Rc<Self>) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.log.add("cancelled");
        let (Some(window), Some(id)) = (self.window.upgrade(), self.id()) else { return };
        glib::spawn_future_local(async move { drop(window.bridge.stop(id, Stop::Now).await) });
    }

    /// The command runs, or ran.
    pub(super) fn begin(self: &Rc<Self>, console: Console) {
        if self.cancelled.load(Ordering::Relaxed) || self.phase.get() == Phase::Ended {
            return;
        }
        self.count_from(console.status().running_for);
        let status = console.status().display;
        *self.console.borrow_mut() = Some(console);
        self.phase.set(Phase::Running);
        match (&self.screen, self.window.upgrade(), self.id()) {
            (Some(screen), Some(window), Some(id)) => {
                screen.set_status(status);
                screen.open(&window.bridge, &id);
            }
            _ => self.appeared(),
        }
        self.tell_size();
        self.change();
    }

    /// There is something to be seen of the sandbox.
    pub(in crate::pages) fn appeared(&self) {
        self.start_page.finished();
        if self.phase.get() != Phase::Running {
            return;
        }
        let page = self.widget.visible_child_name();
        if page.as_deref() != Some("terminal") {
            self.show_main();
        }
        let is_seen = self.window.upgrade().and_then(|window| window.runs.current());
        if is_seen.is_some_and(|tab| std::ptr::eq(&*tab, self)) {
            self.focus();
        }
        self.change();
    }

    fn fail(self: &Rc<Self>, error: Error) {
        if self.left.get() {
            return;
        }
        if self.cancelled.load(Ordering::Relaxed) {
            if let Some(window) = self.window.upgrade() {
                self.phase.set(Phase::Ended);
                window.runs.close(self);
            }
            return;
        }
        self.ended(&End::Failed(error));
    }
}
