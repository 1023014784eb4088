// SPDX-License-Identifier: LGPL-2.1-or-later
//! A profile in one line: what runs, how strong the glass is, and the one or
//! two things in which it differs from the default.

use gettextrs::gettext;
use std::path::Path;
use terrarium_engine::message::{self, tilde};
use terrarium_engine::profile::{Changes, Home, MountMode, NetworkMode, Profile};

/// Differences that are named.
const MOST: usize = 2;

/// The line.
pub fn summary(profile: &Profile, home: &Path) -> String {
    let program = profile.command.argv.first().map(|word| word.to_string_lossy().into_owned());
    let program = program.map(|word| word.rsplit('/').next().unwrap_or_default().to_owned());
    let program = program.filter(|word| !word.is_empty()).unwrap_or_else(|| gettext("No command yet"));
    let mut parts = vec![message::shown(&program)];
    parts.extend(profile.isolation.map(message::isolation));
    let differences = differences(profile, home);
    if differences.is_empty() {
        parts.push(gettext("No network"));
    }
    parts.extend(differences.into_iter().take(MOST));
    parts.join(" · ")
}

/// The strongest first.
fn differences(profile: &Profile, home: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let writes = profile.files.mounts.iter().find(|mount| mount.mode == MountMode::Rw);
    if let Some(mount) = writes.filter(|mount| !mount.source.as_os_str().is_empty()) {
        let path = message::shown(&tilde(&mount.source, home));
        all.push(gettext("{path} can be written").replace("{path}", &path));
    }
    match profile.network.mode {
        NetworkMode::None => {}
        NetworkMode::Internet => all.push(gettext("Internet only")),
        NetworkMode::Full => all.push(gettext("Internet and LAN")),
        NetworkMode::Custom => all.push(gettext("Chosen networks")),
    }
    match profile.files.home {
        Home::Private => {}
        Home::Kept => all.push(gettext("Home is kept")),
        Home::Readonly => all.push(gettext("Your home is read")),
    }
    match profile.files.changes {
        Changes::Discard => {}
        Changes::Keep => all.push(gettext("Changes are kept")),
        Changes::Review => all.push(gettext("Changes are reviewed")),
    }
    if profile.security.privileged {
        all.push(gettext("Root inside"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrarium_engine::profile::{Isolation, Mount, MountKind};

    #[test]
    fn what_differs_is_named_and_the_rest_is_not() {
        let home = Path::new("/home/me");
        let mut profile = Profile::new("x", vec!["/usr/bin/make".into(), "check".into()]);
        assert_eq!(summary(&profile, home), "make · No network");
        profile.isolation = Some(Isolation::Container);
        profile.files.mounts = vec![Mount {
            kind: MountKind::HostBind,
            source: "/home/me/Projects/sprout".into(),
            target: "/p".into(),
            mode: MountMode::Rw,
            format: None,
            trusted: false,
        }];
        profile.files.home = Home::Kept;
        profile.files.changes = Changes::Review;
        assert_eq!(
            summary(&profile, home),
            "make · Container · ~/Projects/sprout can be written · Home is kept"
        );
        profile.command.argv.clear();
        assert!(summary(&profile, home).starts_with("No command yet"));
    }
}
