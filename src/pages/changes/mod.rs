// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox has written: every change, and what becomes of it.
//!
//! Names and contents are the sandbox's: they are shown escaped, and nothing
//! here opens anything by them.

mod decide;
mod detail;
mod row;

use super::object;
use crate::bridge::changes::Looking;
use crate::window::Window;
use adw::prelude::*;
use detail::Detail;
use gettextrs::ngettext;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use terrarium_engine::message;
use terrarium_engine::sandbox::changes::Entry;

/// A window about one layer.
pub struct ChangesWindow {
    widget: adw::Window,
    leaflet: adw::Leaflet,
    list: gtk::ListView,
    rows: gio::ListStore,
    toasts: adw::ToastOverlay,
    detail: Detail,
    looking: Looking,
    window: Weak<Window>,
    /// What was decided, a word for each entry.
    decided: RefCell<Vec<Option<String>>>,
    /// Keep or discard was chosen for the whole.
    settled: Cell<bool>,
    /// Which comparison is wanted; an earlier one that comes late is not shown.
    wanted: Cell<u64>,
}

impl ChangesWindow {
    /// Opens it.
    pub fn open(window: &Rc<Window>, looking: &Looking) {
        let builder = gtk::Builder::from_string(include_str!("changes.ui"));
        let rows = gio::ListStore::new::<glib::BoxedAnyObject>();
        let all: Vec<glib::BoxedAnyObject> =
            (0..looking.found.all.len()).map(glib::BoxedAnyObject::new).collect();
        rows.extend_from_slice(&all);
        let page = Rc::new(Self {
            widget: object(&builder, "changes"),
            leaflet: object(&builder, "leaflet"),
            list: object(&builder, "list"),
            rows,
            toasts: object(&builder, "toasts"),
            detail: Detail::new(&builder),
            looking: looking.clone(),
            window: Rc::downgrade(window),
            decided: RefCell::new(vec![None; looking.found.all.len()]),
            settled: Cell::new(false),
            wanted: Cell::new(0),
        });
        page.widget.set_transient_for(Some(&window.widget));
        page.name(&builder);
        page.connect(&builder);
        page.fill();
        page.widget.present();
    }

    fn name(&self, builder: &gtk::Builder) {
        let count = self.looking.found.totals.changes;
        let text = ngettext("{count} Change", "{count} Changes", u32::try_from(count).unwrap_or(u32::MAX));
        let title = text.replace("{count}", &count.to_string());
        let words: adw::WindowTitle = object(builder, "list-title");
        words.set_title(&title);
        words.set_subtitle(&glib::markup_escape_text(&message::shown(&self.looking.layer.tag.name)));
        self.widget.set_title(Some(&title));
        let partial: gtk::Label = object(builder, "partial");
        partial.set_visible(self.looking.found.totals.partial);
    }

    fn connect(self: &Rc<Self>, builder: &gtk::Builder) {
        self.add_actions();
        let back: gtk::Button = object(builder, "back");
        let leaflet = self.leaflet.clone();
        back.connect_clicked(move |_| {
            leaflet.navigate(adw::NavigationDirection::Back);
        });
        self.leaflet.bind_property("folded", &back, "visible").sync_create().build();
        // The window keeps this until it is closed.
        let page = self.clone();
        self.widget.connect_close_request(move |_| page.closes());
    }

    fn fill(self: &Rc<Self>) {
        let factory = gtk::SignalListItemFactory::new();
        factory.connect_setup(|_, item| row::set_up(item));
        let weak = Rc::downgrade(self);
        factory.connect_bind(move |_, item| {
            if let Some(page) = weak.upgrade() {
                row::bind(item, |index| page.shown(index));
            }
        });
        let chosen = gtk::SingleSelection::new(Some(self.rows.clone()));
        chosen.set_autoselect(false);
        let weak = Rc::downgrade(self);
        chosen.connect_selected_notify(move |chosen| {
            if let Some(page) = weak.upgrade() {
                page.select(chosen.selected());
            }
        });
        self.list.set_factory(Some(&factory));
        self.list.set_model(Some(&chosen));
        if self.looking.found.all.len() == 1 {
            // There is nothing to choose between.
            chosen.set_selected(0);
        }
    }

    /// An entry and what was decided about it.
    fn shown(&self, index: usize) -> Option<(&Entry, Option<String>)> {
        let entry = self.looking.found.all.get(index)?;
        Some((entry, self.decided.borrow().get(index).cloned().flatten()))
    }

    fn selected(&self) -> Option<usize> {
        let chosen = self.list.model().and_downcast::<gtk::SingleSelection>()?;
        let index = usize::try_from(chosen.selected()).ok()?;
        (index < self.looking.found.all.len()).then_some(index)
    }

    fn select(self: &Rc<Self>, index: u32) {
        let Some(entry) = usize::try_from(index).ok().and_then(|index| self.looking.found.all.get(index))
        else {
            return;
        };
        self.wanted.set(self.wanted.get() + 1);
        self.detail.begin(entry);
        self.may_apply(entry);
        self.leaflet.navigate(adw::NavigationDirection::Forward);
        if !row::has_content(entry) {
            return self.detail.show_nothing();
        }
        let (page, entry, wanted) = (self.clone(), entry.clone(), self.wanted.get());
        glib::spawn_future_local(async move {
            let Some(window) = page.window.upgrade() else { return };
            let found = window.bridge.difference(page.looking.clone(), entry).await;
            if page.wanted.get() == wanted {
                page.detail.show(found.as_ref());
            }
        });
    }

    /// Draws a row anew.
    fn decide(&self, index: usize, word: String) {
        if let Some(place) = self.decided.borrow_mut().get_mut(index) {
            *place = Some(word);
        }
        if let Ok(index) = u32::try_from(index) {
            self.rows.items_changed(index, 1, 1);
        }
    }

    fn toast(&self, text: &str) {
        self.toasts.add_toast(adw::Toast::builder().title(glib::markup_escape_text(text).as_str()).build());
    }
}
