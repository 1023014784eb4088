// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox has written: every change, and what becomes of it.
//!
//! Names and contents are the sandbox's: they are shown escaped, and nothing
//! here opens anything by them.

mod ask;
mod decide;
mod detail;
mod folders;
mod leave;
mod pictures;
mod progress;
mod put;
mod row;
mod words;

use super::{object, runs};
use crate::bridge::changes::{follow, Decision, Looking};
use crate::window::Window;
use adw::prelude::*;
pub use decide::discard_question;
use detail::Detail;
use folders::{Folders, Row};
use gtk::{gio, glib};
use progress::Progress;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::PathBuf;
use std::rc::{Rc, Weak};
use terrarium_engine::sandbox::changes::below;
use terrarium_engine::{message, plan};
pub use words::title;

/// A window about one layer.
pub struct ChangesWindow {
    widget: adw::Window,
    leaflet: adw::Leaflet,
    list: gtk::ListView,
    rows: gio::ListStore,
    /// How many there are, and of which run.
    title: adw::WindowTitle,
    /// What the rows are about.
    folders: Folders,
    /// Rows that have widgets now.
    bound: RefCell<Vec<gtk::ListItem>>,
    toasts: adw::ToastOverlay,
    detail: Detail,
    looking: Looking,
    window: Weak<Window>,
    progress: Progress,
    /// The home folder inside.
    home: Option<PathBuf>,
    /// Why something is not applied.
    outside: gtk::Label,
    /// What had something of the user's in its place when it was applied.
    replaced: RefCell<HashSet<usize>>,
    /// What had nothing there.
    fresh: RefCell<HashSet<usize>>,
    /// Keep or discard was chosen for the whole.
    settled: Cell<bool>,
    /// Which comparison is wanted; an earlier one that comes late is not shown.
    wanted: Cell<u64>,
}

thread_local! {
    static OPEN: RefCell<Vec<Weak<ChangesWindow>>> = RefCell::default();
}

impl ChangesWindow {
    /// Opens it, or leads to the one that is open.
    pub fn open(window: &Rc<Window>, looking: &Looking) {
        if let Some(page) = Self::of(&looking.layer.tag.uuid) {
            return page.widget.present();
        }
        let builder = crate::pages::layout(include_str!("changes.ui"));
        let home = window.bridge.host().map(plan::home);
        let folders = Folders::of(&looking.found.all, home.as_deref(), |entry| looking.is_edited(entry));
        let rows = gio::ListStore::new::<glib::BoxedAnyObject>();
        let all: Vec<glib::BoxedAnyObject> =
            folders.rows.iter().copied().map(glib::BoxedAnyObject::new).collect();
        rows.extend_from_slice(&all);
        let page = Rc::new(Self {
            widget: object(&builder, "changes"),
            leaflet: object(&builder, "leaflet"),
            list: object(&builder, "list"),
            rows,
            title: object(&builder, "list-title"),
            folders,
            bound: RefCell::default(),
            toasts: object(&builder, "toasts"),
            detail: Detail::new(&builder),
            looking: looking.clone(),
            window: Rc::downgrade(window),
            outside: object(&builder, "outside"),
            progress: Progress::new(&builder),
            home,
            replaced: RefCell::default(),
            fresh: RefCell::default(),
            settled: Cell::new(false),
            wanted: Cell::new(0),
        });
        page.widget.set_transient_for(Some(&window.widget));
        if window.widget.width() < runs::NARROW {
            // There may be no room for more.
            page.widget.set_default_size(window.widget.width(), window.widget.height());
        }
        page.name(&builder);
        page.connect(&builder);
        page.fill();
        OPEN.with_borrow_mut(|open| open.push(Rc::downgrade(&page)));
        page.widget.present();
        // Not on a button: whoever still types decides nothing.
        page.list.grab_focus();
    }

    /// The one that is open of a run.
    fn of(uuid: &str) -> Option<Rc<Self>> {
        OPEN.with_borrow_mut(|open| {
            open.retain(|one| one.upgrade().is_some_and(|page| page.widget.is_visible()));
            open.iter().filter_map(Weak::upgrade).find(|page| page.looking.layer.tag.uuid == uuid)
        })
    }

    /// What a run changed is thrown away: there is nothing to decide any more.
    pub fn close_of(uuid: &str) {
        if let Some(page) = Self::of(uuid) {
            page.settled.set(true);
            page.widget.close();
        }
    }

    fn name(&self, builder: &gtk::Builder) {
        self.title.set_subtitle(&glib::markup_escape_text(&message::shown(&self.looking.layer.tag.name)));
        self.count();
        let partial: gtk::Label = object(builder, "partial");
        partial.set_visible(self.looking.found.totals.partial);
        self.tell_what_is_in_place(&object(builder, "in-place"));
    }

