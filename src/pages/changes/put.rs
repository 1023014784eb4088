// SPDX-License-Identifier: LGPL-2.1-or-later
//! Changes are put to their real places, or copied into a folder.

use super::folders::{self, Row};
use super::{row, ChangesWindow};
use crate::bridge::changes::{Chosen, Decision, Put, To};
use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::glib;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::rc::Rc;
use terrarium_engine::sandbox::changes::{self, Entry};
use terrarium_engine::{message, plan, Error};
use terrarium_protocol::changes::FileKind;

/// How many files a question names.
const NAMED: usize = 5;

/// What a sandbox knew of a file that is there already.
enum Saw {
    /// A copy, and the file is as it was then.
    ACopy,
    /// Nothing.
    Nothing,
    /// A copy, or the file itself, which is another than when the run began.
    Another,
}

/// Whether a change can be put somewhere. What was in folders of them is told
/// when it was left out.
fn can_be_put(entry: &Entry, copy: bool) -> bool {
    match &entry.change.after {
        Some(after) => matches!(after.kind, FileKind::File | FileKind::Folder),
        None => !copy && entry.change.before.is_some(),
    }
}

fn counted(text: &str, count: usize) -> String {
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

/// A question about several files.
fn many_changed(count: usize, names: impl Iterator<Item = String>) -> (String, String) {
    let title = ngettext("Replace {count} File?", "Replace {count} Files?", message::many(count));
    let text = gettext("The real ones are others than when the run began, or the sandbox has never seen them. They go to the trash.");
    (counted(&title, count), format!("{text}\n{}", some_names(count, names)))
}

fn some_names(count: usize, names: impl Iterator<Item = String>) -> String {
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

    pub(super) fn apply(self: &Rc<Self>) {
        let chosen = self.selected().map(|row| self.to_put(row, false));
        self.put(chosen.unwrap_or_default(), To::Home { replace: false });
    }

    /// Puts changes to their real places, or somewhere else.
    fn put(self: &Rc<Self>, chosen: Vec<Chosen>, to: To) {
        let Some(bridge) = self.bridge() else { return };
        let (page, copies) = (self.clone(), matches!(to, To::Folder { .. } | To::File(_)));
        let replaces = matches!(to, To::Home { replace: true });
        let (folder, all) = match &to {
            To::Folder { folder, .. } => (Some(folder.clone()), chosen.clone()),
            _ => (None, Vec::new()),
        };
        let work = self.progress.begin(chosen.iter().map(|one| self.size_of(one.index)).sum());
        glib::spawn_future_local(async move {
            let put = bridge.apply(page.looking.clone(), chosen, to, &work).await;
            page.progress.end();
            let done: Vec<usize> = put.done.iter().flat_map(|index| page.with_inner(*index)).collect();
            if replaces {
                page.replaced.borrow_mut().extend(&done);
            }
            page.decide(&done, if copies { Decision::Copied } else { Decision::Applied });
            if let Some(row) = page.selected() {
                page.may_decide(row);
            }
            if replaces && !put.done.is_empty() {
                page.toast(&gettext("Applied. What was there is in the trash."));
            }
            page.tell_what_stayed(&put);
            match folder {
                _ if put.changed.is_empty() => {}
                Some(folder) => {
                    let taken = all.into_iter().filter(|one| put.changed.contains(&one.index));
                    page.ask_to_overwrite(taken.collect(), folder);
                }
                None => page.replace_or_ask(put.changed).await,
            }
        });
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
    fn ask_to_replace(
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

    /// A file that was opened to be edited, and is as it was then, is
    /// replaced: that is what was asked for. Else the sandbox saw no copy of
    /// it, or one that is another by now.
    async fn replace_or_ask(self: &Rc<Self>, changed: Vec<usize>) {
        let all = &self.looking.found.all;
        let (title, text) = match changed.as_slice() {
            [one] if all[*one].change.after.is_none() => (
                gettext("Delete Your File?"),
                gettext("The real one is another than when the run began. It goes to the trash."),
            ),
            [one] => {
                let text = match self.saw(*one).await {
                    Saw::ACopy => return self.replace(&changed),
                    Saw::Nothing => gettext("You have a file of that name already. It goes to the trash."),
                    Saw::Another => {
                        gettext("The real one is another than when the run began. It goes to the trash.")
                    }
                };
                (gettext("Replace Your File?"), text)
            }
            more => many_changed(
                more.len(),
                more.iter().map(|index| row::place(all[*index].change.path.as_slice(), self.home.as_deref())),
            ),
        };
        let is_gone = matches!(changed.as_slice(), [one] if all[*one].change.after.is_none());
        let does = if is_gone { gettext("_Move to Trash") } else { gettext("_Replace") };
        self.ask_to_replace(&title, &text, &does, move |page| page.replace(&changed));
    }

    fn replace(self: &Rc<Self>, changed: &[usize]) {
        let chosen = changed.iter().map(|&index| Chosen { index, under: None }).collect();
        self.put(chosen, To::Home { replace: true });
    }

    /// What the sandbox knew of the real file.
    async fn saw(&self, index: usize) -> Saw {
        let entry = self.looking.found.all.get(index);
        let (Some(entry), Some(bridge)) = (entry, self.bridge()) else { return Saw::Another };
        let Some(host) = bridge.host() else { return Saw::Another };
        let tag = &self.looking.layer.tag;
        let real = changes::real_place(entry, tag, &host.user.home, &plan::home(host));
        let is_copy = entry.change.before.is_none() && changes::is_copy(entry, tag, &real);
        if entry.change.before.is_none() && !is_copy {
            return Saw::Nothing;
        }
        // Its time can be set back; when that was done cannot.
        let ask = move || std::fs::symlink_metadata(real).ok().map(|about| about.mtime().max(about.ctime()));
        let changed = bridge.look_at(ask).await.flatten();
        let began = i64::try_from(tag.started).unwrap_or(0);
        match changed {
            Some(changed) if is_copy && changed < began => Saw::ACopy,
            _ => Saw::Another,
        }
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
