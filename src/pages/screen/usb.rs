// SPDX-License-Identifier: LGPL-2.1-or-later
//! USB devices of this computer: none goes into the sandbox by itself, each is
//! handed in by hand, every time.

use super::Screen;
use spice_view::{Command, UsbDevice};
use std::cell::RefCell;

/// What there is.
#[derive(Default)]
pub struct Usb(RefCell<Vec<UsbDevice>>);

impl Screen {
    /// Whether the profile lets devices be handed in.
    pub fn may_use_usb(&self) -> bool {
        self.passes.usb
    }

    /// The devices of this computer, and whether the sandbox has them.
    pub fn usb_devices(&self) -> Vec<UsbDevice> {
        self.usb.0.borrow().clone()
    }

    pub(super) fn hear_usb(&self, devices: &[UsbDevice]) {
        self.usb.0.replace(devices.to_vec());
        self.change();
    }

    /// Hands a device in, or takes it back.
    pub fn use_usb(&self, name: &str) {
        let devices = self.usb.0.borrow();
        let Some(device) = devices.iter().find(|device| device.name == name) else { return };
        if let Some(link) = self.view.link().filter(|_| device.connected || device.possible) {
            let words = if device.connected { "taken back" } else { "handed in" };
            self.log(&format!("usb: {words}: {name}"));
            link.send(Command::Usb(name.to_owned(), !device.connected));
        }
    }
}
