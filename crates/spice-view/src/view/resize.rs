// SPDX-License-Identifier: LGPL-2.1-or-later
//! The size that the guest should have. A window that is being dragged larger
//! changes its size many times a second; a guest follows once it rests.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use gtk::glib;
use gtk::prelude::*;
use gtk::subclass::prelude::*;

use super::SpiceView;
use crate::geometry::ScaleMode;
use crate::types::Command;

/// How long a size must last.
const REST: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Resize {
    timer: RefCell<Option<glib::SourceId>>,
    last: Cell<Option<(u32, u32)>>,
}

impl Resize {
    /// The view has another size, or may have.
    pub(super) fn changed(&self, view: &SpiceView) {
        if let Some(timer) = self.timer.take() {
            timer.remove();
        }
        let weak = view.downgrade();
        let timer = glib::timeout_add_local_once(REST, move || {
            if let Some(view) = weak.upgrade() {
                let resize = &view.imp().resize;
                resize.timer.take();
                resize.report(&view);
            }
        });
        self.timer.replace(Some(timer));
    }

    /// Reports the size once more, as there is somebody new to hear it.
    pub(super) fn again(&self, view: &SpiceView) {
        self.last.set(None);
        self.changed(view);
    }

    pub(super) fn forget(&self) {
        if let Some(timer) = self.timer.take() {
            timer.remove();
        }
    }

    fn report(&self, view: &SpiceView) {
        // In the mode `actual` the view follows the guest, not the other way round.
        if view.scale_mode() != ScaleMode::Fit || !view.is_mapped() {
            return;
        }
        let Some(size) = view.imp().measured().wanted() else { return };
        if self.last.replace(Some(size)) == Some(size) {
            return;
        }
        if view.ask_resize() {
            view.imp().send(Command::Resize(view.imp().monitor_id(), size.0, size.1));
        }
        view.emit_by_name::<()>("wanted-size", &[&size.0, &size.1]);
    }
}
