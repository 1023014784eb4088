// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the user has set, with GSettings. Without an installed schema that of
//! the build is taken; without any everything is as by default.

use crate::APP_ID;
use gtk::gio::prelude::*;
use gtk::{gio, glib};
use terrarium_engine::profile::Isolation;

/// The settings; clones are the same ones.
#[derive(Clone)]
pub struct Settings(Option<gio::Settings>);

thread_local! {
    static SETTINGS: Settings = Settings(find());
}

/// The settings of this program.
pub fn settings() -> Settings {
    SETTINGS.with(Clone::clone)
}

fn find() -> Option<gio::Settings> {
    let installed = gio::SettingsSchemaSource::default();
    let schema = installed.as_ref().and_then(|source| source.lookup(APP_ID, true));
    // One of an older version may be installed.
    let schema = schema.filter(|schema| schema.has_key("keep-finished")).or_else(|| {
        let folder = option_env!("TERRARIUM_SCHEMAS")?;
        let source = gio::SettingsSchemaSource::from_directory(folder, installed.as_ref(), false).ok()?;
        source.lookup(APP_ID, false)
    })?;
    Some(gio::Settings::new_full(&schema, gio::SettingsBackend::NONE, None))
}

impl Settings {
    /// A text; empty if there is none.
    #[must_use]
    pub fn text(&self, key: &str) -> String {
        self.0.as_ref().map(|settings| settings.string(key).into()).unwrap_or_default()
    }

    /// Sets a text.
    pub fn set_text(&self, key: &str, text: &str) {
        if let Some(settings) = &self.0 {
            let _ = settings.set_string(key, text);
        }
    }

    /// A flag, or what it is without settings.
    #[must_use]
    pub fn flag(&self, key: &str, usual: bool) -> bool {
        self.0.as_ref().map_or(usual, |settings| settings.boolean(key))
    }

    /// Sets a flag.
    pub fn set_flag(&self, key: &str, on: bool) {
        if let Some(settings) = &self.0 {
            let _ = settings.set_boolean(key, on);
        }
    }

    /// A number, or what it is without settings.
    #[must_use]
    pub fn number(&self, key: &str, usual: i32) -> i32 {
        self.0.as_ref().map_or(usual, |settings| settings.int(key))
    }

    /// Sets a number.
    pub fn set_number(&self, key: &str, number: i32) {
        if let Some(settings) = &self.0 {
            let _ = settings.set_int(key, number);
        }
    }

    /// Calls back when this one changes, for as long as `with` is there.
    pub fn on_change<T: IsA<glib::Object>>(&self, key: &str, with: &T, call: impl Fn(&T) + 'static) {
        let Some(settings) = &self.0 else { return };
        let weak = with.downgrade();
        let handler = settings.connect_changed(Some(key), move |_, _| {
            if let Some(with) = weak.upgrade() {
                call(&with);
            }
        });
        let settings = settings.clone();
        let handler = std::cell::Cell::new(Some(handler));
        with.add_weak_ref_notify_local(move || {
            if let Some(handler) = handler.take() {
                settings.disconnect(handler);
            }
        });
    }

    /// How strong the glass is of something new.
    #[must_use]
    pub fn isolation(&self) -> Option<Isolation> {
        match self.text("default-isolation").as_str() {
            "container" => Some(Isolation::Container),
            "machine" => Some(Isolation::Machine),
            _ => None,
        }
    }
}
