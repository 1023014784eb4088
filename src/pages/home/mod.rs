// SPDX-License-Identifier: LGPL-2.1-or-later
//! Home: what runs, what waits for a decision, then the profiles; a welcome
//! when there is none of it.

mod card;
mod cards;
mod menu;
mod pace;
mod profiles;
mod seen;
mod summary;
mod thumbnails;
mod usage;
mod waiting;
mod welcome;

pub(crate) use summary::summary;

use super::object;
use crate::pages::tab::Tab;
use crate::window::Window;
use adw::prelude::*;
use card::{called, says, Card};
use gettextrs::gettext;
use gtk::glib;
use pace::Pace;
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::message;
use terrarium_engine::sandbox::{Id, Listing, State, Summary, Waiting};
use thumbnails::Thumbnails;
use usage::Meter;

/// An answer that takes longer is said to be waited for.
const SLOW: Duration = Duration::from_secs(2);

/// The page.
pub struct Home {
    /// Its widget.
    pub widget: gtk::Box,
    run: gtk::Button,
    stack: gtk::Stack,
    notice: gtk::Revealer,
    notice_text: gtk::Label,
    running_box: gtk::Box,
    running: gtk::Box,
    finished_box: gtk::Box,
    finished: gtk::Box,
    close_finished: gtk::Button,
    waiting_box: gtk::Box,
    waiting: gtk::ListBox,
    profiles_box: gtk::Box,
    profiles: gtk::ListBox,
    /// All profiles have rows.
    shows_all: Cell<bool>,
    no_profiles: gtk::Label,
    welcome_rows: gtk::ListBox,
    welcome_note: gtk::Label,
    search_bar: gtk::SearchBar,
    search_toggle: gtk::ToggleButton,
    search: gtk::SearchEntry,
    nothing: adw::StatusPage,
    run_searched: gtk::Button,
    run_searched_text: gtk::Label,
    /// What runs, as it was listed last.
    shown: RefCell<Option<Vec<Summary>>>,
    cards: RefCell<Vec<(Id, String, Card)>>,
    /// Tabs of what has ended that have cards, and what those say.
    ends: RefCell<Vec<(usize, String)>>,
    /// What waits for a decision, as it was looked at last.
    waits: RefCell<Vec<Waiting>>,
    /// What the rows about that say.
    waiting_lines: RefCell<Vec<waiting::Line>>,
    shows_all_waiting: Cell<bool>,
    /// What is being discarded.
    leaving: RefCell<Vec<String>>,
    /// The profile that was run last from its row, and when.
    played: RefCell<Option<(PathBuf, Instant)>>,
    /// Profiles that the search found.
    found: Cell<usize>,
    /// Lists since something runs.
    beats: Cell<u32>,
    /// Pictures are being made.
    looks: Cell<bool>,
    /// What is used is being asked for.
    measures: Cell<bool>,
    thumbnails: Thumbnails,
    meter: Meter,
}

impl Home {
    /// The page, empty.
    pub fn new() -> Rc<Self> {
        let builder = crate::pages::layout(include_str!("home.ui"));
        let home = Self {
            widget: object(&builder, "page"),
            run: object(&builder, "run"),
            stack: object(&builder, "stack"),
            notice: object(&builder, "notice"),
            notice_text: object(&builder, "notice-text"),
            running_box: object(&builder, "running-box"),
            running: object(&builder, "running"),
            finished_box: object(&builder, "finished-box"),
            finished: object(&builder, "finished"),
            close_finished: object(&builder, "close-finished"),
            waiting_box: object(&builder, "waiting-box"),
            waiting: object(&builder, "waiting"),
            profiles_box: object(&builder, "profiles-box"),
            profiles: object(&builder, "profiles"),
            shows_all: Cell::new(false),
            no_profiles: object(&builder, "no-profiles"),
            welcome_rows: object(&builder, "welcome-rows"),
            welcome_note: object(&builder, "welcome-note"),
            search_bar: object(&builder, "search-bar"),
            search_toggle: object(&builder, "search-toggle"),
            search: object(&builder, "search"),
            nothing: object(&builder, "nothing"),
            run_searched: object(&builder, "run-searched"),
            run_searched_text: object(&builder, "run-searched-text"),
            shown: RefCell::default(),
            cards: RefCell::default(),
            ends: RefCell::default(),
            waits: RefCell::default(),
            waiting_lines: RefCell::default(),
            shows_all_waiting: Cell::new(false),
            leaving: RefCell::default(),
            played: RefCell::default(),
            found: Cell::new(0),
            beats: Cell::new(0),
            looks: Cell::new(false),
            measures: Cell::new(false),
            thumbnails: Thumbnails::default(),
            meter: Meter::default(),
        };
        cards::CardLayout::put(&home.running);
        cards::CardLayout::put(&home.finished);
        seen::SeenLayout::put(&home.profiles);
        home.fill_welcome();
        Rc::new(home)
    }

