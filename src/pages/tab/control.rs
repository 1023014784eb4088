// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a user does to a tab's sandbox.

use super::{Phase, Tab, GRACE};
use crate::pages::terminal;
use crate::window::Window;
use gtk::prelude::*;
use gtk::{gio, glib};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use terrarium_engine::message;
use terrarium_engine::sandbox::{State, Stop};
use vte::prelude::*;

impl Tab {
    /// Puts the cursor where one types.
    pub fn focus(&self) {
        match (self.phase.get(), &self.screen) {
            (Phase::Ended, _) => self.end_page.focus(),
            (_, Some(screen)) if self.shows_screen() => screen.focus(),
            _ => drop(self.shown_terminal().grab_focus()),
        }
    }

    /// Asks for the keyboard.
    pub fn take_keyboard(&self) {
        if let Some(console) = self.console.borrow().as_ref() {
            console.ask_keyboard();
        }
        self.focus();
    }

    /// Ends the sandbox: gently, and when that was in vain by force.
    pub fn stop(self: &Rc<Self>) {
        let (Some(window), Some(id)) = (self.window.upgrade(), self.id()) else { return };
        let how = if self.may_force() {
            self.forced.set(true);
            Stop::Now
        } else if self.stopping.get().is_none() {
            Stop::Gently { grace: GRACE }
        } else {
            return;
        };
        self.stopping.set(self.stopping.get().or(Some(Instant::now())));
        self.known.set(Instant::now());
        self.paused.set(false);
        self.stand_still(false);
        self.dim(false);
        self.change();
        let tab = self.clone();
        glib::spawn_future_local(async move {
            match window.bridge.stop(id.clone(), how).await {
                Ok(outcome) => {
                    tab.stopped(outcome);
                    tab.offer_changes(&window.bridge, id).await;
                    tab.go_round_again();
                }
                Err(error) if tab.is_running() => {
                    tab.stopping.set(None);
                    tab.restarts.set(false);
                    tab.change();
                    window.toast(&message::error(&error));
                }
                Err(_) => {}
            }
        });
    }

    /// Shows what happened, and what the programs of the screen say.
    pub fn show_log(self: &Rc<Self>, window: &Rc<Window>) {
        self.log.show(&window.widget, &self.name(), self.screen.is_some());
        let Some(id) = self.id().filter(|_| self.screen.is_some() && self.is_running()) else { return };
        let (tab, bridge) = (self.clone(), window.bridge.clone());
        glib::spawn_future_local(async move {
            match bridge.log(id).await {
                Ok(text) => tab.log.set_inside(&text),
                Err(error) => tab.log.set_inside(&message::error(&error)),
            }
        });
    }

    /// Ends it, and runs the same once more.
    pub fn restart(self: &Rc<Self>) {
        if !self.has_plan() {
            return;
        }
        if self.phase.get() == Phase::Ended {
            return self.run_again();
        }
        self.restarts.set(true);
        self.stop();
    }

    /// Freezes it, or lets it go on.
    pub fn toggle_pause(self: &Rc<Self>) {
        let (Some(window), Some(id)) = (self.window.upgrade(), self.id()) else { return };
        let paused = !self.paused.get();
        let tab = self.clone();
        glib::spawn_future_local(async move {
            match window.bridge.set_paused(id, paused).await {
                Ok(()) => tab.set_paused(paused),
                Err(error) => window.toast(&message::error(&error)),
            }
        });
    }

    fn set_paused(self: &Rc<Self>, paused: bool) {
        self.known.set(Instant::now());
        self.paused.set(paused);
        self.stand_still(paused);
        self.log.add(if paused { "paused" } else { "resumed" });
        self.dim(paused);
        if !paused && self.console.borrow().is_none() {
            self.attach();
        }
        self.change();
    }

    /// What stands still is shown so.
    pub(in crate::pages) fn dim(&self, dim: bool) {
        self.terminal.set_opacity(if dim { 0.5 } else { 1.0 });
        if let Some(screen) = &self.screen {
            screen.dim(dim);
        }
    }

    /// How it was found at or after `begun`, which may be older than what is
    /// known here.
    pub fn follow(self: &Rc<Self>, state: &State, begun: Instant) {
        let paused = *state == State::Paused;
        if self.phase.get() == Phase::Running && self.known.get() < begun && self.paused.get() != paused {
            self.set_paused(paused);
        }
    }

    /// Runs it once more, if it was ended for that. By now it is known what would
    /// go with it, which is asked about first.
    pub(super) fn go_round_again(self: &Rc<Self>) {
        let is_due = self.phase.get() == Phase::Ended && !self.hears_result.get() && !self.left.get();
        if !is_due || !self.restarts.take() {
            return;
        }
        let files = self.would_lose();
        if files.is_empty() {
            self.run_again();
        } else {
            self.ask_to_lose(&files, |tab| tab.run_again());
        }
    }

    /// Runs the same once more, in this tab's place.
    pub fn run_again(self: &Rc<Self>) {
        if self.left.get() {
            return;
        }
        if let (Some(window), Some(plan)) = (self.window.upgrade(), self.plan_again()) {
            window.start(plan);
            window.runs.close(self);
        }
    }

    /// The tab is closed. Whether a sandbox goes on without it.
    pub fn let_go(&self) -> bool {
        if self.phase.get() == Phase::Starting {
            self.cancelled.store(true, Ordering::Relaxed);
        }
        self.leave()
    }

    /// Nobody sees it any more, so it hears nothing: the keyboard is for
    /// others, and how it ends is told to who looks next. Whether a sandbox
    /// goes on.
    pub fn leave(&self) -> bool {
        self.left.set(true);
        if let Some(screen) = &self.screen {
            screen.close();
        }
        self.shells.close();
        let console = self.console.borrow_mut().take();
        if let Some(console) = console {
            // Closing waits for what is still to be sent.
            gio::spawn_blocking(move || console.close());
        }
        self.phase.replace(Phase::Ended) == Phase::Running
    }

    /// The terminal that is seen: the sandbox's own, or a shell's.
    pub(in crate::pages) fn shown_terminal(&self) -> vte::Terminal {
        self.shells.shown().unwrap_or_else(|| self.terminal.clone())
    }

    /// Copies what is selected in the terminal.
    pub fn copy(&self) {
        let terminal = self.shown_terminal();
        if terminal.has_selection() {
            terminal.copy_clipboard_format(vte::Format::Text);
        }
    }

    /// Types what the clipboard holds.
    pub fn paste(&self) {
        self.shown_terminal().paste_clipboard();
    }

    /// All that the terminal shows and remembers.
    #[must_use]
    pub fn text(&self) -> String {
        terminal::text(&self.terminal)
    }
}
