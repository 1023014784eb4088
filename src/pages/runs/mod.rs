// SPDX-License-Identifier: LGPL-2.1-or-later
//! The page of what runs: a tab for each sandbox, under one header that
//! follows the tab that is seen.

mod actions;
mod beside;
mod devices;
mod find;
mod fullscreen;
mod header;
mod keys;
mod question;
mod room;
mod save;
mod tabs;

pub use actions::{policy_name, POLICIES};
pub use header::NARROW;

use super::changes::ChangesWindow;
use super::object;
use super::tab::Tab;
use crate::window::Window;
use beside::Beside;
use gettextrs::gettext;
use gtk::prelude::*;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use terrarium_engine::profile::Colour;
use terrarium_engine::sandbox::Id;

/// Between two looks at the network of the tab that is seen, in seconds.
const LOOK: u32 = 2;

/// The page.
pub struct Runs {
    /// Its widget.
    pub widget: gtk::Overlay,
    flap: adw::Flap,
    header: adw::HeaderBar,
    view: adw::TabView,
    details: adw::Flap,
    edge: gtk::Box,
    details_button: gtk::ToggleButton,
    beside: Beside,
    bar: adw::TabBar,
    line: gtk::Box,
    hint: gtk::Revealer,
    hint_bar: gtk::Box,
    prompt: gtk::Revealer,
    prompt_bar: gtk::Box,
    take_keyboard: gtk::Button,
    ask: gtk::Revealer,
    ask_bar: gtk::Box,
    ask_title: gtk::Label,
    ask_detail: gtk::Label,
    ask_buttons: gtk::Box,
    deny: gtk::Button,
    allow: gtk::Button,
    find_bar: gtk::SearchBar,
    find_entry: gtk::SearchEntry,
    find_previous: gtk::Button,
    find_next: gtk::Button,
    chip_place: gtk::Box,
    name: gtk::Label,
    subtitles: adw::Squeezer,
    subtitle: gtk::Label,
    subtitle_narrow: gtk::Label,
    subtitle_short: gtk::Label,
    pause: gtk::Button,
    stop: gtk::Button,
    fullscreen_button: gtk::Button,
    clipboard_button: gtk::MenuButton,
    menu_button: gtk::MenuButton,
    terminal_menu: gio::MenuModel,
    screen_menu: gio::MenuModel,
    start_menu: gio::MenuModel,
    keys_menu: gio::Menu,
    clipboard_menu: gio::Menu,
    devices_menu: gio::Menu,
    /// What it shows.
    devices: RefCell<Vec<devices::Item>>,
    narrow_clipboard: gio::Menu,
    last_moved: RefCell<Option<String>>,
    /// The question that is shown: of which sandbox, its number, and whether
    /// it was allowed.
    asked: RefCell<Option<(Option<Id>, u64, bool)>>,
    /// How often its buttons were deaf.
    deaf: Cell<u64>,
    fullscreen: fullscreen::Fullscreen,
    narrow: Cell<bool>,
    /// The widest header in which the name that is shown was cut, beside all
    /// that gives way, and beside what gives way last.
    cut: [Cell<i32>; 2],
    /// The width in which it was found cut the last time, or 0.
    cut_at: Cell<i32>,
    looks_for_room: Cell<bool>,
    tabs: RefCell<Vec<Rc<Tab>>>,
    ticks: Cell<bool>,
    /// A tab is being closed: nobody has chosen the next one.
    closing: Cell<bool>,
    looks: Cell<Option<(Colour, &'static str)>>,
    window: RefCell<Weak<Window>>,
    own: Weak<Self>,
    measure: gtk::DrawingArea,
}

impl Runs {
    /// The page, without tabs.
    pub fn new() -> Rc<Self> {
        let builder = crate::pages::layout(include_str!("runs.ui"));
        Rc::new_cyclic(|own| Self {
            widget: object(&builder, "page"),
            flap: object(&builder, "flap"),
            header: object(&builder, "header"),
            view: object(&builder, "view"),
            details: object(&builder, "details"),
            edge: object(&builder, "edge"),
            details_button: object(&builder, "details-button"),
            beside: Beside::new(),
            bar: object(&builder, "bar"),
            line: object(&builder, "line"),
            hint: object(&builder, "hint"),
            hint_bar: object(&builder, "hint-bar"),
            prompt: object(&builder, "prompt"),
            prompt_bar: object(&builder, "prompt-bar"),
            take_keyboard: object(&builder, "take-keyboard"),
            ask: object(&builder, "ask"),
            ask_bar: object(&builder, "ask-bar"),
            ask_title: object(&builder, "ask-title"),
            ask_detail: object(&builder, "ask-detail"),
            ask_buttons: object(&builder, "ask-buttons"),
            deny: object(&builder, "deny"),
            allow: object(&builder, "allow"),
            find_bar: object(&builder, "find-bar"),
            find_entry: object(&builder, "find-entry"),
            find_previous: object(&builder, "find-previous"),
            find_next: object(&builder, "find-next"),
            chip_place: object(&builder, "chip-place"),
            name: object(&builder, "name"),
            subtitles: object(&builder, "subtitles"),
            subtitle: object(&builder, "subtitle"),
            subtitle_narrow: object(&builder, "subtitle-narrow"),
            subtitle_short: object(&builder, "subtitle-short"),
            pause: object(&builder, "pause"),
            stop: object(&builder, "stop"),
            fullscreen_button: object(&builder, "fullscreen"),
            clipboard_button: object(&builder, "clipboard-button"),
            menu_button: object(&builder, "menu-button"),
            terminal_menu: object(&builder, "menu"),
            screen_menu: object(&builder, "screen-menu"),
            start_menu: object(&builder, "start-menu"),
            keys_menu: object(&builder, "keys-menu"),
            clipboard_menu: gio::Menu::new(),
            devices_menu: object(&builder, "devices-menu"),
            devices: RefCell::default(),
            narrow_clipboard: object(&builder, "narrow-clipboard"),
            last_moved: RefCell::default(),
            asked: RefCell::default(),
            deaf: Cell::new(0),
            fullscreen: fullscreen::Fullscreen::default(),
            narrow: Cell::new(false),
            cut: Default::default(),
            cut_at: Cell::new(0),
            looks_for_room: Cell::new(false),
            tabs: RefCell::default(),
            ticks: Cell::new(false),
            closing: Cell::new(false),
            looks: Cell::new(None),
            window: RefCell::default(),
            own: own.clone(),
            measure: object(&builder, "page-measure"),
        })
    }

