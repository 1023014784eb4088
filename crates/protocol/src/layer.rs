// SPDX-License-Identifier: LGPL-2.1-or-later
//! The layer: a file system of its own that takes all that a sandbox writes.

use crate::Bytes;
use serde::{Deserialize, Serialize};

/// The serial number by which a machine knows the layer's disk.
pub const SERIAL: &str = "terrarium-layer";

/// Where libvirt mounts the layer for a container's init.
pub const FOLDER: &str = "/dev/terrarium/layer";

/// The same of what it began as a copy of.
pub const BEFORE_SERIAL: &str = "terrarium-before";
/// See there.
pub const BEFORE_FOLDER: &str = "/dev/terrarium/before";

/// The layer of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Where init finds it.
    pub disk: Disk,
    /// Whether the home directory is part of it.
    pub home: bool,
    /// Whether it is wanted when the sandbox is gone: then all of it is on the
    /// disk before the result is told.
    pub outlives: bool,
    /// What the caller cannot read on the host. Root inside finds it empty,
    /// and can replace it: locks, caches. Only with `-p`.
    pub unreadable: Vec<Unreadable>,
    /// What it began as a copy of, only to be read. What is taken out of the
    /// layer is then as it was in that one, and not as it is on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Disk>,
}

/// Where a layer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Disk {
    /// It is mounted at this path already.
    Folder(Bytes),
    /// It is the disk with this serial number.
    Serial(String),
}

/// A file or a directory of the host that the caller cannot read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unreadable {
    /// Absolute path in one of the shown directories.
    pub path: Bytes,
    /// A directory rather than a file.
    pub is_folder: bool,
    /// Its permissions.
    pub mode: u32,
    /// Its owner on the host.
    pub uid: u32,
    /// Its group on the host.
    pub gid: u32,
}
