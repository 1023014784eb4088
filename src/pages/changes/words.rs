// SPDX-License-Identifier: LGPL-2.1-or-later
//! What rows and folders say.

use super::folders::{name, Row};
use super::row::{self, Words};
use super::{decide, ChangesWindow};
use crate::bridge::changes::{Decision, Looking};
use gettextrs::{gettext, ngettext};
use gtk::glib;
use gtk::prelude::*;
use std::collections::BTreeMap;
use terrarium_engine::message;
use terrarium_engine::sandbox::changes::{below, Entry, Kind};
use terrarium_protocol::changes::FileKind;

/// How many changes there are; once some are decided, how many are left.
pub fn title(looking: &Looking) -> String {
    let (left, told) = looking.undecided();
    let all = looking.asked();
    if left == 0 && !looking.is_untouched() {
        return gettext("All Decided");
    }
    let count = if left == told { all } else { left as u64 };
    let many = message::many(count);
    let title = match count == all {
        true => ngettext("{count} Change", "{count} Changes", many),
        false => ngettext("{count} Undecided Change", "{count} Undecided Changes", many),
    };
    let title = title.replace("{count}", &count.to_string());
    match looking.own() {
        0 => title,
        own => [title, of_its_own(own)].join(" · "),
    }
}

/// What programs wrote for themselves.
fn of_its_own(count: usize) -> String {
    let text = ngettext("{count} Setting of Its Own", "{count} Settings of Its Own", message::many(count));
    text.replace("{count}", &count.to_string())
}

impl ChangesWindow {
    /// Fills a row.
    pub(super) fn draw(&self, item: &gtk::ListItem) {
        let Some(about) = item.item().and_downcast::<glib::BoxedAnyObject>() else { return };
        let about = *about.borrow::<Row>();
        row::fill(item, &self.words(about));
    }

    fn words(&self, about: Row) -> Words {
        let all = &self.looking.found.all;
        match about {
            Row::Folder(at) => {
                let folder = &self.folders.all[at];
                let decisions = self.looking.decisions();
                let decided = &decisions[folder.inner.clone()];
                let first = decided.first().copied().flatten();
                let same = first.filter(|_| decided.iter().all(|one| *one == first));
                let end = same.map_or_else(|| row::count(folder.rows), decide::word);
                let name = row::place(&folder.path, self.home.as_deref());
                Words { kind: None, name, sizes: String::new(), end }
            }
            Row::Change(index) => {
                let entry = &all[index];
                let decision = self.looking.decisions()[index];
                Words {
                    kind: Some(self.kind(entry)),
                    name: message::escaped(name(entry.change.path.as_slice())),
                    sizes: [
                        Some(row::facts(entry, self.kind(entry))),
                        self.copy_of(entry),
                        self.inner(index),
                        self.there_as_well(entry, decision),
                    ]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" · "),
                    end: decision.map(decide::word).unwrap_or_default(),
                }
            }
        }
    }

    /// How it differs: what the run had a copy of is new inside, but not to the
    /// user.
    pub(super) fn kind(&self, entry: &Entry) -> Kind {
        match entry.kind() {
            Kind::Added if self.looking.is_edited(entry) => Kind::Modified,
            kind => kind,
        }
    }

    /// The file outside of the home folder that it goes back to.
    pub(super) fn original(&self, entry: &Entry) -> Option<String> {
        let bridge = self.bridge()?;
        let original = self.looking.original(entry, bridge.host()?)?;
        Some(message::escaped(original.as_os_str().as_encoded_bytes()))
    }

    /// That, said beside how it differs.
    pub(super) fn copy_of(&self, entry: &Entry) -> Option<String> {
        self.original(entry).map(|path| message::copy_of(&path))
    }

    /// The sandbox has never seen the one that the user has there.
    fn there_as_well(&self, entry: &Entry, decision: Option<Decision>) -> Option<String> {
        if decision == Some(Decision::Applied) || self.kind(entry) != Kind::Added {
            return None;
        }
        let size = entry.change.after.as_ref().map(|after| after.size);
        let there = self.looking.there_as_well(entry)?;
        Some(if Some(there) == size {
            gettext("you have one of that name")
        } else {
            gettext("you have another one")
        })
    }

    /// What is in a folder that is new, or another.
    fn inner(&self, index: usize) -> Option<String> {
        let all = &self.looking.found.all;
        let entry = &all[index];
        let is_folder = entry.change.after.as_ref().is_some_and(|after| after.kind == FileKind::Folder);
        let inner = below(all, entry.change.path.as_slice());
        (is_folder && !inner.is_empty()).then(|| row::content(all[inner].iter()))
    }

    /// A folder, a link and their like.
    pub(super) fn show_inner(&self, index: usize) {
        match self.inner(index) {
            Some(text) => self.detail.show_folder(&text),
            None => self.detail.show_nothing(&self.looking.found.all[index]),
        }
    }

    /// A folder in which something has changed.
    pub(super) fn show_folder(&self, at: usize) {
        let folder = &self.folders.all[at];
        let inner = &self.looking.found.all[folder.inner.clone()];
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for entry in inner {
            *kinds.entry(message::change_word(self.kind(entry))).or_default() += 1;
        }
        let kinds: Vec<String> = kinds.into_iter().map(|(word, count)| format!("{word}: {count}")).collect();
        let title = row::place(&folder.path, self.home.as_deref());
        let subtitle = match folder.rows == inner.len() {
            true => row::count(inner.len()),
            false => row::count_in_all(inner.len()),
        };
        self.detail.begin_folder(&title, &subtitle);
        self.detail.show_folder(&format!("{}\n{}", kinds.join(" · "), row::content(inner.iter())));
    }
}
