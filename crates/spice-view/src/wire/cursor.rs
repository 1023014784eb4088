// SPDX-License-Identifier: LGPL-2.1-or-later
//! The shapes of pointers: each must bring as many bytes as it is large.

use super::body::{refused, Body, Lack};

const INIT: u16 = 101;
const SET: u16 = 103;
/// There is none; it is known from before.
const NONE: u16 = 1;
const KNOWN: u16 = 4;
/// Number, type, width, height and the point that points.
const HEADER: u64 = 8 + 1 + 2 * 4;

pub(super) fn check(kind: u16, body: &Body) -> Result<(), Lack> {
    // Before it lie where it is, for INIT how it trails, and whether it is seen.
    let at = match kind {
        INIT => 9,
        SET => 5,
        _ => return Ok(()),
    };
    let flags = body.u16(at)?;
    if flags & NONE != 0 {
        return Ok(());
    }
    let header = at + 2;
    let (form, width, height) = (body.u8(header + 8)?, body.u16(header + 9)?, body.u16(header + 11)?);
    // The point that points: what comes before pixels is there as a whole.
    body.u16(header + HEADER - 2)?;
    if flags & KNOWN != 0 {
        return Ok(());
    }
    let needed = bytes(form, width.into(), height.into())
        .ok_or_else(|| refused(format!("a pointer of kind {form}")))?;
    let brought = body.size().saturating_sub(header + HEADER);
    if brought < needed {
        return Err(refused(format!("a pointer of {width}x{height} pixels in {brought} bytes")));
    }
    Ok(())
}

/// What a shape takes; where it has one, its mask and its colours with it.
fn bytes(form: u8, width: u64, height: u64) -> Option<u64> {
    let (pixels, row) = (width * height, width.div_ceil(8) * height);
    // The mask of those with few colours is a bit for each pixel, without gaps.
    let mask = pixels.div_ceil(8);
    match form {
        // Four bytes a pixel; a mask and what is turned over; 4, 16 and 32 bits.
        0 => Some(pixels * 4),
        1 => Some(row * 2),
        2 => Some(width.div_ceil(2) * height + 64 + mask),
        4 => Some(pixels * 2 + mask),
        6 => Some(pixels * 4 + mask),
        _ => None,
    }
}
