// SPDX-License-Identifier: LGPL-2.1-or-later
//! Profile and host become a plan: every default and path resolved, every
//! problem named. A pure function; the plan can be printed.

mod build;
mod desktop;
mod display;
mod environment;
mod files;
mod glass;
mod images;
mod layer;
mod network;
#[cfg(test)]
mod network_tests;
mod problem;
mod secrets;
#[cfg(test)]
mod share_tests;
mod shares;
mod sound;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod window_tests;

pub use build::plan;
pub(crate) use build::PROCESSES;
pub use desktop::{screen_environment, set_scale, Desk};
pub use display::{kernel_lacks, needed_for_screen};
pub use environment::{environment, folder_name, is_variable, slug};
pub use files::{from_home, home, shows, USER_DIRS};
pub use glass::no_kvm_reason;
pub use network::{Enforcer, InterfacePlan, NetworkPlan, NetworkProblem, NftLack, Source};
pub use problem::{ImageUser, KernelPart, MachineOnly, Note, Problem, ProblemKind};
pub use secrets::{guarded, judge, Guarded, Holds};

use crate::kernel::{Kernel, Video};
use crate::places::Places;
use crate::profile::{
    Changes, Clipboard, Colour, DisplayKind, ImageFormat, Isolation, NetworkMode, Passes, Profile,
};
use crate::uri::Uri;
use serde::Serialize;
use std::path::PathBuf;
use terrarium_protocol::file_system::FileSystem;
use terrarium_protocol::Orders;

/// What will be done, with nothing left to decide but which number, socket
/// and block of ids a run gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What the user calls it.
    pub name: String,
    /// Its mark in the window.
    pub colour: Colour,
    /// How strong the glass is.
    pub isolation: Isolation,
    /// Why this isolation.
    pub isolation_reason: IsolationReason,
    /// Where its domain lives.
    pub connection: Uri,
    /// How it shows.
    pub display: DisplayKind,
    /// Whether the clipboard passes, if it has a screen.
    pub clipboard: Clipboard,
    /// What else passes then.
    pub passes: Passes,
    /// What becomes of what it writes.
    pub changes: Changes,
    /// What is thrown away is not thrown away as long as somebody holds it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lingers: bool,
    /// How much it may write, in bytes.
    pub writable: u64,
    /// The program that makes its layer.
    pub mke2fs: PathBuf,
    /// Whom it may talk to.
    pub network: NetworkMode,
    /// How, if it may talk to anybody.
    pub reach: Option<NetworkPlan>,
    /// Memory of the whole in bytes.
    pub memory: u64,
    /// Processors.
    pub cpus: u32,
    /// Set for a machine.
    pub machine: Option<MachinePlan>,
    /// The orders for init. `id_base`, `lifetime` and what only a look at the
    /// sources tells are set by the start.
    pub orders: Orders,
    /// The key of the profile that each share of the orders came from.
    #[serde(skip)]
    pub fields: Vec<String>,
    /// What the start has to look at, as the caller.
    pub sources: Vec<ShareSource>,
    /// Images that become disks of the sandbox.
    pub images: Vec<ImageSource>,
    /// `files.root`: the folder whose system is shown.
    pub root: Option<PathBuf>,
    /// What a kept home has when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_home: Option<FreshHome>,
    /// What is hidden in shares, or may not be written there.
    pub guarded: Vec<Guarded>,
    /// Caller's uid: part of the domain's name.
    pub caller: u32,
    /// Login name of who the command runs as.
    pub user_name: String,
    /// Where Terrarium keeps what.
    pub places: Places,
    /// Secrets that are not hidden, wherever something shows them.
    pub unmasked: Vec<PathBuf>,
    /// How many secrets are known, these among them.
    pub secrets: usize,
    /// What this is the plan of.
    pub profile: Profile,
}

/// A kept home that nobody has used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FreshHome {
    /// Folders, by their paths in it.
    pub folders: Vec<PathBuf>,
    /// The list that says which is which, if there is anything to say.
    pub user_dirs: String,
}

/// What only a machine has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MachinePlan {
    /// Runs on the processor itself, or emulated.
    pub kvm: bool,
    /// Why.
    pub accelerator_reason: AcceleratorReason,
    /// The kernel that it boots.
    pub kernel: Kernel,
    /// Modules that init loads, with those that they need.
    pub modules: Vec<String>,
    /// File systems whose modules init loads when it meets one.
    #[serde(serialize_with = "images::names")]
    pub file_systems: Vec<FileSystem>,
    /// The graphics device of its screen, if it has one.
    pub video: Option<Video>,
    /// Directories that are exported, each under a tag.
    pub exports: Vec<Export>,
    /// `USER:GROUP` that QEMU runs as, on qemu:///system.
    pub dac_label: Option<String>,
}

