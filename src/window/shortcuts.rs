// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window's shortcuts. They are caught before any page gets the keys, but
//! for those that a sandbox's screen has the focus for.

use super::Window;
use gtk::prelude::*;

const SHORTCUTS: &[(&str, &str)] = &[
    ("<Control>n", "win.new-run"),
    ("<Control>Return", "win.run"),
    ("<Control>s", "win.form-save"),
    ("<Control><Shift>n", "win.new-window"),
    ("<Control>comma", "win.preferences"),
    ("<Control><Shift>f", "win.find"),
    ("<Control>plus", "win.zoom-in"),
    ("<Control>equal", "win.zoom-in"),
    ("<Control>minus", "win.zoom-out"),
    ("<Control>0", "win.zoom-normal"),
    ("<Control>f", "win.search"),
    ("<Alt>Left", "win.back"),
    ("<Control>w", "win.close-tab"),
    ("<Control><Shift>c", "win.copy"),
    ("<Control><Shift>v", "win.paste"),
    ("<Control>question", "win.shortcuts"),
    ("<Control>q", "window.close"),
];
/// Those that always work.
const ALWAYS: &[(&str, &str)] = &[("F11", "win.fullscreen")];

/// A controller for the window; the others are added beside it.
pub(super) fn add(window: &adw::ApplicationWindow) -> gtk::ShortcutController {
    window.add_controller(controller(ALWAYS));
    let controller = controller(SHORTCUTS);
    window.add_controller(controller.clone());
    controller
}

fn controller(shortcuts: &[(&str, &str)]) -> gtk::ShortcutController {
    let controller = gtk::ShortcutController::new();
    controller.set_propagation_phase(gtk::PropagationPhase::Capture);
    for (keys, action) in shortcuts {
        let action = gtk::NamedAction::new(action);
        let trigger = gtk::ShortcutTrigger::parse_string(keys);
        controller.add_shortcut(gtk::Shortcut::new(trigger, Some(action)));
    }
    controller
}

impl Window {
    /// Lets the shortcuts work, or leaves their keys to a sandbox.
    pub fn set_shortcuts(&self, on: bool) {
        let phase = if on { gtk::PropagationPhase::Capture } else { gtk::PropagationPhase::None };
        self.shortcuts.set_propagation_phase(phase);
    }
}
