// SPDX-License-Identifier: LGPL-2.1-or-later
//! What becomes of changes: applied, copied, kept, thrown away.
//!
//! Applying and copying happen at once. What is kept or thrown away is noted,
//! so that it can be taken back, and done when the window is left.

use super::ChangesWindow;
use crate::bridge::changes::Decision;
use crate::bridge::Bridge;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gio, glib};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::rc::Rc;
use terrarium_engine::error::{LayerError, NotApplied};
use terrarium_engine::sandbox::changes::{self, Entry};
use terrarium_engine::{message, plan, Error};
use terrarium_protocol::changes::FileKind;

/// Every action on one entry.
const OF_ONE: [&str; 4] = ["apply", "copy", "keep-one", "forget"];

/// What a sandbox knew of a file that is there already.
enum Saw {
    /// A copy, and the file is as it was then.
    ACopy,
    /// Nothing, and the file is as it was then.
    Nothing,
    /// The file is another than when the run began.
    Another,
}

/// A decision in a word.
pub fn word(decision: Decision) -> String {
    match decision {
        Decision::Applied => gettext("Applied"),
        Decision::Copied => gettext("Copied"),
        Decision::Kept => gettext("Kept"),
        Decision::Discarded => gettext("Discarded"),
    }
}

impl ChangesWindow {
    pub(super) fn add_actions(self: &Rc<Self>) {
        let group = gio::SimpleActionGroup::new();
        let on = |name: &str, run: fn(&Rc<Self>)| {
            let (action, weak) = (gio::SimpleAction::new(name, None), Rc::downgrade(self));
            action.connect_activate(move |_, _| {
                if let Some(page) = weak.upgrade() {
                    run(&page);
                }
            });
            group.add_action(&action);
        };
        on("apply", |page| page.apply(None, false));
        on("copy", Self::copy);
        on("forget", |page| page.note(Decision::Discarded));
        on("keep-one", |page| page.note(Decision::Kept));
        on("keep", Self::keep);
        on("discard", Self::ask_to_discard);
        self.widget.insert_action_group("changes", Some(&group));
        self.may_nothing();
    }

    /// There is nothing to decide about.
    pub(super) fn may_nothing(&self) {
        OF_ONE.iter().for_each(|name| self.enable(name, false));
        self.outside.set_visible(false);
    }

    pub(super) fn bridge(&self) -> Option<Bridge> {
        self.window.upgrade().map(|window| window.bridge.clone())
    }

    fn enable(&self, name: &str, may: bool) {
        self.widget.action_set_enabled(&format!("changes.{name}"), may);
    }

    /// What can be done with the entry that is seen.
    pub(super) fn may_apply(&self, entry: &Entry) {
        let there = entry.change.after.is_some();
        let inside = self.home.as_ref().is_some_and(|home| entry.path().starts_with(home));
        let may_choose = !self.looking.found.totals.partial;
        for (name, may) in OF_ONE.into_iter().zip([there && inside, there, may_choose, true]) {
            self.enable(name, may);
        }
        self.outside.set_visible(!(there && inside));
    }

