// SPDX-License-Identifier: LGPL-2.1-or-later
//! What passes between the clipboards of the sandbox and of this desktop, and
//! the question about it.

use super::Screen;
use gettextrs::{gettext, ngettext};
use spice_view::{ClipboardAsk, ClipboardPolicy, Direction, Format};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use terrarium_engine::message;

/// How the clipboard is shared.
pub struct Clipboard {
    policy: Cell<ClipboardPolicy>,
    asking: RefCell<Option<ClipboardAsk>>,
    last: RefCell<Option<ClipboardAsk>>,
}

impl Clipboard {
    /// As the profile says.
    pub fn new(policy: ClipboardPolicy) -> Self {
        Self { policy: Cell::new(policy), asking: RefCell::default(), last: RefCell::default() }
    }
}

impl Screen {
    pub(super) fn connect_clipboard(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        self.view.connect_clipboard_asks(move |_, ask| {
            if let Some(screen) = weak.upgrade() {
                screen.clipboard.asking.replace(Some(ask.clone()));
                screen.change();
            }
        });
        let weak = Rc::downgrade(self);
        self.view.connect_clipboard_ask_gone(move |_, id| {
            if let Some(screen) = weak.upgrade() {
                let ours = screen.asking().is_some_and(|ask| ask.id == id);
                if ours {
                    screen.clipboard.asking.take();
                    screen.change();
                }
            }
        });
        let weak = Rc::downgrade(self);
        self.view.connect_clipboard_moved(move |_, moved| {
            if let Some(screen) = weak.upgrade() {
                screen.clipboard.last.replace(Some(moved.clone()));
                screen.log(&format!(
                    "clipboard: {:?} {:?}, {} bytes",
                    moved.direction, moved.format, moved.size
                ));
                screen.change();
            }
        });
    }

    /// What passes now.
    pub fn policy(&self) -> ClipboardPolicy {
        self.clipboard.policy.get()
    }

    /// What passes from now on, for this run.
    pub fn set_policy(&self, policy: ClipboardPolicy) {
        self.clipboard.policy.set(policy);
        self.log(&format!("clipboard: {policy:?}"));
        self.apply_policy();
        self.change();
    }

    pub(super) fn apply_policy(&self) {
        self.view.set_clipboard_policy(self.policy());
    }

    /// The open question.
    pub fn asking(&self) -> Option<ClipboardAsk> {
        self.clipboard.asking.borrow().clone()
    }

    /// Answers it.
    pub fn answer(&self, allowed: bool) {
        let asking = self.clipboard.asking.take();
        if let Some(ask) = asking {
            self.log(if allowed { "clipboard: allowed once" } else { "clipboard: denied" });
            self.view.answer_clipboard(ask.id, allowed);
        }
        self.change();
        self.focus();
    }

    /// What passed last, in words.
    pub fn last_moved(&self) -> Option<String> {
        let last = self.clipboard.last.borrow();
        last.as_ref().map(|moved| {
            let text = match moved.direction {
                // TRANSLATORS: {content} is such as "text, 214 characters"
                Direction::In => gettext("Last: {content}, into the sandbox"),
                Direction::Out => gettext("Last: {content}, out of the sandbox"),
            };
            let content = what(moved);
            let mut letters = content.chars();
            // In the middle of the sentence.
            let inner: String = letters.next().iter().flat_map(|c| c.to_lowercase()).chain(letters).collect();
            text.replace("{content}", if moved.format == Format::Text { &inner } else { &content })
        })
    }
}

/// What it is and how much: `Text, 214 characters`, `PNG picture, 37 KiB`.
pub fn what(ask: &ClipboardAsk) -> String {
    let (name, amount) = match (ask.format, ask.characters) {
        (Format::Text, Some(count)) => {
            let many = u32::try_from(count).unwrap_or(u32::MAX);
            let text = ngettext("{number} character", "{number} characters", many);
            return [gettext("Text"), text.replace("{number}", &count.to_string())].join(", ");
        }
        (Format::Text, None) => (gettext("Text"), ask.size),
        (Format::Png, _) => (gettext("PNG picture"), ask.size),
        (Format::Jpeg, _) => (gettext("JPEG picture"), ask.size),
        (Format::Bmp, _) => (gettext("BMP picture"), ask.size),
        (Format::Tiff, _) => (gettext("TIFF picture"), ask.size),
    };
    [name, message::size(u64::try_from(amount).unwrap_or(u64::MAX))].join(", ")
}
