// SPDX-License-Identifier: LGPL-2.1-or-later
//! The interfaces of a custom network: rows that come, change places and go.

use super::field::{say, Group, Signal};
use super::interface::InterfaceRow;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use terrarium_engine::message;
use terrarium_engine::plan::Problem;
use terrarium_engine::profile::{Interface, NetworkMode, Profile};

/// All of them.
pub struct Interfaces {
    rows: RefCell<Vec<Rc<InterfaceRow>>>,
    list: gtk::ListBox,
    add: gtk::Button,
    /// What is wrong with all of them together.
    message: adw::ActionRow,
    signal: Signal,
    window: RefCell<Weak<Window>>,
    /// libvirt's networks, once it was asked.
    known: RefCell<Vec<(String, bool)>>,
    asked: Cell<bool>,
    /// How often the rows were made anew.
    fillings: Cell<u32>,
    own: Weak<Self>,
}

impl Interfaces {
    /// In a group, below the rows that it has.
    pub fn new(group: &Group, signal: &Signal) -> Rc<Self> {
        let content =
            adw::ButtonContent::builder().icon_name("list-add-symbolic").label(gettext("Add _Interface"));
        let content = content.use_underline(true).build();
        let add =
            gtk::Button::builder().child(&content).valign(gtk::Align::Center).css_classes(["flat"]).build();
        add.set_widget_name("add-interface");
        group.widget.set_header_suffix(Some(&add));
        let message = super::field::message_row("interfaces-message");
        group.list.append(&message);
        let interfaces = Rc::new_cyclic(|own| Self {
            rows: RefCell::default(),
            list: group.list.clone(),
            add,
            message,
            signal: signal.clone(),
            window: RefCell::default(),
            known: RefCell::default(),
            asked: Cell::new(false),
            fillings: Cell::new(0),
            own: own.clone(),
        });
        let weak = interfaces.own.clone();
        interfaces.add.connect_clicked(move |_| {
            if let Some(interfaces) = weak.upgrade() {
                let row = interfaces.insert(&Interface::default());
                row.row.set_expanded(true);
                interfaces.signal.emit();
            }
        });
        interfaces
    }

    /// Whom networks are asked of, and where things are said.
    pub fn connect(&self, window: &Rc<Window>) {
        self.window.replace(Rc::downgrade(window));
    }

    fn insert(&self, one: &Interface) -> Rc<InterfaceRow> {
        let row = InterfaceRow::of(one, &self.known.borrow(), &self.signal);
        self.connect_row(&row);
        self.rows.borrow_mut().push(row.clone());
        self.place();
        row
    }

    fn connect_row(&self, row: &Rc<InterfaceRow>) {
        let act = |button: &gtk::Button, act: fn(&Self, &Rc<InterfaceRow>)| {
            let (weak, one) = (self.own.clone(), Rc::downgrade(row));
            button.connect_clicked(move |_| {
                if let (Some(interfaces), Some(one)) = (weak.upgrade(), one.upgrade()) {
                    act(&interfaces, &one);
                }
            });
        };
        act(&row.remove, Self::remove);
        act(&row.up, |all, one| all.shift(one, -1));
        act(&row.down, |all, one| all.shift(one, 1));
        act(&row.start, Self::start);
    }

    fn remove(&self, row: &Rc<InterfaceRow>) {
        let Some(index) = self.index(row) else { return };
        self.rows.borrow_mut().remove(index);
        self.list.remove(&row.row);
        self.list.remove(&row.message);
        self.place();
        self.signal.emit();
        let Some(window) = self.window.borrow().upgrade() else { return };
        let (weak, row, filling) = (self.own.clone(), row.clone(), self.fillings.get());
        window.offer(&gettext("Removed"), &gettext("_Undo"), move || {
            // Among other rows it has no place.
            if let Some(all) = weak.upgrade().filter(|all| all.fillings.get() == filling) {
                let at = index.min(all.rows.borrow().len());
                all.rows.borrow_mut().insert(at, row.clone());
                all.place();
                all.signal.emit();
            }
        });
    }

    fn shift(&self, row: &Rc<InterfaceRow>, by: isize) {
        let Some(index) = self.index(row) else { return };
        let other = index.checked_add_signed(by).filter(|other| *other < self.rows.borrow().len());
        if let Some(other) = other {
            self.rows.borrow_mut().swap(index, other);
            self.place();
            self.signal.emit();
        }
    }

