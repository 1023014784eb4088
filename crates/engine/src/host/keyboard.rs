// SPDX-License-Identifier: LGPL-2.1-or-later
//! The layout of this computer's keyboard, as its settings name it. What a
//! desktop chose for itself is not seen here.

use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// Names of XKB's: model, layout and so on, empty where nothing was named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyboard {
    /// Such as `pc105`.
    pub model: String,
    /// Such as `de` or `us,ru`.
    pub layout: String,
    /// Such as `nodeadkeys`.
    pub variant: String,
    /// Such as `grp:alt_shift_toggle`.
    pub options: String,
}

/// Debian's file, and the one that systemd's localectl writes.
const DEBIAN: &str = "etc/default/keyboard";
const XORG: &str = "etc/X11/xorg.conf.d/00-keyboard.conf";

/// What is set below `top`; variables of libxkbcommon come first.
#[must_use]
pub fn keyboard(top: &Path, variable: impl Fn(&str) -> Option<String>) -> Keyboard {
    let text = |path: &str| fs::read_to_string(top.join(path)).unwrap_or_default();
    let (debian, xorg) = (text(DEBIAN), text(XORG));
    let find = |name: &str, option: &str| {
        let from_environment = variable(&format!("XKB_DEFAULT_{name}"));
        let found = from_environment.or_else(|| assigned(&debian, &format!("XKB{name}")));
        found.or_else(|| optioned(&xorg, option)).filter(|value| is_plain(value)).unwrap_or_default()
    };
    Keyboard {
        model: find("MODEL", "XkbModel"),
        layout: find("LAYOUT", "XkbLayout"),
        variant: find("VARIANT", "XkbVariant"),
        options: find("OPTIONS", "XkbOptions"),
    }
}

/// `NAME="value"`, as a shell reads it.
fn assigned(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
    Some(line.trim().trim_matches('"').trim_matches('\'').to_owned())
}

/// `Option "name" "value"`.
fn optioned(text: &str, name: &str) -> Option<String> {
    let words = |line: &str| -> Vec<String> { line.split('"').map(str::to_owned).collect() };
    let all = text.lines().filter(|line| line.trim_start().starts_with("Option")).map(words);
    all.into_iter().find_map(|words| (words.get(1)? == name).then(|| words.get(3).cloned())?)
}

/// Nothing that would be an option of a program, or more than a name.
fn is_plain(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_,:()+-".contains(c);
    value.len() <= 200 && !value.starts_with('-') && value.chars().all(plain)
}

impl Keyboard {
    /// Whether it is what Xorg takes without being told.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        matches!(self.layout.as_str(), "" | "us") && self.variant.is_empty() && self.options.is_empty()
    }

    /// setxkbmap's options.
    #[must_use]
    pub fn options(&self) -> Vec<String> {
        let all = [
            ("-model", &self.model),
            ("-layout", &self.layout),
            ("-variant", &self.variant),
            ("-option", &self.options),
        ];
        let named = all.into_iter().filter(|(_, value)| !value.is_empty());
        named.flat_map(|(option, value)| [option.to_owned(), value.clone()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(top: &Path, path: &str, text: &str) {
        fs::create_dir_all(top.join(path).parent().unwrap()).unwrap();
        fs::write(top.join(path), text).unwrap();
    }

    #[test]
    fn it_is_found_where_distributions_keep_it() {
        let top = tempfile::tempdir().unwrap();
        let none = |_: &str| None;
        assert!(keyboard(top.path(), none).is_usual());
        put(top.path(), XORG, "Section \"InputClass\"\n  Option \"XkbLayout\" \"fr\"\n");
        assert_eq!(keyboard(top.path(), none).layout, "fr");
        put(top.path(), DEBIAN, "XKBMODEL=\"pc105\"\nXKBLAYOUT=de\nXKBVARIANT='neo'\nXKBOPTIONS=\"\"\n");
        let german = keyboard(top.path(), none);
        assert_eq!(german.options(), ["-model", "pc105", "-layout", "de", "-variant", "neo"]);
        assert!(!german.is_usual());
        let own = |name: &str| (name == "XKB_DEFAULT_LAYOUT").then(|| "cz".to_owned());
        assert_eq!(keyboard(top.path(), own).layout, "cz");
    }

    #[test]
    fn what_is_no_name_is_not_passed_on() {
        let top = tempfile::tempdir().unwrap();
        for odd in ["-display", "de; rm", "a\tb", "../x"] {
            put(top.path(), DEBIAN, &format!("XKBLAYOUT=\"{odd}\"\n"));
            assert_eq!(keyboard(top.path(), |_| None).layout, "", "{odd}");
        }
    }
}
