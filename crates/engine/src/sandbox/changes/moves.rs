// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is gone in one place and new in another was moved, as far as that can
//! be told. A layer does not say so: who moves something of the host's copies
//! it and takes the old one away.

use super::listing::{below, on_host, Changes, Entry};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::changes::{Facts, FileKind, What};
use terrarium_protocol::Bytes;

/// Most of the host's files that are looked at to find folders again.
const LOOK_MAX: usize = 50_000;
/// Folders in one another.
const DEPTH_MAX: usize = 64;

/// Finds them. `root`: see [`on_host`]. `copies`: what the run began with
/// copies of, and where. One that had another place outside is a file of its
/// own, about which is decided by itself.
pub fn find(changes: &mut Changes, root: Option<&Path>, copies: &[(PathBuf, PathBuf)]) {
    let mut gone = folders(changes, root);
    gone.extend(files(changes, copies));
    changes.totals.changes = changes.totals.changes.saturating_sub(gone.len() as u64);
    gone.sort_unstable();
    let mut index = 0;
    changes.all.retain(|_| {
        index += 1;
        gone.binary_search(&(index - 1)).is_err()
    });
}

/// What tells a file from others: its size, and when it was written.
type Mark = (u64, i64, u32);

fn mark(facts: &Facts) -> Mark {
    (facts.size, facts.modified, facts.nanoseconds)
}

/// A file that is gone and one that is new, of the same mark, are one that was
/// moved, unless there are several of them. What was moved away, by index.
fn files(changes: &mut Changes, copies: &[(PathBuf, PathBuf)]) -> Vec<usize> {
    let apart: HashSet<&Path> =
        copies.iter().filter(|(from, to)| from != to).map(|(_, to)| to.as_path()).collect();
    let mut gone: HashMap<Mark, Vec<usize>> = HashMap::new();
    let mut fresh: HashMap<Mark, Vec<usize>> = HashMap::new();
    for (index, entry) in changes.all.iter().enumerate().filter(|(_, one)| !apart.contains(one.path())) {
        let (facts, map) = match entry.change.what {
            What::Deleted => (&entry.change.before, &mut gone),
            What::Added if entry.moved_from.is_none() => (&entry.change.after, &mut fresh),
            _ => continue,
        };
        if let Some(facts) = facts.as_ref().filter(|facts| facts.kind == FileKind::File && facts.size > 0) {
            map.entry(mark(facts)).or_default().push(index);
        }
    }
    let pairs = gone.iter().filter_map(|(key, from)| match (fresh.get(key).map(Vec::as_slice), &from[..]) {
        (Some(&[to]), &[from]) => Some((from, to)),
        _ => None,
    });
    let pairs: Vec<(usize, usize)> = pairs.collect();
    for &(from, to) in &pairs {
        let (old, again) = (changes.all[from].change.clone(), changes.all[from].again);
        moved(&mut changes.all[to], old.path, old.before);
        changes.all[to].again |= again;
    }
    pairs.into_iter().map(|(from, _)| from).collect()
}

fn moved(entry: &mut Entry, from: Bytes, before: Option<Facts>) {
    (entry.moved_from, entry.change.before) = (Some(from), before);
}

/// What is in a folder, by its path in it.
type Content = Vec<(Vec<u8>, FileKind, Mark)>;

