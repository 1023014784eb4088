// SPDX-License-Identifier: LGPL-2.1-or-later
//! The half that GTK draws and listens with.

mod clipboard;
mod files;
mod imp;
mod keyboard;
mod pointer;
mod provider;
mod resize;
mod screenshot;
mod server;
mod source;
mod tiles;

pub use screenshot::ScreenshotError;

use gtk::glib;
use gtk::prelude::*;
use gtk::subclass::prelude::*;

use crate::clipboard::ClipboardAsk;
use crate::keys::Combo;
use crate::link::Link;
use crate::types::{CloseReason, Command, MonitorId, State, Transfer};

/// What somebody needs to know who cannot see how to get out.
const WAY_OUT: &str = "The screen of another computer. Press Ctrl+Alt to leave it.";

glib::wrapper! {
    /// A widget that shows one monitor of a SPICE session and passes on keys
    /// and the pointer.
    ///
    /// # Properties
    /// - `monitor`: which of the guest's monitors; the first by default
    /// - `scale-mode`: [`crate::geometry::ScaleMode`]
    /// - `zoom`: device pixels for each of the guest's, in the mode `actual`
    /// - `ask-resize`: whether the guest is asked to take the view's size
    /// - `grab`: whether the desktop's shortcuts go to the guest
    /// - `clipboard-policy`: [`crate::ClipboardPolicy`]; of several views of a
    ///   session one only should have another one than `off`
    /// - `clipboard-limit`: bytes that may be pasted at once; 64 MiB by default
    /// - `clipboard-lifetime`: seconds after which what the user allowed into
    ///   the guest is taken back; 30 by default
    /// - `file-drop`: whether files may be dropped into the guest; off by default
    /// - `guest-width`, `guest-height`: the picture's size in pixels
    ///
    /// # Signals
    /// - `state-changed`: see [`SpiceView::state`]
    /// - `monitors-changed`: see [`SpiceView::monitors`]
    /// - `wanted-size` (width, height): the size of a guest that would fill
    ///   the view, in device pixels, whenever it is another one
    /// - `clipboard-asks`, `clipboard-ask-gone`, `clipboard-moved`: see the
    ///   methods that connect to them
    /// - `transfer`: how files on their way into the guest fare
    /// - `leave`: Ctrl+Alt was pressed and let go; by default the focus goes
    ///   to the next widget
    pub struct SpiceView(ObjectSubclass<imp::SpiceView>)
        @extends gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Default for SpiceView {
    fn default() -> Self {
        Self::new()
    }
}

impl SpiceView {
    /// A view of nothing.
    pub fn new() -> Self {
        glib::Object::new()
    }

    /// Shows a session, or none. What was shown of another one is gone; what
    /// a session showed last stays when it ends.
    pub fn set_link(&self, link: Option<&Link>) {
        self.imp().set_link(link);
    }

    /// The session that is shown.
    pub fn link(&self) -> Option<Link> {
        self.imp().link.borrow().clone()
    }

    /// How the session fares.
    pub fn state(&self) -> State {
        self.imp().state.borrow().clone()
    }

    /// Why the session is closed, if it is. After [`CloseReason::TakenOver`]
    /// it is well to ask before taking the place back.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.link().and_then(|link| link.close_reason())
    }

    /// Begins the session anew with new sockets, whatever state it is in.
    pub fn reconnect(&self) {
        self.imp().send(Command::Reconnect);
    }

    /// The guest's monitors, for as many views of the same session; each gets
    /// one by its property `monitor`.
    pub fn monitors(&self) -> Vec<MonitorId> {
        self.link().map(|link| link.monitors()).unwrap_or_default()
    }

    /// Calls a function when the guest has other monitors than before.
    pub fn connect_monitors_changed(&self, f: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("monitors-changed", false, glib::closure_local!(move |view: &SpiceView| f(view)))
    }

    /// Sends keys to the guest as if they were pressed together.
    pub fn send_keys(&self, combo: &Combo) {
        let press = combo.keys().iter().map(|key| Command::Key(*key, true));
        let release = combo.keys().iter().rev().map(|key| Command::Key(*key, false));
        for command in press.chain(release) {
            self.imp().send(command);
        }
    }

    /// Calls a function when the session fares differently.
    pub fn connect_state_changed(&self, f: impl Fn(&Self, State) + 'static) -> glib::SignalHandlerId {
        self.connect_closure(
            "state-changed",
            false,
            glib::closure_local!(move |view: &SpiceView| f(view, view.state())),
        )
    }

    /// Calls a function with the size, in device pixels, that a guest should
    /// have to fill the view.
    pub fn connect_wanted_size(&self, f: impl Fn(&Self, u32, u32) + 'static) -> glib::SignalHandlerId {
        self.connect_closure(
            "wanted-size",
            false,
            glib::closure_local!(move |view: &SpiceView, width: u32, height: u32| f(view, width, height)),
        )
    }

    /// Calls a function when the user leaves the guest by Ctrl+Alt, before
    /// the focus goes on.
    pub fn connect_leave(&self, f: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("leave", false, glib::closure_local!(move |view: &SpiceView| f(view)))
    }

    /// Calls a function with each question whether something may be pasted,
    /// under the policy `ask`. [`SpiceView::answer_clipboard`] answers.
    pub fn connect_clipboard_asks(
        &self,
        f: impl Fn(&Self, &ClipboardAsk) + 'static,
    ) -> glib::SignalHandlerId {
        self.connect_closure(
            "clipboard-asks",
            false,
            glib::closure_local!(move |view: &SpiceView, ask: &ClipboardAsk| f(view, ask)),
        )
    }

    /// Calls a function with the number of a question that is void.
    pub fn connect_clipboard_ask_gone(&self, f: impl Fn(&Self, u64) + 'static) -> glib::SignalHandlerId {
        self.connect_closure(
            "clipboard-ask-gone",
            false,
            glib::closure_local!(move |view: &SpiceView, id: u64| f(view, id)),
        )
    }

    /// Calls a function with whatever was pasted, either way, for the user to
    /// see that it was; its number is 0.
    pub fn connect_clipboard_moved(
        &self,
        f: impl Fn(&Self, &ClipboardAsk) + 'static,
    ) -> glib::SignalHandlerId {
        self.connect_closure(
            "clipboard-moved",
            false,
            glib::closure_local!(move |view: &SpiceView, moved: &ClipboardAsk| f(view, moved)),
        )
    }

    /// Asks, under the policy `ask`, whether the guest may paste what was copied
    /// here. A key for pasting that goes to the guest does the same; a guest
    /// that pastes by a menu or a mouse's button has no other way.
    pub fn offer_clipboard(&self) {
        self.imp().clipboard.offer(self);
    }

    /// Answers a question. A number that is void changes nothing.
    pub fn answer_clipboard(&self, id: u64, allowed: bool) {
        self.imp().clipboard.answer(self, id, allowed);
    }

    /// Calls a function while files are on their way into the guest, last
    /// when they are there or will not be.
    pub fn connect_transfer(&self, f: impl Fn(&Self, &Transfer) + 'static) -> glib::SignalHandlerId {
        self.connect_closure(
            "transfer",
            false,
            glib::closure_local!(move |view: &SpiceView, transfer: &Transfer| f(view, transfer)),
        )
    }
}
