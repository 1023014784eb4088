// SPDX-License-Identifier: LGPL-2.1-or-later
//! The few variables that every sandbox has, and names made of names.

use crate::host::Host;
use sha2::{Digest, Sha256};
use std::os::unix::ffi::OsStrExt;
use terrarium_protocol::Bytes;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games";
const ROOT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The environment of a command before the profile's variables.
#[must_use]
pub fn environment(host: &Host, terminal: bool, privileged: bool) -> Vec<(Bytes, Bytes)> {
    let user = &host.user;
    let name = if privileged { "root" } else { user.name.as_str() };
    let mut all: Vec<(Bytes, Bytes)> = vec![
        ("PATH".into(), if privileged { ROOT_PATH } else { PATH }.into()),
        ("HOME".into(), super::home(host).as_os_str().as_bytes().into()),
        ("USER".into(), name.into()),
        ("LOGNAME".into(), name.into()),
        ("SHELL".into(), user.shell.as_os_str().as_bytes().into()),
        ("XDG_RUNTIME_DIR".into(), format!("/run/user/{}", user.uid).into()),
    ];
    let of_terminals = |name: &str| name == "TERM" || name == "COLORTERM";
    let passed = host.environment.iter().filter(|(name, _)| terminal || !of_terminals(name));
    all.extend(passed.map(|(name, value)| (name.as_str().into(), value.as_str().into())));
    if terminal && !host.environment.contains_key("TERM") {
        all.push(("TERM".into(), "xterm-256color".into()));
    }
    all
}

/// So much of a name's checksum is enough, in bytes.
const MARK: usize = 8;

/// Whether this can be a variable's name. Programs pass over others without a
/// word, and so do shells.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    let other = |c: char| c == '=' || c.is_whitespace() || (c.is_control() && c != '\0');
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.contains(other)
}

/// The name of a folder that is this name's and no other's. Names that are
/// alike to a file system, or cannot be told apart in its letters, must not
/// get what another one keeps.
#[must_use]
pub fn folder_name(name: &str) -> String {
    let slug = slug(name);
    if slug == name {
        return slug;
    }
    let sum = Sha256::digest(name.as_bytes());
    let mark: String = sum.iter().take(MARK).map(|byte| format!("{byte:02x}")).collect();
    format!("{slug}-{mark}")
}

/// A name as a host or a file can have it: lower case, digits, hyphens.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
        if slug.len() == 40 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "sandbox".to_owned()
    } else {
        slug.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_pass_over_is_no_variable() {
        for name in ["A", "_a1", "cluster.name", "BASH_FUNC_x%%", "ПУТЬ"] {
            assert!(is_variable(name), "{name}");
        }
        for name in ["", "1", "1A", "A B", "A\t", "A=B", "=", "A\u{7}"] {
            assert!(!is_variable(name), "{name}");
        }
    }

    #[test]
    fn no_two_names_keep_things_in_one_folder() {
        let long = |end: &str| format!("{}{end}", "long-name-".repeat(10));
        let names =
            ["old-app", "Old App", "old app", "old_app", "وثائق", "صور", "文件", &long("a"), &long("b"), ""];
        let folders: std::collections::BTreeSet<String> =
            names.iter().map(|name| folder_name(name)).collect();
        assert_eq!(folders.len(), names.len(), "{folders:?}");
        assert!(folders.contains("old-app"));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(folders.iter().all(|name| name.len() < 80 && name.chars().all(plain)), "{folders:?}");
        // "sandbox" is what a name without any letters becomes.
        assert!(folder_name("sandbox") != folder_name("-"));
    }
}
