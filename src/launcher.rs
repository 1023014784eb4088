// SPDX-License-Identifier: LGPL-2.1-or-later
//! Launchers: a profile among the desktop's apps.

mod icon;

pub use icon::draw;

use crate::apps::App;
use gettextrs::gettext;
use std::path::Path;
use terrarium_engine::message;
use terrarium_engine::profile::launcher::icon_name;
pub use terrarium_engine::profile::launcher::{icon_path, path, Files};
use terrarium_engine::profile::Profile;

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
