// SPDX-License-Identifier: LGPL-2.1-or-later
//! Keys that go from tab to tab.

use super::Runs;
use crate::window::Window;
use adw::TabViewShortcuts as Keys;
use gtk::prelude::*;
use spice_view::SpiceView;
use std::rc::Rc;

impl Runs {
    /// While a sandbox has the keyboard no key goes to another tab: what is
    /// typed next would be another sandbox's.
    pub(super) fn connect_keys(self: &Rc<Self>, window: &Rc<Window>) {
        self.view.set_shortcuts(Keys::NONE);
        let runs = Rc::downgrade(self);
        window.widget.connect_focus_widget_notify(move |_| {
            runs.upgrade().iter().for_each(|runs| runs.set_keys());
        });
        let runs = Rc::downgrade(self);
        self.widget.connect_map(move |_| runs.upgrade().iter().for_each(|runs| runs.set_keys()));
        let runs = Rc::downgrade(self);
        self.widget.connect_unmap(move |_| runs.upgrade().iter().for_each(|runs| runs.set_keys()));
    }

    fn set_keys(&self) {
        let focus = self.widget.root().and_then(|root| root.focus());
        let is_typed_into = focus.is_some_and(|one| one.is::<vte::Terminal>() || one.is::<SpiceView>());
        let goes = self.widget.is_mapped() && !is_typed_into;
        self.view.set_shortcuts(if goes { between_tabs() } else { Keys::NONE });
    }
}

/// Not Ctrl+Home and Ctrl+End, which an entry has a meaning for.
fn between_tabs() -> Keys {
    Keys::CONTROL_TAB
        | Keys::CONTROL_SHIFT_TAB
        | Keys::CONTROL_PAGE_UP
        | Keys::CONTROL_PAGE_DOWN
        | Keys::CONTROL_SHIFT_PAGE_UP
        | Keys::CONTROL_SHIFT_PAGE_DOWN
        | Keys::ALT_DIGITS
        | Keys::ALT_ZERO
}
