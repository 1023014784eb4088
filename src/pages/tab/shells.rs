// SPDX-License-Identifier: LGPL-2.1-or-later
//! The pages of a sandbox's terminal: its own output or command, and shells
//! beside that.

use super::{Phase, Tab};
use crate::bridge::Events;
use crate::look;
use crate::pages::{object, terminal};
use gettextrs::gettext;
use gtk::glib;
use gtk::prelude::*;
use std::cell::{Cell, RefCell};
use std::os::unix::ffi::OsStrExt;
use std::rc::{Rc, Weak};
use terrarium_engine::console::{Console, Event};
use terrarium_engine::host::Host;
use terrarium_engine::profile::{Colour, Isolation};
use terrarium_engine::{message, plan};
use terrarium_protocol::orders::{Command, Size};
use terrarium_protocol::Bytes;
use vte::prelude::*;

/// Shells at once.
const MOST: usize = 8;

/// The pages.
pub struct Shells {
    pages: gtk::Stack,
    foot: gtk::Box,
    to_screen: gtk::Button,
    open: RefCell<Vec<Rc<Shell>>>,
    count: Cell<u32>,
}

/// One shell.
struct Shell {
    page: gtk::Overlay,
    terminal: vte::Terminal,
    console: RefCell<Option<Console>>,
}

impl Shells {
    /// Only the output, without a way to open shells.
    pub fn new(builder: &gtk::Builder, colour: Colour) -> Self {
        object::<gtk::Box>(builder, "foot-line").add_css_class(&look::class(colour));
        let (pages, foot) = (object(builder, "terminals"), object(builder, "foot"));
        Self {
            pages,
            foot,
            to_screen: object(builder, "to-screen"),
            open: RefCell::default(),
            count: Cell::new(0),
        }
    }

    /// A sandbox with a screen has the bar below its terminal; another one gets
    /// it with its first shell.
    pub fn connect(&self, tab: &Rc<Tab>) {
        self.to_screen.set_visible(tab.screen.is_some());
        if let Some(first) = self.first().filter(|_| tab.screen.is_none()) {
            self.pages.page(&first).set_title(&gettext("Command"));
        }
        self.show_foot();
        let weak = Rc::downgrade(tab);
        self.pages.connect_visible_child_notify(move |_| {
            if let Some(tab) = weak.upgrade().filter(Tab::shows_terminal) {
                tab.shown_terminal().grab_focus();
            }
        });
    }

    fn show_foot(&self) {
        self.foot.set_visible(self.to_screen.get_visible() || !self.open.borrow().is_empty());
    }

    /// The page of the sandbox's own terminal.
    fn first(&self) -> Option<gtk::Widget> {
        self.pages.child_by_name("output")
    }

    /// Shows what stands before a page, before that goes: a stack would show
    /// nothing.
    fn step_back(&self, page: &gtk::Overlay) {
        if self.pages.visible_child().as_ref() == Some(page.upcast_ref()) {
            let before = {
                let open = self.open.borrow();
                open.iter().take_while(|one| one.page != *page).last().map(|one| one.page.clone().upcast())
            };
            before.or_else(|| self.first()).iter().for_each(|page| self.pages.set_visible_child(page));
        }
    }

    /// The terminal of the shell that is seen.
    pub fn shown(&self) -> Option<vte::Terminal> {
        let page = self.pages.visible_child()?;
        self.open.borrow().iter().find(|shell| shell.page == page).map(|shell| shell.terminal.clone())
    }

    /// The sandbox has ended: no more shells.
    pub fn end(&self) {
        self.close();
        self.foot.set_visible(false);
    }

    /// Hangs up on all.
    pub fn close(&self) {
        self.first().iter().for_each(|first| self.pages.set_visible_child(first));
        let open = self.open.take();
        for shell in open {
            self.pages.remove(&shell.page);
            shell.hang_up();
        }
    }

    fn remove(&self, shell: &Rc<Shell>) {
        let known = self.open.borrow().iter().any(|one| Rc::ptr_eq(one, shell));
        if known {
            self.step_back(&shell.page);
            self.open.borrow_mut().retain(|one| !Rc::ptr_eq(one, shell));
            self.pages.remove(&shell.page);
            self.show_foot();
            shell.hang_up();
        }
    }
}

impl Tab {
    /// Whether a terminal of it is what is seen in the window.
    fn shows_terminal(self: &Rc<Self>) -> bool {
        let is_seen = self.window.upgrade().is_some_and(|window| self.is_seen(&window));
        let page = self.widget.visible_child_name();
        is_seen && self.phase.get() == Phase::Running && page.as_deref() == Some("terminal")
    }

