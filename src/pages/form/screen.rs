// SPDX-License-Identifier: LGPL-2.1-or-later
//! How the program shows, and what passes between its screen and this one.

use crate::pages::object;
use crate::pages::runs::policy_name;
use adw::prelude::*;
use gettextrs::gettext;
use spice_view::ClipboardPolicy;
use terrarium_engine::profile::{Clipboard, Display, DisplayKind};

const KINDS: [DisplayKind; 3] = [DisplayKind::Terminal, DisplayKind::Window, DisplayKind::None];
const POLICIES: [(Clipboard, ClipboardPolicy); 5] = [
    (Clipboard::Ask, ClipboardPolicy::Ask),
    (Clipboard::Off, ClipboardPolicy::Off),
    (Clipboard::In, ClipboardPolicy::In),
    (Clipboard::Out, ClipboardPolicy::Out),
    (Clipboard::Both, ClipboardPolicy::Both),
];

/// The rows.
pub struct ScreenRows {
    kind: adw::ComboRow,
    clipboard: adw::ComboRow,
    sound: gtk::Switch,
    sound_row: adw::ActionRow,
}

impl ScreenRows {
    /// As a new profile has them.
    pub fn new(builder: &gtk::Builder) -> Self {
        let rows = Self {
            kind: object(builder, "show-as"),
            clipboard: object(builder, "clipboard"),
            sound: object(builder, "sound"),
            sound_row: object(builder, "sound-row"),
        };
        let names = [gettext("Terminal"), gettext("Window"), gettext("Nothing")];
        rows.kind.set_model(Some(&list(&names)));
        rows.clipboard.set_model(Some(&list(&POLICIES.map(|(_, policy)| policy_name(policy)))));
        rows.show();
        rows
    }

    /// Calls back when one is changed.
    pub fn connect(&self, changed: impl Fn() + Clone + 'static) {
        let (clipboard, sound_row) = (self.clipboard.clone(), self.sound_row.clone());
        let again = changed.clone();
        self.kind.connect_selected_notify(move |kind| {
            let window = chosen(kind) == DisplayKind::Window;
            clipboard.set_visible(window);
            sound_row.set_visible(window);
            again();
        });
        let again = changed.clone();
        self.clipboard.connect_selected_notify(move |_| again());
        self.sound.connect_active_notify(move |_| changed());
    }

    fn show(&self) {
        let window = chosen(&self.kind) == DisplayKind::Window;
        self.clipboard.set_visible(window);
        self.sound_row.set_visible(window);
    }

    /// Shows a profile's.
    pub fn fill(&self, display: &Display) {
        let kind = KINDS.iter().position(|kind| *kind == display.kind);
        self.kind.set_selected(index(kind));
        let policy = POLICIES.iter().position(|(policy, _)| *policy == display.clipboard);
        self.clipboard.set_selected(index(policy));
        self.sound.set_active(display.sound);
        self.show();
    }

    /// What they say.
    pub fn read(&self, display: &mut Display) {
        display.kind = chosen(&self.kind);
        let policy = POLICIES.get(self.clipboard.selected() as usize);
        display.clipboard = policy.map_or(Clipboard::default(), |(policy, _)| *policy);
        display.sound = self.sound.is_active();
    }
}

fn chosen(kind: &adw::ComboRow) -> DisplayKind {
    KINDS.get(kind.selected() as usize).copied().unwrap_or_default()
}

fn index(found: Option<usize>) -> u32 {
    found.and_then(|index| u32::try_from(index).ok()).unwrap_or(0)
}

fn list(names: &[String]) -> gtk::StringList {
    gtk::StringList::new(&names.iter().map(String::as_str).collect::<Vec<_>>())
}