/// A folder that is gone and one that is new in which the same files lie, of
/// the same marks. Of the first one the layer knows nothing but that: its
/// content is the host's.
fn folders(changes: &mut Changes, root: Option<&Path>) -> Vec<usize> {
    let is_folder = |facts: &Option<Facts>| facts.as_ref().is_some_and(|one| one.kind == FileKind::Folder);
    let of = |what: What| {
        move |(index, entry): (usize, &Entry)| {
            let facts = if what == What::Deleted { &entry.change.before } else { &entry.change.after };
            (entry.change.what == what && is_folder(facts)).then_some(index)
        }
    };
    let mut left = LOOK_MAX;
    let all = changes.all.iter().enumerate();
    let gone: Vec<(usize, Content)> = all
        .clone()
        .filter_map(of(What::Deleted))
        .filter_map(|index| Some((index, content(&on_host(changes.all[index].path(), root), &mut left)?)))
        .collect();
    if gone.is_empty() {
        return Vec::new();
    }
    let inner = |index: usize| below(&changes.all, changes.all[index].change.path.as_slice());
    let fresh: Vec<(usize, std::ops::Range<usize>)> =
        all.filter_map(of(What::Added)).map(|index| (index, inner(index))).collect();
    let mut pairs = Vec::new();
    for (from, content) in &gone {
        let mut same = fresh.iter().filter(|(to, range)| is_same(&changes.all, *to, range, content));
        if let (Some((to, range)), None) = (same.next(), same.next()) {
            pairs.push((*from, *to, range.clone(), content));
        }
    }
    let alone = |to: usize| pairs.iter().filter(|(_, other, ..)| *other == to).count() == 1;
    let pairs: Vec<_> = pairs.iter().filter(|(_, to, ..)| alone(*to)).collect();
    for (from, to, range, content) in &pairs {
        let (old, again) = (changes.all[*from].change.clone(), changes.all[*from].again);
        for (entry, (inner, ..)) in changes.all[range.clone()].iter_mut().zip(content.iter()) {
            let path = [old.path.as_slice(), b"/", inner].concat();
            let before = entry.change.after.clone();
            moved(entry, path.into(), before);
        }
        moved(&mut changes.all[*to], old.path, old.before);
        changes.all[*to].again |= again;
    }
    pairs.into_iter().map(|(from, ..)| *from).collect()
}

fn is_same(all: &[Entry], folder: usize, range: &std::ops::Range<usize>, content: &Content) -> bool {
    let skip = all[folder].change.path.as_slice().len() + 1;
    let alike = |(entry, (inner, kind, marked)): (&Entry, &(Vec<u8>, FileKind, Mark))| {
        let after = entry.change.after.as_ref().filter(|_| entry.change.what == What::Added);
        let is_it =
            |after: &Facts| after.kind == *kind && (*kind != FileKind::File || mark(after) == *marked);
        entry.change.path.as_slice()[skip..] == inner[..] && after.is_some_and(is_it)
    };
    range.len() == content.len() && all[range.clone()].iter().zip(content).all(alike)
}

/// What the host has in a folder. `None` if that cannot be seen as a whole, is
/// too much, or holds no file that has a mark of its own.
fn content(folder: &Path, left: &mut usize) -> Option<Content> {
    let mut found: Content = Vec::new();
    let mut waiting: Vec<(PathBuf, Vec<u8>, usize)> = vec![(folder.to_owned(), Vec::new(), 0)];
    while let Some((path, inner, depth)) = waiting.pop() {
        for entry in fs::read_dir(&path).ok()? {
            let entry = entry.ok()?;
            *left = left.checked_sub(1)?;
            let seen = fs::symlink_metadata(entry.path()).ok()?;
            let name = entry.file_name();
            let inner = match inner.is_empty() {
                true => name.as_bytes().to_vec(),
                false => [&inner, OsStr::new("/").as_bytes(), name.as_bytes()].concat(),
            };
            let kind = match () {
                () if seen.is_dir() => FileKind::Folder,
                () if seen.is_file() => FileKind::File,
                () if seen.is_symlink() => FileKind::Link,
                () => return None,
            };
            if kind == FileKind::Folder {
                (depth < DEPTH_MAX).then_some(())?;
                waiting.push((entry.path(), inner.clone(), depth + 1));
            }
            let time = (seen.mtime(), u32::try_from(seen.mtime_nsec()).unwrap_or(0));
            found.push((inner, kind, (seen.size(), time.0, time.1)));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let tells = found.iter().any(|(_, kind, mark)| *kind == FileKind::File && mark.0 > 0);
    tells.then_some(found)
}
