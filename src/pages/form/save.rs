// SPDX-License-Identifier: LGPL-2.1-or-later
//! The form's menu: what is done with the profile as a whole.

use super::Form;
use crate::launcher::{self, Files};
use crate::library::Item;
use crate::pages::templates;
use crate::settings::settings;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gio, glib};
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::profile::Profile;

impl Form {
    pub(super) fn add_actions(self: &Rc<Self>, window: &Rc<Window>) {
        let add = |name: &str, run: fn(&Rc<Self>, &Rc<Window>)| {
            let action = gio::SimpleAction::new(name, None);
            let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
            action.connect_activate(move |_, _| {
                if let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) {
                    run(&form, &window);
                }
            });
            window.widget.add_action(&action);
        };
        add("form-save", Self::save_it);
        add("form-save-as", Self::save_as);
        add("form-export", |form, window| window.export(&form.profile()));
        add("form-revert", Self::revert);
        add("form-clear", Self::clear);
        add("form-reach", |form, window| window.tell_reach(&form.profile(), None));
        add("form-copy", |form, window| {
            window.widget.clipboard().set_text(&form.advanced.command());
            window.toast(&gettext("Command copied"));
        });
        add("form-launcher", |form, window| form.set_launcher(window, true));
        add("form-no-launcher", |form, window| form.set_launcher(window, false));
        add("form-delete", |form, window| {
            form.put_aside();
            if let Some(item) = form.item.take() {
                window.show("home");
                window.delete(&item);
                form.fill(window, &Profile::new("", Vec::new()), None);
                form.drop_draft(window);
            }
        });
    }

    pub(super) fn refresh_actions(&self, window: &Window, changed: bool) {
        let has_item = self.item.borrow().is_some();
        for (name, on) in [
            ("form-save", changed || !has_item),
            ("form-revert", changed),
            ("form-clear", changed || has_item || !self.command.text().is_empty()),
            ("form-delete", has_item),
            ("form-reach", self.run.is_sensitive()),
            ("form-launcher", has_item && !self.launched.get()),
            ("form-no-launcher", has_item && self.launched.get()),
        ] {
            let action = window.widget.lookup_action(name).and_downcast::<gio::SimpleAction>();
            action.iter().for_each(|action| action.set_enabled(on));
        }
    }

    /// Makes the profile one of the desktop's apps, or no more.
    fn set_launcher(self: &Rc<Self>, window: &Rc<Window>, on: bool) {
        let Some(item) = self.item.borrow().clone() else { return };
        let (form, window, stem) = (self.clone(), window.clone(), item.stem());
        let data = window.bridge.data_home();
        glib::spawn_future_local(async move {
            if on {
                let files = form.make_launcher(&window, &stem).await;
                match window.bridge.look_at(move || files.put(&data, &stem)).await {
                    Some(Err(error)) => window.toast(&error.to_string()),
                    _ => window.toast(&gettext("It is among your apps now")),
                }
            } else if window.bridge.look_at(move || Files::take(&data, &stem)).await.flatten().is_some() {
                window.toast(&gettext("Launcher removed"));
            }
            form.look_for_launcher(&window);
        });
    }

    async fn make_launcher(&self, window: &Rc<Window>, stem: &str) -> Files {
        let profile = self.saved.borrow().clone();
        let apps = window.bridge.look_at(templates::read_apps).await.unwrap_or_default();
        let icon = launcher::draw(&window.widget, &profile, launcher::app_of(&profile, &apps));
        let icon = icon.map(|icon| icon.save_to_png_bytes().to_vec()).unwrap_or_default();
        let program = std::env::current_exe().unwrap_or_else(|_| "terrarium".into());
        let text = launcher::text(&profile, stem, &program, !icon.is_empty()).into_bytes();
        Files { text, icon }
    }

    /// Whether there is a launcher.
    pub(super) fn look_for_launcher(self: &Rc<Self>, window: &Rc<Window>) {
        let data = window.bridge.data_home();
        let Some(path) = self.item.borrow().as_ref().map(|item| launcher::path(&data, &item.stem())) else {
            return;
        };
        let (form, window) = (self.clone(), window.clone());
        glib::spawn_future_local(async move {
            let there = window.bridge.look_at(move || path.exists()).await;
            form.launched.set(there == Some(true));
            form.refresh_actions(&window, form.is_changed());
        });
    }

    /// Saves into the profile's own file.
    fn save_it(self: &Rc<Self>, window: &Rc<Window>) {
        let Some(item) = self.item.borrow().clone() else { return self.save_as(window) };
        if !window.shows("form") {
            return;
        }
        let (form, window, profile) = (self.clone(), window.clone(), self.profile());
        glib::spawn_future_local(async move {
            match window.bridge.update_profile(item.path.clone(), profile.clone()).await {
                Ok(()) => {
                    form.is_saved(&window, profile, &item.path).await;
                    window.toast(&gettext("Saved"));
                }
                Err(error) => window.toast(&message::error(&error)),
            }
        });
    }

    async fn is_saved(self: &Rc<Self>, window: &Rc<Window>, profile: Profile, path: &std::path::Path) {
        window.library.read(&window.bridge).await;
        self.item.replace(window.library.of(path));
        self.title.set_name(&profile.name);
        self.saved.replace(profile);
        self.drop_draft(window);
        self.look(window);
    }

    /// Asks for a name, and saves under it.
    fn save_as(self: &Rc<Self>, window: &Rc<Window>) {
        if !window.shows("form") {
            return;
        }
        let dialog = adw::MessageDialog::new(
            Some(&window.widget),
            Some(&gettext("Save as Profile")),
            Some(&gettext("It is found at Home then, and runs with one click. Before its first run you are shown what it can reach.")),
        );
        dialog.add_response("cancel", &gettext("_Cancel"));
        dialog.add_response("save", &gettext("_Save"));
        dialog.set_response_appearance("save", adw::ResponseAppearance::Suggested);
        dialog.set_default_response(Some("save"));
        dialog.set_close_response("cancel");
        let entry = name_entry(&dialog, window, &self.profile().name);
        let (form, window) = (self.clone(), window.clone());
        dialog.connect_response(Some("save"), move |_, _| {
            let (form, window) = (form.clone(), window.clone());
            let mut profile = form.profile();
            profile.name = entry.text().trim().to_owned();
            glib::spawn_future_local(async move {
                if let Some(item) = window.add_profile(profile.clone()).await {
                    form.is_saved(&window, profile, &item.path).await;
                    window.toast(&gettext("Saved. You find it at Home."));
                }
            });
        });
        dialog.present();
    }

    /// Begins with an empty form, or as it is set: with all of a profile but
    /// its name and command. What is typed and neither saved nor run stays.
    pub fn begin_anew(self: &Rc<Self>, window: &Rc<Window>) {
        if self.is_changed() && self.item.borrow().is_none() {
            return;
        }
        self.put_aside();
        let (last, ran) = (self.profile(), self.ran.take());
        self.start_over(window);
        if self.bring_back(window, None) {
            return;
        }
        if ran {
            let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
            window.offer(&gettext("This is a new one"), &gettext("_Bring Back the Last"), move || {
                if let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) {
                    form.fill(&window, &last, None);
                    form.ran.set(true);
                }
            });
        }
    }

    pub(super) fn start_over(self: &Rc<Self>, window: &Rc<Window>) {
        let stem = settings().text("default-profile");
        let items = window.library.items();
        let found = items.into_iter().find(|item| !stem.is_empty() && item.stem() == stem);
        let mut profile =
            found.and_then(|item| item.profile.ok()).unwrap_or_else(|| Profile::new("", Vec::new()));
        profile.name.clear();
        profile.command.argv.clear();
        self.fill(window, &profile, None);
        self.drop_draft(window);
    }

    /// Throws away what is typed, with a way back.
    fn clear(self: &Rc<Self>, window: &Rc<Window>) {
        let (typed, item, saved) = (self.profile(), self.item.borrow().clone(), self.saved.borrow().clone());
        self.start_over(window);
        self.offer_back(window, &gettext("This is a new one"), typed, item, saved);
    }

    /// Back to how it was saved.
    pub(super) fn revert(self: &Rc<Self>, window: &Rc<Window>) {
        let (typed, item, saved) = (self.profile(), self.item.borrow().clone(), self.saved.borrow().clone());
        self.fill(window, &saved, item.as_ref());
        self.drop_draft(window);
        self.offer_back(window, &gettext("Back to how it was saved"), typed, item, saved);
    }

    fn offer_back(
        self: &Rc<Self>,
        window: &Rc<Window>,
        text: &str,
        typed: Profile,
        item: Option<Item>,
        saved: Profile,
    ) {
        let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        window.offer(text, &gettext("_Undo"), move || {
            if let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) {
                form.fill(&window, &typed, item.as_ref());
                form.saved.replace(saved.clone());
                form.look(&window);
                form.keep_draft(&window);
            }
        });
    }
}

/// Asks in a dialog for a name that no profile has.
fn name_entry(dialog: &adw::MessageDialog, window: &Window, name: &str) -> gtk::Entry {
    let entry = gtk::Entry::builder().text(name).activates_default(true).build();
    entry.set_widget_name("save-name");
    entry.update_property(&[gtk::accessible::Property::Label(&gettext("Name"))]);
    let taken = gtk::Label::builder().label(gettext("There is a profile of that name. Choose another one."));
    let taken = taken.wrap(true).xalign(0.0).css_classes(["caption", "error"]).build();
    let body = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(6).build();
    body.append(&entry);
    body.append(&taken);
    dialog.set_extra_child(Some(&body));
    let (weak, names) = (dialog.downgrade(), window.library.items());
    let look = move |entry: &gtk::Entry| {
        let Some(dialog) = weak.upgrade() else { return };
        let name = entry.text();
        let is_taken = names.iter().any(|item| item.name() == name.trim());
        taken.set_visible(is_taken);
        dialog.set_response_enabled("save", !(is_taken || name.trim().is_empty()));
    };
    look(&entry);
    entry.connect_changed(look);
    entry
}
