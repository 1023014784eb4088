// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox sees.

use super::build::bytes;
use crate::host::{self, Host};
use crate::profile::Isolation;
use std::path::{Path, PathBuf};
use terrarium_protocol::orders::{Mount, RootEntry};
use terrarium_protocol::Bytes;

/// Hidden wherever they are: what the system keeps about others.
const MASKS: &[&str] = &[
    "/etc/NetworkManager/system-connections",
    "/etc/libvirt",
    "/var/cache/terrarium",
    "/var/lib/NetworkManager",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/libvirt",
    "/var/lib/machines",
    "/var/lib/systemd/coredump",
];

/// Top-level directories that no sandbox sees: a command there is a mistake
/// of the profile, not of the command's name.
const HIDDEN: &[&str] = &["/boot", "/home", "/media", "/mnt", "/root", "/run", "/srv", "/tmp", "/var/tmp"];

/// The entries of the root; a machine gets a tag for each.
pub(super) fn root(host: &Host, isolation: Isolation) -> Vec<RootEntry> {
    let mut number = 0;
    let one = |entry: &host::RootEntry| match entry {
        host::RootEntry::Directory { path } => {
            let tag = (isolation == Isolation::Machine).then(|| format!("root{number}"));
            number += 1;
            RootEntry::Show { path: bytes(path), tag }
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
    let mut all = vec![
        mount("/tmp".into(), 2, 0o1777, false),
        mount("/var/tmp".into(), 4, 0o1777, false),
        mount("/run".into(), 8, 0o755, false),
        mount(format!("/run/user/{}", host.user.uid).into(), 8, 0o700, true),
        mount("/dev/shm".into(), 2, 0o1777, false),
    ];
    let inside = all.iter().any(|other| other.target == bytes(&host.user.home));
    if !inside && host.user.home != Path::new("/") {
        all.push(mount(host.user.home.clone(), 2, 0o700, true));
    }
    all
}

/// See [`MASKS`].
pub(super) fn masks() -> Vec<Bytes> {
    MASKS.iter().map(|path| Bytes::from(*path)).collect()
}

/// Whether a path surely lies where the sandbox does not look.
pub(super) fn is_hidden(path: &Path, host: &Host) -> bool {
    path.is_absolute()
        && (HIDDEN.iter().any(|top| path.starts_with(top)) || path.starts_with(&host.user.home))
        && host.user.home != Path::new("/")
}

/// Whether a directory exists inside although the host's is not seen.
pub(super) fn is_private(path: &Path, host: &Host) -> bool {
    let own = [Path::new("/tmp"), Path::new("/var/tmp"), Path::new("/run"), &host.user.home];
    own.contains(&path)
}
