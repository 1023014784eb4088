// SPDX-License-Identifier: LGPL-2.1-or-later
//! How programs look on this computer: what GTK's files say. The desktop
//! knows more, but would have to be asked over D-Bus; whoever has asked it
//! may set [`Look`] before planning.

use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// Longest file of settings that is read, in bytes.
const FILE_MAX: u64 = 64 * 1024;
/// Longest name that counts, in bytes.
const NAME_MAX: usize = 200;

/// Names of themes, and light or dark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Whether dark is preferred.
    pub dark: bool,
    /// Name of the widgets' theme.
    pub theme: Option<String>,
    /// Name of the icons' theme.
    pub icons: Option<String>,
    /// Name of the pointers' theme.
    pub pointers: Option<String>,
    /// Name and size of the font.
    pub font: Option<String>,
}

/// What `config` (`~/.config`) and the variable `GTK_THEME` say. GTK 4's file
/// counts before GTK 3's.
#[must_use]
pub fn look(config: &Path, gtk_theme: Option<&str>) -> Look {
    let texts = ["gtk-4.0", "gtk-3.0"].map(|folder| read(&config.join(folder).join("settings.ini")));
    let value = |key: &str| texts.iter().find_map(|text| setting(text, key));
    let (forced, variant) = gtk_theme.map_or((None, ""), |text| {
        let (name, variant) = text.split_once(':').unwrap_or((text, ""));
        (harmless(name), variant)
    });
    let theme = forced.or_else(|| value("gtk-theme-name"));
    let is_dark_name = |name: &String| name.to_ascii_lowercase().ends_with("-dark") || name.ends_with("Dark");
    let prefers = value("gtk-application-prefer-dark-theme");
    Look {
        dark: variant == "dark"
            || theme.as_ref().is_some_and(is_dark_name)
            || prefers.is_some_and(|text| matches!(text.as_str(), "1" | "true")),
        theme,
        icons: value("gtk-icon-theme-name"),
        pointers: value("gtk-cursor-theme-name"),
        font: value("gtk-font-name"),
    }
}

fn read(path: &Path) -> String {
    let is_small = fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= FILE_MAX);
    if is_small {
        fs::read_to_string(path).unwrap_or_default()
    } else {
        String::new()
    }
}

/// The last value of a key in `[Settings]`, as GLib has it.
fn setting(text: &str, key: &str) -> Option<String> {
    let mut inside = false;
    let mut found = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[Settings]";
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
            if name.trim() == key {
                found = harmless(value);
            }
        }
    }
    found
}

/// A name as it may stand on a line of a file for the sandbox.
fn harmless(text: &str) -> Option<String> {
    let text = text.trim();
    let is_good = !text.is_empty() && text.len() <= NAME_MAX && !text.chars().any(char::is_control);
    is_good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(four: &str, three: &str, gtk_theme: Option<&str>) -> Look {
        let config = tempfile::tempdir().unwrap();
        for (folder, text) in [("gtk-4.0", four), ("gtk-3.0", three)] {
            fs::create_dir(config.path().join(folder)).unwrap();
            fs::write(config.path().join(folder).join("settings.ini"), text).unwrap();
        }
        look(config.path(), gtk_theme)
    }

    #[test]
    fn gtk_4_counts_before_gtk_3() {
        let four =
            "[Other]\ngtk-font-name=No\n[Settings]\ngtk-font-name = Cantarell 11\n# gtk-theme-name=No\n";
        let three = "[Settings]\ngtk-font-name=Sans 9\ngtk-theme-name=Breeze\ngtk-icon-theme-name=breeze\n";
        let found = with(four, three, None);
        assert_eq!(found.font.as_deref(), Some("Cantarell 11"));
        assert_eq!((found.theme.as_deref(), found.icons.as_deref()), (Some("Breeze"), Some("breeze")));
        assert!(!found.dark && found.pointers.is_none());
    }

    #[test]
    fn dark_is_dark_however_it_is_said() {
        let settings = |line: &str| format!("[Settings]\n{line}\n");
        for (four, variable) in [
            (settings("gtk-application-prefer-dark-theme=1"), None),
            (settings("gtk-application-prefer-dark-theme = true"), None),
            (settings("gtk-theme-name=Adwaita-dark"), None),
            (settings("gtk-theme-name=BreezeDark"), None),
            (String::new(), Some("Adwaita:dark")),
            (String::new(), Some("Adwaita-dark")),
        ] {
            assert!(with(&four, "", variable).dark, "{four} {variable:?}");
        }
        assert!(!with(&settings("gtk-application-prefer-dark-theme=0"), "", Some("Adwaita")).dark);
        assert_eq!(with("", "", Some("Adwaita:dark")).theme.as_deref(), Some("Adwaita"));
    }

    #[test]
    fn what_is_no_name_does_not_count() {
        let long = format!("[Settings]\ngtk-font-name={}\n", "x".repeat(NAME_MAX + 1));
        assert_eq!(with(&long, "", None).font, None);
        assert_eq!(with("[Settings]\ngtk-font-name=a\u{1b}[31m\n", "", None).font, None);
        assert_eq!(look(Path::new("/nonexistent"), None), Look::default());
    }
}
