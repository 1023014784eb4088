// SPDX-License-Identifier: LGPL-2.1-or-later
//! One change in the list: how, what, and what was decided.

use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::{glib, pango};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use terrarium_engine::message;
use terrarium_engine::sandbox::changes::{Entry, Kind};
use terrarium_protocol::changes::{Facts, FileKind};

/// Makes the widgets of a row.
pub fn set_up(item: &glib::Object) {
    let Some(item) = item.downcast_ref::<gtk::ListItem>() else { return };
    let badge = gtk::Label::builder().valign(gtk::Align::Center).css_classes(["badge"]).build();
    let name = gtk::Label::builder().xalign(0.0).build();
    let sizes = gtk::Label::builder().xalign(0.0).css_classes(["dim-label", "caption"]).build();
    sizes.set_ellipsize(pango::EllipsizeMode::End);
    // What matters may stand at its end.
    sizes.set_wrap(true);
    sizes.set_lines(2);
    let both = gtk::Box::builder().orientation(gtk::Orientation::Vertical).hexpand(true).spacing(2).build();
    both.set_valign(gtk::Align::Center);
    both.append(&name);
    both.append(&sizes);
    let decided = gtk::Label::builder().css_classes(["dim-label", "caption"]).build();
    let row = gtk::Box::builder().spacing(12).build();
    row.set_margin_start(12);
    row.set_margin_end(12);
    row.append(&badge);
    row.append(&both);
    row.append(&decided);
    item.set_child(Some(&row));
}

/// What a row says.
pub struct Words {
    /// How it differs; a folder in which something does has none.
    pub kind: Option<Kind>,
    /// Its name or its path.
    pub name: String,
    /// Its sizes; of a folder how much is in it and below.
    pub sizes: String,
    /// What was decided, or how much is in it.
    pub end: String,
}

/// Fills them.
pub fn fill(item: &gtk::ListItem, words: &Words) {
    let Some(row) = item.child() else { return };
    let [badge, both, decided] = &children(&row)[..] else { return };
    let [name, sizes] = &children(both)[..] else { return };
    let labels = [badge, name, sizes, decided].map(|one| one.downcast_ref::<gtk::Label>());
    let [Some(badge), Some(name), Some(sizes), Some(decided)] = labels else { return };
    badge.set_visible(words.kind.is_some());
    if let Some(kind) = words.kind {
        let word = message::change_word(kind);
        badge.set_label(letter(kind));
        badge.set_tooltip_text(Some(&word));
        badge.set_css_classes(&["badge", class(kind)]);
        badge.update_property(&[gtk::accessible::Property::Label(&word)]);
    }
    let is_folder = words.kind.is_none();
    // Of a path the end tells more, of a name both ends.
    name.set_ellipsize(if is_folder { pango::EllipsizeMode::Start } else { pango::EllipsizeMode::Middle });
    name.set_css_classes(if is_folder { &["caption-heading", "dim-label"] } else { &[] });
    name.set_label(&words.name);
    sizes.set_label(&words.sizes);
    sizes.set_visible(!words.sizes.is_empty());
    decided.set_label(&words.end);
    row.set_margin_top(if is_folder { 12 } else { 6 });
    row.set_margin_bottom(if is_folder { 4 } else { 6 });
}

fn children(of: &impl IsA<gtk::Widget>) -> Vec<gtk::Widget> {
    std::iter::successors(of.first_child(), WidgetExt::next_sibling).collect()
}

/// A path; in the home folder as people write it.
pub fn place(path: &[u8], home: Option<&Path>) -> String {
    let inner = home.and_then(|home| Path::new(OsStr::from_bytes(path)).strip_prefix(home).ok());
    match inner {
        Some(inner) if inner.as_os_str().is_empty() => gettext("Home Folder"),
        Some(inner) => message::escaped(&[b"~/", inner.as_os_str().as_bytes()].concat()),
        None => message::escaped(path),
    }
}

