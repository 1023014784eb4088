// SPDX-License-Identifier: LGPL-2.1-or-later
//! One interface of a custom network.

use super::field::{message_row, Signal};
use super::share::button;
use super::words::{join, pairs, split};
use crate::pages::choice_row;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::profile::Interface;

/// Rows of the list of networks before those of libvirt's.
const FIXED: usize = 2;

/// One row, with the keys below it.
pub struct InterfaceRow {
    /// Its widget.
    pub row: adw::ExpanderRow,
    /// What the plan says of it.
    pub message: adw::ActionRow,
    /// Takes it away.
    pub remove: gtk::Button,
    /// Changes places with the one above.
    pub up: gtk::Button,
    /// Changes places with the one below.
    pub down: gtk::Button,
    /// Makes its network active.
    pub start: gtk::Button,
    inactive: adw::ActionRow,
    network: adw::ComboRow,
    dhcp: gtk::Switch,
    entries: Entries,
    /// Names below the fixed rows, and whether they are active.
    names: RefCell<Vec<(String, bool)>>,
    quiet: Cell<bool>,
}

struct Entries {
    addresses: adw::EntryRow,
    routes: adw::EntryRow,
    mac: adw::EntryRow,
    filter: adw::EntryRow,
    parameters: adw::EntryRow,
    inbound: adw::EntryRow,
    outbound: adw::EntryRow,
}

impl Entries {
    fn new() -> Self {
        let row = |name: &str, title: &str| {
            let row = adw::EntryRow::builder().title(title).enable_emoji_completion(false).build();
            row.set_widget_name(name);
            row
        };
        Self {
            addresses: row("interface-addresses", &gettext("Addresses (192.168.1.5/24%192.168.1.255 …)")),
            routes: row("interface-routes", &gettext("Routes (10.0.0.0/8%192.168.1.1 …)")),
            mac: row("interface-mac", &gettext("Hardware Address")),
            filter: row("interface-filter", &gettext("Filter of libvirt’s")),
            parameters: row("interface-parameters", &gettext("Filter’s Parameters (NAME=VALUE …)")),
            inbound: row("interface-inbound", &gettext("Receive per Second (like 10 MiB)")),
            outbound: row("interface-outbound", &gettext("Send per Second (like 10 MiB)")),
        }
    }

    fn all(&self) -> [&adw::EntryRow; 7] {
        let Self { addresses, routes, mac, filter, parameters, inbound, outbound } = self;
        [addresses, routes, mac, filter, parameters, inbound, outbound]
    }
}

impl InterfaceRow {
    /// The row of one of a profile's; `known` are libvirt's networks.
    pub fn of(one: &Interface, known: &[(String, bool)], signal: &Signal) -> Rc<Self> {
        let made = Rc::new(Self {
            row: adw::ExpanderRow::new(),
            message: message_row("interface-message"),
            remove: button("user-trash-symbolic", &gettext("Remove")),
            up: button("go-up-symbolic", &gettext("Move Up")),
            down: button("go-down-symbolic", &gettext("Move Down")),
            start: gtk::Button::builder().label(gettext("Start")).valign(gtk::Align::Center).build(),
            inactive: adw::ActionRow::builder().title(gettext("This network is not active.")).build(),
            network: choice_row(&gettext("Network"), &[]),
            dhcp: gtk::Switch::builder().valign(gtk::Align::Center).build(),
            entries: Entries::new(),
            names: RefCell::default(),
            quiet: Cell::new(false),
        });
        made.build();
        made.fill(one, known);
        made.connect(signal);
        made
    }

    fn build(&self) {
        self.row.set_widget_name("interface");
        self.network.set_widget_name("interface-network");
        self.dhcp.set_widget_name("interface-dhcp");
        self.start.set_widget_name("interface-start");
        self.row.add_prefix(&gtk::Image::from_icon_name("network-wired-symbolic"));
        self.row.add_action(&self.remove);
        self.row.add_row(&self.network);
        self.inactive.add_suffix(&self.start);
        self.row.add_row(&self.inactive);
        let dhcp = adw::ActionRow::builder().title(gettext("Asks for Its Address (DHCP)")).build();
        dhcp.add_suffix(&self.dhcp);
        dhcp.set_activatable_widget(Some(&self.dhcp));
        self.row.add_row(&dhcp);
        self.entries.all().iter().for_each(|entry| self.row.add_row(*entry));
        let order = adw::ActionRow::builder().title(gettext("Order")).build();
        order.add_suffix(&self.up);
        order.add_suffix(&self.down);
        self.row.add_row(&order);
    }

