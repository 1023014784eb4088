// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window's shortcuts. They are caught before any page gets the keys, but
//! for those that a sandbox has the focus for: a screen gets all keys, a
//! terminal those that mean something to programs in it.

use super::Window;
use gtk::glib;
use gtk::prelude::*;
use vte::prelude::*;

/// Those that are a program's while a terminal has the focus: a shell deletes a
/// word with Ctrl+W.
const PLAIN: &[(&str, &str)] = &[
    ("<Control>n", "win.new-run"),
    ("<Control>Return", "win.run"),
    ("<Control>s", "win.form-save"),
    ("<Control>f", "win.search"),
    ("<Control>z", "win.profile-back"),
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
    ("<Alt>Home", "win.back"),
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
    let add = |shortcuts: &[(&str, &'static str)], beside_terminals| {
        let controller = controller(shortcuts, beside_terminals);
        window.add_controller(controller.clone());
        controller
    };
    add(ALWAYS, true);
    Shortcuts { plain: add(PLAIN, false), beside_terminals: add(BESIDE_TERMINALS, true) }
}

fn controller(shortcuts: &[(&str, &'static str)], beside_terminals: bool) -> gtk::ShortcutController {
    let controller = gtk::ShortcutController::new();
    controller.set_propagation_phase(gtk::PropagationPhase::Capture);
    for &(keys, name) in shortcuts {
        let run = move |widget: &gtk::Widget, _: Option<&glib::Variant>| {
            let taken = (beside_terminals || !types_into_terminal(widget))
                && !(name == "win.profile-back" && types_text(widget))
                && widget.activate_action(name, None).is_ok();
            if taken {
                glib::Propagation::Stop
            } else {
                glib::Propagation::Proceed
            }
        };
        let trigger = gtk::ShortcutTrigger::parse_string(keys);
        controller.add_shortcut(gtk::Shortcut::new(trigger, Some(gtk::CallbackAction::new(run))));
    }
    controller
}

/// Whether keys are a program's in a terminal.
fn types_into_terminal(widget: &gtk::Widget) -> bool {
    let focus = widget.root().and_then(|root| root.focus());
    focus.and_downcast::<vte::Terminal>().is_some_and(|terminal| terminal.is_input_enabled())
}

/// Whether somebody types, and takes back what was typed.
fn types_text(widget: &gtk::Widget) -> bool {
    let focus = widget.root().and_then(|root| root.focus());
    focus.is_some_and(|focus| focus.is::<gtk::Text>() || focus.is::<gtk::TextView>())
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

    /// A page that comes gives the keyboard to what had it there last. That may
    /// lie in a menu that is closed since: no key leads anywhere from there.
    pub(super) fn lead_focus_out(&self) {
        let focus = gtk::prelude::GtkWindowExt::focus(&self.widget);
        let menu = focus.and_then(|one| one.ancestor(gtk::Popover::static_type()));
        if let Some(menu) = menu.filter(|menu| !menu.is_mapped()) {
            if !menu.parent().is_some_and(|button| button.grab_focus()) {
                gtk::prelude::GtkWindowExt::set_focus(&self.widget, gtk::Widget::NONE);
            }
        }
    }
}
