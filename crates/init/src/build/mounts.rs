// SPDX-License-Identifier: LGPL-2.1-or-later
//! Private file systems: /tmp, /run, the home directory.

use super::{make_dir, tmpfs, Site};
use crate::fault::{at, Result};
use nix::mount::MsFlags;
use nix::unistd::{chown, Gid, Uid};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use terrarium_protocol::message::Step;
use terrarium_protocol::Orders;

/// Mounts them in their order.
pub fn private(site: &Site, orders: &Orders) -> Result<()> {
    for one in &orders.mounts {
        let path = Path::new(std::ffi::OsStr::from_bytes(one.target.as_slice()));
        let target = site.inside(path);
        make_dir(&target, Step::Mount)?;
        let options = format!("size={},mode={:o}", one.size, one.mode);
        tmpfs(&target, &options, MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Step::Mount)?;
        if one.owned {
            let (uid, gid) = super::devices::owner(&orders.user, orders.id_base, site.place);
            chown(&target, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
                .map_err(at(Step::Mount, one.target.as_slice()))?;
        }
    }
    Ok(())
}
