// SPDX-License-Identifier: LGPL-2.1-or-later
//! Images: looked at as the caller before anybody else opens them.
//!
//! From its look at an image until the domain is there the engine holds a
//! lock (flock) on it; then the domain's metadata says who has it. QEMU's own
//! locks and loop devices tell of everybody else.

use super::look::Seen;
use super::one_problem;
use super::qcow2;
use super::written::Written;
use crate::error::{Error, FileAction};
use crate::plan::{
    judge, Guarded, ImageSource, ImageUse, ImageUser, Plan, ProblemKind, ShareKind, ShareSource,
};
use crate::profile::{ImageFormat, Isolation};
use crate::sandbox::directory::fault;
use crate::sandbox::list::Writer;
use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg, Flock, FlockArg};
use nix::libc;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use terrarium_protocol::file_system::{probe, HEAD};
use terrarium_protocol::orders::{Disk, Source};

/// Set on an image that a sandbox wrote as a disk.
const MARK: &str = "user.terrarium.disk";
/// Where images are recorded whose file system has no place for the mark.
const RECORD: &str = "disks";
/// QEMU's locks on an image (QEMU: block/file-posix.c): a byte for each thing
/// that somebody does, and one for each that somebody must not do.
const QEMU_LOCKS: (i64, i64) = (100, 200);
const QEMU_WRITES: (i64, i64) = (101, 1);

/// One that is held open and locked.
pub struct HeldImage {
    field: String,
    index: usize,
    seen: Seen,
    file: Flock<File>,
}

/// Opens and locks the images of `plan`, and writes into it what they are.
///
/// # Errors
/// One cannot be used.
pub fn settle(plan: &mut Plan, guarded: &[Guarded], written: &Written) -> Result<Vec<HeldImage>, Error> {
    let mut held = Vec::new();
    for (index, image) in plan.images.clone().into_iter().enumerate() {
        let problem = |what| one_problem(&image.field, what);
        let seen = open(&image, guarded, plan.caller == 0).map_err(problem)?;
        written.check(&image.path, &seen.path).map_err(problem)?;
        let file = lock(&image, &seen)?;
        let format = format(&image, &seen, &file).map_err(problem)?;
        let writes_disk = image.writable
            && (plan.isolation == Isolation::Machine || matches!(image.what, ImageUse::Device(_)));
        if writes_disk {
            mark(plan, &seen, &file)?;
        } else if plan.isolation == Isolation::Container && matches!(image.what, ImageUse::Mounted(_)) {
            // Before this computer's kernel sees it.
            if is_marked(plan, &seen, &file) {
                return Err(problem(ProblemKind::ImageNotOurs { path: seen.path }));
            }
        }
        tell(plan, index, &seen, format);
        held.push(HeldImage { field: image.field, index, seen, file });
    }
    Ok(held)
}

fn open(image: &ImageSource, guarded: &[Guarded], any: bool) -> Result<Seen, ProblemKind> {
    let source = ShareSource {
        field: image.field.clone(),
        share: 0,
        path: image.path.clone(),
        writable: image.writable,
        kind: ShareKind::Shown,
    };
    let seen = Seen::open(&source, any)?;
    if seen.is_folder {
        return Err(ProblemKind::ImageUnknown { path: seen.path });
    }
    judge(&seen.path, image.writable, guarded)?;
    if seen.path.to_str().is_none_or(|text| text.contains(char::is_control)) {
        return Err(ProblemKind::NotText { path: seen.path });
    }
    Ok(seen)
}

fn lock(image: &ImageSource, seen: &Seen) -> Result<Flock<File>, Error> {
    let file = File::open(seen.direct()).map_err(fault(FileAction::Read, &seen.path))?;
    let how = if image.writable { FlockArg::LockExclusiveNonblock } else { FlockArg::LockSharedNonblock };
    Flock::lock(file, how).map_err(|(_, errno)| match errno {
        Errno::EWOULDBLOCK => {
            let by = ImageUser::Program;
            one_problem(&image.field, ProblemKind::ImageInUse { path: seen.path.clone(), by })
        }
        other => fault(FileAction::Read, &seen.path)(other.into()),
    })
}

