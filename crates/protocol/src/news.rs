// SPDX-License-Identifier: LGPL-2.1-or-later
//! What init and its copy at the X server tell each other: messages of a fixed
//! length over a socket that keeps them apart.

use crate::display::ScreenSize;

/// What it tells init.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The screen has this size now.
    Size(ScreenSize),
    /// So many windows of programs are there.
    Windows(u32),
}

/// Bytes of one piece of news.
pub const NEWS: usize = 9;
/// Bytes of one size.
pub const SIZE: usize = 8;

impl News {
    /// As it goes to init.
    #[must_use]
    pub fn encode(self) -> [u8; NEWS] {
        let (kind, a, b) = match self {
            Self::Size(size) => (1, size.width, size.height),
            Self::Windows(count) => (2, count, 0),
        };
        let mut out = [kind; NEWS];
        out[1..5].copy_from_slice(&a.to_le_bytes());
        out[5..].copy_from_slice(&b.to_le_bytes());
        out
    }

    /// As it came from there; `None` if it is none.
    #[must_use]
    pub fn decode(bytes: [u8; NEWS]) -> Option<Self> {
        let [kind, a, b, c, d, w, x, y, z] = bytes;
        let (first, second) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([w, x, y, z]));
        match kind {
            1 => Some(Self::Size(ScreenSize { width: first, height: second })),
            2 => Some(Self::Windows(first)),
            _ => None,
        }
    }
}

/// A size as it goes to the copy.
#[must_use]
pub fn encode(size: ScreenSize) -> [u8; SIZE] {
    let mut out = [0; SIZE];
    out[..4].copy_from_slice(&size.width.to_le_bytes());
    out[4..].copy_from_slice(&size.height.to_le_bytes());
    out
}

/// As it came there.
#[must_use]
pub fn decode([a, b, c, d, w, x, y, z]: [u8; SIZE]) -> ScreenSize {
    ScreenSize { width: u32::from_le_bytes([a, b, c, d]), height: u32::from_le_bytes([w, x, y, z]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_heard() {
        for news in [News::Size(ScreenSize { width: 640, height: 481 }), News::Windows(3)] {
            assert_eq!(News::decode(news.encode()), Some(news));
        }
        assert_eq!(News::decode([9; NEWS]), None);
        let size = ScreenSize { width: 320, height: 240 };
        assert_eq!(decode(encode(size)), size);
    }
}
