// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is changed in the form goes back step by step, and forth again. A step
//! touches nothing but the rows in which it was made, so that what no profile
//! can hold stays in the others.

use super::field::Field;
use super::steps::{gradual, Place, Shown};
use super::Form;
use crate::window::Window;
use adw::prelude::*;
use gtk::glib;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Keys that follow each other within this time are one step.
const MOMENT: Duration = Duration::from_secs(1);
/// So many steps are kept.
const STEPS_MAX: usize = 200;

/// How the form was before a change and after it.
#[derive(Clone)]
struct Step {
    before: Rc<Shown>,
    after: Rc<Shown>,
}

impl Step {
    /// Where it was typed, if it was.
    fn typed(&self, fields: &[Field]) -> Option<Place> {
        gradual(&self.before, &self.after, &self.before.places(&self.after, fields), fields)
    }
}

/// All steps since the form began to show what it shows.
#[derive(Default)]
pub struct History {
    now: RefCell<Option<Rc<Shown>>>,
    back: RefCell<Vec<Step>>,
    forth: RefCell<Vec<Step>>,
    /// Where something is being typed, and when it was last.
    typing: Cell<Option<(Place, Instant)>>,
}

impl History {
    /// Begins anew with what the form shows.
    pub fn begin(&self, now: Shown) {
        self.back.take();
        self.forth.take();
        self.accept(now);
    }

    /// What the form shows came from elsewhere, and is no step of its own.
    pub fn accept(&self, now: Shown) {
        self.now.replace(Some(Rc::new(now)));
        self.pause();
    }

    /// What comes next is a step of its own.
    pub fn pause(&self) {
        self.typing.take();
    }

    /// The same steps for a form that is filled meanwhile.
    pub fn keep(&self, fill: impl FnOnce()) {
        let (now, back, forth) = (self.now.borrow().clone(), self.back.take(), self.forth.take());
        fill();
        self.now.replace(now);
        self.back.replace(back);
        self.forth.replace(forth);
        self.pause();
    }

    /// Whether there is something to go back to, and something to go forth to.
    pub fn can(&self) -> (bool, bool) {
        (!self.back.borrow().is_empty(), !self.forth.borrow().is_empty())
    }

    /// A text has taken back some of what was typed into it last.
    fn shorten(&self, now: Shown, fields: &[Field]) {
        let mut back = self.back.borrow_mut();
        let Some(Step { mut before, after }) = back.pop() else { return };
        let place = Step { before: before.clone(), after }.typed(fields);
        while back.last().is_some_and(|step| step.typed(fields) == place) {
            before = back.pop().map_or(before, |step| step.before);
        }
        let after = Rc::new(now);
        self.now.replace(Some(after.clone()));
        self.pause();
        if !before.places(&after, fields).is_empty() {
            back.push(Step { before, after });
        }
    }

    /// The form shows this from now on, which may be a step.
    fn record(&self, shown: Shown, fields: &[Field]) {
        let after = Rc::new(shown);
        let Some(before) = self.now.replace(Some(after.clone())) else { return };
        if before.places(&after, fields).is_empty() {
            return;
        }
        self.forth.take();
        let place = Step { before: before.clone(), after: after.clone() }.typed(fields);
        let last = self.typing.replace(place.map(|place| (place, Instant::now())));
        let goes_on = last.is_some_and(|(last, at)| place == Some(last) && at.elapsed() < MOMENT);
        let mut back = self.back.borrow_mut();
        let begun = if goes_on { back.pop().map(|step| step.before) } else { None };
        let before = begun.unwrap_or(before);
        if before.places(&after, fields).is_empty() {
            // It was taken back by hand.
            return self.pause();
        }
        if back.len() == STEPS_MAX {
            back.remove(0);
        }
        back.push(Step { before, after });
    }
}

/// Whether it is in the middle of a number, which is no change yet.
fn is_half_a_number(text: &gtk::Widget) -> bool {
    let spin = text.ancestor(gtk::SpinButton::static_type()).and_downcast::<gtk::SpinButton>();
    spin.is_some_and(|spin| spin.text().parse().unwrap_or(0.0) != spin.value())
}