/// What it is, by its own word; an image that would read other files is none.
fn format(image: &ImageSource, seen: &Seen, file: &File) -> Result<ImageFormat, ProblemKind> {
    let path = || seen.path.clone();
    let missing = |_| ProblemKind::SourceDenied { path: path(), writable: false };
    let length = file.metadata().map_err(missing)?.len();
    if length == 0 {
        return Err(ProblemKind::ImageEmpty { path: path() });
    }
    let mut head = Vec::new();
    file.take(HEAD as u64).read_to_end(&mut head).map_err(missing)?;
    let is_qcow2 = qcow2::is_here(&head);
    let found = if is_qcow2 { ImageFormat::Qcow2 } else { ImageFormat::Raw };
    match image.format.unwrap_or(found) {
        ImageFormat::Raw if matches!(image.what, ImageUse::Mounted(_)) && probe(&head).is_none() => {
            Err(ProblemKind::ImageUnknown { path: path() })
        }
        ImageFormat::Raw => Ok(ImageFormat::Raw),
        ImageFormat::Qcow2 if !is_qcow2 => {
            Err(ProblemKind::ImageFormat { path: path(), format: ImageFormat::Qcow2 })
        }
        ImageFormat::Qcow2 if !image.qcow2 => Err(ProblemKind::ImageNeedsNbd { path: path() }),
        ImageFormat::Qcow2 => qcow2::check(&head, length, image.writable, &path()).and_then(|()| {
            let is_well = qcow2::begins_well(&head, |at| entry(file, at));
            is_well.then_some(ImageFormat::Qcow2).ok_or_else(|| ProblemKind::ImageDamaged { path: path() })
        }),
    }
}

/// An entry of a table.
fn entry(file: &File, at: u64) -> Option<[u8; 8]> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, at).ok().map(|()| bytes)
}

fn tell(plan: &mut Plan, index: usize, seen: &Seen, format: ImageFormat) {
    let is_container = plan.isolation == Isolation::Container;
    let image = &mut plan.images[index];
    image.path.clone_from(&seen.path);
    image.format = Some(format);
    // A network block device does not tell what it shows.
    let tells = is_container && format == ImageFormat::Raw;
    let identity = tells.then_some((seen.device, seen.inode));
    let disk: Option<&mut Disk> = match image.what {
        ImageUse::Device(at) => Some(&mut plan.orders.disks[at].disk),
        ImageUse::Mounted(at) => match &mut plan.orders.shares[at].source {
            Source::Image(disk) => Some(disk),
            _ => None,
        },
    };
    if let Some(disk) = disk {
        disk.identity = identity;
    }
}

/// Fails if somebody else has an image of the plan, or a share of it holds one
/// that somebody has.
///
/// # Errors
/// Somebody has.
pub fn none_in_use(plan: &Plan, held: &[HeldImage], writers: &[Writer]) -> Result<(), Error> {
    for one in held {
        let image = &plan.images[one.index];
        if let Some(by) = user(plan, image, one, writers) {
            return Err(one_problem(&one.field, ProblemKind::ImageInUse { path: image.path.clone(), by }));
        }
    }
    let theirs = writers.iter().flat_map(|writer| writer.images.iter().map(|(path, _)| path));
    let all: Vec<&PathBuf> = theirs.chain(plan.images.iter().map(|image| &image.path)).collect();
    for source in plan.sources.iter().filter(|source| source.writable) {
        if let Some(image) = all.iter().find(|image| image.starts_with(&source.path)) {
            let (path, share) = (PathBuf::from(image), source.path.clone());
            return Err(one_problem(&source.field, ProblemKind::ImageInShare { path, share }));
        }
    }
    Ok(())
}

