// SPDX-License-Identifier: LGPL-2.1-or-later
//! Images, as disks that are mounted or handed out; and another root.

use super::secrets::judge;
use super::shares::Work;
use super::{ImageSource, ImageUse, KernelPart, Note, ProblemKind};
use crate::kernel::Feature;
use crate::profile::{ImageFormat, Isolation, Mount, MountMode};
use serde::Serializer;
use std::path::{Path, PathBuf};
use terrarium_protocol::file_system::FileSystem;
use terrarium_protocol::orders::{Disk, Source, TaggedDisk};

/// Longest serial number of a virtio disk.
const TAG_MAX: usize = 20;
/// What the names of disks begin with that are mounted in a machine.
const OURS: &str = "terrarium-";
/// As many as there are names for, vda to vdy; vdz is the layer.
const IMAGES_MAX: usize = 25;

/// File systems by their names.
pub(super) fn names<S: Serializer>(all: &[FileSystem], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(all.iter().map(|one| one.name()))
}

impl Work<'_> {
    /// `files.root`, unless it is this computer's own.
    pub(super) fn root(&mut self) {
        let Some(root) = &self.profile.files.root else { return };
        let root = self.resolve(root);
        let Some(path) = self.path("files.root", &root) else { return };
        if path == Path::new("/") {
            return;
        }
        match judge(&path, false, &self.shares.guarded) {
            Err(problem) => self.found.add("files.root", problem),
            Ok(_) => self.shares.root = Some(path),
        }
    }

    /// One of `files.mounts`.
    pub(super) fn image(&mut self, field: &str, mount: &Mount, target: PathBuf) {
        let writable = mount.mode == MountMode::Rw;
        let source = self.resolve(&mount.source);
        let name = match self.isolation {
            Isolation::Container => self.device(),
            Isolation::Machine => format!("{OURS}{}", self.shares.images.len()),
        };
        let what = ImageUse::Mounted(self.shares.orders.len());
        let image = ImageSource {
            field: format!("{field}.source"),
            path: source,
            format: mount.format,
            writable,
            name: name.clone(),
            qcow2: self.takes_qcow2(),
            what,
        };
        let Some(path) = self.one(image) else { return };
        if self.isolation == Isolation::Container {
            if mount.trusted {
                self.shares.notes.push(Note::ImageTrusted { path });
            } else {
                self.found.add(format!("{field}.trusted"), ProblemKind::ImageNotTrusted { path });
            }
        }
        self.add(field, target, Source::Image(Disk { name, identity: None }), writable);
    }

    /// `files.disks`.
    pub(super) fn disks(&mut self) {
        for (index, disk) in self.profile.files.disks.iter().enumerate() {
            let field = format!("files.disks[{index}]");
            if !is_tag(&disk.tag) || self.shares.disks.iter().any(|other| other.tag == disk.tag) {
                self.found.add(format!("{field}.tag"), ProblemKind::DiskTag { tag: disk.tag.clone() });
                continue;
            }
            let name = match self.isolation {
                Isolation::Container => self.device(),
                Isolation::Machine => disk.tag.clone(),
            };
            let writable = disk.mode == MountMode::Rw;
            let image = ImageSource {
                field: format!("{field}.source"),
                path: self.resolve(&disk.source),
                format: disk.format,
                writable,
                name: name.clone(),
                qcow2: self.takes_qcow2(),
                what: ImageUse::Device(self.shares.disks.len()),
            };
            if self.one(image).is_some() {
                let disk =
                    TaggedDisk { tag: disk.tag.clone(), disk: Disk { name, identity: None }, writable };
                self.shares.disks.push(disk);
            }
        }
    }

    /// Checks and adds one; its path, if it has one.
    fn one(&mut self, image: ImageSource) -> Option<PathBuf> {
        let path = self.path(&image.field, &image.path)?;
        let field = image.field.clone();
        if let Err(problem) = judge(&path, image.writable, &self.shares.guarded) {
            self.found.add(field, problem);
            return None;
        }
        if path.to_str().is_none_or(|text| text.contains(char::is_control)) {
            self.found.add(field, ProblemKind::NotText { path });
            return None;
        }
        if self.shares.images.len() >= IMAGES_MAX {
            self.found.add(field, ProblemKind::TooMany { most: IMAGES_MAX });
            return None;
        }
        if image.format == Some(ImageFormat::Qcow2) && !image.qcow2 {
            self.found.add(field.clone(), ProblemKind::ImageNeedsNbd { path: path.clone() });
        }
        if self.isolation == Isolation::Machine && self.shares.images.is_empty() {
            self.needs_disks(&field);
        }
        self.shares.images.push(ImageSource { path: path.clone(), ..image });
        Some(path)
    }

    fn takes_qcow2(&self) -> bool {
        self.isolation == Isolation::Machine || self.host.nbd
    }

    fn needs_disks(&mut self, field: &str) {
        let kernel = self.host.kernels.iter().find(|kernel| kernel.is_usable());
        if let Some(kernel) = kernel.filter(|kernel| !kernel.can(Feature::Disk)) {
            let (version, part) = (kernel.version.clone(), KernelPart::Disk);
            self.found.add(field, ProblemKind::KernelLacks { version, part });
        }
    }

    /// The name of a container's next device.
    fn device(&self) -> String {
        let letter = char::from(b'a' + (self.shares.images.len() % IMAGES_MAX) as u8);
        format!("vd{letter}")
    }
}

/// What a serial number can be, and the name of a link.
fn is_tag(tag: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
    let is_name = !tag.is_empty() && tag.len() <= TAG_MAX && tag != "." && tag != "..";
    is_name && tag.chars().all(is_good) && !tag.starts_with(OURS)
}
