// SPDX-License-Identifier: LGPL-2.1-or-later
//! Changes that wait to be looked at, on the page of an end.

use crate::bridge::changes::Looking;
use crate::bridge::Bridge;
use crate::pages::changes::{title, ChangesWindow};
use crate::pages::tab::Tab;
use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::glib;
use std::rc::Rc;
use std::time::Duration;
use terrarium_engine::profile::Changes;
use terrarium_engine::sandbox::changes::Entry;
use terrarium_engine::sandbox::{Held, Id};
use terrarium_engine::{message, plan};
use terrarium_protocol::changes::FileKind;

/// Between two looks at whether that is known.
const ASKS: Duration = Duration::from_millis(10);
/// How many files a question names.
const NAMED: usize = 5;

impl super::EndPage {
    /// One button is suggested: while changes wait they come first, unless
    /// nobody would miss them.
    fn suggest_review(&self, on: bool, first: bool) {
        self.review.set_visible(on);
        self.review_first.set(first);
        self.suggest();
    }
}

impl Tab {
    /// Whether what it changes may be looked at. Not known of one that was
    /// found: then it is asked.
    pub(in crate::pages) fn is_reviewed(&self) -> bool {
        self.held.borrow().is_some() || self.plan_again().is_none_or(|plan| plan.changes == Changes::Review)
    }

    /// What it writes stays as long as this tab, if it is to be thrown away
    /// and was started here.
    pub(in crate::pages) async fn hold(&self, bridge: &Bridge, id: Id) {
        if self.plan.is_none() {
            return;
        }
        // Its start and its end ask, perhaps at the same time.
        while self.holds.get() == Some(false) {
            glib::timeout_future(ASKS).await;
        }
        if self.holds.get().is_none() {
            self.holds.set(Some(false));
            self.held.replace(bridge.hold(id).await);
            self.holds.set(Some(true));
        }
    }

    /// What is thrown away with this tab.
    pub(in crate::pages) fn take_held(&self) -> Option<(Id, Held)> {
        self.changes_are_settled();
        let held = self.held.take();
        self.id().zip(held)
    }

    /// Files in the home folder, as the user knows it, that would be thrown
    /// away with this tab. What programs keep for themselves is none.
    pub(in crate::pages) fn would_lose(&self) -> Vec<String> {
        let looking = self.end_page.to_review.borrow();
        let home = self.window.upgrade().and_then(|window| window.bridge.host().map(plan::home));
        let (Some(looking), Some(home)) = (looking.as_ref(), home) else { return Vec::new() };
        if self.held.borrow().is_none() || self.may_go.get() {
            return Vec::new();
        }
        let decided = looking.decisions();
        let undecided = looking.found.all.iter().zip(decided.iter()).filter(|(_, one)| one.is_none());
        let name = |(entry, _): (&Entry, _)| {
            let inner = entry.path().strip_prefix(&home).ok()?;
            let is_file = entry.change.after.as_ref().is_some_and(|after| after.kind == FileKind::File);
            let is_hidden = inner.iter().any(|part| part.as_encoded_bytes().starts_with(b"."));
            (is_file && !is_hidden).then(|| message::escaped(inner.as_os_str().as_encoded_bytes()))
        };
        undecided.filter_map(name).collect()
    }

    /// Asks before files are thrown away, and names some. `then` if they may.
    pub(crate) fn ask_to_lose(self: &Rc<Self>, names: &[String], then: impl Fn(&Rc<Tab>) + 'static) {
        let Some(window) = self.window.upgrade() else { return };
        let count = message::many(names.len());
        let title =
            ngettext("Discard {count} File of “{name}”?", "Discard {count} Files of “{name}”?", count);
        let mut text = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join("\n");
        if names.len() > NAMED {
            text.push_str("\n…");
        }
        let title = title.replace("{count}", &names.len().to_string());
        let title = title.replace("{name}", &message::shown(&self.name()));
        let dialog = adw::MessageDialog::new(Some(&window.widget), Some(&title), Some(&text));
        dialog.add_responses(&[
            ("cancel", &gettext("_Cancel")),
            ("look", &gettext("_Look at Them")),
            ("discard", &gettext("_Discard")),
        ]);
        dialog.set_response_appearance("discard", adw::ResponseAppearance::Destructive);
        dialog.set_default_response(Some("look"));
        dialog.set_close_response("cancel");
        let tab = self.clone();
        dialog.connect_response(None, move |_, answer| match answer {
            "look" => tab.look_at_changes(),
            "discard" => {
                tab.may_go.set(true);
                then(&tab);
            }
            _ => {}
        });
        dialog.present();
    }

