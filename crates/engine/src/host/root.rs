// SPDX-License-Identifier: LGPL-2.1-or-later
//! The allow list of the root directory: what every sandbox sees, read-only.
//! Every other top-level directory is never exported.

use super::RootEntry;
use std::path::{Path, PathBuf};

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

/// Shown where they are links, as they are since /run exists.
const LINKS: &[&str] = &["var/run", "var/lock"];

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
    let is_link = |entry: &RootEntry| matches!(entry, RootEntry::Link { .. });
    SHOWN.iter().filter_map(one).chain(LINKS.iter().filter_map(one).filter(is_link)).collect()
}

/// File systems that the kernel does not id-map (FS_ALLOW_IDMAP), or that lie on
/// others as a layer does, which cannot be stacked any higher: their numbers in
/// linux/magic.h and in their own sources.
const UNMAPPED: &[i64] = &[
    0x794c_7630, // overlay
    0x6969,      // nfs
    0x6573_5546, // fuse
    0x0102_1997, // 9p
    0xff53_4d42, // cifs
    0xfe53_4d42, // smb2
    0x5346_414f, // afs
    0x2fc1_2fc1, // zfs
    0xca45_1a4e, // bcachefs
];

/// Those of the entries whose owners cannot be shown as others.
#[must_use]
pub fn unmapped(top: &Path, entries: &[RootEntry]) -> Vec<PathBuf> {
    let is_unmapped = |path: &Path| {
        let there = top.join(path.strip_prefix("/").unwrap_or(path));
        nix::sys::statfs::statfs(&there).is_ok_and(|found| UNMAPPED.contains(&(found.filesystem_type().0)))
    };
    let directories = entries.iter().filter(|entry| matches!(entry, RootEntry::Directory { .. }));
    directories.map(RootEntry::path).filter(|path| is_unmapped(path)).map(Path::to_owned).collect()
}

/// Directories that no sandbox sees: what else stands in the root, and in
/// /var. A command there is a mistake of the profile and not of its name.
#[must_use]
pub fn hidden(top: &Path) -> Vec<PathBuf> {
    let kernels_own = ["dev", "proc", "sys"];
    let names = |folder: &str| {
        let entries = std::fs::read_dir(top.join(folder)).into_iter().flatten().flatten();
        entries.map(|entry| Path::new(folder).join(entry.file_name())).collect::<Vec<_>>()
    };
    let is_other = |path: &PathBuf| {
        // A directory with a shown one below it (/var) is looked into.
        let shown = SHOWN.iter().any(|name| Path::new(name).starts_with(path));
        let is_link = top.join(path).is_symlink();
        !shown
            && !is_link
            && !kernels_own.iter().any(|name| path == Path::new(name))
            && top.join(path).is_dir()
    };
    let mut all: Vec<PathBuf> = names("").into_iter().chain(names("var")).filter(is_other).collect();
    all.sort();
    all.into_iter().map(|path| Path::new("/").join(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_no_other_owners_is_known() {
        let number = |path: &str| nix::sys::statfs::statfs(path).unwrap().filesystem_type().0;
        assert!(!UNMAPPED.contains(&number("/proc")));
        let entries =
            [RootEntry::Directory { path: "/proc".into() }, RootEntry::Directory { path: "/no".into() }];
        assert_eq!(unmapped(Path::new("/"), &entries), Vec::<PathBuf>::new());
    }

    #[test]
    fn what_is_not_shown_is_hidden() {
        let top = tempfile::tempdir().unwrap();
        for name in ["usr/bin", "etc", "data", "home", "proc", "var/lib", "var/spool"] {
            std::fs::create_dir_all(top.path().join(name)).unwrap();
        }
        std::fs::write(top.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("usr/bin", top.path().join("bin")).unwrap();
        std::os::unix::fs::symlink("/run/lock", top.path().join("var/lock")).unwrap();
        std::fs::create_dir(top.path().join("var/run")).unwrap();
        let paths = ["/data", "/home", "/var/run", "/var/spool"].map(PathBuf::from);
        assert_eq!(hidden(top.path()), paths);
        let shown: Vec<_> = entries(top.path()).iter().map(|entry| entry.path().to_owned()).collect();
        assert_eq!(shown, ["/usr", "/etc", "/var/lib", "/bin", "/var/lock"].map(PathBuf::from));
    }
}
