// SPDX-License-Identifier: LGPL-2.1-or-later
//! Private file systems: /tmp, /run, the home directory.

use super::site::path_of;
use super::Site;
use crate::fault::{at, Result};
use nix::mount::MsFlags;
use nix::unistd::{chown, Gid, Uid};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use terrarium_protocol::message::Step;
use terrarium_protocol::orders::Mount;
use terrarium_protocol::Orders;

/// Mounts them in their order.
pub fn private(site: &Site, orders: &Orders) -> Result<()> {
    orders.mounts.iter().try_for_each(|one| mount_one(site, one, site.owner))
}

/// Makes folders in them: what is made in the user's home is the user's.
pub fn folders(site: &Site, orders: &Orders) -> Result<()> {
    for path in &orders.folders {
        match site.directory(path_of(path), Step::Mount) {
            // In what is kept from the last time anything may lie there.
            Err(_) if site.layer.is_some() => {}
            other => drop(other?),
        }
    }
    Ok(())
}

fn mount_one(site: &Site, one: &Mount, (uid, gid): (u32, u32)) -> Result<()> {
    let path = Path::new(OsStr::from_bytes(one.target.as_slice()));
    let fail = || at(Step::Mount, one.target.as_slice());
    let options = format!("size={},mode={:o}", one.size, one.mode);
    site.directory(path, Step::Mount)?
        .mount("tmpfs", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(options.as_ref()))
        .map_err(fail())?;
    if one.owned {
        // Found again: what was there is below it now.
        let top = site.directory(path, Step::Mount)?;
        chown(&top.path(), Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(fail())?;
    }
    Ok(())
}
