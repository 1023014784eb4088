// SPDX-License-Identifier: LGPL-2.1-or-later
//! What this computer offers: plain data, probed once, printable and writable
//! by hand. Nothing here decides anything.

mod display;
mod family;
mod folders;
mod keyboard;
mod kvm;
mod look;
mod network;
mod probe;
mod root;

pub use display::{Agent, Displays, Piece};
pub use family::Family;
pub use folders::Folder;
pub use keyboard::Keyboard;
pub use look::Look;
pub use network::Networks;
pub use probe::{places, probe, LookedAt, ProbeOptions};
pub(crate) use root::entries as root_entries;

use crate::kernel::Kernel;
use crate::places::Places;
use crate::uri::Uri;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// All that a plan may depend on beside the profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// `uname -m`.
    pub arch: String,
    /// How packages are called here.
    pub family: Family,
    /// Effective uid of the caller.
    pub caller: u32,
    /// Who commands run as: the caller, or for root somebody else.
    pub user: User,
    /// Online processors.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// Whether machines can run on the processor itself.
    pub kvm: Kvm,
    /// Every kernel found, best first.
    pub kernels: Vec<Kernel>,
    /// libvirt connections that Terrarium uses.
    pub connections: Vec<Connection>,
    /// What there is for sandboxes with a screen.
    pub display: Displays,
    /// What there is for sandboxes with a network.
    #[serde(default)]
    pub network: Networks,
    /// What stands in the root directory and may be shown.
    pub root: Vec<RootEntry>,
    /// Those of them whose file system shows no other owners than its own:
    /// root of a container's inside can only look at them.
    #[serde(default)]
    pub unmapped: Vec<PathBuf>,
    /// Directories that no sandbox sees unless they are shared.
    pub hidden: Vec<PathBuf>,
    /// Folders that a private home has.
    pub folders: Vec<Folder>,
    /// Variables of the caller that pass into a sandbox: LANG, LC_*, TZ, TERM
    /// and COLORTERM.
    pub environment: BTreeMap<String, String>,
    /// Where Terrarium keeps what.
    pub places: Places,
    /// Whether the caller is in group libvirt.
    pub in_group_libvirt: bool,
    /// Whether systemd manages the services.
    pub systemd: bool,
    /// Whether version 2 of control groups is mounted beside version 1:
    /// libvirt's driver for containers fails there.
    pub mixed_groups: bool,
    /// QEMU's group under libvirt (libvirt-qemu on Debian), for machines on
    /// qemu:///system.
    pub qemu_group: Option<String>,
    /// The program that makes the layers of sandboxes.
    #[serde(default)]
    pub mke2fs: Option<PathBuf>,
    /// Whether libvirt can give a container a qcow2 image: the running kernel
    /// has nbd, and there is qemu-nbd.
    pub nbd: bool,
}

/// A user of this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Login name.
    pub name: String,
    /// Home directory.
    pub home: PathBuf,
    /// Login shell.
    pub shell: PathBuf,
}

impl User {
    /// The user that owns nothing.
    #[must_use]
    pub fn nobody() -> Self {
        Self {
            uid: 65_534,
            gid: 65_534,
            name: "nobody".into(),
            home: "/nonexistent".into(),
            shell: "/bin/sh".into(),
        }
    }
}

/// Whether KVM works; `/dev/kvm` alone says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kvm {
    /// State of `/dev/kvm`.
    pub device: KvmDevice,
    /// vmx or svm among the processor's flags.
    pub processor: bool,
}

/// State of `/dev/kvm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KvmDevice {
    /// There is none.
    Missing,
    /// The user whom QEMU runs as may not open it for writing.
    NotWritable,
    /// It can be used.
    Writable,
}

impl Kvm {
    /// Both the device and the processor.
    #[must_use]
    pub fn works(self) -> bool {
        self.processor && self.device == KvmDevice::Writable
    }
}

/// One libvirt connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Which.
    pub uri: Uri,
    /// Whether it can be used.
    pub state: ConnectionState,
    /// Mandatory access control that its driver puts around a domain, such as
    /// `apparmor` or `selinux`; `None` if it was not asked.
    pub confinement: Option<Vec<String>>,
}

/// Whether a connection can be used. Planning looks without connecting;
/// `run` and `doctor` connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionState {
    /// Its driver and its socket are there; it was not tried.
    Likely,
    /// It answered.
    Works,
    /// No such driver is installed.
    DriverMissing,
    /// Nobody listens.
    NotRunning,
    /// It would not let this user in.
    NotAllowed,
    /// It failed otherwise; libvirt's words.
    Failed(String),
}

impl ConnectionState {
    /// Whether a plan may count on it.
    #[must_use]
    pub fn usable(&self) -> bool {
        matches!(self, Self::Likely | Self::Works)
    }
}

/// One name of the root directory that the allow list shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RootEntry {
    /// A real directory.
    Directory {
        /// Absolute path.
        path: PathBuf,
    },
    /// A symbolic link (`/bin` -> `usr/bin`).
    Link {
        /// Absolute path of the link.
        path: PathBuf,
        /// What it points to.
        target: PathBuf,
    },
}

impl RootEntry {
    /// Its absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Directory { path } | Self::Link { path, .. } => path,
        }
    }
}

impl Host {
    /// The state of one connection.
    #[must_use]
    pub fn connection(&self, uri: &Uri) -> Option<&ConnectionState> {
        self.connections.iter().find(|c| &c.uri == uri).map(|c| &c.state)
    }

    /// Whether a connection can be used.
    #[must_use]
    pub fn usable(&self, uri: &Uri) -> bool {
        self.connection(uri).is_some_and(ConnectionState::usable)
    }
}
