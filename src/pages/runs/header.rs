// SPDX-License-Identifier: LGPL-2.1-or-later
//! Header and line follow the tab that is seen.

use super::room::{Extra, Gives};
use super::Runs;
use crate::look;
use crate::pages::tab::{Phase, Tab};
use crate::pages::{chip, is_large, spare_buttons};
use gettextrs::gettext;
use gtk::glib;
use gtk::prelude::*;
use std::rc::Rc;
use terrarium_engine::profile::Colour;

/// Narrower windows have room for the most important buttons only.
pub const NARROW: i32 = 600;

impl Runs {
    pub(super) fn connect_header(self: &Rc<Self>, measure: &gtk::DrawingArea) {
        self.clipboard_button.set_menu_model(Some(&self.clipboard_menu));
        self.fullscreen_button.set_tooltip_text(Some(&gettext("Full Screen")));
        self.connect_question();
        // A page that is not seen is not measured, and yet has to let the
        // window become narrow.
        if let Some(window) = self.window.borrow().upgrade() {
            let weak = Rc::downgrade(self);
            window.widget.connect_default_width_notify(move |window| {
                if let Some(runs) = weak.upgrade() {
                    runs.set_narrow(window.default_width() < NARROW);
                }
            });
        }
        let weak = Rc::downgrade(self);
        measure.connect_resize(move |_, width, _| {
            let weak = weak.clone();
            // Not while sizes are being given out.
            glib::idle_add_local_once(move || {
                if let Some(runs) = weak.upgrade() {
                    runs.set_narrow(width < NARROW);
                }
            });
        });
    }

    fn set_narrow(&self, narrow: bool) {
        if self.narrow.replace(narrow) == narrow {
            return;
        }
        self.has_room_again();
        let along = if narrow { gtk::Orientation::Vertical } else { gtk::Orientation::Horizontal };
        // Also those that are not seen let the window become narrow.
        self.tabs.borrow().iter().for_each(|tab| tab.end_page.set_narrow(narrow));
        self.ask_bar.set_orientation(along);
        self.prompt_bar.set_orientation(if is_large() { along } else { gtk::Orientation::Horizontal });
        spare_buttons(&self.header, narrow);
        self.ask_buttons.set_hexpand(narrow);
        self.ask_bar.set_spacing(if narrow { 6 } else { 12 });
        self.refresh();
    }

    /// Shows how things are.
    pub(super) fn refresh(&self) {
        self.window.borrow().upgrade().iter().for_each(|window| window.hold_up_logout());
        let Some(tab) = self.current() else {
            return self.hide_buttons();
        };
        let colour = tab.facts.colour;
        let looks = Some((colour, tab.facts.icon()));
        if self.looks.replace(looks) != looks {
            self.set_colour(colour, tab.facts.icon());
        }
        let page = self.view.page(&tab.widget);
        if page.title() != tab.name() {
            page.set_title(&tab.name());
        }
        if set(&self.name, &tab.name()) {
            self.has_room_again();
        }
        self.chip_place.set_visible(!self.gives_way(Gives::Mark));
        self.look_for_room();
        self.show_subtitle(&tab);
        let runs = tab.phase() == Phase::Running;
        // A screen's first size is what it keeps: the line's place is free
        // for it from the start.
        let live = tab.is_live();
        self.line.set_visible(live || (tab.screen.is_some() && tab.phase() != Phase::Ended));
        self.line.set_opacity(if live { 1.0 } else { 0.0 });
        self.edge.set_opacity(self.line.opacity());
        self.prompt.set_reveal_child(runs && !tab.has_keyboard());
        tab.end_page.set_narrow(self.narrow.get());
        self.show_pause(&tab);
        self.stop.set_visible(runs);
        self.show_stop(&tab);
        self.show_screen_buttons(&tab);
        self.show_question(&tab);
        self.show_details(&tab);
        self.tell_others(&tab);
        tab.ask_what_waits();
        if let Some(window) = self.window.borrow().upgrade() {
            if self.is_fullscreen() && !tab.shows_screen() && tab.phase() == Phase::Ended {
                self.leave_fullscreen(&window);
            }
            self.refresh_actions(&window, &tab);
            tab.tell_if_full(&window);
        }
        self.show_top();
    }

    /// As much of it as there is room for.
    fn show_subtitle(&self, tab: &Tab) {
        let narrow = self.narrow.get();
        let whole = tab.subtitle(false);
        self.subtitles.set_visible(!whole.is_empty());
        set(&self.subtitle, &tab.subtitle(narrow));
        set(&self.subtitle_narrow, &tab.subtitle(true));
        set(&self.subtitle_short, &tab.subtitle_in_short());
        let whole = narrow.then_some(whole);
        if self.subtitles.tooltip_text().as_deref() != whole.as_deref() {
            self.subtitles.set_tooltip_text(whole.as_deref());
        }
    }

