// SPDX-License-Identifier: LGPL-2.1-or-later
//! Profiles get names: when they are saved first, and later.

use super::Window;
use crate::library::Item;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{Changes, Home, Profile};

/// What is said where a name is asked for.
pub struct Words<'a> {
    /// Above all.
    pub heading: &'a str,
    /// What comes of it.
    pub body: &'a str,
    /// The button that takes the name.
    pub button: &'a str,
}

impl Window {
    /// Asks for a name that no profile has. `own` is what it has itself.
    pub fn ask_for_name(
        self: &Rc<Self>,
        words: &Words,
        name: &str,
        own: Option<&str>,
        then: impl Fn(String) + 'static,
    ) {
        let dialog = adw::MessageDialog::new(Some(&self.widget), Some(words.heading), Some(words.body));
        dialog.add_response("cancel", &gettext("_Cancel"));
        dialog.add_response("save", words.button);
        dialog.set_response_appearance("save", adw::ResponseAppearance::Suggested);
        dialog.set_default_response(Some("save"));
        dialog.set_close_response("cancel");
        let entry = self.name_entry(&dialog, name, own);
        let typed = entry.clone();
        dialog.connect_response(Some("save"), move |_, _| then(typed.text().trim().to_owned()));
        dialog.present();
        entry.grab_focus();
    }

    fn name_entry(self: &Rc<Self>, dialog: &adw::MessageDialog, name: &str, own: Option<&str>) -> gtk::Entry {
        let entry = gtk::Entry::builder().text(name).activates_default(true).build();
        entry.set_widget_name("save-name");
        entry.update_property(&[gtk::accessible::Property::Label(&gettext("Name"))]);
        let fault = gtk::Label::builder().accessible_role(gtk::AccessibleRole::Alert);
        let fault = fault.wrap(true).xalign(0.0).css_classes(["caption", "error"]).build();
        let body = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(6).build();
        body.append(&entry);
        body.append(&fault);
        dialog.set_extra_child(Some(&body));
        let (weak, window, own) = (dialog.downgrade(), Rc::downgrade(self), own.map(str::to_owned));
        let look = move |entry: &gtk::Entry| {
            let (Some(dialog), Some(window)) = (weak.upgrade(), window.upgrade()) else { return };
            let text = entry.text();
            let name = text.trim();
            let is_own = own.as_deref() == Some(name);
            let said = window.fault_of_name(name).filter(|_| !(is_own || name.is_empty()));
            dialog.set_response_enabled("save", !(is_own || name.is_empty() || said.is_some()));
            fault.set_visible(said.is_some());
            fault.set_label(&said.unwrap_or_default());
        };
        look(&entry);
        entry.connect_changed(look);
        entry
    }

    /// Why a profile cannot be called so.
    fn fault_of_name(&self, name: &str) -> Option<String> {
        if self.library.items().iter().any(|item| item.name() == name) {
            return Some(gettext("There is a profile of that name. Choose another one."));
        }
        let planned = plan(&Profile::new(name, vec!["true".into()]), self.bridge.host()?);
        let found = planned.problems.iter().find(|problem| problem.field == "name").map(message::problem)?;
        Some(format!("{} {}", found.text, found.fix).trim().to_owned())
    }

    /// Gives a profile another name.
    pub(super) fn rename(self: &Rc<Self>, item: &Item) {
        let Ok(profile) = item.profile.clone() else { return };
        let keeps = profile.files.home == Home::Kept || profile.files.changes == Changes::Keep;
        // The folders of what it keeps have its name.
        let body = if keeps {
            gettext("What it keeps from run to run stays under the old name, and is there again when it has that name.")
        } else {
            String::new()
        };
        let (heading, button) = (gettext("Rename Profile"), gettext("_Rename"));
        let words = Words { heading: &heading, body: &body, button: &button };
        let (weak, item, name) = (Rc::downgrade(self), item.clone(), profile.name.clone());
        self.ask_for_name(&words, &name, Some(&name), move |name| {
            let Some(window) = weak.upgrade() else { return };
            let (item, renamed) = (item.clone(), Profile { name, ..profile.clone() });
            glib::spawn_future_local(async move { window.take_name(&item, renamed).await });
        });
    }

    async fn take_name(self: &Rc<Self>, item: &Item, renamed: Profile) {
        match self.bridge.update_profile(item.path.clone(), renamed.clone()).await {
            Ok(()) => {
                self.library.read(&self.bridge).await;
                if let Some(form) = self.known_form() {
                    form.is_renamed(self, &item.path, &renamed.name);
                }
                self.rename_launcher(&renamed, &item.stem()).await;
            }
            Err(error) => self.toast(&message::error(&error)),
        }
    }
}
