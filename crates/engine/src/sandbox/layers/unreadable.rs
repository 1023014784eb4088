// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the user of a sandbox cannot read of the host, where programs that
//! install others write: root inside finds it empty, and can replace it.

use nix::libc::{S_IFDIR, S_IFMT, S_IFREG};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::layer::Unreadable;
use terrarium_protocol::orders::{RootEntry, User};
use terrarium_protocol::{Bytes, Orders};

/// Where it is looked for. Elsewhere it stays unreadable.
const LOOKED_AT: &[&str] = &["/etc", "/var/lib", "/var/cache"];
/// Most that is found, and most that is looked at.
const FOUND_MAX: usize = 4096;
const LOOK_MAX: usize = 500_000;

/// All of it in what the orders show and do not hide.
pub fn unreadable(orders: &Orders) -> Vec<Unreadable> {
    let mut found = Vec::new();
    let mut looked = 0;
    for top in LOOKED_AT.iter().map(Path::new) {
        let Some(there) = shown(orders, top) else { continue };
        let Ok(device) = fs::symlink_metadata(&there).map(|found| found.dev()) else { continue };
        let mut left = vec![(there, top.to_owned())];
        while let Some((folder, inside)) = left.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                looked += 1;
                if looked > LOOK_MAX || found.len() >= FOUND_MAX {
                    return found;
                }
                let both = (entry.path(), inside.join(entry.file_name()));
                look(orders, both, device, &mut found, &mut left);
            }
        }
    }
    found
}

/// Where on the host lies what is shown there.
fn shown(orders: &Orders, top: &Path) -> Option<PathBuf> {
    orders.root.iter().find_map(|entry| match entry {
        RootEntry::Show { path, source, .. } if path.as_slice() == top.as_os_str().as_bytes() => {
            let source = source.as_ref().map_or(path, |source| &source.path);
            Some(PathBuf::from(std::ffi::OsStr::from_bytes(source.as_slice())))
        }
        _ => None,
    })
}

/// One path of the host, and the same inside.
fn look(
    orders: &Orders,
    (path, inside): (PathBuf, PathBuf),
    device: u64,
    found: &mut Vec<Unreadable>,
    left: &mut Vec<(PathBuf, PathBuf)>,
) {
    let Ok(seen) = fs::symlink_metadata(&path) else { return };
    let bytes = Bytes::from(inside.as_os_str().as_bytes());
    let kind = seen.mode() & S_IFMT;
    if seen.dev() != device || orders.masks.contains(&bytes) || ![S_IFDIR, S_IFREG].contains(&kind) {
        return;
    }
    let is_folder = kind == S_IFDIR;
    if may_read(&orders.user, &seen, is_folder) {
        if is_folder {
            left.push((path, inside));
        }
        return;
    }
    let (mode, uid, gid) = (seen.mode() & 0o7777, seen.uid(), seen.gid());
    found.push(Unreadable { path: bytes, is_folder, mode, uid, gid });
}

/// By the permissions alone; the host's own check is another one, and holds.
fn may_read(user: &User, seen: &fs::Metadata, is_folder: bool) -> bool {
    let shift = match () {
        () if seen.uid() == user.uid => 6,
        () if seen.gid() == user.gid => 3,
        () => 0,
    };
    let needs = if is_folder { 0o5 } else { 0o4 };
    seen.mode() >> shift & needs == needs
}
