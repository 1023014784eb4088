// SPDX-License-Identifier: LGPL-2.1-or-later
//! Builds the file system that the command sees, on a fresh root.

mod copies;
pub mod credentials;
mod devices;
mod files;
mod idmapped;
mod images;
mod layer;
mod log;
mod masks;
mod meminfo;
mod mountinfo;
mod mounts;
mod names;
mod overlay;
mod root;
mod shares;
mod site;
mod tree;

pub use devices::owner;
pub use layer::{Kept, Top};
pub use meminfo::MemoryInfo;
use site::Site;

use crate::fault::{at, io_at, Result};
use nix::mount::{mount, umount2, MntFlags, MsFlags};
use nix::sys::stat::Mode;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::message::Step;
use terrarium_protocol::orders::{Share, Source};
use terrarium_protocol::Orders;

/// Where init is pid 1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Of a container: the host's root is ours, and libvirt's /dev private.
    Container,
    /// Of a machine: an initramfs is our root.
    Machine,
}

/// Whether the command may write files of the host.
pub fn writes_outside(orders: &Orders) -> bool {
    let of_host = |share: &Share| share.writable && matches!(share.source, Source::Host(_));
    orders.shares.iter().any(of_host)
}

/// What there is to do about the root once it is built.
#[derive(Default)]
pub struct Built {
    /// To be kept up to date.
    pub memory: Option<MemoryInfo>,
    /// Where lies what is written.
    pub layer: Option<Kept>,
}

/// Builds the whole and makes it the root.
pub fn build(orders: &Orders, place: Place) -> Result<Built> {
    if place == Place::Machine {
        bound_tasks(orders.limits.processes);
    }
    let built = build_root(orders, place);
    if place == Place::Container {
        credentials::act_as_oneself().map_err(at(Step::Layer, "ids"))?;
    }
    built
}

fn build_root(orders: &Orders, place: Place) -> Result<Built> {
    if let Some(path) = &orders.log {
        log::shorten(std::ffi::OsStr::from_bytes(path.as_slice()).as_ref());
    }
    let site = begin(orders, place)?;
    let mut wanted = shares::wanted(&orders.shares);
    wanted.extend(names::wanted(orders));
    root::show(&site, &orders.root, &wanted)?;
    let memory = devices::kernel_views(&site)?;
    devices::devices(&site)?;
    if let (Place::Machine, Some(display)) = (place, &orders.display) {
        // The display's server has a screen there, where nobody else sees it.
        site.directory(Path::new("/dev/dri"), Step::Devices)?;
        if display.sound {
            devices::sound(&site, site.owner)?;
        }
    }
    images::hand_out(&site, &orders.disks)?;
    root::submounts(&site, &orders.root)?;
    masks::hide(&site, &orders.masks)?;
    mounts::private(&site, orders)?;
    if let Some(layer) = site.layer.as_ref().filter(|_| orders.layer.as_ref().is_some_and(|one| one.home)) {
        layer.home(&site, Path::new(OsStr::from_bytes(orders.user.home.as_slice())))?;
    }
    mounts::folders(&site, orders)?;
    files::write(&site, &orders.files)?;
    names::show(&site, orders)?;
    let writable = shares::mount_all(&site, &orders.shares)?;
    shares::open(&writable)?;
    let layer = match &site.layer {
        None => None,
        Some(layer) => Some(layer.keep(&site, orders).map_err(at(Step::Layer, "keep"))?),
    };
    enter(&site)?;
    seal(site.layer.is_some())?;
    Ok(Built { memory, layer })
}

/// Tasks of a machine's own: the kernel's threads, init.
const TASKS: u64 = 512;

/// The kernel does not hold its root to RLIMIT_NPROC: in a machine `-p` is
/// that root. This holds for all, and inside nobody can write it.
fn bound_tasks(processes: u64) {
    const FILE: &str = "/proc/sys/kernel/threads-max";
    let own = std::fs::read_to_string(FILE).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let most = processes.saturating_add(TASKS);
    if own.is_none_or(|own| own > most) {
        // A kernel without it has its own bound, by its memory.
        let _ = std::fs::write(FILE, most.to_string());
    }
}

fn begin(orders: &Orders, place: Place) -> Result<Site> {
    let base = match place {
        Place::Container => PathBuf::from("/dev/terrarium"),
        Place::Machine => PathBuf::from("/terrarium"),
    };
    let outside = (orders.user.uid, orders.user.gid);
    let mut site =
        Site::new(base, place, owner(&orders.user, orders.id_base, place), outside, orders.id_base);
    // Nothing that is mounted here may reach anybody else.
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    if place == Place::Container {
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).map_err(at(Step::Root, "/"))?;
    }
    nix::sys::stat::umask(Mode::from_bits_truncate(0o022));
    for path in [&site.new, &site.empty] {
        std::fs::create_dir_all(path).map_err(io_at(Step::Root, path.as_os_str().as_bytes()))?;
    }
    site.layer = layer::Layer::open(orders, place, &site.base)?;
    if let Some(layer) = &site.layer {
        layer.top(&site.new).map_err(at(Step::Layer, "/"))?;
        return Ok(site);
    }
    let (flags, options) = (MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some("size=1m,nr_inodes=1k,mode=755"));
    mount(Some("tmpfs"), &site.new, Some("tmpfs"), flags, options).map_err(at(Step::Root, "/"))?;
    Ok(site)
}

/// The fresh root becomes `/`; the old one is gone.
fn enter(site: &Site) -> Result<()> {
    nix::unistd::chdir(&site.new).map_err(at(Step::Root, "/"))?;
    match site.place {
        Place::Container => {
            nix::unistd::pivot_root(".", ".").map_err(at(Step::Root, "/"))?;
            umount2(".", MntFlags::MNT_DETACH).map_err(at(Step::Root, "/"))?;
        }
        // An initramfs cannot be pivoted away from.
        Place::Machine => {
            mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>)
                .map_err(at(Step::Root, "/"))?;
            nix::unistd::chroot(".").map_err(at(Step::Root, "/"))?;
        }
    }
    nix::unistd::chdir("/").map_err(at(Step::Root, "/"))
}

/// Our own scaffolding is finished: nobody writes there any more. A layer is
/// the sandbox's.
fn seal(has_layer: bool) -> Result<()> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID;
    for (path, more) in
        [("/", MsFlags::MS_NODEV), ("/dev", MsFlags::MS_NOEXEC)].into_iter().skip(usize::from(has_layer))
    {
        mount(None::<&str>, path, None::<&str>, flags | more, None::<&str>)
            .map_err(at(Step::Devices, path))?;
    }
    Ok(())
}
