// SPDX-License-Identifier: LGPL-2.1-or-later
//! One sandbox in the window: its start, its terminal or screen, its end.

mod begin;
mod clipboard;
mod control;
pub mod facts;
mod full;
mod log;
mod shells;
mod state;
mod talk;

pub use facts::Facts;

use super::end::EndPage;
use super::object;
use super::screen::Screen;
use super::start::StartPage;
use super::terminal::{self, osc52::Scanner};
use crate::window::Window;
use gtk::glib;
use gtk::prelude::*;
use log::Log;
use shells::Shells;
use spice_view::ClipboardPolicy;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::{Duration, Instant};
use terrarium_engine::console::Console;
use terrarium_engine::network::Usage;
use terrarium_engine::plan::Plan;
use terrarium_engine::profile::DisplayKind;
use terrarium_engine::sandbox::{Held, Id, State, Summary};
use vte::prelude::*;

/// Between TERM and KILL, in milliseconds.
pub const GRACE: u32 = 10_000;
/// Nobody has to wait so long: after this time the button offers force.
const ASKED: Duration = Duration::from_secs(3);

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
    /// Its widget: a stack of its pages.
    pub widget: gtk::Stack,
    /// What does not change.
    pub facts: Facts,
    /// Its screen, if it has one.
    pub screen: Option<Rc<Screen>>,
    /// What happened.
    pub log: Log,
    pub(super) window: Weak<Window>,
    pub(super) terminal: vte::Terminal,
    pub(super) start_page: StartPage,
    pub(super) end_page: EndPage,
    pub(super) shells: Shells,
    /// What was started here; a sandbox found at Home has none.
    pub(super) plan: Option<Plan>,
    /// What one that was found runs, as it says.
    found: RefCell<Option<Plan>>,
    name: RefCell<String>,
    /// Which one of those with that name in a window; 1 is not told.
    number: Cell<u32>,
    pub(super) id: RefCell<Option<Id>>,
    pub(super) console: RefCell<Option<Console>>,
    pub(super) phase: Cell<Phase>,
    since: Cell<Option<Instant>>,
    keyboard: Cell<bool>,
    cancelled: Arc<AtomicBool>,
    /// Nobody sees it any more.
    left: Cell<bool>,
    /// What it writes is thrown away with this tab, and not before.
    pub(in crate::pages) held: RefCell<Option<Held>>,
    /// Whether that was asked for, and whether it is known.
    pub(in crate::pages) holds: Cell<Option<bool>>,
    /// Whether what is thrown away may be: it was asked.
    pub(in crate::pages) may_go: Cell<bool>,
    /// Files would be thrown away with this tab.
    pub(in crate::pages) loses: Cell<bool>,
    full: Cell<full::Full>,
    forced: Cell<bool>,
    pub(super) restarts: Cell<bool>,
    /// Its result is here, and what it changed is not known yet.
    pub(super) hears_result: Cell<bool>,
    paused: Cell<bool>,
    /// Its network, as last looked at.
    network_now: RefCell<Option<Usage>>,
    /// Since when its clock stands still.
    still: Cell<Option<Instant>>,
    /// When that was last found out, or changed here.
    known: Cell<Instant>,
    /// It is there, but could not be talked to.
    pub(super) unheard: Cell<bool>,
    stopping: Cell<Option<Instant>>,
    /// What is waited for, in words.
    waiting: RefCell<Option<String>>,
    changed: RefCell<Option<Box<dyn Fn()>>>,
    /// What passes through the clipboard now.
    clipboard: Cell<ClipboardPolicy>,
    /// Finds what the terminal wants on the clipboard.
    scanner: RefCell<Scanner>,
    /// What it wanted there while nobody looked.
    wish: RefCell<Option<String>>,
    /// Whether a question about that is open.
    asks: Cell<bool>,
    /// When the last one was answered with no.
    denied: Cell<Option<Instant>>,
    /// VTE has drawn what it was fed.
    drawn: async_channel::Receiver<()>,
    /// The page has got a size.
    sized: async_channel::Receiver<()>,
    got_size: async_channel::Sender<()>,
    /// It has one. What VTE begins with is none.
    is_sized: Cell<bool>,
}

impl Tab {
    /// For a plan that is about to be run.
    pub fn of_plan(window: &Rc<Window>, plan: Plan) -> Rc<Self> {
        let (name, facts) = (plan.name.clone(), Facts::from(&plan));
        Self::new(window, name, facts, Some(plan))
    }

    /// For a sandbox that is there.
    pub fn of_summary(window: &Rc<Window>, one: &Summary) -> Rc<Self> {
        let tab = Self::new(window, one.name().to_owned(), Facts::from(one), None);
        *tab.id.borrow_mut() = Some(one.id.clone());
        tab.phase.set(Phase::Running);
        tab.paused.set(one.state == State::Paused);
        let running_for = one.status.as_ref().and_then(|status| status.running_for);
        tab.count_from(running_for);
        tab.stand_still(tab.paused.get());
        tab
    }

