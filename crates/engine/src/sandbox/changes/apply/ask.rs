// SPDX-License-Identifier: LGPL-2.1-or-later
//! What has to be asked before anything is applied: all of it at once, so that
//! who says no has lost nothing.

use super::super::listing::{Changes, Entry};
use super::super::session::{Review, Sink, Watch};
use super::parts::Part;
use super::{kind, old, Apply, Work};
use crate::error::{Error, LayerError, NotApplied};
use crate::host::Host;
use crate::plan::{self, Holds};
use crate::sandbox::sources::real;
use rustix::fs::{statat, AtFlags};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use terrarium_protocol::changes::{FileKind, What};
use terrarium_protocol::Bytes;

/// The places of the user's that start programs or hold secrets, and where
/// they really are.
#[derive(Clone, Debug, Default)]
pub struct Guards(HashMap<PathBuf, Holds>);

impl Guards {
    /// Those of a computer. Blocks.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        let all = real(&plan::guarded(host)).into_iter();
        // Around the home folder nothing could be applied else.
        let is_apart = |path: &Path| !host.user.home.starts_with(path);
        Self(all.filter(|one| is_apart(&one.path)).map(|one| (one.path, one.holds)).collect())
    }

    /// What lies there, or around it.
    fn at(&self, place: &Path) -> Option<Holds> {
        place.ancestors().filter_map(|path| self.0.get(path)).copied().min()
    }

    /// What would go with a folder.
    fn within(&self, place: &Path) -> Option<Holds> {
        let inner = self.0.iter().filter(|(path, _)| path.starts_with(place));
        inner.filter(|(path, _)| path.symlink_metadata().is_ok()).map(|(_, holds)| *holds).min()
    }
}

/// Why something is asked about; the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It is in one of the places that [`Guards`] knows.
    Guarded(Holds),
    /// The real one is another than when the run began.
    Changed,
    /// The sandbox has never seen the real one.
    Unseen,
}

/// A question before something is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Which entry it is about: its path inside.
    pub path: Bytes,
    /// The real place.
    pub place: PathBuf,
    /// Why.
    pub why: Why,
    /// What is there goes to the trash, and nothing comes in its place.
    pub deletes: bool,
}

/// Everything that has to be asked before these are applied, with all that is
/// in them: the gravest first. Blocks.
///
/// # Errors
/// The home folder cannot be opened.
pub fn questions<'a>(
    changes: &Changes,
    entries: impl Iterator<Item = &'a Entry>,
    how: &Apply,
) -> Result<Vec<Question>, Error> {
    let mut asked: Vec<Question> = Vec::new();
    for entry in entries.filter(|_| how.to.is_none()) {
        let Ok(parts) = how.parts(changes, entry) else { continue };
        for Part { top, entry, all } in parts {
            let root = how.open(&top, entry)?.into();
            let mut blind = Blind;
            let mut work = Work::new(&mut blind, how, &top, root, &|_| true);
            asked.extend(all.iter().filter_map(|(entry, place)| work.question(entry, place)));
            for (entry, from) in work.moved(&all) {
                asked.extend(work.question_of_going(entry, &from));
            }
        }
    }
    let mut seen = HashSet::new();
    asked.retain(|one| seen.insert((one.place.clone(), one.deletes)));
    asked.sort_by(|a, b| (a.why, &a.place).cmp(&(b.why, &b.place)));
    Ok(asked)
}

impl Apply {
    /// Whether this stays out, with all that is in it.
    pub(super) fn leaves(&self, entry: &Entry) -> bool {
        let is_left = |path: &Path| self.leave.contains(&Bytes::from(path.as_os_str().as_encoded_bytes()));
        !self.leave.is_empty() && entry.path().ancestors().any(is_left)
    }

    /// Whether the user has said that this may be done.
    pub(super) fn may(&self, entry: &Entry) -> bool {
        self.replace || self.asked.contains(&entry.change.path)
    }

