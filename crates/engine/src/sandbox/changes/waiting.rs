// SPDX-License-Identifier: LGPL-2.1-or-later
//! What waits for a decision, as far as that can be told without starting
//! anything: from the folder of all layers.

use super::super::layers::{self, Layer};
use super::super::{directory, real::Real};
use super::{decided, listing, Changes, Entry};
use crate::places::Places;
use crate::profile::Changes as Fate;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use terrarium_protocol::changes::{Facts, FileKind};

/// Longest listing that is counted, in bytes: about 10 000 changes.
const COUNTED_MAX: u64 = 1 << 20;

/// A layer that nobody has decided about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub layer: Layer,
    /// What is known of its changes. `None`: its sandbox has to be started to
    /// tell, or they are too many to be counted at a glance.
    pub told: Option<Told>,
}

impl Waiting {
    /// The one file of the user's that it was to edit a copy of, if it has
    /// changed that.
    #[must_use]
    pub fn edit(&self) -> Option<&Path> {
        let edited = self.told.as_ref()?.edited.first()?;
        (self.layer.tag.copies.len() == 1).then_some(edited)
    }

    /// Whether a copy of this file may be among what has changed.
    #[must_use]
    pub fn may_edit(&self, file: &Path) -> bool {
        match &self.told {
            Some(told) => told.edited.iter().any(|edited| edited == file),
            None => self.layer.tag.copies.iter().any(|(source, _)| source == file),
        }
    }
}

/// What is known of changes at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// How many.
    pub count: u64,
    /// Of how many it is decided what becomes of them.
    pub decided: u64,
    /// The user's own files of which it got copies, and changed those.
    pub edited: Vec<PathBuf>,
}

impl Told {
    /// What there is to tell of these changes. `layer`: whose they are.
    #[must_use]
    pub fn of(layer: &Layer, found: &Changes) -> Self {
        let is_file = |facts: &Facts| facts.kind == FileKind::File;
        let files = found.all.iter().filter(|entry| entry.change.after.as_ref().is_some_and(is_file));
        let files: Vec<&Path> = files.map(Entry::path).collect();
        let has =
            |inside: &Path| files.iter().any(|file| file.ends_with(inside) && !inside.as_os_str().is_empty());
        // `~` is the home folder inside, which nobody has to know here.
        let is_changed = |inside: &Path| has(inside.strip_prefix("~").unwrap_or(inside));
        let copies = layer.tag.copies.iter();
        let edited = copies.filter(|(_, inside)| is_changed(inside)).map(|(source, _)| source.clone());
        let decided = decided::load(layer, found).iter().flatten().count() as u64;
        Self { count: found.totals.changes, decided, edited: edited.collect() }
    }

    /// How many wait.
    #[must_use]
    pub fn undecided(&self) -> u64 {
        self.count.saturating_sub(self.decided)
    }
}

/// What was counted already, for each layer's folder, and as what.
#[derive(Default)]
pub struct Counted(Mutex<HashMap<PathBuf, (Stamp, Told)>>);

/// When its listing was written, how long it is, since when it may be, and when
/// something was decided.
type Stamp = (i64, i64, u64, u64, Option<SystemTime>);

/// See [`super::super::Driver::waiting`].
pub fn waiting(real: &Real) -> Vec<Waiting> {
    find(&real.places, real.caller, &real.counted)
}

fn find(places: &Places, caller: u32, counted: &Counted) -> Vec<Waiting> {
    let mut undecided = layers::all(places, caller);
    undecided.retain(|layer| layer.tag.changes == Fate::Review);
    if undecided.is_empty() {
        return Vec::new();
    }
    let uuid = |(_, path): (u32, PathBuf)| fs::read_to_string(path.join("uuid")).ok();
    let runs = directory::numbered(&places.runtime).into_iter();
    let running: HashSet<String> = runs.filter_map(uuid).collect();
    // One that is being made has no image yet.
    undecided.retain(|layer| !running.contains(&layer.tag.uuid) && layers::image(&layer.folder).exists());
    let mut known = counted.0.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|folder, _| undecided.iter().any(|layer| layer.folder == *folder));
    let told = |layer: Layer| Waiting { told: count(&layer, &mut known), layer };
    let mut all: Vec<Waiting> = undecided.into_iter().map(told).collect();
    // Of what has changed nothing there is nothing to decide about.
    all.retain(|one| one.told.as_ref().is_none_or(|told| told.count > 0));
    all
}

/// A run that was to be looked at and has changed nothing leaves nothing: no
/// list would ever name it. But where something is kept under its name, who
/// discards by that name must meet this, and not what is kept. `uuid`: of the
/// run, which is over.
pub fn drop_unchanged(places: &Places, caller: u32, uuid: &str) {
    let is_it = |layer: &Layer| layer.tag.uuid == uuid && layer.tag.changes == Fate::Review;
    for layer in layers::all(places, caller).into_iter().filter(is_it) {
        let told = listing::load(&layer.folder, &layer.tag);
        let is_same = told.is_some_and(|found| found.totals.changes == 0 && !found.totals.partial);
        let kept = places.layers(caller).join(layers::kept_id(&layer.tag.name));
        if is_same && !kept.exists() {
            // What cannot be removed is as it was without this.
            let _ = layers::remove(&layer.folder);
        }
    }
}

