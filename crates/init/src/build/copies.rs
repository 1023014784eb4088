// SPDX-License-Identifier: LGPL-2.1-or-later
//! Copies of files of the host in private places, as the user's own.
//!
//! The engine made a tree of regular files, directories and links for this;
//! nobody else writes there, and nothing of the user runs yet.

use super::site::Site;
use crate::fault::{at, io_at, Result};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{utimensat, UtimensatFlags};
use nix::sys::time::TimeSpec;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{lchown, symlink, MetadataExt, PermissionsExt};
use std::path::Path;
use terrarium_protocol::message::Step;

/// Copies `from` to the path `to` inside. What is there already is replaced,
/// file by file.
pub fn copy(site: &Site, from: &Path, to: &Path) -> Result<()> {
    let (Some(above), Some(name)) = (to.parent(), to.file_name()) else {
        return Err(at(Step::Share, to.as_os_str().as_bytes())(Errno::EINVAL));
    };
    let above = site.directory(above, Step::Share)?;
    // The first one may be a link to a descriptor.
    let from = fs::canonicalize(from).map_err(io_at(Step::Share, to.as_os_str().as_bytes()))?;
    tree(site, &from, &above.path().join(name), to).map_err(io_at(Step::Share, to.as_os_str().as_bytes()))
}

fn tree(site: &Site, from: &Path, to: &Path, inside: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    site.note_copy(inside);
    let mode = fs::Permissions::from_mode(found.permissions().mode() & 0o777);
    if found.is_dir() {
        match fs::create_dir(to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_directory(to) => {}
            other => other?,
        }
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let name = entry.file_name();
            tree(site, &entry.path(), &to.join(&name), &inside.join(&name))?;
        }
    } else {
        match fs::remove_file(to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if found.is_symlink() {
            symlink(fs::read_link(from)?, to)?;
            // As with files, below.
            let (when, now) = (TimeSpec::new(found.mtime(), found.mtime_nsec()), TimeSpec::UTIME_OMIT);
            utimensat(AT_FDCWD, to, &now, &when, UtimensatFlags::NoFollowSymlink)?;
            return lchown(to, Some(site.owner.0), Some(site.owner.1));
        }
        let mut made = fs::OpenOptions::new().write(true).create_new(true).open(to)?;
        io::copy(&mut fs::File::open(from)?, &mut made)?;
        // That it is still what the user has can be told by its time.
        made.set_modified(found.modified()?)?;
    }
    lchown(to, Some(site.owner.0), Some(site.owner.1))?;
    fs::set_permissions(to, mode)
}

fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}
