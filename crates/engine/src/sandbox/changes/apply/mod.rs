// SPDX-License-Identifier: LGPL-2.1-or-later
//! Puts something that a sandbox has written to its real place, or elsewhere,
//! and takes away what it has taken away.
//!
//! Everything is done below one folder that was opened once: the home folder,
//! the one for copies, or that of a file elsewhere which the run had a copy of.
//! The kernel is asked to follow no link and to leave neither the folder nor
//! its file system. Only regular files and folders come out, with nothing but the
//! permissions of their mode. A file appears as a whole or not at all. What was
//! there goes to the trash; if it is another than the sandbox has seen, only
//! when that was said to be right.

mod ask;
mod old;
mod parts;
#[cfg(test)]
mod stick_tests;

pub use ask::{questions, Guards, Question, Why};

use super::difference::copied_from;
use super::listing::{Changes, Entry};
use super::session::{file_error, Review, Watch};
use super::trash;
use crate::error::{Error, FileAction, LayerError, NotApplied};
use crate::host::Host;
use crate::sandbox::directory::fault;
use crate::sandbox::sources::is_meant;
use crate::sandbox::Tag;
use rustix::fs::{
    fchmod, fstat, mkdirat, openat2, renameat_with, statat, syncfs, unlinkat, AtFlags, Mode, OFlags,
    RenameFlags, ResolveFlags, Stat,
};
use rustix::io::Errno;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::ErrorKind::NotFound;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use terrarium_protocol::changes::{FileKind, What};
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
    /// A folder for copies, instead of the real places. It is made if it alone
    /// is missing.
    pub to: Option<PathBuf>,
    /// What a copy is called there, instead of its own name. Without effect
    /// beside `under`.
    pub name: Option<OsString>,
    /// A folder inside: copies of what lies below it have the folders in
    /// between. Without it they have their names alone.
    pub under: Option<PathBuf>,
    /// When the run began, in seconds since 1970, if that is known.
    pub since: Option<u64>,
    /// Replace what has changed since, or what the sandbox has never seen; it
    /// goes to the trash. And put what is guarded.
    pub replace: bool,
    /// The same, for these paths inside alone.
    pub asked: HashSet<Bytes>,
    /// These paths inside stay out, with all that is in them.
    pub leave: HashSet<Bytes>,
    /// Nothing comes there, and nothing goes from there, unasked.
    pub guards: Guards,
    /// Files that the run began with copies of, and where those lay inside.
    pub copies: Vec<(PathBuf, PathBuf)>,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// What is there now.
    pub done: Vec<PathBuf>,
    /// What has gone to the trash, because the sandbox had taken it away.
    pub gone: Vec<PathBuf>,
    /// What of a folder was left out: neither a file nor a folder. Paths
    /// inside.
    pub left: Vec<Bytes>,
    /// What something was replaced at, which is in the trash.
    pub replaced: Vec<PathBuf>,
}

/// Applies a change, with all that is in it if it is a folder. `watch` is told
/// how many bytes were written.
///
/// # Errors
/// It may not be applied, the disk will not have it, or `watch` ended it. What
/// was put down before stays. After copies comes [`sync`].
pub fn apply(
    review: &mut dyn Review,
    changes: &Changes,
    entry: &Entry,
    how: &Apply,
    watch: &Watch<'_>,
) -> Result<Applied, Error> {
    let refused = |why| how.refused(entry, why);
    let parts = how.parts(changes, entry).map_err(refused)?;
    let mut roots: Vec<OwnedFd> = Vec::new();
    for part in &parts {
        how.make_folder(&part.top, entry)?;
        roots.push(how.open(&part.top, part.entry)?.into());
        how.may_write(part.entry)?;
    }
    how.may_be(entry).map_err(refused)?;
    let (mut applied, mut bytes) = (Applied::default(), 0);
    for (part, root) in parts.iter().zip(roots) {
        let watch = |now| watch(bytes + now);
        let mut work = Work::new(review, how, &part.top, root, &watch);
        work.applied = applied;
        work.all(&part.all)?;
        let done = work.bytes;
        applied = work.applied;
        bytes += done;
    }
    Ok(applied)
}

