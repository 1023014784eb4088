// SPDX-License-Identifier: LGPL-2.1-or-later
//! What was taken out comes back as it was kept: copied from the layer that
//! this one began as a copy of.

use super::attributes::{same, same_at};
use super::{base, beneath, directory, place_of, FOLDER};
use crate::build::Kept;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{openat, readlinkat, AtFlags, OFlag};
use nix::sys::stat::{fstatat, mkdirat, mknodat, FileStat, Mode, SFlag};
use nix::unistd::{ftruncate, lseek, symlinkat, Whence};
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Directories in one another; each takes descriptors and some of the stack.
const DEPTH_MAX: usize = 1200;

/// A copy that is being made.
struct Back<'a> {
    /// What init had made there, as it was kept.
    made: base::Base,
    /// The same of what is copied: in the layer, and whether it is a copy of
    /// the user's.
    again: Vec<(PathBuf, bool)>,
    layer: &'a Kept,
    before: &'a OwnedFd,
}

/// Brings back what was kept at these paths, where nothing is now. Whether
/// anything was.
pub fn bring_back(layer: &Kept, before: &OwnedFd, paths: &[terrarium_protocol::Bytes]) -> nix::Result<bool> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let made = beneath(before, Path::new(base::name()), flags).map(|fd| base::load(fd.into()));
    let mut back = Back { made: made.unwrap_or_default(), again: Vec::new(), layer, before };
    let mut found = false;
    for path in paths {
        found |= back.one(path.as_slice())?;
    }
    let look = |place: &Path| {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        nix::sys::stat::fstat(beneath(&layer.disk, place, flags)?)
    };
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    if let (false, Ok(file)) = (back.again.is_empty(), beneath(&layer.disk, Path::new(base::name()), flags)) {
        base::write(File::from(file), &back.again, look).map_err(super::contents::errno)?;
    }
    Ok(found)
}

impl Back<'_> {
    fn one(&mut self, path: &[u8]) -> nix::Result<bool> {
        let place = place_of(self.layer, path).ok_or(Errno::EINVAL)?;
        let (Some(above), Some(name)) = (place.parent(), place.file_name()) else {
            return Err(Errno::EINVAL);
        };
        let name = CString::new(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
        let from = match directory(self.before, above) {
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Ok(false),
            other => other?,
        };
        if fstatat(&from, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW).is_err() {
            return Ok(false);
        }
        let to = self.folder(above)?;
        self.copy(&from, &to, &name, &place, 0)?;
        Ok(true)
    }

    /// A directory of the layer, made as it was if it is not there.
    fn folder(&self, path: &Path) -> nix::Result<OwnedFd> {
        match directory(&self.layer.disk, path) {
            Err(Errno::ENOENT) => {}
            other => return other,
        }
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::ENOENT) };
        let (above, from) = (self.folder(above)?, directory(self.before, path)?);
        mkdirat(&above, name, Mode::S_IRWXU)?;
        let made = openat(&above, name, FOLDER, Mode::empty())?;
        same(&from, &made, &nix::sys::stat::fstat(&from)?)?;
        Ok(made)
    }

    /// One name, with all in it. `place`: in the layer.
    fn copy(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        name: &CStr,
        place: &Path,
        depth: usize,
    ) -> nix::Result<()> {
        let found = fstatat(from, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        let kind = found.st_mode & libc::S_IFMT;
        match kind {
            libc::S_IFREG => file(from, to, name, &found)?,
            libc::S_IFDIR => self.tree(from, to, name, (place, depth), &found)?,
            libc::S_IFLNK => {
                symlinkat(readlinkat(from, name)?.as_os_str(), to, name)?;
                same_at(to, name, &found)?;
            }
            _ => {
                mknodat(to, name, SFlag::from_bits_truncate(kind), Mode::S_IRUSR, found.st_rdev)?;
                same_at(to, name, &found)?;
            }
        }
        let made = self.made.get(place.as_os_str().as_bytes());
        if let Some(made) = made.filter(|made| made.stamp == base::stamp(&found)) {
            self.again.push((place.to_owned(), made.copied));
        }
        Ok(())
    }

    fn tree(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        name: &CStr,
        (place, depth): (&Path, usize),
        found: &FileStat,
    ) -> nix::Result<()> {
        if depth >= DEPTH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let from = openat(from, name, FOLDER, Mode::empty())?;
        mkdirat(to, name, Mode::S_IRWXU)?;
        let to = openat(to, name, FOLDER, Mode::empty())?;
        for entry in Dir::openat(&from, ".", FOLDER, Mode::empty())? {
            let entry = entry?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                let place = place.join(OsStr::from_bytes(name.to_bytes()));
                self.copy(&from, &to, name, &place, depth + 1)?;
            }
        }
        same(&from, &to, found)
    }
}

/// A regular file, without its holes.
fn file(from: &OwnedFd, to: &OwnedFd, name: &CStr, found: &FileStat) -> nix::Result<()> {
    let safe = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let from = File::from(openat(from, name, OFlag::O_RDONLY | OFlag::O_NONBLOCK | safe, Mode::empty())?);
    let fresh = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | safe;
    let to = File::from(openat(to, name, fresh, Mode::S_IRUSR | Mode::S_IWUSR)?);
    let mut at = 0;
    loop {
        at = match lseek(&from, at, Whence::SeekData) {
            Err(Errno::ENXIO) => break,
            other => other?,
        };
        let hole = lseek(&from, at, Whence::SeekHole)?;
        piece(&from, &to, at as u64, (hole - at) as u64).map_err(super::contents::errno)?;
        at = hole;
    }
    ftruncate(&to, found.st_size)?;
    same(&from.into(), &to.into(), found)
}

fn piece(mut from: &File, mut to: &File, at: u64, length: u64) -> std::io::Result<()> {
    from.seek(SeekFrom::Start(at))?;
    to.seek(SeekFrom::Start(at))?;
    std::io::copy(&mut std::io::Read::take(&mut from, length), &mut to).map(drop)
}
