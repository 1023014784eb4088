// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is done with profiles as files.

use super::launch::Launch;
use super::Window;
use crate::library::Item;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gio, glib};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use terrarium_engine::profile::store::{self, Deleted};
use terrarium_engine::profile::Profile;
use terrarium_engine::{message, Error};

/// How long a deleted profile is offered back, in seconds.
const LONG: u32 = 20;

impl Window {
    /// What the menus of profiles do.
    pub(super) fn add_profile_actions(self: &Rc<Self>) {
        let with_item = |name: &str, run: fn(&Rc<Self>, Item)| {
            let action = gio::SimpleAction::new(name, Some(glib::VariantTy::STRING));
            let window = Rc::downgrade(self);
            action.connect_activate(move |_, path| {
                let (Some(window), Some(path)) = (window.upgrade(), path.and_then(glib::Variant::str)) else {
                    return;
                };
                if let Some(item) = window.library.of(std::path::Path::new(path)) {
                    run(&window, item);
                }
            });
            self.widget.add_action(&action);
        };
        with_item("profile-reach", |window, item| {
            if let Ok(profile) = &item.profile {
                window.tell_reach(profile, item.seen.from.clone());
            }
        });
        with_item("profile-edit", |window, item| {
            if let Ok(profile) = &item.profile {
                window.edit(profile, Some(&item));
            }
        });
        with_item("profile-rename", |window, item| window.rename(&item));
        with_item("profile-launcher", |window, item| window.set_launcher_of(item, true));
        with_item("profile-no-launcher", |window, item| window.set_launcher_of(item, false));
        with_item("profile-duplicate", |window, item| window.duplicate(&item));
        with_item("profile-export", |window, item| {
            if let Ok(profile) = &item.profile {
                window.export(profile, Some(item.path.clone()));
            }
        });
        with_item("profile-text", |window, item| window.open_text(&item.path));
        with_item("profile-delete", |window, item| window.delete(&item));
        // What stands in the place of those that a broken file has not.
        let none = gio::SimpleAction::new("profile-broken", Some(glib::VariantTy::STRING));
        none.set_enabled(false);
        self.widget.add_action(&none);
    }

    fn set_launcher_of(self: &Rc<Self>, item: Item, on: bool) {
        let window = self.clone();
        glib::spawn_future_local(async move {
            if let Ok(profile) = &item.profile {
                window.set_launcher(profile, &item.stem(), on).await;
            }
        });
    }

    /// Asks for a file, and copies it into the profiles.
    pub fn ask_for_import(self: &Rc<Self>) {
        let (title, action) = (gettext("Import a Profile"), gtk::FileChooserAction::Open);
        let chooser = gtk::FileChooserNative::new(Some(&title), Some(&self.widget), action, None, None);
        chooser.set_modal(true);
        chooser.add_filter(&filter());
        let window = self.clone();
        glib::spawn_future_local(async move {
            if chooser.run_future().await == gtk::ResponseType::Accept {
                if let Some(path) = chooser.file().and_then(|file| file.path()) {
                    window.import(path).await;
                }
            }
        });
    }

    /// Copies a file into the profiles; one that is none says why.
    pub async fn import(self: &Rc<Self>, path: PathBuf) {
        let from = store::file_name(&path);
        let imported = match self.bridge.read_profile(path.clone()).await {
            Ok(profile) => self.add_from(profile, &path, Some(from)).await,
            Err(error) => Err(error),
        };
        match imported {
            Ok(path) => {
                self.library.read(&self.bridge).await;
                let name = self.library.of(&path).map(|item| item.name()).unwrap_or_default();
                self.toast(&gettext("“{name}” is imported").replace("{name}", &message::shown(&name)));
                self.show("home");
            }
            Err(error) => self.show_broken(&path, &message::lines(&error)),
        }
    }

