// SPDX-License-Identifier: LGPL-2.1-or-later
//! A window as a screen reader knows it: over AT-SPI, from another process.

use gtk::gio::{self, prelude::*};
use gtk::glib::{self, Variant};

const ACCESSIBLE: &str = "org.a11y.atspi.Accessible";
const ACTION: &str = "org.a11y.atspi.Action";
/// So long any program may think about one question, in milliseconds.
const PATIENCE: i32 = 5000;
/// The states' places, as AT-SPI counts them.
const CHECKED: u32 = 4;
const FOCUSED: u32 = 12;
const SENSITIVE: u32 = 24;

/// A connection to the bus of those who help.
pub struct Reader(gio::DBusConnection);

/// Something that is told of.
#[derive(Clone)]
pub struct Part {
    connection: gio::DBusConnection,
    peer: String,
    path: String,
}

impl Reader {
    /// `session`: the address of the session's bus, which knows the other.
    pub fn connect(session: &str) -> Self {
        let session = connect(session);
        let reply = session.call_sync(
            Some("org.a11y.Bus"),
            "/org/a11y/bus",
            "org.a11y.Bus",
            "GetAddress",
            None,
            None,
            gio::DBusCallFlags::NONE,
            30_000,
            gio::Cancellable::NONE,
        );
        let address: (String,) = reply.expect("the bus of those who help").get().expect("an address");
        Self(connect(&address.0))
    }

    /// A program that is there, by its name.
    pub fn program(&self, name: &str) -> Option<Part> {
        let root = self.part("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root");
        root.children().into_iter().find(|one| one.name() == name)
    }

    fn part(&self, peer: &str, path: &str) -> Part {
        Part { connection: self.0.clone(), peer: peer.to_owned(), path: path.to_owned() }
    }
}

fn connect(address: &str) -> gio::DBusConnection {
    let flags =
        gio::DBusConnectionFlags::AUTHENTICATION_CLIENT | gio::DBusConnectionFlags::MESSAGE_BUS_CONNECTION;
    gio::DBusConnection::for_address_sync(address, flags, None, gio::Cancellable::NONE).expect("a bus")
}

impl Part {
    fn call(&self, interface: &str, method: &str, with: Option<&Variant>) -> Option<Variant> {
        let flags = gio::DBusCallFlags::NO_AUTO_START;
        let (peer, none) = (Some(self.peer.as_str()), gio::Cancellable::NONE);
        let answer =
            self.connection.call_sync(peer, &self.path, interface, method, with, None, flags, PATIENCE, none);
        // What has gone meanwhile says nothing more.
        answer.ok()
    }

    fn property(&self, interface: &str, name: &str) -> Option<Variant> {
        let with = (interface, name).to_variant();
        self.call("org.freedesktop.DBus.Properties", "Get", Some(&with))?.child_value(0).as_variant()
    }

    fn word(&self, property: &str) -> String {
        self.property(ACCESSIBLE, property).and_then(|word| word.get()).unwrap_or_default()
    }

    /// What it is called.
    pub fn name(&self) -> String {
        self.word("Name")
    }

    /// What is said beside its name.
    pub fn description(&self) -> String {
        self.word("Description")
    }

    /// What it is: `push button`, …
    pub fn role(&self) -> String {
        let role = self.call(ACCESSIBLE, "GetRoleName", None);
        role.and_then(|role| role.child_value(0).get()).unwrap_or_default()
    }

    /// What is in it.
    pub fn children(&self) -> Vec<Self> {
        let all = self.call(ACCESSIBLE, "GetChildren", None);
        let all =
            all.map(|all| all.child_value(0)).into_iter().flat_map(|all| all.iter().collect::<Vec<_>>());
        let part = |one: Variant| {
            let path: glib::variant::ObjectPath = one.child_value(1).get()?;
            Some(Self {
                connection: self.connection.clone(),
                peer: one.child_value(0).get()?,
                path: path.to_string(),
            })
        };
        all.filter_map(part).collect()
    }

    fn has_state(&self, state: u32) -> bool {
        let all =
            self.call(ACCESSIBLE, "GetState", None).and_then(|all| all.child_value(0).get::<Vec<u32>>());
        let word = all.and_then(|all| all.get(state as usize / 32).copied());
        word.is_some_and(|word| word & (1 << (state % 32)) != 0)
    }

    /// Whether it can be used.
    pub fn is_sensitive(&self) -> bool {
        self.has_state(SENSITIVE)
    }

    /// Whether it is chosen.
    pub fn is_checked(&self) -> bool {
        self.has_state(CHECKED)
    }

    /// Whether it has the keyboard.
    pub fn is_focused(&self) -> bool {
        self.has_state(FOCUSED)
    }

    /// What can be done with it.
    pub fn actions(&self) -> Vec<String> {
        let count = self.property(ACTION, "NActions").and_then(|count| count.get::<i32>()).unwrap_or(0);
        let name = |at: i32| {
            let name = self.call(ACTION, "GetName", Some(&(at,).to_variant()))?;
            name.child_value(0).get::<String>()
        };
        (0..count).filter_map(name).collect()
    }

    /// Does the first of that.
    pub fn act(&self) -> bool {
        self.act_at(0)
    }

    /// Does what is called so.
    pub fn act_by(&self, name: &str) -> bool {
        self.actions().iter().position(|one| one == name).is_some_and(|at| self.act_at(at))
    }

    fn act_at(&self, at: usize) -> bool {
        let at = i32::try_from(at).unwrap_or(i32::MAX);
        let done = self.call(ACTION, "DoAction", Some(&(at,).to_variant()));
        done.and_then(|done| done.child_value(0).get()).unwrap_or(false)
    }

    /// The first one, from the outside in, that is it.
    pub fn find(&self, is_it: &dyn Fn(&Self) -> bool) -> Option<Self> {
        if is_it(self) {
            return Some(self.clone());
        }
        self.children().into_iter().find_map(|one| one.find(is_it))
    }

    /// The first one of a kind that is called so.
    pub fn named(&self, role: &str, name: &str) -> Option<Self> {
        self.find(&|one| one.name() == name && one.role() == role)
    }

    /// A button. GTK 4.8 tells a word with its access key, and then without.
    pub fn button(&self, name: &str) -> Option<Self> {
        let is_called = |all: &str| {
            all == name
                || all.strip_suffix(name).is_some_and(|rest| rest.replace('_', "") == format!("{name} "))
        };
        self.find(&|one| is_called(&one.name()) && one.role() == "button")
    }

    /// Whether a label says so.
    pub fn says(&self, text: &str) -> bool {
        self.find(&|one| one.role() == "label" && one.name().contains(text)).is_some()
    }

    /// All of it, a line each.
    pub fn describe(&self) -> String {
        let inner = self.children().iter().map(Self::describe).collect::<String>().replace('\n', "\n ");
        format!("{} “{}” “{}”\n {}", self.role(), self.name(), self.description(), inner.trim_end())
    }
}
