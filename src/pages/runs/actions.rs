// SPDX-License-Identifier: LGPL-2.1-or-later
//! What menus and shortcuts do with the tab that is seen.

use super::Runs;
use crate::pages::tab::{Phase, Tab};
use crate::pages::terminal;
use crate::window::Window;
use gettextrs::gettext;
use gtk::prelude::*;
use gtk::{gio, glib};
use spice_view::{ClipboardPolicy, Combo, ScaleMode};
use std::rc::Rc;

/// Keys that a desktop or Terrarium keeps for itself.
const KEYS: &[&str] = &[
    "Ctrl+Alt+Delete",
    "Ctrl+Alt+Backspace",
    "Ctrl+Alt+F1",
    "Ctrl+Alt+F2",
    "Ctrl+Alt+F3",
    "Ctrl+Alt+F4",
    "Alt+F4",
    "Alt+Tab",
    "Super",
    "Print",
    "F11",
];

/// The policies, and the words that stand for them in the action.
pub const POLICIES: [(ClipboardPolicy, &str); 5] = [
    (ClipboardPolicy::Ask, "ask"),
    (ClipboardPolicy::Off, "off"),
    (ClipboardPolicy::In, "in"),
    (ClipboardPolicy::Out, "out"),
    (ClipboardPolicy::Both, "both"),
];

/// What people call a policy.
pub fn policy_name(policy: ClipboardPolicy) -> String {
    match policy {
        ClipboardPolicy::Ask => gettext("Ask Each Time"),
        ClipboardPolicy::Off => gettext("Off"),
        ClipboardPolicy::In => gettext("Into the Sandbox"),
        ClipboardPolicy::Out => gettext("Out of the Sandbox"),
        ClipboardPolicy::Both => gettext("Both Ways"),
    }
}

impl Runs {
    pub(super) fn add_actions(self: &Rc<Self>, window: &Rc<Window>) {
        self.add_simple(window, "stop", |_, _, tab| tab.stop());
        self.add_simple(window, "pause", |_, _, tab| tab.toggle_pause());
        self.add_simple(window, "run-again", |_, _, tab| tab.run_again());
        self.add_simple(window, "change", |_, _, tab| tab.change_it());
        self.add_simple(window, "restart", |_, _, tab| tab.restart());
        self.add_simple(window, "close-tab", |runs, _, tab| runs.close(&tab));
        self.add_simple(window, "save-output", |runs, window, _| runs.save_output(&window));
        self.add_simple(window, "screenshot", |runs, window, _| runs.save_screenshot(&window));
        self.add_simple(window, "copy-screenshot", |runs, window, _| runs.copy_screenshot(&window));
        self.add_simple(window, "show-terminal", |_, _, tab| tab.show_terminal());
        self.add_simple(window, "show-display", |_, _, tab| tab.show_display());
        self.add_simple(window, "new-shell", |_, _, tab| tab.new_shell());
        self.add_simple(window, "show-log", |_, window, tab| tab.show_log(&window));
        self.add_simple(window, "zoom-in", |_, _, tab| terminal::zoom(&tab.shown_terminal(), 1));
        self.add_simple(window, "zoom-out", |_, _, tab| terminal::zoom(&tab.shown_terminal(), -1));
        self.add_simple(window, "zoom-normal", |_, _, tab| terminal::zoom(&tab.shown_terminal(), 0));
        self.add_simple(window, "find", |runs, _, _| runs.begin_find());
        self.add_simple(window, "reach", |runs, window, tab| {
            if tab.phase() == Phase::Running {
                runs.set_details(true, Some("reach"));
                return runs.refresh();
            }
            if let Some(plan) = tab.plan_again() {
                window.tell_reach(&plan.profile, None);
            }
        });
        self.add_simple(window, "save-profile", |_, window, tab| {
            if let Some(plan) = tab.plan_again() {
                // Shown where it is seen what is saved, and asked for its name.
                window.edit(&plan.profile, None);
                let _ = WidgetExt::activate_action(&window.widget, "win.form-save", None);
            }
        });
        self.add_simple(window, "usage", |_, window, tab| {
            if let Some(id) = tab.id() {
                let most = tab.plan_again().map(|plan| plan.memory);
                crate::pages::usage::show(&window, &id, &tab.name(), most);
            }
        });
        self.add_simple(window, "offer-clipboard", |_, _, tab| {
            tab.screen.iter().for_each(|screen| screen.offer_clipboard());
        });
        self.add_choices(window);
        self.add_send_key(window);
        self.add_devices(window);
    }

