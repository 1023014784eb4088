// SPDX-License-Identifier: LGPL-2.1-or-later
//! The last bytes of a stream, found by their absolute offset.

use std::collections::VecDeque;

/// Longer lines are shown in part, in bytes.
const LINE: usize = 16 * 1024;

/// Keeps at most its capacity; the oldest go first.
pub struct Ring {
    bytes: VecDeque<u8>,
    end: u64,
    capacity: usize,
}

impl Ring {
    /// An empty stream.
    pub fn new(capacity: usize) -> Self {
        Self { bytes: VecDeque::new(), end: 0, capacity }
    }

    /// Offset of the oldest byte that is kept.
    pub fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    /// Where what is kept can be shown from: a terminal that begins in the
    /// middle of a line may begin in the middle of what sets a colour, or of a
    /// character.
    pub fn first_line(&self) -> u64 {
        let start = self.start();
        let cut = (start > 0).then(|| self.bytes.iter().take(LINE).position(|&byte| byte == b'\n'));
        start + cut.flatten().map_or(0, |at| at as u64 + 1)
    }

    /// How many bytes are kept at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many bytes the stream had so far.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Appends.
    pub fn push(&mut self, piece: &[u8]) {
        self.end += piece.len() as u64;
        let piece = &piece[piece.len().saturating_sub(self.capacity)..];
        let excess = (self.bytes.len() + piece.len()).saturating_sub(self.capacity);
        self.bytes.drain(..excess);
        self.bytes.extend(piece);
    }

    /// Up to `most` bytes from `offset` on; `offset` must be kept.
    pub fn slice(&self, offset: u64, most: usize) -> Vec<u8> {
        let skip =
            usize::try_from(offset.saturating_sub(self.start())).unwrap_or(usize::MAX).min(self.bytes.len());
        let (first, second) = self.bytes.as_slices();
        let take = most.min(self.bytes.len() - skip);
        let mut out = Vec::with_capacity(take);
        if skip < first.len() {
            out.extend_from_slice(&first[skip..(skip + take).min(first.len())]);
        }
        let left = take - out.len();
        let at = skip.saturating_sub(first.len());
        out.extend_from_slice(&second[at..at + left]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_is_shown_from_the_start_of_a_line() {
        let mut ring = Ring::new(10);
        ring.push(b"a\nbcd\nef");
        assert_eq!(ring.first_line(), 0, "nothing is gone");
        ring.push(b"ghij");
        assert_eq!((ring.start(), ring.first_line()), (2, 6));
        ring.push(b"klmnopqrst");
        assert_eq!(ring.first_line(), ring.start(), "there is no other line");
    }

    proptest! {
        #[test]
        fn it_is_the_tail_of_what_was_pushed(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
            capacity in 1usize..60, from in 0usize..80, most in 0usize..80
        ) {
            let mut ring = Ring::new(capacity);
            let mut all = Vec::new();
            for piece in &pieces {
                ring.push(piece);
                all.extend_from_slice(piece);
            }
            let start = all.len().saturating_sub(capacity);
            prop_assert_eq!((ring.start(), ring.end()), (start as u64, all.len() as u64));
            let from = (start + from).min(all.len());
            let until = (from + most).min(all.len());
            prop_assert_eq!(ring.slice(from as u64, most), &all[from..until]);
        }
    }
}
