// SPDX-License-Identifier: LGPL-2.1-or-later
//! What passes between the clipboards of the sandbox and of this desktop, and
//! the question about it.

use super::Screen;
use gettextrs::{gettext, ngettext};
use gtk::glib;
use spice_view::{ClipboardAsk, ClipboardPolicy, Direction, Format};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use terrarium_engine::message;

/// How the clipboard is shared.
pub struct Clipboard {
    policy: Cell<ClipboardPolicy>,
    shut: bool,
    asking: RefCell<Option<ClipboardAsk>>,
    /// What may be pasted into the sandbox once, and was not yet.
    pastable: RefCell<Option<ClipboardAsk>>,
    last: RefCell<Option<ClipboardAsk>>,
}

impl Clipboard {
    /// As the profile says.
    pub fn new(policy: ClipboardPolicy) -> Self {
        Self {
            policy: Cell::new(policy),
            shut: policy == ClipboardPolicy::Off,
            asking: RefCell::default(),
            pastable: RefCell::default(),
            last: RefCell::default(),
        }
    }
}

impl Screen {
    pub(super) fn connect_clipboard(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        self.view.connect_clipboard_asks(move |_, ask| {
            if let Some(screen) = weak.upgrade() {
                screen.clipboard.asking.replace(Some(ask.clone()));
                screen.clipboard.pastable.take();
                screen.change();
                screen.tell_asking(Some(ask.direction));
            }
        });
        let weak = Rc::downgrade(self);
        self.view.connect_clipboard_ask_gone(move |_, id| {
            if let Some(screen) = weak.upgrade() {
                let ours = screen.asking().is_some_and(|ask| ask.id == id);
                if ours {
                    screen.clipboard.asking.take();
                    screen.change();
                    screen.tell_asking(None);
                }
            }
        });
        let weak = Rc::downgrade(self);
        self.view.connect_clipboard_moved(move |_, moved| {
            if let Some(screen) = weak.upgrade() {
                screen.clipboard.last.replace(Some(moved.clone()));
                screen.clipboard.pastable.take();
                screen.log(&format!(
                    "clipboard: {:?} {:?}, {} bytes",
                    moved.direction, moved.format, moved.size
                ));
                screen.change();
            }
        });
    }

    /// Tells the desktop what is asked, where nobody looks; `None`: nothing is
    /// any more.
    fn tell_asking(&self, direction: Option<Direction>) {
        let (Some(tab), Some(window)) = (self.tab(), self.window()) else { return };
        match direction {
            Some(Direction::In) => window.tell_ask(&tab, &gettext("Paste Into “{name}”?")),
            Some(Direction::Out) => window.tell_ask(&tab, &gettext("“{name}” Wants to Fill Your Clipboard")),
            None => window.untell_ask(&tab),
        }
    }

    /// Whether the profile shut it: then the sandbox has none to open here.
    pub fn is_shut(&self) -> bool {
        self.clipboard.shut
    }

    /// What passes now.
    pub fn policy(&self) -> ClipboardPolicy {
        self.clipboard.policy.get()
    }

    /// What passes from now on, for this run.
    pub fn set_policy(&self, policy: ClipboardPolicy) {
        self.clipboard.policy.set(policy);
        self.clipboard.pastable.take();
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

    /// Asks whether the sandbox may paste what was copied here.
    pub fn offer_clipboard(&self) {
        self.view.offer_clipboard();
    }

    /// Answers it.
    pub fn answer(self: &Rc<Self>, allowed: bool) {
        let asking = self.clipboard.asking.take();
        if let Some(ask) = asking {
            self.log(if allowed { "clipboard: allowed once" } else { "clipboard: denied" });
            self.view.answer_clipboard(ask.id, allowed);
            self.tell_asking(None);
            if allowed && ask.direction == Direction::In {
                self.wait_for_paste(ask);
            }
        }
        self.change();
        self.focus();
    }

    /// What is allowed has still to be pasted: a paste that came before the
    /// answer took what was in the sandbox.
    pub fn pastable(&self) -> Option<ClipboardAsk> {
        self.clipboard.pastable.borrow().clone().filter(|_| self.has_agent())
    }

    fn wait_for_paste(self: &Rc<Self>, ask: ClipboardAsk) {
        let (weak, id) = (Rc::downgrade(self), ask.id);
        self.clipboard.pastable.replace(Some(ask));
        glib::timeout_add_seconds_local_once(self.view.clipboard_lifetime(), move || {
            let Some(screen) = weak.upgrade() else { return };
            if screen.clipboard.pastable.borrow_mut().take_if(|ask| ask.id == id).is_some() {
                screen.change();
            }
        });
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
            // TRANSLATORS: in the middle of a sentence, as is "formatted text"
            text.replace("{content}", &amount(moved, [gettext("text"), gettext("formatted text")]))
        })
    }
}

/// What it is and how much: `Text, 214 characters`, `PNG picture, 37 KiB`.
pub fn what(ask: &ClipboardAsk) -> String {
    amount(ask, [gettext("Text"), gettext("Formatted text")])
}

fn amount(ask: &ClipboardAsk, [text, formatted]: [String; 2]) -> String {
    let name = match ask.format {
        Format::Text => text,
        Format::Html => formatted,
        Format::Png => gettext("PNG picture"),
        Format::Jpeg => gettext("JPEG picture"),
        Format::Bmp => gettext("BMP picture"),
        Format::Tiff => gettext("TIFF picture"),
    };
    let size = match ask.characters {
        Some(count) => {
            let many = message::many(count);
            let text = ngettext("{number} character", "{number} characters", many);
            text.replace("{number}", &count.to_string())
        }
        None => message::size(u64::try_from(ask.size).unwrap_or(u64::MAX)),
    };
    [name, size].join(", ")
}
