// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window's shortcuts. They are caught before any page gets the keys, but
//! for those that a sandbox has the focus for: a screen gets all keys, a
//! terminal those that mean something to programs in it.

use super::Window;
use gtk::prelude::*;
use gtk::{gio, glib};
use std::rc::Rc;
use vte::prelude::*;

/// Those that are a program's while a terminal has the focus: a shell deletes a
/// word with Ctrl+W.
const PLAIN: &[(&str, &str)] = &[
    ("<Control>n", "win.new-run"),
    ("<Control>Return", "win.run"),
    ("<Control>s", "win.form-save"),
    ("<Control>f", "win.search"),
    ("<Control>z", "win.undo"),
    ("<Control><Shift>z", "win.redo"),
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

    /// Ways back by keys: in the form, in a text, or of what was deleted at Home.
    pub(super) fn add_ways_back(self: &Rc<Self>) {
        for (name, forth) in [("undo", false), ("redo", true)] {
            let action = gio::SimpleAction::new(name, None);
            let window = Rc::downgrade(self);
            action.connect_activate(move |_, _| {
                window.upgrade().iter().for_each(|window| window.go_back_or_forth(forth));
            });
            self.widget.add_action(&action);
        }
    }

    fn go_back_or_forth(self: &Rc<Self>, forth: bool) {
        let focus = gtk::prelude::GtkWindowExt::focus(&self.widget);
        let text = focus.filter(|focus| focus.is::<gtk::Text>() || focus.is::<gtk::TextView>());
        match (self.known_form().filter(|_| self.shows("form")), text) {
            (Some(form), text) if forth => form.redo_by_key(self, text.as_ref()),
            (Some(form), text) => form.undo_by_key(self, text.as_ref()),
            (None, Some(text)) => {
                let _ = text.activate_action(if forth { "text.redo" } else { "text.undo" }, None);
            }
            (None, None) if !forth => self.bring_last_back(),
            (None, None) => {}
        }
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
