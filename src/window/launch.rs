// SPDX-License-Identifier: LGPL-2.1-or-later
//! From a profile to a run: planned, shown where that is due, remembered.

use super::Window;
use crate::apps::{self, App};
use crate::library::Item;
use crate::pages::reach::{show, Ask};
use crate::pages::templates;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gio, glib};
use std::path::PathBuf;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::plan::{plan, Plan};
use terrarium_engine::profile::Profile;
use terrarium_engine::reach::{reach, Grants, Reach, Secret, Strength};
use terrarium_engine::sandbox::Waiting;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is looked at: shared read-only.
    View,
    /// A copy of it is edited, and comes back as a change.
    Edit,
    /// As for looking at it, and shown in the form first.
    Form,
}

/// A profile that is to be run.
#[derive(Clone)]
pub struct Launch {
    /// What.
    pub profile: Profile,
    /// The profile of the library that it is.
    pub item: Option<Item>,
    /// The file that it was opened from.
    pub from: Option<String>,
    /// Its reach is already before the user's eyes.
    pub shown: bool,
}

impl Launch {
    /// One that is in no file.
    pub fn unsaved(profile: Profile) -> Self {
        Self { profile, item: None, from: None, shown: false }
    }

    /// One of the library.
    pub fn saved(profile: Profile, item: Item) -> Self {
        Self { from: item.seen.from.clone(), item: Some(item), profile, shown: false }
    }

    /// Whether its reach has to be shown first.
    fn is_due(&self, facts: &Reach) -> bool {
        match &self.item {
            _ if self.from.is_some() => true,
            _ if self.shown => false,
            Some(item) => item.seen.is_due(&Grants::of(facts)),
            None => facts.facts.iter().any(|fact| fact.strength() > Strength::Usual),
        }
    }
}

impl Window {
    /// Runs a profile. One with problems is shown in the form instead.
    pub fn launch(self: &Rc<Self>, launch: Launch) {
        let Some(host) = self.bridge.host() else { return };
        let Some(plan) = plan(&launch.profile, host).plan else {
            return self.edit(&launch.profile, launch.item.as_ref());
        };
        let facts = reach(&plan);
        if !launch.is_due(&facts) {
            return self.start_known(&launch, plan, &facts);
        }
        let (weak, own) = (Rc::downgrade(self), launch.clone());
        let known = facts.clone();
        let run = move || {
            if let Some(window) = weak.upgrade() {
                window.start_known(&own, plan, &known);
            }
        };
        let (weak, own) = (Rc::downgrade(self), launch.clone());
        let hide = move |secrets: &[Secret]| {
            if let Some(window) = weak.upgrade() {
                window.hide_secrets(&own, secrets);
            }
        };
        let ask = Ask { from: launch.from, run: Some(Box::new(run)), hide: Some(Box::new(hide)) };
        show(&self.widget, &launch.profile, &facts, ask);
    }

    /// Says what a profile can reach, without running it.
    pub fn tell_reach(self: &Rc<Self>, profile: &Profile, from: Option<String>) {
        let Some(host) = self.bridge.host() else { return };
        let planned = plan(profile, host);
        match planned.plan {
            Some(plan) => drop(show(&self.widget, profile, &reach(&plan), Ask { from, ..Ask::default() })),
            None => {
                let first = planned.problems.first().map(message::problem);
                self.toast(&first.map(|first| format!("{} {}", first.text, first.fix)).unwrap_or_default());
            }
        }
    }

    fn start_known(self: &Rc<Self>, launch: &Launch, plan: Plan, facts: &Reach) {
        if let Some(item) = &launch.item {
            let (window, stem, grants) = (self.clone(), item.stem(), Grants::of(facts));
            glib::spawn_future_local(async move {
                if let Err(error) = window.bridge.remember(stem, grants).await {
                    window.toast(&message::error(&error));
                }
                window.library.read(&window.bridge).await;
            });
        }
        self.start(plan);
    }

    /// The same with these secrets hidden, to be looked at again.
    fn hide_secrets(self: &Rc<Self>, launch: &Launch, secrets: &[Secret]) {
        let Some(host) = self.bridge.host() else { return };
        let mut launch = launch.clone();
        hide(&mut launch.profile, secrets, &host.user.home);
        if let Some(item) = &launch.item {
            let (window, path, profile) = (self.clone(), item.path.clone(), launch.profile.clone());
            glib::spawn_future_local(async move {
                if let Err(error) = window.bridge.update_profile(path, profile).await {
                    window.toast(&message::error(&error));
                }
                window.library.read(&window.bridge).await;
            });
        }
        self.launch(launch);
    }

