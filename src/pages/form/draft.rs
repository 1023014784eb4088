// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is typed and not saved is kept, for the window that comes after a
//! crash.

use super::Form;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use terrarium_engine::profile::{parse, write, Profile};

/// It is written this long after the last key.
const AFTER: Duration = Duration::from_millis(600);

/// Whether one is about to be written.
#[derive(Default)]
pub struct Draft {
    /// How often something was changed.
    changes: Cell<u64>,
    /// What waits until its profile is opened again, the oldest first.
    pub(super) aside: RefCell<Vec<Kept>>,
}

/// What is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    /// The profile's file, if it has one.
    pub(super) file: Option<PathBuf>,
    /// The command as it was typed, half a quote included.
    command: String,
    /// The name as it was typed; empty if it is made from the command.
    pub(super) name: String,
    /// All the rest.
    profile: String,
}

impl Form {
    /// Keeps what is typed, a moment later.
    pub(super) fn keep_draft(self: &Rc<Self>, window: &Rc<Window>) {
        let count = self.draft.changes.get() + 1;
        self.draft.changes.set(count);
        let (weak, bridge) = (Rc::downgrade(self), window.bridge.clone());
        glib::spawn_future_local(async move {
            glib::timeout_future(AFTER).await;
            let text = match weak.upgrade().filter(|form| form.draft.changes.get() == count) {
                Some(form) => form.draft_text(),
                None => return,
            };
            let _ = bridge.keep_draft(text).await;
        });
    }

    /// Nothing is left that could be lost.
    pub(super) fn drop_draft(&self, window: &Rc<Window>) {
        self.draft.changes.set(self.draft.changes.get() + 1);
        let (bridge, text) = (window.bridge.clone(), self.draft_text());
        glib::spawn_future_local(async move { drop(bridge.keep_draft(text).await) });
    }

    /// A line for all that is not saved; what the form says is the last.
    fn draft_text(&self) -> Option<String> {
        let aside = self.draft.aside.borrow();
        let now = self.kept();
        let lines: Vec<String> =
            aside.iter().chain(&now).filter_map(|kept| serde_json::to_string(kept).ok()).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// What the form says, if that is not saved.
    pub(super) fn kept(&self) -> Option<Kept> {
        let mut profile = self.typed();
        if profile.command.argv.is_empty() {
            // A file has to have one; the text itself is kept beside it.
            profile.command.argv = vec!["".into()];
        }
        let kept = Kept {
            file: self.item.borrow().as_ref().map(|item| item.path.clone()),
            command: self.command.text().into(),
            name: self.title.typed(),
            profile: write(&profile).ok()?,
        };
        self.is_changed().then_some(kept)
    }

    /// Shows what was typed, against how it was `before` that.
    pub(super) fn show_kept(self: &Rc<Self>, window: &Rc<Window>, kept: &Kept, before: Profile) {
        let Ok(profile) = parse(&kept.profile) else { return };
        let item = kept.file.as_ref().and_then(|file| window.library.of(file));
        self.fill(window, &profile, item.as_ref());
        self.saved.replace(before);
        self.signal.quietly(|| {
            self.command.set_text(&kept.command);
            self.title.set_name(&kept.name);
        });
        self.accept();
        self.look(window);
    }

    /// Shows what was typed before the last window went without being asked.
    pub fn read_draft(self: &Rc<Self>, window: &Rc<Window>) {
        let (form, window) = (self.clone(), window.clone());
        glib::spawn_future_local(async move {
            let Some(text) = window.bridge.draft().await else { return };
            let mut all: Vec<Kept> =
                text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            let Some(kept) = all.pop() else { return };
            let untouched = form.command.text().is_empty() && form.item.borrow().is_none();
            if !untouched {
                return;
            }
            window.library.read(&window.bridge).await;
            form.draft.aside.replace(all);
            let item = kept.file.as_ref().and_then(|file| window.library.of(file));
            let before = item.as_ref().and_then(|item| item.profile.clone().ok());
            let before = before.unwrap_or_else(|| form.typed());
            form.show_kept(&window, &kept, before);
            let weak = Rc::downgrade(&window);
            window.offer(&gettext("What you typed last is still here"), &gettext("_Show"), move || {
                if let Some(window) = weak.upgrade() {
                    window.show_form();
                }
            });
        });
    }
}
