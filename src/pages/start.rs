// SPDX-License-Identifier: LGPL-2.1-or-later
//! The page of a start that takes a while: its steps, and how long each took.

use super::tab::{Phase, Tab};
use super::{chip, object};
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::message;
use terrarium_engine::profile::Colour;
use terrarium_engine::sandbox::Progress;

/// How often the bar and the times move.
const TICK: Duration = Duration::from_millis(120);
/// An answer of libvirt that takes longer is said to be waited for.
const SLOW: Duration = Duration::from_secs(2);
/// A step that takes longer than any usual one.
const VERY_SLOW: Duration = Duration::from_secs(45);

/// The page.
pub struct StartPage {
    bar: gtk::ProgressBar,
    steps: gtk::ListBox,
    note: gtk::Label,
    cancel: gtk::Button,
    rows: RefCell<Vec<Row>>,
    of_libvirt: Cell<bool>,
}

/// One step.
struct Row {
    begun: Instant,
    mark: gtk::Stack,
    time: gtk::Label,
}

impl StartPage {
    /// The page, without steps.
    pub fn new(builder: &gtk::Builder, colour: Colour) -> Self {
        object::<gtk::Box>(builder, "start-chip").append(&chip(
            colour,
            "large",
            "utilities-terminal-symbolic",
        ));
        Self {
            bar: object(builder, "bar"),
            steps: object(builder, "steps"),
            note: object(builder, "start-note"),
            cancel: object(builder, "cancel"),
            rows: RefCell::default(),
            of_libvirt: Cell::new(true),
        }
    }

    /// Connects what can be clicked, and lets the page move.
    pub fn connect(&self, tab: &Rc<Tab>) {
        let weak = Rc::downgrade(tab);
        self.cancel.connect_clicked(move |button| {
            if let Some(tab) = weak.upgrade() {
                button.set_sensitive(false);
                tab.cancel();
            }
        });
        let weak = Rc::downgrade(tab);
        glib::timeout_add_local(TICK, move || {
            match weak.upgrade().filter(|tab| tab.phase() == Phase::Starting) {
                Some(tab) => {
                    tab.start_page.tick();
                    glib::ControlFlow::Continue
                }
                None => glib::ControlFlow::Break,
            }
        });
    }

    /// The first thing that happens is ours.
    pub fn begin(&self) {
        self.steps.set_visible(false);
    }

    /// A step begins, and the one before it is done.
    pub fn reached(&self, step: &Progress) {
        self.of_libvirt.set(matches!(step, Progress::Domain));
        if let Some(last) = self.rows.borrow().last() {
            last.mark.set_visible_child_name("done");
            last.tell_time();
        }
        let spinner = gtk::Spinner::builder().spinning(true).build();
        let done = gtk::Image::builder().icon_name("object-select-symbolic").css_classes(["success"]).build();
        let mark = gtk::Stack::new();
        mark.add_named(&spinner, Some("runs"));
        mark.add_named(&done, Some("done"));
        let time = gtk::Label::builder().css_classes(["dim-label", "numeric"]).build();
        let row = adw::ActionRow::builder().title(message::progress(step)).build();
        row.add_prefix(&mark);
        row.add_suffix(&time);
        self.steps.append(&row);
        self.steps.set_visible(true);
        self.rows.borrow_mut().push(Row { begun: Instant::now(), mark, time });
    }

    fn tick(&self) {
        self.bar.pulse();
        let rows = self.rows.borrow();
        let Some(last) = rows.last() else { return };
        last.tell_time();
        let waits = last.begun.elapsed();
        let note = if self.of_libvirt.get() && waits > SLOW {
            Some(gettext("Waiting for libvirt to answer…"))
        } else {
            (waits > VERY_SLOW).then(|| gettext("This takes longer than usual."))
        };
        self.note.set_visible(note.is_some());
        if let Some(note) = note.filter(|note| self.note.label() != *note) {
            self.note.set_label(&note);
        }
    }
}

impl Row {
    fn tell_time(&self) {
        let time = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(0);
        self.time.set_label(&message::duration(time));
    }
}