    /// Under another name if there is one of its name. `file`: where it lies
    /// already.
    async fn add_from(
        &self,
        mut profile: Profile,
        file: &Path,
        from: Option<String>,
    ) -> Result<PathBuf, Error> {
        let name = profile.name.clone();
        for count in 2..1000 {
            match self.bridge.add_profile(profile.clone(), Some(file.into()), from.clone()).await {
                Err(Error::ProfileExists { .. }) => profile.name = another(&name, count),
                other => return other,
            }
        }
        Err(Error::ProfileExists { name })
    }

    /// A profile's file was opened: what it can reach is shown, and that it
    /// came from elsewhere.
    pub async fn open_profile(self: &Rc<Self>, path: PathBuf) {
        // The program may just have been started with it.
        self.library.read(&self.bridge).await;
        let own = self.library.of(&path);
        match self.bridge.read_profile(path.clone()).await {
            Ok(mut profile) => match own {
                Some(item) => self.launch(Launch::saved(profile, item)),
                None => {
                    self.tell_apart(&mut profile);
                    self.launch(Launch { from: Some(store::file_name(&path)), ..Launch::unsaved(profile) });
                }
            },
            Err(error) => self.show_broken(&path, &message::lines(&error)),
        }
    }

    /// What profiles keep is kept under their names: one that came from
    /// elsewhere gets nothing of another one's.
    pub(super) fn tell_apart(&self, profile: &mut Profile) {
        let items = self.library.items();
        let is_taken = |name: &str| items.iter().any(|item| item.name() == name);
        if is_taken(&profile.name) {
            let others = (2..).map(|count| another(&profile.name, count));
            profile.name = others.take(1000).find(|name| !is_taken(name)).unwrap_or_default();
        }
    }

    /// Adds a profile that was made here.
    pub async fn add_profile(self: &Rc<Self>, profile: Profile) -> Option<Item> {
        match self.bridge.add_profile(profile, None, None).await {
            Ok(path) => {
                self.library.read(&self.bridge).await;
                self.library.of(&path)
            }
            Err(error) => {
                self.toast(&message::error(&error));
                None
            }
        }
    }

    /// A copy under a name of its own.
    pub fn duplicate(self: &Rc<Self>, item: &Item) {
        let (window, item) = (self.clone(), item.clone());
        glib::spawn_future_local(async move {
            let Ok(profile) = item.profile else { return };
            // It came from where its original came from.
            match window.add_from(profile, &item.path, item.seen.from).await {
                Ok(_) => window.library.read(&window.bridge).await,
                Err(error) => window.toast(&message::error(&error)),
            }
        });
    }

    /// Deletes a profile, and offers it back.
    pub fn delete(self: &Rc<Self>, item: &Item) {
        let (window, item) = (self.clone(), item.clone());
        glib::spawn_future_local(async move {
            match window.bridge.delete_profile(item.path.clone()).await {
                Ok(deleted) => {
                    window.library.read(&window.bridge).await;
                    window.offer_back(&item, deleted);
                }
                Err(error) => window.toast(&message::error(&error)),
            }
        });
    }

    /// For a while in so many words, and with Ctrl+Z as long as there is this
    /// window.
    fn offer_back(self: &Rc<Self>, item: &Item, deleted: Deleted) {
        let said = gettext("“{name}” is deleted").replace("{name}", &message::shown(&item.name()));
        let deleted = Rc::new(deleted);
        self.deleted.borrow_mut().push(deleted.clone());
        let weak = Rc::downgrade(self);
        self.offer_for(LONG, &said, &gettext("_Undo"), move || {
            if let Some(window) = weak.upgrade() {
                window.bring_back(&deleted);
            }
        });
    }

    /// Brings the profile back that was deleted last.
    pub(super) fn bring_last_back(self: &Rc<Self>) {
        let last = self.deleted.borrow().last().cloned();
        if let Some(last) = last.filter(|_| self.shows("home")) {
            self.bring_back(&last);
        }
    }

