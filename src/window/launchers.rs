// SPDX-License-Identifier: LGPL-2.1-or-later
//! Launchers of profiles: made, taken away, and called as their profiles are.

use super::Window;
use crate::launcher::{self, Files};
use crate::pages::templates;
use gettextrs::gettext;
use gtk::prelude::*;
use std::rc::Rc;
use terrarium_engine::profile::Profile;

impl Window {
    /// Makes a saved profile one of the desktop's apps, or no more.
    pub async fn set_launcher(self: &Rc<Self>, profile: &Profile, stem: &str, on: bool) {
        let (data, own) = (self.bridge.data_home(), stem.to_owned());
        if on {
            let files = self.make_launcher(profile, stem).await;
            match self.bridge.look_at(move || files.put(&data, &own)).await {
                Some(Err(error)) => self.toast(&error.to_string()),
                _ => self.toast(&gettext("It is among your apps now")),
            }
        } else if self.bridge.look_at(move || Files::take(&data, &own)).await.flatten().is_some() {
            self.toast(&gettext("Launcher removed"));
        }
        if let Some(form) = self.known_form() {
            form.look_for_launcher(self);
        }
    }

    /// A profile has another name: so has its launcher, if there is one.
    pub(super) async fn rename_launcher(self: &Rc<Self>, profile: &Profile, stem: &str) {
        let (data, own) = (self.bridge.data_home(), stem.to_owned());
        let path = launcher::path(&data, stem);
        if self.bridge.look_at(move || path.exists()).await != Some(true) {
            return;
        }
        let files = self.make_launcher(profile, stem).await;
        if let Some(Err(error)) = self.bridge.look_at(move || files.put(&data, &own)).await {
            self.toast(&error.to_string());
        }
    }

    async fn make_launcher(&self, profile: &Profile, stem: &str) -> Files {
        let apps = self.bridge.look_at(templates::read_apps).await.unwrap_or_default();
        let icon = launcher::draw(&self.widget, profile, launcher::app_of(profile, &apps));
        let icon = icon.map(|icon| icon.save_to_png_bytes().to_vec()).unwrap_or_default();
        let program = std::env::current_exe().unwrap_or_else(|_| "terrarium".into());
        let text = launcher::text(profile, stem, &program, !icon.is_empty()).into_bytes();
        Files { text, icon }
    }
}
