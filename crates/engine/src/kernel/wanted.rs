// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which modules a machine asks for. Those that they need follow from
//! modules.dep.

use super::{Feature, Kernel};
use serde::{Deserialize, Serialize};

/// What every machine needs: the control channel, the host's files, and a disk
/// that lies over them.
pub const BASE: &[&str] =
    &["virtio_pci", "virtio_console", "9p", "9pnet_virtio", "overlay", "virtio_blk", "ext4"];
/// Keyboard and tablet, and what SPICE's agent makes a pointer of.
const INPUT: &[&str] = &["virtio_input", "evdev", "uinput"];
/// Sound. The codec's driver comes first: the controller's looks for it once,
/// and nobody would load it then.
const SOUND: &[&str] = &["snd_hda_codec_generic", "snd_hda_intel"];
/// What hands memory back when a machine is given less. A kernel without it
/// keeps what it has.
const BALLOON: &str = "virtio_balloon";
/// The controller that USB devices come through.
const USB: &[&str] = &["xhci_pci"];

/// A graphics device that a machine may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Video {
    /// virtio-gpu.
    Virtio,
    /// QXL, SPICE's own.
    Qxl,
    /// Bochs' VGA, with one monitor.
    Bochs,
}

impl Video {
    /// In the order in which they are taken.
    pub const ALL: [Self; 3] = [Self::Virtio, Self::Qxl, Self::Bochs];

    /// What a kernel has to be able to do for it.
    #[must_use]
    pub fn feature(self) -> Feature {
        match self {
            Self::Virtio => Feature::VirtioGpu,
            Self::Qxl => Feature::Qxl,
            Self::Bochs => Feature::Bochs,
        }
    }

    fn module(self) -> &'static str {
        match self {
            Self::Virtio => "virtio_gpu",
            Self::Qxl => "qxl",
            Self::Bochs => "bochs",
        }
    }

    /// How many monitors it can have.
    #[must_use]
    pub fn monitors(self) -> u32 {
        match self {
            Self::Virtio | Self::Qxl => crate::profile::MONITORS_MAX,
            Self::Bochs => 1,
        }
    }
}

impl Kernel {
    /// The best graphics device that it has a driver for.
    #[must_use]
    pub fn video(&self) -> Option<Video> {
        Video::ALL.into_iter().find(|video| self.can(video.feature()))
    }
}

/// The modules that a machine asks for, in the order of loading.
#[must_use]
pub fn wanted(video: Option<Video>, sound: bool, usb: bool) -> Vec<&'static str> {
    let mut all = BASE.to_vec();
    if sound {
        // Its probe goes on by itself while the rest is loaded.
        all.extend(SOUND);
    }
    if let Some(video) = video {
        all.push(video.module());
        all.extend(INPUT);
    }
    if usb {
        all.extend(USB);
    }
    // Nobody waits for it.
    all.push(BALLOON);
    all
}
