// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files that are dropped on the view go into the guest, if that is allowed.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use gtk::gdk;
use gtk::prelude::*;
use gtk::subclass::prelude::*;

use super::SpiceView;
use crate::types::Command;

#[derive(Default)]
pub(super) struct Files {
    target: RefCell<Option<gtk::DropTarget>>,
    last: Cell<u64>,
}

impl Files {
    pub(super) fn allow(&self, view: &SpiceView, allow: bool) {
        if let Some(old) = self.target.take() {
            view.remove_controller(&old);
        }
        if !allow {
            return;
        }
        let target = gtk::DropTarget::new(gdk::FileList::static_type(), gdk::DragAction::COPY);
        let weak = view.downgrade();
        target.connect_drop(move |_, value, _, _| {
            let files = value.get::<gdk::FileList>().map(|list| list.files()).unwrap_or_default();
            // What has no path here is not on this computer.
            let paths: Vec<PathBuf> = files.iter().filter_map(FileExt::path).collect();
            match weak.upgrade() {
                Some(view) if !paths.is_empty() => view.send_files(paths).is_some(),
                _ => false,
            }
        });
        view.add_controller(target.clone());
        self.target.replace(Some(target));
    }

    fn next(&self) -> u64 {
        self.last.set(self.last.get() + 1);
        self.last.get()
    }
}

impl SpiceView {
    /// Sends files into the guest, where its agent puts them, as if they were
    /// dropped on the view. Gives the number of the transfer, or nothing if
    /// that is not allowed or there is no guest.
    pub fn send_files(&self, paths: Vec<PathBuf>) -> Option<u64> {
        if !self.file_drop() || !self.imp().is_connected() {
            return None;
        }
        let id = self.imp().files.next();
        self.imp().send(Command::SendFiles(id, paths));
        Some(id)
    }

    /// Gives up sending.
    pub fn cancel_transfer(&self, id: u64) {
        self.imp().send(Command::CancelTransfer(id));
    }
}