    /// Connects what can be clicked.
    pub fn connect(self: &Rc<Self>, window: &Rc<Window>) {
        self.window.replace(Rc::downgrade(window));
        self.add_actions(window);
        self.connect_header(&self.measure);
        self.connect_fullscreen(window);
        self.connect_find();
        self.connect_keys(window);
        self.connect_beside(window);
        let runs = Rc::downgrade(self);
        self.take_keyboard.connect_clicked(move |_| {
            if let Some(tab) = runs.upgrade().and_then(|runs| runs.current()) {
                tab.take_keyboard();
            }
        });
        let runs = Rc::downgrade(self);
        self.view.connect_selected_page_notify(move |_| {
            if let Some(runs) = runs.upgrade() {
                runs.refresh();
                runs.window.borrow().upgrade().iter().for_each(|window| window.let_toasts_go());
                if !(runs.closing.get() && runs.rest()) {
                    runs.focus();
                }
            }
        });
        self.connect_closing(window);
    }

    /// The time in the subtitle, as long as there is a tab.
    fn tick(self: &Rc<Self>) {
        if self.ticks.replace(true) {
            return;
        }
        let runs = Rc::downgrade(self);
        let seconds = Cell::new(0);
        glib::timeout_add_local(Duration::from_secs(1), move || {
            let Some(runs) = runs.upgrade() else { return glib::ControlFlow::Break };
            runs.refresh();
            let second = seconds.replace(seconds.get() + 1);
            if let Some((tab, window)) = runs.current().zip(runs.window.borrow().upgrade()) {
                // While its pane is seen that asks by itself.
                if second % LOOK == 0 && !runs.has_page("network") {
                    tab.look_at_network(&window);
                }
            }
            if let Some(screen) = runs.current().and_then(|tab| tab.screen.clone()) {
                screen.keep();
            }
            if runs.tabs.borrow().is_empty() {
                runs.ticks.set(false);
                return glib::ControlFlow::Break;
            }
            glib::ControlFlow::Continue
        });
    }

    /// A tab that is closed lets go of its sandbox, which goes on.
    fn connect_closing(self: &Rc<Self>, window: &Rc<Window>) {
        let (runs, window) = (Rc::downgrade(self), Rc::downgrade(window));
        self.view.connect_close_page(move |view, page| {
            let (Some(runs), Some(window)) = (runs.upgrade(), window.upgrade()) else {
                return glib::Propagation::Proceed;
            };
            let child = page.child();
            runs.leave_fullscreen(&window);
            let closed = runs.tabs.borrow().iter().position(|tab| tab.widget == child);
            if let Some(index) = closed {
                let tab = runs.tabs.borrow()[index].clone();
                let files = tab.would_lose();
                if !files.is_empty() {
                    view.close_page_finish(page, false);
                    let runs = Rc::downgrade(&runs);
                    tab.ask_to_lose(&files, move |tab| {
                        runs.upgrade().iter().for_each(|runs| runs.close(tab));
                    });
                    return glib::Propagation::Stop;
                }
                runs.tabs.borrow_mut().remove(index);
                runs.tell_new_ones_apart();
                if tab.leaves_undecided() {
                    window.toast(&gettext("Its changes wait at Home for your decision."));
                }
                let held = tab.take_held();
                held.iter().for_each(|(id, _)| ChangesWindow::close_of(&id.uuid));
                window.throw_away(held.into_iter().collect());
                if tab.let_go() {
                    window.toast(&gettext("It keeps running. You find it on the home page."));
                }
            }
            runs.closing.set(true);
            view.close_page_finish(page, true);
            runs.closing.set(false);
            if runs.tabs.borrow().is_empty() {
                window.show("home");
            }
            glib::Propagation::Stop
        });
    }
}
