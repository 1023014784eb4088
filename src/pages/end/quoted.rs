// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the page of an end quotes: the last lines, the last picture, the log.

use super::EndPage;
use crate::pages::tab::{Phase, Tab};
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gdk, glib};
use terrarium_engine::message;

/// Lines of output on the page.
const LINES: usize = 8;
/// A line longer than this is cut, in characters.
const WIDTH: usize = 200;
/// The last picture is at most so large.
const PICTURE: (f64, f64) = (536.0, 360.0);

impl EndPage {
    /// Shows the last lines of what the command wrote.
    pub fn show_output(&self, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(LINES)..];
        let cut = |line: &&str| line.chars().take(WIDTH).collect::<String>();
        // Isolated, so that no line can turn the direction of another.
        let shown: Vec<String> = last.iter().map(|line| format!("\u{2068}{}\u{2069}", cut(line))).collect();
        // As a terminal shows it, whatever the direction of the rest.
        self.last_lines.set_direction(gtk::TextDirection::Ltr);
        self.last_lines.set_label(&shown.join("\n"));
        // A picture says more, unless something went wrong.
        let wanted = !self.picture.is_visible() || self.failed.get();
        self.output.set_visible(!text.is_empty() && wanted);
        let counted = gettext("The last {shown} of {all} lines");
        let counted =
            counted.replace("{shown}", &last.len().to_string()).replace("{all}", &lines.len().to_string());
        self.counted.replace(if lines.len() > last.len() { counted } else { String::new() });
        self.tell_of_output("");
    }

    /// How much of it there is, and where the whole is kept.
    fn tell_of_output(&self, saved: &str) {
        let counted = self.counted.borrow().clone();
        let all = [counted.as_str(), saved].into_iter().filter(|text| !text.is_empty());
        let text = all.collect::<Vec<_>>().join(" · ");
        self.output.set_description(Some(text.as_str()).filter(|text| !text.is_empty()));
    }

    /// Shows a screen's last picture.
    pub(super) fn show_picture(&self, texture: Option<&gdk::Texture>) {
        self.picture.set_visible(texture.is_some());
        let Some(texture) = texture else { return };
        let (width, height) = (f64::from(texture.width()), f64::from(texture.height()));
        let scale = (PICTURE.0 / width).min(PICTURE.1 / height).min(1.0);
        let picture = gtk::Picture::builder()
            .paintable(texture)
            .can_shrink(true)
            .overflow(gtk::Overflow::Hidden)
            .alternative_text(gettext("The last picture of its screen"))
            .css_classes(["card"])
            .build();
        self.last_picture.set_maximum_size((width * scale).round() as i32);
        self.last_picture.set_child(Some(&picture));
    }

    /// Offers the log below what could not start.
    pub(super) fn show_log(&self, log: Option<gtk::TextView>, reached: &str) {
        self.log.set_visible(log.is_some());
        let Some(view) = log else { return };
        self.log_row.set_subtitle(reached);
        let scrolled = gtk::ScrolledWindow::builder()
            .child(&view)
            .hscrollbar_policy(gtk::PolicyType::Never)
            .propagate_natural_height(true)
            .min_content_height(120)
            .max_content_height(240)
            .build();
        let row = gtk::ListBoxRow::builder().activatable(false).selectable(false).child(&scrolled).build();
        // Up to the edges of the list, and no further at its corners.
        row.add_css_class("bare");
        row.set_overflow(gtk::Overflow::Hidden);
        self.log_row.add_row(&row);
    }
}

impl Tab {
    /// All that it wrote is in a file. Of what still writes that is soon not so.
    pub(in crate::pages) fn output_is_saved(&self, name: &str) {
        if self.phase() == Phase::Ended {
            let text = gettext("Saved as {name}").replace("{name}", &message::shown(name));
            self.end_page.tell_of_output(&glib::markup_escape_text(&text));
        }
    }
}
