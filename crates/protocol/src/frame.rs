// SPDX-License-Identifier: LGPL-2.1-or-later
//! Frames: `tag u32 | length u32 | kind u8 | payload | tag u32`, little endian.
//!
//! The tag stands at both ends so that the rest of a frame whose sender was
//! killed in the middle of it is never taken for a whole one: whatever comes
//! next in the stream does not end with the tag.

use crate::greeting::Tag;
use std::fmt;

/// Bytes before the payload.
pub const HEADER: usize = 9;
/// Bytes after the payload.
pub const TRAILER: usize = 4;
/// Bytes that a frame adds to its payload.
pub const OVERHEAD: usize = HEADER + TRAILER;

/// What the payload of a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A [`crate::ToInit`] or [`crate::FromInit`] as JSON.
    Control = 1,
    /// Bytes for the command's input; the payload is those bytes.
    Input = 2,
    /// Bytes that the command wrote: `stream u8 | offset u64 | bytes`.
    Output = 3,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Control),
            2 => Some(Self::Input),
            3 => Some(Self::Output),
            _ => None,
        }
    }
}

/// One whole frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub kind: Kind,
    /// At most the decoder's limit of bytes.
    pub payload: Vec<u8>,
}

/// Why bytes are no frame. The conversation cannot go on after any of these:
/// the reader goes back to looking for a [`crate::Greeting`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The tag before or after the payload is not this conversation's.
    Tag,
    /// The length is above the decoder's limit.
    Length(u32),
    /// No such kind.
    Kind(u8),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag => f.write_str("a frame of another conversation"),
            Self::Length(length) => write!(f, "a frame of {length} bytes, which is too long"),
            Self::Kind(kind) => write!(f, "a frame of the unknown kind {kind}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Appends one frame to `out`. The caller keeps `payload` within the limit of
/// the other side.
pub fn encode(tag: Tag, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(payload.len() + OVERHEAD);
    out.extend_from_slice(&tag.0.to_le_bytes());
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.push(kind as u8);
    out.extend_from_slice(payload);
    out.extend_from_slice(&tag.0.to_le_bytes());
}

/// Appends one frame of kind [`Kind::Output`] to `out`.
pub fn encode_output(tag: Tag, stream: u8, offset: u64, bytes: &[u8], out: &mut Vec<u8>) {
    let length = bytes.len() + OUTPUT_HEADER;
    out.reserve(length + OVERHEAD);
    out.extend_from_slice(&tag.0.to_le_bytes());
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out.push(Kind::Output as u8);
    out.push(stream);
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(&tag.0.to_le_bytes());
}

/// Bytes before the output in the payload of a frame of kind [`Kind::Output`].
pub const OUTPUT_HEADER: usize = 9;

/// The parts of the payload of a frame of kind [`Kind::Output`]: stream,
/// offset of its first byte in that stream, bytes. `None` if it is too short.
#[must_use]
pub fn split_output(payload: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (stream, rest) = payload.split_first()?;
    let (offset, bytes) = rest.split_first_chunk::<8>()?;
    Some((*stream, u64::from_le_bytes(*offset), bytes))
}

/// Puts frames together from whatever pieces arrive.
///
/// It holds at most one frame of `limit` bytes and the piece fed last.
#[derive(Debug)]
pub struct Decoder {
    tag: Tag,
    limit: usize,
    buffer: Vec<u8>,
    taken: usize,
}

impl Decoder {
    /// A decoder for one conversation; `limit` bounds the payload, in bytes.
    #[must_use]
    pub fn new(tag: Tag, limit: usize) -> Self {
        Self { tag, limit, buffer: Vec::new(), taken: 0 }
    }

    /// Takes the next piece of the stream. Call [`Self::next_frame`] until it
    /// has no more before feeding again: what is fed is stored.
    pub fn feed(&mut self, piece: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(piece);
    }

    /// The next whole frame, `None` until more is fed.
    ///
    /// # Errors
    /// The bytes are no frame; [`Self::into_rest`] gives them back so that a
    /// greeting among them can be found.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let rest = &self.buffer[self.taken..];
        let Some((header, after)) = rest.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        if word(0) != self.tag.0 {
            return Err(FrameError::Tag);
        }
        let length = word(4);
        if length as usize > self.limit {
            return Err(FrameError::Length(length));
        }
        let kind = Kind::from_byte(header[8]).ok_or(FrameError::Kind(header[8]))?;
        let length = length as usize;
        if after.len() < length + TRAILER {
            return Ok(None);
        }
        let (payload, after) = after.split_at(length);
        if after[..TRAILER] != self.tag.0.to_le_bytes() {
            return Err(FrameError::Tag);
        }
        let frame = Frame { kind, payload: payload.to_vec() };
        self.taken += length + OVERHEAD;
        Ok(Some(frame))
    }

    /// How much is stored of what was fed, in bytes.
    pub(crate) fn kept(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// What was fed and is not part of a frame yet.
    #[must_use]
    pub fn into_rest(mut self) -> Vec<u8> {
        self.buffer.drain(..self.taken);
        self.buffer
    }
}
