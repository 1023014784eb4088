// SPDX-License-Identifier: LGPL-2.1-or-later
//! What changed, as init told it. It is kept in the layer's folder as records
//! of the protocol, so that nothing has to be started to show it.

use super::super::directory::fault;
use super::{earlier, moves};
use crate::error::{Error, FileAction, LayerError};
use crate::profile::Changes as Fate;
use crate::sandbox::{Layer, Tag};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::changes::{
    Change, Decoder, Encoder, Facts, FileKind, Record, Totals, What, CHANGES_MAX,
};
use terrarium_protocol::Bytes;

/// In the layer's folder, and one that is no longer true.
const NAME: &str = "listing";
const ASIDE: &str = "listing.old";
/// What was in the one that this began as a copy of.
const KEPT: &str = "listing.kept";
/// Most bytes of paths that are kept in memory; the rest is only counted.
const PATHS_MAX: usize = 64 << 20;
/// Most that init may tell, in bytes.
const FILE_MAX: u64 = 256 << 20;

/// How a path differs, as people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Added,
    Modified,
    Deleted,
    Moved,
    Type,
    Permissions,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What init told. Its path is the sandbox's: show it escaped
    /// ([`crate::message::escaped`]).
    pub change: Change,
    /// Where it was before, as far as size and time can tell.
    pub moved_from: Option<Bytes>,
    /// The host's file is another than the one that the sandbox changed.
    pub outdated: bool,
    /// An earlier run kept something else there, or in it: without this
    /// change the host's would show, and not that.
    pub again: bool,
}

impl Entry {
    /// How it differs.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.change.what {
            _ if self.moved_from.is_some() => Kind::Moved,
            What::Added => Kind::Added,
            What::Modified => Kind::Modified,
            What::Deleted => Kind::Deleted,
            What::Type => Kind::Type,
            What::Permissions => Kind::Permissions,
        }
    }

    /// Its path inside.
    #[must_use]
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.change.path.as_slice()))
    }
}

/// All differences of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// By path.
    pub all: Vec<Entry>,
    /// How many there are, also of those that were too many, or lay too deep,
    /// to be told.
    pub totals: Totals,
}

impl Changes {
    /// The one at a path inside.
    #[must_use]
    pub fn find(&self, path: &[u8]) -> Option<&Entry> {
        let found = self.all.binary_search_by(|entry| entry.change.path.as_slice().cmp(path));
        found.ok().map(|index| &self.all[index])
    }

    /// What lies in a folder, however deep.
    pub fn below(&self, path: &[u8]) -> impl Iterator<Item = &Entry> {
        self.all[below(&self.all, path)].iter()
    }
}

/// Where what lies in a folder, however deep, stands among all, which are in
/// the order of their paths.
#[must_use]
pub fn below(all: &[Entry], folder: &[u8]) -> Range<usize> {
    let prefix = [folder.strip_suffix(b"/").unwrap_or(folder), b"/"].concat();
    let begin = all.partition_point(|entry| entry.change.path.as_slice() < prefix.as_slice());
    let rest = &all[begin..];
    begin..begin + rest.partition_point(|entry| entry.change.path.as_slice().starts_with(&prefix))
}

/// Where it lies in a layer's folder.
pub fn place(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// Collects what init tells.
#[derive(Default)]
pub struct Collector {
    decoder: Decoder,
    found: Changes,
    bytes: usize,
    fed: u64,
    ended: bool,
}

impl Collector {
    /// Takes what arrives.
    ///
    /// # Errors
    /// It is not what was asked for.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.fed += piece.len() as u64;
        if self.fed > FILE_MAX {
            return Err(Error::Layer(LayerError::Broken));
        }
        self.decoder.feed(piece);
        loop {
            match self.decoder.record().map_err(|_| Error::Layer(LayerError::Broken))? {
                None => return Ok(()),
                Some(_) if self.ended => return Err(Error::Layer(LayerError::Broken)),
                Some(Record::End(totals)) => {
                    self.ended = true;
                    let partial = totals.partial || self.found.totals.partial;
                    self.found.totals = Totals { partial, ..totals };
                }
                Some(Record::Change(change)) => self.add(change),
            }
        }
    }

    fn add(&mut self, change: Change) {
        let target = |facts: &Option<Facts>| facts.as_ref().map_or(0, |facts| facts.target.0.len());
        let size = change.path.0.len() + target(&change.before) + target(&change.after);
        if self.bytes + size > PATHS_MAX || self.found.all.len() >= CHANGES_MAX {
            self.found.totals.partial = true;
            return;
        }
        self.bytes += size;
        self.found.all.push(Entry { change, moved_from: None, outdated: false, again: false });
    }

    /// How many there are by now.
    pub fn count(&self) -> u64 {
        self.found.all.len() as u64
    }

    /// All of it.
    ///
    /// # Errors
    /// The end is missing.
    pub fn finish(mut self) -> Result<Changes, Error> {
        if !self.ended {
            return Err(Error::Layer(LayerError::Broken));
        }
        self.found.all.sort_by(|a, b| a.change.path.cmp(&b.change.path));
        self.found.all.dedup_by(|a, b| a.change.path == b.change.path);
        Ok(self.found)
    }
}

