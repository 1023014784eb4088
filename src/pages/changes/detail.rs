// SPDX-License-Identifier: LGPL-2.1-or-later
//! How one file differs: a text line by line, a picture beside the old one, or
//! what there is to say about anything else.

use super::super::object;
use super::pictures::Pictures;
use super::row;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use terrarium_engine::sandbox::changes::{Difference, Entry, Kind, Line};
use terrarium_engine::{message, Error};
use terrarium_protocol::changes::{Facts, FileKind};

/// The icon of what is not shown.
const OTHER: &str = "text-x-generic-symbolic";

/// The right side of the window.
pub struct Detail {
    title: adw::WindowTitle,
    stack: gtk::Stack,
    text: gtk::TextView,
    about: adw::StatusPage,
    warning: gtk::Revealer,
    pictures: Pictures,
    leaflet: adw::Leaflet,
}

impl Detail {
    /// Of the window that was built.
    pub fn new(builder: &gtk::Builder) -> Self {
        let detail = Self {
            title: object(builder, "detail-title"),
            stack: object(builder, "detail"),
            text: object(builder, "text"),
            about: object(builder, "about"),
            warning: object(builder, "outdated"),
            pictures: Pictures::new(builder),
            leaflet: object(builder, "leaflet"),
        };
        let tags = detail.text.buffer().tag_table();
        // The colours of the accent's palette, over light and dark alike.
        for (name, colour) in [("added", "#26a26940"), ("deleted", "#e01b2440"), ("head", "#7f7f7f26")] {
            tags.add(&gtk::TextTag::builder().name(name).paragraph_background(colour).build());
        }
        detail
    }

    /// Another entry; its content comes. `more`: what else is said of it.
    pub fn begin(&self, entry: &Entry, kind: Kind, more: Option<&str>) {
        let name = entry.path().file_name().unwrap_or_default();
        let name = message::escaped(std::os::unix::ffi::OsStrExt::as_bytes(name));
        self.title.set_title(&glib::markup_escape_text(&name));
        let facts = row::facts(entry, kind);
        let text = more.map_or_else(|| facts.clone(), |more| format!("{facts} · {more}"));
        self.title.set_subtitle(&glib::markup_escape_text(&text));
        self.warning.set_reveal_child(entry.outdated);
        self.stack.set_visible_child_name("waits");
    }

    /// A folder in which something has changed.
    pub fn begin_folder(&self, title: &str, subtitle: &str) {
        self.title.set_title(&glib::markup_escape_text(title));
        self.title.set_subtitle(&glib::markup_escape_text(subtitle));
        self.warning.set_reveal_child(false);
    }

    /// What is in it.
    pub fn show_folder(&self, text: &str) {
        self.say("folder-symbolic", &gettext("A Folder"), text);
    }

    /// Nothing is chosen.
    pub fn clear(&self) {
        self.title.set_title("");
        self.title.set_subtitle("");
        self.warning.set_reveal_child(false);
        self.stack.set_visible_child_name("none");
    }

    /// A folder, a link and their like.
    pub fn show_nothing(&self, entry: &Entry) {
        match entry.change.after.as_ref().filter(|after| after.kind == FileKind::Link) {
            Some(link) => {
                let text = gettext("It leads to {target}.");
                let text = text.replace("{target}", &message::escaped(link.target.as_slice()));
                self.say("emblem-symbolic-link", &gettext("A Link"), &text);
            }
            None if is_folder(entry) => self.say("folder-symbolic", &gettext("An Empty Folder"), ""),
            None => self.say(OTHER, &gettext("Nothing to Compare"), ""),
        }
    }

