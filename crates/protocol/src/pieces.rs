// SPDX-License-Identifier: LGPL-2.1-or-later
//! What arrives in pieces, until it is taken.

/// Bytes that were fed and not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    bytes: Vec<u8>,
    taken: usize,
}

impl Pieces {
    /// The next piece.
    pub(crate) fn feed(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// All that is there.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Leaves out what was read of [`Self::rest`].
    pub(crate) fn take(&mut self, count: usize) {
        self.taken += count;
    }
}