    /// Runs the profile with this name, or whose file has it.
    pub fn run_by_name(self: &Rc<Self>, name: String) {
        let window = self.clone();
        glib::spawn_future_local(async move {
            if let Err(text) = window.run_named(name).await {
                window.toast(&text);
            }
        });
    }

    /// The same; where there is none, says so.
    pub async fn run_named(self: &Rc<Self>, name: String) -> Result<(), String> {
        self.bridge.begin().await;
        self.library.read(&self.bridge).await;
        let is_it = |item: &Item| item.stem() == name || item.name() == name;
        let Some(item) = self.library.items().into_iter().find(is_it) else {
            return Err(message::error(&terrarium_engine::Error::NoSuchProfile { name, like: None }));
        };
        match item.profile.clone() {
            Ok(profile) => self.launch(Launch::saved(profile, item)),
            Err(broken) => self.show_broken(&item.path, &broken.lines),
        }
        Ok(())
    }

    /// A shell without anything else.
    pub fn open_terminal(self: &Rc<Self>) {
        let Some(host) = self.bridge.host() else { return };
        let mut profile = Profile::new(gettext("Terminal"), vec![host.user.shell.clone().into_os_string()]);
        profile.colour = templates::Template::Terminal.looks().0;
        self.launch(Launch { shown: true, ..Launch::unsaved(templates::best(profile, host)) });
    }

    /// Asks for a file, and looks at it.
    pub fn ask_for_document(self: &Rc<Self>) {
        let (title, action) = (gettext("Open a Document"), gtk::FileChooserAction::Open);
        let chooser = gtk::FileChooserNative::new(Some(&title), Some(&self.widget), action, None, None);
        chooser.set_modal(true);
        // A chooser that is given no filter shows an empty list of them.
        let filter = gtk::FileFilter::new();
        filter.set_name(Some(&gettext("All Files")));
        filter.add_pattern("*");
        chooser.add_filter(&filter);
        chooser.set_filter(&filter);
        chooser.add_choice(
            "edit",
            gettext("Edit a copy, and decide afterwards whether to keep what changed").as_str(),
            &[],
        );
        self.take_document(chooser, |chooser| {
            let edits = chooser.choice("edit").is_some_and(|choice| choice == "true");
            if edits {
                Purpose::Edit
            } else {
                Purpose::View
            }
        });
    }

    /// Asks for a file, and begins a profile that looks at it.
    pub fn ask_for_profile_of_document(self: &Rc<Self>) {
        let (title, action) = (gettext("The Document"), gtk::FileChooserAction::Open);
        let chooser = gtk::FileChooserNative::new(Some(&title), Some(&self.widget), action, None, None);
        chooser.set_modal(true);
        self.take_document(chooser, |_| Purpose::Form);
    }

    fn take_document(
        self: &Rc<Self>,
        chooser: gtk::FileChooserNative,
        purpose: impl FnOnce(&gtk::FileChooserNative) -> Purpose + 'static,
    ) {
        let window = self.clone();
        glib::spawn_future_local(async move {
            if chooser.run_future().await == gtk::ResponseType::Accept {
                if let Some(file) = chooser.file() {
                    window.open_file(file, purpose(&chooser)).await;
                }
            }
        });
    }

