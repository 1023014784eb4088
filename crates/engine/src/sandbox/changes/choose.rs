// SPDX-License-Identifier: LGPL-2.1-or-later
//! What has to be taken out of a layer, so that of a change nothing is left,
//! or of all but some.

use super::listing::{Changes, Entry};
use std::collections::HashSet;
use terrarium_protocol::Bytes;

/// All that belongs to a change, or to those in a folder: what was moved is
/// missing elsewhere.
#[must_use]
pub fn all_of(changes: &Changes, path: &[u8]) -> Vec<Bytes> {
    let own = changes.find(path).into_iter().chain(changes.below(path));
    let mut paths = vec![Bytes::from(path)];
    let mut from: Vec<&Bytes> = own.filter_map(|one| one.moved_from.as_ref()).collect();
    from.sort();
    for one in from {
        // What lay in a folder went with it.
        let went = |last: &Bytes| is_in(one.as_slice(), last.as_slice());
        if !paths.iter().skip(1).next_back().is_some_and(went) {
            paths.push(one.clone());
        }
    }
    paths
}

/// All but these, and what is in them. What they lie in stays, too.
#[must_use]
pub fn all_but(changes: &Changes, keep: &[Bytes]) -> Vec<Bytes> {
    let kept: HashSet<&[u8]> = keep.iter().map(Bytes::as_slice).collect();
    let above: HashSet<&[u8]> = keep.iter().flat_map(|path| folders(path.as_slice())).collect();
    let mut gone: HashSet<&[u8]> = HashSet::new();
    let mut paths = Vec::new();
    for entry in &changes.all {
        let path = entry.change.path.as_slice();
        let stays = kept.contains(path) || above.contains(path);
        if stays || folders(path).any(|folder| kept.contains(folder)) {
            continue;
        }
        if !folders(path).any(|folder| gone.contains(folder)) {
            gone.insert(path);
            paths.extend(all_of(changes, path));
        }
    }
    paths
}

/// One of these, or in one of these, in whose place an earlier run has kept
/// something else: it does not come back by itself.
pub fn kept_earlier<'a>(changes: &'a Changes, paths: &[Bytes]) -> Option<&'a Entry> {
    let gone: HashSet<&[u8]> = paths.iter().map(Bytes::as_slice).collect();
    let goes = |entry: &&Entry| {
        let path = entry.change.path.as_slice();
        entry.again && (gone.contains(path) || folders(path).any(|folder| gone.contains(folder)))
    };
    changes.all.iter().find(goes)
}

fn is_in(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with(b"/"))
}

/// The folders that a path lies in, from the nearest on.
fn folders(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().rev().filter(|(at, byte)| **byte == b'/' && *at > 0);
    ends.map(|(at, _)| &path[..at])
}