/// What is in a folder: `218 files · 1.4 MiB`.
pub fn content<'a>(inner: impl Iterator<Item = &'a Entry>) -> String {
    let files =
        inner.filter_map(|entry| entry.change.after.as_ref()).filter(|one| one.kind == FileKind::File);
    let (count, bytes) =
        files.fold((0usize, 0u64), |(count, sum), one| (count + 1, sum.saturating_add(one.size)));
    let text = ngettext("{count} file", "{count} files", message::many(count));
    format!("{} · {}", text.replace("{count}", &count.to_string()), size(bytes))
}

/// A line does not end between a number and its unit.
fn size(bytes: u64) -> String {
    message::size(bytes).replace(' ', "\u{a0}")
}

/// How much there is: `3 changes`.
pub fn count(changes: usize) -> String {
    let text = ngettext("{count} change", "{count} changes", message::many(changes));
    text.replace("{count}", &changes.to_string())
}

/// The same, of those in folders below as well, which are counted there.
pub fn count_in_all(changes: usize) -> String {
    let text = ngettext(
        "{count} change, folders in it included",
        "{count} changes, folders in it included",
        message::many(changes),
    );
    text.replace("{count}", &changes.to_string())
}

/// Modes, where they are another or say more than who may read and write.
fn modes(entry: &Entry) -> Option<String> {
    let mode = |facts: &Option<Facts>| {
        facts.as_ref().filter(|facts| facts.kind != FileKind::Link).map(|facts| facts.mode)
    };
    let (before, after) = (mode(&entry.change.before), mode(&entry.change.after));
    match (before, after) {
        (Some(before), Some(after)) if before != after => Some(format!("{before:04o} → {after:04o}")),
        (_, Some(after)) if after & 0o7000 != 0 => Some(format!("{after:04o}")),
        _ => None,
    }
}

/// Programs that run as their owner, or as its group.
fn set_ids(entry: &Entry) -> Option<String> {
    let file = entry.change.after.as_ref().filter(|facts| facts.kind == FileKind::File)?;
    let words = [(0o4000, gettext("setuid")), (0o2000, gettext("setgid"))];
    let said: Vec<String> =
        words.into_iter().filter(|(bit, _)| file.mode & bit != 0).map(|(_, word)| word).collect();
    (!said.is_empty()).then(|| said.join(" · "))
}

/// Whether there is something to compare.
pub fn has_content(entry: &Entry) -> bool {
    let is_file = |facts: &Option<Facts>| facts.as_ref().is_some_and(|facts| facts.kind == FileKind::File);
    is_file(&entry.change.after) || (entry.change.after.is_none() && is_file(&entry.change.before))
}

/// Its sizes, as far as there are any: `4.1 KiB → 4.2 KiB`.
pub fn facts(entry: &Entry, kind: Kind) -> String {
    let size_of = |facts: &Option<Facts>| {
        let file = facts.as_ref().filter(|facts| facts.kind == FileKind::File);
        file.map(|facts| size(facts.size))
    };
    let mut sizes: Vec<String> =
        [size_of(&entry.change.before), size_of(&entry.change.after)].into_iter().flatten().collect();
    sizes.dedup();
    let is_folder = entry.change.after.as_ref().is_some_and(|facts| facts.kind == FileKind::Folder);
    let folder = is_folder.then(|| gettext("folder"));
    let from = entry.moved_from.as_ref().map(|from| message::escaped(from.as_slice()));
    let link = entry.change.after.as_ref().filter(|facts| facts.kind == FileKind::Link);
    let link = link.map(|facts| format!("→ {}", message::escaped(facts.target.as_slice())));
    [
        Some(message::change_word(kind)),
        from,
        folder,
        link,
        Some(sizes.join(" → ")).filter(|text| !text.is_empty()),
        set_ids(entry),
        modes(entry),
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
