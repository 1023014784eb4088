// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a program in the terminal wants on the clipboard: as the profile has
//! it, and only while the tab is before the user's eyes.

use super::Tab;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::glib;
use spice_view::ClipboardPolicy;
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::message;

/// Characters of a text that the question shows.
const SHOWN: usize = 120;

/// So long a question is not read yet.
const UNREAD: Duration = Duration::from_millis(500);

/// Who was told no is not heard again so soon.
const DEAF: Duration = Duration::from_secs(10);

/// Whoever clicks at the moment at which it comes has not read it.
fn be_deaf(dialog: &adw::MessageDialog) {
    dialog.set_response_enabled("allow", false);
    let weak = dialog.downgrade();
    glib::timeout_add_local_once(UNREAD, move || {
        weak.upgrade().iter().for_each(|dialog| dialog.set_response_enabled("allow", true));
    });
}

fn is_fresh(denied: Option<Instant>) -> bool {
    denied.is_some_and(|denied| denied.elapsed() < DEAF)
}

impl Tab {
    /// What passes now, through the screen and out of the terminal.
    pub fn clipboard_policy(&self) -> ClipboardPolicy {
        self.clipboard.get()
    }

    /// What passes from now on, for this run.
    pub fn set_clipboard_policy(&self, policy: ClipboardPolicy) {
        if self.has_clipboard_shut() || self.clipboard.replace(policy) == policy {
            return;
        }
        match &self.screen {
            Some(screen) => screen.set_policy(policy),
            None => {
                self.log.add(&format!("clipboard: {policy:?}"));
                self.change();
            }
        }
    }

    /// Whether the profile shut it: then nothing is opened here.
    pub fn has_clipboard_shut(&self) -> bool {
        self.facts.clipboard == ClipboardPolicy::Off
    }

    /// Whether anything may be put on the clipboard now.
    fn may_fill(&self) -> bool {
        !matches!(self.clipboard.get(), ClipboardPolicy::Off | ClipboardPolicy::In)
    }

    /// Looks for such wishes in what was written.
    pub(super) fn take_for_clipboard(self: &Rc<Self>, bytes: &[u8]) {
        let wanted = self.scanner.borrow_mut().look(bytes);
        // The last one is what would be there in the end.
        let (Some(text), Some(window)) = (wanted.into_iter().next_back(), self.window.upgrade()) else {
            return;
        };
        let count = text.chars().count();
        match self.clipboard.get() {
            ClipboardPolicy::Ask if !self.is_seen(&window) && self.may_ask() => {
                self.wish.replace(Some(text));
                self.log.add("clipboard: wants to fill it, nobody looks");
                window.tell_ask(self, &gettext("“{name}” Wants to Fill Your Clipboard"));
                self.change();
            }
            _ if !self.is_seen(&window) => self.log.add("clipboard: not filled, nobody looks"),
            ClipboardPolicy::Out | ClipboardPolicy::Both => {
                window.widget.clipboard().set_text(&text);
                self.log.add(&format!("clipboard: filled by the terminal, {count} characters"));
            }
            ClipboardPolicy::Ask if self.may_ask() => {
                self.ask_for_clipboard(&window, text);
            }
            _ => self.log.add("clipboard: not filled"),
        }
    }

    /// One question at a time, and none soon after a no.
    fn may_ask(&self) -> bool {
        !self.asks.get() && self.wish.borrow().is_none() && !is_fresh(self.denied.get())
    }

    /// Whether it waits for an answer, on its screen or behind it.
    pub fn waits_for_answer(&self) -> bool {
        let asks = self.screen.as_ref().is_some_and(|screen| screen.asking().is_some());
        self.is_running() && (asks || self.wish.borrow().is_some())
    }

    /// Asks what it wanted to ask while nobody looked.
    pub fn ask_what_waits(self: &Rc<Self>) {
        let Some(window) = self.window.upgrade().filter(|window| self.is_seen(window)) else { return };
        let wish = self.wish.take();
        if let Some(text) = wish.filter(|_| self.is_running() && self.may_fill()) {
            self.ask_for_clipboard(&window, text);
        }
    }

    pub(super) fn is_seen(self: &Rc<Self>, window: &Rc<Window>) -> bool {
        window.shows("runs") && window.runs.current().is_some_and(|current| Rc::ptr_eq(&current, self))
    }

    fn ask_for_clipboard(self: &Rc<Self>, window: &Rc<Window>, text: String) {
        let title =
            gettext("“{name}” Wants to Fill Your Clipboard").replace("{name}", &message::shown(&self.name()));
        let count = text.chars().count();
        let size = ngettext("Text, {count} character", "Text, {count} characters", count as u32);
        let begin: String = text.chars().take(SHOWN).collect();
        let more = if count > SHOWN { "…" } else { "" };
        let body = format!(
            "{}\n\n\u{2068}{}{more}\u{2069}",
            size.replace("{count}", &count.to_string()),
            message::shown(&begin)
        );
        let dialog = adw::MessageDialog::new(Some(&window.widget), Some(&title), Some(&body));
        dialog.set_widget_name("ask-terminal");
        dialog.add_responses(&[("deny", &gettext("_Deny")), ("allow", &gettext("_Allow"))]);
        // Who types for the sandbox answers nothing.
        dialog.set_default_response(Some("deny"));
        dialog.set_close_response("deny");
        self.asks.set(true);
        be_deaf(&dialog);
        // Another window may have the keyboard.
        window.tell_ask(self, &gettext("“{name}” Wants to Fill Your Clipboard"));
        let weak = Rc::downgrade(window);
        let tab = self.clone();
        dialog.connect_response(None, move |dialog, answer| {
            tab.asks.set(false);
            weak.upgrade().iter().for_each(|window| window.untell_ask(&tab));
            // It may have been shut meanwhile.
            let allowed = answer == "allow" && tab.may_fill();
            tab.denied.set((!allowed).then(Instant::now));
            tab.log.add(if allowed { "clipboard: filled, allowed" } else { "clipboard: not filled, denied" });
            if allowed {
                dialog.clipboard().set_text(&text);
            }
        });
        dialog.present();
    }
}
