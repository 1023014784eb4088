// SPDX-License-Identifier: LGPL-2.1-or-later
//! The page of what runs: a tab for each sandbox, under one header that
//! follows the tab that is seen.

use super::tab::{Phase, Tab};
use super::{chip, object};
use crate::look;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::plan::Plan;
use terrarium_engine::profile::Colour;
use terrarium_engine::sandbox::{Id, Listing, Summary};

/// The page.
pub struct Runs {
    /// Its widget.
    pub widget: gtk::Box,
    header: adw::HeaderBar,
    view: adw::TabView,
    bar: adw::TabBar,
    line: gtk::Box,
    prompt: gtk::Revealer,
    prompt_bar: gtk::Box,
    take_keyboard: gtk::Button,
    chip_place: gtk::Box,
    name: gtk::Label,
    subtitle: gtk::Label,
    pause: gtk::Button,
    stop: gtk::Button,
    tabs: RefCell<Vec<Rc<Tab>>>,
    colour: Cell<Option<Colour>>,
}

impl Runs {
    /// The page, without tabs.
    pub fn new() -> Rc<Self> {
        let builder = gtk::Builder::from_string(include_str!("runs.ui"));
        Rc::new(Self {
            widget: object(&builder, "page"),
            header: object(&builder, "header"),
            view: object(&builder, "view"),
            bar: object(&builder, "bar"),
            line: object(&builder, "line"),
            prompt: object(&builder, "prompt"),
            prompt_bar: object(&builder, "prompt-bar"),
            take_keyboard: object(&builder, "take-keyboard"),
            chip_place: object(&builder, "chip-place"),
            name: object(&builder, "name"),
            subtitle: object(&builder, "subtitle"),
            pause: object(&builder, "pause"),
            stop: object(&builder, "stop"),
            tabs: RefCell::default(),
            colour: Cell::new(None),
        })
    }

