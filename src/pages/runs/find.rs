// SPDX-License-Identifier: LGPL-2.1-or-later
//! Text is found in the terminal that is seen. The bar lies outside the glass,
//! above the line.

use super::Runs;
use gtk::prelude::*;
use gtk::{gdk, glib};
use std::rc::Rc;
use vte::prelude::*;

/// PCRE2_CASELESS, and what VTE asks for.
const FLAGS: u32 = 0x0000_0008 | 0x0000_0400 | 0x0008_0000 | 0x4000_0000;

impl Runs {
    pub(super) fn connect_find(self: &Rc<Self>) {
        self.find_bar.connect_entry(&self.find_entry);
        let weak = Rc::downgrade(self);
        self.find_entry.connect_search_changed(move |_| {
            if let Some(runs) = weak.upgrade() {
                runs.set_pattern();
                runs.find(false);
            }
        });
        for (next, button) in [(false, &self.find_previous), (true, &self.find_next)] {
            let weak = Rc::downgrade(self);
            button.connect_clicked(move |_| weak.upgrade().iter().for_each(|runs| runs.find(next)));
        }
        let weak = Rc::downgrade(self);
        self.find_entry.connect_activate(move |_| weak.upgrade().iter().for_each(|runs| runs.find(false)));
        let weak = Rc::downgrade(self);
        self.find_bar.connect_search_mode_enabled_notify(move |bar| {
            let Some(runs) = weak.upgrade() else { return };
            if bar.is_search_mode() {
                runs.set_pattern();
            } else {
                runs.find_entry.set_text("");
                runs.focus();
            }
        });
        let keys = gtk::EventControllerKey::new();
        let weak = Rc::downgrade(self);
        keys.connect_key_pressed(move |_, key, _, state| match (weak.upgrade(), key) {
            (Some(runs), gdk::Key::Return) => {
                runs.find(!state.contains(gdk::ModifierType::SHIFT_MASK));
                glib::Propagation::Stop
            }
            _ => glib::Propagation::Proceed,
        });
        self.find_entry.add_controller(keys);
    }

    /// Opens the bar. The page of an end has a part of the output alone.
    pub fn begin_find(&self) {
        if let Some(tab) = self.current().filter(|tab| !tab.shows_screen()) {
            tab.show_output();
            self.find_bar.set_search_mode(true);
            self.find_entry.grab_focus();
        }
    }

    /// The text as it is, and not as a pattern.
    fn set_pattern(&self) {
        let Some(tab) = self.current() else { return };
        let text = self.find_entry.text();
        let regex = vte::Regex::for_search(&glib::Regex::escape_string(&text), FLAGS).ok();
        let terminal = tab.shown_terminal();
        terminal.search_set_regex(regex.as_ref().filter(|_| !text.is_empty()), 0);
        terminal.search_set_wrap_around(true);
    }

    fn find(&self, next: bool) {
        let Some(tab) = self.current().filter(|_| !self.find_entry.text().is_empty()) else { return };
        let terminal = tab.shown_terminal();
        let found = if next { terminal.search_find_next() } else { terminal.search_find_previous() };
        if found {
            self.find_entry.remove_css_class("error");
        } else {
            self.find_entry.add_css_class("error");
        }
    }
}
