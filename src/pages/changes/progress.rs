// SPDX-License-Identifier: LGPL-2.1-or-later
//! How far something has come that takes long, and its end before the time.

use super::super::object;
use crate::bridge::changes::Work;
use adw::prelude::*;
use gtk::glib;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// What takes less long is not shown.
const AFTER: Duration = Duration::from_millis(300);
const EVERY: Duration = Duration::from_millis(100);

/// A bar and a button.
#[derive(Clone)]
pub struct Progress {
    revealer: gtk::Revealer,
    bar: gtk::ProgressBar,
    work: Rc<RefCell<Option<Work>>>,
}

impl Progress {
    /// Of the window that was built.
    pub fn new(builder: &gtk::Builder) -> Self {
        let work: Rc<RefCell<Option<Work>>> = Rc::default();
        let (cancel, begun): (gtk::Button, _) = (object(builder, "cancel-work"), work.clone());
        cancel.connect_clicked(move |_| begun.borrow().iter().for_each(Work::cancel));
        Self { revealer: object(builder, "work"), bar: object(builder, "work-bar"), work }
    }

    /// Something begins that writes so many bytes.
    pub fn begin(&self, bytes: u64) -> Work {
        let work = Work::default();
        self.work.replace(Some(work.clone()));
        let (own, shown) = (self.clone(), work.clone());
        glib::timeout_add_local_once(AFTER, move || own.follow(&shown, bytes));
        work
    }

    fn follow(&self, work: &Work, bytes: u64) {
        let (own, work) = (self.clone(), work.clone());
        let show = move || {
            let is_it = own.work.borrow().is_some();
            own.revealer.set_reveal_child(is_it);
            own.bar.set_fraction((work.bytes() as f64 / bytes.max(1) as f64).min(1.0));
            if is_it {
                glib::ControlFlow::Continue
            } else {
                glib::ControlFlow::Break
            }
        };
        glib::timeout_add_local(EVERY, show);
    }

    /// It is over.
    pub fn end(&self) {
        self.work.replace(None);
        self.revealer.set_reveal_child(false);
    }

    /// Ends it before the time.
    pub fn cancel(&self) {
        self.work.borrow().iter().for_each(Work::cancel);
    }
}
