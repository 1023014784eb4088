// SPDX-License-Identifier: LGPL-2.1-or-later
//! The page of a start that takes a while: its parts, how long each took, and
//! how far it is when measured by the last start of the same.

mod row;
mod times;

use super::tab::{Facts, Phase, Tab};
use super::{chip, object};
use crate::bridge::Bridge;
use gettextrs::gettext;
use gtk::glib;
use gtk::prelude::*;
use row::Row;
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::message;
use terrarium_engine::plan::Plan;
use terrarium_engine::profile::{DisplayKind, Isolation};
use terrarium_engine::sandbox::Progress;
use terrarium_protocol::message::Stage;
use times::Times;

/// How often the bar and the times move.
const TICK: Duration = Duration::from_millis(120);
/// An answer of libvirt that takes longer is said to be waited for.
const SLOW: Duration = Duration::from_secs(2);
/// A part that takes longer than any usual one, or so many times as long as
/// last time, and not just a moment.
const VERY_SLOW: Duration = Duration::from_secs(45);
const TIMES_SLOW: u64 = 3;
const MOMENT: u64 = 1500;

/// The page.
pub struct StartPage {
    bar: gtk::ProgressBar,
    last_start: gtk::Label,
    steps: gtk::ListBox,
    note_box: gtk::Box,
    note: gtk::Label,
    cancel: gtk::Button,
    rows: Vec<Row>,
    key: String,
    reached: Cell<usize>,
    begun: Cell<Instant>,
    taken: RefCell<Times>,
    last: RefCell<Option<Times>>,
    cache: RefCell<Option<PathBuf>>,
    of_libvirt: Cell<bool>,
    /// What is copied, in words, and how much of it is.
    copying: RefCell<Option<(String, f64)>>,
    is_over: Cell<bool>,
}

impl StartPage {
    /// The page; a sandbox without a plan runs already.
    pub fn new(builder: &gtk::Builder, facts: &Facts, plan: Option<&Plan>) -> Self {
        let mark = chip(facts.colour, "large", facts.icon());
        object::<gtk::Box>(builder, "start-chip").append(&mark);
        let steps: gtk::ListBox = object(builder, "steps");
        let rows: Vec<Row> = plan.iter().flat_map(|plan| parts(plan)).collect();
        for row in &rows {
            steps.append(&row.widget);
        }
        Self {
            bar: object(builder, "bar"),
            last_start: object(builder, "last-start"),
            steps,
            note_box: object(builder, "start-note-box"),
            note: object(builder, "start-note"),
            cancel: object(builder, "cancel"),
            rows,
            key: plan.map(times::key).unwrap_or_default(),
            reached: Cell::new(0),
            begun: Cell::new(Instant::now()),
            taken: RefCell::default(),
            last: RefCell::default(),
            cache: RefCell::default(),
            of_libvirt: Cell::new(true),
            copying: RefCell::default(),
            is_over: Cell::new(false),
        }
    }

    /// Connects what can be clicked, and lets the page move.
    pub fn connect(&self, tab: &Rc<Tab>) {
        self.steps.set_visible(!self.rows.is_empty());
        let weak = Rc::downgrade(tab);
        self.cancel.connect_clicked(move |button| {
            if let Some(tab) = weak.upgrade() {
                button.set_sensitive(false);
                tab.cancel();
            }
        });
        let weak = Rc::downgrade(tab);
        glib::timeout_add_local(TICK, move || {
            let tab = weak.upgrade().filter(|tab| tab.phase() != Phase::Ended);
            match tab.filter(|tab| !tab.start_page.is_over.get() && !tab.start_page.rows.is_empty()) {
                Some(tab) => {
                    tab.start_page.tick();
                    glib::ControlFlow::Continue
                }
                None => glib::ControlFlow::Break,
            }
        });
    }

    /// The start begins: how long did the last one take?
    pub async fn begin(&self, bridge: &Bridge) {
        self.begun.set(Instant::now());
        if let Some(row) = self.rows.first() {
            row.runs();
        }
        let Some(cache) = bridge.host().map(|host| host.places.cache.clone()) else { return };
        let last = times::last(&cache, &self.key, self.rows.len()).await;
        self.cache.replace(Some(cache));
        let whole: u64 = last.iter().flatten().sum();
        self.last_start.set_visible(whole > 0);
        let text = gettext("The last start took {time}").replace("{time}", &message::duration(whole));
        self.last_start.set_label(&text);
        self.last.replace(last);
    }

