// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pictures that came out of a sandbox. They are hostile, so only PNG is
//! decoded, by a decoder in Rust without `unsafe`, within bounds of size,
//! pixels and memory; what is kept is small. No other format is looked at.

use png::{BitDepth, ColorType, Decoder, Limits, Transformations};
use std::io::Cursor;

/// Longest file that is decoded, in bytes.
pub const PICTURE_MAX: usize = 8 << 20;
/// Most pixels that are decoded, and longest side.
const PIXELS_MAX: u64 = 16 << 20;
const SIDE_MAX: u32 = 16_384;
/// Most that the decoder may take beside the pixels, in bytes.
const MEMORY_MAX: usize = 16 << 20;
/// Longest side of what is kept.
const SHOWN_MAX: u32 = 1024;
/// Of what is kept: red, green, blue, alpha.
const CHANNELS: usize = 4;
/// How every such file begins.
const MARK: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A picture, made smaller if it is large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width and height in the file.
    pub size: (u32, u32),
    /// Width and height here.
    pub shown: (u32, u32),
    /// Red, green, blue, alpha of each pixel, a byte each, row by row.
    pub pixels: Vec<u8>,
}

/// Whether this may be one.
pub fn is_picture(head: &[u8]) -> bool {
    head.starts_with(MARK)
}

/// Decodes it, as far as it is whole and within the bounds.
pub fn decode(bytes: &[u8]) -> Option<Picture> {
    if !is_picture(bytes) || bytes.len() > PICTURE_MAX {
        return None;
    }
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MEMORY_MAX });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let (width, height) = reader.info().size();
    let is_bounded = u64::from(width) * u64::from(height) <= PIXELS_MAX && width.max(height) <= SIDE_MAX;
    let (kind, depth) = reader.output_color_type();
    let length = reader.output_buffer_size().filter(|_| is_bounded && depth == BitDepth::Eight)?;
    let mut pixels = vec![0; length];
    let row = reader.next_frame(&mut pixels).ok()?.line_size;
    let rgba = match kind {
        ColorType::Grayscale => |one: &[u8]| [one[0], one[0], one[0], 255],
        ColorType::GrayscaleAlpha => |one: &[u8]| [one[0], one[0], one[0], one[1]],
        ColorType::Rgb => |one: &[u8]| [one[0], one[1], one[2], 255],
        ColorType::Rgba => |one: &[u8]| [one[0], one[1], one[2], one[3]],
        ColorType::Indexed => return None,
    };
    let channels = kind.samples();
    let pixel = |x: usize, y: usize| pixels.get(y * row + x * channels..)?.get(..channels).map(rgba);
    shrink((width, height), pixel)
}

/// Every `step`th pixel in both directions.
fn shrink(
    (width, height): (u32, u32),
    pixel: impl Fn(usize, usize) -> Option<[u8; CHANNELS]>,
) -> Option<Picture> {
    let step = width.max(height).div_ceil(SHOWN_MAX).max(1);
    let shown = (width.div_ceil(step), height.div_ceil(step));
    let mut pixels = Vec::with_capacity(shown.0 as usize * shown.1 as usize * CHANNELS);
    for y in (0..height).step_by(step as usize) {
        for x in (0..width).step_by(step as usize) {
            pixels.extend(pixel(x as usize, y as usize)?);
        }
    }
    Some(Picture { size: (width, height), shown, pixels })
}

/// For the fuzz target.
///
/// # Panics
/// When what is decoded is not within the bounds.
pub fn check(bytes: &[u8]) {
    let Some(found) = decode(bytes) else { return };
    let (width, height) = found.shown;
    assert!(width <= SHOWN_MAX && height <= SHOWN_MAX && width > 0 && height > 0);
    assert_eq!(found.pixels.len(), width as usize * height as usize * CHANNELS);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(kind: ColorType, depth: BitDepth, (width, height): (u32, u32), data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(kind);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        bytes
    }

    #[test]
    fn pictures_of_all_kinds_are_decoded() {
        let eight = BitDepth::Eight;
        for (kind, depth, data, first) in [
            (ColorType::Grayscale, eight, &[7, 8][..], [7, 7, 7, 255]),
            (ColorType::Grayscale, BitDepth::One, &[0b1000_0000], [255; 4]),
            (ColorType::GrayscaleAlpha, eight, &[7, 8, 9, 10], [7, 7, 7, 8]),
            (ColorType::Rgb, eight, &[1, 2, 3, 4, 5, 6], [1, 2, 3, 255]),
            (
                ColorType::Rgba,
                BitDepth::Sixteen,
                &[1, 0, 2, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                [1, 2, 3, 4],
            ),
        ] {
            let found = decode(&file(kind, depth, (2, 1), data)).expect("a picture");
            assert_eq!(
                (found.size, found.shown, &found.pixels[..4]),
                ((2, 1), (2, 1), &first[..]),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn large_ones_are_made_small_and_larger_ones_are_left() {
        let grey = |size: (u32, u32)| {
            file(ColorType::Grayscale, BitDepth::Eight, size, &vec![9; size.0 as usize * size.1 as usize])
        };
        let found = decode(&grey((2500, 10))).unwrap();
        assert_eq!((found.size, found.shown, found.pixels.len()), ((2500, 10), (834, 4), 834 * 4 * 4));
        check(&grey((1, 4000)));
        assert!(decode(&grey((4097, 4097))).is_none() && decode(&grey((SIDE_MAX + 1, 1))).is_none());
        assert!(decode(&grey((SIDE_MAX, 1))).is_some());
        let half = grey((500, 500));
        assert!(decode(&half[..half.len() / 2]).is_none(), "half of one");
        assert!(decode(b"GIF89a").is_none());
    }

    #[test]
    fn the_seeds_are_pictures() {
        for seed in crate::fuzz_seeds("png") {
            assert!(decode(&seed).is_some());
            check(&seed);
        }
    }

    proptest! {
        #[test]
        fn garbage_does_no_harm(at in 0usize..120, bytes: [u8; 6]) {
            let mut one = file(ColorType::Rgb, BitDepth::Eight, (6, 5), &[5; 90]);
            for (place, byte) in one.iter_mut().skip(at).zip(bytes) {
                *place = byte;
            }
            check(&one);
        }
    }
}
