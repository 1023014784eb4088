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
    /// What the programs of the sandbox's screen wrote.
    inside: gtk::TextBuffer,
    begun: Instant,
}

impl Log {
    /// An empty one.
    pub fn new() -> Self {
        Self { buffer: gtk::TextBuffer::new(None), inside: gtk::TextBuffer::new(None), begun: Instant::now() }
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

    /// Shows what the programs of the screen wrote, each line made safe.
    pub fn set_inside(&self, text: &str) {
        let lines: Vec<String> = text.lines().map(message::shown).collect();
        self.inside.set_text(&lines.join("\n"));
    }

    /// A view of it that grows with it.
    pub fn view(&self) -> gtk::TextView {
        Self::view_of(&self.buffer)
    }

    fn view_of(buffer: &gtk::TextBuffer) -> gtk::TextView {
        let view = gtk::TextView::builder()
            .buffer(buffer)
            .editable(false)
            .cursor_visible(false)
            .monospace(true)
            .wrap_mode(gtk::WrapMode::WordChar)
            .top_margin(12)
            .bottom_margin(12)
            .left_margin(12)
            .right_margin(12)
            .build();
        view.add_css_class("quoted");
        view.update_property(&[gtk::accessible::Property::Label(&gettext("Log"))]);
        view
    }

    /// Shows it in a window of its own, with that of the screen's programs
    /// beside it if there is a screen.
    pub fn show(&self, parent: &impl IsA<gtk::Window>, name: &str, has_screen: bool) {
        let copy = gtk::Button::builder()
            .icon_name("edit-copy-symbolic")
            .tooltip_text(gettext("Copy"))
            .action_name("log.copy")
            .build();
        crate::pages::name_by_hint(&copy);
        let header = adw::HeaderBar::new();
        header.pack_end(&copy);
        let pages = gtk::Stack::builder().vexpand(true).build();
        pages.add_titled(&scrolled(&self.view()), Some("window"), &gettext("Terrarium"));
        if has_screen {
            pages.add_titled(&scrolled(&Self::view_of(&self.inside)), Some("inside"), &gettext("Display"));
            header.set_title_widget(Some(&gtk::StackSwitcher::builder().stack(&pages).build()));
        } else {
            let title = adw::WindowTitle::new(&gettext("Log"), &message::shown(name));
            header.set_title_widget(Some(&title));
        }
        let body = gtk::Box::new(gtk::Orientation::Vertical, 0);
        body.append(&header);
        body.append(&pages);
        let window = adw::Window::builder()
            .transient_for(parent)
            .title(gettext("Log"))
            .default_width(640)
            .default_height(480)
            .width_request(300)
            .content(&body)
            .build();
        add_actions(&window, &pages);
        window.present();
    }
}

fn scrolled(view: &gtk::TextView) -> gtk::ScrolledWindow {
    gtk::ScrolledWindow::builder().child(view).build()
}

fn add_actions(window: &adw::Window, pages: &gtk::Stack) {
    let copy = gtk::gio::SimpleAction::new("copy", None);
    let pages = pages.downgrade();
    copy.connect_activate(move |_, _| {
        let page = pages.upgrade().and_then(|pages| pages.visible_child());
        let view = page.and_downcast::<gtk::ScrolledWindow>().and_then(|page| page.child());
        if let Some(view) = view.and_downcast::<gtk::TextView>() {
            let (start, end) = view.buffer().bounds();
            view.clipboard().set_text(&view.buffer().text(&start, &end, false));
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
