// SPDX-License-Identifier: LGPL-2.1-or-later
//! The allow list of the root directory: what every sandbox sees, read-only.
//! Every other top-level directory is never exported.

use super::RootEntry;
use std::path::Path;

/// In the order in which they are mounted.
const SHOWN: &[&str] = &[
    "usr",
    "etc",
    "opt",
    "var/lib",
    "var/cache",
    "bin",
    "sbin",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "nix",
    "gnu",
];

/// Those of the list that exist below `top`.
#[must_use]
pub fn entries(top: &Path) -> Vec<RootEntry> {
    let one = |name: &&str| {
        let (there, path) = (top.join(name), Path::new("/").join(name));
        let metadata = there.symlink_metadata().ok()?;
        if metadata.is_symlink() {
            return Some(RootEntry::Link { path, target: there.read_link().ok()? });
        }
        metadata.is_dir().then_some(RootEntry::Directory { path })
    };
    SHOWN.iter().filter_map(one).collect()
}
