// SPDX-License-Identifier: LGPL-2.1-or-later
//! A window with real sandboxes, which end with the test.

use crate::program::ctl;
use crate::scene::Shown;
use std::ops::Deref;
use std::process::Command;
use terrarium::bridge::Bridge;

/// A window whose sandboxes end with the test.
pub struct Scene(Shown);

impl Deref for Scene {
    type Target = Shown;

    fn deref(&self) -> &Shown {
        &self.0
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for id in self.window.runs.running() {
            let _ = Command::new(ctl()).args(["stop", "--now", &id.uuid]).status();
        }
    }
}

/// Opens it; this computer is known.
pub fn open() -> Scene {
    let shown = Shown::new(Bridge::real());
    shown.until("this computer is known", || shown.window.bridge.host().is_some());
    Scene(shown)
}
