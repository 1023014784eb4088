// SPDX-License-Identifier: LGPL-2.1-or-later
//! The apps that are installed, as their desktop files say.

mod chooser;
mod entry;
mod exec;
#[cfg(test)]
mod tests;

pub use chooser::choose;
pub use exec::expand;

use gtk::glib;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// The name of its desktop file.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// A sentence about it; may be empty.
    pub comment: String,
    /// Its icon, as desktop files name them.
    pub icon: String,
    /// Its `Exec` line.
    pub exec: String,
    /// Whether it runs in a terminal.
    pub terminal: bool,
    /// Where it starts, if its desktop file names a folder that is there.
    pub directory: Option<PathBuf>,
    /// Whether this desktop's menus leave it out. It opens documents all the same.
    pub unlisted: bool,
    /// What it opens.
    pub types: Vec<String>,
    /// Its desktop file.
    pub file: PathBuf,
}

impl App {
    /// Program and arguments, with these files or none.
    #[must_use]
    pub fn argv(&self, files: &[PathBuf]) -> Vec<OsString> {
        expand(self, files)
    }
}

/// Where desktop files lie, what counts more first.
#[must_use]
pub fn folders() -> Vec<PathBuf> {
    let own = std::iter::once(glib::user_data_dir());
    own.chain(glib::system_data_dirs()).map(|folder| folder.join("applications")).collect()
}

/// All apps by name, those that menus leave out among them. Reads files.
#[must_use]
pub fn list(folders: &[PathBuf]) -> Vec<App> {
    let desktops = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
    list_for(folders, &desktops)
}

/// The same on these desktops, as `XDG_CURRENT_DESKTOP` names them.
fn list_for(folders: &[PathBuf], desktops: &str) -> Vec<App> {
    let mut found: BTreeMap<String, Option<App>> = BTreeMap::new();
    for folder in folders {
        for path in files(folder, 0) {
            let Ok(inside) = path.strip_prefix(folder) else { continue };
            let id = inside.to_string_lossy().replace('/', "-");
            // What runs in a sandbox already, and this program itself.
            if id.starts_with(crate::APP_ID) {
                continue;
            }
            found.entry(id).or_insert_with_key(|id| entry::read(&path, id, desktops));
        }
    }
    let mut apps: Vec<App> = found.into_values().flatten().collect();
    apps.sort_by_cached_key(|app| (app.name.to_lowercase(), app.id.clone()));
    apps
}

/// Desktop files in a folder, and in the folders below it.
fn files(folder: &Path, depth: u32) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|suffix| suffix == "desktop") {
            found.push(path);
        } else if depth < 2 && path.is_dir() {
            found.extend(files(&path, depth + 1));
        }
    }
    found
}
