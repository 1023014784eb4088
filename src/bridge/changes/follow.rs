// SPDX-License-Identifier: LGPL-2.1-or-later
//! What nobody has to be asked about: a folder that is there because of what
//! lies in it follows that, and what an editor wrote for itself beside the file
//! that it was to edit.

use super::Decision;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use terrarium_engine::sandbox::changes::{below, Entry, Kind};
use terrarium_protocol::changes::FileKind;

/// What lies in an added folder; nothing for what is none, or empty.
fn content(all: &[Entry], index: usize) -> Range<usize> {
    let entry = &all[index];
    let is_folder = entry.change.after.as_ref().is_some_and(|after| after.kind == FileKind::Folder);
    match is_folder && entry.kind() == Kind::Added {
        true => below(all, entry.change.path.as_slice()),
        false => 0..0,
    }
}

/// What an added folder follows, once all of that is decided: each decision in
/// it once.
fn within(all: &[Entry], decided: &[Option<Decision>], index: usize) -> Option<Vec<Decision>> {
    let mut found = Vec::new();
    for inner in content(all, index).filter(|inner| content(all, *inner).is_empty()) {
        let decision = decided[inner]?;
        if !found.contains(&decision) {
            found.push(decision);
        }
    }
    (!found.is_empty()).then_some(found)
}

/// Whether a change waits for nobody: it is decided, or a folder whose content
/// is.
pub fn is_settled(all: &[Entry], decided: &[Option<Decision>], index: usize) -> bool {
    decided[index].is_some() || within(all, decided, index).is_some()
}

/// What becomes of the added folders around those that were decided now: one
/// is there once anything in it is, and shares what all in it do. Where they
/// differ it is nothing of its own.
pub fn around(
    all: &[Entry],
    decided: &[Option<Decision>],
    chosen: &[usize],
) -> Vec<(usize, Option<Decision>)> {
    let now: HashSet<usize> = chosen.iter().copied().collect();
    let above: HashSet<&[u8]> = chosen
        .iter()
        .flat_map(|index| all[*index].path().ancestors().skip(1))
        .map(|path| path.as_os_str().as_bytes())
        .collect();
    let is_around = |index: &usize| {
        let is_open = !now.contains(index) && decided[*index] != Some(Decision::Applied);
        is_open && above.contains(all[*index].change.path.as_slice()) && !content(all, *index).is_empty()
    };
    let follows = |index: usize| {
        let found = within(all, decided, index).unwrap_or_default();
        let same = found.first().copied().filter(|_| found.len() == 1);
        if found.contains(&Decision::Applied) {
            Some(Decision::Applied)
        } else {
            same
        }
    };
    (0..all.len()).filter(is_around).map(|index| (index, follows(index))).collect()
}

/// Whether programs keep it for themselves: a name in its path within the home
/// folder begins with a dot.
pub fn is_own(entry: &Entry, home: &Path) -> bool {
    let inner = entry.path().strip_prefix(home).ok();
    inner.is_some_and(|inner| inner.iter().map(OsStr::as_bytes).any(|name| name.starts_with(b".")))
}
