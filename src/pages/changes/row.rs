// SPDX-License-Identifier: LGPL-2.1-or-later
//! One change in the list: how, what, and what was decided.

use adw::prelude::*;
use gettextrs::gettext;
use gtk::{glib, pango};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use terrarium_engine::message;
use terrarium_engine::sandbox::changes::{Entry, Kind};
use terrarium_protocol::changes::{Facts, FileKind};

/// Makes the widgets of a row.
pub fn set_up(item: &glib::Object) {
    let Some(item) = item.downcast_ref::<gtk::ListItem>() else { return };
    let badge = gtk::Label::builder().valign(gtk::Align::Center).css_classes(["badge"]).build();
    let name = gtk::Label::builder().xalign(0.0).ellipsize(pango::EllipsizeMode::Start).build();
    let sizes = gtk::Label::builder().xalign(0.0).css_classes(["dim-label", "caption"]).build();
    sizes.set_ellipsize(pango::EllipsizeMode::End);
    let both = gtk::Box::builder().orientation(gtk::Orientation::Vertical).hexpand(true).spacing(2).build();
    both.append(&name);
    both.append(&sizes);
    let decided = gtk::Label::builder().css_classes(["dim-label", "caption"]).build();
    let row = gtk::Box::builder().spacing(12).margin_top(8).margin_bottom(8).build();
    row.set_margin_start(12);
    row.set_margin_end(12);
    row.append(&badge);
    row.append(&both);
    row.append(&decided);
    item.set_child(Some(&row));
}

/// Fills them.
pub fn bind<'a>(
    item: &glib::Object,
    home: Option<&Path>,
    of: impl FnOnce(usize) -> Option<(&'a Entry, Option<String>)>,
) {
    let Some(item) = item.downcast_ref::<gtk::ListItem>() else { return };
    let Some(index) = item.item().and_downcast::<glib::BoxedAnyObject>() else { return };
    let index = *index.borrow::<usize>();
    let (Some((entry, decision)), Some(row)) = (of(index), item.child()) else { return };
    let widgets: Vec<gtk::Widget> =
        std::iter::successors(row.first_child(), WidgetExt::next_sibling).collect();
    let [badge, both, decided] = widgets.as_slice() else { return };
    let word = message::change_word(entry.kind());
    if let Some(badge) = badge.downcast_ref::<gtk::Label>() {
        badge.set_label(letter(entry.kind()));
        badge.set_tooltip_text(Some(&word));
        badge.set_css_classes(&["badge", class(entry.kind())]);
        badge.update_property(&[gtk::accessible::Property::Label(&word)]);
    }
    let labels: Vec<gtk::Widget> =
        std::iter::successors(both.first_child(), WidgetExt::next_sibling).collect();
    let texts = [place(entry, home), facts(entry)];
    for (label, text) in labels.iter().zip(texts) {
        if let Some(label) = label.downcast_ref::<gtk::Label>() {
            label.set_label(&text);
        }
    }
    if let Some(decided) = decided.downcast_ref::<gtk::Label>() {
        decided.set_label(decision.as_deref().unwrap_or_default());
    }
}

/// Its path; in the home folder as people write it.
fn place(entry: &Entry, home: Option<&Path>) -> String {
    let inner = home.and_then(|home| entry.path().strip_prefix(home).ok());
    match inner.filter(|inner| !inner.as_os_str().is_empty()) {
        Some(inner) => message::escaped(&[b"~/", inner.as_os_str().as_bytes()].concat()),
        None => message::escaped(entry.change.path.as_slice()),
    }
}

/// Whether there is something to compare.
pub fn has_content(entry: &Entry) -> bool {
    let is_file = |facts: &Option<Facts>| facts.as_ref().is_some_and(|facts| facts.kind == FileKind::File);
    is_file(&entry.change.after) || (entry.change.after.is_none() && is_file(&entry.change.before))
}

/// Its sizes, as far as there are any: `4.1 KiB → 4.2 KiB`.
pub fn facts(entry: &Entry) -> String {
    let size = |facts: &Option<Facts>| {
        let file = facts.as_ref().filter(|facts| facts.kind == FileKind::File);
        file.map(|facts| message::size(facts.size))
    };
    let sizes: Vec<String> =
        [size(&entry.change.before), size(&entry.change.after)].into_iter().flatten().collect();
    let is_folder = entry.change.after.as_ref().is_some_and(|facts| facts.kind == FileKind::Folder);
    let folder = is_folder.then(|| gettext("folder"));
    let from = entry.moved_from.as_ref().map(|from| message::escaped(from.as_slice()));
    [
        Some(message::change_word(entry.kind())),
        from,
        folder,
        Some(sizes.join(" → ")).filter(|text| !text.is_empty()),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" · ")
}

fn letter(kind: Kind) -> &'static str {
    match kind {
        Kind::Added => "A",
        Kind::Modified => "M",
        Kind::Deleted => "D",
        Kind::Moved => "R",
        Kind::Type => "T",
        Kind::Permissions => "P",
    }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Added => "added",
        Kind::Deleted => "deleted",
        _ => "modified",
    }
}
