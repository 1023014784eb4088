// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who closes a window and lets programs run on without it has the desktop
//! told so, where it wants to know: by the background portal.

use super::Window;
use gettextrs::gettext;
use gtk::{gio, glib, prelude::*};

const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const PORTAL: &str = "org.freedesktop.portal.Background";
/// It is asked when a window is on its way out, so not for long; in
/// milliseconds.
const PATIENCE: i32 = 1000;

impl Window {
    /// Speaks on this bus and not on the session's, for tests.
    pub fn speak_on(&self, bus: &gio::DBusConnection) {
        self.bus.replace(Some(bus.clone()));
    }

    fn bus(&self) -> Option<gio::DBusConnection> {
        let own = self.bus.borrow().clone();
        own.or_else(|| self.widget.application()?.dbus_connection())
    }

    /// Asks that what runs may go on. Whatever the desktop says, it does:
    /// libvirt keeps it, and not this program, which nothing is started for.
    pub(super) async fn ask_for_background(&self) {
        let Some(bus) = self.bus() else { return };
        let options = glib::VariantDict::new(None);
        options.insert("reason", gettext("Programs in sandboxes run on until they end or are stopped."));
        options.insert("autostart", false);
        let arguments = glib::Variant::tuple_from_iter(["".to_variant(), options.end()]);
        let flags = gio::DBusCallFlags::NONE;
        let call = bus.call_future(
            Some(NAME),
            PATH,
            PORTAL,
            "RequestBackground",
            Some(&arguments),
            None,
            flags,
            PATIENCE,
        );
        if let Err(error) = call.await {
            tracing::debug!(%error, "there is no background portal, or it does not answer");
        }
    }
}
