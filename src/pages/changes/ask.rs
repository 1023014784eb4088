// SPDX-License-Identifier: LGPL-2.1-or-later
//! Changes go to their real places. All that has to be asked is asked at once,
//! before the first of them does.

use super::put::{counted, is_left, some_names};
use super::ChangesWindow;
use crate::bridge::changes::{Chosen, Decision, Said, To};
use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::{glib, pango};
use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::sandbox::changes::{Question, Why};
use terrarium_protocol::Bytes;

/// How high a list of reasons gets before it scrolls.
const HIGH: i32 = 240;
/// So many reasons are read by nobody: the gravest come first.
const MOST: usize = 500;

impl ChangesWindow {
    pub(super) fn apply(self: &Rc<Self>) {
        let Some(row) = self.selected() else { return };
        let (page, chosen) = (self.clone(), self.not_applied(self.to_put(row, false)));
        let Some(bridge) = self.bridge().filter(|_| !chosen.is_empty()) else { return };
        let said = Said { leave: self.applied(), ..Said::default() };
        glib::spawn_future_local(async move {
            match bridge.questions(page.looking.clone(), chosen.clone(), said.clone()).await {
                Ok(questions) if questions.is_empty() => page.put(chosen, To::Home(said)),
                Ok(questions) => page.ask(chosen, said, &questions),
                Err(error) => page.toast(&message::error(&error)),
            }
        });
    }

    /// What is in its real place is not put there again. A folder is done when
    /// all in it is.
    fn applied(&self) -> HashSet<Bytes> {
        let decided = self.looking.decisions();
        let is_applied = |index: &usize| decided[*index] == Some(Decision::Applied);
        let all = &self.looking.found.all;
        let done =
            (0..all.len()).filter(is_applied).filter(|index| self.with_inner(*index).iter().all(is_applied));
        done.map(|index| all[index].change.path.clone()).collect()
    }

    pub(super) fn not_applied(&self, mut chosen: Vec<Chosen>) -> Vec<Chosen> {
        let decided = self.looking.decisions();
        let waits = |index: &usize| decided[*index] != Some(Decision::Applied);
        chosen.retain(|one| self.with_inner(one.index).iter().any(waits));
        chosen
    }

    fn ask(self: &Rc<Self>, chosen: Vec<Chosen>, said: Said, questions: &[Question]) {
        let asked: HashSet<Bytes> = questions.iter().map(|one| one.path.clone()).collect();
        let others = self.has_others(&chosen, &said, &asked);
        let dialog = self.dialog(questions, others);
        let weak = Rc::downgrade(self);
        dialog.connect_response(None, move |_, answer| {
            let Some(page) = weak.upgrade() else { return };
            let mut said = said.clone();
            match answer {
                "replace" => said.asked.extend(asked.iter().cloned()),
                "others" => said.leave.extend(asked.iter().cloned()),
                _ => return,
            }
            let stays = |one: &Chosen| is_left(page.looking.found.all[one.index].path(), &said.leave);
            let chosen = chosen.iter().filter(|one| !stays(one)).cloned().collect();
            page.put(chosen, To::Home(said));
        });
        dialog.present();
    }

    /// Whether there is anything that is not asked about.
    fn has_others(&self, chosen: &[Chosen], said: &Said, asked: &HashSet<Bytes>) -> bool {
        let all = &self.looking.found.all;
        let path = |index: &usize| all[*index].path();
        let out = |index: &usize| is_left(path(index), &said.leave) || is_left(path(index), asked);
        let around: HashSet<&Path> = all
            .iter()
            .filter(|entry| asked.contains(&entry.change.path))
            .flat_map(|entry| entry.path().ancestors())
            .collect();
        let inner = chosen.iter().flat_map(|one| self.with_inner(one.index));
        inner.into_iter().any(|index| !out(&index) && !around.contains(path(&index)))
    }

