// SPDX-License-Identifier: LGPL-2.1-or-later
//! A row with several choices. In a narrow window, or with large text, what is
//! chosen has more lines; libadwaita's own would end it with an ellipsis, and
//! say half of what holds.

use adw::prelude::*;
use gtk::pango;

/// A value that is longer takes another line rather than room from the title.
const LINE: i32 = 20;

/// The row.
pub(crate) fn choice_row(title: &str, options: &[&str]) -> adw::ComboRow {
    let row = adw::ComboRow::builder().title(title).model(&gtk::StringList::new(options)).build();
    row.set_title_lines(0);
    row.set_subtitle_lines(0);
    wrap(&row);
    row
}

/// Has what is chosen wrapped. The list that opens stays as it is.
pub(crate) fn wrap(row: &adw::ComboRow) {
    row.set_list_factory(row.factory().as_ref());
    let factory = gtk::SignalListItemFactory::new();
    factory.connect_setup(|_, item| {
        let label = gtk::Label::builder().wrap(true).wrap_mode(pango::WrapMode::WordChar).build();
        label.set_natural_wrap_mode(gtk::NaturalWrapMode::Word);
        label.set_max_width_chars(LINE);
        label.set_xalign(1.0);
        label.set_justify(gtk::Justification::Right);
        if let Some(item) = item.downcast_ref::<gtk::ListItem>() {
            item.set_child(Some(&label));
        }
    });
    factory.connect_bind(|_, item| {
        let Some(item) = item.downcast_ref::<gtk::ListItem>() else { return };
        let text = item.item().and_downcast::<gtk::StringObject>().map(|item| item.string());
        if let Some(label) = item.child().and_downcast::<gtk::Label>() {
            label.set_label(text.as_deref().unwrap_or_default());
        }
    });
    row.set_factory(Some(&factory));
}
