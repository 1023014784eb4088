// SPDX-License-Identifier: LGPL-2.1-or-later
//! Full screen: the guest has all of it, and the header slides in over it
//! where the pointer touches the top edge.

use super::Runs;
use crate::window::Window;
use gettextrs::gettext;
use gtk::prelude::*;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// How long the way out is shown.
const HINT: Duration = Duration::from_secs(3);
/// So near the top edge the header comes, and so far below it it goes.
const NEAR: f64 = 2.0;
const FAR: f64 = 12.0;

/// How it is.
#[derive(Default)]
pub struct Fullscreen {
    on: Cell<bool>,
    at_top: Cell<bool>,
    hint: RefCell<Option<glib::SourceId>>,
}

impl Runs {
    pub(super) fn connect_fullscreen(self: &Rc<Self>, window: &Rc<Window>) {
        let pointer = gtk::EventControllerMotion::new();
        pointer.set_propagation_phase(gtk::PropagationPhase::Capture);
        let weak = Rc::downgrade(self);
        pointer.connect_motion(move |_, _, y| {
            if let Some(runs) = weak.upgrade().filter(|runs| runs.is_fullscreen()) {
                runs.pointer_is_at(y);
            }
        });
        self.widget.add_controller(pointer);
        // The desktop can do it, too.
        let (weak, own) = (Rc::downgrade(self), Rc::downgrade(window));
        window.widget.connect_fullscreened_notify(move |widget| {
            if let (Some(runs), Some(window)) = (weak.upgrade(), own.upgrade()) {
                let can = runs.current().is_some_and(|tab| tab.shows_screen());
                if runs.is_fullscreen() != widget.is_fullscreen() && (can || runs.is_fullscreen()) {
                    runs.set_fullscreen(&window, widget.is_fullscreen());
                }
            }
        });
    }

    /// Whether the guest has the whole screen.
    #[must_use]
    pub fn is_fullscreen(&self) -> bool {
        self.fullscreen.on.get()
    }

    /// Whether header and line are seen.
    #[must_use]
    pub fn shows_top(&self) -> bool {
        self.flap.reveals_flap()
    }

    /// Leaves full screen, if that is on.
    pub fn leave_fullscreen(&self, window: &Rc<Window>) {
        if self.is_fullscreen() {
            self.set_fullscreen(window, false);
        }
    }

    /// Gives the guest the whole screen, or takes it back.
    pub fn set_fullscreen(&self, window: &Rc<Window>, on: bool) {
        if self.fullscreen.on.replace(on) == on {
            return;
        }
        self.fullscreen.at_top.set(false);
        window.widget.set_fullscreened(on);
        self.flap.set_fold_policy(if on { adw::FlapFoldPolicy::Always } else { adw::FlapFoldPolicy::Never });
        let (icon, hint) = if on {
            ("view-restore-symbolic", gettext("Leave Full Screen"))
        } else {
            ("view-fullscreen-symbolic", gettext("Full Screen"))
        };
        self.fullscreen_button.set_icon_name(icon);
        self.fullscreen_button.set_tooltip_text(Some(&hint));
        if let Some(action) = window.widget.lookup_action("fullscreen").and_downcast::<gio::SimpleAction>() {
            action.set_state(&on.to_variant());
        }
        self.show_hint(on);
        self.focus();
    }

    fn show_hint(&self, on: bool) {
        if let Some(old) = self.fullscreen.hint.take() {
            old.remove();
        }
        self.hint.set_reveal_child(on);
        if on {
            let weak = self.own.clone();
            let timer = glib::timeout_add_local_once(HINT, move || {
                if let Some(runs) = weak.upgrade() {
                    // It has run: removing it again would be an error.
                    let _ = runs.fullscreen.hint.take();
                    runs.hint.set_reveal_child(false);
                    runs.show_top();
                }
            });
            self.fullscreen.hint.replace(Some(timer));
        }
        self.show_top();
    }

    fn pointer_is_at(&self, y: f64) {
        let top = self.flap.flap().map_or(0, |top| top.height());
        let at_top = self.fullscreen.at_top.get();
        if !at_top && y <= NEAR {
            self.fullscreen.at_top.set(true);
        } else if at_top && y > f64::from(top) + FAR {
            self.fullscreen.at_top.set(false);
        }
        self.show_top();
    }

    /// Header and line are seen where there is a reason.
    pub(super) fn show_top(&self) {
        let asks = self.ask.reveals_child() || self.prompt.reveals_child();
        let open = [&self.menu_button, &self.clipboard_button]
            .iter()
            .any(|button| button.popover().is_some_and(|popover| popover.is_visible()));
        let hint = self.fullscreen.hint.borrow().is_some();
        let shown = !self.is_fullscreen() || self.fullscreen.at_top.get() || hint || asks || open;
        self.flap.set_reveal_flap(shown);
    }
}
