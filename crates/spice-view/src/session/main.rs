// SPDX-License-Identifier: LGPL-2.1-or-later
//! The main channel: the agent, the kind of pointer, sizes.

use std::rc::Rc;

use spice_client_glib as spice;

use super::attempt::Attempt;
use crate::types::{Event, MouseMode};

/// SPICE's number for a guest that takes positions.
const CLIENT_MODE: i32 = 2;
/// The monitors that spice-glib has room for.
const MAX_MONITORS: u32 = 256;

impl Attempt {
    pub(super) fn adopt_main(self: &Rc<Self>, main: &spice::MainChannel) {
        self.main.replace(Some(main.clone()));
        self.adopt_clipboard(main);
        let weak = Rc::downgrade(self);
        main.connect_main_agent_update(move |_| {
            if let Some(attempt) = weak.upgrade() {
                attempt.update_state();
            }
        });
        let weak = Rc::downgrade(self);
        main.connect_agent_connected_notify(move |_| {
            if let Some(attempt) = weak.upgrade() {
                attempt.update_state();
            }
        });
        let weak = Rc::downgrade(self);
        main.connect_main_mouse_update(move |main| {
            if let Some(attempt) = weak.upgrade() {
                let absolute = main.mouse_mode() == CLIENT_MODE;
                let mode = if absolute { MouseMode::Absolute } else { MouseMode::Relative };
                attempt.tell(&Event::MouseMode(mode));
            }
        });
    }

    /// Passes on the sizes that views asked for, if an agent is there to hear.
    pub(super) fn send_sizes(&self) {
        let main = self.main.borrow().clone();
        let Some(main) = main.filter(spice::MainChannel::is_agent_connected) else { return };
        let sizes = self.sizes.borrow().clone();
        for (monitor, (width, height)) in sizes {
            let (Ok(id), Ok(width), Ok(height)) =
                (i32::try_from(monitor.0), i32::try_from(width), i32::try_from(height))
            else {
                continue;
            };
            if monitor.0 >= MAX_MONITORS {
                continue;
            }
            // The first monitor stays: a guest without any shows nothing.
            if id > 0 && (width == 0 || height == 0) {
                main.update_display_enabled(id, false, true);
            } else if width > 0 && height > 0 {
                main.update_display_enabled(id, true, false);
                main.update_display(id, 0, 0, width, height, true);
            }
        }
    }
}
