// SPDX-License-Identifier: LGPL-2.1-or-later
//! Launchers: a profile among the desktop's apps.

use gettextrs::gettext;
use gtk::glib;
use std::path::{Path, PathBuf};
use terrarium_engine::message;
use terrarium_engine::profile::Profile;

/// Where the launcher of a profile's file lies.
#[must_use]
pub fn path(stem: &str) -> PathBuf {
    glib::user_data_dir().join("applications").join(format!("{}.profile.{stem}.desktop", crate::APP_ID))
}

/// The text of a launcher. `program` is the window's own.
#[must_use]
pub fn text(profile: &Profile, stem: &str, program: &Path) -> String {
    let name = gettext("{name} (sandboxed)").replace("{name}", &message::shown(&profile.name));
    let words = [program.to_string_lossy().as_ref(), "--run", stem].map(word).join(" ");
    format!(
        "[Desktop Entry]\nType=Application\nName={}\nExec={}\nIcon={}\nTerminal=false\nStartupNotify=true\n\
         X-Terrarium-Profile={}\n",
        escape(&name),
        escape(&words),
        crate::APP_ID,
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

    #[test]
    fn a_launcher_runs_its_profile_whatever_its_name() {
        let profile = Profile::new("A \\ profile", vec!["x".into()]);
        let text = text(&profile, "we$ird %n", Path::new("/opt/a b/terrarium"));
        let file = glib::KeyFile::new();
        file.load_from_data(&text, glib::KeyFileFlags::NONE).expect("a key file");
        assert_eq!(file.string("Desktop Entry", "Name").expect("a name"), "A \\ profile (sandboxed)");
        let exec = file.string("Desktop Entry", "Exec").expect("a line");
        assert_eq!(exec, "\"/opt/a b/terrarium\" --run \"we\\$ird %%n\"");
        let words = glib::shell_parse_argv(exec.as_str()).expect("words");
        assert_eq!(words, ["/opt/a b/terrarium", "--run", "we$ird %%n"]);
    }
}
