// SPDX-License-Identifier: LGPL-2.1-or-later
//! The tabs: found, opened, closed.

use super::Runs;
use crate::bridge::changes::Looking;
use crate::look;
use crate::pages::tab::{Phase, Tab};
use crate::window::Window;
use std::rc::Rc;
use std::time::Instant;
use terrarium_engine::network::Usage;
use terrarium_engine::plan::Plan;
use terrarium_engine::sandbox::{Held, Id, Listing, Summary};

impl Runs {
    /// The tab that is seen.
    #[must_use]
    pub fn current(&self) -> Option<Rc<Tab>> {
        let child = self.view.selected_page()?.child();
        self.tabs.borrow().iter().find(|tab| tab.widget == child).cloned()
    }

    /// All of them.
    pub(in crate::pages) fn tabs(&self) -> Vec<Rc<Tab>> {
        self.tabs.borrow().clone()
    }

    /// What is run again takes the place of the one before, and its number.
    pub(super) fn tell_new_ones_apart(&self) {
        let all = self.tabs();
        all.iter().filter(|tab| tab.phase() == Phase::Starting).for_each(|tab| tab.tell_apart(&all));
    }

    /// What was to be looked at is kept or gone.
    pub fn changes_are_settled(&self, uuid: &str) {
        let tabs = self.tabs.borrow();
        tabs.iter().filter(|tab| tab.waits_with_changes_of(uuid)).for_each(|tab| tab.changes_are_settled());
    }

    /// What a tab looks at, with what was decided there.
    pub(crate) fn looking_at(&self, uuid: &str) -> Option<Looking> {
        self.tabs.borrow().iter().find_map(|tab| tab.looking_at(uuid))
    }

    /// Tabs of what has ended.
    #[must_use]
    pub fn ended(&self) -> Vec<Rc<Tab>> {
        self.tabs.borrow().iter().filter(|tab| tab.phase() == Phase::Ended).cloned().collect()
    }

    /// Shows a tab that is there.
    pub(crate) fn show_again(&self, tab: &Tab) {
        self.view.set_selected_page(&self.view.page(&tab.widget));
        self.focus();
    }

    /// Some of what waits was decided.
    pub fn changes_are_decided(&self, uuid: &str) {
        let tabs = self.tabs.borrow();
        tabs.iter().filter(|tab| tab.waits_with_changes_of(uuid)).for_each(|tab| tab.tell_changes());
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
        if let Some(tab) = self.tab_of(&one.id) {
            self.view.set_selected_page(&self.view.page(&tab.widget));
            tab.try_again();
            self.focus();
            return;
        }
        let tab = Tab::of_summary(window, one);
        self.add(&tab);
        tab.attach();
    }

    pub(super) fn add(self: &Rc<Self>, tab: &Rc<Tab>) {
        self.make_way_for_a_run();
        tab.tell_apart(&self.tabs());
        self.tabs.borrow_mut().push(tab.clone());
        self.tick();
        let page = self.view.append(&tab.widget);
        page.set_title(&tab.name());
        page.set_icon(Some(&look::square(tab.facts.colour)));
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

    /// The first tab with files that would be thrown away with it, and their
    /// names.
    pub fn would_lose(&self) -> Option<(Rc<Tab>, Vec<String>)> {
        let tabs = self.tabs.borrow();
        tabs.iter().map(|tab| (tab.clone(), tab.would_lose())).find(|(_, files)| !files.is_empty())
    }

    /// Whether there are such files, as far as it was told.
    pub(crate) fn loses_files(&self) -> bool {
        self.tabs.borrow().iter().any(|tab| tab.loses.get())
    }

    /// Whether anything is thrown away with a tab.
    pub fn holds(&self) -> bool {
        self.tabs.borrow().iter().any(|tab| tab.held.borrow().is_some())
    }

    /// What is thrown away with all tabs.
    pub fn take_held(&self) -> Vec<(Id, Held)> {
        self.tabs.borrow().iter().filter_map(|tab| tab.take_held()).collect()
    }

    /// The window is gone, and with it all tabs.
    pub fn leave(&self) {
        for tab in self.tabs.take() {
            tab.leave();
        }
    }

    /// Closes a tab.
    pub fn close(&self, tab: &Tab) {
        if !self.tabs.borrow().iter().any(|one| std::ptr::eq(&**one, tab)) {
            // It is closed already: who asked about it was answered late.
            return;
        }
        self.view.close_page(&self.view.page(&tab.widget));
    }

    /// The tab of a sandbox, if it has one here.
    #[must_use]
    pub fn tab_of(&self, id: &Id) -> Option<Rc<Tab>> {
        self.tabs.borrow().iter().find(|tab| tab.id().as_ref() == Some(id)).cloned()
    }

    /// Shows the tab of a sandbox, if it has one here.
    pub fn show_tab(&self, uuid: &str) -> bool {
        let tabs = self.tabs.borrow();
        let found = tabs.iter().find(|tab| tab.id().is_some_and(|id| id.uuid == uuid)).cloned();
        drop(tabs);
        if let Some(tab) = &found {
            self.view.set_selected_page(&self.view.page(&tab.widget));
        }
        found.is_some()
    }

    /// How a sandbox's network is now.
    pub fn network_is(&self, id: &Id, usage: &Usage) {
        let tabs = self.tabs.borrow();
        if let Some(tab) = tabs.iter().find(|tab| tab.id().as_ref() == Some(id)) {
            tab.network_is(usage);
        }
    }

    /// Nothing has the focus on the page of an end that nobody has chosen:
    /// whoever still types must not run it again. Whether it is one.
    pub(super) fn rest(&self) -> bool {
        let ended = self.current().is_some_and(|tab| tab.phase() == Phase::Ended);
        if let Some(window) = self.window.borrow().upgrade().filter(|_| ended) {
            gtk::prelude::GtkWindowExt::set_focus(&window.widget, gtk::Widget::NONE);
        }
        ended
    }

    pub(super) fn focus(&self) {
        if let Some(tab) = self.current() {
            tab.focus();
        }
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
}