    /// What came.
    pub fn show(&self, entry: &Entry, found: Result<&Difference, &Error>) {
        match found {
            Ok(Difference::Text(hunks)) if hunks.is_empty() => {
                let is_empty = entry.change.after.as_ref().is_some_and(|after| after.size == 0);
                let text = if is_empty { String::new() } else { gettext("Your own file holds the same.") };
                self.say(OTHER, &gettext("Nothing to Compare"), &text);
            }
            Ok(Difference::Text(hunks)) => {
                let is_yours = hunks.iter().flatten().any(|line| line.old.is_some());
                self.tell_compared(entry, is_yours);
                self.show_text(hunks);
            }
            Ok(Difference::Pictures(old, new)) => {
                self.tell_compared(entry, old.is_some());
                self.pictures.show(old.as_ref(), new.as_ref());
                self.stack.set_visible_child_name("pictures");
            }
            Ok(Difference::Other) if entry.change.after.is_none() => {
                self.say(OTHER, &gettext("Deleted"), &gettext("The sandbox has deleted it."));
            }
            Ok(Difference::Other) => self.say(OTHER, &gettext("Not Shown"), &message::shown_kinds()),
            Err(error) => self.say(OTHER, &gettext("It Cannot Be Read"), &message::error(error)),
        }
    }

    /// What is new inside stands beside a file of the user's, if there is one.
    fn tell_compared(&self, entry: &Entry, is_yours: bool) {
        if is_yours && entry.kind() == Kind::Added {
            let more = glib::markup_escape_text(&gettext("compared with your own file"));
            self.title.set_subtitle(&format!("{} · {more}", self.title.subtitle()));
        }
    }

    fn say(&self, icon: &str, title: &str, text: &str) {
        self.about.set_icon_name(Some(icon));
        self.about.set_title(&glib::markup_escape_text(title));
        self.about.set_description(Some(&glib::markup_escape_text(text)));
        self.stack.set_visible_child_name("about");
    }

    fn show_text(&self, hunks: &[Vec<Line>]) {
        let (buffer, columns) = (self.text.buffer(), Columns::new(hunks, self.leaflet.is_folded()));
        buffer.set_text("");
        for hunk in hunks {
            if let Some(head) = head(hunk) {
                insert(&buffer, &format!(" {head}\n"), Some("head"));
            }
            for line in hunk {
                let (sign, tag) = match (line.old, line.new) {
                    (Some(_), Some(_)) => (' ', None),
                    (Some(_), None) => ('-', Some("deleted")),
                    _ => ('+', Some("added")),
                };
                let text = format!("{} {sign} {}\n", columns.of(line), message::text_line(&line.text));
                insert(&buffer, &text, tag);
            }
        }
        self.stack.set_visible_child_name("text");
    }
}

/// A folder that is new; of one that was there before it is not known what is
/// in it.
fn is_folder(entry: &Entry) -> bool {
    let is_it = |facts: &Facts| facts.kind == FileKind::Folder;
    entry.kind() == Kind::Added && entry.change.after.as_ref().is_some_and(is_it)
}

/// The numbers before lines: as wide as they have to be, and one where there
/// is no room for two, or no second one.
struct Columns {
    width: usize,
    both: bool,
}

impl Columns {
    fn new(hunks: &[Vec<Line>], narrow: bool) -> Self {
        let lines = || hunks.iter().flatten();
        let most = lines().flat_map(|line| [line.old, line.new]).flatten().max().unwrap_or(0);
        let both = lines().any(|line| line.old.is_some()) && lines().any(|line| line.new.is_some());
        // The colours of the lines begin at the edge, their numbers do not.
        Self { width: most.to_string().len() + 1, both: both && !narrow }
    }

    fn of(&self, line: &Line) -> String {
        let width = self.width;
        let number = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
        if self.both {
            format!("{:>width$} {:>width$}", number(line.old), number(line.new))
        } else {
            format!("{:>width$}", number(line.new.or(line.old)))
        }
    }
}

/// Where lines are that belong together, unless nothing is left out above.
fn head(hunk: &[Line]) -> Option<String> {
    let first = hunk.iter().find_map(|line| line.new).or_else(|| hunk.iter().find_map(|line| line.old));
    let text = gettext("From line {line} on");
    first.filter(|first| *first > 1).map(|first| text.replace("{line}", &first.to_string()))
}

fn insert(buffer: &gtk::TextBuffer, text: &str, tag: Option<&str>) {
    let mut end = buffer.end_iter();
    match tag {
        Some(tag) => buffer.insert_with_tags_by_name(&mut end, text, &[tag]),
        None => buffer.insert(&mut end, text),
    }
}