    /// What is on or off, or one of several.
    fn add_choices(self: &Rc<Self>, window: &Rc<Window>) {
        self.add_stateful(window, "scale", Some("fit"), |_, tab, word| {
            let mode = if word.str() == Some("actual") { ScaleMode::Actual } else { ScaleMode::Fit };
            tab.screen.iter().for_each(|screen| screen.set_scale(mode));
        });
        self.add_stateful(window, "clipboard", Some("ask"), |_, tab, word| {
            let policy = POLICIES.iter().find(|(_, name)| Some(*name) == word.str());
            if let Some((policy, _)) = policy {
                tab.set_clipboard_policy(*policy);
            }
        });
        self.add_stateful(window, "follow-size", None, |_, tab, on| {
            tab.screen.iter().for_each(|screen| screen.set_follow(on.get() == Some(true)));
        });
        self.add_stateful(window, "grab", None, |_, tab, on| {
            if let Some(screen) = &tab.screen {
                screen.view.set_grab(on.get() == Some(true));
                screen.focus();
            }
        });
        self.add_stateful(window, "mute", None, |_, tab, on| {
            tab.screen.iter().for_each(|screen| screen.set_muted(on.get() == Some(true)));
        });
        self.add_stateful(window, "details", None, |runs, _, on| {
            runs.set_details(on.get() == Some(true), None);
        });
        self.add_stateful(window, "network", None, |runs, _, on| {
            runs.set_details(on.get() == Some(true), Some("network"));
        });
        self.add_stateful(window, "fullscreen", None, |runs, _, on| {
            if let Some(window) = runs.window.borrow().upgrade() {
                runs.set_fullscreen(&window, on.get() == Some(true));
            }
        });
    }