impl Form {
    /// Looks whether something was changed.
    pub(super) fn record(&self) {
        self.history.record(self.shown(), &self.fields);
    }

    /// What is shown was not changed here.
    pub(super) fn accept(&self) {
        self.history.accept(self.shown());
    }

    /// Takes the last change back.
    pub(super) fn undo(self: &Rc<Self>, window: &Rc<Window>) {
        if !window.shows("form") {
            return;
        }
        let step = self.history.back.borrow_mut().pop();
        if let Some(step) = step {
            self.go(window, &step.after, &step.before);
            self.history.forth.borrow_mut().push(step);
            self.refresh(window);
        }
    }

    /// Makes the change again that was taken back last.
    pub(super) fn redo(self: &Rc<Self>, window: &Rc<Window>) {
        if !window.shows("form") {
            return;
        }
        let step = self.history.forth.borrow_mut().pop();
        if let Some(step) = step {
            self.go(window, &step.before, &step.after);
            self.history.back.borrow_mut().push(step);
            self.refresh(window);
        }
    }

    /// The same by keys. A text takes back itself what was typed into it last,
    /// as long as nothing else was changed since.
    pub fn undo_by_key(self: &Rc<Self>, window: &Rc<Window>, text: Option<&gtk::Widget>) {
        match text {
            Some(text) if is_half_a_number(text) => drop(text.activate_action("text.undo", None)),
            Some(text) if self.was_typed_last(text) => self.undo_in(window, text),
            _ => self.undo(window),
        }
    }

    fn was_typed_last(&self, text: &gtk::Widget) -> bool {
        let place = self.history.back.borrow().last().and_then(|last| last.typed(&self.fields));
        let row = place.and_then(|place| self.row_of(place));
        let is_number = text.ancestor(gtk::SpinButton::static_type()).is_some();
        row.is_some_and(|row| text.is_ancestor(&row)) && !is_number
    }

    fn undo_in(self: &Rc<Self>, window: &Rc<Window>, text: &gtk::Widget) {
        let before = self.shown();
        self.signal.quietly(|| drop(text.activate_action("text.undo", None)));
        let changed = before.places(&self.shown(), &self.fields);
        if changed.is_empty() {
            return self.undo(window);
        }
        if changed.contains(&Place::Command) {
            self.follow_program();
        }
        self.history.shorten(self.shown(), &self.fields);
        self.refresh(window);
    }

    /// The other way round.
    pub fn redo_by_key(self: &Rc<Self>, window: &Rc<Window>, text: Option<&gtk::Widget>) {
        match text.filter(|_| !self.history.can().1) {
            Some(text) => drop(text.activate_action("text.redo", None)),
            None => self.redo(window),
        }
    }

    /// From one end of a step to the other.
    fn go(&self, window: &Window, from: &Shown, to: &Shown) {
        let places = from.places(to, &self.fields);
        self.signal.quietly(|| places.iter().for_each(|place| self.put(*place, to)));
        self.accept();
        // They may offer what is back by this.
        window.let_toasts_go();
        if let Some(row) = places.first().and_then(|place| self.row_of(*place)) {
            self.advanced.open_for(&row);
            self.scroll_to(&row);
        }
    }

    fn refresh(self: &Rc<Self>, window: &Rc<Window>) {
        self.look(window);
        self.keep_draft(window);
    }

    /// Shows a row without giving it the focus: in a text the same keys take
    /// back what was typed there.
    fn scroll_to(&self, row: &gtk::Widget) {
        let (scroll, row) = (self.scroll.downgrade(), row.downgrade());
        glib::idle_add_local_once(move || {
            let (Some(scroll), Some(row)) = (scroll.upgrade(), row.upgrade()) else { return };
            let bounds = scroll.child().and_then(|child| row.compute_bounds(&child));
            if let Some(bounds) = bounds.filter(|_| row.is_mapped() && row.is_ancestor(&scroll)) {
                let place = scroll.vadjustment();
                let top = place.value() + f64::from(bounds.y());
                place.clamp_page(top, top + f64::from(bounds.height()));
            }
        });
    }
}
