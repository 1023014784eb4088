// SPDX-License-Identifier: LGPL-2.1-or-later
//! Hides paths behind emptiness. The command's mount namespace is made with
//! its user namespace, so that it cannot take these away.

use super::Site;
use crate::fault::{at, Result};
use nix::mount::{mount, MsFlags};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use terrarium_protocol::message::Step;
use terrarium_protocol::Bytes;

/// Hides those that exist.
pub fn hide(site: &Site, paths: &[Bytes]) -> Result<()> {
    paths.iter().try_for_each(|path| mask(site, Path::new(std::ffi::OsStr::from_bytes(path.as_slice()))))
}

/// Hides one: a directory behind an empty one, all else behind /dev/null.
pub fn mask(site: &Site, path: &Path) -> Result<()> {
    let target = site.inside(path);
    // A link is not followed: it could lead out of the new root.
    let Ok(metadata) = target.symlink_metadata() else { return Ok(()) };
    let fail = at(Step::Mask, path.as_os_str().as_bytes());
    if metadata.is_symlink() {
        Ok(())
    } else if metadata.is_dir() {
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("tmpfs"), &target, Some("tmpfs"), flags, Some("size=0,nr_inodes=2,mode=755")).map_err(fail)
    } else {
        let null = site.inside(Path::new("/dev/null"));
        mount(Some(&null), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(fail)
    }
}
