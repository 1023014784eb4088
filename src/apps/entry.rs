// SPDX-License-Identifier: LGPL-2.1-or-later
//! One desktop file is read, as the Desktop Entry Specification has it.

use super::App;
use gtk::glib::{self, KeyFile, KeyFileFlags};
use std::path::{Path, PathBuf};

/// The group that says what it is.
const GROUP: &str = "Desktop Entry";

/// The app of a desktop file; none if it is no app, or its program is missing.
pub(super) fn read(path: &Path, id: &str, desktops: &str) -> Option<App> {
    let file = KeyFile::new();
    file.load_from_file(path, KeyFileFlags::NONE).ok()?;
    let text = |key: &str| file.string(GROUP, key).map(String::from).unwrap_or_default();
    let shown = |key: &str| file.locale_string(GROUP, key, None).map(String::from).unwrap_or_default();
    let is = |key: &str| file.boolean(GROUP, key).unwrap_or(false);
    if text("Type") != "Application" || is("Hidden") || text("Exec").is_empty() {
        return None;
    }
    // Who packs several programs names the one that has to be there.
    let program = text("TryExec");
    if !program.is_empty() && glib::find_program_in_path(&program).is_none() {
        return None;
    }
    Some(App {
        id: id.to_owned(),
        name: shown("Name"),
        comment: shown("Comment"),
        icon: text("Icon"),
        exec: text("Exec"),
        terminal: is("Terminal"),
        directory: folder(&text("Path")),
        unlisted: is("NoDisplay") || !is_of(&file, desktops),
        types: words(&text("MimeType")).map(str::to_owned).collect(),
        file: path.to_owned(),
    })
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(';').filter(|word| !word.is_empty())
}

/// Whether it is for one of these desktops. The first that it speaks of
/// decides.
fn is_of(file: &KeyFile, desktops: &str) -> bool {
    let list = |key: &str| file.string(GROUP, key).ok().map(String::from);
    let (only, not) = (list("OnlyShowIn"), list("NotShowIn"));
    let has = |list: &Option<String>, name: &str| {
        list.as_deref().is_some_and(|list| words(list).any(|word| word == name))
    };
    for name in desktops.split(':') {
        if has(&only, name) {
            return true;
        }
        if has(&not, name) {
            return false;
        }
    }
    only.is_none()
}

/// A folder that is there, without links on the way to it: those may lead out
/// of what a sandbox sees.
fn folder(path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let real = path.is_absolute().then(|| path.canonicalize().ok()).flatten()?;
    real.is_dir().then_some(real)
}
