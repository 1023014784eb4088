// SPDX-License-Identifier: LGPL-2.1-or-later
//! What has a picture and no word is called as its hint says: GTK tells the
//! hint as a description only, and calls the thing after its type.

use gtk::glib::object::IsA;
use gtk::prelude::*;

/// A layout that is part of the program, with all in it named.
pub(crate) fn layout(text: &str) -> gtk::Builder {
    let builder = gtk::Builder::from_string(text);
    for object in builder.objects() {
        if let Ok(widget) = object.downcast::<gtk::Widget>() {
            name_by_hint(&widget);
        }
    }
    builder
}

/// Calls a button, or an entry to search with, as its hint says, now and
/// whenever that changes. What has words of its own keeps them.
pub(crate) fn name_by_hint(widget: &impl IsA<gtk::Widget>) {
    let widget = widget.upcast_ref::<gtk::Widget>();
    if let Some(entry) = widget.downcast_ref::<gtk::SearchEntry>() {
        return call(entry, &entry.placeholder_text().unwrap_or_default());
    }
    let button = widget.downcast_ref::<gtk::Button>().is_some_and(|one| one.icon_name().is_some());
    let menu = widget.downcast_ref::<gtk::MenuButton>().is_some_and(|one| one.label().is_none());
    if !button && !menu {
        return;
    }
    let tell = |widget: &gtk::Widget| {
        let hint = widget.tooltip_text().unwrap_or_default();
        call(widget, &hint);
        // The button in a menu button is what gets the keyboard.
        if let Some(inner) = widget.first_child().filter(|_| widget.is::<gtk::MenuButton>()) {
            call(&inner, &hint);
        }
    };
    tell(widget);
    widget.connect_tooltip_text_notify(tell);
    if let Some(inner) = widget.first_child().and_downcast::<gtk::ToggleButton>().filter(|_| menu) {
        // Or the hint would lie over the first line of what opens.
        let weak = widget.downgrade();
        inner.connect_active_notify(move |inner| {
            weak.upgrade().iter().for_each(|menu| menu.set_has_tooltip(!inner.is_active()));
        });
    }
}

fn call(widget: &impl IsA<gtk::Accessible>, name: &str) {
    if !name.is_empty() {
        widget.update_property(&[gtk::accessible::Property::Label(name)]);
    }
}
