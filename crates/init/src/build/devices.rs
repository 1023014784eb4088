// SPDX-License-Identifier: LGPL-2.1-or-later
//! /proc, /sys and /dev as a container's runtime shows them.

use super::meminfo::MemoryInfo;
use super::{masks, Place, Site};
use crate::fault::{at, io_at, Result};
use nix::errno::Errno;
use nix::fcntl::{open, OFlag, AT_FDCWD};
use nix::mount::{mount, MsFlags};
use nix::sys::stat::{fchmodat, makedev, mknod, FchmodatFlags, Mode, SFlag};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use terrarium_protocol::message::Step;
use terrarium_protocol::orders::User;

/// What a command must not see of the kernel, as the OCI runtime
/// specification's default has it.
const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
    "/sys/fs/cgroup",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
    "/sys/kernel/security",
];

/// What it may read only.
const READ_ONLY: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Character devices that are harmless: name, major, minor.
const NODES: &[(&str, u64, u64)] =
    &[("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

const LINKS: &[(&str, &str)] = &[
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("pts/ptmx", "ptmx"),
];

const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

/// The id that the user has in this namespace: `-p` is uid 0 inside.
pub fn owner(user: &User, id_base: u32, place: Place) -> (u32, u32) {
    match (user.privileged, place) {
        (false, _) => (user.uid, user.gid),
        (true, Place::Container) => (id_base, id_base),
        (true, Place::Machine) => (0, 0),
    }
}

/// /proc and /sys; a container's /proc has memory information of its own.
pub fn kernel_views(site: &Site) -> Result<Option<MemoryInfo>> {
    let fresh = |kind: &str, path: &str, flags: MsFlags| {
        let spot = site.directory(Path::new(path), Step::Devices)?;
        spot.mount(kind, flags, None).map_err(at(Step::Devices, path))
    };
    fresh("proc", "/proc", SAFE)?;
    fresh("sysfs", "/sys", SAFE | MsFlags::MS_RDONLY)?;
    let memory = if site.place == Place::Container { Some(MemoryInfo::show(site)?) } else { None };
    READ_ONLY
        .iter()
        .try_for_each(|path| make_read_only(site, Path::new(path)).map_err(at(Step::Devices, *path)))?;
    Ok(memory)
}

fn make_read_only(site: &Site, path: &Path) -> nix::Result<()> {
    let Some(spot) = site.find(path)? else { return Ok(()) };
    spot.bind(&spot.path())?;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | SAFE;
    // Found again: what is to be remounted is the mount on top.
    let top = site.find(path)?.ok_or(Errno::ENOENT)?;
    mount(None::<&str>, &top.path(), None::<&str>, flags, None::<&str>)
}

/// A small /dev with terminals of its own, and then the masks, which need its
/// null.
pub fn devices(site: &Site) -> Result<()> {
    let fail = || at(Step::Devices, "/dev");
    let options = Some("size=64k,nr_inodes=200,mode=755".as_ref());
    site.directory(Path::new("/dev"), Step::Devices)?
        .mount("tmpfs", MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, options)
        .map_err(fail())?;
    let dev = site.new.join("dev");
    for &(name, major, minor) in NODES {
        node(site.place, &dev, name, major, minor).map_err(at(Step::Devices, name))?;
    }
    for &(target, name) in LINKS {
        symlink(target, dev.join(name)).map_err(io_at(Step::Devices, name))?;
    }
    site.directory(Path::new("/dev/shm"), Step::Devices)?;
    site.directory(Path::new("/dev/pts"), Step::Devices)?
        .mount(
            "devpts",
            MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
            Some("newinstance,ptmxmode=0666,mode=0620".as_ref()),
        )
        .map_err(at(Step::Devices, "/dev/pts"))?;
    MASKED.iter().try_for_each(|path| masks::mask(site, Path::new(path)))?;
    throttles(site).iter().try_for_each(|path| masks::mask(site, path))
}

/// What each processor tells of its heat: as good as a clock for who listens
/// to the host’s work; OCI runtimes hide it, too.
fn throttles(site: &Site) -> Vec<PathBuf> {
    let folder = Path::new("/sys/devices/system/cpu");
    let Ok(entries) = std::fs::read_dir(site.new.join("sys/devices/system/cpu")) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    names.map(|name| folder.join(name).join("thermal_throttle")).collect()
}

/// A machine's sound devices, for the command alone, and loud enough.
pub fn sound(site: &Site, (uid, gid): (u32, u32)) -> Result<()> {
    let folder = site.directory(Path::new("/dev/snd"), Step::Devices)?;
    crate::display::sound().into_iter().try_for_each(|(name, major, minor)| {
        let path = folder.path().join(&name);
        let made = mknod(&path, SFlag::S_IFCHR, Mode::from_bits_truncate(0o600), makedev(major, minor));
        made.and_then(|()| nix::unistd::chown(&path, Some(uid.into()), Some(gid.into())))
            .map_err(at(Step::Devices, name.as_str()))?;
        if name.starts_with("controlC") {
            // A quiet one can be turned up by the command itself.
            let _ = crate::display::turn_up(&path);
        }
        Ok(())
    })
}

/// Where a machine's USB devices come and go; init alone may write there.
pub fn usb(site: &Site) -> Result<()> {
    let folder = site.directory(Path::new("/dev/bus"), Step::Devices)?;
    let options = Some("size=64k,nr_inodes=200,mode=755".as_ref());
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    folder.mount("tmpfs", flags, options).map_err(at(Step::Devices, "/dev/bus"))
}

/// libvirt takes mknod from a container, but leaves it these to bind.
fn node(place: Place, dev: &Path, name: &str, major: u64, minor: u64) -> nix::Result<()> {
    let target = dev.join(name);
    match place {
        Place::Container => {
            let flags = OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
            drop(open(&target, flags, Mode::from_bits_truncate(0o600))?);
            let source = Path::new("/dev").join(name);
            mount(Some(&source), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        }
        Place::Machine => {
            let mode = Mode::from_bits_truncate(0o666);
            mknod(&target, SFlag::S_IFCHR, mode, makedev(major, minor))?;
            // The umask counted.
            fchmodat(AT_FDCWD, &target, mode, FchmodatFlags::FollowSymlink)
        }
    }
}
