// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox sees.

use super::build::bytes;
use super::FreshHome;
use crate::host::{self, Host};
use crate::profile::{Home, Isolation, Profile};
use std::path::{Component, Path, PathBuf};
use terrarium_protocol::orders::{File, Mount, RootEntry};
use terrarium_protocol::Bytes;

/// Hidden wherever they are: what the system keeps about others.
pub(super) const MASKS: &[&str] = &[
    "/etc/NetworkManager/system-connections",
    "/etc/ipsec.d",
    "/etc/kubernetes",
    "/etc/libvirt",
    "/etc/openvpn",
    "/etc/wireguard",
    "/var/cache/terrarium",
    "/var/lib/NetworkManager",
    "/var/lib/cloud",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/incus",
    "/var/lib/iwd",
    "/var/lib/kubelet",
    "/var/lib/libvirt",
    "/var/lib/lxc",
    "/var/lib/lxd",
    "/var/lib/machines",
    "/var/lib/rancher",
    "/var/lib/systemd/coredump",
];

/// The entries of the root; a machine gets a tag for each.
pub(super) fn root(host: &Host, isolation: Isolation) -> Vec<RootEntry> {
    let mut number = 0;
    let one = |entry: &host::RootEntry| match entry {
        host::RootEntry::Directory { path } => {
            let tag = (isolation == Isolation::Machine).then(|| format!("root{number}"));
            number += 1;
            RootEntry::Show { path: bytes(path), tag, source: None }
        }
        host::RootEntry::Link { path, target } => {
            RootEntry::Link { path: bytes(path), target: bytes(target) }
        }
    };
    host.root.iter().map(one).collect()
}

/// Private file systems. They count to the memory of the whole, so no single
/// one may take more than half of it.
pub(super) fn private(host: &Host, memory: u64) -> Vec<Mount> {
    let mount = |target: PathBuf, part: u64, mode: u32, owned: bool| Mount {
        target: bytes(&target),
        size: memory / part,
        mode,
        owned,
    };
    vec![
        mount("/tmp".into(), 2, 0o1777, false),
        mount("/var/tmp".into(), 4, 0o1777, false),
        mount("/run".into(), 8, 0o755, false),
        mount("/run/lock".into(), 64, 0o1777, false),
        mount(format!("/run/user/{}", host.user.uid).into(), 8, 0o700, true),
        mount("/dev/shm".into(), 2, 0o1777, false),
    ]
}

/// Where programs keep what is theirs (XDG base directories), in a private home.
const BASE: [&str; 4] = [".cache", ".config", ".local/share", ".local/state"];

/// Where the list lies that says which folder is which.
pub const USER_DIRS: &str = ".config/user-dirs.dirs";

/// Folders of a home: the user's by their names, and the programs'.
fn home_folders(host: &Host) -> impl Iterator<Item = &str> {
    host.folders.iter().map(|folder| folder.name.as_str()).chain(BASE)
}

/// Those of a private home, which init makes.
pub(super) fn folders(profile: &Profile, host: &Host) -> Vec<Bytes> {
    if profile.files.home != Home::Private {
        return Vec::new();
    }
    home_folders(host).map(|name| bytes(&home(host).join(name))).collect()
}

/// The list that says which is which.
pub(super) fn user_dirs(profile: &Profile, host: &Host) -> Option<File> {
    let content = Some(which_is_which(host)).filter(|text| !text.is_empty());
    let content = content.filter(|_| profile.files.home == Home::Private)?;
    Some(File { path: bytes(&home(host).join(USER_DIRS)), content: content.as_str().into() })
}

fn which_is_which(host: &Host) -> String {
    let line = |one: &host::Folder| format!("XDG_{}_DIR=\"$HOME/{}\"\n", one.purpose, one.name);
    host.folders.iter().map(line).collect()
}

/// What a kept home has in the beginning: the same.
pub(super) fn fresh_home(profile: &Profile, host: &Host) -> Option<FreshHome> {
    (profile.files.home == Home::Kept).then(|| FreshHome {
        folders: home_folders(host).map(PathBuf::from).collect(),
        user_dirs: which_is_which(host),
    })
}

/// What holds the system itself.
const SYSTEM: [&str; 12] =
    ["/bin", "/dev", "/etc", "/gnu", "/lib", "/lib32", "/lib64", "/nix", "/proc", "/sbin", "/sys", "/usr"];

/// The home directory inside: the user's own path, unless an empty directory
/// there would hide the system (some accounts have `/` or `/usr/sbin`) or
/// another private one, or would lie behind a mask.
#[must_use]
pub fn home(host: &Host) -> PathBuf {
    let path = &host.user.home;
    let is_plain = path.is_absolute() && path.components().all(|part| part != Component::ParentDir);
    let is_above_a_mount =
        ["/tmp", "/var/tmp", "/run/user"].iter().any(|one| Path::new(one).starts_with(path));
    let is_above_an_entry = host.root.iter().any(|entry| entry.path().starts_with(path));
    let is_masked = MASKS.iter().any(|mask| path.starts_with(mask) && path != Path::new(mask));
    let is_system = SYSTEM.iter().any(|top| path.starts_with(top));
    if is_plain && !is_above_a_mount && !is_above_an_entry && !is_masked && !is_system {
        return path.clone();
    }
    let letters = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '_';
    let name: String = host.user.name.chars().filter(letters).collect();
    Path::new("/home").join(if name.is_empty() { "user" } else { &name })
}

/// A path inside, as people write it: `~` is the home folder there.
#[must_use]
pub fn from_home(path: &Path, host: &Host) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) if rest.as_os_str().is_empty() => home(host),
        Ok(rest) => home(host).join(rest),
        Err(_) => path.to_owned(),
    }
}

/// Whether every sandbox sees this path of the host's, which is without links:
/// it lies below an entry of the root, behind no mask, and not below the home
/// folder that a sandbox has instead.
#[must_use]
pub fn shows(path: &Path, host: &Host) -> bool {
    let is_below = |top: &Path| path.starts_with(top);
    host.root.iter().any(|entry| matches!(entry, host::RootEntry::Directory { path } if is_below(path)))
        && !MASKS.iter().any(|mask| is_below(Path::new(mask)))
        && !is_below(&home(host))
        && path.components().all(|part| part != Component::ParentDir)
}

/// Whether a path surely lies where the sandbox does not look.
pub(super) fn is_hidden(path: &Path, host: &Host) -> bool {
    let is_private = ["/run", "/tmp", "/var/tmp"].iter().any(|top| path.starts_with(top));
    path.is_absolute()
        && (is_private || path.starts_with(home(host)) || host.hidden.iter().any(|top| path.starts_with(top)))
}

/// Whether a directory exists inside although the host's is not seen.
pub(super) fn is_private(path: &Path, host: &Host) -> bool {
    let home = home(host);
    [Path::new("/tmp"), Path::new("/var/tmp"), Path::new("/run"), &home].contains(&path)
}
