// SPDX-License-Identifier: LGPL-2.1-or-later
//! Home: what runs, then the profiles; a welcome when there is neither.

mod card;
mod profiles;
mod thumbnails;

use super::object;
use crate::window::Window;
use adw::prelude::*;
use card::{age, card};
use gettextrs::gettext;
use gtk::glib;
use profiles::open_terminal;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::message;
use terrarium_engine::profile::Profile;
use terrarium_engine::sandbox::{Listing, Summary};
use thumbnails::Thumbnails;

/// How often the list is made anew.
const EVERY: Duration = Duration::from_millis(1500);
/// An answer that takes longer is said to be waited for.
const SLOW: Duration = Duration::from_secs(2);

/// The page.
pub struct Home {
    /// Its widget.
    pub widget: gtk::Box,
    stack: gtk::Stack,
    notice: gtk::Revealer,
    notice_text: gtk::Label,
    running_box: gtk::Box,
    running: gtk::FlowBox,
    profiles_box: gtk::Box,
    profiles: gtk::ListBox,
    open_terminal: adw::ActionRow,
    run_command: adw::ActionRow,
    welcome_note: gtk::Label,
    shown: RefCell<Option<Vec<Summary>>>,
    known: RefCell<Vec<Profile>>,
    waiting: Cell<bool>,
    thumbnails: Thumbnails,
}

impl Home {
    /// The page, empty.
    pub fn new() -> Rc<Self> {
        let builder = gtk::Builder::from_string(include_str!("home.ui"));
        Rc::new(Self {
            widget: object(&builder, "page"),
            stack: object(&builder, "stack"),
            notice: object(&builder, "notice"),
            notice_text: object(&builder, "notice-text"),
            running_box: object(&builder, "running-box"),
            running: object(&builder, "running"),
            profiles_box: object(&builder, "profiles-box"),
            profiles: object(&builder, "profiles"),
            open_terminal: object(&builder, "open-terminal"),
            run_command: object(&builder, "run-command"),
            welcome_note: object(&builder, "welcome-note"),
            shown: RefCell::default(),
            known: RefCell::default(),
            waiting: Cell::new(false),
            thumbnails: Thumbnails::default(),
        })
    }

    /// Connects what can be clicked.
    pub fn connect(self: &Rc<Self>, window: &Rc<Window>) {
        let on = |row: &adw::ActionRow, run: fn(&Rc<Window>)| {
            let window = Rc::downgrade(window);
            row.connect_activated(move |_| {
                if let Some(window) = window.upgrade() {
                    run(&window);
                }
            });
        };
        on(&self.open_terminal, open_terminal);
        on(&self.run_command, |window| window.show_form(None));
        self.profiles_box.set_visible(false);
        self.running_box.set_visible(false);
    }

    /// Makes the lists anew for as long as the window is there.
    pub fn watch(self: &Rc<Self>, window: &Rc<Window>) {
        self.read_profiles(window);
        self.watch_screens(window);
        let (home, window) = (self.clone(), Rc::downgrade(window));
        glib::spawn_future_local(async move {
            loop {
                let Some(window) = window.upgrade().filter(|window| window.widget.is_visible()) else {
                    return;
                };
                home.waiting.set(true);
                let slow = home.clone();
                glib::timeout_add_local_once(SLOW, move || slow.say_what_is_waited_for());
                let begun = Instant::now();
                let listing = window.bridge.list().await;
                home.waiting.set(false);
                window.runs.follow(&listing, begun);
                home.show(&window, listing);
                drop(window);
                glib::timeout_future(EVERY).await;
            }
        });
    }

    /// What is listed and said, as text, for tests.
    #[must_use]
    pub fn describe(&self) -> String {
        let notice = if self.notice.reveals_child() { self.notice_text.label() } else { "".into() };
        let shown = self.shown.borrow();
        let cards =
            shown.iter().flatten().map(|one| format!("{}: {}", one.name(), message::state(&one.state)));
        format!("notice: {notice}\n{}\n", cards.collect::<Vec<_>>().join("\n"))
    }

    fn say_what_is_waited_for(&self) {
        if self.waiting.get() {
            self.notice_text.set_label(&gettext("Waiting for libvirt to answer…"));
            self.notice.set_reveal_child(true);
        }
    }

    fn show(self: &Rc<Self>, window: &Rc<Window>, listing: Listing) {
        match listing.unreachable.first() {
            Some((uri, state)) => {
                self.notice_text.set_label(&message::connection_state(uri, state));
                self.notice.set_reveal_child(true);
            }
            None => self.notice.set_reveal_child(false),
        }
        let unchanged = self.shown.borrow().as_ref().is_some_and(|old| same(old, &listing.sandboxes));
        if !unchanged {
            while let Some(child) = self.running.first_child() {
                self.running.remove(&child);
            }
            for one in &listing.sandboxes {
                self.running.append(&card(window, one, &self.thumbnails));
            }
        }
        self.thumbnails.retain(&listing.sandboxes);
        let empty = listing.sandboxes.is_empty();
        self.running_box.set_visible(!empty);
        let welcome = empty && self.known.borrow().is_empty();
        self.stack.set_visible_child_name(if welcome { "welcome" } else { "lists" });
        *self.shown.borrow_mut() = Some(listing.sandboxes);
    }
}

/// Whether two lists look the same; the time is counted in whole minutes.
fn same(old: &[Summary], new: &[Summary]) -> bool {
    let looks = |one: &Summary| (one.id.clone(), message::state(&one.state), age(one));
    old.len() == new.len() && old.iter().zip(new).all(|(a, b)| looks(a) == looks(b))
}