    /// What guards a place that an entry comes to, or goes from.
    pub(super) fn guard(&self, entry: &Entry, place: &Path) -> Option<Holds> {
        if self.to.is_some() {
            return None;
        }
        let was_folder = entry.change.before.as_ref().is_some_and(|was| was.kind == FileKind::Folder);
        let goes = was_folder && kind(entry) != Some(FileKind::Folder);
        let holds = self.guards.at(place).or_else(|| self.guards.within(place).filter(|_| goes))?;
        let there = place.symlink_metadata().ok();
        let happens = match kind(entry) {
            None => there.is_some(),
            Some(FileKind::File) => true,
            // One that is there stays as it is.
            Some(FileKind::Folder) => {
                entry.change.what == What::Permissions || !there.is_some_and(|there| there.is_dir())
            }
            Some(_) => false,
        };
        happens.then_some(holds)
    }

    /// The same of what was moved away from there.
    pub(super) fn guard_of_going(&self, from: &Path) -> Option<Holds> {
        from.symlink_metadata().ok()?;
        self.guards.at(from).or_else(|| self.guards.within(from))
    }
}

impl Work<'_> {
    fn question(&mut self, entry: &Entry, place: &Path) -> Option<Question> {
        let whole = self.top.join(place);
        let guarded = self.how.guard(entry, &self.real.join(place));
        let why = match guarded {
            Some(holds) => Some(Why::Guarded(holds)),
            None => self.look(entry, place).err().and_then(|error| self.why(entry, &error)),
        };
        let deletes = kind(entry).is_none();
        why.map(|why| Question { path: entry.change.path.clone(), place: whole, why, deletes })
    }

    /// What was moved away is gone from its old place.
    fn question_of_going(&mut self, entry: &Entry, from: &Path) -> Option<Question> {
        let whole = self.top.join(from);
        let why = match self.how.guard_of_going(&whole) {
            Some(holds) => Some(Why::Guarded(holds)),
            None => self.gone(entry, from, true).err().and_then(|error| self.why(entry, &error)),
        };
        why.map(|why| Question { path: entry.change.path.clone(), place: whole, why, deletes: true })
    }

    /// What is refused in any case is told when it is.
    fn why(&self, entry: &Entry, error: &Error) -> Option<Why> {
        match error {
            Error::Layer(LayerError::NotApplied { why: NotApplied::Changed, .. }) => {
                let is_copy = self.how.copy_of(entry).is_some();
                Some(if entry.change.before.is_some() || is_copy { Why::Changed } else { Why::Unseen })
            }
            _ => None,
        }
    }

    /// Whether what is there may go, as [`super::apply`] will ask.
    fn look(&mut self, entry: &Entry, place: &Path) -> Result<(), Error> {
        let is_folder = match kind(entry) {
            None => return self.gone(entry, place, true),
            Some(FileKind::File) => false,
            Some(FileKind::Folder) if entry.change.what == What::Type => true,
            Some(_) => return Ok(()),
        };
        let Some((above, name)) = self.folder_of(entry, place)? else { return Ok(()) };
        if is_folder {
            let found = statat(&above, &name, AtFlags::SYMLINK_NOFOLLOW);
            if found.is_ok_and(|found| old::kind(&found) == Some(FileKind::Folder)) {
                return Ok(());
            }
        }
        self.there(entry, place, &above, &name).map(drop)
    }
}

/// Of the sandbox's nothing is read to ask.
struct Blind;

impl Review for Blind {
    fn list(&mut self, _: &Watch<'_>) -> Result<Changes, Error> {
        Err(Error::Layer(LayerError::Broken))
    }

    fn contents(&mut self, _: &Bytes, _: &mut Sink<'_>) -> Result<(), Error> {
        Err(Error::Layer(LayerError::Broken))
    }

    fn forget(&mut self, _: &[Bytes]) -> Result<(), Error> {
        Err(Error::Layer(LayerError::Broken))
    }
}
