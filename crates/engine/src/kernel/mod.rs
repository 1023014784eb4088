// SPDX-License-Identifier: LGPL-2.1-or-later
//! Kernels that this computer has, and what a machine boots.
//!
//! | module | what |
//! |---|---|
//! | [`find`] | which kernels there are and what each can do |
//! | [`running`] | what the one that runs has |
//! | [`wanted`] | which modules a machine asks for |
//! | [`modules`] | which of them there are, what they need, in which order |
//! | [`decompress`], [`xz`], [`vmlinux`] | the uncompressed kernel inside an image |
//! | [`initrd`] | init and its modules as an archive |
//! | [`cache`] | both, made once |

mod cache;
mod decompress;
mod find;
pub mod fuzz;
mod initrd;
mod modules;
mod running;
#[cfg(test)]
mod tests;
mod vmlinux;
mod wanted;
mod xz;

pub use cache::prepare;
pub use find::find;
pub use running::Running;
pub use wanted::{wanted, Video, BASE};

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// As in `/lib/modules/VERSION`.
    pub version: String,
    /// Its image.
    pub image: PathBuf,
    /// The directory of its modules.
    pub modules: PathBuf,
    /// What it can do.
    pub features: Vec<Feature>,
    /// Why it cannot be booted, if so.
    pub problem: Option<KernelProblem>,
}

impl Kernel {
    /// Whether a machine can boot it.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.problem.is_none()
    }

    /// Whether it can do something.
    #[must_use]
    pub fn can(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }
}

/// What a kernel can do for a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Files of the host over 9p.
    NineP,
    /// The control channel.
    Console,
    /// A layer of changes.
    Overlay,
    /// A screen.
    VirtioGpu,
    /// A screen, for kernels without virtio's.
    Qxl,
    /// A screen, for kernels without either.
    Bochs,
    /// A network.
    Network,
    /// Disks.
    Disk,
    /// Keyboard and tablet.
    Input,
    /// Sound.
    Sound,
}

/// Why a kernel cannot be booted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelProblem {
    /// The image cannot be read by this user.
    ImageUnreadable,
    /// There are no modules for it, or they cannot be read.
    ModulesUnreadable,
    /// Modules that it neither has nor has built in.
    Lacks(Vec<String>),
}

/// Why a kernel could not be prepared.
#[derive(Debug)]
pub enum Error {
    /// A file could not be read or written.
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    Format {
        /// Which.
        path: PathBuf,
        /// What it should be.
        expected: Expected,
    },
}

/// What a file should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A Linux kernel.
    Image,
    /// A kernel module.
    Module,
    /// A folder of modules with its modules.dep.
    Index,
}

/// What a machine boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// The kernel.
    pub kernel: PathBuf,
    /// Its initrd.
    pub initrd: PathBuf,
}

/// Turns an I/O error into ours.
fn at(path: &std::path::Path) -> impl Fn(std::io::Error) -> Error + '_ {
    move |source| Error::File { path: path.to_owned(), source }
}