/// Whether this would be refused, as far as can be told before anything of the
/// sandbox's is read. [`apply`] looks again; what has to be asked, tells
/// [`questions`].
///
/// # Errors
/// It may not be applied, or there is no such folder.
pub fn check(entry: &Entry, how: &Apply) -> Result<(), Error> {
    let refused = |why| how.refused(entry, why);
    let (top, place) = how.place(entry).map_err(refused)?;
    how.may_be(entry).map_err(refused)?;
    if how.may_make(&top) {
        return Ok(());
    }
    how.open(&top, entry)?;
    how.may_write(entry)?;
    let Ok(found) = rustix::fs::lstat(top.join(place)) else { return Ok(()) };
    old::check(entry, how.replace, &found).map_err(refused)
}

/// Has the disk write what was copied: once for all, since each by itself
/// would take as long.
///
/// # Errors
/// The disk is full, or fails.
pub fn sync(how: &Apply) -> Result<(), Error> {
    let Some(to) = &how.to else { return Ok(()) };
    let failed = fault(FileAction::Write, to);
    File::open(to).and_then(|to| syncfs(to).map_err(Into::into)).map_err(failed)
}

impl Apply {
    /// To the real places of a run's changes. Blocks.
    #[must_use]
    pub fn of(host: &Host, tag: &Tag) -> Self {
        let data = host.places.data.parent().unwrap_or(&host.places.data).to_owned();
        Self {
            home: host.user.home.clone(),
            home_inside: crate::plan::home(host),
            data,
            to: None,
            name: None,
            under: None,
            since: Some(tag.started),
            replace: false,
            asked: HashSet::new(),
            leave: HashSet::new(),
            guards: Guards::of(host),
            copies: tag.copies.clone(),
        }
    }

    /// The real file that the run began with a copy of, in an entry's place.
    fn copy_of(&self, entry: &Entry) -> Option<PathBuf> {
        copied_from(entry, &self.copies)
    }

    /// Whether a folder for copies is missing, in one that is there.
    fn may_make(&self, folder: &Path) -> bool {
        let is_missing = || std::fs::symlink_metadata(folder).is_err_and(|error| error.kind() == NotFound);
        self.to.is_some() && above_of(folder).is_some_and(Path::is_dir) && is_missing()
    }

    /// Makes it then, in the very folder that was meant.
    fn make_folder(&self, folder: &Path, entry: &Entry) -> Result<(), Error> {
        let (Some(above), Some(name)) = (above_of(folder), folder.file_name()) else { return Ok(()) };
        if !self.may_make(folder) {
            return Ok(());
        }
        let above = self.open(above, entry)?;
        let made = mkdirat(&above, name, Mode::from_raw_mode(0o777));
        made.map_err(|errno| fault(FileAction::Create, folder)(errno.into()))
    }

    /// Why an entry is not put. No copy is of what was there when the run
    /// began: what has its name is in the way.
    fn refused(&self, entry: &Entry, why: NotApplied) -> Error {
        let is_taken = self.to.is_some() && why == NotApplied::Changed;
        let why = if is_taken { NotApplied::Taken } else { why };
        not_applied_at(self.known_as(entry), why)
    }

    /// What the user knows an entry as.
    fn known_as<'a>(&'a self, entry: &'a Entry) -> &'a [u8] {
        let original = self.original(entry).map(|from| from.as_os_str().as_bytes());
        original.unwrap_or_else(|| entry.change.path.as_slice())
    }

    /// Whether an entry can be put, or taken away, at all.
    fn may_be(&self, entry: &Entry) -> Result<(), NotApplied> {
        match kind(entry) {
            Some(FileKind::File | FileKind::Folder) => Ok(()),
            Some(_) => Err(NotApplied::Kind),
            None if self.to.is_none() && entry.change.before.is_some() => Ok(()),
            None => Err(NotApplied::Gone),
        }
    }