fn count(layer: &Layer, known: &mut HashMap<PathBuf, (Stamp, Told)>) -> Option<Told> {
    let file = fs::metadata(listing::place(&layer.folder)).ok().filter(|file| file.size() <= COUNTED_MAX)?;
    let decided = fs::metadata(decided::place_of(&layer.folder)).and_then(|file| file.modified()).ok();
    let stamp = (file.mtime(), file.mtime_nsec(), file.size(), layer.tag.started, decided);
    if let Some((_, told)) = known.get(&layer.folder).filter(|(then, _)| *then == stamp) {
        return Some(told.clone());
    }
    let told = Told::of(layer, &listing::load(&layer.folder, &layer.tag)?);
    known.insert(layer.folder.clone(), (stamp, told.clone()));
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::super::listing::store;
    use super::*;
    use crate::profile::Isolation;
    use crate::sandbox::Tag;
    use terrarium_protocol::changes::{Change, Totals, What};

    fn layer(places: &Places, id: &str, changes: Fate, started: u64) -> Layer {
        let folder = places.layers(1000).join(id);
        fs::create_dir_all(&folder).unwrap();
        let tag = Tag {
            name: "note".into(),
            uuid: id.into(),
            isolation: Isolation::Container,
            changes,
            size: 1,
            started,
            command: String::new(),
            colour: Default::default(),
            icon: None,
            root: None,
            from: None,
            copies: vec![("/home/me/note.txt".into(), "~/note.txt".into())],
            written: Vec::new(),
        };
        let layer = Layer { folder, tag };
        layer.save().unwrap();
        fs::write(layers::image(&layer.folder), "x").unwrap();
        layer
    }

    fn changed(paths: &[&str]) -> Changes {
        let facts = |size| Facts {
            kind: FileKind::File,
            mode: 0o644,
            uid: 1,
            gid: 1,
            size,
            modified: 1,
            nanoseconds: 0,
            target: Default::default(),
        };
        let entry = |path: &&str| super::super::Entry {
            change: Change { path: (*path).into(), what: What::Added, before: None, after: Some(facts(3)) },
            moved_from: None,
            outdated: false,
            again: false,
        };
        let all: Vec<_> = paths.iter().map(entry).collect();
        let totals = Totals { changes: all.len() as u64, ..Totals::default() };
        Changes { all, totals }
    }

    #[test]
    fn what_waits_is_found_and_counted_and_nothing_else() {
        let top = tempfile::tempdir().unwrap();
        let below = |name| top.path().join(name);
        let places = Places {
            config: below("config"),
            data: below("data"),
            cache: below("cache"),
            runtime: below("run"),
        };
        let counted = Counted::default();
        assert_eq!(find(&places, 1000, &counted), []);
        let edited = layer(&places, "one", Fate::Review, 7);
        store(&edited.folder, &changed(&["/home/inside/note.txt", "/var/log/x"])).unwrap();
        let untold = layer(&places, "two", Fate::Review, 9);
        let unchanged = layer(&places, "three", Fate::Review, 5);
        store(&unchanged.folder, &changed(&[])).unwrap();
        for (id, fate) in [("keep-note", Fate::Keep), ("four", Fate::Discard), ("five", Fate::Review)] {
            store(&layer(&places, id, fate, 1).folder, &changed(&["/etc/x"])).unwrap();
        }
        fs::create_dir_all(places.runtime.join("1")).unwrap();
        fs::write(places.runtime.join("1/uuid"), "five").unwrap();
        let all = find(&places, 1000, &counted);
        let found: Vec<_> = all.iter().map(|one| (one.layer.tag.uuid.as_str(), one.told.clone())).collect();
        let told = Told { count: 2, decided: 0, edited: vec!["/home/me/note.txt".into()] };
        assert_eq!(found, [("two", None), ("one", Some(told))]);
        fs::rename(places.layers(1000).join("keep-note"), top.path().join("kept")).unwrap();
        // At the end of a run what has changed nothing goes, and nothing else.
        for id in ["one", "two", "three", "four"] {
            drop_unchanged(&places, 1000, id);
        }
        fs::rename(top.path().join("kept"), places.layers(1000).join("keep-note")).unwrap();
        let of_kept = layer(&places, "six", Fate::Review, 5);
        store(&of_kept.folder, &changed(&[])).unwrap();
        drop_unchanged(&places, 1000, "six");
        assert!(of_kept.folder.exists(), "it stands before what is kept");
        fs::remove_dir_all(&of_kept.folder).unwrap();
        let there = |id: &str| places.layers(1000).join(id).exists();
        assert_eq!(["one", "two", "three", "four"].map(there), [true, true, false, true]);
        let note = Path::new("/home/me/note.txt");
        assert!(all.iter().all(|one| one.may_edit(note)) && !all[1].may_edit(Path::new("/var/log/x")));
        assert_eq!((all[0].edit(), all[1].edit()), (None, Some(note)));
        // What was counted is known, until it is another.
        store(&untold.folder, &changed(&["/etc/x"])).unwrap();
        store(&edited.folder, &changed(&["/etc/a", "/etc/b", "/etc/c"])).unwrap();
        let counts: Vec<_> = find(&places, 1000, &counted).into_iter().map(|one| one.told).collect();
        assert_eq!(counts.iter().flatten().map(|told| told.count).collect::<Vec<_>>(), [1, 3]);
        assert!(counts.iter().flatten().all(|told| told.edited.is_empty()));
    }
}
