// SPDX-License-Identifier: LGPL-2.1-or-later
//! Small files are fetched before their turn, many at once: to ask for each
//! by itself takes longer than what it holds.

use super::listing::{Changes, Entry};
use super::session::{Review, Several, Sink, Watch};
use crate::error::{Error, LayerError};
use std::collections::{HashMap, HashSet, VecDeque};
use terrarium_protocol::changes::FileKind;
use terrarium_protocol::contents::Piece;
use terrarium_protocol::Bytes;

/// Larger ones come by themselves, in bytes.
const SMALL: u64 = 64 * 1024;
/// Most that is fetched at once, in bytes of files and of paths.
const AT_ONCE: u64 = 1 << 20;
const PATHS_AT_ONCE: usize = 128 * 1024;
/// And how many.
const COUNT: usize = 512;

/// A review that knows what will be asked for, and in which order.
pub struct Ahead<'a> {
    review: &'a mut dyn Review,
    /// What is still to come, and how large.
    order: VecDeque<(&'a Bytes, u64)>,
    small: HashSet<&'a Bytes>,
    ready: HashMap<Bytes, Vec<Piece>>,
}

impl<'a> Ahead<'a> {
    /// `entries` will be put somewhere, with all that is in them.
    pub fn new(
        review: &'a mut dyn Review,
        found: &'a Changes,
        entries: impl Iterator<Item = &'a Entry>,
    ) -> Self {
        let file = |entry: &'a Entry| {
            let after = entry.change.after.as_ref().filter(|after| after.kind == FileKind::File)?;
            Some((&entry.change.path, after.size))
        };
        let all =
            entries.flat_map(|entry| std::iter::once(entry).chain(found.below(entry.change.path.as_slice())));
        let order: VecDeque<(&Bytes, u64)> = all.filter_map(file).collect();
        let small = order.iter().filter(|(_, size)| *size <= SMALL).map(|(path, _)| *path).collect();
        Self { review, order, small, ready: HashMap::new() }
    }

    /// Fetches the next small ones.
    fn fetch(&mut self, first: &Bytes) -> Result<(), Error> {
        // What was passed over will not be asked for.
        while self.order.front().is_some_and(|(path, _)| *path != first) {
            self.order.pop_front();
        }
        let (mut bytes, mut paths, mut some) = (0, 0, Vec::new());
        for &(path, size) in self.order.iter().filter(|(_, size)| *size <= SMALL).take(COUNT) {
            bytes += size;
            paths += path.0.len();
            if !some.is_empty() && (bytes > AT_ONCE || paths > PATHS_AT_ONCE) {
                break;
            }
            some.push((path.clone(), size));
        }
        self.ready.clear();
        // One alone comes piece by piece, so that it can be ended.
        if some.len() < 2 {
            return Ok(());
        }
        let wanted: Vec<Bytes> = some.iter().map(|(path, _)| path.clone()).collect();
        let mut came: Vec<Vec<Piece>> = vec![Vec::new(); some.len()];
        self.review.several(&wanted, &mut |index, piece| {
            // No more than it was told to hold is kept.
            let fits = match &piece {
                Piece::Bytes(offset, bytes) => offset.saturating_add(bytes.len() as u64) <= some[index].1,
                Piece::End(_) | Piece::Failed(_) => true,
            };
            came[index].push(piece);
            if fits {
                Ok(true)
            } else {
                Err(Error::Layer(LayerError::Broken))
            }
        })?;
        self.ready = wanted.into_iter().zip(came).collect();
        Ok(())
    }
}

impl Review for Ahead<'_> {
    fn list(&mut self, watch: &Watch<'_>) -> Result<Changes, Error> {
        self.review.list(watch)
    }

    fn contents(&mut self, path: &Bytes, sink: &mut Sink<'_>) -> Result<(), Error> {
        if !self.ready.contains_key(path) && self.small.contains(path) {
            self.fetch(path)?;
        }
        let Some(pieces) = self.ready.remove(path) else { return self.review.contents(path, sink) };
        for piece in pieces {
            if let Piece::Failed(errno) = piece {
                return Err(super::session::file_error(path, errno));
            }
            if !sink(piece)? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn several(&mut self, paths: &[Bytes], sink: &mut Several<'_>) -> Result<(), Error> {
        self.review.several(paths, sink)
    }

    fn forget(&mut self, paths: &[Bytes]) -> Result<(), Error> {
        self.review.forget(paths)
    }
}