    /// Opens the folder. One for copies, or of a file elsewhere, may lie where a
    /// sandbox writes, who could have put a link in its place.
    fn open(&self, top: &Path, entry: &Entry) -> Result<File, Error> {
        let opened = File::open(top).map_err(fault(FileAction::Read, top))?;
        let is_judged = self.to.is_some() || self.original(entry).is_some();
        if is_judged && !is_meant(&self.data.join("terrarium"), top, &opened) {
            let why = if self.to.is_some() { NotApplied::LedElsewhere } else { NotApplied::Astray };
            return Err(self.refused(entry, why));
        }
        Ok(opened)
    }
}

/// The folder that another one lies in, as it is opened.
fn above_of(folder: &Path) -> Option<&Path> {
    folder.parent().map(|above| if above == Path::new("") { Path::new(".") } else { above })
}

fn not_applied_at(path: &[u8], why: NotApplied) -> Error {
    Error::Layer(LayerError::NotApplied { path: path.to_vec(), why })
}

fn kind(entry: &Entry) -> Option<FileKind> {
    entry.change.after.as_ref().map(|after| after.kind)
}

struct Work<'a> {
    review: &'a mut dyn Review,
    how: &'a Apply,
    top: &'a Path,
    /// Where it really is, unless that is the home folder.
    real: PathBuf,
    root: OwnedFd,
    watch: &'a Watch<'a>,
    /// Written so far.
    bytes: u64,
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

impl<'a> Work<'a> {
    fn new(
        review: &'a mut dyn Review,
        how: &'a Apply,
        top: &'a Path,
        root: OwnedFd,
        watch: &'a Watch<'a>,
    ) -> Self {
        let real = || std::fs::read_link(format!("/proc/self/fd/{}", root.as_raw_fd())).ok();
        let real = Some(top).filter(|top| *top != how.home).and_then(|_| real());
        let real = real.unwrap_or_else(|| top.to_owned());
        Self { review, how, top, real, root, watch, bytes: 0, applied: Applied::default() }
    }
}

