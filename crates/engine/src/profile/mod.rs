// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the user wants: the data of a `.terrarium` file.
//!
//! All keys but `version`, `name` and `command.argv` have defaults. Where the
//! default depends on the host or on another key the field is an `Option`, and
//! the plan decides.

mod command;
mod display;
mod edit;
#[cfg(test)]
mod edit_tests;
mod icon;
mod network;
mod parse;
mod schema;

pub mod fuzz;
pub mod launcher;
pub mod store;

pub use command::command_line;
pub use display::{Clipboard, Display, DisplayKind, Manager, Passes, MONITORS_MAX};
pub use edit::{edit, write};
pub use icon::Icon;
pub use network::{Interface, Network, NetworkMode};
pub use parse::{format_size, parse, parse_size, to_toml, Fault, FaultKind, NotText, ParseError};
pub use schema::Expected;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The version of the profile format that this engine reads and writes.
pub const VERSION: u32 = 1;

/// One profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// [`VERSION`].
    pub version: u32,
    /// What the user calls it; any text without control characters or slashes.
    pub name: String,
    /// Marks its sandboxes in the window.
    #[serde(default)]
    pub colour: Colour,
    /// What is on that mark; by default what suits how it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<Icon>,
    /// How strong the glass is; by default what this computer does best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// What runs.
    pub command: Command,
    /// How it shows.
    #[serde(default)]
    pub display: Display,
    /// What it sees, and what becomes of what it writes.
    #[serde(default)]
    pub files: Files,
    /// Whom it may talk to.
    #[serde(default)]
    pub network: Network,
    /// How much it may use.
    #[serde(default)]
    pub limits: Limits,
    /// Further settings of a virtual machine.
    #[serde(default)]
    pub machine: Machine,
    /// Settings that weaken the glass.
    #[serde(default)]
    pub security: Security,
}

/// Colours of the header and of the glass line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Colour {
    Red,
    Orange,
    Amber,
    Green,
    Teal,
    #[default]
    Blue,
    Purple,
    Grey,
}

/// The two kinds of glass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Shares this computer's kernel (libvirt LXC).
    Container,
    /// Has a kernel of its own (libvirt QEMU).
    Machine,
}

/// `[command]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Program and arguments. Text in a file; any bytes from a command line.
    #[serde(with = "parse::os_strings")]
    pub argv: Vec<OsString>,
    /// Where it starts; by default the home directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Variables beside the few that every sandbox has.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// When the sandbox ends; by default with the command, for windows with
    /// the last process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
}

/// `command.until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// When the command ends.
    Command,
    /// When the last process ends.
    All,
}

/// `[files]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// What its home directory is.
    #[serde(default)]
    pub home: Home,
    /// What becomes of what it writes.
    #[serde(default)]
    pub changes: Changes,
    /// How much it may write, in bytes; in a file text such as `"2 GiB"`.
    #[serde(default = "writable", with = "parse::size")]
    pub writable: u64,
    /// `-r`: a folder whose system it sees instead of this computer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// Secrets that it sees all the same, where a share shows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmask: Vec<PathBuf>,
    /// Folders, images and memory that it sees beside the root, in order.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Images that it gets as devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<Disk>,
    /// Files and folders that are copied into its private places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Include>,
}

/// What may be written, unless something else is said.
fn writable() -> u64 {
    2 << 30
}

impl Default for Files {
    fn default() -> Self {
        Self {
            home: Home::default(),
            changes: Changes::default(),
            writable: writable(),
            unmask: Vec::new(),
            mounts: Vec::new(),
            include: Vec::new(),
            disks: Vec::new(),
            root: None,
        }
    }
}

/// One of `files.include`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Include {
    /// What is copied.
    pub source: PathBuf,
    /// Where the copy lies.
    pub target: PathBuf,
}

/// `files.home`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Home {
    /// Empty each time.
    #[default]
    Private,
    /// One that is kept for this profile.
    Kept,
    /// The real one, read-only.
    Readonly,
}

/// `files.changes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Changes {
    /// Thrown away.
    #[default]
    Discard,
    /// Kept for the next run.
    Keep,
    /// Looked at when it ends.
    Review,
}

/// One of `files.mounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// What kind of source it has.
    #[serde(rename = "type")]
    pub kind: MountKind,
    /// What is shown.
    #[serde(default)]
    pub source: PathBuf,
    /// Where it is seen.
    pub target: PathBuf,
    /// Whether it may be written.
    #[serde(default)]
    pub mode: MountMode,
    /// What an image is; by default what it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ImageFormat>,
    /// This computer's own kernel may read an image's file system.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trusted: bool,
}

/// One of `files.disks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// Its name in /dev/disk/by-tag.
    pub tag: String,
    /// The image.
    pub source: PathBuf,
    /// Whether it may be written.
    #[serde(default)]
    pub mode: MountMode,
    /// What the image is; by default what it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ImageFormat>,
}

/// `format` of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageFormat {
    /// The bytes of the disk.
    Raw,
    /// QEMU's own.
    Qcow2,
}

impl ImageFormat {
    /// Its word in a profile, in libvirt and for QEMU.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// `type` of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum MountKind {
    HostBind,
    HostImage,
    GuestBind,
    Ram,
}

/// `mode` of a mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountMode {
    /// Read-only.
    #[default]
    Ro,
    /// The sandbox may write.
    Rw,
}

/// `[limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of the whole sandbox, in bytes; in a file text such as
    /// `"1 GiB"`.
    #[serde(with = "parse::size")]
    pub memory: u64,
    /// Processors; by default one under emulation, else two at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 1 << 30, cpus: None }
    }
}

/// `[machine]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// How the machine computes.
    #[serde(default)]
    pub accelerator: Accelerator,
    /// `--kernver`: version of the kernel, as in `/lib/modules`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// `--kernpath`: path of the kernel's image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_path: Option<PathBuf>,
    /// `--kmodpath`: directory of the kernel's modules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modules_path: Option<PathBuf>,
    /// One of the connections that profiles may name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// `machine.accelerator`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accelerator {
    /// KVM where it works, else emulation.
    #[default]
    Auto,
    /// KVM or nothing.
    Kvm,
    /// Emulation even where KVM works.
    Emulation,
}

/// `[security]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// `-p`: the command is root inside, of nothing outside.
    #[serde(default)]
    pub privileged: bool,
}

impl Profile {
    /// A profile with every default.
    #[must_use]
    pub fn new(name: impl Into<String>, argv: Vec<OsString>) -> Self {
        Self {
            version: VERSION,
            name: name.into(),
            colour: Colour::default(),
            icon: None,
            isolation: None,
            command: Command { argv, directory: None, environment: BTreeMap::new(), until: None },
            display: Display::default(),
            files: Files::default(),
            network: Network::default(),
            limits: Limits::default(),
            machine: Machine::default(),
            security: Security::default(),
        }
    }
}