    fn show_pause(&self, tab: &Tab) {
        let paused = tab.is_paused();
        self.pause.set_visible(tab.phase() == Phase::Running && self.has_room(tab, Extra::Pause));
        let (icon, hint) = if paused {
            ("media-playback-start-symbolic", gettext("Continue"))
        } else {
            ("media-playback-pause-symbolic", gettext("Pause"))
        };
        self.pause.set_icon_name(icon);
        self.pause.set_tooltip_text(Some(&hint));
    }

    /// After a moment in vain the button says that it will use force.
    fn show_stop(&self, tab: &Tab) {
        let force = tab.may_force();
        let text = if force { gettext("Force Stop") } else { gettext("Stop") };
        if force && !self.narrow.get() {
            if self.stop.label().is_none() {
                self.stop.set_label(&text);
            }
        } else if self.stop.icon_name().is_none() {
            self.stop.set_icon_name("media-playback-stop-symbolic");
        }
        if self.stop.tooltip_text().as_deref() != Some(&text) {
            self.stop.set_tooltip_text(Some(&text));
        }
        if force {
            self.stop.add_css_class("destructive-action");
        } else {
            self.stop.remove_css_class("destructive-action");
        }
        self.stop.set_sensitive(!tab.is_stopping() || tab.may_force());
    }

    fn show_screen_buttons(&self, tab: &Tab) {
        let on_screen = tab.shows_screen();
        let menu = if on_screen {
            &self.screen_menu
        } else if tab.phase() == Phase::Starting {
            &self.start_menu
        } else {
            &self.terminal_menu
        };
        if self.menu_button.menu_model().as_ref() != Some(menu) {
            self.menu_button.set_menu_model(Some(menu));
        }
        let wide = on_screen && !self.narrow.get();
        let leaves = self.is_fullscreen() && self.has_room(tab, Extra::Fullscreen);
        self.fullscreen_button.set_visible(wide || leaves);
        self.clipboard_button.set_visible(wide);
        let Some(screen) = tab.screen.as_ref().filter(|_| on_screen) else { return };
        self.fill_clipboard_menu(screen.last_moved().as_deref());
        self.fill_devices_menu(screen);
        let hint = if screen.is_shut() {
            gettext("The profile keeps the clipboard off.")
        } else if screen.has_agent() || !screen.is_connected() {
            gettext("Clipboard")
        } else {
            gettext("The sandbox has no SPICE agent (spice-vdagent).")
        };
        self.clipboard_button.set_sensitive(screen.has_agent() && !screen.is_shut());
        if self.clipboard_button.tooltip_text().as_deref() != Some(&hint) {
            self.clipboard_button.set_tooltip_text(Some(&hint));
        }
    }

    /// Tabs that are not seen say that they ask something.
    fn tell_others(&self, current: &Tab) {
        for tab in self.tabs.borrow().iter() {
            let asks = tab.waits_for_answer() || tab.has_something_to_tell();
            let asks = asks && !std::ptr::eq(&**tab, current);
            let page = self.view.page(&tab.widget);
            if page.needs_attention() != asks {
                page.set_needs_attention(asks);
            }
        }
    }

    fn set_colour(&self, colour: Colour, icon: &str) {
        let class = look::class(colour);
        let all: [&gtk::Widget; 7] = [
            self.header.upcast_ref(),
            self.bar.upcast_ref(),
            self.line.upcast_ref(),
            self.prompt_bar.upcast_ref(),
            self.ask_bar.upcast_ref(),
            self.hint_bar.upcast_ref(),
            self.edge.upcast_ref(),
        ];
        for widget in all {
            widget
                .css_classes()
                .iter()
                .filter(|old| old.starts_with("tr-"))
                .for_each(|old| widget.remove_css_class(old));
            widget.add_css_class(&class);
        }
        while let Some(old) = self.chip_place.first_child() {
            self.chip_place.remove(&old);
        }
        let mark = chip(colour, "small", icon);
        mark.set_tooltip_text(Some(&look::name(colour)));
        self.chip_place.append(&mark);
    }
}

/// Sets a label only if it differs: a screen reader is not to be disturbed.
/// Whether it did.
fn set(label: &gtk::Label, text: &str) -> bool {
    let differs = label.label() != text;
    if differs {
        label.set_label(text);
    }
    differs
}
