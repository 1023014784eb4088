// SPDX-License-Identifier: LGPL-2.1-or-later
//! What becomes of changes: applied, copied, kept, thrown away.
//!
//! Applying and copying happen at once. What is kept or thrown away is noted,
//! so that it can be taken back, and done when the window is left.

use super::folders::Row;
use super::ChangesWindow;
use crate::bridge::changes::Decision;
use crate::bridge::Bridge;
use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::{gio, glib};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::sandbox::changes::Kind;
use terrarium_protocol::changes::{Facts, FileKind};

/// Every action on what is chosen.
const OF_ONE: [&str; 4] = ["apply", "copy", "keep-one", "forget"];

/// A decision in a word.
pub fn word(decision: Decision) -> String {
    match decision {
        Decision::Applied => gettext("Applied"),
        Decision::Copied => gettext("Copied"),
        Decision::Kept => gettext("Kept"),
        Decision::Discarded => gettext("Discarded"),
    }
}

/// Before changes are thrown away: how many are undecided, if that is known.
pub fn discard_question(over: &impl IsA<gtk::Window>, count: Option<u64>, name: &str) -> adw::MessageDialog {
    let title = match count {
        Some(count) => ngettext(
            "Discard {count} Undecided Change of “{name}”?",
            "Discard {count} Undecided Changes of “{name}”?",
            message::many(count),
        )
        .replace("{count}", &count.to_string()),
        None => gettext("Discard All Changes of “{name}”?"),
    };
    let text = gettext(
        "What this run wrote is gone then. What you applied or copied, and what earlier runs kept, stays.",
    );
    let dialog = adw::MessageDialog::new(Some(over), Some(&title.replace("{name}", name)), Some(&text));
    dialog.add_responses(&[("cancel", &gettext("_Cancel")), ("discard", &gettext("_Discard"))]);
    dialog.set_response_appearance("discard", adw::ResponseAppearance::Destructive);
    dialog.set_close_response("cancel");
    dialog.set_default_response(Some("cancel"));
    dialog
}

fn is_other(facts: &Facts) -> bool {
    !matches!(facts.kind, FileKind::File | FileKind::Folder)
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
        on("apply", Self::apply);
        on("copy", |page| page.copy(false));
        on("copy-all", |page| page.copy(true));
        let weak = Rc::downgrade(self);
        // What the chooser of a folder ends with: where to, and whether all.
        let save = gio::SimpleAction::new("save-into", glib::VariantTy::new("(ayb)").ok());
        save.connect_activate(move |_, what| {
            let what = what.and_then(glib::Variant::get::<(Vec<u8>, bool)>);
            if let (Some(page), Some((folder, all))) = (weak.upgrade(), what) {
                page.save_into(PathBuf::from(OsStr::from_bytes(&folder)), all);
            }
        });
        group.add_action(&save);
        let weak = Rc::downgrade(self);
        let save = gio::SimpleAction::new("save-as", glib::VariantTy::new("ay").ok());
        save.connect_activate(move |_, file| {
            let file = file.and_then(glib::Variant::get::<Vec<u8>>);
            if let (Some(page), Some(file)) = (weak.upgrade(), file) {
                page.save_as(PathBuf::from(OsStr::from_bytes(&file)));
            }
        });
        group.add_action(&save);
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

    /// What can be done with what is chosen.
    pub(super) fn may_decide(&self, row: Row) {
        let all = &self.looking.found.all;
        let chosen = self.of_row(row);
        let inside =
            |index: &usize| self.home.as_ref().is_some_and(|home| all[*index].path().starts_with(home));
        let apply = !self.not_applied(self.to_put(row, false)).is_empty() && chosen.iter().all(inside);
        let copy = !self.to_put(row, true).is_empty();
        let keep = !self.looking.found.totals.partial;
        let again = chosen.iter().any(|index| all[*index].again);
        let decided = self.looking.decisions();
        let is_applied = chosen.iter().all(|index| decided[*index] == Some(Decision::Applied));
        drop(decided);
        for (name, may) in OF_ONE.into_iter().zip([apply, copy, keep, !is_applied]) {
            self.enable(name, may);
        }
        let is_other =
            matches!(row, Row::Change(index) if all[index].change.after.as_ref().is_some_and(is_other));
        let why = [
            is_applied.then(|| self.where_it_is(&chosen)),
            is_other.then(|| gettext("Only files and folders can be applied or saved.")),
            (!chosen.iter().all(inside)).then(|| gettext("Only files in your home folder can be applied.")),
            again.then(|| gettext("An earlier run has kept this, and this run has changed it again. If you discard it, what was kept comes back.")),
        ];
        let why: Vec<String> = why.into_iter().flatten().collect();
        self.outside.set_label(&why.join("\n"));
        self.outside.set_visible(!why.is_empty());
    }

    /// What has happened to what was applied, and where the old one is.
    fn where_it_is(&self, chosen: &[usize]) -> String {
        let all = &self.looking.found.all;
        let [one] = chosen else {
            return gettext(
                "Applied: your own files are like this now. What was replaced or deleted is in the trash.",
            );
        };
        let (kind, replaced) = (self.kind(&all[*one]), self.replaced.borrow().contains(one));
        let is_fresh = self.fresh.borrow().contains(one) && !matches!(kind, Kind::Deleted | Kind::Moved);
        match kind {
            _ if is_fresh || (kind == Kind::Added && !replaced) => gettext("Applied: you have it now. If you do not want it, delete your own one."),
            Kind::Deleted => gettext("Applied: your own one is in the trash. You can bring it back from there."),
            Kind::Moved => gettext("Applied: your own one is here now. What lay in the old place is in the trash."),
            _ => match self.original(&all[*one]) {
                Some(path) => gettext("Applied: {path} is like this now. The old one is in the trash. You can bring it back from there.").replace("{path}", &path),
                None => gettext("Applied: your own one is like this now. The old one is in the trash. You can bring it back from there."),
            },
        }
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

    /// Notes what is to become of what is chosen, and says how to take that
    /// back.
    fn note(self: &Rc<Self>, decision: Decision) {
        let Some(row) = self.selected() else { return };
        let mut chosen = self.of_row(row);
        if decision == Decision::Discarded {
            // What is in its real place stays there.
            let decided = self.looking.decisions();
            chosen.retain(|index| decided[*index] != Some(Decision::Applied));
        }
        let before = self.decide(&chosen, decision);
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
                Ok(()) => {
                    page.settle();
                    page.tell_kept();
                }
                Err(error) => page.toast(&message::error(&error)),
            }
        });
    }

    /// Said where the list was, which is gone.
    fn tell_kept(&self) {
        let Some(window) = self.window.upgrade() else { return };
        let name = message::shown(&self.looking.layer.tag.name);
        let text = gettext("The next run of “{name}” goes on from these changes");
        window.toast(&text.replace("{name}", &name));
    }

    fn ask_to_discard(self: &Rc<Self>) {
        let (undecided, told) = self.looking.undecided();
        let all = self.looking.asked();
        let count = if undecided == told { all } else { undecided as u64 };
        let name = message::shown(&self.looking.layer.tag.name);
        let dialog = discard_question(&self.widget, Some(count), &name);
        let page = self.clone();
        dialog.connect_response(Some("discard"), move |_, _| page.finish(&[]));
        dialog.present();
    }
}