    fn bring_back(self: &Rc<Self>, deleted: &Rc<Deleted>) {
        let at = self.deleted.borrow().iter().position(|one| Rc::ptr_eq(one, deleted));
        let Some(at) = at else { return };
        let deleted = self.deleted.borrow_mut().remove(at);
        let window = self.clone();
        glib::spawn_future_local(async move {
            if let Err(error) = window.bridge.bring_back((*deleted).clone()).await {
                window.toast(&message::error(&error));
            }
            window.library.read(&window.bridge).await;
        });
    }

    /// Asks where to, and writes a profile there. `file`: its own.
    pub fn export(self: &Rc<Self>, profile: &Profile, file: Option<PathBuf>) {
        let (title, action) = (gettext("Export the Profile"), gtk::FileChooserAction::Save);
        let chooser = gtk::FileChooserNative::new(Some(&title), Some(&self.widget), action, None, None);
        chooser.set_modal(true);
        // A file's name has 255 bytes at most.
        let name: String = profile.name.chars().take(60).collect();
        chooser.set_current_name(&format!("{}.{}", name.replace(['/', '\0'], "-"), store::SUFFIX));
        let (window, profile) = (self.clone(), profile.clone());
        glib::spawn_future_local(async move {
            let text = match window.bridge.profile_text(profile, file).await {
                Ok(text) => text,
                Err(error) => return window.toast(&message::error(&error)),
            };
            if chooser.run_future().await != gtk::ResponseType::Accept {
                return;
            }
            if let Some(file) = chooser.file() {
                window.save(&file, text.into_bytes(), false, &gettext("Profile exported")).await;
            }
        });
    }

    /// Says what is wrong with a file, line by line, and offers to open it
    /// with the text editor.
    pub fn show_broken(self: &Rc<Self>, path: &Path, lines: &[String]) {
        let prefix = format!("{}:", message::shown(&path.to_string_lossy()));
        let said = lines.iter().map(|line| match line.strip_prefix(&prefix) {
            Some(rest) if rest.starts_with(char::is_numeric) => {
                gettext("Line {rest}").replace("{rest}", rest)
            }
            Some(rest) => rest.trim().to_owned(),
            None => line.clone(),
        });
        let said: Vec<String> = said.take(8).collect();
        let heading = gettext("“{file}” Is No Profile That Works")
            .replace("{file}", &message::shown(&store::file_name(path)));
        let dialog = adw::MessageDialog::new(Some(&self.widget), Some(&heading), Some(&said.join("\n")));
        dialog.add_response("close", &gettext("_Close"));
        dialog.add_response("open", &gettext("_Open in Text Editor"));
        dialog.set_close_response("close");
        dialog.set_default_response(Some("close"));
        let (weak, path) = (Rc::downgrade(self), path.to_owned());
        dialog.connect_response(Some("open"), move |_, _| {
            if let Some(window) = weak.upgrade() {
                window.open_text(&path);
            }
        });
        dialog.present();
    }

    /// Opens a file with the app for plain text.
    pub fn open_text(self: &Rc<Self>, path: &Path) {
        let file = gio::File::for_path(path);
        let opened = match gio::AppInfo::default_for_type("text/plain", false) {
            Some(app) => {
                app.launch(&[file], gio::AppLaunchContext::NONE).map_err(|error| error.message().to_owned())
            }
            None => Err(gettext("No app for plain text is installed.")),
        };
        if let Err(why) = opened {
            self.toast(&why);
        }
    }
}

/// A name with a number. It must not become longer than names may be.
fn another(name: &str, count: u32) -> String {
    let name: String = name.chars().take(190).collect();
    format!("{name} {count}")
}

fn filter() -> gtk::FileFilter {
    let filter = gtk::FileFilter::new();
    filter.set_name(Some(&gettext("Terrarium profiles")));
    filter.add_suffix(store::SUFFIX);
    filter
}
