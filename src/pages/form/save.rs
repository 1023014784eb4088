// SPDX-License-Identifier: LGPL-2.1-or-later
//! The form's menu: what is done with the profile as a whole.

use super::Form;
use crate::launcher;
use crate::library::Item;
use crate::settings::settings;
use crate::window::{Window, Words};
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
        // Of a new one the menu has the other, which says that it asks.
        add("form-save-own", Self::save_it);
        add("form-save-as", Self::save_as);
        add("form-export", |form, window| {
            let file = form.item.borrow().as_ref().map(|item| item.path.clone());
            window.export(&form.profile(), file);
        });
        add("form-undo", Self::undo);
        add("form-redo", Self::redo);
        add("form-revert", Self::revert);
        add("form-clear", Self::clear);
        add("form-last", Self::bring_back_the_last);
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
        let (can_undo, can_redo) = self.history.can();
        for (name, on) in [
            ("form-save", changed || !has_item),
            ("form-save-own", changed && has_item),
            ("form-undo", can_undo),
            ("form-redo", can_redo),
            ("form-revert", changed),
            ("form-clear", changed || has_item || !self.command.text().is_empty()),
            ("form-last", self.last.borrow().is_some()),
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
        let (window, profile) = (window.clone(), self.fitting(self.saved.borrow().clone()));
        glib::spawn_future_local(async move { window.set_launcher(&profile, &item.stem(), on).await });
    }

    /// Whether there is a launcher.
    pub(crate) fn look_for_launcher(self: &Rc<Self>, window: &Rc<Window>) {
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
        let (form, window, typed) = (self.clone(), window.clone(), self.typed());
        glib::spawn_future_local(async move {
            match window.bridge.update_profile(item.path.clone(), form.fitting(typed.clone())).await {
                Ok(()) => {
                    form.is_saved(&window, typed, &item.path).await;
                    form.tell_saved(&window, gettext("Saved"));
                }
                Err(error) => window.toast(&message::error(&error)),
            }
        });
    }

    async fn is_saved(self: &Rc<Self>, window: &Rc<Window>, typed: Profile, path: &std::path::Path) {
        window.library.read(&window.bridge).await;
        self.is_to_be_saved.set(false);
        self.item.replace(window.library.of(path));
        self.signal.quietly(|| self.title.set_name(&typed.name));
        self.accept();
        self.saved.replace(typed);
        self.drop_draft(window);
        self.look(window);
    }

    /// A profile that cannot be run is kept all the same.
    fn tell_saved(&self, window: &Window, text: String) {
        let why = self.planned(window).and_then(|(_, planned)| self.first_problem(&planned));
        window.toast(
            &why.map_or(text, |why| gettext("Saved, but it cannot run yet: {why}").replace("{why}", &why)),
        );
    }

    /// Asks for a name, and saves under it.
    fn save_as(self: &Rc<Self>, window: &Rc<Window>) {
        if !window.shows("form") {
            return;
        }
        let (heading, button) = (gettext("Save as Profile"), gettext("_Save"));
        let body = gettext("It is found at Home then, and runs with one click. Before its first run you are shown what it can reach.");
        let words = Words { heading: &heading, body: &body, button: &button };
        let (form, own) = (self.clone(), window.clone());
        window.ask_for_name(&words, &self.profile().name, None, move |name| {
            let (form, window) = (form.clone(), own.clone());
            let typed = Profile { name, ..form.typed() };
            glib::spawn_future_local(async move {
                if let Some(item) = window.add_profile(form.fitting(typed.clone())).await {
                    form.is_saved(&window, typed, &item.path).await;
                    form.tell_saved(&window, gettext("Saved. You find it at Home."));
                }
            });
        });
    }

    /// Begins with an empty form, or as it is set: with all of a profile but
    /// its name and command. What is typed and neither saved nor run stays.
    pub fn begin_anew(self: &Rc<Self>, window: &Rc<Window>) {
        if self.is_changed() && self.item.borrow().is_none() {
            // A run was asked for.
            self.is_to_be_saved.set(false);
            return self.look(window);
        }
        self.put_aside();
        let ran = self.ran.take();
        if ran {
            self.last.replace(Some((self.typed(), true)));
        }
        self.start_over(window);
        if self.bring_back(window, None) {
            return;
        }
        if ran {
            let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
            window.offer(
                &gettext("An empty form. What you ran last can be brought back."),
                &gettext("_Bring It Back"),
                move || {
                    if let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) {
                        form.bring_back_the_last(&window);
                    }
                },
            );
        }
    }

    /// Shows again what was run last, or thrown away. What is typed meanwhile
    /// waits aside.
    fn bring_back_the_last(self: &Rc<Self>, window: &Rc<Window>) {
        let Some((last, ran)) = self.last.take() else { return };
        self.put_aside();
        self.start_over(window);
        let before = self.saved.borrow().clone();
        self.fill(window, &last, None);
        self.ran.set(ran);
        if !ran {
            self.saved.replace(before);
            self.look(window);
        }
        self.keep_draft(window);
        self.focus();
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
        let (typed, item, saved) = (self.typed(), self.item.borrow().clone(), self.saved.borrow().clone());
        if item.is_none() && (self.is_changed() || self.ran.get()) {
            self.last.replace(Some((typed.clone(), self.ran.take())));
        }
        self.start_over(window);
        self.focus();
        self.offer_back(window, &gettext("An empty form"), typed, item, saved);
    }

    /// Back to how it was saved.
    pub(super) fn revert(self: &Rc<Self>, window: &Rc<Window>) {
        let (typed, item, saved) = (self.typed(), self.item.borrow().clone(), self.saved.borrow().clone());
        self.history.keep(|| self.fill(window, &saved, item.as_ref()));
        self.look(window);
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
