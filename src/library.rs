// SPDX-License-Identifier: LGPL-2.1-or-later
//! The profiles as the window knows them: read when the folder changes, by
//! whomever.

use crate::bridge::Bridge;
use gettextrs::{gettext, ngettext};
use gtk::prelude::*;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use terrarium_engine::profile::{store, Fault, FaultKind, Profile};
use terrarium_engine::reach::Seen;
use terrarium_engine::{message, Error};

/// Several changes of the folder that come together are one.
const SETTLE: Duration = Duration::from_millis(150);

/// One file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The file.
    pub path: PathBuf,
    /// What it holds, or why it is no profile that works.
    pub profile: Result<Profile, Broken>,
    /// What the user has been shown of it.
    pub seen: Seen,
}

impl Item {
    /// What the user calls it: the profile's name, or the file's.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.profile {
            Ok(profile) => profile.name.clone(),
            Err(_) => store::stem(&self.path),
        }
    }

    /// The name of its file without the suffix, by which it is remembered.
    #[must_use]
    pub fn stem(&self) -> String {
        store::stem(&self.path)
    }
}

/// A file that is no profile that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Everything that is wrong with it, a line each.
    pub lines: Vec<String>,
    /// The same in some words, without a full stop.
    pub in_short: String,
}

impl Broken {
    /// Why it could not be had.
    #[must_use]
    pub fn new(error: &Error) -> Self {
        let lines = message::lines(error);
        let newer = |fault: &Fault| matches!(fault.what, FaultKind::Newer { .. });
        let in_short = match error {
            Error::Profile { error, .. } if error.faults.iter().any(newer) => {
                gettext("For a newer version of Terrarium")
            }
            Error::Profile { .. } => {
                let count = message::many(lines.len());
                let text = ngettext("{number} mistake in its file", "{number} mistakes in its file", count);
                text.replace("{number}", &count.to_string())
            }
            _ => gettext("Its file cannot be read"),
        };
        Self { lines, in_short }
    }
}

/// All of them.
#[derive(Default)]
pub struct Library {
    items: RefCell<Vec<Item>>,
    changed: RefCell<Vec<Box<dyn Fn()>>>,
    monitor: RefCell<Option<gio::FileMonitor>>,
    settling: Cell<bool>,
    /// Readings that were begun, and the one whose findings are here.
    begun: Cell<u64>,
    found: Cell<u64>,
}

impl Library {
    /// What is there, by name.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        self.items.borrow().clone()
    }

    /// The item of a file.
    #[must_use]
    pub fn of(&self, path: &std::path::Path) -> Option<Item> {
        self.items.borrow().iter().find(|item| item.path == path).cloned()
    }

    /// Whether a profile is one of them, as it is.
    #[must_use]
    pub fn has(&self, profile: &Profile) -> bool {
        self.items.borrow().iter().any(|item| item.profile.as_ref() == Ok(profile))
    }

    /// Calls back whenever something is different.
    pub fn on_change(&self, call: impl Fn() + 'static) {
        self.changed.borrow_mut().push(Box::new(call));
    }

    /// Reads everything anew.
    pub async fn read(&self, bridge: &Bridge) {
        let turn = self.begun.get() + 1;
        self.begun.set(turn);
        let mut items: Vec<Item> = bridge
            .profiles()
            .await
            .into_iter()
            .map(|(entry, seen)| Item {
                path: entry.path,
                profile: entry.profile.map_err(|error| Broken::new(&error)),
                seen,
            })
            .collect();
        // Several read at once; who began earlier knows less.
        if self.found.get() > turn {
            return;
        }
        self.found.set(turn);
        // As people sort: 9 comes before 10.
        items.sort_by_cached_key(|item| {
            let name = item.name().to_lowercase();
            (glib::FilenameCollationKey::from(name.as_str()), item.path.clone())
        });
        if *self.items.borrow() != items {
            self.items.replace(items);
            self.changed.borrow().iter().for_each(|call| call());
        }
    }

    /// Follows the folder from now on.
    pub fn watch(self: &Rc<Self>, bridge: &Bridge) {
        let Some(host) = bridge.host() else { return };
        let folder = gio::File::for_path(host.places.profiles());
        let Ok(monitor) =
            folder.monitor_directory(gio::FileMonitorFlags::WATCH_MOVES, gio::Cancellable::NONE)
        else {
            return;
        };
        let (weak, bridge) = (Rc::downgrade(self), bridge.clone());
        monitor.connect_changed(move |_, _, _, _| {
            let Some(library) = weak.upgrade().filter(|library| !library.settling.replace(true)) else {
                return;
            };
            let bridge = bridge.clone();
            glib::spawn_future_local(async move {
                glib::timeout_future(SETTLE).await;
                library.settling.set(false);
                library.read(&bridge).await;
            });
        });
        self.monitor.replace(Some(monitor));
    }
}
