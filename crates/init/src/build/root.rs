// SPDX-License-Identifier: LGPL-2.1-or-later
//! Shows the host's directories: read-only, and without its doors.

use super::mountinfo::mounts;
use super::overlay::{self, Wanted, READ_ONLY};
use super::site::{open_host, path_of, Site, Spot};
use super::{masks, Place};
use crate::fault::{at, io_at, Result};
use nix::errno::Errno;
use nix::mount::mount;
use nix::sys::stat::SFlag;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use terrarium_protocol::message::Step;
use terrarium_protocol::orders::{HostSource, RootEntry};

/// How a 9p root is mounted: it does not change while the guest looks, and
/// QEMU's own check keeps it read-only (see docs/architecture.md).
pub const NINE_P: &str = "trans=virtio,version=9p2000.L,msize=512000,cache=loose";

/// Puts every entry in its place, and makes what is wanted and missing there.
pub fn show(site: &Site, entries: &[RootEntry], wanted: &[Wanted]) -> Result<()> {
    for entry in entries {
        match entry {
            RootEntry::Show { path, tag, source } => {
                let path = path_of(path);
                let spot = site.directory(path, Step::Root)?;
                let source = lower(site, path, source.as_ref())?;
                directory(site, path, tag.as_deref(), &source, &spot)?;
            }
            RootEntry::Link { path, target } => {
                link(
                    site,
                    Path::new(OsStr::from_bytes(path.as_slice())),
                    OsStr::from_bytes(target.as_slice()),
                )?;
            }
        }
    }
    directories(entries)
        .try_for_each(|(path, source)| overlay::make_places(site, path, &lower(site, path, source)?, wanted))
}

/// Shows one, to be written on the layer if there is one.
fn directory(site: &Site, path: &Path, tag: Option<&str>, source: &Path, spot: &Spot) -> Result<()> {
    let fail = || at(Step::Root, path.as_os_str().as_bytes());
    let nine_p = |tag: &str, to: &Path| {
        mount(Some(tag), to, Some("9p"), READ_ONLY, Some(NINE_P)).map_err(at(Step::Root, tag))
    };
    match (&site.layer, site.place, tag) {
        (None, Place::Machine, Some(tag)) => nine_p(tag, &spot.path()),
        (None, ..) => overlay::show(site, spot, source).map_err(fail()),
        (Some(layer), Place::Machine, Some(tag)) => {
            let lower = site.lower(path);
            fs::create_dir_all(&lower).map_err(io_at(Step::Root, tag))?;
            nine_p(tag, &lower)?;
            layer.show(site, spot, path, &lower).map_err(at(Step::Layer, path.as_os_str().as_bytes()))
        }
        (Some(layer), ..) => match layer.show(site, spot, path, source) {
            // A file system that cannot be id-mapped, or is itself an overlay:
            // then it can only be looked at.
            Err(Errno::EINVAL | Errno::EOPNOTSUPP) if layer.is_mapped() => {
                overlay::show(site, spot, source).map_err(fail())
            }
            other => other.map_err(at(Step::Layer, path.as_os_str().as_bytes())),
        },
    }
}

/// What is shown at a path: the same path of the host, or another one, if it
/// still is what the engine saw; that is then seen at [`Site::lower`].
fn lower(site: &Site, path: &Path, source: Option<&HostSource>) -> Result<PathBuf> {
    let Some(source) = source.filter(|_| site.place == Place::Container) else {
        return Ok(path.to_owned());
    };
    let (fail, to) = (|| at(Step::Root, source.path.as_slice()), site.other(path));
    if !to.exists() {
        let spot = open_host(path_of(&source.path)).map_err(fail())?;
        if spot.identity().map_err(fail())? != (source.device, source.inode) {
            return Err(fail()(Errno::ESTALE));
        }
        fs::create_dir_all(&to).map_err(io_at(Step::Root, source.path.as_slice()))?;
        Spot::open(&to).and_then(|place| place.bind(&spot.path())).map_err(fail())?;
    }
    Ok(to)
}

fn directories(entries: &[RootEntry]) -> impl Iterator<Item = (&Path, Option<&HostSource>)> {
    entries.iter().filter_map(|entry| match entry {
        RootEntry::Show { path, source, .. } => Some((path_of(path), source.as_ref())),
        RootEntry::Link { .. } => None,
    })
}

fn link(site: &Site, path: &Path, target: &OsStr) -> Result<()> {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(at(Step::Root, path.as_os_str().as_bytes())(Errno::EINVAL));
    };
    let above = site.directory(above, Step::Root)?;
    let place = above.path().join(name);
    match symlink(target, &place) {
        // Kept from the last time, or something else that was put there.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other.map_err(io_at(Step::Root, path.as_os_str().as_bytes()))?,
    }
    site.note(path);
    Ok(())
}

/// An overlay shows one file system only: what is mounted below the entries
/// gets its own, the outer ones first. It needs /dev/null for what cannot be
/// shown.
pub fn submounts(site: &Site, entries: &[RootEntry]) -> Result<()> {
    if site.place == Place::Machine {
        return Ok(());
    }
    let inside = |point: &Path| {
        directories(entries).find_map(|(path, source)| {
            let rest = point.strip_prefix(source.map_or(path, |source| path_of(&source.path))).ok()?;
            (!rest.as_os_str().is_empty()).then(|| path.join(rest))
        })
    };
    let points: Vec<PathBuf> = mounts()?.into_iter().map(|one| one.point).collect();
    let fail = |path: &Path| at(Step::Root, path.as_os_str().as_bytes().to_vec());
    points.iter().try_for_each(|point| match inside(point) {
        Some(path) => submount(site, point, &path).map_err(fail(&path)),
        None => Ok(()),
    })?;
    // What the caller sees there and libvirt does not.
    let callers = directories(entries).filter_map(|(_, source)| source).flat_map(|source| &source.mounted);
    let unseen = callers.map(path_of).filter(|point| !points.iter().any(|other| other == point));
    unseen.filter_map(inside).try_for_each(|path| {
        let cover = || site.find(&path)?.map_or(Ok(()), |spot| masks::cover(site, &spot));
        cover().map_err(fail(&path))
    })
}

/// Shows one, or covers its place: what the mount hides on the host stays
/// hidden, and what is a door stays shut.
fn submount(site: &Site, point: &Path, path: &Path) -> nix::Result<()> {
    let Some(spot) = site.find(path)? else { return Ok(()) };
    let Ok(metadata) = fs::symlink_metadata(point) else { return masks::cover(site, &spot) };
    let is_dir = spot.kind()? == SFlag::S_IFDIR;
    let shown = match is_dir {
        true if metadata.is_dir() => overlay::show(site, &spot, point),
        false if metadata.is_file() => bind_file(site, point, path, &spot),
        _ => Err(Errno::EINVAL),
    };
    shown.or_else(|_| masks::cover(site, &spot))
}

fn bind_file(site: &Site, point: &Path, path: &Path, spot: &Spot) -> nix::Result<()> {
    spot.bind(point)?;
    overlay::close(site, path)
}
