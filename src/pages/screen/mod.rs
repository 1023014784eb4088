// SPDX-License-Identifier: LGPL-2.1-or-later
//! The screen of a sandbox in a tab.

mod clipboard;
mod empty;
mod files;
mod keep;
mod monitors;
mod session;
mod size;
mod usb;

pub use clipboard::what as clipboard_content;

use super::object;
use super::tab::Facts;
use super::tab::Tab;
use crate::look;
use gettextrs::gettext;
use gtk::prelude::*;
use spice_view::{Command, ScaleMode, SpiceView, State};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use terrarium_engine::profile::{Isolation, Passes};
use terrarium_protocol::display::DisplayStatus;

/// The page.
pub struct Screen {
    /// Its widget.
    pub widget: gtk::Box,
    /// What shows the guest's pixels.
    pub view: SpiceView,
    pages: gtk::Stack,
    spinner: gtk::Spinner,
    waits: gtk::Label,
    page: adw::StatusPage,
    again: gtk::Button,
    tab: RefCell<Weak<Tab>>,
    passes: Passes,
    is_machine: bool,
    /// What init said of the screen last.
    status: Cell<Option<DisplayStatus>>,
    paused: Cell<bool>,
    muted: Cell<bool>,
    session: session::Session,
    sizes: size::Sizes,
    clipboard: clipboard::Clipboard,
    files: files::Files,
    empty: empty::Empty,
    kept: keep::Kept,
    monitors: monitors::Monitors,
    usb: usb::Usb,
}

impl Screen {
    /// The page, without a session.
    pub fn new(facts: &Facts) -> Rc<Self> {
        let builder = crate::pages::layout(include_str!("screen.ui"));
        let view = SpiceView::new();
        // Resizing goes over the control channel, which needs no agent.
        view.set_ask_resize(false);
        view.set_file_drop(facts.passes.drop);
        view.update_property(&[
            gtk::accessible::Property::Label(&gettext("Screen of the sandbox")),
            gtk::accessible::Property::Description(&gettext("Press Ctrl+Alt to leave it.")),
        ]);
        let scrolled: gtk::ScrolledWindow = object(&builder, "scrolled");
        let port = gtk::Viewport::builder().child(&view).scroll_to_focus(false).build();
        scrolled.set_child(Some(&port));
        object::<gtk::Box>(&builder, "transfer-line").add_css_class(&look::class(facts.colour));
        Rc::new(Self {
            widget: object(&builder, "screen"),
            view,
            pages: object(&builder, "screen-pages"),
            spinner: object(&builder, "screen-spinner"),
            waits: object(&builder, "screen-waits"),
            page: object(&builder, "screen-status"),
            again: object(&builder, "screen-again"),
            tab: RefCell::default(),
            passes: facts.passes,
            is_machine: facts.isolation == Isolation::Machine,
            status: Cell::new(None),
            paused: Cell::new(false),
            muted: Cell::new(false),
            session: session::Session::default(),
            sizes: size::Sizes::new(object(&builder, "screen-measure"), facts.scale),
            clipboard: clipboard::Clipboard::new(facts.clipboard),
            files: files::Files::new(&builder),
            empty: empty::Empty::new(&builder),
            kept: keep::Kept::default(),
            monitors: monitors::Monitors::default(),
            usb: usb::Usb::default(),
        })
    }

    /// Connects it with its tab.
    pub fn connect(self: &Rc<Self>, tab: &Rc<Tab>) {
        self.tab.replace(Rc::downgrade(tab));
        self.connect_session();
        self.connect_size();
        self.connect_clipboard();
        self.connect_files();
        let weak = Rc::downgrade(self);
        self.view.connect_leave(move |_| {
            if let Some(window) = weak.upgrade().and_then(|screen| screen.window()) {
                window.runs.leave_fullscreen(&window);
            }
        });
        let weak = Rc::downgrade(self);
        self.view.connect_grab_notify(move |_| {
            if let Some(screen) = weak.upgrade() {
                screen.change();
            }
        });
        let weak = Rc::downgrade(self);
        self.view.connect_has_focus_notify(move |view| {
            if let Some(window) = weak.upgrade().and_then(|screen| screen.window()) {
                // What is typed is the sandbox's; F11 stays ours.
                window.set_shortcuts(!view.has_focus());
            }
        });
    }

    fn window(&self) -> Option<Rc<crate::window::Window>> {
        self.tab().and_then(|tab| tab.window.upgrade())
    }

    fn tab(&self) -> Option<Rc<Tab>> {
        self.tab.borrow().upgrade()
    }

    fn change(&self) {
        if let Some(tab) = self.tab() {
            tab.change();
        }
    }

    fn log(&self, text: &str) {
        if let Some(tab) = self.tab() {
            tab.log.add(text);
        }
    }

    /// Puts the cursor where one types.
    pub fn focus(&self) {
        if self.is_shown() {
            self.view.grab_focus();
        } else {
            self.again.grab_focus();
        }
    }

    /// Whether the guest's pixels are seen.
    pub fn is_shown(&self) -> bool {
        self.pages.visible_child_name().as_deref() == Some("view")
    }

    /// Whether neither a picture nor a failure was there yet.
    pub fn is_beginning(&self) -> bool {
        self.pages.visible_child_name().as_deref() == Some("wait")
    }

    /// Whether input reaches the guest.
    pub fn is_connected(&self) -> bool {
        self.view.state().is_connected()
    }

    /// Whether there is an agent, without which there is no clipboard.
    pub fn has_agent(&self) -> bool {
        // Init knows that it runs, and the server whether it talks.
        let talks = matches!(self.view.state(), State::Connected { agent: true });
        talks && self.status.get().is_none_or(|status| status.agent)
    }

    /// How the guest's pixels are scaled.
    pub fn scale(&self) -> ScaleMode {
        self.view.scale_mode()
    }

    /// Scales them otherwise.
    pub fn set_scale(&self, mode: ScaleMode) {
        self.view.set_scale_mode(mode);
        self.change();
    }

    /// Whether the profile lets its sound be heard.
    pub fn may_sound(&self) -> bool {
        self.passes.sound
    }

    /// Whether its programs play sound or listen.
    pub fn uses_sound(&self) -> bool {
        self.passes.sound || self.passes.microphone
    }

    /// Whether its sound is silenced.
    pub fn is_muted(&self) -> bool {
        self.muted.get()
    }

    /// Silences its sound, or lets it be heard.
    pub fn set_muted(&self, muted: bool) {
        self.muted.set(muted);
        if let Some(link) = self.view.link() {
            link.send(Command::Mute(muted));
        }
        self.change();
    }

    /// What stands still is shown so.
    pub fn dim(&self, paused: bool) {
        self.paused.set(paused);
        self.show_stillness();
    }

    fn show_stillness(&self) {
        let still = self.paused.get() || self.is_lost();
        self.view.set_opacity(if still { 0.5 } else { 1.0 });
    }

    /// How it is, as text, for tests.
    #[must_use]
    pub fn describe(&self) -> String {
        format!(
            "screen: {} {}x{} {:?} agent: {}\nstatus: {} · {}\nasks: {}\n",
            self.pages.visible_child_name().unwrap_or_default(),
            self.view.guest_width(),
            self.view.guest_height(),
            self.view.state(),
            self.has_agent(),
            self.page.title(),
            self.page.description().unwrap_or_default(),
            self.asking().map(|ask| clipboard_content(&ask)).unwrap_or_default(),
        )
    }
}
