// SPDX-License-Identifier: LGPL-2.1-or-later
//! Puts something that a sandbox has written to its real place, or elsewhere.
//!
//! Everything is done below one folder that was opened once; the kernel is
//! asked to follow no link and to leave neither the folder nor its file
//! system. Only regular files and folders come out, with nothing but the
//! permissions of their mode. A file appears as a whole or not at all.

use super::listing::{Changes, Entry};
use super::session::Review;
use super::trash;
use crate::error::{Error, FileAction, LayerError, NotApplied};
use crate::sandbox::directory::fault;
use rustix::fs::{
    fchmod, mkdirat, openat2, renameat_with, statat, unlinkat, AtFlags, FileType, Mode, OFlags, RenameFlags,
    ResolveFlags, Stat,
};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use terrarium_protocol::changes::FileKind;
use terrarium_protocol::contents::Piece;
use terrarium_protocol::Bytes;

/// Where to, and what may be replaced.
#[derive(Clone, Debug)]
pub struct Apply {
    /// The user's real home folder.
    pub home: PathBuf,
    /// The home folder inside.
    pub home_inside: PathBuf,
    /// `$XDG_DATA_HOME`: the trash is there.
    pub data: PathBuf,
    /// A folder for copies, instead of the real places.
    pub to: Option<PathBuf>,
    /// Replace what is there; it goes to the trash.
    pub replace: bool,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// What is there now.
    pub done: Vec<PathBuf>,
    /// What of a folder was left out: neither a file nor a folder. Paths
    /// inside.
    pub left: Vec<Bytes>,
}

/// Applies a change, with all that is in it if it is a folder.
///
/// # Errors
/// It may not be applied, or the disk will not have it. What was put down
/// before stays.
pub fn apply(
    review: &mut dyn Review,
    changes: &Changes,
    entry: &Entry,
    how: &Apply,
) -> Result<Applied, Error> {
    let refused = |why| Error::Layer(LayerError::NotApplied { path: entry.change.path.0.clone(), why });
    let (top, place) = match &how.to {
        Some(to) => {
            (to.clone(), PathBuf::from(entry.path().file_name().ok_or_else(|| refused(NotApplied::Kind))?))
        }
        None => {
            let inner = entry.path().strip_prefix(&how.home_inside).ok();
            let inner = inner.filter(|inner| !inner.as_os_str().is_empty());
            (how.home.clone(), inner.ok_or_else(|| refused(NotApplied::Outside))?.to_owned())
        }
    };
    let root = std::fs::File::open(&top).map_err(fault(FileAction::Read, &top))?;
    let mut work = Work { review, how, top: &top, root: root.into(), applied: Applied::default() };
    match kind(entry) {
        Some(FileKind::File) => work.file(entry, &place)?,
        Some(FileKind::Folder) => {
            work.folder(entry, &place)?;
            for inner in changes.below(entry.change.path.as_slice()) {
                let rest = inner.path().strip_prefix(entry.path()).map_err(|_| refused(NotApplied::Kind))?;
                let place = place.join(rest);
                match kind(inner) {
                    Some(FileKind::File) => work.file(inner, &place)?,
                    Some(FileKind::Folder) => work.folder(inner, &place)?,
                    _ => work.applied.left.push(inner.change.path.clone()),
                }
            }
        }
        _ => return Err(refused(NotApplied::Kind)),
    }
    Ok(work.applied)
}

fn kind(entry: &Entry) -> Option<FileKind> {
    entry.change.after.as_ref().map(|after| after.kind)
}

