// SPDX-License-Identifier: LGPL-2.1-or-later
//! How the user's folders are called (xdg-user-dirs): a private home has the
//! same ones, empty.

use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;

/// Largest list that is read, in bytes.
const MAX: u64 = 64 * 1024;

/// What there is without any list, as xdg-user-dirs has it.
const USUAL: &[(&str, &str)] = &[
    ("DESKTOP", "Desktop"),
    ("DOWNLOAD", "Downloads"),
    ("TEMPLATES", "Templates"),
    ("PUBLICSHARE", "Public"),
    ("DOCUMENTS", "Documents"),
    ("MUSIC", "Music"),
    ("PICTURES", "Pictures"),
    ("VIDEOS", "Videos"),
];

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// What it is for, as in `XDG_DOWNLOAD_DIR`.
    pub purpose: String,
    /// Its name in the home directory.
    pub name: String,
}

/// By the user's own list, else by the system's, else the usual ones.
#[must_use]
pub fn folders(config: &Path, top: &Path) -> Vec<Folder> {
    let read = |path: &Path| {
        let mut text = Vec::new();
        let file =
            std::fs::File::open(path).ok().filter(|file| file.metadata().is_ok_and(|m| m.is_file()))?;
        file.take(MAX).read_to_end(&mut text).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    };
    let own = read(&config.join("user-dirs.dirs")).map(|text| parse(&text)).filter(|all| !all.is_empty());
    let system = || read(&top.join("etc/xdg/user-dirs.defaults")).map(|text| parse(&text));
    own.or_else(system).filter(|all| !all.is_empty()).unwrap_or_else(|| {
        USUAL.iter().map(|&(purpose, name)| Folder { purpose: purpose.into(), name: name.into() }).collect()
    })
}

/// `XDG_MUSIC_DIR="$HOME/Music"`, or `MUSIC=Music`. What lies elsewhere, or
/// deeper, is left out.
fn parse(text: &str) -> Vec<Folder> {
    let one = |line: &str| {
        let (key, value) = line.trim().split_once('=')?;
        let purpose = key.strip_prefix("XDG_").and_then(|key| key.strip_suffix("_DIR")).unwrap_or(key);
        let value = value.trim_matches('"');
        let name = value.strip_prefix("$HOME/").unwrap_or(value).trim_end_matches('/');
        let is_known = USUAL.iter().any(|(known, _)| *known == purpose);
        let is_odd = |c: char| c.is_control() || matches!(c, '/' | '"' | '\\' | '$' | '`');
        let is_name =
            !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && !name.contains(is_odd);
        (is_known && is_name).then(|| Folder { purpose: purpose.into(), name: name.into() })
    };
    let mut all: Vec<Folder> = Vec::new();
    for folder in text.lines().filter_map(one) {
        if !all.iter().any(|other| other.purpose == folder.purpose) {
            all.push(folder);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_called_as_the_user_calls_them() {
        let top = tempfile::tempdir().unwrap();
        let names = |config: &str| -> Vec<String> {
            folders(&top.path().join(config), top.path()).into_iter().map(|one| one.name).collect()
        };
        assert_eq!((names("none").len(), names("none")[1].as_str()), (8, "Downloads"));
        std::fs::create_dir_all(top.path().join("etc/xdg")).unwrap();
        std::fs::write(top.path().join("etc/xdg/user-dirs.defaults"), "# x\nDESKTOP=Desk\nPROJECTS=p\n")
            .unwrap();
        assert_eq!(names("none"), ["Desk"]);
        std::fs::create_dir(top.path().join("c")).unwrap();
        let own = "XDG_DESKTOP_DIR=\"$HOME/Schreibtisch\"\nXDG_DESKTOP_DIR=\"$HOME/b\"\nXDG_MUSIC_DIR=\"/srv/m\"\n\
                   XDG_VIDEOS_DIR=\"$HOME/../x\"\nXDG_PUBLICSHARE_DIR=\"$HOME/\"\nXDG_PICTURES_DIR=\"$HOME/a$b\"\n";
        std::fs::write(top.path().join("c/user-dirs.dirs"), own).unwrap();
        assert_eq!(names("c"), ["Schreibtisch"]);
    }
}
