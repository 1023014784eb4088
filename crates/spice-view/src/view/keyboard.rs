// SPDX-License-Identifier: LGPL-2.1-or-later
//! Keys on their way from GTK to the guest.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib};

use super::SpiceView;
use crate::keys::{from_hardware, Outcome, Scancode, Tracker};
use crate::types::{Command, Locks};

/// A guest that insists on other locks is corrected this often at most.
const LOCKS_PAUSE: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(super) struct Keyboard {
    tracker: RefCell<Tracker>,
    focused: Cell<bool>,
    /// Whether the desktop's shortcuts are held back now.
    inhibits: Cell<bool>,
    locks_sent: Cell<Option<Instant>>,
    /// A window lives as long as somebody keeps it: not its own child.
    window: RefCell<Option<(glib::WeakRef<gtk::Window>, glib::SignalHandlerId)>>,
}

impl Keyboard {
    pub(super) fn install(&self, view: &SpiceView) {
        Self::install_keys(view);
        Self::install_focus(view);
    }

    fn install_keys(view: &SpiceView) {
        let keys = gtk::EventControllerKey::new();
        // Before anybody else in the view; the window's own shortcuts, if they
        // are to work, are caught in the window in the same phase.
        keys.set_propagation_phase(gtk::PropagationPhase::Capture);
        let weak = view.downgrade();
        keys.connect_key_pressed(move |_, key, code, held| {
            let Some(view) = weak.upgrade() else { return glib::Propagation::Proceed };
            if !view.imp().keyboard.key(&view, code, true) {
                return glib::Propagation::Proceed;
            }
            // After the key: what comes of it is of no use to this paste.
            if pastes(key, code, held) {
                view.imp().clipboard.paste_key(&view);
            }
            glib::Propagation::Stop
        });
        let weak = view.downgrade();
        keys.connect_key_released(move |_, _, code, _| {
            if let Some(view) = weak.upgrade() {
                view.imp().keyboard.key(&view, code, false);
            }
        });
        view.add_controller(keys);
    }

    fn install_focus(view: &SpiceView) {
        let focus = gtk::EventControllerFocus::new();
        let weak = view.downgrade();
        focus.connect_enter(move |_| {
            if let Some(view) = weak.upgrade() {
                view.imp().keyboard.set_focused(&view, true);
            }
        });
        let weak = view.downgrade();
        focus.connect_leave(move |_| {
            if let Some(view) = weak.upgrade() {
                view.imp().keyboard.set_focused(&view, false);
            }
        });
        view.add_controller(focus);
    }

    /// Watches the window: one that is not active gets no key's release.
    pub(super) fn rooted(&self, view: &SpiceView) {
        let Some(window) = view.root().and_downcast::<gtk::Window>() else { return };
        let weak = view.downgrade();
        let handler = window.connect_is_active_notify(move |window| {
            let Some(view) = weak.upgrade() else { return };
            view.imp().keyboard.set_focused(&view, window.is_active() && view.has_focus());
        });
        self.window.replace(Some((window.downgrade(), handler)));
    }

    pub(super) fn unrooted(&self) {
        if let Some((Some(window), handler)) = self.window.take().map(|(window, id)| (window.upgrade(), id)) {
            window.disconnect(handler);
        }
    }

    fn set_focused(&self, view: &SpiceView, focused: bool) {
        if self.focused.replace(focused) == focused {
            return;
        }
        if focused {
            self.send_locks(view);
        } else {
            self.release(view);
        }
        self.update_grab(view);
        view.imp().clipboard.set_focused(view, focused);
    }

    /// A key went down or up; whether it was the guest's.
    fn key(&self, view: &SpiceView, code: u32, down: bool) -> bool {
        if !view.imp().is_connected() {
            return false;
        }
        let Some(key) = from_hardware(code) else { return false };
        let outcome = {
            let mut tracker = self.tracker.borrow_mut();
            if down {
                tracker.press(key)
            } else {
                tracker.release(key)
            }
        };
        match outcome {
            Outcome::Send(keys) => send(view, keys),
            Outcome::Leave(keys) => {
                send(view, keys);
                view.set_grab(false);
                view.emit_by_name::<()>("leave", &[]);
            }
        }
        true
    }

    /// A button was pressed: what Ctrl and Alt are held for.
    pub(super) fn interrupt(&self) {
        self.tracker.borrow_mut().interrupt();
    }

    fn release(&self, view: &SpiceView) {
        let keys = self.tracker.borrow_mut().release_all();
        send(view, keys);
    }

    pub(super) fn let_go(&self, view: &SpiceView) {
        self.release(view);
        self.update_grab(view);
    }

    /// The view is not seen any more; GTK does not always tell that the focus went.
    pub(super) fn unmapped(&self, view: &SpiceView) {
        self.set_focused(view, false);
    }

