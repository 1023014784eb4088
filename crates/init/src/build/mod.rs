// SPDX-License-Identifier: LGPL-2.1-or-later
//! Builds the file system that the command sees, on a fresh root.

mod devices;
mod masks;
mod mounts;
mod root;

pub use devices::owner;

use crate::fault::{at, Result};
use nix::mount::{mount, umount2, MntFlags, MsFlags};
use std::path::{Path, PathBuf};
use terrarium_protocol::message::Step;
use terrarium_protocol::Orders;

/// Where init is pid 1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Of a container: the host's root is ours, and libvirt's /dev private.
    Container,
    /// Of a machine: an initramfs is our root.
    Machine,
}

/// The new root, under construction.
pub struct Site {
    /// Where it is mounted.
    pub new: PathBuf,
    /// An empty directory, below every overlay.
    pub empty: PathBuf,
    /// Where we are.
    pub place: Place,
}

impl Site {
    /// A path of the sandbox as it is reached now.
    pub fn inside(&self, path: &Path) -> PathBuf {
        self.new.join(path.strip_prefix("/").unwrap_or(path))
    }
}

/// Builds the whole and makes it the root.
pub fn build(orders: &Orders, place: Place) -> Result<()> {
    let site = begin(place)?;
    root::show(&site, &orders.root)?;
    devices::kernel_views(&site)?;
    devices::devices(&site)?;
    mounts::private(&site, orders)?;
    masks::hide(&site, &orders.masks)?;
    enter(&site)?;
    seal()
}

fn begin(place: Place) -> Result<Site> {
    let base = match place {
        Place::Container => PathBuf::from("/dev/terrarium"),
        Place::Machine => PathBuf::from("/terrarium"),
    };
    let site = Site { new: base.join("root"), empty: base.join("empty"), place };
    // Nothing that is mounted here may reach anybody else.
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    if place == Place::Container {
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).map_err(at(Step::Root, "/"))?;
    }
    for path in [&site.new, &site.empty] {
        make_dir(path, Step::Root)?;
    }
    tmpfs(&site.new, "size=1m,nr_inodes=1k,mode=755", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Step::Root)?;
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

/// Our own scaffolding is finished: nobody writes there any more.
fn seal() -> Result<()> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID;
    mount(None::<&str>, "/", None::<&str>, flags | MsFlags::MS_NODEV, None::<&str>)
        .map_err(at(Step::Root, "/"))?;
    mount(None::<&str>, "/dev", None::<&str>, flags, None::<&str>).map_err(at(Step::Devices, "/dev"))
}

/// Makes a directory and what is missing above it, 0755 and root's.
pub fn make_dir(path: &Path, step: Step) -> Result<()> {
    std::fs::create_dir_all(path).map_err(crate::fault::io_at(step, path.as_os_str().as_encoded_bytes()))
}

/// Mounts an empty file system in memory.
pub fn tmpfs(target: &Path, options: &str, flags: MsFlags, step: Step) -> Result<()> {
    mount(Some("tmpfs"), target, Some("tmpfs"), flags, Some(options))
        .map_err(at(step, target.as_os_str().as_encoded_bytes()))
}
