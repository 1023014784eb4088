// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is mounted where, as the kernel tells it.

use crate::fault::{io_at, Result};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use terrarium_protocol::message::Step;
use terrarium_protocol::mountinfo;

/// One mount of this namespace.
pub struct Mounted {
    /// The kernel's number for it, see [`super::site::Spot::mount_id`].
    pub id: u64,
    /// Where it is.
    pub point: PathBuf,
}

/// Every mount of this namespace, in the order of mounting.
pub fn mounts() -> Result<Vec<Mounted>> {
    let text = std::fs::read("/proc/self/mountinfo").map_err(io_at(Step::Root, "/proc/self/mountinfo"))?;
    let one = |one: mountinfo::Mounted| Mounted {
        id: one.id,
        point: PathBuf::from(OsString::from_vec(one.point.0)),
    };
    Ok(mountinfo::parse(&text).into_iter().map(one).collect())
}
