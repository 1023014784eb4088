// SPDX-License-Identifier: LGPL-2.1-or-later
//! This computer: what stands in the way, what is worth knowing, what works;
//! the same as `terrariumctl doctor` says.

use super::object;
use crate::pages::reach::unbroken;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gio, glib};
use std::cell::RefCell;
use std::rc::Rc;
use terrarium_engine::doctor::{Finding, Severity};
use terrarium_engine::message;

/// The page.
pub struct Computer {
    /// Its widget.
    pub widget: gtk::Box,
    stack: gtk::Stack,
    spinner: gtk::Spinner,
    groups: gtk::Box,
    again: gtk::Button,
    report: RefCell<String>,
}

impl Computer {
    /// The page, empty.
    pub fn new() -> Rc<Self> {
        let builder = crate::pages::layout(include_str!("computer.ui"));
        Rc::new(Self {
            widget: object(&builder, "page"),
            stack: object(&builder, "stack"),
            spinner: object(&builder, "spinner"),
            groups: object(&builder, "groups"),
            again: object(&builder, "again"),
            report: RefCell::default(),
        })
    }

    /// Connects what can be clicked.
    pub fn connect(self: &Rc<Self>, window: &Rc<Window>) {
        let (page, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        self.again.connect_clicked(move |_| {
            if let (Some(page), Some(window)) = (page.upgrade(), weak.upgrade()) {
                page.look(&window);
            }
        });
        let action = gio::SimpleAction::new("copy-report", None);
        let (page, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        action.connect_activate(move |_, _| {
            if let (Some(page), Some(window)) = (page.upgrade(), weak.upgrade()) {
                window.widget.clipboard().set_text(&page.report.borrow());
                window.toast(&gettext("Report copied"));
            }
        });
        window.widget.add_action(&action);
    }

    /// Looks at this computer, and says what was found.
    pub fn look(self: &Rc<Self>, window: &Rc<Window>) {
        self.stack.set_visible_child_name("looking");
        self.spinner.start();
        let (page, window) = (self.clone(), window.clone());
        glib::spawn_future_local(async move {
            let findings = window.bridge.examine().await;
            page.spinner.stop();
            page.report.replace(message::doctor(&findings).join("\n"));
            page.show(&window, &findings);
        });
    }

    fn show(&self, window: &Rc<Window>, findings: &[Finding]) {
        while let Some(child) = self.groups.first_child() {
            self.groups.remove(&child);
        }
        for (severity, title, icon) in [
            (Severity::NeedsAttention, gettext("Needs Attention"), "dialog-warning-symbolic"),
            (Severity::GoodToKnow, gettext("Good to Know"), "help-about-symbolic"),
            (Severity::Works, gettext("Works"), "object-select-symbolic"),
        ] {
            let of_this: Vec<&Finding> = findings.iter().filter(|one| one.severity == severity).collect();
            if of_this.is_empty() {
                continue;
            }
            let group = adw::PreferencesGroup::builder().title(title).build();
            for finding in of_this {
                group.add(&row(window, finding, icon));
            }
            self.groups.append(&group);
        }
        self.stack.set_visible_child_name("found");
    }
}

fn row(window: &Rc<Window>, finding: &Finding, icon: &str) -> adw::ActionRow {
    let text = message::finding(finding);
    let row = adw::ActionRow::builder().title(unbroken(&text)).title_lines(0).build();
    row.set_subtitle_lines(0);
    let image =
        gtk::Image::builder().icon_name(icon).accessible_role(gtk::AccessibleRole::Presentation).build();
    match finding.severity {
        Severity::NeedsAttention => image.add_css_class("warning"),
        Severity::Works => image.add_css_class("success"),
        Severity::GoodToKnow => {}
    }
    row.add_prefix(&image);
    if let Some(fix) = finding.fix.clone() {
        // The command is seen before anybody runs it.
        row.set_subtitle(&format!("<tt>{}</tt>", glib::markup_escape_text(&fix)));
        let copy = gtk::Button::builder().label(gettext("_Copy")).use_underline(true).build();
        copy.set_valign(gtk::Align::Center);
        copy.set_tooltip_text(Some(&gettext("Copy the command that mends it")));
        let weak = Rc::downgrade(window);
        copy.connect_clicked(move |button| {
            button.clipboard().set_text(&fix);
            if let Some(window) = weak.upgrade() {
                window.toast(&gettext("Command copied. Paste it into a terminal."));
            }
        });
        row.add_suffix(&copy);
    }
    row
}
