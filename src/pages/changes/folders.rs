// SPDX-License-Identifier: LGPL-2.1-or-later
//! The rows of the list: what lies in one folder stands below that folder,
//! which is a row of its own and can be decided about as a whole. What the run
//! had a copy of comes first, then the home folder.

use std::collections::HashSet;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use terrarium_engine::sandbox::changes::{below, Entry};

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A folder in which something has changed, by its number.
    Folder(usize),
    /// A change, by its number.
    Change(usize),
}

/// A folder in which something has changed.
#[derive(Debug)]
pub struct Folder {
    /// Its path inside.
    pub path: Vec<u8>,
    /// All changes in it, however deep: they stand beside each other.
    pub inner: Range<usize>,
    /// How many of them are rows of its own.
    pub rows: usize,
}

/// Changes, by the folders that they lie in.
#[derive(Debug, Default)]
pub struct Folders {
    /// In the order in which they are shown.
    pub all: Vec<Folder>,
    /// What is shown.
    pub rows: Vec<Row>,
    /// The first change is of a file that the run had a copy of.
    pub edited: bool,
}

impl Folders {
    /// Of changes that are in the order of their paths.
    pub fn of(all: &[Entry], home: Option<&Path>, is_edited: impl Fn(&Entry) -> bool) -> Self {
        let home = home.map(|home| home.as_os_str().as_bytes());
        let is_elsewhere = |folder: &[u8]| {
            !home.is_some_and(|home| {
                folder.strip_prefix(home).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
            })
        };
        let edited: Vec<bool> = all.iter().map(is_edited).collect();
        let first: HashSet<&[u8]> = all
            .iter()
            .zip(&edited)
            .filter(|(_, edited)| **edited)
            .map(|(entry, _)| above(entry.change.path.as_slice()))
            .collect();
        let mut order: Vec<(bool, bool, &[u8], bool, usize)> = all
            .iter()
            .enumerate()
            .map(|(index, entry)| {
                let folder = above(entry.change.path.as_slice());
                (!first.contains(folder), is_elsewhere(folder), folder, !edited[index], index)
            })
            .collect();
        order.sort_unstable();
        let mut found =
            Self { all: Vec::new(), rows: Vec::with_capacity(all.len() + 1), edited: !first.is_empty() };
        for (_, _, path, _, index) in order {
            if found.all.last().is_none_or(|last| last.path != path) {
                found.rows.push(Row::Folder(found.all.len()));
                found.all.push(Folder { path: path.to_vec(), inner: below(all, path), rows: 0 });
            }
            found.rows.push(Row::Change(index));
            found.all.last_mut().into_iter().for_each(|folder| folder.rows += 1);
        }
        found
    }
}

/// The folder that something lies in.
pub fn above(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|&byte| byte == b'/') {
        None | Some(0) => b"/",
        Some(at) => &path[..at],
    }
}

/// The name of something in its folder.
pub fn name(path: &[u8]) -> &[u8] {
    path.iter().rposition(|&byte| byte == b'/').map_or(path, |at| &path[at + 1..])
}

/// Those of some that lie in none of the others.
pub fn tops(all: &[Entry], some: &[usize]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    let mut covered: std::collections::HashSet<usize> = std::collections::HashSet::new();
    for &index in some {
        if !covered.contains(&index) {
            let inner = below(all, all[index].change.path.as_slice());
            covered.extend(inner);
            found.push(index);
        }
    }
    found.retain(|index| !covered.contains(index));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrarium_protocol::changes::{Change, What};

    fn entries(paths: &[&str]) -> Vec<Entry> {
        let mut paths = paths.to_vec();
        paths.sort_unstable();
        let change =
            |path: &&str| Change { path: (*path).into(), what: What::Added, before: None, after: None };
        let entry = |change| Entry { change, moved_from: None, outdated: false, again: false };
        paths.iter().map(change).map(entry).collect()
    }

    #[test]
    fn what_lies_in_a_folder_stands_below_it() {
        let all = entries(&["/a", "/etc/x", "/home/me/b", "/home/me/b-c", "/home/me/b/d", "/home/me2/e"]);
        let found = Folders::of(&all, Some(Path::new("/home/me")), |_| false);
        let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
        let rows: Vec<String> = found
            .rows
            .iter()
            .map(|row| match row {
                Row::Folder(at) => format!("{} {:?}", text(&found.all[*at].path), found.all[*at].inner),
                Row::Change(index) => text(name(all[*index].change.path.as_slice())),
            })
            .collect();
        let expected = [
            "/home/me 2..5",
            "b",
            "b-c",
            "/home/me/b 4..5",
            "d",
            "/ 0..6",
            "a",
            "/etc 1..2",
            "x",
            "/home/me2 5..6",
            "e",
        ];
        assert_eq!(rows, expected);
        assert_eq!(tops(&all, &[2, 3, 4]), [2, 3]);
        assert_eq!(tops(&all, &[4, 2]), [2], "in any order");
        assert!(Folders::of(&[], None, |_| false).rows.is_empty());
    }
}
