// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is beside a sandbox that runs: what it can reach, and its network.

use super::room::Extra;
use super::Runs;
use crate::pages::network::Network;
use crate::pages::reach::Live;
use crate::pages::tab::{Phase, Tab};
use crate::window::Window;
use gettextrs::gettext;
use gtk::glib;
use gtk::prelude::*;
use std::cell::Cell;
use std::rc::Rc;

/// All of it.
pub struct Beside {
    /// Its widget.
    pub widget: gtk::Box,
    stack: gtk::Stack,
    live: Rc<Live>,
    network: Rc<Network>,
    /// The tab whose sandbox ran when it was looked at last; only compared.
    running: Cell<*const Tab>,
}

impl Beside {
    /// Empty.
    pub fn new() -> Self {
        let (live, network) = (Live::new(), Network::new());
        let stack = gtk::Stack::builder().vexpand(true).hhomogeneous(true).vhomogeneous(false).build();
        stack.add_titled(&live.widget, Some("reach"), &gettext("Reach"));
        stack.add_titled(&network.widget, Some("network"), &gettext("Network"));
        let switcher = gtk::StackSwitcher::builder().stack(&stack).halign(gtk::Align::Center).build();
        switcher.set_margin_top(12);
        let widget = gtk::Box::new(gtk::Orientation::Vertical, 0);
        widget.add_css_class("details");
        widget.append(&switcher);
        widget.append(&stack);
        Self { widget, stack, live, network, running: Cell::new(std::ptr::null()) }
    }

    /// Connects what can be changed.
    pub fn connect(&self, window: &Rc<Window>) {
        self.live.connect(window);
        self.network.connect(window);
    }

    /// Whether this page is the one that is seen.
    pub fn shows(&self, page: &str) -> bool {
        self.stack.visible_child_name().is_some_and(|shown| shown == page)
    }

    /// Shows how a tab's sandbox is.
    fn show(&self, tab: &Tab) {
        if self.shows("network") {
            self.network.show(tab);
        } else {
            self.live.show(tab);
        }
    }
}

impl Runs {
    /// Shows or hides what is beside the sandbox; a page of it, or the last.
    pub(super) fn set_details(&self, on: bool, page: Option<&str>) {
        if let Some(page) = page {
            self.beside.stack.set_visible_child_name(page);
        }
        self.details.set_reveal_flap(on);
        if !on {
            return self.focus();
        }
        // From a terminal no key leads there.
        let beside = self.beside.widget.clone();
        glib::idle_add_local_once(move || {
            let _ = beside.child_focus(gtk::DirectionType::TabForward);
        });
    }

    /// Whether that is seen.
    pub(super) fn has_details(&self) -> bool {
        self.details.reveals_flap()
    }

    /// Whether a page of it is.
    pub(super) fn has_page(&self, page: &str) -> bool {
        self.has_details() && self.beside.shows(page)
    }

    pub(super) fn show_details(&self, tab: &Tab) {
        self.make_way_for_an_end(tab);
        let on = self.has_details();
        let can = tab.phase() == Phase::Running && self.has_room(tab, Extra::Details);
        self.details_button.set_visible(on || can);
        if on {
            self.beside.show(tab);
        }
    }

    /// A narrow window shows one of them: what was just begun, and not what is
    /// beside it.
    pub(super) fn make_way_for_a_run(&self) {
        if self.details.is_folded() && self.has_details() {
            self.set_details(false, None);
        }
    }

    /// A narrow window shows one of them: when a sandbox ends, its end.
    fn make_way_for_an_end(&self, tab: &Tab) {
        let own = std::ptr::from_ref(tab);
        match tab.phase() {
            Phase::Running => self.beside.running.set(own),
            Phase::Ended if self.beside.running.get() == own => {
                self.beside.running.set(std::ptr::null());
                if self.details.is_folded() && self.has_details() {
                    self.set_details(false, None);
                }
            }
            _ => {}
        }
    }

    /// Another page of it is filled at once.
    pub(super) fn connect_beside(self: &Rc<Self>, window: &Rc<Window>) {
        self.details.set_flap(Some(&self.beside.widget));
        // A narrow window has room for one of them.
        self.details.bind_property("folded", &self.beside.widget, "hexpand").sync_create().build();
        self.beside.connect(window);
        let runs = Rc::downgrade(self);
        self.beside.stack.connect_visible_child_notify(move |_| {
            if let Some(runs) = runs.upgrade() {
                runs.refresh();
            }
        });
    }
}
