// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sandboxes that crashed while nobody was attached.
//!
//! libvirt forgets a domain with its end. Of a sandbox that outlives its
//! client `RUNTIME/N.kept` tells what it was; the file goes as soon as an end
//! is expected, so one without a domain is a crash. It is listed until
//! somebody asks for it, for a week at most: `RUNTIME/N.crashed` was made when
//! it was first seen.

use super::directory::{self, fault};
use super::real::Real;
use super::{Id, Metadata, State, Summary};
use crate::error::{Error, FileAction};
use crate::uri::Uri;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a crash is listed.
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[derive(Serialize, Deserialize)]
struct Kept {
    connection: Uri,
    uuid: String,
    metadata: Metadata,
}

fn note(directory: &Path) -> PathBuf {
    directory.with_extension("kept")
}

fn mark(directory: &Path) -> PathBuf {
    directory.with_extension("crashed")
}

fn read(directory: &Path) -> Option<Kept> {
    serde_json::from_slice(&fs::read(note(directory)).ok()?).ok()
}

/// Writes down what a sandbox is that runs now.
///
/// # Errors
/// The disk will not have it.
pub fn remember(directory: &Path, id: &Id, metadata: Metadata) -> Result<(), Error> {
    let kept = Kept { connection: id.connection.clone(), uuid: id.uuid.clone(), metadata };
    let path = note(directory);
    fs::write(&path, serde_json::to_vec(&kept).unwrap_or_default()).map_err(fault(FileAction::Write, &path))
}

/// From now on the end of this sandbox is no crash.
pub fn expect_end(directory: &Path, uuid: &str) {
    if read(directory).is_some_and(|kept| kept.uuid == uuid) {
        forget(directory);
    }
}

/// Removes what is known of whoever had this directory.
pub fn forget(directory: &Path) {
    let _ = fs::remove_file(note(directory));
    let _ = fs::remove_file(mark(directory));
}

/// Whose crash is still to be told, if this directory has no domain.
pub fn name_of(directory: &Path) -> Option<String> {
    let seen = fs::metadata(mark(directory)).and_then(|found| found.modified());
    let is_old = seen.is_ok_and(|since| since.elapsed().is_ok_and(|age| age > WEEK));
    read(directory).filter(|_| !is_old).map(|kept| kept.metadata.name)
}

/// The crashed ones among the directories that have none of these domains.
pub fn all(real: &Real, taken: &[u32]) -> Vec<Summary> {
    let runtime = &real.places.runtime;
    let without = directory::numbered(runtime).into_iter().filter(|(number, _)| !taken.contains(number));
    without.filter_map(|(_, path)| crashed(real, &path)).collect()
}

fn crashed(real: &Real, path: &Path) -> Option<Summary> {
    name_of(path)?;
    if directory::is_starting(path) {
        return None;
    }
    let Kept { connection, uuid, metadata } = read(path)?;
    let id = Id { connection, number: metadata.number, uuid };
    // Its domain may have come after the others were listed.
    if !directory::is_of(path, &id.uuid) || !matches!(real.domain(&id), Ok(None)) {
        return None;
    }
    // Or its end was expected a moment ago.
    read(path)?;
    let _ = File::options().create_new(true).write(true).open(mark(path));
    Some(Summary { id, metadata, state: State::Crashed, status: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_expected_is_no_crash() {
        let runtime = tempfile::tempdir().unwrap();
        let path = runtime.path().join("3");
        let id = Id { connection: Uri::LxcSystem, number: 3, uuid: "mine".into() };
        let metadata = crate::sandbox::tests::some_metadata();
        assert_eq!(name_of(&path), None);
        remember(&path, &id, metadata.clone()).unwrap();
        assert_eq!(name_of(&path), Some(metadata.name.clone()));
        expect_end(&path, "another's");
        assert_eq!(name_of(&path), Some(metadata.name));
        let seen = File::create(mark(&path)).unwrap();
        seen.set_modified(std::time::SystemTime::now() - WEEK - Duration::from_secs(60)).unwrap();
        assert_eq!(name_of(&path), None, "a week ago");
        fs::remove_file(mark(&path)).unwrap();
        expect_end(&path, "mine");
        assert_eq!(name_of(&path), None);
        assert_eq!(fs::read_dir(runtime.path()).unwrap().count(), 0);
    }
}
