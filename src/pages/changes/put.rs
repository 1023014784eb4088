// SPDX-License-Identifier: LGPL-2.1-or-later
//! Changes are put to their real places, or copied into a folder.

use super::folders::{self, Row};
use super::ChangesWindow;
use crate::bridge::changes::{Chosen, Decision, Put, To};
use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::glib;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use terrarium_engine::sandbox::changes::Entry;
use terrarium_engine::{message, Error};
use terrarium_protocol::changes::FileKind;
use terrarium_protocol::Bytes;

/// How many files a question names.
const NAMED: usize = 5;

/// Whether a change can be put somewhere. What was in folders of them is told
/// when it was left out.
fn can_be_put(entry: &Entry, copy: bool) -> bool {
    match &entry.change.after {
        Some(after) => matches!(after.kind, FileKind::File | FileKind::Folder),
        None => !copy && entry.change.before.is_some(),
    }
}

pub(super) fn counted(text: &str, count: usize) -> String {
    text.replace("{count}", &count.to_string())
}

fn some_left_out(count: usize) -> String {
    let text = ngettext(
        "{count} was left out: it is neither a file nor a folder.",
        "{count} were left out: they are neither files nor folders.",
        message::many(count),
    );
    counted(&text, count)
}

fn some_failed(count: usize) -> String {
    counted(
        &ngettext("{count} failed, the first:", "{count} failed, the first:", message::many(count)),
        count,
    )
}

fn some_changed(count: usize) -> String {
    let text = ngettext(
        "{count} was changed just now and was not applied. Apply it again.",
        "{count} were changed just now and were not applied. Apply them again.",
        message::many(count),
    );
    counted(&text, count)
}

/// Whether it was left out, or something that it lies in.
pub(super) fn is_left(path: &Path, leave: &HashSet<Bytes>) -> bool {
    path.ancestors().any(|path| leave.contains(&Bytes::from(path.as_os_str().as_bytes())))
}

pub(super) fn some_names(count: usize, names: impl Iterator<Item = String>) -> String {
    let mut named: Vec<String> = names.take(NAMED).collect();
    if count > NAMED {
        named.push("…".into());
    }
    named.join("\n")
}

impl ChangesWindow {
    /// What a row is about, as it can be put somewhere: folders with all in
    /// them. `copy`: of what is not there no copy can be made.
    pub(super) fn to_put(&self, row: Row, copy: bool) -> Vec<Chosen> {
        let all = &self.looking.found.all;
        let under = match row {
            Row::Change(_) => None,
            Row::Folder(at) => {
                let path = &self.folders.all[at].path;
                let is_home =
                    self.home.as_ref().is_some_and(|home| home.as_os_str().as_bytes() == path.as_slice());
                let above = if is_home { path } else { folders::above(path) };
                Some(PathBuf::from(OsStr::from_bytes(above)))
            }
        };
        let fits = |index: &usize| can_be_put(&all[*index], copy);
        let tops = folders::tops(all, &self.of_row(row));
        tops.into_iter().filter(fits).map(|index| Chosen { index, under: under.clone() }).collect()
    }

    /// Everything that a copy can be made of: what lies in the home folder as
    /// it lies there, all else by its whole path.
    fn all_to_copy(&self) -> Vec<Chosen> {
        let all = &self.looking.found.all;
        let under = |entry: &Entry| {
            let home = self
                .home
                .as_ref()
                .filter(|home| entry.path().starts_with(home) && entry.path() != home.as_path());
            Some(home.cloned().unwrap_or_else(|| "/".into()))
        };
        let tops = folders::tops(all, &(0..all.len()).collect::<Vec<_>>());
        let fits = |index: &usize| can_be_put(&all[*index], true);
        tops.into_iter().filter(fits).map(|index| Chosen { index, under: under(&all[index]) }).collect()
    }

    /// Puts changes to their real places, or somewhere else.
    pub(super) fn put(self: &Rc<Self>, chosen: Vec<Chosen>, to: To) {
        let Some(bridge) = self.bridge() else { return };
        let (page, all) = (self.clone(), chosen.clone());
        let work = self.progress.begin(chosen.iter().map(|one| self.size_of(one.index)).sum());
        glib::spawn_future_local(async move {
            let put = bridge.apply(page.looking.clone(), chosen, to.clone(), &work).await;
            page.progress.end();
            page.is_put(&put, &to);
            if !put.done.is_empty() {
                // That it could not be noted is no reason to take it back.
                let _ = bridge.note_decisions(page.looking.clone()).await;
            }
            page.tell_what_stayed(&put);
            match to {
                _ if put.changed.is_empty() => {}
                To::Folder { folder, .. } => {
                    let taken = all.into_iter().filter(|one| put.changed.contains(&one.index));
                    page.ask_to_overwrite(taken.collect(), folder);
                }
                // It was asked about all that could be asked about.
                _ => page.toast(&some_changed(put.changed.len())),
            }
        });
    }