    /// Holds the desktop's shortcuts back, or no longer.
    pub(super) fn update_grab(&self, view: &SpiceView) {
        let wanted = view.grab() && self.focused.get() && view.imp().is_connected() && view.is_mapped();
        if self.inhibits.replace(wanted) == wanted {
            return;
        }
        let surface = view.native().and_then(|native| native.surface());
        if let Some(toplevel) = surface.and_downcast::<gdk::Toplevel>() {
            if wanted {
                toplevel.inhibit_system_shortcuts(None::<&gdk::Event>);
            } else {
                toplevel.restore_system_shortcuts();
            }
        }
    }

    /// The locks of the keyboard here, for the guest to follow.
    pub(super) fn send_locks(&self, view: &SpiceView) {
        if let Some(locks) = locks(view).filter(|_| self.focused.get()) {
            self.locks_sent.set(Some(Instant::now()));
            view.imp().send(Command::Locks(locks));
        }
    }

    /// The guest's locks are others.
    pub(super) fn guest_locks(&self, view: &SpiceView, guest: Locks) {
        let rested = self.locks_sent.get().is_none_or(|sent| sent.elapsed() > LOCKS_PAUSE);
        if rested && locks(view).is_some_and(|here| here != guest) {
            self.send_locks(view);
        }
    }
}

/// Whether programs paste by this key: by the letter here, or where the layout
/// has no Latin ones by its place.
fn pastes(key: gdk::Key, code: u32, held: gdk::ModifierType) -> bool {
    let has = |modifier| held.contains(modifier);
    let (ctrl, shift) = (has(gdk::ModifierType::CONTROL_MASK), has(gdk::ModifierType::SHIFT_MASK));
    let other = has(gdk::ModifierType::ALT_MASK) || has(gdk::ModifierType::SUPER_MASK);
    let is_v = match key.to_unicode() {
        Some(letter) if letter.is_ascii() => letter.eq_ignore_ascii_case(&'v'),
        // As X numbers it.
        _ => code == 55,
    };
    match key {
        gdk::Key::Paste => true,
        gdk::Key::Insert | gdk::Key::KP_Insert => shift && !ctrl && !other,
        _ => ctrl && !other && is_v,
    }
}

fn locks(view: &SpiceView) -> Option<Locks> {
    let keyboard = view.display().default_seat()?.keyboard()?;
    Some(Locks {
        caps: keyboard.is_caps_locked(),
        num: keyboard.is_num_locked(),
        scroll: keyboard.is_scroll_locked(),
    })
}

fn send(view: &SpiceView, keys: Vec<(Scancode, bool)>) {
    for (key, down) in keys {
        view.imp().send(Command::Key(key, down));
    }
}

/// What the signal `leave` does by itself: the focus goes to the next widget,
/// or to none.
pub(super) fn leave_by_default(values: &[glib::Value]) -> Option<glib::Value> {
    let view = values.first().and_then(|value| value.get::<SpiceView>().ok())?;
    let root = view.root()?;
    if !view.has_focus() {
        return None;
    }
    // GTK forgets the way to the focus when a widget with it gets another
    // parent; without the way there is no next.
    let mut child: gtk::Widget = view.clone().upcast();
    while let Some(parent) = child.parent() {
        parent.set_focus_child(Some(&child));
        child = parent;
    }
    if !root.child_focus(gtk::DirectionType::TabForward) || view.has_focus() {
        root.set_focus(None::<&gtk::Widget>);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_paste_are_known_in_every_layout() {
        const CTRL: gdk::ModifierType = gdk::ModifierType::CONTROL_MASK;
        const SHIFT: gdk::ModifierType = gdk::ModifierType::SHIFT_MASK;
        let caps = gdk::ModifierType::LOCK_MASK;
        for (key, code, held) in [
            (gdk::Key::v, 55, CTRL),
            (gdk::Key::V, 55, CTRL | SHIFT),
            (gdk::Key::V, 55, CTRL | caps),
            // Dvorak, and a Russian layout.
            (gdk::Key::v, 60, CTRL),
            (gdk::Key::Cyrillic_em, 55, CTRL),
            (gdk::Key::Insert, 118, SHIFT),
            (gdk::Key::KP_Insert, 90, SHIFT),
            (gdk::Key::Paste, 143, gdk::ModifierType::empty()),
        ] {
            assert!(pastes(key, code, held), "{key:?} {held:?}");
        }
        for (key, code, held) in [
            (gdk::Key::v, 55, gdk::ModifierType::empty()),
            (gdk::Key::V, 55, SHIFT),
            (gdk::Key::v, 55, CTRL | gdk::ModifierType::ALT_MASK),
            (gdk::Key::k, 55, CTRL),
            (gdk::Key::Cyrillic_em, 60, CTRL),
            (gdk::Key::Insert, 118, CTRL),
            (gdk::Key::Insert, 118, gdk::ModifierType::empty()),
        ] {
            assert!(!pastes(key, code, held), "{key:?} {held:?}");
        }
    }
}
