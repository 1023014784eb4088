// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window is left: what was decided is done now. Nothing that is undecided
//! is thrown away without a question.

use super::ChangesWindow;
use crate::bridge::changes::Decision;
use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::glib;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::profile::Changes as Fate;
use terrarium_protocol::Bytes;

impl ChangesWindow {
    /// Somebody wants to close it.
    pub(super) fn closes(self: &Rc<Self>) -> glib::Propagation {
        // Whoever leaves does not wait for a copy.
        self.progress.cancel();
        let (undecided, _) = self.looking.undecided();
        if self.settled.get() || self.looking.is_untouched() {
            self.end_looking();
            return glib::Propagation::Proceed;
        }
        if undecided == 0 {
            self.finish(&self.looking.all(Decision::Kept));
        } else {
            self.ask_about_the_rest(undecided);
        }
        glib::Propagation::Stop
    }

    fn ask_about_the_rest(self: &Rc<Self>, undecided: usize) {
        let count = message::many(undecided);
        let text = match self.looking.layer.tag.changes {
            Fate::Discard => ngettext(
                "{count} change is undecided. Decided later, it waits on the page of this run, and is thrown away with that.",
                "{count} changes are undecided. Decided later, they wait on the page of this run, and are thrown away with that.",
                count,
            ),
            Fate::Review | Fate::Keep => ngettext(
                "{count} change is undecided. Decided later, it waits until you come back.",
                "{count} changes are undecided. Decided later, they wait until you come back.",
                count,
            ),
        };
        let dialog = self.question(
            &gettext("Leave With Undecided Changes?"),
            &text.replace("{count}", &undecided.to_string()),
            &[
                ("cancel", &gettext("_Stay Here")),
                ("discard", &gettext("_Discard the Undecided")),
                ("later", &gettext("Decide _Later")),
            ],
        );
        dialog.set_response_appearance("discard", adw::ResponseAppearance::Destructive);
        dialog.set_default_response(Some("later"));
        let page = self.clone();
        dialog.connect_response(None, move |_, answer| match answer {
            "discard" => page.finish(&page.looking.all(Decision::Kept)),
            "later" => page.leave(),
            _ => {}
        });
        dialog.present();
    }

    /// Nothing but these goes on to the next run.
    pub(super) fn finish(self: &Rc<Self>, kept: &[Bytes]) {
        let (Some(bridge), page, kept) = (self.bridge(), self.clone(), kept.to_vec()) else { return };
        glib::spawn_future_local(async move {
            let looking = page.looking.clone();
            let done = match kept.is_empty() {
                true => bridge.discard(looking).await,
                false => bridge.keep(looking, Some(kept)).await,
            };
            match done {
                Ok(()) => page.settle(),
                Err(error) => page.toast(&message::error(&error)),
            }
        });
    }

    /// What is undecided waits; what was thrown away is gone.
    fn leave(self: &Rc<Self>) {
        let (Some(bridge), page) = (self.bridge(), self.clone()) else { return };
        glib::spawn_future_local(async move {
            if bridge.forget_discarded(page.looking.clone()).await.is_err() {
                // It waits with the others then.
                page.looking.take_back_discarded();
            }
            if let Err(error) = bridge.note_decisions(page.looking.clone()).await {
                if let Some(window) = page.window.upgrade() {
                    window.toast(&message::error(&error));
                }
            }
            page.settled.set(true);
            if let Some(window) = page.window.upgrade() {
                window.runs.changes_are_decided(&page.looking.layer.tag.uuid);
            }
            page.widget.close();
        });
    }

    /// Nothing of it waits any more.
    pub(super) fn settle(&self) {
        self.settled.set(true);
        if let Some(window) = self.window.upgrade() {
            window.runs.changes_are_settled(&self.looking.layer.tag.uuid);
        }
        self.widget.close();
    }

    fn end_looking(&self) {
        if let Some(window) = self.window.upgrade() {
            window.home.waiting_may_have_changed(&window);
        }
        let (Some(bridge), looking) = (self.bridge(), self.looking.clone()) else { return };
        glib::spawn_future_local(async move { bridge.looked(looking).await });
    }
}
