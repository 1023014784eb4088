// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox has written: every change, and what becomes of it.
//!
//! Names and contents are the sandbox's: they are shown escaped, and nothing
//! here opens anything by them.

mod decide;
mod detail;
mod leave;
mod pictures;
mod progress;
mod row;

use super::object;
use crate::bridge::changes::{Decision, Looking};
use crate::window::Window;
use adw::prelude::*;
use detail::Detail;
use gettextrs::ngettext;
use gtk::{gio, glib};
use progress::Progress;
use std::cell::Cell;
use std::path::PathBuf;
use std::rc::{Rc, Weak};
use terrarium_engine::sandbox::changes::Entry;
use terrarium_engine::{message, plan};

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
    progress: Progress,
    /// The home folder inside.
    home: Option<PathBuf>,
    /// Why something is not applied.
    outside: gtk::Label,
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
            outside: object(&builder, "outside"),
            progress: Progress::new(&builder),
            home: window.bridge.host().map(plan::home),
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
                row::bind(item, page.home.as_deref(), |index| page.shown(index));
            }
        });
        let chosen = gtk::SingleSelection::new(Some(self.rows.clone()));
        // Whoever clicks on the first one wants to see it, too.
        chosen.set_autoselect(false);
        chosen.set_can_unselect(true);
        chosen.set_selected(gtk::INVALID_LIST_POSITION);
        let weak = Rc::downgrade(self);
        chosen.connect_selected_notify(move |chosen| {
            if let Some(page) = weak.upgrade() {
                page.select(chosen.selected());
            }
        });
        self.list.set_factory(Some(&factory));
        self.list.set_model(Some(&chosen));
        // Back at the list the same one can be chosen again.
        self.leaflet.connect_visible_child_notify(move |leaflet| {
            if leaflet.is_folded() && leaflet.visible_child_name().is_some_and(|name| name == "list") {
                chosen.set_selected(gtk::INVALID_LIST_POSITION);
            }
        });
    }

    /// An entry and what was decided about it.
    fn shown(&self, index: usize) -> Option<(&Entry, Option<String>)> {
        let entry = self.looking.found.all.get(index)?;
        let decision = self.looking.decisions().get(index).copied().flatten();
        Some((entry, decision.map(decide::word)))
    }

    fn selected(&self) -> Option<usize> {
        let chosen = self.list.model().and_downcast::<gtk::SingleSelection>()?;
        let index = usize::try_from(chosen.selected()).ok()?;
        (index < self.looking.found.all.len()).then_some(index)
    }

    fn select(self: &Rc<Self>, index: u32) {
        let Some(entry) = usize::try_from(index).ok().and_then(|index| self.looking.found.all.get(index))
        else {
            self.detail.clear();
            return self.may_nothing();
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

    /// An entry and all in it.
    fn with_inner(&self, index: usize) -> Vec<usize> {
        let all = &self.looking.found.all;
        let Some(folder) = all.get(index).map(|entry| entry.change.path.as_slice()) else {
            return Vec::new();
        };
        let is_in = |entry: &Entry| {
            entry.change.path.as_slice().strip_prefix(folder).is_some_and(|rest| rest.starts_with(b"/"))
        };
        let inner = (index + 1..all.len()).filter(|&at| is_in(&all[at]));
        std::iter::once(index).chain(inner).collect()
    }

    /// Notes what becomes of an entry, and of all in it; what was noted before.
    fn decide(&self, index: usize, decision: Option<Decision>) -> Vec<(usize, Option<Decision>)> {
        let chosen = self.with_inner(index);
        let mut decided = self.looking.decisions();
        let before = chosen.iter().map(|&at| (at, std::mem::replace(&mut decided[at], decision))).collect();
        drop(decided);
        self.redraw(&chosen);
        before
    }

    fn take_back(&self, before: &[(usize, Option<Decision>)]) {
        let mut decided = self.looking.decisions();
        before.iter().for_each(|(at, decision)| decided[*at] = *decision);
        drop(decided);
        self.redraw(&before.iter().map(|(at, _)| *at).collect::<Vec<_>>());
    }

    /// Draws rows anew: all from the first to the last.
    fn redraw(&self, rows: &[usize]) {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return };
        if let (Ok(first), Ok(count)) = (u32::try_from(*first), u32::try_from(last - first + 1)) {
            self.rows.items_changed(first, count, count);
        }
    }

    fn toast(&self, text: &str) {
        self.toasts.add_toast(adw::Toast::builder().title(glib::markup_escape_text(text).as_str()).build());
    }
}