    /// What the run wrote in the user's own folders is none of this.
    fn tell_what_is_in_place(&self, label: &gtk::Label) {
        let places = &self.looking.layer.tag.written;
        let window = self.window.upgrade().filter(|_| !places.is_empty());
        if let Some(host) = window.as_ref().and_then(|window| window.bridge.host()) {
            label.set_label(&message::already_there(places, &host.user.home));
            label.set_visible(true);
        }
    }

    /// How many changes there are, and how many are undecided once some are
    /// decided.
    fn count(&self) {
        let title = title(&self.looking);
        self.title.set_title(&title);
        self.widget.set_title(Some(&title));
    }

    fn connect(self: &Rc<Self>, builder: &gtk::Builder) {
        self.add_actions();
        crate::window::close_with_escape(&self.widget);
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
            if let (Some(page), Some(item)) = (weak.upgrade(), item.downcast_ref::<gtk::ListItem>()) {
                page.draw(item);
                page.bound.borrow_mut().push(item.clone());
            }
        });
        let weak = Rc::downgrade(self);
        factory.connect_unbind(move |_, item| {
            if let (Some(page), Some(item)) = (weak.upgrade(), item.downcast_ref::<gtk::ListItem>()) {
                page.bound.borrow_mut().retain(|one| one != item);
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
        if self.looking.found.all.len() == 1 || self.folders.edited {
            // There is nothing to choose between, or what was edited comes first;
            // above it is its folder.
            chosen.set_selected(1);
        }
        // Back at the list the same one can be chosen again.
        self.leaflet.connect_visible_child_notify(move |leaflet| {
            if leaflet.is_folded() && leaflet.visible_child_name().is_some_and(|name| name == "list") {
                chosen.set_selected(gtk::INVALID_LIST_POSITION);
            }
        });
    }

    fn selected(&self) -> Option<Row> {
        let chosen = self.list.model().and_downcast::<gtk::SingleSelection>()?;
        self.folders.rows.get(usize::try_from(chosen.selected()).ok()?).copied()
    }

    fn select(self: &Rc<Self>, position: u32) {
        self.wanted.set(self.wanted.get() + 1);
        let row = usize::try_from(position).ok().and_then(|position| self.folders.rows.get(position));
        let Some(&row) = row else {
            self.detail.clear();
            return self.may_nothing();
        };
        self.may_decide(row);
        self.leaflet.navigate(adw::NavigationDirection::Forward);
        let index = match row {
            Row::Folder(at) => return self.show_folder(at),
            Row::Change(index) => index,
        };
        let entry = &self.looking.found.all[index];
        self.detail.begin(entry, self.kind(entry), self.copy_of(entry).as_deref());
        if !row::has_content(entry) {
            return self.show_inner(index);
        }
        let (page, entry, wanted) = (self.clone(), entry.clone(), self.wanted.get());
        glib::spawn_future_local(async move {
            let Some(window) = page.window.upgrade() else { return };
            let found = window.bridge.difference(page.looking.clone(), entry.clone()).await;
            if page.wanted.get() == wanted {
                page.detail.show(&entry, found.as_ref());
            }
        });
    }

    /// All changes that a row is about.
    fn of_row(&self, row: Row) -> Vec<usize> {
        match row {
            Row::Folder(at) => self.folders.all[at].inner.clone().collect(),
            Row::Change(index) => self.with_inner(index),
        }
    }

    /// An entry and all in it.
    fn with_inner(&self, index: usize) -> Vec<usize> {
        let all = &self.looking.found.all;
        std::iter::once(index).chain(below(all, all[index].change.path.as_slice())).collect()
    }

    /// Notes what becomes of changes; what was noted before.
    fn decide(&self, chosen: &[usize], decision: Decision) -> Vec<(usize, Option<Decision>)> {
        let mut decided = self.looking.decisions();
        let set = |&at: &usize| (at, decided[at].replace(decision));
        let mut before: Vec<(usize, Option<Decision>)> = chosen.iter().map(set).collect();
        for (at, decision) in follow::around(&self.looking.found.all, &decided, chosen) {
            before.push((at, std::mem::replace(&mut decided[at], decision)));
        }
        drop(decided);
        self.redraw();
        before
    }

    fn take_back(&self, before: &[(usize, Option<Decision>)]) {
        let mut decided = self.looking.decisions();
        before.iter().for_each(|(at, decision)| decided[*at] = *decision);
        drop(decided);
        self.redraw();
    }

    /// Draws what is seen of the rows anew.
    fn redraw(&self) {
        self.count();
        self.bound.borrow().iter().for_each(|item| self.draw(item));
    }

    fn toast(&self, text: &str) {
        self.toasts.add_toast(crate::pages::toast(text));
    }
}
