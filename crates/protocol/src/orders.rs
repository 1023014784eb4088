// SPDX-License-Identifier: LGPL-2.1-or-later
//! What init is told to build and to run: the part of the plan that it needs.

use crate::Bytes;
use serde::{Deserialize, Serialize};

/// All that init does, in one value. Sent once per sandbox, over the control
/// channel: libvirt does not escape an init's environment and logs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// The host name inside; letters, digits and hyphens.
    pub host_name: String,
    /// What stands in the root directory, in this order.
    pub root: Vec<RootEntry>,
    /// Private file systems on top of the root, in this order.
    pub mounts: Vec<Mount>,
    /// Paths of the root that are hidden: a directory behind an empty one, a
    /// file behind an empty file. Those that do not exist are skipped.
    pub masks: Vec<Bytes>,
    /// What is seen beside the root, in this order; a later one may lie inside
    /// an earlier one.
    pub shares: Vec<Share>,
    /// Where what is written lies; without one the root cannot be written.
    pub layer: Option<crate::layer::Layer>,
    /// Disks that the command gets as devices, `/dev/disk/by-tag/TAG`.
    pub disks: Vec<TaggedDisk>,
    /// Who the command runs as.
    pub user: User,
    /// First host id of the block of 65 536 ids that all ids but the user's
    /// own are mapped to. Used by containers; a machine has its own ids.
    pub id_base: u32,
    /// Folders that are made in the private file systems, the user's own.
    pub folders: Vec<Bytes>,
    /// Files that are made in the private file systems.
    pub files: Vec<File>,
    /// Its network; only `lo` without one.
    pub network: Option<crate::network::Network>,
    /// A screen for the command, if it gets one.
    pub display: Option<crate::display::Display>,
    /// What runs.
    pub command: Command,
    /// Bounds on each process.
    pub limits: Limits,
    /// Container: libvirt's log of it, which the caller cannot keep short.
    pub log: Option<Bytes>,
    /// When the sandbox ends.
    pub until: Until,
    /// Whether it ends when its client is lost.
    pub lifetime: Lifetime,
}

/// One name in the root directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RootEntry {
    /// A directory of the host, shown read-only.
    Show {
        /// Absolute path, the same on the host and inside.
        path: Bytes,
        /// Machine: the mount tag of the 9p device that exports it.
        tag: Option<String>,
        /// Where it lies on the host, if that is another path.
        source: Option<HostSource>,
    },
    /// A symbolic link, made anew.
    Link {
        /// Absolute path of the link.
        path: Bytes,
        /// What it points to.
        target: Bytes,
    },
}

/// A private, empty file system in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Absolute path; made if it is missing.
    pub target: Bytes,
    /// Upper bound of what it holds, in bytes.
    pub size: u64,
    /// Permissions of its top directory, such as 0o1777.
    pub mode: u32,
    /// Whether its top directory belongs to the user rather than to root.
    pub owned: bool,
}

/// Something that is seen beside the root: nosuid, nodev.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Absolute path; made inside if it is missing, never on the host.
    pub target: Bytes,
    /// What is seen there.
    pub source: Source,
    /// Whether the command may write.
    pub writable: bool,
    /// Paths below the target that are hidden, as [`Orders::masks`].
    pub masks: Vec<Bytes>,
}

/// What a [`Share`] shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// A directory or a regular file of the host.
    Host(HostSource),
    /// Memory of the sandbox.
    Memory {
        /// Upper bound of what it holds, in bytes.
        size: u64,
        /// Whether it is the user's own, rather than everybody's as /tmp is.
        owned: bool,
    },
    /// Another path inside.
    Inside {
        /// Absolute path.
        path: Bytes,
    },
    /// The file system on a disk of the sandbox.
    Image(Disk),
}

/// An image of the host as a disk of the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// Container: its name in libvirt's /dev. Machine: its serial number.
    pub name: String,
    /// Container: device and inode number of the image as the engine saw it,
    /// as the caller; compared where the kernel tells them.
    pub identity: Option<(u64, u64)>,
}

/// A disk that the command gets as a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaggedDisk {
    /// Its name in /dev/disk/by-tag: letters, digits, `.`, `_`, `+` and `-`.
    pub tag: String,
    /// Which.
    pub disk: Disk,
    /// Whether the command may write.
    pub writable: bool,
}

/// A directory or a regular file of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSource {
    /// Absolute path without links.
    pub path: Bytes,
    /// Its device as the engine saw it, as the caller. Containers compare.
    pub device: u64,
    /// Its inode number then.
    pub inode: u64,
    /// Machine: the mount tag of the 9p device that exports it.
    pub tag: Option<String>,
    /// A regular file. Machine: its name in what the device exports.
    pub file: Option<Bytes>,
    /// Its content is copied to the target, as the user's own.
    pub copied: bool,
    /// Absolute paths below it where the caller has something mounted: a
    /// container whose libvirt does not see that hides what lies there.
    pub mounted: Vec<Bytes>,
}

/// A file that is made anew, readable by everybody inside and the property of
/// root, in a private file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Absolute path; directories above it are made.
    pub path: Bytes,
    /// All of it.
    pub content: Bytes,
}

/// Who the command runs as. It never gets supplementary groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// User id on the host; never 0.
    pub uid: u32,
    /// Group id on the host; never 0.
    pub gid: u32,
    /// Home directory; one of [`Orders::mounts`].
    pub home: Bytes,
    /// `-p`: the command is uid 0 of its own user namespace (container) or of
    /// the guest (machine).
    pub privileged: bool,
}

/// A command with all that its start needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Program and arguments; the program is looked for in `PATH` of
    /// `environment` if it holds no slash.
    pub argv: Vec<Bytes>,
    /// The whole environment; nothing is added.
    pub environment: Vec<(Bytes, Bytes)>,
    /// Where it starts.
    pub directory: Bytes,
    /// With a controlling terminal of this size, or with three pipes.
    pub terminal: Option<Size>,
}

/// Size of a terminal in character cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Width.
    pub columns: u16,
    /// Height.
    pub rows: u16,
}

/// Bounds on each process; memory of the whole is libvirt's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// `RLIMIT_NPROC`: processes and threads of the user in this sandbox.
    pub processes: u64,
    /// `RLIMIT_NOFILE`: open files of a process.
    pub files: u64,
}

/// When a sandbox ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// When the command ends; the rest gets TERM and, 2 s later, KILL.
    Command,
    /// When the last process ends: for programs that hand over to another.
    All,
}

/// What happens when nobody is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifetime {
    /// It ends once it had no client for 2 s. The result is kept for 60 s.
    Foreground,
    /// It goes on and blocks when its output is not read. The result is kept
    /// for 7 days.
    Kept,
    /// It goes on; the oldest output is dropped (and counted) when nobody
    /// reads it. The result is kept for 7 days.
    Detached,
}
