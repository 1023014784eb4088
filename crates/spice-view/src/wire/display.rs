// SPDX-License-Identifier: LGPL-2.1-or-later
//! Surfaces, and what is drawn on them. Of SPICE's many ways to draw those are
//! let through that servers have whose pictures are not compressed; with
//! decoders the others are, too, as far as they draw on what is there.

use std::collections::BTreeMap;

use super::body::{refused, Body, Edges, Lack};
use super::image;
use crate::frame::{MAX_BYTES, MAX_SIDE};

/// More surfaces than this are refused.
const MAX_SURFACES: usize = 4096;
/// All of them together have so many bytes at most.
const MAX_TOGETHER: u64 = 2 * MAX_BYTES;
/// More rectangles than this are in no clip.
const MAX_CLIPS: u32 = 1 << 16;
/// More streams than this have no number.
const MAX_STREAMS: u32 = 1 << 10;

const COPY_BITS: u16 = 104;
const STREAM_CREATE: u16 = 122;
const FILL: u16 = 302;
const OPAQUE: u16 = 303;
const COPY: u16 = 304;
const BLEND: u16 = 305;
const BLACKNESS: u16 = 306;
const WHITENESS: u16 = 307;
const INVERS: u16 = 308;
const TRANSPARENT: u16 = 312;
const ALPHA_BLEND: u16 = 313;
const SURFACE_CREATE: u16 = 314;
const SURFACE_DESTROY: u16 = 315;
/// Without content, or with a few numbers that spice-glib looks up: a mark, a
/// reset, what may be forgotten, and the monitors.
const HARMLESS: [u16; 7] = [102, 103, 105, 106, 107, 108, 317];
const MESSAGES_OF_ALL: std::ops::RangeInclusive<u16> = 3..=7;

/// What is shown, and the only one that may be primary.
const PRIMARY: u32 = 0;

/// One that is there: width and height, and the bits of a pixel.
#[derive(Clone, Copy)]
pub(super) struct Surface {
    pub(super) size: (u32, u32),
    pub(super) bits: u32,
}

impl Surface {
    /// Four bytes a pixel, whatever the format: spice-glib reckons so, too.
    fn bytes(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1) * 4
    }
}

/// The surfaces that there are.
pub(super) struct Surfaces {
    known: BTreeMap<u32, Surface>,
    decoders: bool,
}

impl Surfaces {
    pub(super) fn new(decoders: bool) -> Surfaces {
        Surfaces { known: BTreeMap::new(), decoders }
    }

    /// Whether pictures may come compressed.
    pub(super) fn decoders(&self) -> bool {
        self.decoders
    }

    pub(super) fn get(&self, number: u32) -> Result<Surface, Lack> {
        self.known
            .get(&number)
            .copied()
            .ok_or_else(|| refused(format!("surface {number}, which is not there")))
    }

    pub(super) fn check(&mut self, kind: u16, body: &Body) -> Result<(), Lack> {
        match kind {
            SURFACE_CREATE => self.create(body),
            SURFACE_DESTROY => {
                let number = body.u32(0)?;
                self.known.remove(&number);
                Ok(())
            }
            STREAM_CREATE if self.decoders => {
                let (surface, number) = (body.u32(0)?, body.u32(4)?);
                self.get(surface)?;
                if number < MAX_STREAMS {
                    Ok(())
                } else {
                    Err(refused(format!("stream {number}")))
                }
            }
            COPY_BITS | FILL..=INVERS | TRANSPARENT | ALPHA_BLEND => self.draw(kind, body),
            _ if self.decoders || HARMLESS.contains(&kind) || MESSAGES_OF_ALL.contains(&kind) => Ok(()),
            _ => Err(refused(format!("a message {kind} on a channel of pictures"))),
        }
    }

