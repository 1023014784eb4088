// SPDX-License-Identifier: LGPL-2.1-or-later
//! Shows the host's directories: read-only, and without its doors.
//!
//! In a container each is the lower layer of an **overlay without an upper
//! one**. That makes it read-only, and what is a socket or a FIFO in it is
//! another inode than the host's: connect() finds no listener behind it and
//! open() no other end. A read-only bind mount would keep both doors open.

use super::site::{Site, Spot};
use super::{masks, Place};
use crate::fault::{at, io_at, Result};
use nix::errno::Errno;
use nix::mount::{mount, MsFlags};
use nix::sys::stat::SFlag;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use terrarium_protocol::message::Step;
use terrarium_protocol::orders::RootEntry;

const READ_ONLY: MsFlags = MsFlags::MS_RDONLY.union(MsFlags::MS_NOSUID).union(MsFlags::MS_NODEV);

/// How a 9p root is mounted: it does not change while the guest looks, and
/// QEMU's own check keeps it read-only (see docs/architecture.md).
const NINE_P: &str = "trans=virtio,version=9p2000.L,msize=512000,cache=loose";

/// Puts every entry in its place.
pub fn show(site: &Site, entries: &[RootEntry]) -> Result<()> {
    for entry in entries {
        match entry {
            RootEntry::Show { path, tag } => {
                let path = Path::new(OsStr::from_bytes(path.as_slice()));
                let spot = site.directory(path, Step::Root)?;
                match (site.place, tag) {
                    (Place::Machine, Some(tag)) => {
                        let mount =
                            mount(Some(tag.as_str()), &spot.path(), Some("9p"), READ_ONLY, Some(NINE_P));
                        mount.map_err(at(Step::Root, tag.as_str()))?;
                    }
                    _ => overlay(site, &spot, path).map_err(at(Step::Root, path.as_os_str().as_bytes()))?,
                }
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
    Ok(())
}

fn link(site: &Site, path: &Path, target: &OsStr) -> Result<()> {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(at(Step::Root, path.as_os_str().as_bytes())(Errno::EINVAL));
    };
    let above = site.directory(above, Step::Root)?;
    symlink(target, above.path().join(name)).map_err(io_at(Step::Root, path.as_os_str().as_bytes()))
}

/// An overlay shows one file system only: what is mounted below the entries
/// gets its own, the outer ones first. It needs /dev/null for what cannot be
/// shown.
pub fn submounts(site: &Site, entries: &[RootEntry]) -> Result<()> {
    if site.place == Place::Machine {
        return Ok(());
    }
    let shown = |path: &Path| {
        let is_above = |entry: &RootEntry| match entry {
            RootEntry::Show { path: top, .. } => {
                let top = Path::new(OsStr::from_bytes(top.as_slice()));
                path.starts_with(top) && path != top
            }
            RootEntry::Link { .. } => false,
        };
        entries.iter().any(is_above)
    };
    let below = mount_points()?.into_iter().filter(|path| shown(path));
    below
        .into_iter()
        .try_for_each(|path| submount(site, &path).map_err(at(Step::Root, path.as_os_str().as_bytes())))
}

/// Shows one, or covers its place: what the mount hides on the host stays
/// hidden, and what is a door stays shut.
fn submount(site: &Site, path: &Path) -> nix::Result<()> {
    let Some(spot) = site.find(path)? else { return Ok(()) };
    let Ok(metadata) = fs::symlink_metadata(path) else { return masks::cover(site, &spot) };
    let is_dir = spot.kind()? == SFlag::S_IFDIR;
    let shown = match is_dir {
        true if metadata.is_dir() => overlay(site, &spot, path),
        false if metadata.is_file() => bind_file(site, path, &spot),
        _ => Err(Errno::EINVAL),
    };
    shown.or_else(|_| masks::cover(site, &spot))
}

fn overlay(site: &Site, spot: &Spot, path: &Path) -> nix::Result<()> {
    let options = [b"lowerdir=".to_vec(), escape(path), b":".to_vec(), escape(&site.empty)].concat();
    spot.mount("overlay", READ_ONLY, Some(OsStr::from_bytes(&options)))
}

fn bind_file(site: &Site, path: &Path, spot: &Spot) -> nix::Result<()> {
    spot.bind(path)?;
    let top = site.find(path)?.ok_or(Errno::ENOENT)?;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | READ_ONLY;
    mount(None::<&str>, &top.path(), None::<&str>, flags, None::<&str>)
}

/// A path inside overlayfs's mount options, where `:`, `,` and `\` mean
/// something.
fn escape(path: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in path.as_os_str().as_bytes() {
        if matches!(byte, b':' | b',' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out
}

/// Every mount point of this namespace, in the order of mounting.
fn mount_points() -> Result<Vec<PathBuf>> {
    let text = fs::read("/proc/self/mountinfo").map_err(io_at(Step::Root, "/proc/self/mountinfo"))?;
    Ok(parse_mountinfo(&text))
}

fn parse_mountinfo(text: &[u8]) -> Vec<PathBuf> {
    let field = |line: &[u8]| line.split(|&byte| byte == b' ').nth(4).map(unescape);
    text.split(|&byte| byte == b'\n').filter_map(field).collect()
}

/// The kernel writes space, tab, newline and backslash as `\ooo`.
fn unescape(field: &[u8]) -> PathBuf {
    let mut out = Vec::new();
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        match after {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] if byte == b'\\' => {
                out.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = tail;
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_mountinfo_survive_odd_names() {
        assert_eq!(escape(Path::new("/a:b,c\\d")), b"/a\\:b\\,c\\\\d");
        let line = b"36 35 98:0 /mnt1 /opt/a\\040b\\134 rw - ext3 /dev/root rw\nrubbish\n";
        assert_eq!(parse_mountinfo(line), [PathBuf::from("/opt/a b\\")]);
    }
}
