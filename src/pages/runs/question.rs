// SPDX-License-Identifier: LGPL-2.1-or-later
//! The question about the clipboard, above the sandbox.

use super::Runs;
use crate::pages::screen::clipboard_content;
use crate::pages::tab::Tab;
use gettextrs::gettext;
use gtk::glib;
use gtk::prelude::*;
use spice_view::Direction;
use std::rc::Rc;
use std::time::Duration;
use terrarium_engine::message;

/// Who types or clicks at that moment does not mean the question.
const DEAF: Duration = Duration::from_millis(500);

impl Runs {
    pub(super) fn connect_question(self: &Rc<Self>) {
        for (button, allowed) in [(&self.deny, false), (&self.allow, true)] {
            let runs = Rc::downgrade(self);
            button.connect_clicked(move |_| {
                let tab = runs.upgrade().and_then(|runs| runs.current());
                if let Some(screen) = tab.as_ref().and_then(|tab| tab.screen.as_ref()) {
                    screen.answer(allowed);
                }
            });
        }
        let runs = Rc::downgrade(self);
        self.ask.connect_child_revealed_notify(move |_| {
            runs.upgrade().iter().for_each(|runs| runs.be_deaf());
        });
        let runs = Rc::downgrade(self);
        self.ask.connect_map(move |_| runs.upgrade().iter().for_each(|runs| runs.be_deaf()));
    }

    /// The question about the clipboard, if there is one; and what is to be
    /// done once it is allowed.
    pub(super) fn show_question(&self, tab: &Tab) {
        let screen = tab.screen.as_ref().filter(|_| tab.is_running());
        let asking = screen.and_then(|screen| screen.asking()).map(|ask| (ask, false));
        let shown = asking.or_else(|| screen?.pastable().map(|ask| (ask, true)));
        let asked = shown.as_ref().map(|(ask, allowed)| (tab.id(), ask.id, *allowed));
        if *self.asked.borrow() == asked {
            return;
        }
        self.asked.replace(asked);
        let Some((ask, allowed)) = shown else { return self.ask.set_reveal_child(false) };
        let (title, detail) = match ask.direction {
            Direction::In if allowed => (
                gettext("Now paste into {name}"),
                gettext("{content}. Once, within {seconds} s; what was pasted before is not replaced."),
            ),
            Direction::In => (
                gettext("Paste into {name}?"),
                gettext("{content}. Allow it, then paste again within {seconds} s."),
            ),
            Direction::Out => (gettext("{name} wants to fill your clipboard"), gettext("{content}.")),
        };
        let name = glib::markup_escape_text(&message::shown(&tab.name()));
        // Isolated, so that the name cannot turn the sentence.
        self.ask_title.set_markup(&title.replace("{name}", &format!("<b>\u{2068}{name}\u{2069}</b>")));
        let lifetime = screen.map_or(0, |screen| screen.view.clipboard_lifetime());
        let detail = detail.replace("{seconds}", &lifetime.to_string());
        self.ask_detail.set_label(&detail.replace("{content}", &clipboard_content(&ask)));
        self.ask_buttons.set_visible(!allowed);
        self.ask.set_reveal_child(true);
        self.be_deaf();
    }

    /// The buttons take nothing until all of the question was seen for a moment:
    /// neither clicks nor keys, and a screen reader says that they cannot be used
    /// yet. It slides in, and may come with its page.
    fn be_deaf(&self) {
        self.set_deaf(true);
        let turn = self.deaf.get() + 1;
        self.deaf.set(turn);
        if !self.ask.is_child_revealed() || !self.ask.is_mapped() {
            return;
        }
        let weak = self.own.clone();
        glib::timeout_add_local_once(DEAF, move || {
            if let Some(runs) = weak.upgrade().filter(|runs| runs.deaf.get() == turn) {
                runs.set_deaf(false);
            }
        });
    }

    /// Each button by itself, too: only what is its own is told to who does not see it.
    fn set_deaf(&self, deaf: bool) {
        let all: [&gtk::Widget; 3] =
            [self.ask_buttons.upcast_ref(), self.deny.upcast_ref(), self.allow.upcast_ref()];
        all.iter().for_each(|one| one.set_sensitive(!deaf));
    }
}
