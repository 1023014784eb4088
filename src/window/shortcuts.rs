// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window's shortcuts. They are caught before any page gets the keys, but
//! for those that a sandbox has the focus for: a screen gets all keys, a
//! terminal those that mean something to programs in it.

use super::Window;
use gtk::prelude::*;
use vte::prelude::*;

/// Those that are a program's while a terminal has the focus: a shell deletes a
/// word with Ctrl+W.
const PLAIN: &[(&str, &str)] = &[
    ("<Control>n", "win.new-run"),
    ("<Control>Return", "win.run"),
    ("<Control>s", "win.form-save"),
    ("<Control>f", "win.search"),
    ("<Alt>Left", "win.back"),
    ("<Control>w", "win.close-tab"),
    ("<Control>q", "window.close"),
];
/// As in other terminals.
const BESIDE_TERMINALS: &[(&str, &str)] = &[
    ("<Control><Shift>n", "win.new-window"),
    ("<Control>comma", "win.preferences"),
    ("<Control><Shift>f", "win.find"),
    ("<Control>plus", "win.zoom-in"),
    ("<Control>equal", "win.zoom-in"),
    ("<Control>minus", "win.zoom-out"),
    ("<Control>0", "win.zoom-normal"),
    ("<Control><Shift>w", "win.close-tab"),
    ("<Control><Shift>q", "window.close"),
    ("<Control><Shift>c", "win.copy"),
    ("<Control><Shift>v", "win.paste"),
    ("<Control>question", "win.shortcuts"),
];
/// Those that always work.
const ALWAYS: &[(&str, &str)] = &[("F11", "win.fullscreen")];

/// Controllers of the window.
pub struct Shortcuts {
    plain: gtk::ShortcutController,
    beside_terminals: gtk::ShortcutController,
}

/// Adds them.
pub(super) fn add(window: &adw::ApplicationWindow) -> Shortcuts {
    let add = |shortcuts| {
        let controller = controller(shortcuts);
        window.add_controller(controller.clone());
        controller
    };
    add(ALWAYS);
    let (plain, beside_terminals) = (add(PLAIN), add(BESIDE_TERMINALS));
    let weak = plain.downgrade();
    window.connect_focus_widget_notify(move |window| {
        let terminal = GtkWindowExt::focus(window).and_downcast::<vte::Terminal>();
        let is_typed_in = terminal.is_some_and(|terminal| terminal.is_input_enabled());
        weak.upgrade().iter().for_each(|plain| set(plain, !is_typed_in));
    });
    Shortcuts { plain, beside_terminals }
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

fn set(controller: &gtk::ShortcutController, on: bool) {
    let phase = if on { gtk::PropagationPhase::Capture } else { gtk::PropagationPhase::None };
    controller.set_propagation_phase(phase);
}

impl Window {
    /// Lets the shortcuts work, or leaves their keys to a sandbox's screen.
    pub fn set_shortcuts(&self, on: bool) {
        set(&self.shortcuts.plain, on);
        set(&self.shortcuts.beside_terminals, on);
    }
}
