// SPDX-License-Identifier: LGPL-2.1-or-later
//! Takes something out of the layer, so that the host's shows again.

use super::contents::errno;
use super::lower::Caller;
use super::{back, base, beneath, directory, place_of, top_of, veil};
use crate::build::Kept;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{unlinkat, UnlinkatFlags};
use std::collections::HashSet;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::Bytes;

/// Removes these, with all in them; what was kept there comes back. One that is not there, any more or at all,
/// is no fault as long as another one is.
pub fn forget(layer: &Kept, caller: Caller, paths: &[Bytes]) -> nix::Result<()> {
    let mut found = forget_copies(layer, paths)?;
    let done = paths.iter().try_for_each(|path| {
        match one(layer, path.as_slice()) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            other => {
                found = true;
                other?;
            }
        }
        found |= lift_veil(layer, caller, path.as_slice())?;
        Ok(())
    });
    let done = done.and_then(|()| {
        found |= layer.before.as_ref().map_or(Ok(false), |before| back::bring_back(layer, before, paths))?;
        Ok(())
    });
    layer.sync();
    done.and(if found { Ok(()) } else { Err(Errno::ENOENT) })
}

/// The host's shows there, unless it did not before the run either.
fn lift_veil(layer: &Kept, caller: Caller, path: &[u8]) -> nix::Result<bool> {
    let place = place_of(layer, path).ok_or(Errno::EINVAL)?;
    let was_veiled = layer.before.as_ref().is_some_and(|before| veil::is_veiled(before, &place));
    let path = Path::new(OsStr::from_bytes(path));
    match top_of(layer, path).filter(|_| !was_veiled) {
        Some(top) => veil::lift(layer, top, caller, path),
        None => Ok(false),
    }
}

/// That copies were deleted is not told any more, nor of those that are taken
/// out now. Whether there are any.
fn forget_copies(layer: &Kept, paths: &[Bytes]) -> nix::Result<bool> {
    let flags = OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let Ok(file) = beneath(&layer.disk, Path::new(base::name()), flags).map(File::from) else {
        return Ok(false);
    };
    let all = base::load(file.try_clone().map_err(errno)?);
    let gone: HashSet<PathBuf> = paths.iter().filter_map(|path| place_of(layer, path.as_slice())).collect();
    let goes = |place: &[u8]| Path::new(OsStr::from_bytes(place)).ancestors().any(|one| gone.contains(one));
    let copies = all.iter().filter(|(place, made)| made.copied && goes(place)).map(|(place, _)| place);
    let copies: Vec<&Vec<u8>> = copies.collect();
    base::forget(file, &copies).map_err(errno)?;
    Ok(!copies.is_empty())
}

fn one(layer: &Kept, path: &[u8]) -> nix::Result<()> {
    let place = place_of(layer, path).ok_or(Errno::EINVAL)?;
    let (Some(above), Some(name)) = (place.parent(), place.file_name()) else { return Err(Errno::EINVAL) };
    let above = directory(&layer.disk, above)?;
    let name = CString::new(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
    match unlinkat(&above, name.as_c_str(), UnlinkatFlags::NoRemoveDir) {
        Err(Errno::EISDIR | Errno::EPERM) => {}
        other => return other,
    }
    // Depth first, with a descriptor for each level.
    let mut stack = vec![(open(&above, &name)?, name)];
    while let Some((dir, name)) = stack.last_mut() {
        let (name, names) = (name.clone(), some(dir)?);
        if names.is_empty() {
            stack.pop();
            let holder = stack.last().map_or(above.as_fd(), |(dir, _)| dir.as_fd());
            unlinkat(holder, name.as_c_str(), UnlinkatFlags::RemoveDir)?;
            continue;
        }
        let mut folder = None;
        for name in names {
            match unlinkat(dir.as_fd(), name.as_c_str(), UnlinkatFlags::NoRemoveDir) {
                Err(Errno::EISDIR | Errno::EPERM) => folder = Some(name),
                other => other?,
            }
        }
        if let Some(name) = folder {
            let deeper = open(dir.as_fd(), &name)?;
            stack.push((deeper, name));
        }
    }
    Ok(())
}

fn open(above: impl AsFd, name: &CString) -> nix::Result<Dir> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Dir::openat(above, name.as_c_str(), flags, Mode::empty())
}

/// Some of its names.
fn some(dir: &mut Dir) -> nix::Result<Vec<CString>> {
    let names = dir.iter().map(|entry| entry.map(|entry| entry.file_name().to_owned()));
    names
        .filter(|name| !matches!(name, Ok(name) if matches!(name.to_bytes(), b"." | b"..")))
        .take(4096)
        .collect()
}