    /// Opens a shell of the user's beside the command.
    pub fn new_shell(self: &Rc<Self>) {
        let (Some(window), Some(id)) = (self.window.upgrade(), self.id()) else { return };
        let Some(host) = window.bridge.host() else { return };
        if self.phase.get() != Phase::Running || self.shells.open.borrow().len() >= MOST {
            return;
        }
        let shell = Shell::new();
        self.shells.count.set(self.shells.count.get() + 1);
        let title = gettext("Shell {number}").replace("{number}", &self.shells.count.get().to_string());
        self.shells.pages.add_titled(&shell.page, None, &title);
        self.shells.open.borrow_mut().push(shell.clone());
        self.shells.show_foot();
        self.shells.pages.set_visible_child(&shell.page);
        self.widget.set_visible_child_name("terminal");
        shell.terminal.grab_focus();
        let command = command(host, self, terminal::size(&self.terminal));
        let (events, started) = window.bridge.exec(id, command);
        shell.listen(Rc::downgrade(self), events);
        let tab = self.clone();
        glib::spawn_future_local(async move {
            match started.await {
                Ok(console) => shell.begin(console),
                Err(error) => {
                    tab.shells.remove(&shell);
                    window.toast(&message::error(&error));
                }
            }
        });
    }
}

impl Shell {
    fn new() -> Rc<Self> {
        let terminal = terminal::make();
        // What is typed before it is there would be lost.
        terminal.set_input_enabled(false);
        let ground = gtk::Box::builder().css_classes(["terminal-box"]).build();
        ground.append(&terminal);
        let measure = gtk::DrawingArea::builder().can_target(false).can_focus(false).build();
        let page = gtk::Overlay::builder().child(&ground).build();
        page.add_overlay(&measure);
        let shell = Rc::new(Self { page, terminal, console: RefCell::default() });
        let weak = Rc::downgrade(&shell);
        shell.terminal.connect_commit(move |_, text, _| {
            if let Some(console) = weak.upgrade().and_then(|shell| shell.console.borrow().clone()) {
                console.queue_input(text.as_bytes());
            }
        });
        let weak = Rc::downgrade(&shell);
        measure.connect_resize(move |_, _, _| {
            let weak = weak.clone();
            // VTE counts its cells a moment later.
            glib::idle_add_local_once(move || weak.upgrade().iter().for_each(|shell| shell.tell_size()));
        });
        shell
    }

    fn begin(&self, console: Console) {
        self.console.replace(Some(console));
        self.terminal.set_input_enabled(true);
        self.tell_size();
    }

    fn tell_size(&self) {
        if let Some(console) = self.console.borrow().as_ref() {
            console.resize(terminal::size(&self.terminal));
        }
    }

    fn listen(self: &Rc<Self>, tab: Weak<Tab>, events: Events) {
        let shell = self.clone();
        glib::spawn_future_local(async move {
            while let Ok((console, event)) = events.recv().await {
                match event {
                    Event::Output { stream, offset, bytes } => {
                        shell.terminal.feed(&bytes);
                        console.ack(stream, offset + bytes.len() as u64);
                    }
                    Event::Refused(why) => {
                        if let Some(window) = tab.upgrade().and_then(|tab| tab.window.upgrade()) {
                            window.toast(&message::error(&terrarium_engine::Error::Refused(why)));
                        }
                        break;
                    }
                    Event::Result(_) => {
                        console.received();
                        break;
                    }
                    Event::Closed => break,
                    _ => {}
                }
            }
            if let Some(tab) = tab.upgrade() {
                tab.shells.remove(&shell);
            }
        });
    }

    /// Ends the conversation, and with it the shell.
    fn hang_up(&self) {
        if let Some(console) = self.console.take() {
            gtk::gio::spawn_blocking(move || console.close());
        }
    }
}

/// The user's shell, with a terminal, and with the sandbox's screen.
fn command(host: &Host, tab: &Tab, size: Size) -> Command {
    let mut environment = plan::environment(host, true, false);
    if let Some(screen) = &tab.screen {
        let display = tab.plan.as_ref().and_then(|plan| plan.orders.display.as_ref());
        let glx = display.is_some_and(|display| display.glx);
        let fifo = tab.facts.isolation == Isolation::Container && screen.may_sound();
        let desk = plan::Desk { glx, fifo, sound: screen.uses_sound(), scale: screen.programs_scale() };
        environment.extend(plan::screen_environment(host, desk));
    }
    let bytes = |path: &std::path::Path| Bytes::from(path.as_os_str().as_bytes());
    Command {
        argv: vec![bytes(&host.user.shell)],
        environment,
        directory: bytes(&plan::home(host)),
        terminal: Some(size),
    }
}
