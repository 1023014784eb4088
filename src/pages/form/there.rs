// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the plan, which reads no files, cannot know: whether what the form
//! names is there, and whether the command is given a file that it would not
//! find.

use super::field::say;
use super::Form;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use terrarium_engine::message::{self, tilde};
use terrarium_engine::profile::{Home, MountKind, Profile};

/// What was found last.
pub struct There {
    /// Shares what the command is given.
    pub share: gtk::Button,
    not_shared: RefCell<Option<PathBuf>>,
    turn: Cell<u64>,
}

/// What is to be looked at, and then what was found.
#[derive(Default)]
struct Names {
    sources: BTreeSet<PathBuf>,
    arguments: Vec<PathBuf>,
}

impl There {
    /// Of the form that was built.
    pub fn new(builder: &gtk::Builder) -> Self {
        Self {
            share: crate::pages::object(builder, "share-argument"),
            not_shared: RefCell::default(),
            turn: Cell::new(0),
        }
    }
}

impl Names {
    fn of(profile: &Profile, home: &Path) -> Self {
        let files = &profile.files;
        let mounts = files.mounts.iter().filter(|mount| is_on_host(mount.kind)).map(|mount| &mount.source);
        let copies = files.include.iter().map(|copy| &copy.source);
        let disks = files.disks.iter().map(|disk| &disk.source);
        let all = mounts.chain(copies).chain(disks).filter(|source| source.is_absolute());
        Self { sources: all.cloned().collect(), arguments: not_shared(profile, home) }
    }

    /// Only what is missing, and what is there and not shared. May block.
    fn look(mut self) -> Self {
        self.sources.retain(|source| is_missing(source));
        self.arguments.retain(|path| path.is_file() || path.is_dir());
        self
    }
}

/// What may not be looked at may well be there.
fn is_missing(path: &Path) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    std::fs::symlink_metadata(path).is_err_and(|error| matches!(error.kind(), NotFound | NotADirectory))
}

/// Whether its source is a path of this computer.
pub fn is_on_host(kind: MountKind) -> bool {
    matches!(kind, MountKind::HostBind | MountKind::HostImage)
}

/// Arguments that are paths in the user's home folder, which the sandbox does
/// not see.
fn not_shared(profile: &Profile, home: &Path) -> Vec<PathBuf> {
    if profile.files.home == Home::Readonly || home.parent().is_none() {
        return Vec::new();
    }
    let files = &profile.files;
    let targets = files.mounts.iter().map(|mount| &mount.target);
    let targets: Vec<&PathBuf> = targets.chain(files.include.iter().map(|copy| &copy.target)).collect();
    let words = profile.command.argv.iter().skip(1).map(PathBuf::from);
    let is_hidden = |path: &PathBuf| {
        path.starts_with(home) && path != home && !targets.iter().any(|target| path.starts_with(target))
    };
    words.filter(is_hidden).collect()
}

impl Form {
    pub(super) fn connect_there(self: &Rc<Self>, window: &Rc<Window>) {
        let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        self.there.share.connect_clicked(move |_| {
            let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) else { return };
            if let Some(path) = form.there.not_shared.take() {
                form.take_path(&path);
                form.look(&window);
                form.focus();
            }
        });
        // Whoever comes back may have made what was missing.
        let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        window.widget.connect_is_active_notify(move |widget| {
            let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) else { return };
            if widget.is_active() && window.shows("form") && form.folders.lacks_any() {
                form.look_there(&window, &form.profile());
            }
        });
    }

    /// Looks, and says what comes of it when it is known.
    pub(super) fn look_there(&self, window: &Rc<Window>, profile: &Profile) {
        let (Some(host), Some(form)) = (window.bridge.host(), window.known_form()) else { return };
        let turn = self.there.turn.get() + 1;
        self.there.turn.set(turn);
        let (names, bridge) = (Names::of(profile, &host.user.home), window.bridge.clone());
        if names.sources.is_empty() && names.arguments.is_empty() {
            self.there.not_shared.take();
            return;
        }
        let weak = Rc::downgrade(window);
        glib::spawn_future_local(async move {
            let Some(found) = bridge.look_at(move || names.look()).await else { return };
            if form.there.turn.get() != turn {
                return;
            }
            form.there.not_shared.replace(found.arguments.into_iter().next());
            if let (true, Some(window)) = (form.folders.show_missing(found.sources), weak.upgrade()) {
                form.look(&window);
            }
            if !form.message.is_visible() || form.there.share.is_visible() {
                form.say_what_is_not_shared(&form.message);
            }
        });
    }

    /// Below the command, where nothing worse is to be said.
    pub(super) fn say_what_is_not_shared(&self, row: &adw::ActionRow) {
        let home = self.folders.home();
        let path = self.there.not_shared.borrow().clone();
        let path = path.filter(|path| not_shared(&self.profile(), &home).contains(path));
        let text = path.as_ref().map(|path| {
            let text = gettext("{path} is not shared: the command would not find it.");
            text.replace("{path}", &message::shown(&tilde(path, &home)))
        });
        self.there.share.set_visible(text.is_some());
        say(row, text.as_deref(), false);
    }
}
