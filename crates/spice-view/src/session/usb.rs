// SPDX-License-Identifier: LGPL-2.1-or-later
//! USB devices for the guest. None goes there by itself: each is chosen by
//! hand, every time.

use std::rc::Rc;

use gtk::glib;
use spice_client_glib as spice;

use super::attempt::Attempt;
use crate::types::{Event, UsbDevice};

/// What describes a device: who made it, what it is, its numbers.
const DESCRIPTION: &str = "%s %s %s at %d-%d";

fn name(device: &spice::UsbDevice) -> String {
    device.clone().description(Some(DESCRIPTION)).map(String::from).unwrap_or_default()
}

impl Attempt {
    /// Looks for devices, if that is wanted and there is USB here.
    pub(super) fn begin_usb(self: &Rc<Self>) {
        if !self.options.usb {
            return;
        }
        self.spice.set_enable_usbredir(true);
        let manager = match spice::UsbDeviceManager::get(&self.spice) {
            Ok(manager) => manager,
            Err(error) => return self.dropped(&format!("there is no USB here: {}", error.message())),
        };
        manager.set_auto_connect(false);
        let weak = Rc::downgrade(self);
        let changed = move || {
            if let Some(attempt) = weak.upgrade() {
                attempt.tell_usb();
            }
        };
        let removed = changed.clone();
        manager.connect_device_added(move |_, _| changed());
        manager.connect_device_removed(move |_, _| removed());
        let weak = Rc::downgrade(self);
        manager.connect_device_error(move |_, device, error| {
            if let Some(attempt) = weak.upgrade() {
                attempt.dropped(&format!("the device {} failed: {}", name(device), error.message()));
                attempt.tell_usb();
            }
        });
        self.usb.replace(Some(manager));
        self.tell_usb();
    }

    /// Tells what devices there are, and whether the guest has room for them.
    pub(super) fn tell_usb(&self) {
        let manager = self.usb.borrow().clone();
        let Some(manager) = manager else { return };
        let devices = manager.devices().into_iter().map(|device| UsbDevice {
            name: name(&device),
            connected: manager.is_device_connected(&device),
            possible: manager.can_redirect_device(&device).is_ok(),
        });
        self.tell(&Event::Usb(devices.collect()));
    }

    /// Gives a device of that name to the guest, or takes it back.
    pub(super) fn use_usb(self: &Rc<Self>, wanted: &str, connect: bool) {
        let manager = self.usb.borrow().clone();
        let Some(manager) = manager else { return };
        let Some(device) = manager.devices().into_iter().find(|device| name(device) == wanted) else {
            return;
        };
        let weak = Rc::downgrade(self);
        glib::MainContext::default().spawn_local(async move {
            let done = if connect {
                manager.connect_device_future(&device).await
            } else {
                manager.disconnect_device_future(&device).await
            };
            let Some(attempt) = weak.upgrade() else { return };
            if let Err(error) = done {
                attempt.dropped(&format!("the device {} failed: {}", name(&device), error.message()));
            }
            attempt.tell_usb();
        });
    }
}
