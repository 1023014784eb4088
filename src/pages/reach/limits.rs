// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much a sandbox that runs may use, below the sentence about it: with the
//! form's own rows, changed until it ends.

use crate::pages::asked::Asked;
use crate::pages::form::field::{message_row, say, Field, Signal};
use crate::pages::form::groups;
use crate::pages::network::{always, rate_text, set_class};
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;
use terrarium_engine::message;
use terrarium_engine::profile::{parse_size, Profile};
use terrarium_engine::sandbox::{Fixed, Id, LimitChange, Limits};
use terrarium_protocol::guard::RATE_MIN;

/// Who turns at a number turns on for a moment.
const SETTLED: Duration = Duration::from_millis(600);

/// The rows.
pub struct LimitRows {
    signal: Signal,
    memory: Field,
    cpus: Field,
    processes: adw::ActionRow,
    disk: adw::EntryRow,
    disk_message: adw::ActionRow,
    /// What holds, as last looked at.
    held: RefCell<Option<Limits>>,
    asked: Asked,
    /// Something was turned, or is being changed.
    busy: Cell<bool>,
    window: RefCell<Weak<Window>>,
    told: RefCell<Option<Box<dyn Fn()>>>,
    own: Weak<Self>,
}

impl LimitRows {
    /// For no sandbox yet.
    pub fn new() -> Rc<Self> {
        let signal = Signal::default();
        let processes = adw::ActionRow::builder().title(gettext("Processes")).selectable(false).build();
        processes.set_subtitle_lines(0);
        processes.set_widget_name("live-processes");
        let disk = adw::EntryRow::builder()
            .title(gettext("Disk per Second (such as 1 MiB)"))
            .show_apply_button(true)
            .enable_emoji_completion(false)
            .build();
        disk.set_widget_name("live-disk");
        Rc::new_cyclic(|own: &Weak<Self>| Self {
            memory: groups::memory(&signal, "live-memory"),
            cpus: groups::processors(&signal, "live-cpus", None),
            signal,
            processes,
            disk,
            disk_message: message_row("live-disk-message"),
            held: RefCell::default(),
            asked: Asked::default(),
            busy: Cell::new(false),
            window: RefCell::default(),
            told: RefCell::default(),
            own: own.clone(),
        })
    }

    /// In their order.
    pub fn rows(&self) -> Vec<adw::PreferencesRow> {
        let fields = self.memory.rows().into_iter().chain(self.cpus.rows()).flatten();
        let rest = [self.processes.clone().upcast(), self.disk.clone().upcast()];
        fields.chain(rest).chain([self.disk_message.clone().upcast()]).collect()
    }

    /// Connects what can be changed; `told` when it is known what holds.
    pub fn connect(&self, window: &Rc<Window>, told: impl Fn() + 'static) {
        self.window.replace(Rc::downgrade(window));
        self.told.replace(Some(Box::new(told)));
        let weak = self.own.clone();
        self.signal.connect(move || weak.upgrade().iter().for_each(Self::turned));
        for field in [&self.memory, &self.cpus] {
            let weak = self.own.clone();
            let key = field.key;
            // Back to what a profile has by default.
            field.connect_reset(move || weak.upgrade().iter().for_each(|rows| rows.reset(key)));
        }
        let weak = self.own.clone();
        self.disk.connect_apply(move |_| weak.upgrade().iter().for_each(|rows| rows.typed()));
    }

    fn reset(&self, key: &str) {
        let usual = Profile::new("", Vec::new());
        let field = if key == self.memory.key { &self.memory } else { &self.cpus };
        field.fill(&usual);
    }

    /// What holds, if that is known.
    pub fn held(&self) -> Option<Limits> {
        self.held.borrow().clone()
    }

    /// Shows those of this sandbox; without one nothing can be changed.
    pub fn show(&self, id: Option<&Id>) {
        if self.asked.set(id) {
            self.held.take();
            self.busy.set(false);
            self.say(None, None);
        }
        match self.held().filter(|_| id.is_some()) {
            Some(held) => self.bar(&held),
            None => self.rows().iter().for_each(|row| row.set_sensitive(false)),
        }
        if let Some(id) = id.filter(|_| !self.busy.get()) {
            self.ask(id.clone());
        }
    }

    fn ask(&self, id: Id) {
        let Some(window) = self.window.borrow().upgrade() else { return };
        let Some(turn) = self.asked.begin() else { return };
        let weak = self.own.clone();
        glib::spawn_future_local(async move {
            let limits = window.bridge.limits(id).await;
            let Some(rows) = weak.upgrade().filter(|rows| rows.asked.end(turn)) else { return };
            // What cannot be asked has ended, or is asked again in a moment.
            if let Ok(limits) = limits {
                rows.fill(&limits);
            }
        });
    }

