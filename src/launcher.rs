// SPDX-License-Identifier: LGPL-2.1-or-later
//! Launchers: a profile among the desktop's apps.

mod icon;

pub use icon::draw;

use crate::apps::App;
use gettextrs::gettext;
use std::path::{Path, PathBuf};
use terrarium_engine::message;
use terrarium_engine::profile::Profile;

/// Where the launcher of a profile's file lies, below `$XDG_DATA_HOME`.
#[must_use]
pub fn path(data: &Path, stem: &str) -> PathBuf {
    data.join("applications").join(format!("{}.profile.{stem}.desktop", crate::APP_ID))
}

/// Where its icon lies: in the user's part of the icon theme.
#[must_use]
pub fn icon_path(data: &Path, stem: &str) -> PathBuf {
    theme(data).join(format!("{0}x{0}/apps/{1}.png", icon::SIZE, icon_name(stem)))
}

fn theme(data: &Path) -> PathBuf {
    data.join("icons/hicolor")
}

fn icon_name(stem: &str) -> String {
    format!("{}.profile.{stem}", crate::APP_ID)
}

/// A launcher's files.
#[derive(Clone, Default)]
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

/// The app that a profile runs, if its command begins as the app's does.
#[must_use]
pub fn app_of<'a>(profile: &Profile, apps: &'a [App]) -> Option<&'a App> {
    let base = |word: &std::ffi::OsString| Path::new(word).file_name().map(std::ffi::OsStr::to_owned);
    let argv = &profile.command.argv;
    let begins = |app: &&App| {
        let words = app.argv(&[]);
        !words.is_empty()
            && words.len() <= argv.len()
            && words.first().and_then(base) == argv.first().and_then(base)
            && words.iter().zip(argv).skip(1).all(|(one, other)| one == other)
    };
    // The more words, the closer.
    apps.iter().filter(begins).max_by_key(|app| app.argv(&[]).len())
}

/// The text of a launcher. `program` is the window's own; it has an icon of
/// its own or the app's.
#[must_use]
pub fn text(profile: &Profile, stem: &str, program: &Path, has_icon: bool) -> String {
    let icon = if has_icon { icon_name(stem) } else { crate::APP_ID.to_owned() };
    let name = gettext("{name} (sandboxed)").replace("{name}", &message::shown(&profile.name));
    let words = [program.to_string_lossy().as_ref(), "--run", stem].map(word).join(" ");
    format!(
        "[Desktop Entry]\nType=Application\nName={}\nExec={}\nIcon={}\nTerminal=false\nStartupNotify=true\n\
         X-Terrarium-Profile={}\n",
        escape(&name),
        escape(&words),
        escape(&icon),
        escape(stem)
    )
}

/// A word of an `Exec` line.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if "\"`$\\".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
        if c == '%' {
            quoted.push('%');
        }
    }
    quoted + "\""
}

/// A value of a desktop file.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gtk::glib;

    #[test]
    fn a_launcher_runs_its_profile_whatever_its_name() {
        let profile = Profile::new("A \\ profile", vec!["x".into()]);
        let text = text(&profile, "we$ird %n", Path::new("/opt/a b/terrarium"), false);
        let file = glib::KeyFile::new();
        file.load_from_data(&text, glib::KeyFileFlags::NONE).expect("a key file");
        assert_eq!(file.string("Desktop Entry", "Name").expect("a name"), "A \\ profile (sandboxed)");
        let exec = file.string("Desktop Entry", "Exec").expect("a line");
        assert_eq!(exec, "\"/opt/a b/terrarium\" --run \"we\\$ird %%n\"");
        let words = glib::shell_parse_argv(exec.as_str()).expect("words");
        assert_eq!(words, ["/opt/a b/terrarium", "--run", "we$ird %%n"]);
    }
}
