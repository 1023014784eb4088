// SPDX-License-Identifier: LGPL-2.1-or-later
//! Disks that are images of the host: their file systems are mounted, or the
//! command gets the device.
//!
//! In a container libvirt put a loop device into its /dev for each, which no
//! one but init sees; in a machine they are virtio disks.

use super::site::{Site, Spot};
use super::{idmapped, Place};
use crate::fault::{at, io_at, Result};
use crate::{ids, modules};
use nix::errno::Errno;
use nix::mount::{mount, MsFlags};
use nix::sys::stat::{fchmodat, mknod, stat, FchmodatFlags, Mode, SFlag};
use nix::unistd::chown;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use terrarium_protocol::file_system::{probe, FileSystem, HEAD};
use terrarium_protocol::message::{Failure, Step};
use terrarium_protocol::orders::{Disk, TaggedDisk};

const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);
/// How long a machine's disk may take to show.
const PATIENCE: Duration = Duration::from_secs(3);

// The kernel's <linux/loop.h>.
const LOOP_GET_STATUS64: libc::c_ulong = 0x4c05;
const LOOP_INFO_SIZE: usize = 232;

/// Mounts the file system of a disk out of sight; where. `target`: where it
/// will be seen.
pub fn mount_hidden(
    site: &Site,
    disk: &Disk,
    index: usize,
    target: &Path,
    writable: bool,
) -> Result<PathBuf> {
    let name = || target.as_os_str().as_bytes().to_vec();
    let (path, device) = open(site, disk).map_err(at(Step::Image, name()))?;
    let mut head = Vec::new();
    (&device).take(HEAD as u64).read_to_end(&mut head).map_err(io_at(Step::Image, name()))?;
    let kind = probe(&head).ok_or_else(|| at(Step::FileSystem, name())(Errno::EINVAL))?;
    if site.place == Place::Machine {
        // What is missing shows when it is mounted.
        modules::load_file_system(kind.name());
    }
    let hidden = site.base.join("images").join(index.to_string());
    std::fs::create_dir_all(&hidden).map_err(io_at(Step::Image, name()))?;
    let flags = if writable { SAFE } else { SAFE | MsFlags::MS_RDONLY };
    let options = options(site, kind, writable);
    mount(Some(&path), &hidden, Some(kind.name()), flags, Some(options.as_str())).map_err(|errno| {
        let step = if errno == Errno::ENODEV { Step::Driver } else { Step::Image };
        Failure { step, object: name().into(), errno: errno as i32 }
    })?;
    Ok(hidden)
}

fn options(site: &Site, kind: FileSystem, writable: bool) -> String {
    let mut options = kind.options(writable).to_owned();
    if kind.is_ownerless() {
        let (uid, gid) = site.owner;
        let comma = if options.is_empty() { "" } else { "," };
        options.push_str(&format!("{comma}uid={uid},gid={gid},umask=022"));
    }
    options
}

/// Shows what is mounted out of sight. In a container its owners are shown as
/// they stand on the image: the sandbox's ids are others on the host.
pub fn show(site: &Site, hidden: &Path, spot: &Spot) -> nix::Result<()> {
    if site.place == Place::Container {
        let source = Spot::open(hidden)?;
        let (uid, gid) = site.outside;
        let maps = (ids::map(uid, site.id_base), ids::map(gid, site.id_base));
        match idmapped::bind(&source, spot, &maps.0, &maps.1) {
            // A file system that cannot do that, such as a CD's.
            Err(Errno::EINVAL) => {}
            other => return other,
        }
    }
    spot.bind(hidden)
}

/// Hands out devices to the command, `/dev/disk/by-tag/TAG`.
pub fn hand_out(site: &Site, disks: &[TaggedDisk]) -> Result<()> {
    if disks.is_empty() {
        return Ok(());
    }
    let links = site.directory(Path::new("/dev/disk/by-tag"), Step::Image)?;
    disks.iter().try_for_each(|one| {
        let give = || {
            let (path, _) = open(site, &one.disk)?;
            let name = path.file_name().ok_or(Errno::ENODEV)?;
            device(site, &path, &site.new.join("dev").join(name), one.writable)?;
            let link = symlink(Path::new("../..").join(name), links.path().join(&one.tag));
            link.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
        };
        give().map_err(at(Step::Image, one.tag.as_str()))
    })
}

/// The node of a disk, for the user alone. libvirt takes mknod from a
/// container.
fn device(site: &Site, path: &Path, target: &Path, writable: bool) -> nix::Result<()> {
    let mode = Mode::from_bits_truncate(if writable { 0o600 } else { 0o400 });
    let number = stat(path)?.st_rdev;
    if site.place == Place::Machine {
        mknod(target, SFlag::S_IFBLK, mode, number)?;
    } else {
        File::create_new(target)
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
        mount(Some(path), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    }
    let (uid, gid) = site.owner;
    chown(target, Some(uid.into()), Some(gid.into()))?;
    fchmodat(nix::fcntl::AT_FDCWD, target, mode, FchmodatFlags::FollowSymlink)
}

/// A disk that is what the engine saw. One that is read-only can be opened for
/// nothing else: libvirt's device control group says so, or QEMU.
fn open(site: &Site, disk: &Disk) -> nix::Result<(PathBuf, File)> {
    let errno = |error: std::io::Error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
    let path = match site.place {
        Place::Container => Path::new("/dev").join(&disk.name),
        Place::Machine => find(&disk.name).ok_or(Errno::ENODEV)?,
    };
    let device = File::open(&path).map_err(errno)?;
    if disk.identity.is_some_and(|seen| backing(&device) != Ok(seen)) {
        return Err(Errno::ESTALE);
    }
    Ok((path, device))
}

/// Device and inode number of what a loop device shows.
fn backing(device: &File) -> nix::Result<(u64, u64)> {
    let mut info = [0u64; LOOP_INFO_SIZE / 8];
    // SAFETY: an open descriptor and room for the kernel's struct loop_info64,
    // which begins with these two numbers.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_GET_STATUS64, info.as_mut_ptr()) };
    Errno::result(done).map(|_| (info[0], info[1]))
}

/// A machine's disk by its serial number; the kernel may not have found it yet.
pub fn find(serial: &str) -> Option<PathBuf> {
    let begun = Instant::now();
    loop {
        let all = std::fs::read_dir("/sys/block").into_iter().flatten().flatten();
        let is_it = |path: &PathBuf| {
            std::fs::read(path.join("serial")).is_ok_and(|text| text.trim_ascii_end() == serial.as_bytes())
        };
        if let Some(found) = all.map(|entry| entry.path()).find(is_it) {
            return Some(Path::new("/dev").join(found.file_name().map(OsStr::to_owned)?));
        }
        if begun.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
