// SPDX-License-Identifier: LGPL-2.1-or-later
//! The numbers in a message of which only the beginning may have come.

use super::Refusal;
use crate::types::FailureKind;

/// Why it cannot be passed on now.
#[derive(Debug)]
pub(super) enum Lack {
    /// More of it must come first.
    More,
    Refused(Refusal),
}

pub(super) fn refused(detail: impl Into<String>) -> Lack {
    Lack::Refused(Refusal { kind: FailureKind::Refused, detail: detail.into() })
}

/// What has come of a message, and how long the whole will be.
pub(super) struct Body<'a> {
    bytes: &'a [u8],
    size: u64,
}

/// A rectangle as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edges {
    pub(super) top: i32,
    pub(super) left: i32,
    pub(super) bottom: i32,
    pub(super) right: i32,
}

impl Edges {
    /// Whether it lies within that many pixels.
    pub(super) fn lies_in(&self, width: u32, height: u32) -> bool {
        let along = |start: i32, end: i32, length: u32| {
            0 <= start && start <= end && u32::try_from(end).is_ok_and(|end| end <= length)
        };
        along(self.left, self.right, width) && along(self.top, self.bottom, height)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left >= self.right || self.top >= self.bottom
    }
}

impl<'a> Body<'a> {
    pub(super) fn new(bytes: &'a [u8], size: u64) -> Body<'a> {
        let here = usize::try_from(size).map_or(bytes.len(), |size| size.min(bytes.len()));
        Body { bytes: &bytes[..here], size }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// All of it, once all has come.
    pub(super) fn whole(&self) -> Result<&'a [u8], Lack> {
        if self.bytes.len() as u64 == self.size {
            Ok(self.bytes)
        } else {
            Err(Lack::More)
        }
    }

    fn get<const N: usize>(&self, at: u64) -> Result<[u8; N], Lack> {
        let end = at + N as u64;
        if end > self.size {
            return Err(refused("a message that ends too soon"));
        }
        let start = usize::try_from(at).map_err(|_| Lack::More)?;
        let found = self.bytes.get(start..start + N).ok_or(Lack::More)?;
        found.try_into().map_err(|_| Lack::More)
    }

    pub(super) fn u8(&self, at: u64) -> Result<u8, Lack> {
        self.get::<1>(at).map(|bytes| bytes[0])
    }

    pub(super) fn u16(&self, at: u64) -> Result<u16, Lack> {
        self.get(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&self, at: u64) -> Result<u32, Lack> {
        self.get(at).map(u32::from_le_bytes)
    }

    pub(super) fn i32(&self, at: u64) -> Result<i32, Lack> {
        self.get(at).map(i32::from_le_bytes)
    }

    pub(super) fn edges(&self, at: u64) -> Result<Edges, Lack> {
        let [top, left, bottom, right] =
            [self.i32(at)?, self.i32(at + 4)?, self.i32(at + 8)?, self.i32(at + 12)?];
        Ok(Edges { top, left, bottom, right })
    }
}
