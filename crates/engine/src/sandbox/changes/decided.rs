// SPDX-License-Identifier: LGPL-2.1-or-later
//! What was decided about changes that still wait: beside their layer, so that
//! whoever comes back later, or elsewhere, finds it as it was left.
//!
//! That something is applied holds as long as the real file is the one that
//! came out of it: whoever has changed or deleted that is asked again.

use super::listing::{Changes, Entry};
use crate::error::{Error, FileAction};
use crate::sandbox::directory::fault;
use crate::sandbox::Layer;
use rustix::fs::Stat;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use terrarium_protocol::changes::FileKind;
use terrarium_protocol::Bytes;

/// In the layer's folder.
const NAME: &str = "decided";
/// Longest that is read, in bytes.
const MOST: u64 = 256 << 20;

/// What is to become of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It is in its real place.
    Applied,
    /// A copy is somewhere.
    Copied,
    /// The next run goes on from it.
    Kept,
    /// It is thrown away.
    Discarded,
}

/// One decision.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Noted {
    path: Bytes,
    decision: Decision,
    /// Of what state of the change.
    of: (u64, i64, u32),
    /// What was in the real place then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    real: Option<Real>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Real {
    place: Bytes,
    stamp: Option<Stamp>,
}

/// Of a folder only that it is one: what is in it has changes of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    is_folder: bool,
    file: Option<(u64, i64, i64)>,
}

/// What is written down; of another run it holds no more.
#[derive(Default, Serialize, Deserialize)]
struct Record {
    uuid: String,
    all: Vec<Noted>,
}

/// What was decided, for each of these changes.
#[must_use]
pub fn load(layer: &Layer, found: &Changes) -> Vec<Option<Decision>> {
    let record = read(layer);
    let noted: HashMap<&Bytes, &Noted> = record.all.iter().map(|one| (&one.path, one)).collect();
    let decision = |entry: &Entry| {
        let noted = noted.get(&entry.change.path).filter(|noted| noted.of == state(entry))?;
        let holds = noted.real.as_ref().is_none_or(|real| stamp(&path_of(&real.place)) == real.stamp);
        holds.then_some(noted.decision)
    };
    found.all.iter().map(decision).collect()
}

/// Writes it down. `place`: where the real file of an entry is.
///
/// # Errors
/// It cannot be written.
pub fn store(
    layer: &Layer,
    found: &Changes,
    decided: &[Option<Decision>],
    place: impl Fn(&Entry) -> PathBuf,
) -> Result<(), Error> {
    let mut before = read(layer);
    let known: HashMap<Bytes, Noted> = before.all.drain(..).map(|one| (one.path.clone(), one)).collect();
    let note = |(entry, decision): (&Entry, &Option<Decision>)| {
        let decision = (*decision)?;
        let of = state(entry);
        // What was there when it was applied counts, and not what is there now.
        let same = known.get(&entry.change.path).filter(|one| one.decision == decision && one.of == of);
        Some(same.cloned().unwrap_or_else(|| {
            let real = (decision == Decision::Applied).then(|| Real::of(&place(entry)));
            Noted { path: entry.change.path.clone(), decision, of, real }
        }))
    };
    let all = found.all.iter().zip(decided).filter_map(note).collect();
    let text = serde_json::to_vec(&Record { uuid: layer.tag.uuid.clone(), all }).unwrap_or_default();
    let (path, fresh) = (place_of(&layer.folder), layer.folder.join("decided.new"));
    let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, &path));
    written.map_err(fault(FileAction::Write, &path))
}

/// Where it lies in a layer's folder.
pub(super) fn place_of(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

impl Real {
    fn of(place: &Path) -> Self {
        Self { place: place.as_os_str().as_encoded_bytes().into(), stamp: stamp(place) }
    }
}

fn read(layer: &Layer) -> Record {
    let read = || -> Option<Record> {
        let mut bytes = Vec::new();
        File::open(place_of(&layer.folder)).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    read().filter(|record| record.uuid == layer.tag.uuid).unwrap_or_default()
}

fn path_of(bytes: &Bytes) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes.as_slice()))
}

/// A change that is another by now has not been decided about.
fn state(entry: &Entry) -> (u64, i64, u32) {
    let after = entry.change.after.as_ref().filter(|after| after.kind == FileKind::File);
    after.map_or((0, 0, 0), |after| (after.size, after.modified, after.nanoseconds))
}

fn stamp(place: &Path) -> Option<Stamp> {
    let found: Stat = rustix::fs::lstat(place).ok()?;
    let is_folder = rustix::fs::FileType::from_raw_mode(found.st_mode) == rustix::fs::FileType::Directory;
    let file = || (u64::try_from(found.st_size).unwrap_or(0), found.st_mtime, found.st_mtime_nsec as i64);
    Some(Stamp { is_folder, file: (!is_folder).then(file) })
}
