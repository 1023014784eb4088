// SPDX-License-Identifier: LGPL-2.1-or-later
//! One sandbox in the window: its start, its terminal, its end.

use super::end::EndPage;
use super::object;
use super::start::StartPage;
use crate::look;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};
use terrarium_engine::console::Console;
use terrarium_engine::message;
use terrarium_engine::plan::Plan;
use terrarium_engine::profile::{Colour, Isolation, NetworkMode};
use terrarium_engine::sandbox::{Id, State, Stop, Summary};
use terrarium_protocol::orders::Size;
use vte::prelude::*;

/// Lines that VTE keeps: 10 000 to scroll back, and those that are shown,
/// which it counts as well.
const SCROLLBACK: i64 = 10_300;
/// Between TERM and KILL, in milliseconds.
const GRACE: u32 = 10_000;

/// How far a tab is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The sandbox is being made.
    Starting,
    /// There is something to talk to.
    Running,
    /// The end or the failure is shown.
    Ended,
}

/// One tab.
pub struct Tab {
    /// Its widget: a stack of the three pages.
    pub widget: gtk::Stack,
    /// Its mark.
    pub colour: Colour,
    pub(super) window: Weak<Window>,
    pub(super) terminal: vte::Terminal,
    pub(super) start_page: StartPage,
    pub(super) end_page: EndPage,
    /// What is run again; a sandbox found at Home has none.
    pub(super) plan: Option<Plan>,
    name: RefCell<String>,
    isolation: Isolation,
    network: Option<NetworkMode>,
    pub(super) id: RefCell<Option<Id>>,
    pub(super) console: RefCell<Option<Console>>,
    pub(super) phase: Cell<Phase>,
    pub(super) since: Cell<Option<Instant>>,
    pub(super) keyboard: Cell<bool>,
    pub(super) cancelled: Cell<bool>,
    pub(super) forced: Cell<bool>,
    paused: Cell<bool>,
    /// When that was last found out, or changed here.
    known: Cell<Instant>,
    /// It is there, but could not be talked to.
    pub(super) unheard: Cell<bool>,
    stopping: Cell<Option<Instant>>,
    /// What is waited for, in words.
    pub(super) waiting: RefCell<Option<String>>,
    changed: RefCell<Option<Box<dyn Fn()>>>,
    /// VTE has drawn what it was fed.
    pub(super) drawn: async_channel::Receiver<()>,
    /// The terminal has got a size.
    pub(super) sized: async_channel::Receiver<()>,
}

impl Tab {
    /// For a plan that is about to be run.
    pub fn of_plan(window: &Rc<Window>, plan: Plan) -> Rc<Self> {
        let (name, colour, isolation, network) =
            (plan.name.clone(), plan.colour, plan.isolation, plan.network);
        Self::new(window, name, (colour, isolation, Some(network)), Some(plan))
    }

    /// For a sandbox that is there.
    pub fn of_summary(window: &Rc<Window>, one: &Summary) -> Rc<Self> {
        let tab = Self::new(window, one.name().to_owned(), (one.colour(), one.isolation(), None), None);
        *tab.id.borrow_mut() = Some(one.id.clone());
        tab.phase.set(Phase::Running);
        tab.keyboard.set(true);
        tab.paused.set(one.state == State::Paused);
        let running_for = one.status.as_ref().and_then(|status| status.running_for);
        tab.count_from(running_for);
        tab
    }

    fn new(
        window: &Rc<Window>,
        name: String,
        (colour, isolation, network): (Colour, Isolation, Option<NetworkMode>),
        plan: Option<Plan>,
    ) -> Rc<Self> {
        let builder = gtk::Builder::from_string(include_str!("tab.ui"));
        let terminal = make_terminal();
        object::<gtk::Box>(&builder, "terminal-box").append(&terminal);
        let (drew, drawn) = async_channel::bounded(1);
        terminal.connect_contents_changed(move |_| {
            let _ = drew.try_send(());
        });
        let (got_size, sized) = async_channel::bounded(1);
        let tab = Rc::new(Self {
            widget: object(&builder, "stack"),
            colour,
            window: Rc::downgrade(window),
            terminal,
            start_page: StartPage::new(&builder, colour),
            end_page: EndPage::new(&builder),
            plan,
            name: RefCell::new(name),
            isolation,
            network,
            id: RefCell::default(),
            console: RefCell::default(),
            phase: Cell::new(Phase::Starting),
            since: Cell::new(None),
            keyboard: Cell::new(true),
            cancelled: Cell::new(false),
            forced: Cell::new(false),
            paused: Cell::new(false),
            known: Cell::new(Instant::now()),
            unheard: Cell::new(false),
            stopping: Cell::new(None),
            waiting: RefCell::default(),
            changed: RefCell::default(),
            drawn,
            sized,
        });
        tab.connect(&object(&builder, "measure"), got_size);
        tab
    }

