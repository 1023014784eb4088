// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the main menu shows.

use super::Window;
use adw::prelude::*;
use gettextrs::gettext;

/// Escape closes this window, as it does a dialog.
pub fn close_with_escape(window: &impl IsA<gtk::Widget>) {
    let keys = gtk::ShortcutController::new();
    let close = gtk::NamedAction::new("window.close");
    keys.add_shortcut(gtk::Shortcut::new(gtk::ShortcutTrigger::parse_string("Escape"), Some(close)));
    window.add_controller(keys);
}

impl Window {
    pub(super) fn about(&self) {
        let about = adw::AboutWindow::builder()
            .transient_for(&self.widget)
            .application_name("Terrarium")
            .application_icon(crate::APP_ID)
            .version(env!("CARGO_PKG_VERSION"))
            .developer_name(gettext("The Terrarium developers"))
            .comments(gettext("Run programs behind glass"))
            .license_type(gtk::License::Lgpl21)
            .build();
        about.present();
    }

    /// Shows a long text in a window of its own, to be read and copied.
    pub fn show_text(&self, title: &str, text: &str) {
        let view = gtk::TextView::builder().editable(false).cursor_visible(false).monospace(true);
        let view = view.top_margin(12).bottom_margin(12).left_margin(12).right_margin(12).build();
        view.buffer().set_text(text);
        view.update_property(&[gtk::accessible::Property::Label(title)]);
        let copy =
            gtk::Button::builder().icon_name("edit-copy-symbolic").tooltip_text(gettext("Copy")).build();
        crate::pages::name_by_hint(&copy);
        let content = text.to_owned();
        copy.connect_clicked(move |button| button.clipboard().set_text(&content));
        let header = adw::HeaderBar::builder().title_widget(&adw::WindowTitle::new(title, "")).build();
        header.pack_end(&copy);
        let body = gtk::Box::new(gtk::Orientation::Vertical, 0);
        body.append(&header);
        body.append(&gtk::ScrolledWindow::builder().child(&view).vexpand(true).build());
        let window = adw::Window::builder().transient_for(&self.widget).modal(true).title(title);
        let window = window.default_width(680).default_height(560).width_request(320).content(&body).build();
        close_with_escape(&window);
        window.present();
    }

    pub(super) fn show_shortcuts(&self) {
        let builder = crate::pages::layout(include_str!("../shortcuts.ui"));
        if let Some(window) = builder.object::<gtk::ShortcutsWindow>("shortcuts") {
            window.set_transient_for(Some(&self.widget));
            window.set_section_name(Some("terrarium"));
            window.present();
        }
    }
}
