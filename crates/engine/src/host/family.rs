// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which distribution this is, as far as it decides how packages are called.

use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// Distributions that call their packages alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Family {
    Debian,
    Fedora,
    Suse,
    Arch,
    /// Any other: packages are named as on Debian.
    #[default]
    Other,
}

impl Family {
    /// The command that installs packages; `None` where it is not known.
    #[must_use]
    pub fn install(self, packages: &[&str]) -> Option<String> {
        let program = match self {
            Self::Debian => "apt-get install",
            Self::Fedora => "dnf install",
            Self::Suse => "zypper install",
            Self::Arch => "pacman -S",
            Self::Other => return None,
        };
        Some(format!("{program} {}", packages.join(" ")))
    }
}

/// By os-release below `top`.
#[must_use]
pub fn family(top: &Path) -> Family {
    let read = |path: &str| fs::read_to_string(top.join(path)).ok();
    read("etc/os-release").or_else(|| read("usr/lib/os-release")).map_or(Family::Other, |text| of(&text))
}

/// The distribution's own name counts before those that it is like.
fn of(os_release: &str) -> Family {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
    };
    let names = format!("{} {}", value("ID"), value("ID_LIKE"));
    let known = names.split_whitespace().find_map(|name| match name {
        "debian" | "ubuntu" => Some(Family::Debian),
        "fedora" | "rhel" | "centos" => Some(Family::Fedora),
        "suse" | "opensuse" => Some(Family::Suse),
        "arch" => Some(Family::Arch),
        other if other.starts_with("opensuse-") => Some(Family::Suse),
        _ => None,
    });
    known.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_known_by_name_and_by_likeness() {
        for (text, expected) in [
            ("PRETTY_NAME=\"x\"\nID=debian\n", Family::Debian),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Family::Debian),
            ("ID=fedora\n", Family::Fedora),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", Family::Fedora),
            ("ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n", Family::Suse),
            ("ID=opensuse-leap\n", Family::Suse),
            ("ID=manjaro\nID_LIKE=arch\n", Family::Arch),
            ("ID_LIKENESS=debian\nXID=debian\n", Family::Other),
            ("", Family::Other),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        let top = tempfile::tempdir().unwrap();
        assert_eq!(family(top.path()), Family::Other);
        fs::create_dir_all(top.path().join("usr/lib")).unwrap();
        fs::write(top.path().join("usr/lib/os-release"), "ID=arch\n").unwrap();
        assert_eq!(family(top.path()), Family::Arch);
    }

    #[test]
    fn packages_are_installed_by_one_command() {
        let command = Family::Debian.install(&["a", "b"]);
        assert_eq!(command.as_deref(), Some("apt-get install a b"));
        assert_eq!(Family::Other.install(&["a"]), None);
    }
}