    /// Says on the page of the end what there is to look at.
    pub(in crate::pages) async fn offer_changes(self: &Rc<Self>, bridge: &Bridge, id: Id) {
        if !self.is_reviewed() {
            return;
        }
        let Some(looking) = bridge.to_review(id).await else { return };
        if looking.found.totals.changes == 0 {
            return;
        }
        self.end_page.to_review.replace(Some(looking));
        self.tell_changes();
        self.end_page.changes.set_visible(true);
    }

    /// How many changes wait, and what becomes of them.
    pub(in crate::pages) fn tell_changes(&self) {
        self.loses.set(!self.would_lose().is_empty());
        let (page, looking) = (&self.end_page, self.end_page.to_review.borrow());
        let Some(looking) = looking.as_ref() else { return };
        let (left, told) = looking.undecided();
        let all = looking.asked();
        let count = if left == told { all } else { left as u64 };
        page.changes_row.set_title(&title(looking));
        let fate = match looking.layer.tag.changes {
            Changes::Discard => gettext("Thrown away with this page, unless you keep or apply them."),
            Changes::Review | Changes::Keep => ngettext(
                "Waiting for you to decide. It stays in the sandbox until you say so.",
                "Waiting for you to decide. They stay in the sandbox until you say so.",
                message::many(usize::try_from(count).unwrap_or(usize::MAX)),
            ),
        };
        page.suggest_review(true, looking.layer.tag.changes != Changes::Discard || self.loses.get());
        let fate =
            [Some(fate), self.already_there(looking)].into_iter().flatten().collect::<Vec<_>>().join(" ");
        page.changes_row.set_subtitle(&glib::markup_escape_text(&fate));
        let review = gettext("Re_view Changes ({count})");
        page.review.set_label(&review.replace("{count}", &count.to_string()));
        self.tell_home();
    }

    /// What it wrote in place.
    fn already_there(&self, looking: &Looking) -> Option<String> {
        let places = &looking.layer.tag.written;
        let window = self.window.upgrade().filter(|_| !places.is_empty())?;
        Some(message::already_there(places, &window.bridge.host()?.user.home))
    }

    /// Closes the window that it is in.
    pub(crate) fn close_window(&self) {
        self.window.upgrade().iter().for_each(|window| window.widget.close());
    }

    pub(super) fn look_at_changes(&self) {
        let looking = self.end_page.to_review.borrow().clone();
        if let (Some(window), Some(looking)) = (self.window.upgrade(), looking) {
            ChangesWindow::open(&window, &looking);
        }
    }

    /// Whose changes wait here.
    pub(in crate::pages) fn waits_with_changes_of(&self, uuid: &str) -> bool {
        self.end_page.to_review.borrow().as_ref().is_some_and(|looking| looking.layer.tag.uuid == uuid)
    }

    /// What there is to look at, if it is of this run.
    pub(in crate::pages) fn looking_at(&self, uuid: &str) -> Option<Looking> {
        let looking = self.end_page.to_review.borrow().clone();
        looking.filter(|looking| looking.layer.tag.uuid == uuid)
    }

    /// Whether something of it waits for a decision when it is closed: what
    /// is thrown away with it does not.
    pub(in crate::pages) fn leaves_undecided(&self) -> bool {
        let looking = self.end_page.to_review.borrow();
        self.held.borrow().is_none() && looking.as_ref().is_some_and(|looking| looking.undecided().0 > 0)
    }

    /// Whether somebody has to decide something before it is closed, or ought to.
    pub(in crate::pages) fn asks_to_close(&self) -> bool {
        self.leaves_undecided() || !self.would_lose().is_empty()
    }

    /// There is nothing to look at any more.
    pub(in crate::pages) fn changes_are_settled(&self) {
        self.end_page.changes.set_visible(false);
        self.end_page.suggest_review(false, false);
        self.end_page.to_review.replace(None);
        self.loses.set(false);
    }
}