struct Work<'a> {
    review: &'a mut dyn Review,
    how: &'a Apply,
    top: &'a Path,
    root: OwnedFd,
    applied: Applied,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open(above: &OwnedFd, name: &OsStr, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV;
    loop {
        match openat2(above, name, flags, mode, resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
}

impl Work<'_> {
    fn refused(entry: &Entry, why: NotApplied) -> Error {
        Error::Layer(LayerError::NotApplied { path: entry.change.path.0.clone(), why })
    }

    /// What the system would not do with a file on this side.
    fn failed<'b>(&self, entry: &'b Entry, place: &'b Path) -> impl Fn(Errno) -> Error + 'b {
        let path = self.top.join(place);
        move |errno| match errno {
            Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::XDEV => {
                Self::refused(entry, NotApplied::InTheWay)
            }
            other => fault(FileAction::Write, &path)(other.into()),
        }
    }

    /// The folder that something is to lie in, made if it is missing, and the
    /// name that it is to have there.
    fn above(&self, entry: &Entry, place: &Path) -> Result<(OwnedFd, OsString), Error> {
        let failed = self.failed(entry, place);
        let mut at = rustix::io::dup(&self.root).map_err(&failed)?;
        let mut parts = place.components().peekable();
        while let Some(part) = parts.next() {
            let Component::Normal(name) = part else { return Err(Self::refused(entry, NotApplied::Outside)) };
            if parts.peek().is_none() {
                return Ok((at, name.to_owned()));
            }
            at = match open(&at, name, FOLDER, Mode::empty()) {
                Err(Errno::NOENT) => {
                    mkdirat(&at, name, Mode::from_raw_mode(0o755)).map_err(&failed)?;
                    open(&at, name, FOLDER, Mode::empty()).map_err(&failed)?
                }
                other => other.map_err(&failed)?,
            };
        }
        Err(Self::refused(entry, NotApplied::Outside))
    }

    fn folder(&mut self, entry: &Entry, place: &Path) -> Result<(), Error> {
        let failed = self.failed(entry, place);
        let (above, name) = self.above(entry, place)?;
        let made = match mkdirat(&above, &name, Mode::RWXU) {
            Err(Errno::EXIST) => false,
            other => other.map(|()| true).map_err(&failed)?,
        };
        let folder = open(&above, &name, FOLDER, Mode::empty()).map_err(&failed)?;
        if made {
            // Its owner must be able to fill it.
            let mode = entry.change.after.as_ref().map_or(0o755, |after| after.mode) & 0o777 | 0o700;
            fchmod(&folder, Mode::from_raw_mode(mode)).map_err(&failed)?;
            self.applied.done.push(self.top.join(place));
        }
        Ok(())
    }

    fn file(&mut self, entry: &Entry, place: &Path) -> Result<(), Error> {
        let (above, name) = self.above(entry, place)?;
        let there = self.there(entry, place, &above, &name)?;
        let fresh = fresh_name()?;
        let done = self
            .fetch(entry, place, &above, &fresh)
            .and_then(|()| self.put(entry, place, &above, &name, &fresh, there.as_ref()));
        if done.is_err() {
            let _ = unlinkat(&above, &fresh, AtFlags::empty());
        }
        done?;
        self.applied.done.push(self.top.join(place));
        Ok(())
    }

    /// What is at the place, if that may be replaced.
    fn there(
        &self,
        entry: &Entry,
        place: &Path,
        above: &OwnedFd,
        name: &OsStr,
    ) -> Result<Option<Stat>, Error> {
        match statat(above, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed(entry, place)(errno)),
            Ok(found) if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile => {
                Err(Self::refused(entry, NotApplied::InTheWay))
            }
            Ok(_) if !self.how.replace => Err(Self::refused(entry, NotApplied::Changed)),
            Ok(found) => Ok(Some(found)),
        }
    }

    /// Writes the whole under a name of its own.
    fn fetch(&mut self, entry: &Entry, place: &Path, above: &OwnedFd, fresh: &OsStr) -> Result<(), Error> {
        let failed = self.failed(entry, place);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(open(above, fresh, flags, Mode::RUSR | Mode::WUSR).map_err(&failed)?);
        let path = self.top.join(place);
        let written = fault(FileAction::Write, &path);
        self.review.contents(&entry.change.path, &mut |piece| {
            match piece {
                Piece::Bytes(offset, bytes) => file.write_all_at(&bytes, offset).map_err(&written)?,
                Piece::End(length) => file.set_len(length).map_err(&written)?,
            }
            Ok(true)
        })?;
        let mode = entry.change.after.as_ref().map_or(0o644, |after| after.mode) & 0o777;
        fchmod(&file, Mode::from_raw_mode(mode)).map_err(&failed)?;
        file.sync_all().map_err(&written)
    }

    /// Gives it its real name. What had that goes to the trash.
    fn put(
        &self,
        entry: &Entry,
        place: &Path,
        above: &OwnedFd,
        name: &OsStr,
        fresh: &OsStr,
        there: Option<&Stat>,
    ) -> Result<(), Error> {
        let failed = self.failed(entry, place);
        let Some(there) = there else {
            return match renameat_with(above, fresh, above, name, RenameFlags::NOREPLACE) {
                Err(Errno::EXIST) => Err(Self::refused(entry, NotApplied::Changed)),
                other => other.map_err(failed),
            };
        };
        let exchange = || renameat_with(above, fresh, above, name, RenameFlags::EXCHANGE);
        exchange().map_err(&failed)?;
        let is_it = |old: &Stat| {
            let of =
                |stat: &Stat| (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
            of(old) == of(there)
        };
        let old = statat(above, fresh, AtFlags::SYMLINK_NOFOLLOW);
        if !old.as_ref().is_ok_and(is_it) {
            // Somebody put another one there in between.
            let _ = exchange();
            return Err(Self::refused(entry, NotApplied::Changed));
        }
        let path = self.top.join(place);
        trash::put(&self.how.data, above, fresh, &path).map_err(|error| {
            let _ = exchange();
            fault(FileAction::Remove, &path)(error)
        })
    }
}

/// A name that nothing has.
fn fresh_name() -> Result<OsString, Error> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| {
        fault(FileAction::Create, Path::new("/dev/urandom"))(std::io::Error::other(error.to_string()))
    })?;
    Ok(OsStr::from_bytes(format!(".terrarium-{:016x}", u64::from_ne_bytes(random)).as_bytes()).to_owned())
}
