// SPDX-License-Identifier: LGPL-2.1-or-later
//! Images that come with drawings. The rows of a bitmap must be as long as it
//! is wide, and its pixels of a known kind.

use super::body::{refused, Body, Lack};
use super::display::Surfaces;
use crate::frame::{MAX_BYTES, MAX_SIDE};

/// Kinds: pixels as they are, and a surface of this channel.
const BITMAP: u8 = 0;
const SURFACE: u8 = 104;
/// An alpha of a surface that has none is to be taken for opaque.
const HIGH_BITS_SET: u8 = 4;
/// The rows of a bitmap begin at the top.
const TOP_DOWN: u8 = 4;
/// Number, kind, flags, width and height.
const DESCRIPTOR: u64 = 8 + 1 + 1 + 4 + 4;

/// Width and height of the image at `at`, whose pixels can be drawn on a
/// surface of so many bits a pixel.
pub(super) fn size(body: &Body, at: u64, bits: u32, surfaces: &Surfaces) -> Result<(u32, u32), Lack> {
    if at == 0 {
        return Err(refused("a drawing without its image"));
    }
    let (kind, flags) = (body.u8(at + 8)?, body.u8(at + 9)?);
    let named = (body.u32(at + 10)?, body.u32(at + 14)?);
    match kind {
        SURFACE => {
            let surface = surfaces.get(body.u32(at + DESCRIPTOR)?)?;
            // Between others spice-glib does not convert.
            if surface.bits == bits {
                Ok(surface.size)
            } else {
                Err(refused("a surface of other pixels"))
            }
        }
        BITMAP => {
            if flags & !HIGH_BITS_SET != 0 && !surfaces.decoders() {
                return Err(refused(format!("an image with the flags {flags}")));
            }
            let size = bitmap(body, at + DESCRIPTOR, surfaces.decoders())?;
            if size == named {
                Ok(size)
            } else {
                Err(refused(format!("an image of {size:?} as {named:?}")))
            }
        }
        _ if surfaces.decoders() => Ok(named),
        _ => Err(refused(format!("an image of the kind {kind}"))),
    }
}

fn bitmap(body: &Body, at: u64, decoders: bool) -> Result<(u32, u32), Lack> {
    let (format, flags) = (body.u8(at)?, body.u8(at + 1)?);
    let (width, height, stride) = (body.u32(at + 2)?, body.u32(at + 6)?, body.u32(at + 10)?);
    let bits: u32 = match format {
        6 => 16,
        7 => 24,
        8 | 9 => 32,
        // With a palette, or an alpha alone.
        1 | 2 if decoders => 1,
        3 | 4 if decoders => 4,
        5 | 10 if decoders => 8,
        _ => return Err(refused(format!("a bitmap with pixel format {format}"))),
    };
    if flags & !TOP_DOWN != 0 && !decoders {
        return Err(refused(format!("a bitmap with the flags {flags}")));
    }
    let sides = 1..=MAX_SIDE;
    if !sides.contains(&width) || !sides.contains(&height) {
        return Err(refused(format!("a bitmap of {width}x{height} pixels")));
    }
    let bytes = u64::from(stride) * u64::from(height);
    // spice-glib takes what comes last, wherever the message ends.
    if stride < (width * bits).div_ceil(8) || bytes > MAX_BYTES || bytes > body.size() {
        return Err(refused(format!("a bitmap {width} pixels wide whose rows are {stride} bytes apart")));
    }
    Ok((width, height))
}
