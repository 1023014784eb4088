// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files on their way out, one after another: pieces `offset u64 | length u32
//! | bytes`, little endian. What lies between pieces is zero. A piece without
//! bytes tells the length of the whole, and is a file's last; instead of it one
//! of the greatest length, also without bytes, tells why it cannot be read.

use crate::pieces::Pieces;

/// Most bytes of one piece.
pub const PIECE_MAX: usize = 60 * 1024;
const HEADER: usize = 12;
/// A length that is none.
const FAILED: u32 = u32::MAX;

/// Appends a piece to `out`; the caller keeps it within [`PIECE_MAX`].
pub fn encode(offset: u64, bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Appends the word that a file cannot be read, or no further.
pub fn encode_failed(errno: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&u64::from(errno).to_le_bytes());
    out.extend_from_slice(&FAILED.to_le_bytes());
}

/// What arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes at an offset.
    Bytes(u64, Vec<u8>),
    /// The whole is this long. What comes next is another file's.
    End(u64),
    /// It cannot be read, because of this error. What comes next is another
    /// file's.
    Failed(u8),
}

/// Not a piece, or one that lies before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// Puts pieces together. It holds at most one, and what was fed last.
#[derive(Debug, Default)]
pub struct Decoder {
    pieces: Pieces,
    reached: u64,
}

impl Decoder {
    /// Takes what arrives next. Call [`Self::piece`] until there is none
    /// before feeding again.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.pieces.feed(bytes);
    }

    /// How much is stored of what was fed, in bytes.
    pub(crate) fn kept(&self) -> usize {
        self.pieces.rest().len()
    }

    /// The next piece, `None` until more is fed.
    ///
    /// # Errors
    /// The bytes are no piece.
    pub fn piece(&mut self) -> Result<Option<Piece>, Broken> {
        let rest = self.pieces.rest();
        let Some((header, after)) = rest.split_first_chunk::<HEADER>() else { return Ok(None) };
        let [a, b, c, d, e, f, g, h, w, x, y, z] = *header;
        let offset = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let length = u32::from_le_bytes([w, x, y, z]);
        if length == FAILED {
            self.pieces.take(HEADER);
            self.reached = 0;
            return u8::try_from(offset).map(|errno| Some(Piece::Failed(errno))).map_err(|_| Broken);
        }
        let length = length as usize;
        let end = offset.checked_add(length as u64).ok_or(Broken)?;
        if length > PIECE_MAX || offset < self.reached {
            return Err(Broken);
        }
        let Some(bytes) = after.get(..length) else { return Ok(None) };
        let bytes = bytes.to_vec();
        self.pieces.take(HEADER + length);
        self.reached = if length == 0 { 0 } else { end };
        Ok(Some(if length == 0 { Piece::End(offset) } else { Piece::Bytes(offset, bytes) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(stream: &[u8], size: usize) -> (Vec<Piece>, bool) {
        let mut decoder = Decoder::default();
        let mut found = Vec::new();
        for part in stream.chunks(size.max(1)) {
            decoder.feed(part);
            loop {
                match decoder.piece() {
                    Ok(Some(piece)) => found.push(piece),
                    Ok(None) => break,
                    Err(Broken) => return (found, false),
                }
            }
            assert!(decoder.kept() < PIECE_MAX + HEADER + part.len());
        }
        (found, true)
    }

    proptest! {
        #[test]
        fn a_file_is_read_as_it_was_written(parts in prop::collection::vec((0u64..1000, prop::collection::vec(any::<u8>(), 1..50)), 0..9), size in 1usize..60) {
            let (mut out, mut at, mut expected) = (Vec::new(), 0, Vec::new());
            for (hole, bytes) in parts {
                at += hole;
                encode(at, &bytes, &mut out);
                expected.push(Piece::Bytes(at, bytes.clone()));
                at += bytes.len() as u64;
            }
            // Another one begins at its beginning.
            encode(at + 5, &[], &mut out);
            encode(0, b"x", &mut out);
            encode_failed(13, &mut out);
            encode(0, &[], &mut out);
            expected.extend([Piece::End(at + 5), Piece::Bytes(0, b"x".into()), Piece::Failed(13), Piece::End(0)]);
            prop_assert_eq!(decode(&out, size), (expected, true));
        }

        #[test]
        fn garbage_does_no_harm(bytes: Vec<u8>, size in 1usize..50) {
            crate::fuzz::contents(&bytes, size);
        }
    }

    #[test]
    fn nothing_is_written_twice_or_beyond_all_bounds() {
        for (first, second) in [(10, 5), (u64::MAX, 0), (u64::MAX - 1, 3)] {
            let mut out = Vec::new();
            encode(first, b"abc", &mut out);
            encode(second, b"abc", &mut out);
            assert!(!decode(&out, 7).1, "{first} {second}");
        }
    }
}