    fn connect(self: &Rc<Self>, measure: &gtk::DrawingArea, got_size: async_channel::Sender<()>) {
        let weak = Rc::downgrade(self);
        self.terminal.connect_commit(move |_, text, _| {
            if let Some(console) = weak.upgrade().and_then(|tab| tab.console.borrow().clone()) {
                console.queue_input(text.as_bytes());
            }
        });
        let weak = Rc::downgrade(self);
        measure.connect_resize(move |_, _, _| {
            let (weak, got_size) = (weak.clone(), got_size.clone());
            // VTE counts its cells a moment later.
            glib::idle_add_local_once(move || {
                if let Some(tab) = weak.upgrade() {
                    tab.tell_size();
                }
                let _ = got_size.try_send(());
            });
        });
        let weak = Rc::downgrade(self);
        self.terminal.connect_contents_changed(move |_| {
            // VTE draws what it was fed a little later, also after the end.
            if let Some(tab) = weak.upgrade().filter(|tab| tab.phase.get() == Phase::Ended) {
                tab.end_page.show_output(&tab.text());
            }
        });
        self.start_page.connect(self);
        self.end_page.connect(self);
        add_menu(&self.terminal);
    }

    /// Calls back whenever what the header shows may have changed.
    pub fn on_change(&self, call: impl Fn() + 'static) {
        *self.changed.borrow_mut() = Some(Box::new(call));
    }

    pub(super) fn change(&self) {
        if let Some(call) = self.changed.borrow().as_ref() {
            call();
        }
    }

    /// Cells of the terminal as it is shown.
    pub(super) fn size(&self) -> Size {
        let cells = |count: i64| u16::try_from(count.clamp(1, 1000)).unwrap_or(80);
        Size { columns: cells(self.terminal.column_count()), rows: cells(self.terminal.row_count()) }
    }

    /// Tells the sandbox the terminal's size.
    pub(super) fn tell_size(&self) {
        if let Some(console) = self.console.borrow().as_ref().filter(|_| self.keyboard.get()) {
            console.resize(self.size());
        }
    }

    pub(super) fn count_from(&self, running_for: Option<u64>) {
        let ago = Duration::from_millis(running_for.unwrap_or(0));
        self.since.set(Instant::now().checked_sub(ago));
    }

    /// Milliseconds since the command was started.
    pub(super) fn runs_for(&self) -> u64 {
        let since = self.since.get().map(|since| since.elapsed().as_millis());
        since.and_then(|time| u64::try_from(time).ok()).unwrap_or(0)
    }

    /// What the user calls it.
    #[must_use]
    pub fn name(&self) -> String {
        self.name.borrow().clone()
    }

    pub(super) fn set_name(&self, name: &str) {
        name.clone_into(&mut self.name.borrow_mut());
    }

    /// The line below the name; empty on pages without a live sandbox.
    #[must_use]
    pub fn subtitle(&self) -> String {
        if self.phase.get() != Phase::Running {
            return String::new();
        }
        if let Some(waiting) = self.waiting.borrow().as_ref() {
            return waiting.clone();
        }
        if self.stopping.get().is_some() {
            return gettext("Stopping…");
        }
        let time = clock(self.runs_for());
        if self.paused.get() {
            return [gettext("Paused"), time].join(" · ");
        }
        let network = self.network.filter(|mode| *mode == NetworkMode::None).map(|_| gettext("No network"));
        let parts = [Some(message::isolation(self.isolation)), network, Some(time)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// How far it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Which sandbox, once there is one.
    #[must_use]
    pub fn id(&self) -> Option<Id> {
        self.id.borrow().clone()
    }

    /// Whether closing the window concerns it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.phase.get() != Phase::Ended
    }

    /// Whether it is frozen.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused.get()
    }

    /// Whether what is typed here arrives.
    #[must_use]
    pub fn has_keyboard(&self) -> bool {
        self.keyboard.get()
    }