    fn new(window: &Rc<Window>, name: String, facts: Facts, plan: Option<Plan>) -> Rc<Self> {
        let builder = crate::pages::layout(include_str!("tab.ui"));
        let terminal = terminal::make();
        object::<gtk::Box>(&builder, "terminal-box").append(&terminal);
        let (drew, drawn) = async_channel::bounded(1);
        terminal.connect_contents_changed(move |_| {
            let _ = drew.try_send(());
        });
        let (got_size, sized) = async_channel::bounded(1);
        let clipboard = Cell::new(facts.clipboard);
        let screen = (facts.display == DisplayKind::Window).then(|| Screen::new(&facts));
        let tab = Rc::new(Self {
            widget: object(&builder, "stack"),
            start_page: StartPage::new(&builder, &facts, plan.as_ref()),
            end_page: EndPage::new(&builder),
            shells: Shells::new(&builder, facts.colour),
            facts,
            screen,
            log: Log::new(),
            window: Rc::downgrade(window),
            terminal,
            plan,
            found: RefCell::default(),
            name: RefCell::new(name),
            number: Cell::new(1),
            id: RefCell::default(),
            console: RefCell::default(),
            phase: Cell::new(Phase::Starting),
            since: Cell::new(None),
            keyboard: Cell::new(true),
            cancelled: Arc::default(),
            left: Cell::new(false),
            held: RefCell::default(),
            holds: Cell::new(None),
            may_go: Cell::new(false),
            loses: Cell::new(false),
            full: Cell::default(),
            forced: Cell::new(false),
            restarts: Cell::new(false),
            hears_result: Cell::new(false),
            paused: Cell::new(false),
            network_now: RefCell::default(),
            still: Cell::new(None),
            known: Cell::new(Instant::now()),
            unheard: Cell::new(false),
            stopping: Cell::new(None),
            waiting: RefCell::default(),
            changed: RefCell::default(),
            clipboard,
            scanner: RefCell::default(),
            wish: RefCell::default(),
            asks: Cell::new(false),
            denied: Cell::new(None),
            drawn,
            sized,
            got_size,
            is_sized: Cell::new(false),
        });
        tab.connect(&object(&builder, "measure"));
        tab
    }

    fn connect(self: &Rc<Self>, measure: &gtk::DrawingArea) {
        let weak = Rc::downgrade(self);
        self.terminal.connect_commit(move |_, text, _| {
            if let Some(console) = weak.upgrade().and_then(|tab| tab.console.borrow().clone()) {
                console.queue_input(text.as_bytes());
            }
        });
        let weak = Rc::downgrade(self);
        measure.connect_resize(move |_, _, _| {
            let weak = weak.clone();
            // VTE counts its cells a moment later.
            glib::idle_add_local_once(move || {
                if let Some(tab) = weak.upgrade() {
                    tab.has_size();
                    tab.tell_size();
                }
            });
        });
        let weak = Rc::downgrade(self);
        self.terminal.connect_contents_changed(move |_| {
            // VTE draws what it was fed a little later, also after the end.
            if let Some(tab) = weak.upgrade().filter(|tab| tab.phase.get() == Phase::Ended) {
                tab.end_page.show_output(&tab.text());
                tab.offer_screen();
            }
        });
        self.connect_pages();
    }

    fn connect_pages(self: &Rc<Self>) {
        self.start_page.connect(self);
        self.end_page.connect(self);
        self.shells.connect(self);
        if let Some(screen) = &self.screen {
            self.widget.add_named(&screen.widget, Some("screen"));
            screen.connect(self);
        }
        self.show_main();
        let weak = Rc::downgrade(self);
        self.widget.connect_visible_child_notify(move |_| {
            if let Some(tab) = weak.upgrade() {
                tab.change();
            }
        });
    }

    /// The page of what the sandbox shows.
    pub(super) fn show_main(&self) {
        self.widget.set_visible_child_name(if self.screen.is_some() { "screen" } else { "terminal" });
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

    /// The page was given its size; a start may wait for that.
    pub(super) fn has_size(&self) {
        self.is_sized.set(true);
        let _ = self.got_size.try_send(());
    }

    /// Tells the sandbox the sizes of the terminal and the screen.
    pub(super) fn tell_size(&self) {
        if let Some(console) = self.console.borrow().as_ref().filter(|_| self.keyboard.get()) {
            // A shell draws its line anew for each size that it is told of.
            if self.is_sized.get() {
                console.resize(terminal::size(&self.terminal));
            }
            if let Some(screen) = &self.screen {
                screen.tell_size(console);
            }
        }
    }
}