    /// Makes its network active.
    fn start(&self, row: &Rc<InterfaceRow>) {
        let (Some(name), Some(window)) = (row.source(), self.window.borrow().upgrade()) else { return };
        let weak = self.own.clone();
        row.start.set_sensitive(false);
        let row = row.clone();
        glib::spawn_future_local(async move {
            if let Err(error) = window.bridge.start_network(name).await {
                window.toast(&message::error(&error));
            }
            row.start.set_sensitive(true);
            if let Some(all) = weak.upgrade() {
                all.ask();
            }
        });
    }

    fn index(&self, row: &Rc<InterfaceRow>) -> Option<usize> {
        self.rows.borrow().iter().position(|one| Rc::ptr_eq(one, row))
    }

    /// Puts the rows where they belong: below all others.
    fn place(&self) {
        let rows = self.rows.borrow();
        for (index, row) in rows.iter().enumerate() {
            for widget in [row.row.upcast_ref::<gtk::Widget>(), row.message.upcast_ref()] {
                if widget.parent().is_some() {
                    self.list.remove(widget);
                }
                self.list.append(widget);
            }
            row.up.set_sensitive(index > 0);
            row.down.set_sensitive(index + 1 < rows.len());
        }
    }

    /// Which networks there are, asked when it first matters.
    fn ask(&self) {
        let Some(window) = self.window.borrow().upgrade() else { return };
        self.asked.set(true);
        let weak = self.own.clone();
        glib::spawn_future_local(async move {
            // Without an answer names can still be kept, not chosen.
            let Ok(known) = window.bridge.networks().await else { return };
            if let Some(all) = weak.upgrade() {
                all.rows.borrow().iter().for_each(|row| row.set_known(&known));
                all.known.replace(known);
            }
        });
    }

    /// Shows a profile's.
    pub fn fill(&self, profile: &Profile) {
        self.fillings.set(self.fillings.get() + 1);
        for row in self.rows.take() {
            self.list.remove(&row.row);
            self.list.remove(&row.message);
        }
        for one in &profile.network.interfaces {
            self.insert(one);
        }
        self.asked.set(false);
    }

    /// Shows a profile's again, as they were typed. Where there are as many the
    /// rows stay, open and with the focus as they are.
    pub fn restore(&self, profile: &Profile, texts: &[Vec<String>]) {
        let all = &profile.network.interfaces;
        if self.rows.borrow().len() == all.len() {
            let known = self.known.borrow();
            self.rows.borrow().iter().zip(all).for_each(|(row, one)| row.show(one, &known));
        } else {
            self.fill(profile);
        }
        self.rows.borrow().iter().zip(texts).for_each(|(row, texts)| row.set_texts(texts));
    }

    /// What is typed into each row.
    pub fn texts(&self) -> Vec<Vec<String>> {
        self.rows.borrow().iter().map(|row| row.texts()).collect()
    }

    /// One row, or all of them.
    pub fn row(&self, at: Option<usize>) -> Option<gtk::Widget> {
        let Some(at) = at else { return Some(self.list.clone().upcast()) };
        self.rows.borrow().get(at).map(|one| one.row.clone().upcast())
    }

    /// What the rows say.
    pub fn read(&self, profile: &mut Profile) {
        profile.network.interfaces = self.rows.borrow().iter().map(|row| row.interface()).collect();
    }

    /// Each problem below the row that it is about. They are offered where
    /// the mode is custom, and where there are some.
    pub fn show(&self, mode: NetworkMode, problems: &[Problem]) {
        let rows = self.rows.borrow().clone();
        let custom = mode == NetworkMode::Custom;
        self.add.set_visible(custom);
        if custom && !self.asked.get() {
            self.ask();
        }
        let sentence = |problem: &Problem| {
            let found = message::problem(problem);
            format!("{} {}", found.text, found.fix).trim().to_owned()
        };
        for (index, row) in rows.iter().enumerate() {
            row.tell();
            // What was made for another mode waits for that.
            row.row.set_visible(custom);
            let key = format!("network.interfaces[{index}].");
            let found = problems.iter().find(|problem| problem.field.starts_with(&key)).map(sentence);
            say(&row.message, found.as_deref(), true);
        }
        let found = problems.iter().find(|problem| problem.field == "network.interfaces").map(sentence);
        say(&self.message, found.as_deref(), true);
    }
}
