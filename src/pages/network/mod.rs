// SPDX-License-Identifier: LGPL-2.1-or-later
//! The network of a sandbox that runs, beside it: how much, with whom, and
//! what can be changed.

pub(super) mod always;
mod peers;

use super::asked::Asked;
use super::object;
use super::tab::{Phase, Tab};
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use peers::Peers;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use terrarium_engine::message;
use terrarium_engine::network::{always as put, written, Change, Usage};
use terrarium_engine::profile::{self, NetworkMode, Profile};
use terrarium_engine::sandbox::Id;
use terrarium_protocol::guard::{Base, Contact, RATE_MIN};

/// As the rows of the list of accesses.
const BASES: [Base; 3] = [Base::Nobody, Base::Internet, Base::All];

/// The pane.
pub struct Network {
    /// Its widget.
    pub widget: gtk::ScrolledWindow,
    note: gtk::Label,
    /// What is there without a network: the note, and a picture.
    nothing: gtk::Box,
    state: adw::PreferencesGroup,
    passes: gtk::Switch,
    passes_row: adw::ActionRow,
    access: adw::ComboRow,
    /// Inbound, outbound.
    rates: [adw::EntryRow; 2],
    /// The rates that hold.
    held: Cell<[Option<u64>; 2]>,
    contacted: Peers,
    refused: Peers,
    /// Whose network it shows.
    asked: Asked,
    /// What comes from the sandbox is no wish.
    quiet: Cell<bool>,
    window: RefCell<Weak<Window>>,
    own: Weak<Self>,
}

impl Network {
    /// An empty one.
    pub fn new() -> Rc<Self> {
        let builder = crate::pages::layout(include_str!("network.ui"));
        crate::pages::make_room(&object::<adw::ComboRow>(&builder, "network-access"));
        Rc::new_cyclic(|own: &Weak<Self>| {
            let on_change = |own: Weak<Self>| {
                Rc::new(move |change: Change, contact: &Contact| {
                    if let Some(network) = own.upgrade() {
                        network.change_about(change, Some(contact));
                    }
                })
            };
            Self {
                widget: object(&builder, "network-pane"),
                note: object(&builder, "network-note"),
                nothing: object(&builder, "network-nothing"),
                state: object(&builder, "network-state"),
                passes: object(&builder, "network-passes"),
                passes_row: object(&builder, "network-passes-row"),
                access: object(&builder, "network-access"),
                rates: [object(&builder, "network-inbound"), object(&builder, "network-outbound")],
                held: Cell::default(),
                contacted: Peers::new(object(&builder, "network-contacted"), false, on_change(own.clone())),
                refused: Peers::new(object(&builder, "network-refused"), true, on_change(own.clone())),
                asked: Asked::default(),
                quiet: Cell::new(false),
                window: RefCell::default(),
                own: own.clone(),
            }
        })
    }

    /// Connects what can be changed.
    pub fn connect(&self, window: &Rc<Window>) {
        self.window.replace(Rc::downgrade(window));
        let weak = self.own.clone();
        self.passes.connect_active_notify(move |passes| {
            if let Some(network) = weak.upgrade() {
                network.change(if passes.is_active() { Change::Restore } else { Change::Cut });
            }
        });
        let weak = self.own.clone();
        self.access.connect_selected_notify(move |access| {
            let base = BASES.get(access.selected() as usize);
            if let (Some(network), Some(base)) = (weak.upgrade(), base) {
                network.change(Change::Base(*base));
            }
        });
        for row in &self.rates {
            let weak = self.own.clone();
            row.connect_apply(move |_| {
                if let Some(network) = weak.upgrade() {
                    network.apply_rates();
                }
            });
        }
    }

    fn apply_rates(&self) {
        let read = |row: &adw::EntryRow| {
            let text = row.text();
            match text.trim() {
                "" => Ok(None),
                rate => profile::parse_size(rate).filter(|&rate| rate >= RATE_MIN).map(Some).ok_or(text),
            }
        };
        match (read(&self.rates[0]), read(&self.rates[1])) {
            (Ok(inbound), Ok(outbound)) => self.change(Change::Bandwidth { inbound, outbound }),
            (Err(text), _) | (_, Err(text)) => {
                self.rates.iter().for_each(|row| set_class(row, "error", read(row).is_err()));
                if let Some(window) = self.window.borrow().upgrade() {
                    window.toast(&message::not_a_rate(&text));
                }
            }
        }
    }

    fn change(&self, change: Change) {
        self.change_about(change, None);
    }

