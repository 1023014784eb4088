// SPDX-License-Identifier: LGPL-2.1-or-later
//! What stands in the way of images, and of another root.

use super::fill;
use super::sentence::{both, Sentence};
use crate::plan::{ImageUser, ProblemKind};
use gettextrs::gettext;
use std::path::Path;

pub(super) fn about(text: &str, path: &Path) -> String {
    fill(text, &[("path", &path.display().to_string())])
}

/// Problems of images.
pub(super) fn problem(what: &ProblemKind) -> Option<Sentence> {
    let (text, fix) = match what {
        ProblemKind::ImagesOnly => (
            gettext("Only images (host-image) have “format” and “trusted”."),
            gettext("Remove them, or choose the type host-image."),
        ),
        ProblemKind::ImageNotTrusted { path } => (
            about(&gettext("A container does not mount {path}: this computer’s own kernel would read it, and a prepared image can attack that kernel."), path),
            gettext("Use a virtual machine. If you know where the image comes from, set trusted = true (“,trusted”)."),
        ),
        ProblemKind::ImageNeedsNbd { path } => (
            about(&gettext("A container cannot use {path}: for qcow2 images this computer needs the kernel module nbd and the program qemu-nbd."), path),
            gettext("Install qemu-utils and a kernel with nbd, convert the image (qemu-img convert -O raw), or use a virtual machine."),
        ),
        ProblemKind::ImageFormat { path, format } => (
            fill(&gettext("{path} is not an image of the format {format}."), &[("path", &path.display().to_string()), ("format", format.word())]),
            gettext("Leave the format out: the image says what it is."),
        ),
        ProblemKind::ImageIncomplete { path } => (
            about(&gettext("{path} needs another file or a key: an image with a backing file, with its data elsewhere, or encrypted could read files that you did not choose."), path),
            gettext("Make one that holds everything (qemu-img convert -O qcow2)."),
        ),
        ProblemKind::ImageDamaged { path } => (
            about(&gettext("The qcow2 image {path} is damaged: what its first bytes say cannot be."), path),
            gettext("Have it repaired (qemu-img check -r all), or use a copy that is whole."),
        ),
        ProblemKind::ImageEmpty { path } => (
            about(&gettext("The image {path} is empty: its size is 0."), path),
            gettext("Give it a size (truncate -s 1G) and a file system (mke2fs)."),
        ),
        ProblemKind::ImageUnknown { path } => (
            about(&gettext("The image {path} begins with no file system that Terrarium knows."), path),
            gettext("Use one without partitions that holds ext4, xfs, btrfs, vfat, exfat, iso9660, squashfs or erofs."),
        ),
        ProblemKind::ImageInUse { path, by } => (
            fill(&gettext("The image {path} is in use ({name})."), &[("path", &path.display().to_string()), ("name", &user(by))]),
            gettext("End what uses it first. Several sandboxes can read one image if none writes it."),
        ),
        ProblemKind::ImageNotOurs { path } => (
            about(&gettext("A sandbox wrote {path} as a disk, so this computer’s own kernel never mounts it."), path),
            gettext("Use a virtual machine, or copy the files to a fresh image there."),
        ),
        other => return of_disks(other),
    };
    Some(both(text, fix))
}

fn of_disks(what: &ProblemKind) -> Option<Sentence> {
    let (text, fix) = match what {
        ProblemKind::ImageInShare { path, share } => (
            fill(
                &gettext("{share} cannot be shared for writing: the image {path} in it is in use, and writing it there would break it."),
                &[("path", &path.display().to_string()), ("share", &share.display().to_string())],
            ),
            gettext("Share a folder without the image, or share it read-only."),
        ),
        ProblemKind::DiskTag { tag } => (
            fill(&gettext("“{name}” cannot be the tag of a disk."), &[("name", tag)]),
            gettext("Use up to 20 letters, digits, “.”, “_”, “+” and “-”; each tag once."),
        ),
        ProblemKind::TooMany { most } => (
            fill(&gettext("A sandbox has no more than {count} disks."), &[("count", &most.to_string())]),
            gettext("Leave one out."),
        ),
        ProblemKind::NoSystem { path } => (
            about(&gettext("{path} is not a folder with a system in it: it has no /usr and no /bin."), path),
            gettext("Choose one, such as what debootstrap makes or an unpacked image."),
        ),
        _ => return None,
    };
    Some(both(text, fix))
}

/// Who uses an image.
fn user(by: &ImageUser) -> String {
    match by {
        ImageUser::Key(key) => key.clone(),
        ImageUser::Sandbox(name) => fill(&gettext("by the sandbox “{name}”"), &[("name", name)]),
        ImageUser::Program => gettext("by a program that has locked it"),
        ImageUser::Device(path) => path.display().to_string(),
    }
}
