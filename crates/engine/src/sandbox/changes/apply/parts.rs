// SPDX-License-Identifier: LGPL-2.1-or-later
//! Below which folders a change is put, and where there: what lies in the home
//! folder inside, in the real one; and a file that the run began with a copy
//! of, though it lies elsewhere, where that is.

use super::super::difference::original;
use super::super::listing::{Changes, Entry};
use super::{kind, Apply};
use crate::error::{Error, FileAction, NotApplied};
use crate::sandbox::directory::fault;
use rustix::fs::{access, Access};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use terrarium_protocol::changes::FileKind;

/// What is put below one folder.
pub(super) struct Part<'a> {
    /// The folder that is opened.
    pub top: PathBuf,
    /// The first of them.
    pub entry: &'a Entry,
    /// Each with its place in the folder.
    pub all: Vec<(&'a Entry, PathBuf)>,
}

impl Apply {
    /// An entry and all in it that does not stay out: by the folders that it
    /// goes to, the entry's own first.
    pub(super) fn parts<'a>(
        &self,
        changes: &'a Changes,
        entry: &'a Entry,
    ) -> Result<Vec<Part<'a>>, NotApplied> {
        let (top, place) = self.place(entry)?;
        let all = self.with_inner(changes, entry, &place);
        let is_apart = |one: &Entry| one.change.path != entry.change.path && self.original(one).is_some();
        let (apart, all): (Vec<_>, Vec<_>) = all.into_iter().partition(|(one, _)| is_apart(one));
        let mut parts = vec![Part { top, entry, all }];
        for (one, _) in apart {
            let (top, place) = self.place(one)?;
            parts.push(Part { top, entry: one, all: vec![(one, place)] });
        }
        Ok(parts)
    }

    /// An entry and all in it that does not stay out, each with its place.
    fn with_inner<'a>(
        &self,
        changes: &'a Changes,
        entry: &'a Entry,
        place: &Path,
    ) -> Vec<(&'a Entry, PathBuf)> {
        let inner = |one: &Entry| one.path().strip_prefix(entry.path()).map(|rest| place.join(rest));
        // A file that took the place of a folder has nothing below.
        let is_file = kind(entry) == Some(FileKind::File);
        let below = changes.below(entry.change.path.as_slice()).filter(|_| !is_file);
        let all = std::iter::once((entry, place.to_owned()))
            .chain(below.filter_map(|one| Some((one, inner(one).ok()?))));
        all.filter(|(one, _)| !self.leaves(one)).collect()
    }

    /// The real file elsewhere that an entry is a change of.
    pub(super) fn original(&self, entry: &Entry) -> Option<&Path> {
        let original = || original(entry, &self.copies, &self.home, &self.home_inside);
        self.to.is_none().then(original).flatten()
    }

    /// The folder that is opened, and where an entry lies in it.
    pub(super) fn place(&self, entry: &Entry) -> Result<(PathBuf, PathBuf), NotApplied> {
        let original = self.original(entry).and_then(|from| Some((from.parent()?, from.file_name()?)));
        match original {
            Some((above, name)) => Ok((above.to_owned(), name.into())),
            None => self.place_of(entry.path()),
        }
    }

    /// The same of a path inside that is no such file.
    pub(super) fn place_of(&self, inside: &Path) -> Result<(PathBuf, PathBuf), NotApplied> {
        let below = |above: &Path| {
            let inner = inside.strip_prefix(above).ok().filter(|inner| !inner.as_os_str().is_empty());
            inner.map(Path::to_owned).ok_or(NotApplied::Outside)
        };
        match (&self.to, &self.under) {
            (Some(to), Some(under)) => Ok((to.clone(), below(under)?)),
            (Some(to), None) => {
                let name = self.name.as_deref().or_else(|| inside.file_name()).ok_or(NotApplied::Kind)?;
                Ok((to.clone(), name.into()))
            }
            (None, _) => Ok((self.home.clone(), below(&self.home_inside)?)),
        }
    }

    /// A file elsewhere may be somebody else's: who may not write it does not
    /// put another one in its place either, though the folder would have it.
    pub(super) fn may_write(&self, entry: &Entry) -> Result<(), Error> {
        let Some(from) = self.original(entry) else { return Ok(()) };
        match access(from, Access::WRITE_OK) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(fault(FileAction::Write, from)(errno.into())),
        }
    }
}
