// SPDX-License-Identifier: LGPL-2.1-or-later
//! Shows the host's directories: read-only, and without its doors.
//!
//! In a container each is the lower layer of an **overlay without an upper
//! one**. That makes it read-only, and what is a socket or a FIFO in it is
//! another inode than the host's: connect() finds no listener behind it and
//! open() no other end. A read-only bind mount would keep both doors open.

use super::{make_dir, Place, Site};
use crate::fault::{at, io_at, Result};
use nix::mount::{mount, MsFlags};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{symlink, FileTypeExt};
use std::path::{Path, PathBuf};
use terrarium_protocol::message::Step;
use terrarium_protocol::orders::RootEntry;

const READ_ONLY: MsFlags = MsFlags::MS_RDONLY.union(MsFlags::MS_NOSUID).union(MsFlags::MS_NODEV);

/// How a 9p root is mounted: it does not change while the guest looks, and
/// QEMU's own check keeps it read-only (see docs/architecture.md).
const NINE_P: &str = "trans=virtio,version=9p2000.L,msize=512000,cache=loose";

/// Puts every entry in its place.
pub fn show(site: &Site, entries: &[RootEntry]) -> Result<()> {
    let mounted = if site.place == Place::Container { mount_points()? } else { Vec::new() };
    for entry in entries {
        match entry {
            RootEntry::Show { path, tag } => {
                let path = Path::new(std::ffi::OsStr::from_bytes(path.as_slice()));
                make_dir(&site.inside(path), Step::Root)?;
                match (site.place, tag) {
                    (Place::Machine, Some(tag)) => nine_p(tag, &site.inside(path))?,
                    _ => overlay_with_submounts(site, path, &mounted)?,
                }
            }
            RootEntry::Link { path, target } => {
                let link = site.inside(Path::new(std::ffi::OsStr::from_bytes(path.as_slice())));
                let target = std::ffi::OsStr::from_bytes(target.as_slice());
                if let Some(parent) = link.parent() {
                    make_dir(parent, Step::Root)?;
                }
                symlink(target, link).map_err(io_at(Step::Root, path.as_slice()))?;
            }
        }
    }
    Ok(())
}

fn nine_p(tag: &str, target: &Path) -> Result<()> {
    mount(Some(tag), target, Some("9p"), READ_ONLY, Some(NINE_P)).map_err(at(Step::Root, tag))
}

/// An overlay shows one file system only, so what is mounted below gets its
/// own, the outer ones first.
fn overlay_with_submounts(site: &Site, path: &Path, mounted: &[PathBuf]) -> Result<()> {
    overlay(site, path)?;
    for below in mounted.iter().filter(|other| other.starts_with(path) && other.as_path() != path) {
        let kind = match fs::symlink_metadata(below) {
            Ok(metadata) => metadata.file_type(),
            // Hidden by a later mount, or not for us to see.
            Err(_) => continue,
        };
        if !site.inside(below).symlink_metadata().is_ok_and(|there| there.is_dir() == kind.is_dir()) {
            continue;
        }
        if kind.is_dir() {
            overlay(site, below)?;
        } else if kind.is_file() {
            bind_file(site, below)?;
        } else {
            debug_assert!(
                kind.is_socket() || kind.is_fifo() || kind.is_block_device() || kind.is_char_device()
            );
            // What lies under the mount point is shown instead.
        }
    }
    Ok(())
}

fn overlay(site: &Site, path: &Path) -> Result<()> {
    let options = [b"lowerdir=".to_vec(), escape(path), b":".to_vec(), escape(&site.empty)].concat();
    let options = std::ffi::OsStr::from_bytes(&options);
    mount(Some("overlay"), &site.inside(path), Some("overlay"), READ_ONLY, Some(options))
        .map_err(at(Step::Root, path.as_os_str().as_bytes()))
}

fn bind_file(site: &Site, path: &Path) -> Result<()> {
    let target = site.inside(path);
    let fail = || at(Step::Root, path.as_os_str().as_bytes());
    mount(Some(path), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(fail())?;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | READ_ONLY;
    mount(None::<&str>, &target, None::<&str>, flags, None::<&str>).map_err(fail())
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
