// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whom a sandbox talked to, or tried to: a row each, in the order of the first
//! time, so that nothing jumps under the pointer.

use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::glib;
use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::network::{met, Change, Party, Standing, Usage};
use terrarium_protocol::guard::Contact;

/// What a button wants, and of whom.
type Wish = Rc<dyn Fn(Change, &Contact)>;
/// Address, protocol, port.
type Key = (IpAddr, u8, Option<u16>);

/// A list of them.
pub struct Peers {
    /// Its widget.
    pub group: adw::PreferencesGroup,
    empty: adw::ActionRow,
    rows: RefCell<Vec<(Key, Row)>>,
    refused: bool,
    wish: Wish,
}

struct Row {
    widget: adw::ActionRow,
    button: gtk::Button,
    /// Whether the button allows rather than blocks.
    allows: Rc<Cell<bool>>,
    /// Who it is, as was told last.
    shown: Rc<RefCell<Contact>>,
}

impl Peers {
    /// An empty list.
    pub fn new(group: adw::PreferencesGroup, refused: bool, wish: Wish) -> Self {
        let empty = adw::ActionRow::builder().title_lines(0).build();
        empty.add_css_class("dim-label");
        if !refused {
            group.add(&empty);
        }
        Self { group, empty, rows: RefCell::default(), refused, wish }
    }

    /// Forgets all.
    pub fn clear(&self) {
        for (_, row) in self.rows.take() {
            self.group.remove(&row.widget);
        }
        self.empty.set_visible(true);
        self.group.set_visible(false);
    }

    /// Shows those whom a sandbox met.
    pub fn show(&self, usage: &Usage) {
        let parties = usage.parties();
        // Listed below as refused now, and met all the same.
        let met = parties.iter().any(|one| one.refused && one.connections > 0);
        let empty = match (usage.seen, met) {
            (false, _) => message::nobody_looks(),
            (true, true) => gettext("Nobody that it may reach now"),
            (true, false) => gettext("Nothing contacted yet"),
        };
        if self.empty.title() != empty {
            self.empty.set_title(&empty);
        }
        let of_this = || parties.iter().filter(|one| one.refused == self.refused);
        let mut rows = self.rows.borrow_mut();
        rows.retain(|(key, row)| {
            let stays = of_this().any(|one| key_of(&one.contact) == *key);
            if !stays {
                self.group.remove(&row.widget);
            }
            stays
        });
        for party in of_this() {
            let key = key_of(&party.contact);
            let index = rows.iter().position(|(other, _)| *other == key).unwrap_or_else(|| {
                let row = self.row(&party.contact);
                self.group.add(&row.widget);
                rows.push((key, row));
                rows.len() - 1
            });
            rows[index].1.show(party);
        }
        self.empty.set_visible(rows.is_empty());
        self.group.set_visible(!self.refused || !rows.is_empty());
    }

    fn row(&self, contact: &Contact) -> Row {
        let widget = adw::ActionRow::builder().title_lines(0).subtitle_lines(0).build();
        widget.add_css_class("numeric");
        let button = gtk::Button::builder().valign(gtk::Align::Center).css_classes(["flat"]).build();
        widget.add_suffix(&button);
        let allows = Rc::new(Cell::new(false));
        let shown = Rc::new(RefCell::new(contact.clone()));
        let (wish, entry, way, last) = (self.wish.clone(), met(contact), allows.clone(), shown.clone());
        button.connect_clicked(move |_| {
            let entry = entry.clone();
            let contact = last.borrow().clone();
            wish(if way.get() { Change::Allow(entry) } else { Change::Block(entry) }, &contact);
        });
        Row { widget, button, allows, shown }
    }
}

fn key_of(contact: &Contact) -> Key {
    (contact.peer, contact.protocol, contact.port)
}

/// How often it was talked to, or was refused.
fn count_of(party: &Party) -> Option<String> {
    let number = if party.refused { party.tries } else { party.connections };
    let count = message::many(number);
    let text = if party.refused {
        ngettext("{count} try", "{count} tries", count)
    } else {
        ngettext("{count} connection", "{count} connections", count)
    };
    (number > 0).then(|| text.replace("{count}", &number.to_string()))
}

impl Row {
    fn show(&self, party: &Party) {
        let (contact, standing) = (&party.contact, party.standing);
        let blocked = matches!(standing, Standing::Blocked | Standing::BlockedWithOthers);
        self.shown.replace(contact.clone());
        let (peer, told) = (message::peer(contact), contact.name.as_deref().map(message::shown));
        let name = told.clone().unwrap_or_else(|| peer.clone());
        let name = glib::markup_escape_text(&name).to_string();
        let title = if blocked { format!("<s>{name}</s>") } else { name.clone() };
        let listed = match standing {
            Standing::Blocked => Some(gettext("Blocked by you")),
            Standing::BlockedWithOthers => Some(gettext("Blocked by a wider entry of the list")),
            Standing::Allowed | Standing::Unlisted => None,
        };
        let address = told.map(|_| peer);
        let parts = address.into_iter().chain(listed).chain(count_of(party)).chain(message::before(party));
        let parts = parts.chain(message::moved(contact));
        let subtitle = parts.collect::<Vec<_>>().join(" · ");
        let allows = blocked || party.refused;
        self.allows.set(allows);
        let (label, spoken) = if allows {
            (gettext("Allow"), gettext("Allow {name}"))
        } else {
            (gettext("Block"), gettext("Block {name}"))
        };
        self.button.set_sensitive(standing != Standing::BlockedWithOthers);
        if self.widget.title() != title {
            self.widget.set_title(&title);
        }
        if self.widget.subtitle().as_deref() != Some(&subtitle) {
            self.widget.set_subtitle(&subtitle);
        }
        if self.button.label().as_deref() != Some(&label) {
            self.button.set_label(&label);
            self.button
                .update_property(&[gtk::accessible::Property::Label(&spoken.replace("{name}", &name))]);
        }
    }
}