/// Keeps it with the layer. What the host's files were when the sandbox
/// changed them first stays known.
pub fn store(folder: &Path, found: &Changes) -> Result<(), Error> {
    let (path, fresh, aside) = (folder.join(NAME), folder.join("listing.new"), folder.join(ASIDE));
    let known = read(&path).or_else(|| read(&aside));
    let before: HashMap<&[u8], &Option<Facts>> = known
        .iter()
        .flat_map(|known| &known.all)
        .map(|entry| (entry.change.path.as_slice(), &entry.change.before))
        .collect();
    let (mut encoder, mut out) = (Encoder::default(), Vec::new());
    for entry in &found.all {
        let mut change = entry.change.clone();
        if let Some(Some(first)) = before.get(change.path.as_slice()) {
            change.before = Some(first.clone());
        }
        encoder.change(&change, &mut out);
    }
    encoder.end(&found.totals, &mut out);
    let written = fs::write(&fresh, out).and_then(|()| fs::rename(&fresh, &path));
    written.map_err(fault(FileAction::Write, &path))?;
    let _ = fs::remove_file(aside);
    Ok(())
}

/// The layer is another now. What the host's files were first stays known.
pub fn set_aside(folder: &Path) {
    // One that is aside already is the older one, and says as much.
    let _ = match folder.join(ASIDE).exists() {
        true => fs::remove_file(folder.join(NAME)),
        false => fs::rename(folder.join(NAME), folder.join(ASIDE)),
    };
}

/// A copy of a layer begins with what is known of that. `to`: its folder.
pub fn hand_on(kept: &Layer, to: &Path) -> Result<(), Error> {
    let path = kept.folder.join(NAME);
    let is_true = is_of(&path, &kept.tag);
    let copy = |from: &Path, name: &str| match fs::copy(from, to.join(name)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        other => other.map(|_| true).map_err(fault(FileAction::Write, to)),
    };
    if !copy(&kept.folder.join(ASIDE), ASIDE)? {
        copy(&path, ASIDE)?;
    }
    if is_true {
        copy(&path, KEPT)?;
    }
    Ok(())
}

/// Whether a run went on from what was kept, and waits to be looked at.
fn went_on(tag: &Tag) -> bool {
    tag.changes == Fate::Review && tag.from.is_some()
}

/// Whether it is not known what was kept that a run went on from.
pub fn lacks_kept(layer: &Layer) -> bool {
    went_on(&layer.tag) && read(&layer.folder.join(KEPT)).is_none()
}

/// By now it is. `to`: the folder of the run's layer.
pub fn know_kept(kept: &Layer, to: &Path) {
    let path = kept.folder.join(NAME);
    if is_of(&path, &kept.tag) {
        // Without it all of the run counts as kept otherwise.
        let _ = fs::copy(path, to.join(KEPT));
    }
}

/// What it began as is of no interest any more.
pub fn forget_kept(folder: &Path) {
    let _ = fs::remove_file(folder.join(KEPT));
}

fn read(path: &Path) -> Option<Changes> {
    let mut file = File::open(path).ok()?.take(FILE_MAX);
    let mut collector = Collector::default();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match file.read(&mut piece).ok()? {
            0 => return collector.finish().ok(),
            count => collector.feed(&piece[..count]).ok()?,
        }
    }
}

/// What was kept of it, compared with the host as it is now; of a run that went
/// on from what was kept, what it has changed itself. `None` if there is
/// nothing, or of another run.
pub fn load(folder: &Path, tag: &Tag) -> Option<Changes> {
    let path = folder.join(NAME);
    let mut found = is_of(&path, tag).then(|| read(&path))??;
    let root = tag.root.as_deref();
    found.all.iter_mut().for_each(|entry| entry.outdated = is_outdated(&entry.change, root));
    if went_on(tag) {
        match read(&folder.join(KEPT)) {
            Some(kept) => earlier::leave_out(&mut found, &kept),
            None => earlier::all_may_be(&mut found),
        }
    }
    moves::find(&mut found, root, &tag.copies);
    Some(found)
}

/// Whether a listing was written since that run began.
fn is_of(path: &Path, tag: &Tag) -> bool {
    let written = fs::metadata(path).and_then(|found| found.modified()).ok();
    let since = written.and_then(|written| written.duration_since(std::time::UNIX_EPOCH).ok());
    since.is_some_and(|since| since.as_secs() >= tag.started)
}

/// Where the host's is: below the root that was shown instead of its own.
pub fn on_host(path: &Path, root: Option<&Path>) -> PathBuf {
    root.map_or_else(|| path.to_owned(), |root| root.join(path.strip_prefix("/").unwrap_or(path)))
}

/// Whether the host's file is another than the one that was changed.
fn is_outdated(change: &Change, root: Option<&Path>) -> bool {
    let Some(before) = &change.before else { return false };
    let path = on_host(Path::new(OsStr::from_bytes(change.path.as_slice())), root);
    // What cannot be seen cannot be told.
    match fs::symlink_metadata(path) {
        Ok(found) if before.kind == FileKind::Folder => !found.is_dir(),
        Ok(found) => {
            let now = (found.size(), found.mtime(), found.mtime_nsec());
            now != (before.size, before.modified, before.nanoseconds.into())
        }
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}
