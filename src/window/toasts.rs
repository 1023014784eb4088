// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is said in passing goes with the page that it was said on: it is about
//! that, and would stand over the next.

use super::Window;
use crate::pages::runs::Runs;
use gtk::{glib, prelude::*};
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How long something is offered, in seconds.
const SHORT: u32 = 5;

/// A page, and the tab on it; the tab is only compared.
type Place = (glib::GString, usize);

/// One that comes is moved for at most half a second. libadwaita 1.2 comes to
/// grief if it goes before that is over.
const MOVED: Duration = Duration::from_millis(550);

/// Something that was said, and may still be seen.
struct Said {
    toast: adw::Toast,
    /// Where, once that is known.
    place: Option<Place>,
    /// It is about to go.
    goes: bool,
}

/// What is said.
pub(super) struct Toasts {
    /// What it is said over.
    pub(super) widget: adw::ToastOverlay,
    pages: adw::Leaflet,
    runs: Weak<Runs>,
    said: RefCell<Vec<Said>>,
}

impl Toasts {
    /// Over these pages.
    pub(super) fn new(pages: &adw::Leaflet, runs: &Rc<Runs>) -> Rc<Self> {
        let widget = adw::ToastOverlay::new();
        widget.set_child(Some(pages));
        Rc::new(Self { widget, pages: pages.clone(), runs: Rc::downgrade(runs), said: RefCell::default() })
    }

    /// Who says something may be about to show another page: it is said there.
    fn say(self: &Rc<Self>, toast: adw::Toast) {
        self.said.borrow_mut().push(Said { toast: toast.clone(), place: None, goes: false });
        let weak = Rc::downgrade(self);
        toast.connect_dismissed(move |toast| {
            weak.upgrade().iter().for_each(|all| all.said.borrow_mut().retain(|one| one.toast != *toast));
        });
        self.widget.add_toast(toast.clone());
        let weak = Rc::downgrade(self);
        // Once whoever is at it is done, and before anything is drawn.
        glib::spawn_future_local(async move {
            let Some(all) = weak.upgrade() else { return };
            let place = all.place();
            let mut said = all.said.borrow_mut();
            said.iter_mut().filter(|one| one.toast == toast).for_each(|one| one.place = Some(place.clone()));
        });
    }

    /// Another page is shown, or another tab of one. What waits for its turn
    /// goes first: it would have it otherwise.
    fn go(self: &Rc<Self>) {
        let now = self.place();
        let (mut waiting, mut shown) = (Vec::new(), Vec::new());
        for one in self.said.borrow_mut().iter_mut() {
            if one.goes || one.place.as_ref().is_none_or(|place| *place == now) {
                continue;
            }
            one.goes = true;
            let is_shown = one.toast.custom_title().is_some_and(|title| title.parent().is_some());
            if is_shown { &mut shown } else { &mut waiting }.push(one.toast.clone());
        }
        waiting.iter().for_each(adw::Toast::dismiss);
        for toast in shown {
            let weak = Rc::downgrade(self);
            glib::timeout_add_local_once(MOVED, move || {
                // It may have gone by itself.
                let is_there = |all: &Rc<Self>| all.said.borrow().iter().any(|one| one.toast == toast);
                if weak.upgrade().is_some_and(|all| is_there(&all)) {
                    toast.dismiss();
                }
            });
        }
    }

    fn place(&self) -> Place {
        let page = self.pages.visible_child_name().unwrap_or_default();
        let tab = self.runs.upgrade().filter(|_| page == "runs").and_then(|runs| runs.current());
        (page, tab.map_or(0, |tab| Rc::as_ptr(&tab) as usize))
    }
}

impl Window {
    /// Says something in passing, with something that can be done about it.
    pub fn offer(&self, text: &str, button: &str, run: impl Fn() + 'static) {
        self.offer_for(SHORT, text, button, run);
    }

    /// The same for so many seconds.
    pub fn offer_for(&self, seconds: u32, text: &str, button: &str, run: impl Fn() + 'static) {
        let toast = crate::pages::toast(text);
        toast.set_timeout(seconds);
        toast.set_button_label(Some(button));
        toast.set_priority(adw::ToastPriority::High);
        toast.connect_button_clicked(move |_| run());
        self.toasts.say(toast);
    }

    /// Says something that stays until it is closed, or its page is left.
    pub fn note(&self, text: &str) {
        let toast = crate::pages::toast(text);
        toast.set_timeout(0);
        self.toasts.say(toast);
    }

    /// Says something in passing.
    pub fn toast(&self, text: &str) {
        self.toasts.say(crate::pages::toast(text));
    }

    /// What was said goes with the page, or the tab, that is left.
    pub(crate) fn let_toasts_go(&self) {
        self.toasts.go();
    }
}
