// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox that runs can reach, beside it: as it is now, with what can
//! be changed below the sentence that says it.

use super::limits::LimitRows;
use super::Pane;
use crate::pages::runs::{policy_name, POLICIES};
use crate::pages::tab::facts;
use crate::pages::tab::{Phase, Tab};
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use terrarium_engine::message;
use terrarium_engine::reach::{reach, Fact};
use terrarium_engine::sandbox::Id;

/// The pane.
pub struct Live {
    /// Its widget.
    pub widget: gtk::ScrolledWindow,
    note: gtk::Label,
    pane: Pane,
    limits: Rc<LimitRows>,
    clipboard: adw::ComboRow,
    /// What is shown is no wish.
    quiet: Cell<bool>,
    of: RefCell<Option<Id>>,
    window: RefCell<Weak<Window>>,
    own: Weak<Self>,
}

impl Live {
    /// An empty one.
    pub fn new() -> Rc<Self> {
        let (pane, limits) = (Pane::new(), LimitRows::new());
        let names = POLICIES.map(|(policy, _)| policy_name(policy));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let clipboard = crate::pages::choice_row(&gettext("Clipboard"), &names);
        clipboard.set_widget_name("live-clipboard");
        pane.control(|fact| matches!(fact, Fact::Clipboard(_)), vec![clipboard.clone().upcast()]);
        pane.control(|fact| matches!(fact, Fact::Limits { .. }), limits.rows());
        let note = gtk::Label::builder().wrap(true).xalign(0.0).visible(false);
        let note = note.css_classes(["dim-label"]).accessible_role(gtk::AccessibleRole::Status).build();
        let body = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(18).build();
        for side in [gtk::Box::set_margin_start, gtk::Box::set_margin_end, gtk::Box::set_margin_top] {
            side(&body, 12);
        }
        body.set_margin_bottom(24);
        body.append(&note);
        body.append(&pane.widget);
        let widget = gtk::ScrolledWindow::builder().child(&body).vexpand(true).width_request(340).build();
        widget.set_hscrollbar_policy(gtk::PolicyType::Never);
        widget.set_widget_name("reach-pane");
        Rc::new_cyclic(|own| Self {
            widget,
            note,
            pane,
            limits,
            clipboard,
            quiet: Cell::new(false),
            of: RefCell::default(),
            window: RefCell::default(),
            own: own.clone(),
        })
    }

    /// Connects what can be changed.
    pub fn connect(&self, window: &Rc<Window>) {
        self.window.replace(Rc::downgrade(window));
        let current = |own: &Weak<Self>| {
            let live = own.upgrade()?;
            let tab = live.window.borrow().upgrade()?.runs.current()?;
            Some((live, tab))
        };
        let weak = self.own.clone();
        self.limits.connect(window, move || {
            if let Some((live, tab)) = current(&weak) {
                live.tell(&tab);
            }
        });
        let weak = self.own.clone();
        self.clipboard.connect_selected_notify(move |row| {
            let Some((live, tab)) = current(&weak).filter(|(live, _)| !live.quiet.get()) else { return };
            if let Some((policy, _)) = POLICIES.get(row.selected() as usize) {
                tab.set_clipboard_policy(*policy);
                live.tell(&tab);
            }
        });
    }

    /// Shows what a tab's sandbox can reach now.
    pub fn show(&self, tab: &Tab) {
        self.of.replace(tab.id());
        let runs = tab.phase() == Phase::Running && !tab.is_stopping();
        let note = match (tab.phase(), tab.has_plan()) {
            (Phase::Ended, _) => gettext("It has ended."),
            (Phase::Starting, _) => gettext("It starts."),
            (_, false) => gettext("What it runs is not known."),
            _ => String::new(),
        };
        self.note.set_visible(!note.is_empty());
        if self.note.label() != note {
            self.note.set_label(&note);
        }
        // While it is being stopped what held until then still does.
        self.limits.show(tab.id().as_ref().filter(|_| tab.phase() == Phase::Running));
        self.clipboard.set_sensitive(runs && !tab.has_clipboard_shut());
        let title = if tab.has_clipboard_shut() {
            gettext("The profile keeps the clipboard off.")
        } else {
            gettext("Clipboard")
        };
        self.clipboard.set_title(&title);
        self.tell(tab);
    }

    fn tell(&self, tab: &Tab) {
        let policy = tab.clipboard_policy();
        let at = POLICIES.iter().position(|(one, _)| *one == policy);
        self.quiet.set(true);
        self.clipboard.set_selected(at.and_then(|at| u32::try_from(at).ok()).unwrap_or(0));
        self.quiet.set(false);
        let Some(mut plan) = tab.plan_again() else { return };
        if let Some(held) = self.limits.held() {
            (plan.memory, plan.cpus) = (held.memory, held.cpus);
        }
        plan.clipboard = facts::word(policy);
        let mut reach = reach(&plan);
        if let Some(usage) = tab.network_now() {
            reach.network_is(&usage);
        }
        let passes = reach.facts.iter().any(|fact| matches!(fact, Fact::Clipboard(Some(_))));
        self.clipboard
            .set_visible(passes || policy != spice_view::ClipboardPolicy::Off && tab.screen.is_some());
        self.pane.show(&message::reach(&reach), true);
    }
}
