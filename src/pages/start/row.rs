// SPDX-License-Identifier: LGPL-2.1-or-later
//! One part of a start: to come, going on or done.

use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use terrarium_engine::message;

/// Its row.
pub struct Row {
    pub widget: adw::ActionRow,
    mark: gtk::Stack,
    time: gtk::Label,
}

impl Row {
    /// A part that is to come.
    pub fn new(title: &str, detail: &str) -> Self {
        let waits =
            gtk::Image::builder().icon_name("content-loading-symbolic").css_classes(["dim-label"]).build();
        let spinner = gtk::Spinner::new();
        let done = gtk::Image::builder().icon_name("object-select-symbolic").css_classes(["success"]).build();
        let mark = gtk::Stack::builder().valign(gtk::Align::Center).build();
        mark.add_named(&waits, Some("waits"));
        mark.add_named(&spinner, Some("runs"));
        mark.add_named(&done, Some("done"));
        let time = gtk::Label::builder().css_classes(["dim-label", "numeric"]).build();
        let widget = adw::ActionRow::builder()
            .title(glib::markup_escape_text(title).as_str())
            .subtitle(glib::markup_escape_text(detail).as_str())
            .selectable(false)
            .activatable(false)
            .css_classes(["to-come"])
            .build();
        widget.add_prefix(&mark);
        widget.add_suffix(&time);
        let row = Self { widget, mark, time };
        row.tell(&gettext("to come"));
        row
    }

    /// What it is.
    pub fn title(&self) -> String {
        self.widget.title().into()
    }

    /// It goes on.
    pub fn runs(&self) {
        self.show("runs");
        self.tell(&gettext("going on"));
    }

    /// It is done, and took so long.
    pub fn done(&self, time: u64) {
        self.show("done");
        self.tell_time(time);
        self.tell(&gettext("done"));
    }

    /// How long it takes.
    pub fn tell_time(&self, time: u64) {
        self.time.set_label(&message::duration(time));
    }

    fn show(&self, mark: &str) {
        self.mark.set_visible_child_name(mark);
        if let Some(spinner) = self.mark.child_by_name("runs").and_downcast::<gtk::Spinner>() {
            spinner.set_spinning(mark == "runs");
        }
        self.widget.remove_css_class("to-come");
    }

    /// The mark, for who does not see it.
    fn tell(&self, state: &str) {
        self.mark.update_property(&[gtk::accessible::Property::Label(state)]);
    }
}
