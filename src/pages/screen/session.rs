// SPDX-License-Identifier: LGPL-2.1-or-later
//! The session behind a screen: begun, lost, begun again.

use super::Screen;
use crate::bridge::Bridge;
use crate::pages::reach::unbroken;
use gettextrs::gettext;
use gtk::glib;
use gtk::prelude::*;
use spice_view::{CloseReason, Connector, Event, Failure, FailureKind, Listener, Options, State};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::message;
use terrarium_engine::profile::Passes;
use terrarium_engine::sandbox::Id;
use terrarium_protocol::display::DisplayStatus;

/// Tries in a row, and the pauses between them: the first, and the longest.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// A session that lasted so long was a good one.
const STEADY: Duration = Duration::from_secs(5);
/// A guest that draws nothing is shown after all.
const BLACK: Duration = Duration::from_secs(3);
/// So is one whose picture never gets the size of its screen.
const ODD: Duration = Duration::from_secs(15);
/// A server that comes up so shortly before or after somebody seems to have
/// taken the screen over is another one, and nobody has.
const ANOTHER: Duration = Duration::from_secs(5);
/// Who waits longer is told for what.
const SPINNER: Duration = Duration::from_millis(600);

/// How the session fares.
#[derive(Default)]
pub struct Session {
    tries: Cell<u32>,
    since: Cell<Option<Instant>>,
    timer: RefCell<Option<glib::SourceId>>,
    listener: RefCell<Option<Listener>>,
    /// When somebody was told to have taken the screen over.
    taken: Cell<Option<Instant>>,
    /// When a server came up in the place of one that had shown something.
    risen: Cell<Option<Instant>>,
    /// The sandbox, or the tab, has ended.
    closed: Cell<bool>,
}

impl Screen {
    pub(super) fn connect_session(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        self.view.connect_state_changed(move |_, state| {
            if let Some(screen) = weak.upgrade() {
                screen.fares(state);
            }
        });
        let weak = Rc::downgrade(self);
        self.view.connect_guest_width_notify(move |view| {
            if let Some(screen) = weak.upgrade().filter(|_| view.guest_width() > 0) {
                screen.show_picture();
            }
        });
        let weak = Rc::downgrade(self);
        self.again.connect_clicked(move |_| {
            if let Some(screen) = weak.upgrade() {
                screen.try_again();
            }
        });
        let weak = Rc::downgrade(self);
        glib::timeout_add_local_once(SPINNER, move || {
            if let Some(screen) = weak.upgrade() {
                screen.spinner.start();
                screen.waits.set_visible(true);
            }
        });
    }

    /// Shows the sandbox's screen. What is shown already stays.
    pub fn open(self: &Rc<Self>, bridge: &Bridge, id: &Id) {
        self.session.closed.set(false);
        if self.view.link().is_some() {
            if matches!(self.view.state(), State::Failed(_)) {
                self.try_again();
            }
            return;
        }
        let (bridge, id) = (bridge.clone(), id.clone());
        let connector = Connector::new(move |_| {
            let opening = bridge.open_display(id.clone());
            async move { opening.await.map_err(|error| io::Error::other(message::error(&error))) }
        });
        let Passes { sound, microphone, usb, .. } = self.passes;
        spice_view::keep_memory();
        let link = spice_view::open(connector, Options { sound, microphone, usb, ..Options::default() });
        let weak = Rc::downgrade(self);
        let listener = link.listen(move |event| {
            if let Some(screen) = weak.upgrade() {
                screen.hear(event);
            }
        });
        self.session.listener.replace(Some(listener));
        self.view.set_link(Some(&link));
        self.apply_policy();
    }

    fn hear(&self, event: &Event) {
        match event {
            Event::Dropped(line) => self.log(&format!("dropped: {line}")),
            Event::Frame(frame) => self.kept.changed(frame),
            Event::Usb(devices) => self.hear_usb(devices),
            _ => {}
        }
    }

    fn fares(self: &Rc<Self>, state: State) {
        self.log(&format!("display: {}", word(&state)));
        match state {
            State::Connected { .. } => {
                self.session.since.set(self.session.since.get().or(Some(Instant::now())));
                self.show_after(BLACK, |screen| screen.view.guest_width() == 0);
                self.show_after(ODD, |_| true);
                if self.view.guest_width() > 0 {
                    self.show_picture();
                }
            }
            State::Failed(failure) => self.lost(Some(&failure)),
            State::Closed => match self.view.close_reason() {
                Some(CloseReason::Asked) => {}
                Some(CloseReason::TakenOver) if !self.is_another_server() => self.taken_over(),
                _ => self.lost(None),
            },
            State::Idle | State::Connecting => {}
        }
        self.show_stillness();
        self.change();
    }

    /// Shows it after a while, whatever is there, if that still holds.
    fn show_after(self: &Rc<Self>, pause: Duration, holds: impl Fn(&Self) -> bool + 'static) {
        let weak = Rc::downgrade(self);
        glib::timeout_add_local_once(pause, move || {
            if let Some(screen) = weak.upgrade().filter(|screen| screen.is_connected() && holds(screen)) {
                screen.show_page("view");
            }
        });
    }

    fn show_picture(&self) {
        if !self.is_beginning() || self.is_the_guests() {
            self.show_page("view");
        }
    }

    /// Whether the picture is what the guest drew. QEMU has one of its own
    /// until then, which says that nothing is displayed, and goes on to send it
    /// for a moment; it has not the size that init gave the screen.
    fn is_the_guests(&self) -> bool {
        let size = self.status.get().filter(|status| status.up && self.is_machine).map(|status| status.size);
        size.is_none_or(|size| {
            (size.width, size.height) == (self.view.guest_width(), self.view.guest_height())
        })
    }

