// SPDX-License-Identifier: LGPL-2.1-or-later
//! What GTK tells assistive technologies.

use gtk::gio;

/// GTK's own word for who is told.
const ASKED: &str = "GTK_A11Y";
/// The first GTK 4 that tells without the desktop's bus.
const MENDED: u32 = 10;

/// Connects to the desktop's bus, to be held while the program runs. Without
/// one nobody is told anything by an older GTK: an application that is not on
/// the bus has no path there, and GTK 4.8 builds its own on that, finds a bus of
/// assistive technologies another way, and crashes sooner or later. To be
/// called before GTK is used.
pub fn connect() -> Option<gio::DBusConnection> {
    let bus = gio::bus_get_sync(gio::BusType::Session, gio::Cancellable::NONE).ok();
    if bus.is_none() && gtk::minor_version() < MENDED && std::env::var_os(ASKED).is_none() {
        std::env::set_var(ASKED, "none");
    }
    bus
}
