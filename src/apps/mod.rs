// SPDX-License-Identifier: LGPL-2.1-or-later
//! The apps that are installed, as their desktop files say.

mod chooser;
mod exec;
#[cfg(test)]
mod tests;

pub use chooser::choose;
pub use exec::expand;

use gtk::glib::{self, KeyFile, KeyFileFlags};
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
    /// Whether menus leave it out. It opens documents all the same.
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
    let mut found: BTreeMap<String, Option<App>> = BTreeMap::new();
    for folder in folders {
        for path in files(folder, 0) {
            let Ok(inside) = path.strip_prefix(folder) else { continue };
            let id = inside.to_string_lossy().replace('/', "-");
            // What runs in a sandbox already, and this program itself.
            if id.starts_with(crate::APP_ID) {
                continue;
            }
            found.entry(id).or_insert_with_key(|id| read(&path, id));
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

fn read(path: &Path, id: &str) -> Option<App> {
    const GROUP: &str = "Desktop Entry";
    let file = KeyFile::new();
    file.load_from_file(path, KeyFileFlags::NONE).ok()?;
    let text = |key: &str| file.string(GROUP, key).map(String::from).unwrap_or_default();
    let shown = |key: &str| file.locale_string(GROUP, key, None).map(String::from).unwrap_or_default();
    let is = |key: &str| file.boolean(GROUP, key).unwrap_or(false);
    if text("Type") != "Application" || is("Hidden") || text("Exec").is_empty() {
        return None;
    }
    let types = text("MimeType").split(';').filter(|kind| !kind.is_empty()).map(str::to_owned).collect();
    Some(App {
        id: id.to_owned(),
        name: shown("Name"),
        comment: shown("Comment"),
        icon: text("Icon"),
        exec: text("Exec"),
        terminal: is("Terminal"),
        unlisted: is("NoDisplay"),
        types,
        file: path.to_owned(),
    })
}