/// Who else has it, if that does not go together.
fn user(plan: &Plan, image: &ImageSource, held: &HeldImage, writers: &[Writer]) -> Option<ImageUser> {
    let again = plan.images.iter().enumerate().find(|(index, other)| {
        *index != held.index && other.path == image.path && (other.writable || image.writable)
    });
    if let Some((_, other)) = again {
        return Some(ImageUser::Key(other.field.clone()));
    }
    let mut theirs = writers.iter().filter_map(|writer| {
        let has = writer.images.iter().find(|(path, _)| *path == image.path);
        let may_write = writer.writable.contains(&image.path);
        has.map(|(_, writable)| (writer, *writable)).or(may_write.then_some((writer, true)))
    });
    if let Some((writer, _)) = theirs.clone().find(|(_, writable)| *writable || image.writable) {
        return Some(ImageUser::Sandbox(writer.name.clone()));
    }
    let (first, length) = if image.writable { QEMU_LOCKS } else { QEMU_WRITES };
    if is_locked(&held.file, first, length) {
        return Some(ImageUser::Program);
    }
    // libvirt opens its loop devices for writing, also those that only read: of
    // our own sandboxes we know.
    let reads = theirs.next().is_some();
    let device = (!reads || image.writable).then(|| loop_device(held, image.writable)).flatten();
    device.map(ImageUser::Device)
}

/// Whether somebody has locked some of these bytes (an open file's locks).
fn is_locked(file: &File, first: i64, length: i64) -> bool {
    let mut lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: first,
        l_len: length,
        l_pid: 0,
    };
    let asked = fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock));
    asked.is_ok() && lock.l_type != libc::F_UNLCK as libc::c_short
}

/// A loop device that shows it, unless both only read.
fn loop_device(held: &HeldImage, writable: bool) -> Option<PathBuf> {
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    devices.map(|entry| entry.path()).find_map(|path| {
        let file = fs::read_to_string(path.join("loop/backing_file")).ok()?;
        let reads = fs::read_to_string(path.join("ro")).is_ok_and(|text| text.trim() == "1");
        let found = fs::metadata(file.trim_end_matches('\n')).ok()?;
        let is_it = (found.dev(), found.ino()) == (held.seen.device, held.seen.inode);
        (is_it && (writable || !reads)).then_some(Path::new("/dev").join(path.file_name()?))
    })
}

/// An image that a sandbox writes as a disk holds whatever that sandbox wants;
/// no container mounts it afterwards.
fn mark(plan: &Plan, seen: &Seen, file: &File) -> Result<(), Error> {
    let set = rustix::fs::fsetxattr(file, MARK, b"1", rustix::fs::XattrFlags::empty());
    if set.is_ok() || is_recorded(plan, seen) {
        return Ok(());
    }
    let record = plan.places.data.join(RECORD);
    let add = || {
        fs::create_dir_all(&plan.places.data)?;
        let file = File::options().create(true).append(true).open(&record)?;
        let end = file.metadata()?.len();
        file.write_all_at(line(seen).as_bytes(), end)
    };
    add().map_err(fault(FileAction::Write, &record))
}

fn is_marked(plan: &Plan, seen: &Seen, file: &File) -> bool {
    let mut value = [0; 8];
    rustix::fs::fgetxattr(file, MARK, &mut value[..]).is_ok() || is_recorded(plan, seen)
}

fn is_recorded(plan: &Plan, seen: &Seen) -> bool {
    let record = fs::read(plan.places.data.join(RECORD)).unwrap_or_default();
    let wanted = line(seen);
    record.split_inclusive(|&byte| byte == b'\n').any(|one| one == wanted.as_bytes())
}

fn line(seen: &Seen) -> String {
    format!("{} {}\n", seen.device, seen.inode)
}

impl HeldImage {
    /// Whether its path still leads to it; else the path.
    pub fn check(&self) -> Result<(), Error> {
        if self.seen.is_still_there() {
            return Ok(());
        }
        Err(one_problem(&self.field, ProblemKind::SourceChanged { path: self.seen.path.clone() }))
    }
}
