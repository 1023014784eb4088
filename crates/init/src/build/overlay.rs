// SPDX-License-Identifier: LGPL-2.1-or-later
//! Overlays: what is shown read-only, and places that are made in it.
//!
//! In a container everything of the host that is read-only is the lower layer
//! of an **overlay without an upper one**. That makes it read-only, and what
//! is a socket or a FIFO in it is another inode than the host's: connect()
//! finds no listener behind it and open() no other end. A read-only bind mount
//! would keep both doors open.
//!
//! Where something is to be mounted at a path that is missing in it, the path
//! is made in an upper layer in memory, which is closed before the command
//! starts. On the host nothing is made.

use super::site::{Site, Spot};
use super::Place;
use crate::fault::{at, Result};
use nix::errno::Errno;
use nix::mount::{mount, umount2, MntFlags, MsFlags};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::message::Step;

/// How whatever belongs to the host is shown.
pub const READ_ONLY: MsFlags = MsFlags::MS_RDONLY.union(MsFlags::MS_NOSUID).union(MsFlags::MS_NODEV);

/// A place that has to be there before something can be mounted on it.
pub struct Wanted {
    /// Where.
    pub path: PathBuf,
    /// A file rather than a directory.
    pub is_file: bool,
}

/// Shows a directory of the host.
pub fn show(site: &Site, spot: &Spot, lower: &Path) -> nix::Result<()> {
    let options = [b"lowerdir=".to_vec(), escape(lower), b":".to_vec(), escape(&site.empty)].concat();
    spot.mount("overlay", READ_ONLY, Some(OsStr::from_bytes(&options)))
}

/// Makes those of `wanted` that are missing in what was just mounted at `top`
/// and in nothing else. Nothing may be mounted in it yet. `lower`: what an
/// overlay there shows.
pub fn make_places(site: &Site, top: &Path, lower: &Path, wanted: &[Wanted]) -> Result<()> {
    let missing: Vec<&Wanted> = wanted.iter().filter(|one| lacks(site, top, &one.path)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let fail = || at(Step::Share, missing[0].path.as_os_str().as_bytes());
    let place = |one: &&Wanted| {
        let made = site.place(&one.path, one.is_file);
        made.map(drop).map_err(at(Step::Share, one.path.as_os_str().as_bytes()))
    };
    if is_writable(site, top).map_err(fail())? {
        return missing.iter().try_for_each(place);
    }
    add_layer(site, top, lower).map_err(fail())?;
    missing.iter().try_for_each(place)?;
    close(site, top).map_err(fail())
}

/// Whether what is on top at `path` lies on the sandbox's layer.
fn is_writable(site: &Site, path: &Path) -> nix::Result<bool> {
    let top = site.find(path)?.ok_or(Errno::ENOENT)?;
    let flags = nix::sys::statvfs::statvfs(&top.path())?.flags();
    Ok(site.layer.is_some() && !flags.contains(nix::sys::statvfs::FsFlags::ST_RDONLY))
}

/// Whether `path` is missing, and would have to be made in the mount that is
/// on top at `top`.
fn lacks(site: &Site, top: &Path, path: &Path) -> bool {
    if !matches!(site.find(path), Ok(None)) || is_link(site, path) {
        return false;
    }
    let above = path.ancestors().skip(1).find_map(|above| site.find(above).ok().flatten());
    let id = |spot: Option<Spot>| spot.and_then(|spot| spot.mount_id().ok());
    let (above, top) = (id(above), id(site.find(top).ok().flatten()));
    above.is_some() && above == top
}

/// Whether a link lies there, wherever it leads.
fn is_link(site: &Site, path: &Path) -> bool {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return false };
    let above = site.find(above).ok().flatten();
    above.is_some_and(|above| above.path().join(name).is_symlink())
}

/// In a container the overlay is made anew, so that overlays lie no deeper
/// than before: the kernel takes two. What a machine shows is no overlay.
fn add_layer(site: &Site, top: &Path, lower: &Path) -> nix::Result<()> {
    let layer = site.layer()?;
    let (upper, work) = (layer.join("upper"), layer.join("work"));
    for path in [&upper, &work] {
        nix::unistd::mkdir(path, nix::sys::stat::Mode::from_bits_truncate(0o755))?;
    }
    let mut shown = site.find(top)?.ok_or(Errno::ENOENT)?;
    let mut below = shown.path();
    if site.place == Place::Container {
        umount2(&shown.path(), MntFlags::MNT_DETACH)?;
        shown = site.find(top)?.ok_or(Errno::ENOENT)?;
        below = lower.to_owned();
    }
    let part = |name: &str, path: &Path| [name.as_bytes(), &escape(path)].concat();
    let options = [part("lowerdir=", &below), part(",upperdir=", &upper), part(",workdir=", &work)].concat();
    shown.mount("overlay", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(OsStr::from_bytes(&options)))
}

/// Whatever is on top at `path` becomes read-only.
pub fn close(site: &Site, path: &Path) -> nix::Result<()> {
    let top = site.find(path)?.ok_or(Errno::ENOENT)?;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | READ_ONLY;
    mount(None::<&str>, &top.path(), None::<&str>, flags, None::<&str>)
}

/// A path inside overlayfs's mount options, where `:`, `,` and `\` mean
/// something.
pub fn escape(path: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in path.as_os_str().as_bytes() {
        if matches!(byte, b':' | b',' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_odd_names() {
        assert_eq!(escape(Path::new("/a:b,c\\d")), b"/a\\:b\\,c\\\\d");
    }
}