    fn add_simple(self: &Rc<Self>, window: &Rc<Window>, name: &str, run: fn(&Rc<Self>, Rc<Window>, Rc<Tab>)) {
        let action = gio::SimpleAction::new(name, None);
        let (runs, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        action.connect_activate(move |_, _| {
            let (Some(runs), Some(window)) = (runs.upgrade(), weak.upgrade()) else { return };
            if let Some(tab) = runs.current() {
                run(&runs, window, tab);
            }
        });
        window.widget.add_action(&action);
    }

    /// One with a state: a word, or on and off.
    fn add_stateful(
        self: &Rc<Self>,
        window: &Rc<Window>,
        name: &str,
        word: Option<&str>,
        run: fn(&Rc<Self>, Rc<Tab>, &glib::Variant),
    ) {
        let kind = word.map(|_| glib::VariantTy::STRING);
        let state = word.map_or_else(|| false.to_variant(), ToVariant::to_variant);
        let action = gio::SimpleAction::new_stateful(name, kind, &state);
        let runs = Rc::downgrade(self);
        action.connect_change_state(move |_, state| {
            let Some(runs) = runs.upgrade() else { return };
            if let (Some(tab), Some(state)) = (runs.current(), state) {
                run(&runs, tab, state);
                runs.refresh();
            }
        });
        window.widget.add_action(&action);
    }

    fn add_send_key(self: &Rc<Self>, window: &Rc<Window>) {
        let action = gio::SimpleAction::new("send-key", Some(glib::VariantTy::STRING));
        let runs = Rc::downgrade(self);
        action.connect_activate(move |_, keys| {
            let combo = keys.and_then(glib::Variant::str).and_then(|keys| keys.parse::<Combo>().ok());
            let tab = runs.upgrade().and_then(|runs| runs.current());
            if let (Some(combo), Some(screen)) = (combo, tab.as_ref().and_then(|tab| tab.screen.as_ref())) {
                screen.view.send_keys(&combo);
                screen.focus();
            }
        });
        window.widget.add_action(&action);
        for keys in KEYS {
            let item = gio::MenuItem::new(Some(keys), None);
            item.set_action_and_target_value(Some("win.send-key"), Some(&keys.to_variant()));
            self.keys_menu.append_item(&item);
        }
    }

    /// The clipboard's menu: the policies, and what passed last.
    pub(super) fn fill_clipboard_menu(&self, last: Option<&str>) {
        if self.last_moved.replace(last.map(str::to_owned)).as_deref() == last
            && self.clipboard_menu.n_items() > 0
        {
            return;
        }
        let policies = gio::Menu::new();
        for (policy, word) in POLICIES {
            let item = gio::MenuItem::new(Some(&policy_name(policy)), None);
            item.set_action_and_target_value(Some("win.clipboard"), Some(&word.to_variant()));
            policies.append_item(&item);
        }
        for menu in [&self.clipboard_menu, &self.narrow_clipboard] {
            menu.remove_all();
            menu.append_section(None, &policies);
            let offer = gio::Menu::new();
            offer.append(Some(&gettext("_Let It Paste What You Copied…")), Some("win.offer-clipboard"));
            menu.append_section(None, &offer);
            if let Some(last) = last {
                // An item without an action is a line to read.
                let line = gio::Menu::new();
                line.append(Some(&last.replace('_', "__")), Some("win.nothing"));
                menu.append_section(None, &line);
            }
        }
    }

    /// Actions follow the tab that is seen.
    pub(super) fn refresh_actions(&self, window: &Window, tab: &Tab) {
        let action = |name: &str| {
            window.widget.lookup_action(name).and_then(|action| action.downcast::<gio::SimpleAction>().ok())
        };
        let enable = |name: &str, on: bool| action(name).iter().for_each(|action| action.set_enabled(on));
        let state = |name: &str, state: glib::Variant| {
            action(name).iter().for_each(|action| action.set_state(&state));
        };
        let runs = tab.phase() == Phase::Running;
        let on_screen = tab.shows_screen();
        enable("pause", runs);
        for name in ["details", "network"] {
            enable(name, runs || self.has_details());
        }
        state("details", self.has_details().to_variant());
        state("network", self.has_page("network").to_variant());
        enable("restart", runs && tab.has_plan());
        enable("change", tab.phase() == Phase::Ended && tab.has_plan());
        enable("reach", tab.has_plan());
        enable("usage", runs);
        enable("save-profile", tab.may_be_saved(&window.library));
        for name in ["find", "zoom-in", "zoom-out", "zoom-normal"] {
            enable(name, !tab.shows_screen());
        }
        enable("new-shell", runs && !tab.is_paused());
        enable("show-display", runs && tab.screen.is_some() && !on_screen);
        enable("show-terminal", on_screen);
        enable("fullscreen", self.is_fullscreen() || (on_screen && tab.is_live()));
        let Some(screen) = &tab.screen else { return };
        let connected = runs && screen.is_connected();
        for name in ["send-key", "grab"] {
            enable(name, connected && on_screen);
        }
        enable("mute", screen.may_sound() && connected);
        enable("clipboard", connected && screen.has_agent() && !screen.is_shut());
        let asks = screen.policy() == ClipboardPolicy::Ask;
        enable("offer-clipboard", connected && screen.has_agent() && asks);
        let word =
            POLICIES.iter().find(|(policy, _)| *policy == screen.policy()).map_or("", |(_, word)| word);
        state("clipboard", word.to_variant());
        state("scale", if screen.scale() == ScaleMode::Fit { "fit" } else { "actual" }.to_variant());
        state("follow-size", screen.follows().to_variant());
        state("grab", screen.view.grab().to_variant());
        state("mute", screen.is_muted().to_variant());
        state("fullscreen", self.is_fullscreen().to_variant());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_menu_is_one() {
        for keys in KEYS {
            assert!(keys.parse::<Combo>().is_ok(), "{keys}");
        }
    }
}
