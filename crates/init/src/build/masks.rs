// SPDX-License-Identifier: LGPL-2.1-or-later
//! Hides paths behind emptiness. The command's mount namespace is made with
//! its user namespace, so that it cannot take these away.

use super::site::{Site, Spot};
use crate::fault::{at, Result};
use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::sys::stat::SFlag;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use terrarium_protocol::message::Step;
use terrarium_protocol::Bytes;

/// Hides those that exist.
pub fn hide(site: &Site, paths: &[Bytes]) -> Result<()> {
    paths.iter().try_for_each(|path| mask(site, Path::new(OsStr::from_bytes(path.as_slice()))))
}

/// Hides one, if it exists.
pub fn mask(site: &Site, path: &Path) -> Result<()> {
    let hide = || site.find(path)?.map_or(Ok(()), |spot| cover(site, &spot));
    hide().map_err(at(Step::Mask, path.as_os_str().as_bytes()))
}

/// Puts emptiness over a place: over a directory an empty one, over all else
/// /dev/null.
pub fn cover(site: &Site, spot: &Spot) -> nix::Result<()> {
    if spot.kind()? == SFlag::S_IFDIR {
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        return spot.mount("tmpfs", flags, Some("size=4k,nr_inodes=2,mode=755".as_ref()));
    }
    let null = site.find(Path::new("/dev/null"))?.ok_or(Errno::ENOENT)?;
    spot.bind(&null.path())
}