    /// A step begins; the parts before its own are done.
    pub fn reached(&self, step: &Progress) {
        self.of_libvirt.set(matches!(step, Progress::Domain));
        self.copying.replace(match step {
            Progress::Copy { bytes, of } => {
                Some((message::progress(step), *bytes as f64 / (*of).max(1) as f64))
            }
            _ => None,
        });
        let has_display = self.rows.len() > 2;
        let part = match step {
            Progress::Inside(Stage::Display) if has_display => 1,
            Progress::Inside(Stage::Command) => self.rows.len().saturating_sub(1),
            _ => 0,
        };
        while self.reached.get() < part {
            self.next();
        }
    }

    /// The part that it is at, in words.
    pub fn reached_last(&self) -> String {
        let row = if self.is_over.get() { None } else { self.rows.get(self.reached.get()) };
        row.map(Row::title).unwrap_or_default()
    }

    /// A part is done, and the next begins.
    fn next(&self) {
        let time = self.elapsed();
        self.taken.borrow_mut().push(time);
        if let Some(row) = self.rows.get(self.reached.get()) {
            row.done(time);
        }
        self.reached.set(self.reached.get() + 1);
        self.begun.set(Instant::now());
        if let Some(row) = self.rows.get(self.reached.get()) {
            row.runs();
        }
    }

    /// It is there: the times are kept for the next start.
    pub fn finished(&self) {
        if self.is_over.replace(true) || self.rows.is_empty() {
            return;
        }
        while self.reached.get() < self.rows.len() {
            self.next();
        }
        if let Some(cache) = self.cache.take() {
            let (key, times) = (self.key.clone(), self.taken.take());
            glib::spawn_future_local(async move { times::keep(&cache, key, times).await });
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.begun.get().elapsed().as_millis()).unwrap_or(0)
    }

    fn tick(&self) {
        let (at, now) = (self.reached.get(), self.elapsed());
        let (last, copying) = (self.last.borrow(), self.copying.borrow());
        let known = last.as_ref().filter(|last| last.iter().sum::<u64>() > 0);
        match (copying.as_ref(), known) {
            (Some((_, part)), _) => self.bar.set_fraction(part.min(1.0)),
            (None, Some(last)) => self.bar.set_fraction(times::fraction(last, at, now)),
            (None, None) => self.bar.pulse(),
        }
        if let Some(row) = self.rows.get(at) {
            row.tell_time(now);
        }
        let usual = last.as_ref().and_then(|last| last.get(at)).map(|usual| usual.saturating_mul(TIMES_SLOW));
        let limit = usual.map_or(VERY_SLOW, |usual| Duration::from_millis(usual.max(MOMENT)));
        let waits = Duration::from_millis(now);
        let note = if let Some((text, _)) = copying.as_ref() {
            Some(text.clone())
        } else if self.of_libvirt.get() && waits > SLOW {
            Some(gettext("Waiting for libvirt to answer…"))
        } else {
            (waits > limit).then(|| gettext("This takes longer than usual."))
        };
        self.note_box.set_visible(note.is_some());
        if let Some(note) = note.filter(|note| self.note.label() != *note) {
            self.note.set_label(&note);
        }
    }
}

/// The parts of a plan's start, in their order.
fn parts(plan: &Plan) -> Vec<Row> {
    let mut rows = vec![match &plan.machine {
        Some(machine) => {
            let how = if machine.kvm { gettext("accelerated") } else { gettext("emulated") };
            let detail = format!("Linux {}, {how}", message::shown(&machine.kernel.version));
            Row::new(&gettext("Boot the virtual machine"), &detail)
        }
        None => Row::new(&gettext("Make the container"), ""),
    }];
    debug_assert_eq!(plan.machine.is_some(), plan.isolation == Isolation::Machine);
    if plan.display == DisplayKind::Window {
        rows.push(Row::new(&gettext("Start the display"), "Xorg"));
    }
    let name = message::shown(&plan.name);
    rows.push(Row::new(&gettext("Start {name}").replace("{name}", &name), ""));
    rows
}