    /// Makes something hold, unless it is the sandbox's own state that is
    /// being shown. What is about somebody can be for ever.
    fn change_about(&self, change: Change, contact: Option<&Contact>) {
        let (Some(id), Some(window)) = (self.asked.of(), self.window.borrow().upgrade()) else {
            return;
        };
        if self.quiet.get() {
            return;
        }
        self.asked.hold();
        let said = match &change {
            Change::Block(_) => Some(gettext("Blocked until it ends")),
            Change::Allow(_) => Some(gettext("Allowed until it ends")),
            _ => None,
        };
        let wish = contact.map(|contact| (written(contact), matches!(change, Change::Allow(_))));
        let weak = self.own.clone();
        glib::spawn_future_local(async move {
            match (window.bridge.change_network(id.clone(), change).await, said.zip(wish)) {
                (Ok(()), Some((said, (text, allow)))) => {
                    let button = if allow { gettext("Always _Allow") } else { gettext("Always _Block") };
                    let change = |profile: &mut Profile| put(&mut profile.network, &text, allow);
                    always::offer(&window, &id, &said, &button, change);
                }
                (Ok(()), None) => {}
                (Err(error), _) => window.toast(&message::error(&error)),
            }
            if let Some(network) = weak.upgrade() {
                network.asked.forget();
                network.ask(id);
            }
        });
    }

    /// Shows the network of a tab's sandbox, as it is now.
    pub fn show(&self, tab: &Tab) {
        let id = tab.id();
        if self.asked.set(id.as_ref()) {
            self.contacted.clear();
            self.refused.clear();
            self.held.take();
            self.rates.iter().for_each(|row| row.set_text(""));
            self.offer(false);
            self.say("");
        }
        let running = tab.phase() == Phase::Running && !tab.is_stopping();
        for group in [&self.state, &self.contacted.group, &self.refused.group] {
            group.set_sensitive(running);
        }
        // Whom it met is read afterwards, too.
        for group in [&self.contacted.group, &self.refused.group] {
            set_class(group, "outdated", !running);
        }
        match (tab.phase(), id) {
            (Phase::Ended, _) => self.say(&gettext("It has ended.")),
            (Phase::Starting, _) | (_, None) => self.say(&gettext("It starts.")),
            _ if tab.facts.network == NetworkMode::None => self.say(&gettext(
                "It was started without a network, and has none until it is started again with one.",
            )),
            (Phase::Running, Some(id)) => self.ask(id),
        }
    }

    fn ask(&self, id: Id) {
        let Some(window) = self.window.borrow().upgrade() else { return };
        let Some(turn) = self.asked.begin() else { return };
        let weak = self.own.clone();
        glib::spawn_future_local(async move {
            let usage = window.bridge.network(id.clone()).await;
            let Some(network) = weak.upgrade().filter(|network| network.asked.end(turn)) else { return };
            // What ended meanwhile is said elsewhere.
            if !network.state.is_sensitive() {
                return;
            }
            match usage {
                Ok(usage) => {
                    network.say("");
                    window.runs.network_is(&id, &usage);
                    network.quiet.set(true);
                    network.fill(&usage);
                    network.quiet.set(false);
                }
                Err(error) => network.say(&message::error(&error)),
            }
        });
    }

    fn fill(&self, usage: &Usage) {
        self.offer(true);
        self.passes.set_active(!usage.cut);
        let moved = gettext("{received} received, {sent} sent")
            .replace("{received}", &message::size(usage.received))
            .replace("{sent}", &message::size(usage.sent));
        let cut = if usage.seen {
            gettext("Nothing passes now. What it tries counts as sent, and is listed as refused.")
        } else {
            gettext("Nothing passes now. What it tries counts as sent.")
        };
        let text = if usage.cut { [cut, moved].join(" ") } else { moved };
        self.passes_row.set_subtitle(&text);
        let base = BASES.iter().position(|base| *base == usage.policy.base);
        self.access.set_selected(base.and_then(|base| u32::try_from(base).ok()).unwrap_or(0));
        let rates = [usage.inbound, usage.outbound];
        for ((row, rate), before) in self.rates.iter().zip(rates).zip(self.held.replace(rates)) {
            // What is being typed stays.
            if rate != before {
                row.set_text(&rate.map(rate_text).unwrap_or_default());
                set_class(row, "error", false);
            }
        }
        self.contacted.show(usage);
        self.refused.show(usage);
    }

    fn offer(&self, visible: bool) {
        for group in [&self.state, &self.contacted.group] {
            group.set_visible(visible);
        }
    }

    fn say(&self, text: &str) {
        self.note.set_label(text);
        // It stands above what there is, or in the middle of nothing.
        let (place, lines) = match self.state.is_visible() {
            true => (0.0, gtk::Justification::Left),
            false => (0.5, gtk::Justification::Center),
        };
        self.note.set_xalign(place);
        self.note.set_justify(lines);
        self.nothing.set_visible(!text.is_empty());
    }
}

pub(super) fn set_class(widget: &impl IsA<gtk::Widget>, class: &str, on: bool) {
    if on {
        widget.add_css_class(class);
    } else {
        widget.remove_css_class(class);
    }
}

/// As it can be read again, whatever the language.
pub(super) fn rate_text(rate: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let whole = units.iter().find(|(_, shift)| rate.trailing_zeros() >= *shift);
    whole.map_or_else(|| rate.to_string(), |(unit, shift)| format!("{} {unit}", rate >> shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_come_back() {
        for (rate, text) in [(1024, "1 KiB"), (10 << 20, "10 MiB"), (3 << 30, "3 GiB"), (1500, "1500")] {
            assert_eq!(rate_text(rate), text);
            assert_eq!(profile::parse_size(text), Some(rate));
        }
    }
}
