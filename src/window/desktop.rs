// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window's part in the desktop: what it tells of sandboxes that are not
//! seen, what it holds up, and what is dropped on it.

use super::{Purpose, Window};
use crate::pages::tab::Tab;
use crate::settings::settings;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gdk, gio, glib};
use std::rc::Rc;
use terrarium_engine::message;

/// What holds up logging out.
pub(super) struct HeldUp {
    app: gtk::Application,
    cookie: u32,
    why: String,
}

impl Window {
    /// Whether somebody looks at a tab.
    fn is_looked_at(&self, tab: &Tab) -> bool {
        let is_it = |current: Rc<Tab>| std::ptr::eq(&*current, tab);
        self.widget.is_active() && self.shows("runs") && self.runs.current().is_some_and(is_it)
    }

    /// A sandbox has ended that nobody looks at.
    pub fn tell_end(&self, tab: &Tab, title: &str, detail: &str) {
        self.untell_ask(tab);
        let name = message::shown(&tab.name());
        self.tell(tab, "end", &format!("{name}: {title}"), detail);
    }

    /// A sandbox that nobody looks at waits for an answer. What it wants to
    /// hand over is not told.
    pub fn tell_ask(&self, tab: &Tab, title: &str) {
        let title = title.replace("{name}", &message::shown(&tab.name()));
        self.tell(tab, "ask", &title, &gettext("It waits for your answer."));
    }

    /// It waits no longer.
    pub fn untell_ask(&self, tab: &Tab) {
        if let (Some(app), Some(id)) = (self.widget.application(), tab.id()) {
            app.withdraw_notification(&told_as("ask", &id.uuid));
        }
        self.told.replace(None);
    }

    /// Tells the desktop, if it is to be told; whoever presses that comes to
    /// the tab.
    fn tell(&self, tab: &Tab, what: &str, title: &str, detail: &str) {
        let wanted = settings().flag("notifications", true) && !self.is_looked_at(tab);
        let (Some(app), Some(id), true) = (self.widget.application(), tab.id(), wanted) else { return };
        let notification = gio::Notification::new(title);
        notification.set_body(Some(detail));
        notification.set_default_action_and_target_value("app.show-sandbox", Some(&id.uuid.to_variant()));
        app.send_notification(Some(&told_as(what, &id.uuid)), &notification);
        self.told.replace(Some(title.to_owned()));
    }

    /// What the desktop was told last, for tests.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        self.told.borrow().clone()
    }

    /// The sandbox of a notification.
    pub fn show_tab(&self, uuid: &str) -> bool {
        let found = self.runs.show_tab(uuid);
        if found {
            self.show("runs");
            self.widget.present();
        }
        found
    }

    /// While something runs in this window, or would be thrown away with it,
    /// logging out asks first.
    pub fn hold_up_logout(&self) {
        let why = if !self.runs.running().is_empty() {
            Some(gettext("Programs run in sandboxes"))
        } else if self.runs.loses_files() {
            Some(gettext("Files that a sandbox wrote would be thrown away"))
        } else {
            None
        };
        if self.held_up.borrow().as_ref().map(|held| &held.why) == why.as_ref() {
            return;
        }
        self.let_logout_go_on();
        let (Some(app), Some(why)) = (self.widget.application(), why) else { return };
        let cookie = app.inhibit(Some(&self.widget), gtk::ApplicationInhibitFlags::LOGOUT, Some(&why));
        self.held_up.replace(Some(HeldUp { app, cookie, why }));
    }

    /// Nothing is in its way, or nobody is there who would be asked.
    pub(super) fn let_logout_go_on(&self) {
        // No cookie was given where nobody asks for them.
        if let Some(held) = self.held_up.take().filter(|held| held.cookie != 0) {
            held.app.uninhibit(held.cookie);
        }
    }

    /// A file that is dropped on Home is opened in a sandbox, one that is
    /// dropped on the form is shared.
    pub(super) fn take_drops(self: &Rc<Self>, page: &gtk::Box, shares: bool) {
        let target = gtk::DropTarget::new(gdk::FileList::static_type(), gdk::DragAction::COPY);
        let weak = Rc::downgrade(self);
        target.connect_drop(move |_, value, _, _| {
            let (Some(window), Ok(files)) = (weak.upgrade(), value.get::<gdk::FileList>()) else {
                return false;
            };
            for file in files.files() {
                match file.path().filter(|_| shares) {
                    Some(path) => window.form().take_path(&path),
                    None => {
                        let window = window.clone();
                        glib::spawn_future_local(async move { window.open_file(file, Purpose::View).await });
                    }
                }
            }
            true
        });
        page.add_controller(target);
    }

    /// The size that it had when it was closed last.
    pub(super) fn remember_size(self: &Rc<Self>) {
        let (width, height) =
            (settings().number("window-width", 1100), settings().number("window-height", 760));
        self.widget.set_default_size(width, height);
        if settings().flag("window-maximized", false) {
            self.widget.maximize();
        }
        self.widget.connect_unrealize(|window| {
            settings().set_flag("window-maximized", window.is_maximized());
            let (width, height) = window.default_size();
            if !window.is_maximized() && !window.is_fullscreen() && width > 0 && height > 0 {
                settings().set_number("window-width", width);
                settings().set_number("window-height", height);
            }
        });
    }
}

/// The end of a sandbox and what it asks are told beside each other.
fn told_as(what: &str, uuid: &str) -> String {
    format!("{what}-{uuid}")
}
