// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is in a real place before something is applied to it: whether it may
//! go, and how it goes to the trash.

use super::super::listing::Entry;
use super::super::trash;
use super::{open, Work, FOLDER};
use crate::error::{Error, NotApplied};
use rustix::fs::{statat, AtFlags, Dir, FileType, Mode, Stat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use terrarium_protocol::changes::{Facts, FileKind, What};

/// What is looked at in a folder before it goes; of one that holds more it is
/// asked.
const LOOK_MAX: u32 = 100_000;
/// Folders in one another; each takes a descriptor.
const DEPTH_MAX: u32 = 200;

/// The two are one, and nobody has written it.
pub(super) fn is_same(one: &Stat, other: &Stat) -> bool {
    let of = |stat: &Stat| (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
    of(one) == of(other)
}

/// Files, folders and links may go; nothing else of the user's.
pub(super) fn kind(found: &Stat) -> Option<FileKind> {
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Some(FileKind::File),
        FileType::Directory => Some(FileKind::Folder),
        FileType::Symlink => Some(FileKind::Link),
        _ => None,
    }
}

/// An early look at what is at a place: whether it is in the way, or not what
/// it was. Of folders nothing can be told so soon.
pub(super) fn check(entry: &Entry, replace: bool, found: &Stat) -> Result<(), NotApplied> {
    let before = entry.change.before.as_ref();
    let goes = match super::kind(entry) {
        Some(FileKind::File) => {
            before.filter(|_| entry.change.what == What::Type).map_or(FileKind::File, |was| was.kind)
        }
        None => before.map_or(FileKind::File, |was| was.kind),
        Some(_) => return Ok(()),
    };
    match kind(found) {
        Some(is) if is != goes => Err(NotApplied::InTheWay),
        None => Err(NotApplied::InTheWay),
        Some(FileKind::Folder) => Ok(()),
        Some(_) if replace || before.is_some_and(|before| was_then(before, found)) => Ok(()),
        Some(_) => Err(NotApplied::Changed),
    }
}

impl Work<'_> {
    /// What is at a place, if it may be replaced by what is to come there.
    pub(super) fn there(
        &self,
        entry: &Entry,
        place: &Path,
        above: &OwnedFd,
        name: &OsStr,
    ) -> Result<Option<Stat>, Error> {
        let found = match statat(above, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            other => other.map_err(self.failed(entry, place))?,
        };
        // Another kind of thing goes only where the sandbox has seen one.
        let was = entry.change.before.as_ref().filter(|_| entry.change.what == What::Type);
        if kind(&found) != Some(was.map_or(FileKind::File, |was| was.kind)) {
            return Err(self.refused(entry, NotApplied::InTheWay));
        }
        self.may_go(entry, entry.change.before.as_ref(), above, name, &found)?;
        Ok(Some(found))
    }

    /// Moves what the sandbox has taken away to the trash, if it is there and
    /// what it was. `only_look`: tells whether that would be done.
    pub(super) fn gone(&mut self, entry: &Entry, place: &Path, only_look: bool) -> Result<(), Error> {
        let Some((above, name)) = self.folder_of(entry, place)? else { return Ok(()) };
        let found = match statat(&above, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(()),
            other => other.map_err(self.failed(entry, place))?,
        };
        let before = entry.change.before.as_ref();
        if before.is_none() || kind(&found) != before.map(|before| before.kind) {
            return Err(self.refused(entry, NotApplied::InTheWay));
        }
        self.may_go(entry, before, &above, &name, &found)?;
        if only_look {
            return Ok(());
        }
        let path = self.top.join(place);
        let done = trash::put(&self.how.data, &above, &name, &path, |moved| is_same(moved, &found));
        match done.map_err(|error| self.not_gone(entry, &path, error))? {
            true => self.applied.gone.push(path),
            // Somebody put another one there in between.
            false => return Err(self.refused(entry, NotApplied::Changed)),
        }
        Ok(())
    }

    /// The folder that something lies in, if there is one, and its name there.
    pub(super) fn folder_of(
        &self,
        entry: &Entry,
        place: &Path,
    ) -> Result<Option<(OwnedFd, OsString)>, Error> {
        let failed = self.failed(entry, place);
        let mut at = rustix::io::dup(&self.root).map_err(&failed)?;
        let mut parts = place.components().peekable();
        while let Some(part) = parts.next() {
            let Component::Normal(name) = part else { break };
            if parts.peek().is_none() {
                return Ok(Some((at, name.to_owned())));
            }
            at = match open(&at, name, FOLDER, Mode::empty()) {
                Err(Errno::NOENT) => return Ok(None),
                other => other.map_err(&failed)?,
            };
        }
        Err(self.refused(entry, NotApplied::Outside))
    }

    /// Whether it is what it was when the run began, or may go all the same.
    fn may_go(
        &self,
        entry: &Entry,
        before: Option<&Facts>,
        above: &OwnedFd,
        name: &OsStr,
        found: &Stat,
    ) -> Result<(), Error> {
        let is_it = || match before {
            Some(before) if before.kind == FileKind::Folder => self.is_untouched(above, name, found),
            Some(before) => was_then(before, found),
            None => self.is_as_copied(entry, found),
        };
        if self.how.may(entry) || is_it() {
            return Ok(());
        }
        Err(self.refused(entry, NotApplied::Changed))
    }

    /// Whether it is a file that the run began with a copy of, and as it was
    /// then: to edit it was what was asked for. Its time can be set back; when
    /// that was done cannot.
    fn is_as_copied(&self, entry: &Entry, found: &Stat) -> bool {
        let is_it = || {
            let from = self.how.copy_of(entry).and_then(|from| rustix::fs::lstat(from).ok());
            from.is_some_and(|from| is_same(&from, found))
        };
        let since = self.how.since.and_then(|since| i64::try_from(since).ok());
        since.is_some_and(|since| found.st_mtime.max(found.st_ctime) < since) && is_it()
    }

    /// Whether nothing in a folder has changed since the run began. Nobody can
    /// set the time of an inode's last change.
    fn is_untouched(&self, above: &OwnedFd, name: &OsStr, found: &Stat) -> bool {
        let Some(since) = self.how.since.and_then(|since| i64::try_from(since).ok()) else { return false };
        let mut left = LOOK_MAX;
        found.st_ctime < since && is_older(above, name, since, DEPTH_MAX, &mut left).unwrap_or(false)
    }
}

fn was_then(before: &Facts, found: &Stat) -> bool {
    let now = (u64::try_from(found.st_size).ok(), found.st_mtime, u32::try_from(found.st_mtime_nsec).ok());
    now == (Some(before.size), before.modified, Some(before.nanoseconds))
}

/// Whether all in a folder is older. `false` if that cannot be seen.
fn is_older(
    above: &OwnedFd,
    name: &OsStr,
    since: i64,
    depth: u32,
    left: &mut u32,
) -> rustix::io::Result<bool> {
    let folder = open(above, name, FOLDER, Mode::empty())?;
    for inner in Dir::read_from(&folder)? {
        let inner = inner?;
        let name = OsStr::from_bytes(inner.file_name().to_bytes());
        if matches!(name.as_bytes(), b"." | b"..") {
            continue;
        }
        let found = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if *left == 0 || found.st_ctime >= since {
            return Ok(false);
        }
        *left -= 1;
        let is_folder = kind(&found) == Some(FileKind::Folder);
        if is_folder && (depth == 0 || !is_older(&folder, name, since, depth - 1, left)?) {
            return Ok(false);
        }
    }
    Ok(true)
}