    /// Puts the selected one to its real place, or into `to`.
    fn apply(self: &Rc<Self>, to: Option<PathBuf>, replace: bool) {
        let (Some(index), Some(bridge)) = (self.selected(), self.bridge()) else { return };
        let Some(entry) = self.looking.found.all.get(index).cloned() else { return };
        let (page, copies) = (self.clone(), to.is_some());
        let work = self.progress.begin(self.size_of(index));
        glib::spawn_future_local(async move {
            let done = bridge.apply(page.looking.clone(), entry, to, replace, &work).await;
            page.progress.end();
            match done {
                Ok(applied) => {
                    if replace {
                        page.toast(&gettext("Applied. The file as it was is in the trash."));
                    }
                    page.decide(index, Some(if copies { Decision::Copied } else { Decision::Applied }));
                    for left in &applied.left {
                        page.toast(&message::left_out(left.as_slice()));
                    }
                }
                Err(Error::Layer(LayerError::NotApplied { why: NotApplied::Changed, .. })) if !copies => {
                    page.replace_or_ask().await;
                }
                Err(Error::Cancelled) => {}
                Err(error) => page.toast(&message::error(&error)),
            }
        });
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
    async fn replace_or_ask(self: &Rc<Self>) {
        let text = match self.saw_this_one().await {
            Saw::ACopy => return self.apply(None, true),
            Saw::Nothing => gettext("The sandbox made one of the same name. Yours goes to the trash."),
            Saw::Another => gettext("The real one is another than when the run began. It goes to the trash."),
        };
        let dialog = self.question(
            &gettext("Replace Your File?"),
            &text,
            &[("cancel", &gettext("_Cancel")), ("replace", &gettext("_Replace"))],
        );
        dialog.set_response_appearance("replace", adw::ResponseAppearance::Destructive);
        let weak = Rc::downgrade(self);
        dialog.connect_response(Some("replace"), move |_, _| {
            if let Some(page) = weak.upgrade() {
                page.apply(None, true);
            }
        });
        dialog.present();
    }

    /// A question; closing it is the first answer.
    pub(super) fn question(&self, title: &str, text: &str, answers: &[(&str, &str)]) -> adw::MessageDialog {
        let dialog = adw::MessageDialog::new(Some(&self.widget), Some(title), Some(text));
        dialog.add_responses(answers);
        if let Some((first, _)) = answers.first() {
            dialog.set_close_response(first);
        }
        dialog
    }

    /// What the sandbox knew of the real file of the selected one.
    async fn saw_this_one(&self) -> Saw {
        let entry = self.selected().and_then(|index| self.looking.found.all.get(index));
        let (Some(entry), Some(bridge)) = (entry, self.bridge()) else { return Saw::Another };
        let Some(host) = bridge.host() else { return Saw::Another };
        let tag = &self.looking.layer.tag;
        let real = changes::real_place(entry, tag, &host.user.home, &plan::home(host));
        let is_copy = tag.copies.iter().any(|(from, to)| *from == real && to == entry.path());
        // Its time can be set back; when that was done cannot.
        let ask = move || std::fs::symlink_metadata(real).ok().map(|about| about.mtime().max(about.ctime()));
        let changed = bridge.look_at(ask).await.flatten();
        let began = i64::try_from(tag.started).unwrap_or(0);
        match changed {
            Some(changed) if entry.change.before.is_none() && changed < began => {
                if is_copy {
                    Saw::ACopy
                } else {
                    Saw::Nothing
                }
            }
            _ => Saw::Another,
        }
    }

    fn copy(self: &Rc<Self>) {
        let chooser = gtk::FileChooserNative::new(
            Some(&gettext("Save a Copy")),
            Some(&self.widget),
            gtk::FileChooserAction::SelectFolder,
            Some(&gettext("_Save")),
            Some(&gettext("_Cancel")),
        );
        let page = self.clone();
        glib::spawn_future_local(async move {
            if chooser.run_future().await == gtk::ResponseType::Accept {
                if let Some(folder) = chooser.file().and_then(|file| file.path()) {
                    page.apply(Some(folder), false);
                }
            }
        });
    }

    /// Notes what is to become of the selected one, and says how to take that
    /// back.
    fn note(self: &Rc<Self>, decision: Decision) {
        let Some(index) = self.selected() else { return };
        let before = self.decide(index, Some(decision));
        let toast = adw::Toast::builder().title(word(decision)).button_label(gettext("_Undo")).build();
        let weak = Rc::downgrade(self);
        toast.connect_button_clicked(move |_| {
            if let Some(page) = weak.upgrade() {
                page.take_back(&before);
            }
        });
        self.toasts.add_toast(toast);
    }

    fn keep(self: &Rc<Self>) {
        let (Some(bridge), page) = (self.bridge(), self.clone()) else { return };
        glib::spawn_future_local(async move {
            match bridge.keep(page.looking.clone(), None).await {
                Ok(()) => page.settle(),
                Err(error) => page.toast(&message::error(&error)),
            }
        });
    }

    fn ask_to_discard(self: &Rc<Self>) {
        let text = if self.looking.layer.goes_on() {
            gettext("What the sandbox wrote is gone then, and what its earlier runs kept. What you applied or copied stays.")
        } else {
            gettext("What the sandbox wrote is gone then. What you applied or copied stays.")
        };
        let dialog = self.question(
            &gettext("Discard All Changes?"),
            &text,
            &[("cancel", &gettext("_Cancel")), ("discard", &gettext("_Discard"))],
        );
        dialog.set_response_appearance("discard", adw::ResponseAppearance::Destructive);
        let page = self.clone();
        dialog.connect_response(Some("discard"), move |_, _| page.finish(&[]));
        dialog.present();
    }
}
