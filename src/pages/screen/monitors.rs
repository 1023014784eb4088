// SPDX-License-Identifier: LGPL-2.1-or-later
//! Further monitors of a machine, each in a window of its own: the guest has
//! one as long as its window is open.

use super::Screen;
use adw::prelude::*;
use gettextrs::gettext;
use spice_view::{Command, MonitorId, SpiceView};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Their windows, by the monitors' numbers; the first one is the page's.
#[derive(Default)]
pub struct Monitors(RefCell<BTreeMap<u32, adw::Window>>);

impl Screen {
    /// The numbers of the monitors that the machine may have beside the first.
    pub fn further_monitors(&self) -> std::ops::Range<u32> {
        1..self.passes.monitors.max(1)
    }

    /// Opens the window of a further monitor; one that is open comes forward.
    pub fn show_monitor(self: &Rc<Self>, number: u32) {
        if !self.further_monitors().contains(&number) || !self.has_agent() {
            return;
        }
        let open = self.monitors.0.borrow().get(&number).cloned();
        let window = open.unwrap_or_else(|| self.open_monitor(number));
        window.present();
    }

    /// The view of a further monitor, if its window is open.
    pub fn monitor(&self, number: u32) -> Option<SpiceView> {
        let windows = self.monitors.0.borrow();
        let content = windows.get(&number)?.content()?;
        content.last_child().and_downcast()
    }

    fn open_monitor(self: &Rc<Self>, number: u32) -> adw::Window {
        let view = SpiceView::new();
        view.set_monitor(number);
        view.set_vexpand(true);
        // What passes the clipboard is the first one's affair.
        view.set_link(self.view.link().as_ref());
        let content = gtk::Box::new(gtk::Orientation::Vertical, 0);
        content.append(&adw::HeaderBar::new());
        content.append(&view);
        let window = adw::Window::builder().content(&content).default_width(800).default_height(600).build();
        let name = self.tab().map(|tab| tab.name()).unwrap_or_default();
        // TRANSLATORS: {name} is a sandbox, {number} counts its monitors
        let title = gettext("{name} – Monitor {number}");
        let title = title.replace("{name}", &name).replace("{number}", &(number + 1).to_string());
        window.set_title(Some(&title));
        window.set_application(self.window().and_then(|window| window.widget.application()).as_ref());
        // The guest is told about all at once, so the first one's size is said, too.
        if let Some(link) = self.view.link() {
            let (width, height) = (self.view.guest_width(), self.view.guest_height());
            link.send(Command::Resize(MonitorId(0), width, height));
        }
        let weak = Rc::downgrade(self);
        window.connect_close_request(move |_| {
            if let Some(screen) = weak.upgrade() {
                screen.monitor_closed(number);
            }
            gtk::glib::Propagation::Proceed
        });
        self.monitors.0.borrow_mut().insert(number, window.clone());
        window
    }

    fn monitor_closed(&self, number: u32) {
        self.monitors.0.borrow_mut().remove(&number);
        if let Some(link) = self.view.link() {
            link.send(Command::Resize(MonitorId(number), 0, 0));
        }
    }

    /// Closes the windows, as the screen is gone.
    pub(super) fn close_monitors(&self) {
        let windows = self.monitors.0.take();
        windows.into_values().for_each(|window| window.destroy());
    }
}
