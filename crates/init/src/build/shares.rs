// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the user shares beside the root: folders and files of the host,
//! memory, other paths inside.
//!
//! Whatever may be written is read-only until all is built, so that no place
//! for a later mount is ever made on the host.

use super::mountinfo::mounts;
use super::overlay::{self, Wanted, READ_ONLY};
use super::root::NINE_P;
use super::site::{open_host, path_of, Site, Spot};
use super::{copies, idmapped, images, masks, Place};
use crate::fault::{at, io_at, Result};
use nix::errno::Errno;
use nix::mount::{mount, MsFlags};
use nix::sys::stat::SFlag;
use nix::unistd::chown;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::message::Step;
use terrarium_protocol::orders::{Disk, HostSource, Share, Source};

/// How a share that may be written is mounted: mappings work, and what
/// changes on the host is seen.
const NINE_P_WRITABLE: &str = "trans=virtio,version=9p2000.L,msize=512000,cache=mmap";
const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// The places that they need, of those that are to be made first.
pub fn wanted(shares: &[Share]) -> Vec<Wanted> {
    let is_file = |share: &Share| matches!(&share.source, Source::Host(host) if host.file.is_some());
    let one = |share: &Share| Wanted { path: path_of(&share.target).to_owned(), is_file: is_file(share) };
    let is_mounted = |share: &&Share| !matches!(&share.source, Source::Host(host) if host.copied);
    shares.iter().filter(is_mounted).map(one).collect()
}

/// Mounts them in their order. What comes back is to be opened with [`open`].
pub fn mount_all(site: &Site, shares: &[Share]) -> Result<Vec<Spot>> {
    let mut writable = Vec::new();
    for (index, share) in shares.iter().enumerate() {
        let work = Work { site, share, index, target: path_of(&share.target), later: &shares[index + 1..] };
        let top = match &share.source {
            Source::Host(host) if host.copied => work.copy(host).map(|()| None)?,
            Source::Host(host) => work.host(host)?,
            Source::Memory { size, owned } => work.memory(*size, *owned).map(|()| None)?,
            Source::Inside { path } => work.inside(path_of(path), &writable)?,
            Source::Image(disk) => work.image(disk)?,
        };
        writable.extend(top);
        masks::hide(site, &share.masks)?;
    }
    Ok(writable)
}

/// Lets the command write where it may.
pub fn open(spots: &[Spot]) -> Result<()> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | SAFE;
    let one = |spot: &Spot| mount(None::<&str>, &spot.path(), None::<&str>, flags, None::<&str>);
    spots.iter().try_for_each(|spot| one(spot).map_err(at(Step::Share, "/")))
}

/// One share, on its way.
struct Work<'a> {
    site: &'a Site,
    share: &'a Share,
    index: usize,
    target: &'a Path,
    later: &'a [Share],
}

