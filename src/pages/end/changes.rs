// SPDX-License-Identifier: LGPL-2.1-or-later
//! Changes that wait to be looked at, on the page of an end.

use crate::bridge::Bridge;
use crate::pages::changes::ChangesWindow;
use crate::pages::tab::Tab;
use adw::prelude::*;
use gettextrs::ngettext;
use std::rc::Rc;
use terrarium_engine::profile::Changes;
use terrarium_engine::sandbox::Id;

impl Tab {
    /// Whether what it changes may be looked at. Not known of one that was
    /// found: then it is asked.
    pub(in crate::pages) fn is_reviewed(&self) -> bool {
        self.plan_again().is_none_or(|plan| plan.changes == Changes::Review)
    }

    /// Says on the page of the end what there is to look at.
    pub(in crate::pages) async fn offer_changes(self: &Rc<Self>, bridge: &Bridge, id: Id) {
        if !self.is_reviewed() {
            return;
        }
        let Some(looking) = bridge.to_review(id).await else { return };
        let count = looking.found.totals.changes;
        if count == 0 {
            return;
        }
        let text = ngettext("{count} Change", "{count} Changes", u32::try_from(count).unwrap_or(u32::MAX));
        let page = &self.end_page;
        page.changes_row.set_title(&text.replace("{count}", &count.to_string()));
        page.changes.set_visible(true);
        page.to_review.replace(Some(looking));
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

    /// There is nothing to look at any more.
    pub(in crate::pages) fn changes_are_settled(&self) {
        self.end_page.changes.set_visible(false);
        self.end_page.to_review.replace(None);
    }
}