    fn create(&mut self, body: &Body) -> Result<(), Lack> {
        let [number, width, height, format, flags] =
            [body.u32(0)?, body.u32(4)?, body.u32(8)?, body.u32(12)?, body.u32(16)?];
        let known = matches!(format, 16 | 32 | 80 | 96) || (self.decoders && matches!(format, 1 | 8));
        if !known {
            return Err(refused(format!("a picture with pixel format {format}")));
        }
        let bits = if format == 80 { 16 } else { format.min(32) };
        let new = Surface { size: (width, height), bits };
        let sides = 1..=MAX_SIDE;
        if !sides.contains(&width) || !sides.contains(&height) || new.bytes() > MAX_BYTES {
            return Err(refused(format!("a picture of {width}x{height} pixels")));
        }
        let is_primary = flags & 1 != 0;
        if is_primary != (number == PRIMARY) || (!is_primary && self.known.contains_key(&number)) {
            return Err(refused(format!("surface {number} once more")));
        }
        let others = self.known.iter().filter(|(known, _)| **known != number);
        let together = others.map(|(_, surface)| surface.bytes()).sum::<u64>() + new.bytes();
        if together > MAX_TOGETHER || self.known.len() >= MAX_SURFACES {
            return Err(refused("too many surfaces"));
        }
        self.known.insert(number, new);
        Ok(())
    }

    /// Where it is drawn, the clip, then what each way to draw has of its own.
    fn draw(&self, kind: u16, body: &Body) -> Result<(), Lack> {
        let Surface { size: (width, height), bits } = self.get(body.u32(0)?)?;
        let target = body.edges(4)?;
        if !target.lies_in(width, height) {
            return Err(refused(format!("a drawing outside its surface: {target:?}")));
        }
        let at = clip(body)?;
        match kind {
            COPY_BITS => point(body, at),
            FILL => self.brush(body, at, bits).and_then(|at| self.mask(body, at + 2)),
            OPAQUE => {
                self.image(body, at, bits)?;
                let at = self.brush(body, at + 20, bits)?;
                scaling(body, at + 2)?;
                self.mask(body, at + 3)
            }
            COPY | BLEND => {
                self.image(body, at, bits)?;
                scaling(body, at + 22)?;
                self.mask(body, at + 23)
            }
            BLACKNESS | WHITENESS | INVERS => self.mask(body, at),
            TRANSPARENT => self.image(body, at, bits),
            ALPHA_BLEND => self.image(body, at + 2, bits),
            _ if self.decoders => Ok(()),
            _ => Err(refused(format!("a drawing of the kind {kind}"))),
        }
    }

    /// An image's place, and the part of it that is drawn.
    fn image(&self, body: &Body, at: u64, bits: u32) -> Result<(), Lack> {
        let (width, height) = image::size(body, body.u32(at)?.into(), bits, self)?;
        let part: Edges = body.edges(at + 4)?;
        if part.lies_in(width, height) && !part.is_empty() {
            return Ok(());
        }
        Err(refused(format!("a part of an image that it does not have: {part:?}")))
    }

    /// What is painted with; where the next one begins.
    fn brush(&self, body: &Body, at: u64, bits: u32) -> Result<u64, Lack> {
        match body.u8(at)? {
            0 => Ok(at + 1),
            1 => Ok(at + 5),
            2 => {
                image::size(body, body.u32(at + 1)?.into(), bits, self)?;
                point(body, at + 5)?;
                Ok(at + 13)
            }
            other => Err(refused(format!("a brush of the kind {other}"))),
        }
    }

    /// A mask would be a bitmap of single bits.
    fn mask(&self, body: &Body, at: u64) -> Result<(), Lack> {
        let mask = body.u32(at + 9)?;
        if mask == 0 {
            return Ok(());
        }
        if !self.decoders {
            return Err(refused("a drawing with a mask"));
        }
        image::size(body, mask.into(), 1, self).map(drop)
    }
}

/// One of the two ways to scale.
fn scaling(body: &Body, at: u64) -> Result<(), Lack> {
    match body.u8(at)? {
        0 | 1 => Ok(()),
        other => Err(refused(format!("a way to scale {other}"))),
    }
}

/// A place that is not far from any surface.
fn point(body: &Body, at: u64) -> Result<(), Lack> {
    let near = |value: i32| value.unsigned_abs() <= MAX_SIDE;
    let (x, y) = (body.i32(at)?, body.i32(at + 4)?);
    if near(x) && near(y) {
        Ok(())
    } else {
        Err(refused(format!("a place at {x},{y}")))
    }
}

/// Where what comes after the clip begins.
fn clip(body: &Body) -> Result<u64, Lack> {
    let at = 20;
    match body.u8(at)? {
        0 => Ok(at + 1),
        1 => {
            let count = body.u32(at + 1)?;
            if count > MAX_CLIPS {
                return Err(refused(format!("a clip of {count} rectangles")));
            }
            Ok(at + 5 + u64::from(count) * 16)
        }
        other => Err(refused(format!("a clip of the kind {other}"))),
    }
}
