// SPDX-License-Identifier: LGPL-2.1-or-later
//! What few need, folded away: further keys, and what is made of all of them.

use super::field::{say, sentence_row, Group};
use crate::library::Item;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::RefCell;
use std::rc::Rc;
use terrarium_engine::plan::Plan;
use terrarium_engine::profile::{command_line, Profile};
use terrarium_engine::{message, xml};

/// The group.
pub struct Advanced {
    /// The rows that are keys.
    pub group: Group,
    revealer: gtk::Revealer,
    /// Why something is not there.
    missing: adw::ActionRow,
    equivalent: adw::ActionRow,
    copy: gtk::Button,
    xml: adw::ActionRow,
    command: Rc<RefCell<String>>,
    plan: Rc<RefCell<Option<Plan>>>,
}

impl Advanced {
    /// At the end of the page, closed.
    pub fn new(page: &gtk::Box) -> Self {
        let group = Group::new("");
        let revealer = gtk::Revealer::builder().child(&group.widget).build();
        // The list has a shadow around it, and nothing is below.
        revealer.set_overflow(gtk::Overflow::Visible);
        let toggle = adw::ActionRow::builder().title(gettext("Advanced")).activatable(true).build();
        toggle
            .set_subtitle(&gettext("Variables, kernel, connection, libvirt’s XML, the same from a terminal"));
        toggle.set_subtitle_lines(0);
        toggle.set_widget_name("advanced");
        let arrow = gtk::Image::from_icon_name("pan-end-symbolic");
        toggle.add_suffix(&arrow);
        let inside = revealer.clone();
        toggle.connect_activated(move |_| inside.set_reveal_child(!inside.reveals_child()));
        let shown = toggle.downgrade();
        revealer.connect_reveal_child_notify(move |revealer| {
            clip_while_it_moves(revealer);
            let (open, Some(toggle)) = (revealer.reveals_child(), shown.upgrade()) else { return };
            arrow.set_icon_name(Some(if open { "pan-down-symbolic" } else { "pan-end-symbolic" }));
            toggle.update_state(&[gtk::accessible::State::Expanded(Some(open))]);
        });
        revealer.connect_child_revealed_notify(clip_while_it_moves);
        let head = Group::new("");
        head.list.append(&toggle);
        let whole = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(12).build();
        whole.append(&head.widget);
        whole.append(&revealer);
        page.append(&whole);
        let copy = gtk::Button::builder().icon_name("edit-copy-symbolic").valign(gtk::Align::Center);
        let copy = copy.tooltip_text(gettext("Copy")).css_classes(["flat"]).build();
        crate::pages::name_by_hint(&copy);
        copy.set_widget_name("copy-equivalent");
        let equivalent = adw::ActionRow::builder().title(gettext("The Same From a Terminal")).build();
        equivalent.set_subtitle_lines(0);
        equivalent.set_widget_name("equivalent");
        equivalent.add_suffix(&copy);
        let xml = adw::ActionRow::builder().title(gettext("Domain XML")).activatable(true).build();
        xml.set_subtitle(&gettext("What libvirt is asked for"));
        xml.set_widget_name("domain-xml");
        xml.add_suffix(&gtk::Image::from_icon_name("go-next-symbolic"));
        let missing = sentence_row("machines-only", gtk::AccessibleRole::Note);
        Self { group, revealer, missing, equivalent, copy, xml, command: Rc::default(), plan: Rc::default() }
    }

    /// What is made of the keys comes after them.
    pub fn finish(&self) {
        self.group.list.append(&self.missing);
        self.group.list.append(&self.equivalent);
        self.group.list.append(&self.xml);
    }

    /// Whether it is about a virtual machine; what only those have is not
    /// offered else.
    pub fn tell(&self, machine: bool) {
        let why = gettext("Acceleration, kernel and connection can be chosen for virtual machines only.");
        say(&self.missing, Some(why.as_str()).filter(|_| !machine), false);
    }

    /// Unfolds it, if this row is in it.
    pub fn open_for(&self, row: &gtk::Widget) {
        if row.is_ancestor(&self.revealer) {
            self.revealer.set_reveal_child(true);
        }
    }

    /// Connects what can be clicked.
    pub fn connect(&self, window: &Rc<Window>) {
        let command = self.command.clone();
        self.copy.connect_clicked(move |button| button.clipboard().set_text(&command.borrow()));
        let (weak, plan) = (Rc::downgrade(window), self.plan.clone());
        self.xml.connect_activated(move |_| {
            if let (Some(window), Some(plan)) = (weak.upgrade(), plan.borrow().as_ref()) {
                window.show_text(&gettext("Domain XML"), &xml::preview(plan));
            }
        });
    }

    /// The command line.
    pub fn command(&self) -> String {
        self.command.borrow().clone()
    }

    /// Shows what is made of a profile.
    pub fn show(&self, profile: &Profile, plan: Option<&Plan>, item: Option<&Item>) {
        let (words, complete) = command_line(profile);
        let (words, note) = match (complete, item) {
            (true, _) => (words, String::new()),
            (false, Some(item)) => (
                ["terrariumctl", "run", "--profile", &item.name()].map(str::to_owned).to_vec(),
                String::new(),
            ),
            (false, None) => (words, gettext("Options do not say all of it; save it as a profile.")),
        };
        let line = words.iter().map(|word| message::quote(word)).collect::<Vec<_>>().join(" ");
        let shown = [glib::markup_escape_text(&line).to_string(), note].join("\n");
        self.equivalent.set_subtitle(shown.trim());
        self.command.replace(line);
        self.xml.set_sensitive(plan.is_some());
        self.plan.replace(plan.cloned());
    }
}

/// At rest a list has its frame, which is drawn around it.
fn clip_while_it_moves(revealer: &gtk::Revealer) {
    let rests = revealer.reveals_child() && revealer.is_child_revealed();
    revealer.set_overflow(if rests { gtk::Overflow::Visible } else { gtk::Overflow::Hidden });
}
