// SPDX-License-Identifier: LGPL-2.1-or-later
//! Directories that were removed and made again: the layer's own is opaque,
//! and nothing shows in it of the host's that it covers. What is taken out of
//! one shows again only when the veil is lifted and all else is hidden name by
//! name.

use super::lower::Caller;
use super::{attributes, FOLDER};
use crate::build::{Kept, Top};
use nix::errno::Errno;
use nix::fcntl::{openat, AtFlags};
use nix::sys::stat::{fstatat, mknodat, Mode, SFlag};
use std::ffi::{CStr, CString, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const OPAQUE: &CStr = c"trusted.overlay.opaque";

/// Whether nothing of what it covers shows in a directory of a layer.
pub fn is_opaque(directory: impl AsFd) -> bool {
    attributes::get(directory, OPAQUE).is_ok_and(|value| value == b"y")
}

/// Whether one of the directories that a place in a layer lies in is opaque.
pub fn is_veiled(disk: &OwnedFd, place: &Path) -> bool {
    let Ok(mut at) = disk.try_clone() else { return false };
    for part in place.parent().into_iter().flatten() {
        let Ok(next) = openat(&at, part, FOLDER, Mode::empty()) else { return false };
        if is_opaque(&next) {
            return true;
        }
        at = next;
    }
    false
}

/// Lets the host's show at a path where the layer has nothing. Whether a veil
/// was in its way.
pub fn lift(layer: &Kept, top: &Top, caller: Caller, path: &Path) -> nix::Result<bool> {
    let (Some(lower), Ok(inner)) = (&top.lower, path.strip_prefix(&top.seen)) else { return Ok(false) };
    let mut lower = lower.try_clone().map_err(super::contents::errno)?;
    let mut upper = super::directory(&layer.disk, &top.stored)?;
    let (mut lifted, mut parts) = (false, inner.iter().peekable());
    while let Some(part) = parts.next() {
        let part = CString::new(part.as_bytes()).map_err(|_| Errno::EINVAL)?;
        if is_opaque(&upper) {
            // What the caller cannot list init has emptied, and it stays so.
            let names = caller.names(&lower);
            if names.is_empty() || caller.stat(&lower, &part).is_none() {
                break;
            }
            let is_last = parts.peek().is_none();
            hide_the_rest(&upper, &names, is_last.then_some(part.as_c_str()))?;
            attributes::remove(&upper, OPAQUE)?;
            lifted = true;
        }
        let Ok(next) = openat(&upper, part.as_c_str(), FOLDER, Mode::empty()) else { break };
        let Some(below) = caller.directory(&lower, &part) else { break };
        (upper, lower) = (next, below);
    }
    Ok(lifted)
}

/// All but one of the names of the host's in an opaque directory stay hidden
/// when it is none any more.
fn hide_the_rest(upper: &OwnedFd, names: &[OsString], shown: Option<&CStr>) -> nix::Result<()> {
    for name in names {
        let name = CString::new(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
        if shown == Some(name.as_c_str()) {
            continue;
        }
        match fstatat(upper, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            // A device with the number 0 covers what is below.
            Err(Errno::ENOENT) => mknodat(upper, name.as_c_str(), SFlag::S_IFCHR, Mode::empty(), 0)?,
            Ok(found) if found.st_mode & libc::S_IFMT == libc::S_IFDIR => {
                attributes::set(openat(upper, name.as_c_str(), FOLDER, Mode::empty())?, OPAQUE, b"y")?;
            }
            other => drop(other?),
        }
    }
    Ok(())
}
