// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files on their way into the sandbox.

use super::Screen;
use crate::pages::object;
use gettextrs::gettext;
use gtk::prelude::*;
use spice_view::Transfer;
use std::cell::Cell;
use std::rc::Rc;
use terrarium_engine::message;

/// The bar below the screen.
pub struct Files {
    revealer: gtk::Revealer,
    text: gtk::Label,
    bar: gtk::ProgressBar,
    cancel: gtk::Button,
    current: Cell<Option<u64>>,
    cancelled: Cell<bool>,
}

impl Files {
    /// The bar, hidden.
    pub fn new(builder: &gtk::Builder) -> Self {
        Self {
            revealer: object(builder, "transfer"),
            text: object(builder, "transfer-text"),
            bar: object(builder, "transfer-bar"),
            cancel: object(builder, "transfer-cancel"),
            current: Cell::new(None),
            cancelled: Cell::new(false),
        }
    }
}

impl Screen {
    pub(super) fn connect_files(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        self.view.connect_transfer(move |_, transfer| {
            if let Some(screen) = weak.upgrade() {
                screen.show_transfer(transfer);
            }
        });
        let weak = Rc::downgrade(self);
        self.files.cancel.connect_clicked(move |_| {
            if let Some(screen) = weak.upgrade() {
                screen.files.cancelled.set(true);
                if let Some(id) = screen.files.current.get() {
                    screen.view.cancel_transfer(id);
                }
            }
        });
    }

    fn show_transfer(&self, transfer: &Transfer) {
        let files = &self.files;
        let Some(end) = &transfer.end else {
            files.current.set(Some(transfer.id));
            let text = gettext("Copying into the sandbox: {sent} of {total}")
                .replace("{sent}", &message::size(transfer.sent))
                .replace("{total}", &message::size(transfer.total));
            files.text.set_label(&text);
            files.bar.set_fraction(transfer.sent as f64 / transfer.total.max(1) as f64);
            return files.revealer.set_reveal_child(true);
        };
        if files.current.get() == Some(transfer.id) {
            files.current.set(None);
            files.revealer.set_reveal_child(false);
        }
        self.log(&format!("files: {end:?}"));
        let said = match end {
            Ok(()) => gettext("Copied into the sandbox"),
            Err(_) if files.cancelled.take() => return,
            Err(why) => {
                gettext("The files could not be copied: {why}").replace("{why}", &message::shown(why))
            }
        };
        if let Some(window) = self.window() {
            window.toast(&said);
        }
    }
}