impl Work<'_> {
    fn fail(&self) -> impl FnOnce(Errno) -> terrarium_protocol::message::Failure {
        at(Step::Share, self.share.target.0.clone())
    }

    fn place(&self, is_file: bool) -> Result<Spot> {
        self.site.place(self.target, is_file).map_err(self.fail())
    }

    /// What is on top at the target, if the command may write it.
    fn top(&self) -> Result<Option<Spot>> {
        if !self.share.writable {
            return Ok(None);
        }
        self.site.find(self.target).map_err(self.fail())
    }

    fn memory(&self, size: u64, owned: bool) -> Result<()> {
        let options = format!("size={size},mode={}", if owned { "700" } else { "1777" });
        let spot = self.place(false)?;
        spot.mount("tmpfs", SAFE, Some(options.as_ref())).map_err(self.fail())?;
        if owned {
            let top = self.place(false)?;
            let (uid, gid) = self.site.owner;
            chown(&top.path(), Some(uid.into()), Some(gid.into())).map_err(self.fail())?;
        }
        Ok(())
    }

    fn inside(&self, path: &Path, writable: &[Spot]) -> Result<Option<Spot>> {
        let missing = || at(Step::Share, path.as_os_str().as_bytes())(Errno::ENOENT);
        let source = self.site.find(path).map_err(self.fail())?.ok_or_else(missing)?;
        let is_file = source.kind().map_err(self.fail())? != SFlag::S_IFDIR;
        let id = source.mount_id().map_err(self.fail())?;
        let spot = self.place(is_file)?;
        // With what is mounted in it: the masks.
        spot.bind_all(&source.path()).map_err(self.fail())?;
        if !self.share.writable {
            let top = self.place(is_file)?;
            top.close_all().map_err(self.fail())?;
            return Ok(None);
        }
        // A copy of what is read-only until all is built is read-only, too.
        let waits = writable.iter().any(|one| one.mount_id() == Ok(id));
        if waits {
            self.top()
        } else {
            Ok(None)
        }
    }

    fn image(&self, disk: &Disk) -> Result<Option<Spot>> {
        let writable = self.share.writable;
        let hidden = images::mount_hidden(self.site, disk, self.index, self.target, writable)?;
        let spot = self.place(false)?;
        images::show(self.site, &hidden, &spot).map_err(self.fail())?;
        if writable {
            overlay::close(self.site, self.target).map_err(self.fail())?;
        } else {
            overlay::make_places(self.site, self.target, &hidden, &wanted(self.later))?;
        }
        self.top()
    }

    fn copy(&self, host: &HostSource) -> Result<()> {
        if self.site.place == Place::Machine {
            return copies::copy(self.site, &self.device(host)?, self.target);
        }
        let source = self.source(host)?;
        copies::copy(self.site, &source.path(), self.target)
    }

    fn host(&self, host: &HostSource) -> Result<Option<Spot>> {
        let spot = self.place(host.file.is_some())?;
        match self.site.place {
            Place::Container => self.of_container(host, &spot)?,
            Place::Machine => self.of_machine(host, &spot)?,
        }
        self.top()
    }

    /// The source, if it still is what the engine saw.
    fn source(&self, host: &HostSource) -> Result<Spot> {
        let fail = || at(Step::Share, host.path.as_slice());
        let source = open_host(path_of(&host.path)).map_err(fail())?;
        if source.identity().map_err(fail())? == (host.device, host.inode) {
            Ok(source)
        } else {
            Err(fail()(Errno::ESTALE))
        }
    }

    fn of_container(&self, host: &HostSource, spot: &Spot) -> Result<()> {
        let source = self.source(host)?;
        let lower = source.path();
        if self.share.writable || host.file.is_some() {
            let (disk, inside) = (self.site.outside, self.site.owner);
            let bound = if self.share.writable && disk != inside {
                let line = |disk: u32, inside: u32| format!("{disk} {inside} 1\n");
                idmapped::bind(&source, spot, &line(disk.0, inside.0), &line(disk.1, inside.1))
            } else {
                spot.bind(&lower)
            };
            bound.and_then(|()| overlay::close(self.site, self.target)).map_err(self.fail())?;
        } else {
            overlay::show(self.site, spot, &lower).map_err(self.fail())?;
            overlay::make_places(self.site, self.target, &lower, &wanted(self.later))?;
        }
        self.submounts(host)
    }

    /// What is mounted below the source shows read-only, or not at all.
    fn submounts(&self, host: &HostSource) -> Result<()> {
        let all = mounts()?;
        let callers = host.mounted.iter().map(path_of);
        let mut done: Vec<&Path> = Vec::new();
        for point in all.iter().map(|one| one.point.as_path()).chain(callers) {
            let Ok(inner) = point.strip_prefix(path_of(&host.path)) else { continue };
            if inner.as_os_str().is_empty() || done.contains(&inner) {
                continue;
            }
            done.push(inner);
            let ids: Vec<u64> = all.iter().filter(|other| other.point == point).map(|o| o.id).collect();
            self.submount(point, &ids, &self.target.join(inner)).map_err(self.fail())?;
        }
        Ok(())
    }

    fn submount(&self, point: &Path, ids: &[u64], target: &Path) -> nix::Result<()> {
        let Some(spot) = self.site.find(target)? else { return Ok(()) };
        let is_it = |found: &Spot| found.mount_id().is_ok_and(|id| ids.contains(&id));
        let shown = match open_host(point).ok().filter(is_it) {
            None => Err(Errno::ENOENT),
            Some(found) => match found.kind()? {
                SFlag::S_IFDIR => overlay::show(self.site, &spot, &found.path()),
                SFlag::S_IFREG => spot.bind(&found.path()).and_then(|()| overlay::close(self.site, target)),
                _ => Err(Errno::EINVAL),
            },
        };
        shown.or_else(|_| masks::cover(self.site, &spot))
    }

    fn of_machine(&self, host: &HostSource, spot: &Spot) -> Result<()> {
        if host.file.is_some() {
            let file = self.device(host)?;
            return spot
                .bind(&file)
                .and_then(|()| overlay::close(self.site, self.target))
                .map_err(self.fail());
        }
        self.nine_p(host, &spot.path())?;
        if self.share.writable {
            overlay::close(self.site, self.target).map_err(self.fail())?;
        } else {
            overlay::make_places(self.site, self.target, Path::new(""), &wanted(self.later))?;
        }
        Ok(())
    }

    fn nine_p(&self, host: &HostSource, at: &Path) -> Result<()> {
        let tag = host.tag.as_deref().unwrap_or_default();
        let (flags, options) =
            if self.share.writable { (SAFE, NINE_P_WRITABLE) } else { (READ_ONLY, NINE_P) };
        mount(Some(tag), at, Some("9p"), flags, Some(options)).map_err(self.fail())
    }

    /// Mounts the device of a file, or of a copy, out of sight; the path of
    /// what it is about.
    fn device(&self, host: &HostSource) -> Result<PathBuf> {
        let at = self.site.base.join("shares").join(self.index.to_string());
        std::fs::create_dir_all(&at).map_err(io_at(Step::Share, self.share.target.as_slice()))?;
        self.nine_p(host, &at)?;
        let name = host.file.as_ref().map(|name| OsStr::from_bytes(name.as_slice()));
        Ok(name.map_or_else(|| at.clone(), |name| at.join(name)))
    }
}
