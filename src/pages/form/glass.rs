// SPDX-License-Identifier: LGPL-2.1-or-later
//! How strong the glass is: one of two kinds, or what this computer does best,
//! as long as nothing else is chosen.

use super::field::{reset_button, say, Signal};
use super::Form;
use crate::pages::object;
use crate::window::Window;
use adw::prelude::*;
use std::cell::Cell;
use std::rc::Rc;
use terrarium_engine::host::Host;
use terrarium_engine::message;
use terrarium_engine::plan::{plan, Note, Problem};
use terrarium_engine::profile::{Isolation, Machine, Profile};

/// The two rows.
pub struct Glass {
    container: gtk::CheckButton,
    machine: gtk::CheckButton,
    rows: [(adw::ActionRow, adw::ActionRow, gtk::Button); 2],
    reset: gtk::Button,
    /// Has the way back, or nothing, in the same room.
    place: gtk::Stack,
    /// What this computer does best.
    usual: Cell<Option<Isolation>>,
}

impl Glass {
    /// Those of the layout.
    pub fn new(builder: &gtk::Builder) -> Self {
        let row = |name: &str| {
            let id = |what: &str| format!("{name}-{what}");
            (object(builder, &id("row")), object(builder, &id("message")), object(builder, &id("fix")))
        };
        let (reset, place) = (reset_button(), gtk::Stack::new());
        reset.set_visible(true);
        reset.set_widget_name("how-strong-reset");
        // Nothing below it moves when it comes and goes.
        place.add_child(&gtk::Box::builder().build());
        place.add_child(&reset);
        object::<adw::PreferencesGroup>(builder, "how-strong").set_header_suffix(Some(&place));
        Self {
            container: object(builder, "container"),
            machine: object(builder, "machine"),
            rows: [row("container"), row("machine")],
            reset,
            place,
            usual: Cell::new(None),
        }
    }

    /// Tells when another one is chosen.
    pub fn connect(&self, signal: &Signal) {
        // The one that is switched off tells so before the other is on.
        for button in [&self.container, &self.machine] {
            let signal = signal.clone();
            button.connect_toggled(move |_| signal.emit());
        }
    }

    /// Whether one is chosen.
    pub fn is_chosen(&self) -> bool {
        self.container.is_active() || self.machine.is_active()
    }

    /// The one that is chosen.
    pub fn chosen(&self) -> Isolation {
        if self.machine.is_active() {
            Isolation::Machine
        } else {
            Isolation::Container
        }
    }

    /// The row of that one.
    pub fn row(&self) -> gtk::Widget {
        let [(container, ..), (machine, ..)] = &self.rows;
        if self.machine.is_active() { machine } else { container }.clone().upcast()
    }

    /// Chooses one.
    pub fn choose(&self, isolation: Isolation) {
        match isolation {
            Isolation::Machine => self.machine.set_active(true),
            Isolation::Container => self.container.set_active(true),
        }
    }

    /// What is said of it, in a profile that said this until now.
    pub fn read(&self, profile: &mut Profile) {
        let chosen = self.chosen();
        // One that left it to this computer still does, unless it is another.
        if profile.isolation.is_some() || self.usual.get() != Some(chosen) {
            profile.isolation = Some(chosen);
        }
    }

    /// Marks it if it is not left to this computer, which could choose.
    pub fn mark(&self, profile: &Profile) {
        let changed = profile.isolation.is_some() && self.usual.get().is_some();
        let shown = if changed { Some(self.reset.clone().upcast()) } else { self.place.first_child() };
        shown.iter().for_each(|shown: &gtk::Widget| self.place.set_visible_child(shown));
        let chosen = [self.container.is_active(), self.machine.is_active()];
        for ((row, ..), is_it) in self.rows.iter().zip(chosen) {
            if changed && is_it {
                row.add_css_class("changed");
            } else {
                row.remove_css_class("changed");
            }
        }
    }
}

impl Form {
    pub(super) fn connect_glass(self: &Rc<Self>, window: &Rc<Window>) {
        self.glass.connect(&self.signal);
        let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        self.glass.reset.connect_clicked(move |_| {
            if let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) {
                form.rest.borrow_mut().isolation = None;
                form.signal.quietly(|| form.glass.usual.get().iter().for_each(|one| form.glass.choose(*one)));
                form.changed_at_once(&window);
            }
        });
    }

    /// The kind that a profile names, or what this computer does best.
    pub(super) fn choose_glass(&self, window: &Window, isolation: Option<Isolation>) {
        let Some(host) = window.bridge.host() else { return };
        let usual = plan(&Profile::new("usual", vec!["true".into()]), host).plan.map(|plan| plan.isolation);
        self.glass.usual.set(usual);
        let set = crate::settings::settings().isolation();
        self.glass.choose(isolation.or(set).or(usual).unwrap_or(Isolation::Container));
    }

    /// How strong the glass is.
    pub(super) fn isolation(&self) -> Isolation {
        self.glass.chosen()
    }

    /// Each kind of glass is planned for itself; one that cannot work says
    /// why below it.
    pub(super) fn show_glass(&self, profile: &Profile, host: &Host) {
        self.glass.mark(profile);
        for (isolation, (row, below, fix)) in
            [Isolation::Container, Isolation::Machine].into_iter().zip(&self.glass.rows)
        {
            let alone = Profile {
                isolation: Some(isolation),
                machine: Machine::default(),
                ..Profile::new("x", vec!["true".into()])
            };
            let planned = plan(&alone, host);
            let about =
                |problem: &&Problem| problem.field == "isolation" || problem.field.starts_with("machine.");
            let found = planned.problems.iter().find(about);
            row.set_sensitive(found.is_none());
            fix.set_visible(found.is_some());
            let chosen = self.isolation() == isolation;
            let privileged = profile.security.privileged;
            let note = planned.notes.iter().find(|note| matches!(note, Note::Emulated { .. }));
            let note = note.filter(|_| chosen && !privileged);
            let text =
                found.map(|problem| message::problem(problem).text).or_else(|| note.map(message::note));
            say(below, text.as_deref(), false);
        }
    }
}