    fn fill(&self, limits: &Limits) {
        let before = self.held.replace(Some(limits.clone()));
        if before.as_ref() == Some(limits) {
            return;
        }
        self.show_numbers(limits);
        let most = |text: String, most: &str| text.replace("{most}", most);
        let memory = (limits.memory_most >> 20).to_string();
        subtitle(&self.memory, &most(gettext("In MiB, up to {most} while it runs"), &memory));
        subtitle(&self.cpus, &most(gettext("Up to {most} while it runs"), &limits.cpus_most.to_string()));
        let count = limits.processes.to_string();
        self.processes.set_subtitle(&format!("{count}. {}", message::fixed(Fixed::Processes)));
        // What is being typed stays.
        if before.is_none_or(|before| before.disk != limits.disk) {
            self.disk.set_text(&limits.disk.map(rate_text).unwrap_or_default());
            set_class(&self.disk, "error", false);
        }
        self.bar(limits);
        if let Some(told) = self.told.borrow().as_ref() {
            told();
        }
    }

    fn show_numbers(&self, limits: &Limits) {
        let mut profile = Profile::new("", Vec::new());
        profile.limits.memory = limits.memory;
        profile.limits.cpus = Some(limits.cpus);
        self.signal.quietly(|| {
            self.memory.fill(&profile);
            self.cpus.fill(&profile);
        });
    }

    /// What stays as it is says why, the rest can be changed.
    fn bar(&self, limits: &Limits) {
        let why = |what: Fixed| limits.fixed.contains(&what).then(|| message::fixed(what));
        let (memory, disk) = (why(Fixed::Memory), why(Fixed::Disk));
        for row in self.rows() {
            let is_fixed = row == self.memory.row && memory.is_some() || row == self.disk && disk.is_some();
            row.set_sensitive(!is_fixed);
        }
        if memory.is_some() {
            self.memory.say(memory.as_deref(), false);
        }
        if disk.is_some() {
            say(&self.disk_message, disk.as_deref(), false);
        }
    }

    fn turned(self: &Rc<Self>) {
        self.busy.set(true);
        let (weak, turn) = (Rc::downgrade(self), self.asked.forget());
        glib::timeout_add_local_once(SETTLED, move || {
            let Some(rows) = weak.upgrade().filter(|rows| rows.asked.is(turn)) else { return };
            rows.busy.set(false);
            if let Some(change) = rows.wish() {
                rows.change(change);
            }
        });
    }

    /// What is other than what holds.
    fn wish(&self) -> Option<LimitChange> {
        let held = self.held()?;
        let mut profile = Profile::new("", Vec::new());
        self.memory.read(&mut profile);
        self.cpus.read(&mut profile);
        let memory = Some(profile.limits.memory).filter(|memory| memory >> 20 != held.memory >> 20);
        let cpus = profile.limits.cpus.filter(|cpus| *cpus != held.cpus);
        (memory.is_some() || cpus.is_some()).then_some(LimitChange { memory, cpus, disk: None })
    }

    fn typed(&self) {
        let text = self.disk.text();
        let rate = match text.trim() {
            "" => Some(None),
            text => parse_size(text).filter(|rate| *rate >= RATE_MIN).map(Some),
        };
        set_class(&self.disk, "error", rate.is_none());
        say(&self.disk_message, rate.is_none().then(|| message::not_a_rate(&text)).as_deref(), true);
        if let Some(rate) = rate {
            self.change(LimitChange { disk: Some(rate), ..LimitChange::default() });
        }
    }

    /// Has it hold, and says so; or why not, below the row.
    fn change(&self, change: LimitChange) {
        let (Some(id), Some(window)) = (self.asked.of(), self.window.borrow().upgrade()) else {
            return;
        };
        self.busy.set(true);
        let (weak, turn) = (self.own.clone(), self.asked.hold());
        glib::spawn_future_local(async move {
            let done = window.bridge.change_limits(id.clone(), change).await;
            let Some(rows) = weak.upgrade().filter(|rows| rows.asked.end(turn)) else { return };
            rows.busy.set(false);
            match &done {
                Ok(()) => offer(&window, &id, change),
                Err(_) => rows.held().iter().for_each(|held| rows.show_numbers(held)),
            }
            rows.say(done.err().map(|error| message::without_keys(&error)).as_deref(), Some(&change));
            rows.ask(id);
        });
    }

    /// Why a change did not come about, below what was changed.
    fn say(&self, why: Option<&str>, change: Option<&LimitChange>) {
        let of = |is_it: fn(&LimitChange) -> bool| why.filter(|_| change.is_some_and(is_it));
        self.memory.say(of(|change| change.memory.is_some()), true);
        self.cpus.say(of(|change| change.cpus.is_some() && change.memory.is_none()), true);
        say(&self.disk_message, of(|change| change.disk.is_some()), true);
    }
}

/// What was changed can be so always, where a profile has a word for it.
fn offer(window: &Rc<Window>, id: &Id, change: LimitChange) {
    let said = gettext("Holds until it ends");
    always::offer(window, id, &said, &gettext("_Always"), move |profile| {
        profile.limits.memory = change.memory.unwrap_or(profile.limits.memory);
        profile.limits.cpus = change.cpus.or(profile.limits.cpus);
        change.memory.is_some() || change.cpus.is_some()
    });
}

fn subtitle(field: &Field, text: &str) {
    if let Some(row) = field.row.downcast_ref::<adw::ActionRow>() {
        row.set_subtitle(text);
    }
}