    fn fill(&self, one: &Interface, known: &[(String, bool)]) {
        self.offer(known, one.source.as_deref());
        let index = match (&one.source, one.user) {
            // Both is wrong, and stays until something is chosen.
            (Some(name), _) => {
                FIXED + self.names.borrow().iter().position(|(other, _)| other == name).unwrap_or(0)
            }
            (None, user) => usize::from(user),
        };
        self.network.set_selected(u32::try_from(index).unwrap_or(0));
        self.dhcp.set_active(one.dhcp);
        let entries = &self.entries;
        entries.addresses.set_text(&join(one.addresses.iter().cloned()));
        entries.routes.set_text(&join(one.routes.iter().cloned()));
        let parameters = one.parameters.iter().map(|(name, value)| format!("{name}={value}"));
        entries.parameters.set_text(&join(parameters));
        for (entry, value) in [
            (&entries.mac, &one.mac),
            (&entries.filter, &one.filter),
            (&entries.inbound, &one.inbound),
            (&entries.outbound, &one.outbound),
        ] {
            entry.set_text(value.as_deref().unwrap_or_default());
        }
    }

    /// Offers libvirt's networks, and the one that is named, there or not.
    fn offer(&self, known: &[(String, bool)], named: Option<&str>) {
        let mut names = known.to_vec();
        if let Some(named) = named.filter(|named| names.iter().all(|(name, _)| name != named)) {
            // The start says whether there is one.
            names.push((named.to_owned(), true));
        }
        let own = [gettext("Terrarium’s Own"), gettext("QEMU’s User Mode")];
        let words: Vec<String> =
            own.into_iter().chain(names.iter().map(|(name, _)| message::shown(name))).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.network.set_model(Some(&gtk::StringList::new(&words)));
        self.names.replace(names);
    }

    /// libvirt was asked which networks there are.
    pub fn set_known(&self, known: &[(String, bool)]) {
        let (one, texts) = (self.interface(), self.texts());
        self.show(&one, known);
        self.set_texts(&texts);
        self.tell();
    }

    /// Shows another one, of which nothing is told.
    pub fn show(&self, one: &Interface, known: &[(String, bool)]) {
        self.quiet.set(true);
        self.fill(one, known);
        self.quiet.set(false);
    }

    /// What is typed into its rows, whatever that means.
    pub fn texts(&self) -> Vec<String> {
        self.entries.all().iter().map(|entry| entry.text().into()).collect()
    }

    /// Types it again, of which nothing is told.
    pub fn set_texts(&self, texts: &[String]) {
        self.quiet.set(true);
        for (entry, text) in self.entries.all().into_iter().zip(texts) {
            if entry.text() != text.as_str() {
                entry.set_text(text);
            }
        }
        self.quiet.set(false);
    }

    fn connect(self: &Rc<Self>, signal: &Signal) {
        let changed = |row: &Rc<Self>| {
            let (weak, signal) = (Rc::downgrade(row), signal.clone());
            move || {
                if weak.upgrade().is_some_and(|row| !row.quiet.get()) {
                    signal.emit();
                }
            }
        };
        let call = changed(self);
        self.network.connect_selected_notify(move |_| call());
        let call = changed(self);
        self.dhcp.connect_active_notify(move |_| call());
        for entry in self.entries.all() {
            let call = changed(self);
            entry.connect_changed(move |_| call());
        }
    }

    /// The network of libvirt's that it is on.
    pub fn source(&self) -> Option<String> {
        let index = (self.network.selected() as usize).checked_sub(FIXED)?;
        self.names.borrow().get(index).map(|(name, _)| name.clone())
    }

    /// What it is in a profile.
    pub fn interface(&self) -> Interface {
        let text = |entry: &adw::EntryRow| {
            let text = entry.text();
            let text = text.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let entries = &self.entries;
        Interface {
            source: self.source(),
            user: self.network.selected() == 1,
            dhcp: self.dhcp.is_active(),
            mac: text(&entries.mac),
            addresses: split(&entries.addresses.text()),
            routes: split(&entries.routes.text()),
            filter: text(&entries.filter),
            parameters: pairs(&entries.parameters.text()).into_iter().collect(),
            inbound: text(&entries.inbound),
            outbound: text(&entries.outbound),
        }
    }

    /// Says in its title what it is.
    pub fn tell(&self) {
        let one = self.interface();
        let title = match (&one.source, one.user) {
            (Some(name), _) => message::shown(name),
            (None, true) => gettext("QEMU’s User Mode"),
            (None, false) => gettext("Terrarium’s Own"),
        };
        self.row.set_title(&glib::markup_escape_text(&title));
        let asks = one.dhcp.then(|| gettext("DHCP"));
        let parts = asks.into_iter().chain(one.addresses).chain(one.mac).chain(one.filter);
        let subtitle = parts.map(|part| message::shown(&part)).collect::<Vec<_>>().join(" · ");
        self.row.set_subtitle(&glib::markup_escape_text(&subtitle));
        let is_down =
            |name: &String| self.names.borrow().iter().any(|(other, active)| other == name && !active);
        self.inactive.set_visible(one.source.as_ref().is_some_and(is_down));
    }
}