impl Work<'_> {
    fn refused(&self, entry: &Entry, why: NotApplied) -> Error {
        self.how.refused(entry, why)
    }

    /// What the system would not do with a file on this side.
    fn failed<'b>(&self, entry: &'b Entry, place: &'b Path) -> impl Fn(Errno) -> Error + 'b {
        let path = self.top.join(place);
        let known_as = self.how.known_as(entry).to_vec();
        move |errno| match errno {
            Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::XDEV => {
                not_applied_at(&known_as, NotApplied::InTheWay)
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
            let Component::Normal(name) = part else { return Err(self.refused(entry, NotApplied::Outside)) };
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
        Err(self.refused(entry, NotApplied::Outside))
    }

    /// Each of these, at its place.
    fn all(&mut self, all: &[(&Entry, PathBuf)]) -> Result<(), Error> {
        // Nothing is begun if what was moved away could not go.
        let moved = self.moved(all);
        for (entry, place) in all {
            match self.how.guard(entry, &self.real.join(place)) {
                Some(holds) if !self.how.may(entry) => {
                    return Err(self.refused(entry, NotApplied::Guarded(holds)));
                }
                _ => {}
            }
        }
        for (entry, from) in &moved {
            match self.how.guard_of_going(&self.top.join(from)) {
                Some(holds) if !self.how.may(entry) => {
                    return Err(self.refused(entry, NotApplied::Guarded(holds)));
                }
                _ => self.gone(entry, from, true)?,
            }
        }
        for (entry, place) in all {
            match kind(entry) {
                Some(FileKind::File) => self.file(entry, place)?,
                Some(FileKind::Folder) => self.folder(entry, place)?,
                Some(_) => self.applied.left.push(entry.change.path.clone()),
                None if self.how.to.is_none() => self.gone(entry, place, false)?,
                // A copy has no place for it.
                None => {}
            }
        }
        for (entry, from) in &moved {
            self.gone(entry, from, false)?;
        }
        Ok(())
    }

    /// What was moved away from the home: its entries, and where it was. What
    /// lay in a folder went with that.
    fn moved<'b>(&self, all: &[(&'b Entry, PathBuf)]) -> Vec<(&'b Entry, PathBuf)> {
        let mut found: Vec<(&Entry, PathBuf)> = Vec::new();
        let is_home = self.how.to.is_none() && *self.top == self.how.home;
        for (entry, _) in all.iter().filter(|_| is_home) {
            let from = entry.moved_from.as_ref().map(|from| Path::new(OsStr::from_bytes(from.as_slice())));
            let Some(Ok((_, place))) = from.map(|from| self.how.place_of(from)) else { continue };
            if !found.last().is_some_and(|(_, last)| place.starts_with(last)) {
                found.push((entry, place));
            }
        }
        found
    }

    fn folder(&mut self, entry: &Entry, place: &Path) -> Result<(), Error> {
        let failed = self.failed(entry, place);
        let (above, name) = self.above(entry, place)?;
        let made = match mkdirat(&above, &name, Mode::RWXU) {
            Err(Errno::EXIST) if entry.change.what == What::Type => {
                self.instead(entry, place, &above, &name)?
            }
            Err(Errno::EXIST) => false,
            other => other.map(|()| true).map_err(&failed)?,
        };
        let folder = open(&above, &name, FOLDER, Mode::empty()).map_err(&failed)?;
        if made || self.has_other_rights(entry, &folder) {
            // Its owner must be able to fill it.
            let mode = entry.change.after.as_ref().map_or(0o755, |after| after.mode) & 0o777 | 0o700;
            fchmod(&folder, Mode::from_raw_mode(mode)).map_err(&failed)?;
            self.applied.done.push(self.top.join(place));
        }
        Ok(())
    }

    /// Puts an empty folder where something else is. Whether it did: there may
    /// be one by now.
    fn instead(&mut self, entry: &Entry, place: &Path, above: &OwnedFd, name: &OsStr) -> Result<bool, Error> {
        let failed = self.failed(entry, place);
        let found = statat(above, name, AtFlags::SYMLINK_NOFOLLOW).map_err(&failed)?;
        if old::kind(&found) == Some(FileKind::Folder) {
            return Ok(false);
        }
        let there = self.there(entry, place, above, name)?;
        let fresh = fresh_name()?;
        mkdirat(above, &fresh, Mode::RWXU).map_err(&failed)?;
        let done = self.put(entry, place, above, name, &fresh, there.as_ref());
        if done.is_err() {
            let _ = unlinkat(above, &fresh, AtFlags::REMOVEDIR);
        }
        done.map(|()| true)
    }

    /// Whether only that was changed of a folder that is as it was.
    fn has_other_rights(&self, entry: &Entry, folder: &OwnedFd) -> bool {
        let before = entry.change.before.as_ref().filter(|_| entry.change.what == What::Permissions);
        let now = fstat(folder).map(|found| found.st_mode & 0o7777);
        before.is_some_and(|before| now.is_ok_and(|now| self.how.may(entry) || now == before.mode))
    }

    fn file(&mut self, entry: &Entry, place: &Path) -> Result<(), Error> {
        let (above, name) = self.above(entry, place)?;
        let there = self.there(entry, place, &above, &name)?;
        let fresh = fresh_name()?;
        let now = || statat(&above, &fresh, AtFlags::SYMLINK_NOFOLLOW).map(|found| found.st_ino);
        let fetched = self.fetch(entry, place, &above, &fresh);
        let ours = now();
        let done = fetched.and_then(|()| self.put(entry, place, &above, &name, &fresh, there.as_ref()));
        // Never what the user had there, should it have that name now.
        if done.is_err() && now() == ours {
            let _ = unlinkat(&above, &fresh, AtFlags::empty());
        }
        done?;
        let path = self.top.join(place);
        self.applied.replaced.extend(there.map(|_| path.clone()));
        self.applied.done.push(path);
        Ok(())
    }

    /// Writes the whole under a name of its own.
    fn fetch(&mut self, entry: &Entry, place: &Path, above: &OwnedFd, fresh: &OsStr) -> Result<(), Error> {
        let failed = self.failed(entry, place);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(open(above, fresh, flags, Mode::RUSR | Mode::WUSR).map_err(&failed)?);
        let path = self.top.join(place);
        let written = fault(FileAction::Write, &path);
        // No longer than it was told to be.
        let most = entry.change.after.as_ref().map_or(0, |after| after.size);
        let (watch, count) = (self.watch, &mut self.bytes);
        self.review.contents(&entry.change.path, &mut |piece| {
            let (end, bytes) = match &piece {
                Piece::Bytes(offset, bytes) => {
                    (offset.saturating_add(bytes.len() as u64), bytes.len() as u64)
                }
                Piece::End(length) => (*length, 0),
                Piece::Failed(errno) => return Err(file_error(&entry.change.path, *errno)),
            };
            if end > most {
                return Err(Error::Layer(LayerError::Broken));
            }
            match piece {
                Piece::Bytes(offset, bytes) => file.write_all_at(&bytes, offset).map_err(&written)?,
                Piece::End(length) => file.set_len(length).map_err(&written)?,
                Piece::Failed(_) => {}
            }
            *count += bytes;
            if watch(*count) {
                Ok(true)
            } else {
                Err(Error::Cancelled)
            }
        })?;
        let mode = entry.change.after.as_ref().map_or(0o644, |after| after.mode) & 0o777;
        match fchmod(&file, Mode::from_raw_mode(mode)) {
            // A stick's file system has modes of its own.
            Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(failed(errno)),
        }
        if self.how.to.is_some() {
            // See `sync`.
            return Ok(());
        }
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
                Err(Errno::EXIST) => Err(self.refused(entry, NotApplied::Changed)),
                other => other.map_err(failed),
            };
        };
        let exchange = || renameat_with(above, fresh, above, name, RenameFlags::EXCHANGE);
        match exchange() {
            // Some sticks' file systems know no such thing.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                return self.one_after_the_other(entry, place, above, (name, fresh), there);
            }
            other => other.map_err(&failed)?,
        }
        let old = statat(above, fresh, AtFlags::SYMLINK_NOFOLLOW);
        if !old.as_ref().is_ok_and(|old| old::is_same(old, there)) {
            // Somebody put another one there in between.
            let _ = exchange();
            return Err(self.refused(entry, NotApplied::Changed));
        }
        let path = self.top.join(place);
        trash::put(&self.how.data, above, fresh, &path, |_| true).map(drop).map_err(|error| {
            let _ = exchange();
            self.not_gone(entry, &path, error)
        })
    }

    /// The old one goes to the trash before the new one has its name.
    fn one_after_the_other(
        &self,
        entry: &Entry,
        place: &Path,
        above: &OwnedFd,
        (name, fresh): (&OsStr, &OsStr),
        there: &Stat,
    ) -> Result<(), Error> {
        let path = self.top.join(place);
        let gone = trash::put(&self.how.data, above, name, &path, |moved| old::is_same(moved, there));
        if !gone.map_err(|error| self.not_gone(entry, &path, error))? {
            return Err(self.refused(entry, NotApplied::Changed));
        }
        self.put(entry, place, above, name, fresh, None)
    }

    /// Why something could not go to the trash.
    fn not_gone(&self, entry: &Entry, path: &Path, error: std::io::Error) -> Error {
        if trash::is_elsewhere(&error) {
            return self.refused(entry, NotApplied::NoTrash);
        }
        fault(FileAction::Remove, path)(error)
    }
}

/// A name that nothing has.
pub fn fresh_name() -> Result<OsString, Error> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| {
        fault(FileAction::Create, Path::new("/dev/urandom"))(std::io::Error::other(error.to_string()))
    })?;
    Ok(OsStr::from_bytes(format!(".terrarium-{:016x}", u64::from_ne_bytes(random)).as_bytes()).to_owned())
}
