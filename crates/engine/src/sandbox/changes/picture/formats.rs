// SPDX-License-Identifier: LGPL-2.1-or-later
//! The formats, each by its decoder.

use super::{is_bounded, shrink, Picture, CHANNELS, MEMORY_MAX, PIXELS_MAX, SIDE_MAX};
use gif::{ColorOutput, DecodeOptions, MemoryLimit};
use image_webp::WebPDecoder;
use png::{BitDepth, ColorType, Limits, Transformations};
use std::io::Cursor;
use std::num::NonZeroU64;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// Most passes over a JPEG: each is over all of its pixels, and may take no
/// more than some bytes. Programs write about ten.
const SCANS_MAX: usize = 64;

pub fn png(bytes: &[u8]) -> Option<Picture> {
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MEMORY_MAX });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let size = reader.info().size();
    let (kind, depth) = reader.output_color_type();
    let length = reader.output_buffer_size().filter(|_| is_bounded(size) && depth == BitDepth::Eight)?;
    let mut pixels = vec![0; length];
    let row = reader.next_frame(&mut pixels).ok()?.line_size;
    // Palettes are colours by now.
    let channels = (kind != ColorType::Indexed).then(|| kind.samples())?;
    shrink(size, |x, y| colour(pixels.get(y * row + x * channels..)?, channels))
}

pub fn jpeg(bytes: &[u8]) -> Option<Picture> {
    let options = DecoderOptions::default()
        .set_use_unsafe(false)
        .jpeg_set_max_scans(SCANS_MAX)
        .set_max_width(SIDE_MAX as usize)
        .set_max_height(SIDE_MAX as usize);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().ok()?;
    let (width, height) = decoder.dimensions()?;
    let size = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    if !is_bounded(size) {
        return None;
    }
    let pixels = decoder.decode().ok()?;
    let channels = match decoder.output_colorspace()? {
        ColorSpace::Luma => 1,
        ColorSpace::LumaA => 2,
        ColorSpace::RGB => 3,
        ColorSpace::RGBA => 4,
        _ => return None,
    };
    shrink(size, |x, y| colour(pixels.get((y * width + x) * channels..)?, channels))
}

/// The first picture, where it lies on the whole.
pub fn gif(bytes: &[u8]) -> Option<Picture> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.set_memory_limit(MemoryLimit::Bytes(NonZeroU64::new(PIXELS_MAX * CHANNELS as u64)?));
    let mut decoder = options.read_info(Cursor::new(bytes)).ok()?;
    let size = (u32::from(decoder.width()), u32::from(decoder.height()));
    if !is_bounded(size) {
        return None;
    }
    let frame = decoder.read_next_frame().ok()??;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    shrink(size, |x, y| {
        let inside = x.checked_sub(left).zip(y.checked_sub(top)).filter(|(x, y)| *x < width && *y < height);
        match inside {
            Some((x, y)) => colour(frame.buffer.get((y * width + x) * CHANNELS..)?, CHANNELS),
            None => Some([0; CHANNELS]),
        }
    })
}

pub fn webp(bytes: &[u8]) -> Option<Picture> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).ok()?;
    decoder.set_memory_limit(MEMORY_MAX);
    let size = decoder.dimensions();
    let length = decoder.output_buffer_size().filter(|_| is_bounded(size))?;
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let mut pixels = vec![0; length];
    if decoder.is_animated() {
        decoder.read_frame(&mut pixels).ok()?;
    } else {
        decoder.read_image(&mut pixels).ok()?;
    }
    let width = size.0 as usize;
    shrink(size, |x, y| colour(pixels.get((y * width + x) * channels..)?, channels))
}

/// Grey, grey and alpha, three colours, or three and alpha.
fn colour(pixel: &[u8], channels: usize) -> Option<[u8; CHANNELS]> {
    match *pixel.get(..channels)? {
        [grey] => Some([grey, grey, grey, 255]),
        [grey, alpha] => Some([grey, grey, grey, alpha]),
        [red, green, blue] => Some([red, green, blue, 255]),
        [red, green, blue, alpha] => Some([red, green, blue, alpha]),
        _ => None,
    }
}
