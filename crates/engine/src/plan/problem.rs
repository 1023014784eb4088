// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a plan finds wrong, and what it says beside.

use super::{AcceleratorReason, NetworkProblem, NftLack};
use crate::host::{Family, Piece};
use crate::kernel::Kernel;
use crate::uri::Uri;
use serde::Serialize;
use std::path::PathBuf;

/// What stands in the way of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The profile's key, such as `command.argv[1]` or `limits.memory`.
    pub field: String,
    /// What is wrong with it. [`crate::message`] has its sentence.
    pub what: ProblemKind,
}

/// Who uses an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageUser {
    /// The same profile, at this key.
    Key(String),
    /// The sandbox of this name.
    Sandbox(String),
    /// A program that has locked it.
    Program,
    /// A loop device of this computer.
    Device(PathBuf),
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
    /// Nothing can be mounted there.
    Target { path: PathBuf },
    /// Something else is shown there already.
    SameTarget { path: PathBuf },
    /// A copy can only lie in a private place.
    IncludeTarget { path: PathBuf },
    /// A source that holds, or lies in, /proc, /sys or /dev.
    KernelView { path: PathBuf },
    /// A source is hidden, or lies in what is.
    Secret { path: PathBuf, holds: PathBuf },
    /// A source may not be written: something in it would let programs out.
    Guards { path: PathBuf, holds: PathBuf },
    /// Root of a machine would see what is hidden in a source.
    HiddenFromRoot { path: PathBuf, holds: PathBuf },
    /// What is to be unmasked is not masked.
    NotMasked { path: PathBuf },
    /// A path that domain XML cannot hold.
    NotText { path: PathBuf },
    /// Memory that is no size.
    NotASize { text: String },
    /// Memory of nothing, or of more than there is.
    RamSize { asked: u64, most: u64 },
    /// There is no such source.
    SourceMissing { path: PathBuf },
    /// A source is a link that leads back to itself.
    SourceCircle { path: PathBuf },
    /// A place lies in what is shown as a file.
    PlaceInFile { path: PathBuf, file: PathBuf },
    /// The caller may not read, or write, a source.
    SourceDenied { path: PathBuf, writable: bool },
    /// A source is neither a folder nor a file.
    SourceKind { path: PathBuf },
    /// A sandbox that runs may change what a source is.
    SourceInSandbox { path: PathBuf, sandbox: String },
    /// A link that a sandbox may have made leads out of what it could write.
    LinkOfSandbox { path: PathBuf, link: PathBuf },
    /// A source was exchanged meanwhile.
    SourceChanged { path: PathBuf },
    /// A machine could share a writable file only by its folder.
    FileInMachine { path: PathBuf },
    /// A place would have to be made in a share that may be written.
    NoPlace { path: PathBuf, share: PathBuf },
    /// A setting that only images have.
    ImagesOnly,
    /// A container's image that the profile does not trust.
    ImageNotTrusted { path: PathBuf },
    /// Containers have no device for this format here.
    ImageNeedsNbd { path: PathBuf },
    /// An image is not of the format that was asked for.
    ImageFormat { path: PathBuf, format: crate::profile::ImageFormat },
    /// An image that is nothing without another file, or without a key.
    ImageIncomplete { path: PathBuf },
    /// What the image says about itself cannot be.
    ImageDamaged { path: PathBuf },
    /// There is nothing in an image.
    ImageEmpty { path: PathBuf },
    /// An image begins with no known file system.
    ImageUnknown { path: PathBuf },
    /// Somebody else uses an image.
    ImageInUse { path: PathBuf, by: ImageUser },
    /// A machine or a command wrote an image, so no container mounts it.
    ImageNotOurs { path: PathBuf },
    /// A share that may be written holds an image that is in use.
    ImageInShare { path: PathBuf, share: PathBuf },
    /// Not a name for a disk, or one that is taken.
    DiskTag { tag: String },
    /// More images than there are names for.
    TooMany { most: usize },
    /// A folder that is to be the root is none.
    NoSystem { path: PathBuf },
    /// More to copy than may be.
    TooMuch { path: PathBuf, limit: u64 },
    /// There is no program that makes the layer.
    NoLayerMaker { family: Family },
    /// Too little or too much to write.
    Writable { asked: u64, least: u64, most: u64 },
    /// The network cannot be like that.
    Network(NetworkProblem),
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
    /// Disks.
    Disk,
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
    /// Root inside can look at these and cannot change them.
    StaysReadOnly { paths: Vec<PathBuf> },
    /// Something that a screen is better with is not installed.
    DisplayLacks { piece: Piece, family: Family },
    /// A machine with a window has little memory.
    LittleMemory { asked: u64, better: u64 },
    /// Sockets in a share reach the host's programs.
    SocketsReachable { path: PathBuf },
    /// A secret shows where a share shows it.
    Unmasked { path: PathBuf },
    /// This computer's kernel reads an image.
    ImageTrusted { path: PathBuf },
    /// What is hidden in a machine's share is hidden from the command only.
    HiddenInside { path: PathBuf },
    /// QEMU's user mode reaches services of this computer.
    UserModeReachesHost,
    /// Without nft a filter of libvirt's enforces whom a sandbox talks to.
    FilteredByLibvirt { lack: NftLack },
}