/// A directory of the host that a machine's 9p device exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Export {
    /// Absolute path on the host.
    pub path: PathBuf,
    /// Its mount tag.
    pub tag: String,
    /// Whether the machine may write it.
    pub writable: bool,
}

/// An image on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageSource {
    /// The profile's key that names it.
    pub field: String,
    /// Absolute path; links in it are followed by the start.
    pub path: PathBuf,
    /// What it is; the start looks, if nobody says.
    pub format: Option<ImageFormat>,
    /// Whether the command may write it.
    pub writable: bool,
    /// Its name as a disk: of a container's device, or a machine's serial
    /// number.
    pub name: String,
    /// Whether it may be a qcow2 image.
    pub qcow2: bool,
    /// What becomes of it.
    pub what: ImageUse,
}

/// What becomes of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageUse {
    /// Its file system is mounted: its place in the orders' shares.
    Mounted(usize),
    /// The command gets the device: its place in the orders' disks.
    Device(usize),
}

/// A source on the host of one of the orders' shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShareSource {
    /// The profile's key that names it.
    pub field: String,
    /// Its place in the orders' shares.
    pub share: usize,
    /// Absolute path; links in it are followed by the start.
    pub path: PathBuf,
    /// Whether the command may write it.
    pub writable: bool,
    /// What it is.
    pub kind: ShareKind,
}

/// What becomes of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShareKind {
    /// It is seen as it is.
    Shown,
    /// A copy of it is seen.
    Copied,
    /// It is a kept home, which the start makes if it is missing.
    KeptHome,
}

/// Why an isolation was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IsolationReason {
    /// The profile or the command line says so.
    Asked,
    /// KVM works here.
    KvmWorks,
    /// No KVM; containers work.
    ContainerWorks,
    /// Neither, so the machine is emulated.
    EmulationLeft,
}

/// Why a machine is or is not accelerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcceleratorReason {
    /// The profile says so.
    Asked,
    /// KVM works here.
    KvmWorks,
    /// There is no /dev/kvm.
    NoDevice,
    /// The user may not write /dev/kvm.
    NotWritable,
    /// The processor has neither vmx nor svm (or they are switched off).
    NoProcessorSupport,
}

/// The answer to "what would happen": a plan unless there are problems.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Absent if there is any problem.
    pub plan: Option<Plan>,
    /// All of them, in the profile's order.
    pub problems: Vec<Problem>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
}

/// What one run gets beside its plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instance {
    /// N of `terrarium-UID-N`.
    pub number: u32,
    /// The domain's UUID.
    pub uuid: String,
    /// First id of its block of 65 536 host ids.
    pub id_base: u32,
    /// Its private directory: sockets.
    pub directory: PathBuf,
    /// Container: init on the host. Machine: unused.
    pub init: PathBuf,
    /// Machine: the image to boot.
    pub kernel: PathBuf,
    /// Machine: its initrd.
    pub initrd: PathBuf,
    /// The image that takes what it writes, as libvirt is to open it.
    pub image: PathBuf,
    /// The name of its layer's folder.
    pub layer: PathBuf,
    /// The image that the layer began as a copy of, if something of it is to
    /// come back.
    pub before: Option<PathBuf>,
    /// The plan's images, as libvirt is to open them, in their order; or none,
    /// if their own paths do.
    pub images: Vec<PathBuf>,
    /// Nothing is to run: the layer is looked at.
    pub looks: bool,
    /// Seconds since 1970 when it was started.
    pub created: u64,
}

impl Plan {
    /// What would be thrown away when it ends can be looked at until whoever
    /// starts this lets go of it ([`crate::sandbox::Driver::hold`]).
    pub fn linger(&mut self) {
        if self.changes == Changes::Discard {
            self.lingers = true;
            self.orders.layer.iter_mut().for_each(|layer| layer.outlives = true);
        }
    }

    /// The domain's name in libvirt.
    #[must_use]
    pub fn domain_name(&self, number: u32) -> String {
        format!("terrarium-{}-{number}", self.caller)
    }
}
