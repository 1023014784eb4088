// SPDX-License-Identifier: LGPL-2.1-or-later
//! A window is closed while something runs in it.

use super::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::Cell;
use std::rc::Rc;
use terrarium_engine::sandbox::{Held, Id};

impl Window {
    pub(super) fn ask_before_closing(self: &Rc<Self>) {
        // This handler keeps the window's parts alive until it is gone.
        let window = self.clone();
        let handler = self.widget.connect_close_request(move |_| {
            if let Some((tab, files)) = window.runs.would_lose() {
                tab.ask_to_lose(&files, |tab| tab.close_window());
            } else if window.runs.running().is_empty() {
                if !window.runs.holds() {
                    return glib::Propagation::Proceed;
                }
                window.leave();
            } else {
                window.ask_what_to_do();
            }
            glib::Propagation::Stop
        });
        let (weak, handler) = (Rc::downgrade(self), Cell::new(Some(handler)));
        // However it goes. It is destroyed only when nobody has it any more.
        self.widget.connect_unrealize(move |widget| {
            // VTE complains when it goes with the focus.
            gtk::prelude::GtkWindowExt::set_focus(widget, gtk::Widget::NONE);
            if let Some(window) = weak.upgrade() {
                window.runs.leave();
                window.let_logout_go_on();
            }
            if let Some(handler) = handler.take() {
                let widget = widget.clone();
                glib::idle_add_local_once(move || widget.disconnect(handler));
            }
        });
    }

    fn ask_what_to_do(self: &Rc<Self>) {
        let dialog = adw::MessageDialog::new(
            Some(&self.widget),
            Some(&gettext("Keep Them Running?")),
            Some(&gettext("Programs still run in this window. They can go on without it; Terrarium shows them again when it is opened.")),
        );
        dialog.add_response("cancel", &gettext("_Cancel"));
        dialog.add_response("stop", &gettext("_Stop"));
        dialog.add_response("keep", &gettext("_Keep Running"));
        dialog.set_response_appearance("stop", adw::ResponseAppearance::Destructive);
        dialog.set_response_appearance("keep", adw::ResponseAppearance::Suggested);
        dialog.set_default_response(Some("keep"));
        dialog.set_close_response("cancel");
        let window = self.clone();
        dialog.connect_response(None, move |_, answer| match answer {
            "keep" => window.leave_them_running(),
            "stop" => window.stop_and_close(),
            _ => {}
        });
        dialog.present();
    }

    fn leave_them_running(self: &Rc<Self>) {
        let window = self.clone();
        self.widget.set_visible(false);
        glib::spawn_future_local(async move {
            window.ask_for_background().await;
            window.leave();
        });
    }

    fn stop_and_close(self: &Rc<Self>) {
        let window = self.clone();
        self.toast(&gettext("Stopping…"));
        glib::spawn_future_local(async move {
            window.bridge.stop_all(window.runs.running()).await;
            window.leave();
        });
    }

    /// Closes without asking. What was to leave nothing is gone by then.
    fn leave(self: &Rc<Self>) {
        if !self.runs.holds() {
            return self.widget.destroy();
        }
        let window = self.clone();
        self.widget.set_visible(false);
        glib::spawn_future_local(async move {
            window.bridge.throw_away(window.runs.take_held()).await;
            window.widget.destroy();
        });
    }

    /// What was held of sandboxes goes.
    pub(crate) fn throw_away(&self, all: Vec<(Id, Held)>) {
        let bridge = self.bridge.clone();
        glib::spawn_future_local(async move { bridge.throw_away(all).await });
    }
}