    /// Whether it was asked to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.get().is_some()
    }

    /// Whether asking was in vain for long enough.
    #[must_use]
    pub fn may_force(&self) -> bool {
        self.stopping.get().is_some_and(|since| since.elapsed() >= Duration::from_millis(GRACE.into()))
    }

    /// Puts the cursor where one types.
    pub fn focus(&self) {
        if self.phase.get() == Phase::Ended {
            self.end_page.focus();
        } else {
            self.terminal.grab_focus();
        }
    }

    /// Asks for the keyboard.
    pub fn take_keyboard(&self) {
        if let Some(console) = self.console.borrow().as_ref() {
            console.ask_keyboard();
        }
        self.terminal.grab_focus();
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
        self.terminal.set_opacity(1.0);
        self.change();
        let tab = self.clone();
        glib::spawn_future_local(async move {
            match window.bridge.stop(id, how).await {
                Ok(outcome) => tab.stopped(outcome),
                Err(error) if tab.is_running() => {
                    tab.stopping.set(None);
                    tab.change();
                    window.toast(&message::error(&error));
                }
                Err(_) => {}
            }
        });
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
        self.terminal.set_opacity(if paused { 0.5 } else { 1.0 });
        if !paused && self.console.borrow().is_none() {
            self.attach();
        }
        self.change();
    }

    /// How it was found at or after `begun`, which may be older than what is
    /// known here.
    pub fn follow(self: &Rc<Self>, state: &State, begun: Instant) {
        let paused = *state == State::Paused;
        if self.phase.get() == Phase::Running && self.known.get() < begun && self.paused.get() != paused {
            self.set_paused(paused);
        }
    }

    /// Runs the same once more, in this tab's place.
    pub fn run_again(self: &Rc<Self>) {
        if let (Some(window), Some(plan)) = (self.window.upgrade(), self.plan.clone()) {
            window.start(plan);
            window.runs.close(self);
        }
    }

    /// The tab is closed. Whether a sandbox goes on without it.
    pub fn let_go(&self) -> bool {
        if self.phase.get() == Phase::Starting {
            self.cancelled.set(true);
            return false;
        }
        let console = self.console.borrow_mut().take();
        if let Some(console) = console {
            // Closing waits for what is still to be sent.
            gio::spawn_blocking(move || console.close());
        }
        self.phase.replace(Phase::Ended) == Phase::Running
    }

    /// Copies what is selected in the terminal.
    pub fn copy(&self) {
        if self.terminal.has_selection() {
            self.terminal.copy_clipboard_format(vte::Format::Text);
        }
    }

    /// Types what the clipboard holds.
    pub fn paste(&self) {
        self.terminal.paste_clipboard();
    }

    /// How it is, as text, for tests.
    #[must_use]
    pub fn describe(&self) -> String {
        let uuid = self.id().map(|id| id.uuid).unwrap_or_default();
        let status = self.console.borrow().as_ref().map(|console| console.status().clone());
        let inside = status.map(|status| format!("kernel: {}\ninit: {}\n", status.kernel, status.init_pid));
        format!(
            "name: {}\nphase: {:?}\nsubtitle: {}\nuuid: {uuid}\n{}end: {}\n---\n{}\n",
            self.name(),
            self.phase.get(),
            self.subtitle(),
            inside.unwrap_or_default(),
            self.end_page.text(),
            self.text()
        )
    }

    /// All that the terminal shows and remembers.
    #[must_use]
    pub fn text(&self) -> String {
        let stream = gio::MemoryOutputStream::new_resizable();
        let written =
            self.terminal.write_contents_sync(&stream, vte::WriteFlags::Default, gio::Cancellable::NONE);
        if written.is_err() || stream.close(gio::Cancellable::NONE).is_err() {
            return String::new();
        }
        String::from_utf8_lossy(&stream.steal_as_bytes()).trim_end().to_owned()
    }
}

/// `2:14`, `1:05:09`.
fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

fn make_terminal() -> vte::Terminal {
    let terminal = vte::Terminal::builder().hexpand(true).vexpand(true).audible_bell(false).build();
    terminal.set_scrollback_lines(SCROLLBACK);
    terminal.set_widget_name("terminal");
    terminal.update_property(&[gtk::accessible::Property::Label(&gettext("Terminal"))]);
    let dress = |terminal: &vte::Terminal, dark: bool| {
        let (text, ground, palette) = look::terminal_palette(dark);
        let sixteen: Vec<&gtk::gdk::RGBA> = palette.iter().collect();
        terminal.set_colors(Some(&text), Some(&ground), &sixteen);
    };
    let manager = adw::StyleManager::default();
    dress(&terminal, manager.is_dark());
    let weak = terminal.downgrade();
    manager.connect_dark_notify(move |manager| {
        if let Some(terminal) = weak.upgrade() {
            dress(&terminal, manager.is_dark());
        }
    });
    terminal
}

/// The menu of the secondary button.
fn add_menu(terminal: &vte::Terminal) {
    let menu = gio::Menu::new();
    menu.append(Some(&gettext("_Copy")), Some("win.copy"));
    menu.append(Some(&gettext("_Paste")), Some("win.paste"));
    let popover = gtk::PopoverMenu::from_model(Some(&menu));
    popover.set_has_arrow(false);
    popover.set_halign(gtk::Align::Start);
    popover.set_parent(terminal);
    let weak = popover.downgrade();
    terminal.connect_destroy(move |_| {
        if let Some(popover) = weak.upgrade() {
            popover.unparent();
        }
    });
    let click = gtk::GestureClick::builder().button(3).build();
    click.connect_pressed(move |_, _, x, y| {
        popover.set_pointing_to(Some(&gtk::gdk::Rectangle::new(x as i32, y as i32, 1, 1)));
        popover.popup();
    });
    terminal.add_controller(click);
}

#[cfg(test)]
mod tests {
    use super::clock;

    #[test]
    fn a_clock_counts_minutes_and_hours() {
        assert_eq!(clock(0), "0:00");
        assert_eq!(clock(134_000), "2:14");
        assert_eq!(clock(3_909_999), "1:05:09");
    }
}