    fn dialog(&self, questions: &[Question], others: bool) -> adw::MessageDialog {
        let (title, text, does) = match questions {
            [one] if !is_guarded(one) => of_one(one),
            more if !more.iter().any(is_guarded) => self.of_changed(more),
            more => self.of_guarded(more),
        };
        let mut answers = vec![("cancel", gettext("_Cancel"))];
        answers.extend(others.then(|| ("others", gettext("Apply the _Others"))));
        answers.push(("replace", does));
        let answers: Vec<(&str, &str)> = answers.iter().map(|(id, label)| (*id, label.as_str())).collect();
        let dialog = self.question(&title, &text, &answers);
        dialog.set_response_appearance("replace", adw::ResponseAppearance::Destructive);
        dialog.set_default_response(Some("cancel"));
        if questions.iter().any(is_guarded) {
            dialog.set_extra_child(Some(&self.reasons(questions)));
        }
        dialog
    }

    /// All are files that would be replaced.
    fn of_changed(&self, questions: &[Question]) -> (String, String, String) {
        let title =
            ngettext("Replace {count} File?", "Replace {count} Files?", message::many(questions.len()));
        let text = gettext("The real ones are others than when the run began, or the sandbox has never seen them. They go to the trash.");
        let names = some_names(questions.len(), questions.iter().map(|one| self.place_of(one)));
        (counted(&title, questions.len()), format!("{text}\n{names}"), gettext("_Replace"))
    }

    fn of_guarded(&self, questions: &[Question]) -> (String, String, String) {
        let count = questions.iter().filter(|one| is_guarded(one)).count();
        let title = ngettext(
            "Apply {count} File That Can Do Harm?",
            "Apply {count} Files That Can Do Harm?",
            message::many(count),
        );
        let text = ngettext(
            "Programs outside of the sandbox run it, or read it as their settings or your keys. Look at it first. If you have a file of that name, this one replaces it, and yours goes to the trash.",
            "Programs outside of the sandbox run them, or read them as their settings or your keys. Look at them first. If you have files of these names, these replace them, and yours go to the trash.",
            message::many(count),
        );
        let does = if questions.len() == 1 { gettext("_Apply") } else { gettext("_Apply All") };
        (counted(&title, count), text, does)
    }

    /// Each with its reason.
    fn reasons(&self, questions: &[Question]) -> gtk::ScrolledWindow {
        let home = self.real_home();
        let mut lines: Vec<String> =
            questions.iter().take(MOST).map(|one| message::asked(one, &home)).collect();
        lines.extend((questions.len() > MOST).then(|| "…".into()));
        let label = gtk::Label::builder().label(lines.join("\n")).wrap(true).xalign(0.0).build();
        label.set_wrap_mode(pango::WrapMode::WordChar);
        let scrolled = gtk::ScrolledWindow::builder().hscrollbar_policy(gtk::PolicyType::Never).child(&label);
        scrolled.propagate_natural_height(true).max_content_height(HIGH).build()
    }

    fn place_of(&self, question: &Question) -> String {
        use std::os::unix::ffi::OsStrExt;
        super::row::place(question.place.as_os_str().as_bytes(), Some(&self.real_home()))
    }

    fn real_home(&self) -> std::path::PathBuf {
        let host = self.bridge().and_then(|bridge| bridge.host().map(|host| host.user.home.clone()));
        host.unwrap_or_default()
    }
}

fn is_guarded(question: &Question) -> bool {
    matches!(question.why, Why::Guarded(_))
}

/// One file of the user's would go.
fn of_one(question: &Question) -> (String, String, String) {
    let text = match question.why {
        Why::Unseen => gettext("You have a file of that name already. It goes to the trash."),
        _ => gettext("The real one is another than when the run began. It goes to the trash."),
    };
    match question.deletes {
        true => (gettext("Delete Your File?"), text, gettext("_Move to Trash")),
        false => (gettext("Replace Your File?"), text, gettext("_Replace")),
    }
}
