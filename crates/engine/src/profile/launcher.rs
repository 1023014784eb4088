// SPDX-License-Identifier: LGPL-2.1-or-later
//! The launcher of a profile: where its files lie. What is in them is the
//! window's affair.

use std::path::{Path, PathBuf};

/// What the desktop knows the window by.
pub const APP_ID: &str = "org.terrarium.Terrarium";
/// Width and height of an icon, in pixels.
pub const ICON_SIZE: u16 = 128;

/// Where the launcher of a profile's file lies, below `$XDG_DATA_HOME`.
#[must_use]
pub fn path(data: &Path, stem: &str) -> PathBuf {
    data.join("applications").join(format!("{}.desktop", icon_name(stem)))
}

/// Where its icon lies: in the user's part of the icon theme.
#[must_use]
pub fn icon_path(data: &Path, stem: &str) -> PathBuf {
    theme(data).join(format!("{0}x{0}/apps/{1}.png", ICON_SIZE, icon_name(stem)))
}

fn theme(data: &Path) -> PathBuf {
    data.join("icons/hicolor")
}

/// What its icon is called.
#[must_use]
pub fn icon_name(stem: &str) -> String {
    format!("{APP_ID}.profile.{stem}")
}

/// A launcher's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The launcher.
    pub text: Vec<u8>,
    /// Its icon, as PNG; empty if it has none of its own.
    pub icon: Vec<u8>,
}

impl Files {
    /// Puts them where the desktop looks.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn put(&self, data: &Path, stem: &str) -> std::io::Result<()> {
        if !self.icon.is_empty() {
            put(&icon_path(data, stem), &self.icon)?;
            // Caches of the theme are as old as its folder.
            let now = std::fs::FileTimes::new().set_modified(std::time::SystemTime::now());
            let _ = std::fs::File::open(theme(data)).and_then(|folder| folder.set_times(now));
        }
        put(&path(data, stem), &self.text)
    }

    /// Takes them away; `None` if there is no launcher.
    #[must_use]
    pub fn take(data: &Path, stem: &str) -> Option<Self> {
        let take = |path: PathBuf| {
            let bytes = std::fs::read(&path).ok()?;
            std::fs::remove_file(&path).ok()?;
            Some(bytes)
        };
        let text = take(path(data, stem));
        let icon = take(icon_path(data, stem)).unwrap_or_default();
        Some(Self { text: text?, icon })
    }
}

/// A file appears as a whole or not at all.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, bytes)?;
    std::fs::rename(fresh, path)
}
