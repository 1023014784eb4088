// SPDX-License-Identifier: LGPL-2.1-or-later
//! The few variables that every sandbox has, and names made of names.

use crate::host::Host;
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
