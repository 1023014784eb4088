// SPDX-License-Identifier: LGPL-2.1-or-later
//! The menu's part about a machine's further monitors and USB devices.

use super::Runs;
use crate::pages::screen::Screen;
use crate::window::Window;
use gettextrs::gettext;
use gtk::prelude::*;
use gtk::{gio, glib};
use spice_view::UsbDevice;
use std::rc::Rc;

/// A line to read: there is no such action.
const NOTHING: &str = "win.nothing";

impl Runs {
    pub(super) fn add_devices(self: &Rc<Self>, window: &Rc<Window>) {
        let add = |name: &str, kind: &glib::VariantTy, run: fn(&Rc<Screen>, &glib::Variant)| {
            let action = gio::SimpleAction::new(name, Some(kind));
            let runs = Rc::downgrade(self);
            action.connect_activate(move |_, value| {
                let tab = runs.upgrade().and_then(|runs| runs.current());
                let screen = tab.as_ref().and_then(|tab| tab.screen.as_ref());
                if let (Some(screen), Some(value)) = (screen, value) {
                    run(screen, value);
                }
            });
            window.widget.add_action(&action);
        };
        add("show-monitor", glib::VariantTy::UINT32, |screen, number| {
            screen.show_monitor(number.get().unwrap_or(0));
        });
        add("usb", glib::VariantTy::STRING, |screen, name| screen.use_usb(name.str().unwrap_or_default()));
    }

    /// Fills the menu as the screen has it now.
    pub(super) fn fill_devices_menu(&self, screen: &Screen) {
        let items = if screen.is_connected() { items(screen) } else { Vec::new() };
        if *self.devices.borrow() == items {
            return;
        }
        self.devices_menu.remove_all();
        for (label, action, target) in &items {
            let item = gio::MenuItem::new(Some(label), None);
            item.set_action_and_target_value(Some(action), target.as_ref());
            self.devices_menu.append_item(&item);
        }
        self.devices.replace(items);
    }
}

/// What a menu shows: label, action and its target.
pub type Item = (String, &'static str, Option<glib::Variant>);

fn items(screen: &Screen) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    if screen.has_agent() {
        for number in screen.further_monitors() {
            let label = gettext("Show Monitor {number}").replace("{number}", &(number + 1).to_string());
            items.push((label, "win.show-monitor", Some(number.to_variant())));
        }
    }
    if screen.may_use_usb() {
        items.extend(usb_items(&screen.usb_devices()));
    }
    items
}

fn usb_items(devices: &[UsbDevice]) -> Vec<Item> {
    if devices.is_empty() {
        return vec![(gettext("No USB Devices"), NOTHING, None)];
    }
    let one = |device: &UsbDevice| {
        // TRANSLATORS: {device} is a USB device, which the sandbox gets or gives back
        let text = if device.connected { gettext("Take Back {device}") } else { gettext("Hand In {device}") };
        let name = device.name.replace('_', "__");
        let able = device.connected || device.possible;
        let (action, target) =
            if able { ("win.usb", Some(device.name.to_variant())) } else { (NOTHING, None) };
        (text.replace("{device}", &name), action, target)
    };
    devices.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_handed_in_or_taken_back_if_it_can_be() {
        let device = |name: &str, connected, possible| UsbDevice { name: name.into(), connected, possible };
        let devices = [device("A_b", false, true), device("C", true, false), device("D", false, false)];
        let found = usb_items(&devices);
        let labels: Vec<&str> = found.iter().map(|(label, ..)| label.as_str()).collect();
        assert_eq!(labels, ["Hand In A__b", "Take Back C", "Hand In D"]);
        let actions: Vec<_> = found.iter().map(|(_, action, target)| (*action, target.clone())).collect();
        let usb = |name: &str| ("win.usb", Some(name.to_variant()));
        assert_eq!(actions, [usb("A_b"), usb("C"), (NOTHING, None)]);
        assert_eq!(usb_items(&[]).len(), 1);
        assert_eq!(usb_items(&[])[0].1, NOTHING);
    }
}
