// SPDX-License-Identifier: LGPL-2.1-or-later
//! How one file differs: a text line by line, a picture beside the old one, or
//! what there is to say about anything else.

use super::super::object;
use super::row;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use terrarium_engine::sandbox::changes::{Difference, Entry, Line};
use terrarium_engine::{message, Error};

/// The right side of the window.
pub struct Detail {
    title: adw::WindowTitle,
    stack: gtk::Stack,
    text: gtk::TextView,
    about: adw::StatusPage,
    warning: gtk::Revealer,
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
        };
        let tags = detail.text.buffer().tag_table();
        // The colours of the accent's palette, over light and dark alike.
        for (name, colour) in [("added", "#26a26940"), ("deleted", "#e01b2440"), ("head", "#7f7f7f26")] {
            tags.add(&gtk::TextTag::builder().name(name).paragraph_background(colour).build());
        }
        detail
    }

    /// Another entry; its content comes.
    pub fn begin(&self, entry: &Entry) {
        let name = entry.path().file_name().unwrap_or_default();
        let name = message::escaped(std::os::unix::ffi::OsStrExt::as_bytes(name));
        self.title.set_title(&glib::markup_escape_text(&name));
        self.title.set_subtitle(&glib::markup_escape_text(&row::facts(entry)));
        self.warning.set_reveal_child(entry.outdated);
        self.stack.set_visible_child_name("waits");
    }

    /// A folder, a link and their like.
    pub fn show_nothing(&self) {
        self.say(&gettext("Nothing to Compare"), "");
    }

    /// What came.
    pub fn show(&self, found: Result<&Difference, &Error>) {
        match found {
            Ok(Difference::Text(hunks)) => self.show_text(hunks),
            Ok(Difference::Bytes(..)) => self.say(&gettext("Not a Text"), &message::not_compared()),
            Err(error) => self.say(&gettext("It Cannot Be Read"), &message::error(error)),
        }
    }

    fn say(&self, title: &str, text: &str) {
        self.about.set_title(&glib::markup_escape_text(title));
        self.about.set_description(Some(&glib::markup_escape_text(text)));
        self.stack.set_visible_child_name("about");
    }

    fn show_text(&self, hunks: &[Vec<Line>]) {
        let buffer = self.text.buffer();
        buffer.set_text("");
        for hunk in hunks {
            insert(&buffer, &format!("{}\n", message::hunk_head(hunk)), Some("head"));
            for line in hunk {
                let (sign, tag) = match (line.old, line.new) {
                    (Some(_), Some(_)) => (' ', None),
                    (Some(_), None) => ('-', Some("deleted")),
                    _ => ('+', Some("added")),
                };
                let number =
                    |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
                let (old, new) = (number(line.old), number(line.new));
                insert(
                    &buffer,
                    &format!("{old:>5} {new:>5} {sign} {}\n", message::text_line(&line.text)),
                    tag,
                );
            }
        }
        self.stack.set_visible_child_name("text");
    }
}

fn insert(buffer: &gtk::TextBuffer, text: &str, tag: Option<&str>) {
    let mut end = buffer.end_iter();
    match tag {
        Some(tag) => buffer.insert_with_tags_by_name(&mut end, text, &[tag]),
        None => buffer.insert(&mut end, text),
    }
}