    /// Connects what can be clicked.
    pub fn connect(self: &Rc<Self>, window: &Rc<Window>) {
        self.add_actions(window);
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
                runs.focus();
            }
        });
        self.connect_closing(window);
        let (runs, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        // The time in the subtitle.
        glib::timeout_add_local(Duration::from_secs(1), move || match (runs.upgrade(), weak.upgrade()) {
            (Some(runs), Some(_)) => {
                runs.refresh();
                glib::ControlFlow::Continue
            }
            _ => glib::ControlFlow::Break,
        });
    }

    fn add_actions(self: &Rc<Self>, window: &Rc<Window>) {
        let simple = |name: &str, run: fn(&Rc<Self>, Rc<Tab>)| {
            let action = gio::SimpleAction::new(name, None);
            let runs = Rc::downgrade(self);
            action.connect_activate(move |_, _| {
                let Some(runs) = runs.upgrade() else { return };
                if let Some(tab) = runs.current() {
                    run(&runs, tab);
                }
            });
            window.widget.add_action(&action);
        };
        simple("stop", |_, tab| tab.stop());
        simple("pause", |_, tab| tab.toggle_pause());
        simple("run-again", |_, tab| tab.run_again());
        simple("close-tab", |runs, tab| {
            runs.view.close_page(&runs.view.page(&tab.widget));
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
            let closed = runs.tabs.borrow().iter().position(|tab| tab.widget == child);
            if let Some(index) = closed {
                let tab = runs.tabs.borrow_mut().remove(index);
                if tab.let_go() {
                    window.toast(&gettext("It keeps running. You find it on the home page."));
                }
            }
            view.close_page_finish(page, true);
            if runs.tabs.borrow().is_empty() {
                window.show("home");
            }
            glib::Propagation::Stop
        });
    }

    /// The tab that is seen.
    #[must_use]
    pub fn current(&self) -> Option<Rc<Tab>> {
        let child = self.view.selected_page()?.child();
        self.tabs.borrow().iter().find(|tab| tab.widget == child).cloned()
    }

    /// Sandboxes that run in this window.
    #[must_use]
    pub fn running(&self) -> Vec<Id> {
        self.tabs.borrow().iter().filter(|tab| tab.is_running()).filter_map(|tab| tab.id()).collect()
    }

    /// Somebody else may pause a sandbox, or let it go on: what was listed
    /// since `begun` counts.
    pub fn follow(&self, listing: &Listing, begun: Instant) {
        let tabs = self.tabs.borrow().clone();
        for tab in tabs {
            let id = tab.id();
            if let Some(one) = listing.sandboxes.iter().find(|one| Some(&one.id) == id.as_ref()) {
                tab.follow(&one.state, begun);
            }
        }
    }

    /// Runs a plan in a tab of its own.
    pub fn start(self: &Rc<Self>, window: &Rc<Window>, plan: Plan) {
        let tab = Tab::of_plan(window, plan);
        self.add(&tab);
        tab.start();
    }

    /// Shows a sandbox that runs already; in its tab, if it has one.
    pub fn attach(self: &Rc<Self>, window: &Rc<Window>, one: &Summary) {
        let known = self.tabs.borrow().iter().find(|tab| tab.id().as_ref() == Some(&one.id)).cloned();
        if let Some(tab) = known {
            self.view.set_selected_page(&self.view.page(&tab.widget));
            tab.try_again();
            self.focus();
            return;
        }
        let tab = Tab::of_summary(window, one);
        self.add(&tab);
        tab.attach();
    }

    fn add(self: &Rc<Self>, tab: &Rc<Tab>) {
        self.tabs.borrow_mut().push(tab.clone());
        let page = self.view.append(&tab.widget);
        page.set_title(&tab.name());
        page.set_icon(Some(&look::square(tab.colour)));
        self.view.set_selected_page(&page);
        let runs = Rc::downgrade(self);
        tab.on_change(move || {
            if let Some(runs) = runs.upgrade() {
                runs.refresh();
            }
        });
        self.refresh();
        self.focus();
    }

    /// Closes a tab whose sandbox never came to be.
    pub fn close(&self, tab: &Tab) {
        self.view.close_page(&self.view.page(&tab.widget));
    }

    fn focus(&self) {
        if let Some(tab) = self.current() {
            tab.focus();
        }
    }

    /// Header, line and prompt follow the tab that is seen.
    fn refresh(&self) {
        let Some(tab) = self.current() else { return };
        if self.colour.replace(Some(tab.colour)) != Some(tab.colour) {
            self.set_colour(tab.colour);
        }
        self.view.page(&tab.widget).set_title(&tab.name());
        set(&self.name, &tab.name());
        let subtitle = tab.subtitle();
        self.subtitle.set_visible(!subtitle.is_empty());
        set(&self.subtitle, &subtitle);
        let phase = tab.phase();
        self.line.set_visible(phase == Phase::Running);
        self.prompt.set_reveal_child(phase == Phase::Running && !tab.has_keyboard());
        self.pause.set_visible(phase == Phase::Running);
        let paused = tab.is_paused();
        self.pause.set_icon_name(if paused {
            "media-playback-start-symbolic"
        } else {
            "media-playback-pause-symbolic"
        });
        let hint = if paused { gettext("Continue") } else { gettext("Pause") };
        self.pause.set_tooltip_text(Some(&hint));
        self.stop.set_visible(phase == Phase::Running);
        self.show_stop(&tab);
    }

    /// After ten seconds in vain the button says that it will use force.
    fn show_stop(&self, tab: &Tab) {
        if tab.may_force() {
            if self.stop.label().is_none() {
                self.stop.set_label(&gettext("Force Stop"));
                self.stop.add_css_class("destructive-action");
            }
        } else if self.stop.icon_name().is_none() {
            self.stop.set_icon_name("media-playback-stop-symbolic");
            self.stop.remove_css_class("destructive-action");
        }
        self.stop.set_sensitive(!tab.is_stopping() || tab.may_force());
    }

    fn set_colour(&self, colour: Colour) {
        let class = look::class(colour);
        let all: [&gtk::Widget; 4] = [
            self.header.upcast_ref(),
            self.bar.upcast_ref(),
            self.line.upcast_ref(),
            self.prompt_bar.upcast_ref(),
        ];
        for widget in all {
            widget
                .css_classes()
                .iter()
                .filter(|old| old.starts_with("tr-"))
                .for_each(|old| widget.remove_css_class(old));
            widget.add_css_class(&class);
        }
        while let Some(old) = self.chip_place.first_child() {
            self.chip_place.remove(&old);
        }
        let mark = chip(colour, "small", "utilities-terminal-symbolic");
        mark.set_tooltip_text(Some(&look::name(colour)));
        self.chip_place.append(&mark);
    }

    /// The tab that is seen, as text, for tests.
    #[must_use]
    pub fn describe(&self) -> String {
        self.current().map(|tab| tab.describe()).unwrap_or_default()
    }

    /// Copies what is selected.
    pub fn copy(&self) {
        if let Some(tab) = self.current() {
            tab.copy();
        }
    }

    /// Types what the clipboard holds.
    pub fn paste(&self) {
        if let Some(tab) = self.current() {
            tab.paste();
        }
    }

    /// Asks where to, and writes the terminal's text there.
    pub fn save_output(self: &Rc<Self>, window: &Rc<Window>) {
        let Some(tab) = self.current() else { return };
        let chooser = gtk::FileChooserNative::new(
            Some(&gettext("Save Output")),
            Some(&window.widget),
            gtk::FileChooserAction::Save,
            None,
            None,
        );
        chooser.set_current_name(&format!("{}.txt", tab.name().replace('/', "-")));
        let window = window.clone();
        glib::spawn_future_local(async move {
            if chooser.run_future().await != gtk::ResponseType::Accept {
                return;
            }
            let Some(file) = chooser.file() else { return };
            let text = tab.text().into_bytes();
            let written =
                file.replace_contents_future(text, None, false, gio::FileCreateFlags::PRIVATE).await;
            match written {
                Ok(_) => window.toast(&gettext("Output saved")),
                Err((_, error)) => window.toast(error.message()),
            }
        });
    }
}

/// Sets a label only if it differs: a screen reader is not to be disturbed.
fn set(label: &gtk::Label, text: &str) {
    if label.label() != text {
        label.set_label(text);
    }
}
