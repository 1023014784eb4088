// SPDX-License-Identifier: LGPL-2.1-or-later
//! Profile and host become a plan: every default and path resolved, every
//! problem named. A pure function; the plan can be printed.

mod build;
mod desktop;
mod display;
mod environment;
mod files;
mod glass;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod window_tests;

pub use build::plan;
pub use desktop::screen_environment;
pub use display::{kernel_lacks, needed_for_screen};
pub use environment::{environment, slug};
pub use files::home;
pub use glass::no_kvm_reason;

use crate::host::{Family, Piece};
use crate::kernel::{Kernel, Video};
use crate::places::Places;
use crate::profile::{Changes, Clipboard, Colour, DisplayKind, Isolation, NetworkMode, Passes};
use crate::uri::Uri;
use serde::Serialize;
use std::path::PathBuf;
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
    /// Whom it may talk to.
    pub network: NetworkMode,
    /// Memory of the whole in bytes.
    pub memory: u64,
    /// Processors.
    pub cpus: u32,
    /// Set for a machine.
    pub machine: Option<MachinePlan>,
    /// The orders for init. `id_base` and `lifetime` are set by the start.
    pub orders: Orders,
    /// Caller's uid: part of the domain's name.
    pub caller: u32,
    /// Login name of who the command runs as.
    pub user_name: String,
    /// Where Terrarium keeps what.
    pub places: Places,
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
    /// The graphics device of its screen, if it has one.
    pub video: Option<Video>,
    /// Directories that are exported, each under a tag, read-only.
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

/// What stands in the way of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The profile's key, such as `command.argv[1]` or `limits.memory`.
    pub field: String,
    /// What is wrong with it. [`crate::message`] has its sentence.
    pub what: ProblemKind,
}

/// Everything that can be wrong with a plan.
#[allow(missing_docs)] // the fields are what their names say
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// No command was given.
    NoCommand,
    /// A NUL byte, which no argument, variable or path can hold.
    Nul,
    /// An argument is longer than the kernel takes (128 KiB), in bytes.
    ArgumentTooLong { length: usize },
    /// Arguments and environment are longer than the kernel takes together.
    ArgumentsTooLong { length: usize, limit: usize },
    /// A variable's name is empty or holds `=`.
    VariableName { name: String },
    /// The name is empty, too long, or holds a slash or control character.
    Name { name: String },
    /// A path that must be absolute is not, or holds `..`.
    NotAbsolute { path: PathBuf },
    /// The command (or directory) lies where the sandbox does not look.
    NotShown { path: PathBuf, share: PathBuf },
    /// Memory below what a sandbox needs or above what this computer has.
    Memory { asked: u64, least: u64, most: u64 },
    /// More processors than there are, or none.
    Cpus { asked: u32, most: u32 },
    /// A connection that may not be named here.
    Connection { uri: String },
    /// Container on a machine's connection, or the other way round.
    ConnectionMismatch { uri: String },
    /// A connection does not work.
    ConnectionUnusable { uri: Uri, state: crate::host::ConnectionState },
    /// Machines are not offered on this processor architecture.
    Architecture { arch: String },
    /// No kernel can be booted; what was found.
    NoKernel { found: Vec<Kernel> },
    /// The kernel that was asked for cannot be booted.
    Kernel { asked: String },
    /// KVM was asked for and does not work.
    KvmUnusable { reason: AcceleratorReason },
    /// Neither container nor machine can be started.
    NoIsolation,
    /// The user would be uid 0 of this computer.
    RootUser,
    /// A socket's path would be longer than the kernel takes (over 100 bytes).
    RuntimeTooLong { path: PathBuf },
    /// Something without which there is no screen is not installed.
    DisplayLacks { piece: Piece, family: Family },
    /// The kernel has no driver for a part of a machine.
    KernelLacks { version: String, part: KernelPart },
    /// A session was asked for, but not which.
    NoSession,
    /// Only machines have this.
    MachinesOnly { what: MachineOnly },
    /// More monitors than the screen can have, or none.
    Monitors { asked: u32, most: u32 },
    /// A setting that this version does not carry out yet.
    NotYet { value: String },
}

/// A part of a machine with a screen that a kernel may have no driver for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelPart {
    /// Any graphics device.
    Screen,
    /// Keyboard and tablet.
    Input,
    /// The sound device.
    Sound,
}

/// What only machines have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum MachineOnly {
    Microphone,
    Usb,
    /// More than one.
    Monitors,
}

/// What a plan says beside its problems, in one sentence each.
#[allow(missing_docs)] // the fields are what their names say
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// The machine is emulated and why.
    Emulated { reason: AcceleratorReason },
    /// The command is root inside.
    Privileged,
    /// Something that a screen is better with is not installed.
    DisplayLacks { piece: Piece, family: Family },
    /// Sound was asked for, and so far only machines have it.
    SoundInMachines,
    /// A machine with a window has little memory.
    LittleMemory { asked: u64, better: u64 },
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
    /// Seconds since 1970 when it was started.
    pub created: u64,
}

impl Plan {
    /// The domain's name in libvirt.
    #[must_use]
    pub fn domain_name(&self, number: u32) -> String {
        format!("terrarium-{}-{number}", self.caller)
    }
}