    /// Opens a file with the app for its kind, or asks for one. A profile is
    /// shown with what it can reach.
    pub async fn open_file(self: &Rc<Self>, file: gio::File, purpose: Purpose) {
        let Some(path) = file.path() else {
            return self.toast(&gettext("Only files of this computer can be opened in a sandbox."));
        };
        if path.extension().is_some_and(|suffix| suffix == "terrarium") {
            return self.open_profile(path).await;
        }
        let attributes = "standard::content-type,standard::type";
        let flags = gio::FileQueryInfoFlags::NONE;
        let info = file.query_info_future(attributes, flags, glib::Priority::DEFAULT).await;
        let kind = match info {
            Ok(info) if info.file_type() == gio::FileType::Directory => {
                let text = gettext("“{path}” is a folder. Run something, and add the folder to it.");
                return self.toast(&text.replace("{path}", &message::shown(&path.to_string_lossy())));
            }
            Ok(info) => info.content_type().map(String::from).unwrap_or_default(),
            Err(error) if error.matches(gio::IOErrorEnum::NotFound) => {
                let text = gettext("There is no file {path}.");
                return self.toast(&text.replace("{path}", &message::shown(&path.to_string_lossy())));
            }
            Err(error) => return self.toast(error.message()),
        };
        let apps = self.bridge.look_at(templates::read_apps).await.unwrap_or_default();
        match templates::default_app(&apps, &kind) {
            Some(app) => self.open_with(&path, app, purpose),
            None => {
                let (window, file) = (self.clone(), path.clone());
                self.toast(&gettext("No app is known for this kind of file. Choose one."));
                apps::choose(&self.widget, &self.bridge, Some(&path), move |app| {
                    window.open_with(&file, &app, purpose);
                });
            }
        }
    }

    /// Opens a file with an app. An edit of the same file that waits comes
    /// first: a new one would begin as if that had never been.
    pub fn open_with(self: &Rc<Self>, path: &std::path::Path, app: &App, purpose: Purpose) {
        if purpose != Purpose::Edit {
            return self.open_anew(path, app, purpose);
        }
        let (window, path, app) = (self.clone(), path.to_owned(), app.clone());
        glib::spawn_future_local(async move {
            let waits = window.bridge.waiting().await.into_iter().find(|one| one.may_edit(&path));
            match waits {
                Some(one) => window.ask_about_edit(&one, path, app),
                None => window.open_anew(&path, &app, purpose),
            }
        });
    }

    fn ask_about_edit(self: &Rc<Self>, one: &Waiting, path: PathBuf, app: App) {
        let name = path.file_name().map(|name| message::escaped(name.as_encoded_bytes())).unwrap_or_default();
        let dialog = adw::MessageDialog::new(
            Some(&self.widget),
            Some(&gettext("An Edit of {file} Waits").replace("{file}", &name)),
            Some(&gettext("You have not decided about it, so the file on this computer is without it. Another edit begins with that file.")),
        );
        dialog.add_responses(&[
            ("cancel", &gettext("_Cancel")),
            ("anew", &gettext("_Edit Anew")),
            ("look", &gettext("_Look at It")),
        ]);
        dialog.set_response_appearance("look", adw::ResponseAppearance::Suggested);
        dialog.set_default_response(Some("look"));
        dialog.set_close_response("cancel");
        let (window, one) = (self.clone(), one.clone());
        dialog.connect_response(None, move |_, answer| match answer {
            "look" => window.look_at_waiting(&one),
            "anew" => window.open_anew(&path, &app, Purpose::Edit),
            _ => {}
        });
        dialog.present();
    }

    fn open_anew(self: &Rc<Self>, path: &std::path::Path, app: &App, purpose: Purpose) {
        let Some(host) = self.bridge.host() else { return };
        let mut profile = match purpose {
            Purpose::View | Purpose::Form => templates::document(path, app, host),
            Purpose::Edit => templates::edit(path, app, host),
        };
        if purpose == Purpose::Edit && !path.starts_with(&host.user.home) {
            self.toast(&gettext(
                "The file is not in your home folder: save a copy of what changed where you want it.",
            ));
        }
        // Whoever named the file gets nothing that a profile of its name keeps.
        self.tell_apart(&mut profile);
        if purpose == Purpose::Form {
            return self.edit_new(&profile);
        }
        // The one file that was asked for is all that it sees.
        self.launch(Launch { shown: true, ..Launch::unsaved(profile) });
    }

    /// Asks for an app, and tries it.
    pub fn ask_for_app(self: &Rc<Self>) {
        let window = self.clone();
        apps::choose(&self.widget, &self.bridge, None, move |app| {
            if let Some(host) = window.bridge.host() {
                window.launch(Launch { shown: true, ..Launch::unsaved(templates::app(&app, host)) });
            }
        });
    }
}

/// Takes secrets out of those that are not hidden.
pub fn hide(profile: &mut Profile, secrets: &[Secret], home: &std::path::Path) {
    let real = |path: &PathBuf| match path.strip_prefix("~") {
        Ok(rest) => home.join(rest),
        Err(_) => home.join(path),
    };
    profile.files.unmask.retain(|path| !secrets.iter().any(|secret| secret.path == real(path)));
}
