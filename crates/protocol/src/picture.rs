// SPDX-License-Identifier: LGPL-2.1-or-later
//! A picture of the screen on its way out: width and height as `u32`, little
//! endian, then the pixels from top left, three bytes each: red, green, blue.

use crate::display::{ScreenSize, SCREEN_PIXELS};

/// Bytes before the pixels.
pub const HEADER: usize = 8;
/// Bytes of a pixel.
pub const PIXEL: usize = 3;
/// Bytes of the largest picture.
pub const MAX: usize = HEADER + PIXEL * SCREEN_PIXELS as usize;

/// What comes before the pixels.
#[must_use]
pub fn header(size: ScreenSize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&size.width.to_le_bytes());
    header[4..].copy_from_slice(&size.height.to_le_bytes());
    header
}

/// The size and the pixels of a whole picture; `None` if it is none.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<(ScreenSize, &[u8])> {
    let (header, pixels) = bytes.split_first_chunk::<HEADER>()?;
    let [a, b, c, d, w, x, y, z] = *header;
    let (width, height) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([w, x, y, z]));
    let count = u64::from(width) * u64::from(height);
    let fits = count > 0 && count <= u64::from(SCREEN_PIXELS) && count * PIXEL as u64 == pixels.len() as u64;
    fits.then_some((ScreenSize { width, height }, pixels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_picture_is_read_as_it_was_written() {
        let size = ScreenSize { width: 2, height: 1 };
        let bytes = [&header(size)[..], &[1, 2, 3, 4, 5, 6]].concat();
        assert_eq!(parse(&bytes), Some((size, &[1, 2, 3, 4, 5, 6][..])));
        assert_eq!(parse(&bytes[..13]), None);
        assert_eq!(parse(&header(ScreenSize { width: 0, height: 7 })), None);
        assert_eq!(parse(&header(ScreenSize { width: u32::MAX, height: u32::MAX })), None);
    }

    proptest! {
        #[test]
        fn garbage_is_no_picture_larger_than_itself(bytes: Vec<u8>) {
            if let Some((size, pixels)) = parse(&bytes) {
                prop_assert_eq!(size.width as usize * size.height as usize * PIXEL, pixels.len());
            }
        }
    }
}