    /// Whether a picture is seen that is no longer true.
    pub fn is_lost(&self) -> bool {
        !self.is_connected() && self.view.guest_width() > 0
    }

    /// It is begun again after a pause, until that was in vain too often.
    fn lost(self: &Rc<Self>, failure: Option<&Failure>) {
        let session = &self.session;
        if session.closed.get() {
            return;
        }
        if session.since.take().is_some_and(|since| since.elapsed() >= STEADY) {
            session.tries.set(0);
        }
        let tries = session.tries.get();
        if tries >= TRIES {
            return self.give_up(failure);
        }
        session.tries.set(tries + 1);
        let weak = Rc::downgrade(self);
        let pause = (PAUSE * (1 << tries)).min(LONGEST_PAUSE);
        self.set_timer(Some(glib::timeout_add_local_once(pause, move || {
            if let Some(screen) = weak.upgrade() {
                // It has run: removing it again would be an error.
                let _ = screen.session.timer.take();
                screen.view.reconnect();
            }
        })));
    }

    fn set_timer(&self, timer: Option<glib::SourceId>) {
        if let Some(old) = self.session.timer.replace(timer) {
            old.remove();
        }
    }

    fn give_up(&self, failure: Option<&Failure>) {
        let kind = failure.map_or(FailureKind::Lost, |failure| failure.kind);
        let detail = failure.map(|failure| message::shown(&failure.detail)).unwrap_or_default();
        let words = words(kind);
        let text = if detail.is_empty() { words } else { format!("{words}\n{detail}") };
        self.show_status(&gettext("No Picture"), &text, &gettext("_Try Again"));
    }

    /// Whether the server that goes on without us is not the one that we had:
    /// it came in its place, and has no viewer yet.
    fn is_another_server(&self) -> bool {
        let is_down = self.status.get().is_some_and(|status| !status.up);
        is_down || self.session.risen.get().is_some_and(|risen| risen.elapsed() < ANOTHER)
    }

    fn taken_over(&self) {
        self.session.since.set(None);
        self.session.taken.set(Some(Instant::now()));
        let text = gettext("Its screen is shown in one place at a time.");
        self.show_status(&gettext("Shown in Another Window"), &text, &gettext("_Show It Here"));
    }

    fn show_status(&self, title: &str, text: &str, button: &str) {
        self.page.set_title(title);
        self.page.set_description(Some(&unbroken(text)));
        self.again.set_label(button);
        self.show_page("status");
        self.again.grab_focus();
    }

    fn show_page(&self, name: &str) {
        if self.pages.visible_child_name().as_deref() == Some(name) {
            return;
        }
        let had_nothing = self.is_beginning();
        self.pages.set_visible_child_name(name);
        if let Some(tab) = self.tab() {
            if had_nothing {
                tab.appeared();
            } else if name == "view" {
                tab.focus();
            }
        }
        self.change();
    }

    fn try_again(&self) {
        self.set_timer(None);
        self.session.tries.set(0);
        self.session.since.set(None);
        if self.view.link().is_some() {
            self.pages.set_visible_child_name(if self.view.guest_width() > 0 { "view" } else { "wait" });
            self.view.reconnect();
        }
    }

    /// What init says of the screen: a server that is up again is gone to at once.
    pub fn set_status(self: &Rc<Self>, status: Option<DisplayStatus>) {
        let was_up = self.status.replace(status).is_some_and(|status| status.up);
        let rises = status.is_some_and(|status| status.up) && !was_up;
        if rises && self.view.guest_width() > 0 {
            self.session.risen.set(Some(Instant::now()));
        }
        if self.view.guest_width() > 0 && self.is_connected() {
            self.show_picture();
        }
        if rises && self.waits_for_server() && !self.session.closed.get() {
            self.try_again();
        }
        self.follow_emptiness();
        self.apply_policy();
    }

    fn waits_for_server(&self) -> bool {
        match (self.view.state(), self.view.close_reason()) {
            (State::Failed(_), _) | (State::Closed, Some(CloseReason::Ended)) => true,
            // It may have been the server that comes up, and nobody.
            (State::Closed, Some(CloseReason::TakenOver)) => {
                self.session.taken.get().is_some_and(|taken| taken.elapsed() < ANOTHER)
            }
            _ => false,
        }
    }

    /// Ends the session; what was seen last is kept.
    pub fn close(&self) {
        self.session.closed.set(true);
        self.set_timer(None);
        self.keep_last();
        self.close_monitors();
        self.session.listener.take();
        self.view.set_link(None);
    }
}

fn words(kind: FailureKind) -> String {
    match kind {
        FailureKind::Unreachable => gettext("The sandbox’s display cannot be reached."),
        FailureKind::Timeout => gettext("The sandbox’s display does not answer."),
        FailureKind::Lost => gettext("The connection to the sandbox’s display was lost."),
        FailureKind::Protocol | FailureKind::Refused | FailureKind::Password | FailureKind::Encryption => {
            gettext("The sandbox’s display sent what Terrarium does not accept.")
        }
    }
}

/// A state as the log has it, which is not translated.
fn word(state: &State) -> String {
    match state {
        State::Connected { agent: true } => "connected, with the agent".to_owned(),
        State::Connected { agent: false } => "connected, without the agent".to_owned(),
        State::Failed(failure) => failure.to_string(),
        other => format!("{other:?}").to_lowercase(),
    }
}