    /// Notes what is there now.
    fn is_put(&self, put: &Put, to: &To) {
        let mut done: Vec<usize> = put.done.iter().flat_map(|index| self.with_inner(*index)).collect();
        let To::Home(said) = to else {
            self.decide(&done, Decision::Copied);
            return self.may_decide_again();
        };
        let all = &self.looking.found.all;
        done.retain(|index| !is_left(all[*index].path(), &said.leave));
        let replaced: Vec<usize> =
            done.iter().copied().filter(|index| said.asked.contains(&all[*index].change.path)).collect();
        let has_replaced = !replaced.is_empty() && !put.replaced.is_empty();
        self.replaced.borrow_mut().extend(replaced);
        let is_fresh = |index: &usize| !put.replaced.contains(index) && self.with_inner(*index).len() == 1;
        self.fresh.borrow_mut().extend(put.done.iter().copied().filter(is_fresh));
        self.decide(&done, Decision::Applied);
        self.may_decide_again();
        // Where it is said beside what was applied, nothing covers that.
        if has_replaced && !self.outside.is_visible() {
            self.toast(&gettext("Applied. What was there is in the trash."));
        }
    }

    fn may_decide_again(&self) {
        if let Some(row) = self.selected() {
            self.may_decide(row);
        }
    }

    /// Says what was left out, and what went wrong.
    fn tell_what_stayed(&self, put: &Put) {
        match put.left.as_slice() {
            [] => {}
            [one] => self.toast(&message::left_out(one.as_slice())),
            more => self.toast(&some_left_out(more.len())),
        }
        match &put.error {
            None | Some(Error::Cancelled) => {}
            Some(error) if put.failed == 1 => self.toast(&message::error(error)),
            Some(error) => self.toast(&format!("{} {}", some_failed(put.failed), message::error(error))),
        }
    }

    /// Copies have the names of something that is in their folder.
    fn ask_to_overwrite(self: &Rc<Self>, taken: Vec<Chosen>, folder: PathBuf) {
        let all = &self.looking.found.all;
        let name = |one: &Chosen| message::escaped(folders::name(all[one.index].change.path.as_slice()));
        let title = ngettext("Replace {count} File?", "Replace {count} Files?", message::many(taken.len()));
        let text = gettext("The folder has files of these names already. They go to the trash.");
        let text = format!("{text}\n{}", some_names(taken.len(), taken.iter().map(name)));
        self.ask_to_replace(&counted(&title, taken.len()), &text, &gettext("_Replace"), move |page| {
            page.put(taken.clone(), To::Folder { folder: folder.clone(), replace: true });
        });
    }

    /// A question before something of the user's goes to the trash.
    pub(super) fn ask_to_replace(
        self: &Rc<Self>,
        title: &str,
        text: &str,
        does: &str,
        then: impl Fn(&Rc<Self>) + 'static,
    ) {
        let dialog = self.question(title, text, &[("cancel", &gettext("_Cancel")), ("replace", does)]);
        dialog.set_response_appearance("replace", adw::ResponseAppearance::Destructive);
        let weak = Rc::downgrade(self);
        dialog.connect_response(Some("replace"), move |_, _| weak.upgrade().iter().for_each(&then));
        dialog.present();
    }

    /// Bytes of an entry, with all in it.
    fn size_of(&self, index: usize) -> u64 {
        let of = |at: &usize| self.looking.found.all[*at].change.after.as_ref();
        let files = self.with_inner(index);
        let sizes = files.iter().filter_map(of).filter(|after| after.kind == FileKind::File);
        sizes.fold(0, |sum, after| sum.saturating_add(after.size))
    }

    /// The one file that a copy would be made of, if it is one.
    fn one_file(&self) -> Option<&Entry> {
        let Row::Change(index) = self.selected()? else { return None };
        let entry = self.looking.found.all.get(index)?;
        entry.change.after.as_ref().filter(|after| after.kind == FileKind::File).map(|_| entry)
    }

    /// Asks where to, and saves what is chosen there, or all: one file under a
    /// name, else into a folder.
    pub(super) fn copy(self: &Rc<Self>, all: bool) {
        let name = self.one_file().filter(|_| !all).and_then(|one| one.path().file_name());
        let name = name.map(|name| message::shown(&name.to_string_lossy()));
        let action = match name {
            Some(_) => gtk::FileChooserAction::Save,
            None => gtk::FileChooserAction::SelectFolder,
        };
        let chooser = gtk::FileChooserNative::new(
            Some(&if all { gettext("Save All Changes") } else { gettext("Save a Copy") }),
            Some(&self.widget),
            action,
            Some(&gettext("_Save")),
            Some(&gettext("_Cancel")),
        );
        chooser.set_modal(true);
        if let Some(name) = &name {
            chooser.set_current_name(name);
        }
        let page = self.clone();
        glib::spawn_future_local(async move {
            if chooser.run_future().await != gtk::ResponseType::Accept {
                return;
            }
            let Some(path) = chooser.file().and_then(|file| file.path()) else { return };
            let path = path.as_os_str().as_bytes();
            let _ = match name {
                Some(_) => {
                    WidgetExt::activate_action(&page.widget, "changes.save-as", Some(&path.to_variant()))
                }
                None => {
                    let what = (path, all).to_variant();
                    WidgetExt::activate_action(&page.widget, "changes.save-into", Some(&what))
                }
            };
        });
    }

    /// Saves the file that is chosen.
    pub(super) fn save_as(self: &Rc<Self>, file: PathBuf) {
        if let Some(row) = self.selected().filter(|_| self.one_file().is_some()) {
            self.put(self.to_put(row, true), To::File(file));
        }
    }

    /// Saves what is chosen, or all, into a folder.
    pub(super) fn save_into(self: &Rc<Self>, folder: PathBuf, all: bool) {
        let chosen = match self.selected() {
            _ if all => self.all_to_copy(),
            Some(row) => self.to_put(row, true),
            None => return,
        };
        self.put(chosen, To::Folder { folder, replace: false });
    }
}
