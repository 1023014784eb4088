// SPDX-License-Identifier: LGPL-2.1-or-later
//! Shows the host's directories: read-only, and without its doors.

use super::mountinfo::mounts;
use super::overlay::{self, Wanted, READ_ONLY};
use super::site::{Site, Spot};
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
use terrarium_protocol::orders::RootEntry;

/// How a 9p root is mounted: it does not change while the guest looks, and
/// QEMU's own check keeps it read-only (see docs/architecture.md).
pub const NINE_P: &str = "trans=virtio,version=9p2000.L,msize=512000,cache=loose";

/// Puts every entry in its place, and makes what is wanted and missing there.
pub fn show(site: &Site, entries: &[RootEntry], wanted: &[Wanted]) -> Result<()> {
    for entry in entries {
        match entry {
            RootEntry::Show { path, tag } => {
                let path = Path::new(OsStr::from_bytes(path.as_slice()));
                let spot = site.directory(path, Step::Root)?;
                directory(site, path, tag.as_deref(), &spot)?;
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
    directories(entries).try_for_each(|path| overlay::make_places(site, path, path, wanted))
}

/// Shows one, to be written on the layer if there is one.
fn directory(site: &Site, path: &Path, tag: Option<&str>, spot: &Spot) -> Result<()> {
    let fail = || at(Step::Root, path.as_os_str().as_bytes());
    let nine_p = |tag: &str, to: &Path| {
        mount(Some(tag), to, Some("9p"), READ_ONLY, Some(NINE_P)).map_err(at(Step::Root, tag))
    };
    match (&site.layer, site.place, tag) {
        (None, Place::Machine, Some(tag)) => nine_p(tag, &spot.path()),
        (None, ..) => overlay::show(site, spot, path).map_err(fail()),
        (Some(layer), Place::Machine, Some(tag)) => {
            let lower = site.lower(path);
            fs::create_dir_all(&lower).map_err(io_at(Step::Root, tag))?;
            nine_p(tag, &lower)?;
            layer.show(site, spot, path, &lower).map_err(at(Step::Layer, path.as_os_str().as_bytes()))
        }
        (Some(layer), ..) => match layer.show(site, spot, path, path) {
            // A file system that cannot be id-mapped, or is itself an overlay:
            // then it can only be looked at.
            Err(Errno::EINVAL | Errno::EOPNOTSUPP) if layer.is_mapped() => {
                overlay::show(site, spot, path).map_err(fail())
            }
            other => other.map_err(at(Step::Layer, path.as_os_str().as_bytes())),
        },
    }
}

fn directories(entries: &[RootEntry]) -> impl Iterator<Item = &Path> {
    entries.iter().filter_map(|entry| match entry {
        RootEntry::Show { path, .. } => Some(Path::new(OsStr::from_bytes(path.as_slice()))),
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
    let is_shown = |path: &Path| directories(entries).any(|top| path.starts_with(top) && path != top);
    let points: Vec<PathBuf> = mounts()?.into_iter().map(|one| one.point).collect();
    points
        .into_iter()
        .filter(|path| is_shown(path))
        .try_for_each(|path| submount(site, &path).map_err(at(Step::Root, path.as_os_str().as_bytes())))
}

/// Shows one, or covers its place: what the mount hides on the host stays
/// hidden, and what is a door stays shut.
fn submount(site: &Site, path: &Path) -> nix::Result<()> {
    let Some(spot) = site.find(path)? else { return Ok(()) };
    let Ok(metadata) = fs::symlink_metadata(path) else { return masks::cover(site, &spot) };
    let is_dir = spot.kind()? == SFlag::S_IFDIR;
    let shown = match is_dir {
        true if metadata.is_dir() => overlay::show(site, &spot, path),
        false if metadata.is_file() => bind_file(site, path, &spot),
        _ => Err(Errno::EINVAL),
    };
    shown.or_else(|_| masks::cover(site, &spot))
}

fn bind_file(site: &Site, path: &Path, spot: &Spot) -> nix::Result<()> {
    spot.bind(path)?;
    overlay::close(site, path)
}