    /// Connects what can be clicked.
    pub fn connect(self: &Rc<Self>, window: &Rc<Window>) {
        self.connect_welcome();
        self.search_bar.connect_entry(&self.search);
        self.search_bar.set_key_capture_widget(Some(&self.widget));
        let (home, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        let again = move || {
            if let (Some(home), Some(window)) = (home.upgrade(), weak.upgrade()) {
                home.show_profiles(&window);
            }
        };
        let (home, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        self.search.connect_search_changed(move |_| {
            if let (Some(home), Some(window)) = (home.upgrade(), weak.upgrade()) {
                home.show_cards(&window);
                home.show_waiting(&window);
                home.show_profiles(&window);
            }
        });
        let weak = Rc::downgrade(window);
        let search = self.search.clone();
        self.run_searched.connect_clicked(move |_| {
            if let Some(window) = weak.upgrade() {
                window.form().begin_with(&window, &search.text());
                window.show_form();
            }
        });
        window.library.on_change(again);
        let weak = Rc::downgrade(window);
        self.close_finished.connect_clicked(move |_| {
            // What somebody would be asked about stays.
            let of = |window: Rc<Window>| window.runs.ended().into_iter().filter(|tab| !tab.asks_to_close());
            weak.upgrade().map(of).into_iter().flatten().for_each(|tab| tab.close());
        });
        self.running_box.set_visible(false);
        self.finished_box.set_visible(false);
    }

    /// Makes the lists anew for as long as the window is there.
    pub fn watch(self: &Rc<Self>, window: &Rc<Window>) {
        self.say_what_works(window);
        self.show_profiles(window);
        let (home, window) = (self.clone(), Rc::downgrade(window));
        glib::spawn_future_local(async move {
            let pace = Pace::new(&window).await;
            loop {
                let Some(window) = window.upgrade().filter(|window| window.widget.is_visible()) else {
                    return;
                };
                let begun = Instant::now();
                let listing = home.ask(&window).await;
                let runs = !listing.sandboxes.is_empty();
                window.runs.follow(&listing, begun);
                home.show(&window, listing);
                if window.shows("home") {
                    home.look_for_waiting(&window).await;
                }
                for line in window.bridge.cleared().await {
                    window.toast(&line);
                }
                home.beat(&window, runs);
                drop(window);
                pace.wait(runs).await;
            }
        });
    }

    /// What runs. That libvirt takes long is said.
    async fn ask(&self, window: &Window) -> Listing {
        let mut list = pin!(window.bridge.list());
        if let Ok(listing) = glib::future_with_timeout(SLOW, list.as_mut()).await {
            return listing;
        }
        self.notice_text.set_label(&gettext("Waiting for libvirt to answer…"));
        self.notice.set_reveal_child(true);
        list.await
    }

    /// With every other list what runs is measured and looked at, unless that
    /// still goes on.
    fn beat(self: &Rc<Self>, window: &Rc<Window>, runs: bool) {
        let beats = self.beats.get();
        self.beats.set(if runs { beats + 1 } else { 0 });
        if !runs || beats % 2 != 0 {
            return;
        }
        if !self.looks.replace(true) {
            let (home, window) = (self.clone(), Rc::downgrade(window));
            glib::spawn_future_local(async move {
                home.look_at_screens(&window).await;
                home.looks.set(false);
            });
        }
        if !self.measures.replace(true) {
            let (home, window) = (self.clone(), Rc::downgrade(window));
            glib::spawn_future_local(async move {
                home.measure_seen(&window).await;
                home.measures.set(false);
            });
        }
    }

    /// Opens the search.
    pub fn begin_search(&self) {
        self.search_bar.set_search_mode(true);
        self.search.grab_focus();
    }

    /// Opens the search with these words.
    pub fn search_for(&self, words: &str) {
        self.begin_search();
        self.search.set_text(words);
    }

    /// What is listed and said, as text, for tests.
    #[must_use]
    pub fn describe(&self) -> String {
        let notice = if self.notice.reveals_child() { self.notice_text.label() } else { "".into() };
        let shown = self.shown.borrow();
        let cards =
            shown.iter().flatten().map(|one| format!("{}: {}", one.name(), message::state(&one.state)));
        let page = self.stack.visible_child_name().unwrap_or_default();
        format!("home: {page}\nnotice: {notice}\n{}\n", cards.collect::<Vec<_>>().join("\n"))
    }

    /// Whether the search finds something of this name.
    fn finds(&self, name: &str) -> bool {
        let wanted = self.search.text().to_lowercase();
        !self.search_bar.is_search_mode() || name.to_lowercase().contains(wanted.trim())
    }

    /// Somebody comes to it from another page.
    pub(crate) fn is_shown(self: &Rc<Self>, window: &Rc<Window>) {
        self.show_cards(window);
        self.waiting_may_have_changed(window);
    }

    fn show(self: &Rc<Self>, window: &Rc<Window>, listing: Listing) {
        match listing.unreachable.first() {
            Some((uri, state)) => {
                self.notice_text.set_label(&message::connection_state(uri, state));
                self.notice.set_reveal_child(true);
            }
            None => self.notice.set_reveal_child(false),
        }
        self.thumbnails.retain(&listing.sandboxes);
        self.meter.retain(&listing.sandboxes);
        *self.shown.borrow_mut() = Some(listing.sandboxes);
        self.show_cards(window);
        self.tell_cards();
        self.show_page(window);
    }

    /// Cards are made anew when others run, or something is said of them.
    fn show_cards(self: &Rc<Self>, window: &Rc<Window>) {
        let all = self.shown.borrow().clone().unwrap_or_default();
        let shown: Vec<&Summary> = all.iter().filter(|one| self.finds(one.name())).collect();
        let mut ended = window.runs.ended();
        ended.retain(|tab| {
            self.finds(&tab.name()) && !all.iter().any(|one| Some(&one.id) == tab.id().as_ref())
        });
        let mark = |one: &Summary| [called(window, one), says(window, one).unwrap_or_default()].join("\n");
        let marks = shown.iter().map(|one| (one.id.clone(), mark(one)));
        let marks: Vec<(Id, String)> = marks.collect();
        let ends: Vec<(usize, String)> =
            ended.iter().map(|tab| (Rc::as_ptr(tab) as usize, tab.end_in_short())).collect();
        let same = self
            .cards
            .borrow()
            .iter()
            .map(|(id, says, _)| (id, says))
            .eq(marks.iter().map(|(id, says)| (id, says)));
        if !same || *self.ends.borrow() != ends {
            self.lay_out(window, &shown, &ended, marks);
            self.ends.replace(ends);
            self.tell_cards();
        }
        self.running_box.set_visible(self.running.first_child().is_some());
        self.finished_box.set_visible(self.finished.first_child().is_some());
        self.show_page(window);
    }

    /// Those that run come first, what has ended last: it is in nobody's way.
    fn lay_out(&self, window: &Rc<Window>, shown: &[&Summary], ended: &[Rc<Tab>], marks: Vec<(Id, String)>) {
        for cards in [&self.running, &self.finished] {
            while let Some(child) = cards.first_child() {
                cards.remove(&child);
            }
        }
        self.meter.forget_lines();
        let cards = shown.iter().zip(marks).map(|(one, (id, says))| {
            let card = Card::new(window, one, &self.thumbnails);
            let is_over = matches!(one.state, State::Finished(_) | State::Crashed);
            let place = if is_over { &self.finished } else { &self.running };
            place.append(&card.widget);
            (id, says, card)
        });
        let cards = cards.collect();
        self.cards.replace(cards);
        ended.iter().for_each(|tab| self.finished.append(&Card::ended(window, tab).widget));
    }

    /// What changes while they run.
    fn tell_cards(&self) {
        let shown = self.shown.borrow();
        for (id, _, card) in self.cards.borrow().iter() {
            if let Some(one) = shown.iter().flatten().find(|one| one.id == *id) {
                card.tell(one, self.meter.words(id).as_deref());
            }
        }
    }

    fn show_lines(&self, id: &Id, text: &str) {
        if let Some((_, _, card)) = self.cards.borrow().iter().find(|(other, ..)| other == id) {
            card.show_lines(text);
        }
    }

    fn show_page(&self, window: &Window) {
        let runs = self.shown.borrow().as_ref().is_some_and(|shown| !shown.is_empty());
        let has_profiles = !window.library.items().is_empty();
        let waits = !self.waiting_lines.borrow().is_empty();
        let ended = !self.ends.borrow().is_empty();
        let welcome = !runs && !ended && !has_profiles && self.waits.borrow().is_empty();
        let finds = self.found.get() > 0 || waits || ended || !self.cards.borrow().is_empty();
        let searched = self.search_bar.is_search_mode() && !self.search.text().is_empty();
        let page = match (welcome, searched && !finds) {
            (true, _) => "welcome",
            (_, true) => "nothing",
            _ => "lists",
        };
        if self.stack.visible_child_name().as_deref() != Some(page) {
            self.stack.set_visible_child_name(page);
        }
        self.search_toggle.set_visible(!welcome);
        // The three rows lead there.
        if welcome {
            self.run.remove_css_class("suggested-action");
        } else {
            self.run.add_css_class("suggested-action");
        }
        self.no_profiles.set_visible(!has_profiles);
        self.profiles_box.set_visible(!searched || self.found.get() > 0);
        if page == "nothing" {
            let text = message::shown(self.search.text().trim());
            let said = gettext("Try a different search, or run “{text}” as a command.");
            self.nothing.set_description(Some(&glib::markup_escape_text(&said.replace("{text}", &text))));
            self.run_searched_text.set_label(&gettext("Run “{text}”").replace("{text}", &text));
        }
    }
}
