// SPDX-License-Identifier: LGPL-2.1-or-later
//! What happened in a tab, line by line, and the window that shows it.

use adw::prelude::*;
use gettextrs::gettext;
use std::time::Instant;
use terrarium_engine::message;

/// Lines that are kept.
const LINES: i32 = 2000;

/// The lines. A sandbox can cause many; the oldest go.
pub struct Log {
    buffer: gtk::TextBuffer,
    begun: Instant,
}

impl Log {
    /// An empty one.
    pub fn new() -> Self {
        Self { buffer: gtk::TextBuffer::new(None), begun: Instant::now() }
    }

    /// Adds a line; foreign text in it is made safe.
    pub fn add(&self, text: &str) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let line = format!("{seconds:9.3}  {}\n", message::shown(text));
        self.buffer.insert(&mut self.buffer.end_iter(), &line);
        let surplus = self.buffer.line_count() - LINES;
        if surplus > 0 {
            if let Some(mut end) = self.buffer.iter_at_line(surplus) {
                self.buffer.delete(&mut self.buffer.start_iter(), &mut end);
            }
        }
    }

    /// All lines.
    pub fn text(&self) -> String {
        let (start, end) = self.buffer.bounds();
        self.buffer.text(&start, &end, false).into()
    }

    /// A view of it that grows with it.
    pub fn view(&self) -> gtk::TextView {
        let view = gtk::TextView::builder()
            .buffer(&self.buffer)
            .editable(false)
            .cursor_visible(false)
            .monospace(true)
            .wrap_mode(gtk::WrapMode::WordChar)
            .top_margin(12)
            .bottom_margin(12)
            .left_margin(12)
            .right_margin(12)
            .css_classes(["quoted"])
            .build();
        view.update_property(&[gtk::accessible::Property::Label(&gettext("Log"))]);
        view
    }

    /// Shows it in a window of its own.
    pub fn show(&self, parent: &impl IsA<gtk::Window>, name: &str) {
        let copy = gtk::Button::builder()
            .icon_name("edit-copy-symbolic")
            .tooltip_text(gettext("Copy"))
            .action_name("log.copy")
            .build();
        let header = adw::HeaderBar::builder()
            .title_widget(&adw::WindowTitle::new(&gettext("Log"), &message::shown(name)))
            .build();
        header.pack_end(&copy);
        let scrolled = gtk::ScrolledWindow::builder().child(&self.view()).vexpand(true).build();
        let body = gtk::Box::new(gtk::Orientation::Vertical, 0);
        body.append(&header);
        body.append(&scrolled);
        let window = adw::Window::builder()
            .transient_for(parent)
            .title(gettext("Log"))
            .default_width(640)
            .default_height(480)
            .width_request(300)
            .content(&body)
            .build();
        self.add_actions(&window);
        window.present();
    }

    fn add_actions(&self, window: &adw::Window) {
        let buffer = self.buffer.clone();
        let copy = gtk::gio::SimpleAction::new("copy", None);
        let weak = window.downgrade();
        copy.connect_activate(move |_, _| {
            if let Some(window) = weak.upgrade() {
                let (start, end) = buffer.bounds();
                window.clipboard().set_text(&buffer.text(&start, &end, false));
            }
        });
        let group = gtk::gio::SimpleActionGroup::new();
        group.add_action(&copy);
        window.insert_action_group("log", Some(&group));
        let keys = gtk::ShortcutController::new();
        let close = gtk::NamedAction::new("window.close");
        keys.add_shortcut(gtk::Shortcut::new(gtk::ShortcutTrigger::parse_string("Escape"), Some(close)));
        window.add_controller(keys);
    }
}
