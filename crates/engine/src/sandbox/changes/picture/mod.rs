// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pictures that came out of a sandbox. They are hostile: PNG, JPEG, GIF (the
//! first picture of it) and WebP are decoded, by decoders in Rust without
//! `unsafe`, within bounds of size, pixels and memory; what is kept is small.
//! No other format is looked at, and none that holds more than pixels (SVG is a
//! text).

mod formats;
#[cfg(test)]
mod tests;

/// Longest file that is decoded, in bytes.
pub const PICTURE_MAX: usize = 8 << 20;
/// Most pixels that are decoded, and longest side.
const PIXELS_MAX: u64 = 16 << 20;
const SIDE_MAX: u32 = 16_384;
/// Most that a decoder may take beside the pixels, in bytes, where that can be
/// said.
const MEMORY_MAX: usize = 16 << 20;
/// Longest side of what is kept.
const SHOWN_MAX: u32 = 1024;
/// Of what is kept: red, green, blue, alpha.
const CHANNELS: usize = 4;

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

/// What is decoded.
#[derive(Clone, Copy)]
enum Format {
    Png,
    Jpeg,
    Gif,
    WebP,
}

/// What a file that begins like this says that it is.
fn format(head: &[u8]) -> Option<Format> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Format::Png),
        [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::WebP),
        _ => None,
    }
}

/// Whether this may be one.
pub fn is_picture(head: &[u8]) -> bool {
    format(head).is_some()
}

/// Decodes it, as far as it is whole and within the bounds.
pub fn decode(bytes: &[u8]) -> Option<Picture> {
    if bytes.len() > PICTURE_MAX {
        return None;
    }
    // A decoder that gives up on what nobody has thought of is no reason to
    // end: nothing of it is used any more.
    std::panic::catch_unwind(|| decoded(bytes)).ok().flatten()
}

fn decoded(bytes: &[u8]) -> Option<Picture> {
    match format(bytes)? {
        Format::Png => formats::png(bytes),
        Format::Jpeg => formats::jpeg(bytes),
        Format::Gif => formats::gif(bytes),
        Format::WebP => formats::webp(bytes),
    }
}

fn is_bounded((width, height): (u32, u32)) -> bool {
    let pixels = u64::from(width) * u64::from(height);
    (1..=PIXELS_MAX).contains(&pixels) && width.max(height) <= SIDE_MAX
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
    let Some(found) = decoded(bytes) else { return };
    let (width, height) = found.shown;
    assert!(width <= SHOWN_MAX && height <= SHOWN_MAX && width > 0 && height > 0);
    assert_eq!(found.pixels.len(), width as usize * height as usize * CHANNELS);
}
