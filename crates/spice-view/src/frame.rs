// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a server says of its picture is checked here before a byte of it is
//! read, and then copied. Pure functions: everything from outside is a number.

use crate::types::Rect;

/// The widest and the highest picture that is accepted, in pixels.
pub const MAX_SIDE: u32 = 16384;
/// The largest picture that is accepted, in bytes, as sent and as kept.
pub const MAX_BYTES: u64 = 256 << 20;
/// How many separate rectangles of change are remembered.
const MAX_RECTS: usize = 32;

/// What a server says of its picture, not yet believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// SPICE's number of the pixel format.
    pub format: i32,
    /// In pixels.
    pub width: i32,
    /// In pixels.
    pub height: i32,
    /// Bytes from row to row.
    pub stride: i32,
}

/// How a server's pixels lie in memory; each is native-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Two bytes, 0 RRRRR GGGGG BBBBB.
    Rgb555,
    /// Two bytes, RRRRR GGGGGG BBBBB.
    Rgb565,
    /// Four bytes; the highest means nothing here, as nothing lies behind a screen.
    Rgb32,
}

impl PixelFormat {
    fn bytes(self) -> u32 {
        match self {
            PixelFormat::Rgb555 | PixelFormat::Rgb565 => 2,
            PixelFormat::Rgb32 => 4,
        }
    }
}

/// A picture of a server that is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surface {
    /// How its pixels lie.
    pub format: PixelFormat,
    /// 1 to [`MAX_SIDE`].
    pub width: u32,
    /// 1 to [`MAX_SIDE`].
    pub height: u32,
    /// Bytes from row to row, at least a row's.
    pub stride: usize,
}

impl Surface {
    /// How many bytes it takes in memory; at most [`MAX_BYTES`].
    pub fn bytes(&self) -> usize {
        self.stride * self.height as usize
    }

    /// The whole as a rectangle.
    pub fn bounds(&self) -> Rect {
        Rect { x: 0, y: 0, width: self.width, height: self.height }
    }
}

/// Why a picture is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is empty, or too wide or high.
    #[error("a picture of {0}x{1} pixels")]
    Size(i32, i32),
    /// Rows overlap, run backwards, or take too much memory.
    #[error("a picture {width} pixels wide and {height} high whose rows are {stride} bytes apart")]
    Stride {
        /// In pixels.
        width: i32,
        /// In pixels.
        height: i32,
        /// In bytes.
        stride: i32,
    },
    /// Its pixels are unknown.
    #[error("a picture with pixel format {0}")]
    Format(i32),
}

/// Believes a claim or refuses it.
///
/// # Errors
/// If anything of it is out of bounds.
pub fn check(claim: &Claim) -> Result<Surface, Refusal> {
    let format = match claim.format {
        16 => PixelFormat::Rgb555,
        80 => PixelFormat::Rgb565,
        32 | 96 => PixelFormat::Rgb32,
        other => return Err(Refusal::Format(other)),
    };
    let side = |value: i32| u32::try_from(value).ok().filter(|v| (1..=MAX_SIDE).contains(v));
    let (Some(width), Some(height)) = (side(claim.width), side(claim.height)) else {
        return Err(Refusal::Size(claim.width, claim.height));
    };
    if u64::from(width) * u64::from(height) * 4 > MAX_BYTES {
        return Err(Refusal::Size(claim.width, claim.height));
    }
    let refused = Refusal::Stride { width: claim.width, height: claim.height, stride: claim.stride };
    let stride = u32::try_from(claim.stride).map_err(|_| refused)?;
    if stride < width * format.bytes() || u64::from(stride) * u64::from(height) > MAX_BYTES {
        return Err(refused);
    }
    Ok(Surface { format, width, height, stride: stride as usize })
}

/// The part of a rectangle, as a server gives it, that lies within bounds.
pub fn clip(x: i32, y: i32, width: i32, height: i32, bounds: &Rect) -> Option<Rect> {
    let edges = |start: i32, length: i32, low: u32, high: u32| {
        let end = i64::from(start) + i64::from(length.max(0));
        let start = i64::from(start).max(i64::from(low));
        let end = end.min(i64::from(high));
        Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?)).filter(|(start, end)| end > start)
    };
    let (left, right) = edges(x, width, bounds.x, bounds.right())?;
    let (top, bottom) = edges(y, height, bounds.y, bounds.bottom())?;
    Some(Rect { x: left, y: top, width: right - left, height: bottom - top })
}

/// Copies a rectangle of a surface to a picture whose left upper corner lies
/// at `origin` of the surface and which is `size` pixels large. What of the
/// rectangle lies outside either is left out; the pixels become opaque.
pub fn copy(
    source: &[u8],
    surface: &Surface,
    rect: &Rect,
    origin: (u32, u32),
    size: (u32, u32),
    to: &mut [u8],
) {
    let window = Rect { x: origin.0, y: origin.1, width: size.0, height: size.1 };
    let Some(rect) = rect.intersect(&surface.bounds()).and_then(|r| r.intersect(&window)) else { return };
    let (pixel, stride) = (surface.format.bytes() as usize, size.0 as usize * 4);
    for y in rect.y..rect.bottom() {
        let from = y as usize * surface.stride + rect.x as usize * pixel;
        let into = (y - origin.1) as usize * stride + (rect.x - origin.0) as usize * 4;
        let row = source.get(from..from + rect.width as usize * pixel);
        let out = to.get_mut(into..into + rect.width as usize * 4);
        let (Some(row), Some(out)) = (row, out) else { return };
        copy_row(surface.format, row, out);
    }
}

fn copy_row(format: PixelFormat, row: &[u8], out: &mut [u8]) {
    match format {
        PixelFormat::Rgb32 => {
            for (from, to) in row.chunks_exact(4).zip(out.chunks_exact_mut(4)) {
                let pixel = u32::from_ne_bytes([from[0], from[1], from[2], from[3]]);
                to.copy_from_slice(&(pixel | 0xff00_0000).to_ne_bytes());
            }
        }
        PixelFormat::Rgb555 => copy_short(row, out, 5),
        PixelFormat::Rgb565 => copy_short(row, out, 6),
    }
}

fn copy_short(row: &[u8], out: &mut [u8], green_bits: u32) {
    // Full intensity stays full: the highest bits are repeated below.
    let widen = |value: u32, bits: u32| (value << (8 - bits)) | (value >> (2 * bits - 8));
    for (from, to) in row.chunks_exact(2).zip(out.chunks_exact_mut(4)) {
        let pixel = u32::from(u16::from_ne_bytes([from[0], from[1]]));
        let red = widen((pixel >> (5 + green_bits)) & 0x1f, 5);
        let green = widen((pixel >> 5) & ((1 << green_bits) - 1), green_bits);
        let blue = widen(pixel & 0x1f, 5);
        to.copy_from_slice(&(0xff00_0000 | red << 16 | green << 8 | blue).to_ne_bytes());
    }
}

/// What changed since it was last taken; a few rectangles, never many.
#[derive(Debug, Default)]
pub struct Damage {
    rects: Vec<Rect>,
}

impl Damage {
    /// Remembers a rectangle.
    pub fn add(&mut self, rect: Rect) {
        if rect.is_empty() || self.rects.iter().any(|old| old.contains(&rect)) {
            return;
        }
        self.rects.retain(|old| !rect.contains(old));
        self.rects.push(rect);
        if self.rects.len() > MAX_RECTS {
            let all = self.rects.iter().fold(rect, |all, r| all.union(r));
            self.rects = vec![all];
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.rects.is_empty()
    }

    /// What changed, which is then forgotten.
    pub fn take(&mut self) -> Vec<Rect> {
        std::mem::take(&mut self.rects)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claim(format: i32, width: i32, height: i32, stride: i32) -> Claim {
        Claim { format, width, height, stride }
    }

    #[test]
    fn honest_pictures_are_believed() {
        let surface = check(&claim(32, 1024, 768, 4096)).unwrap();
        assert_eq!((surface.width, surface.height, surface.bytes()), (1024, 768, 4096 * 768));
        assert!(check(&claim(96, 1, 1, 4)).is_ok());
        assert!(check(&claim(16, 640, 480, 1280)).is_ok());
        assert!(check(&claim(80, 640, 480, 1284)).is_ok());
        assert!(check(&claim(32, 16384, 4096, 65536)).is_ok());
    }

    #[test]
    fn hostile_pictures_are_refused() {
        for (width, height) in
            [(0, 1), (1, 0), (-1, 5), (16385, 1), (1, 16385), (i32::MAX, i32::MAX), (16384, 16384)]
        {
            let stride = width.saturating_mul(4);
            assert_eq!(check(&claim(32, width, height, stride)), Err(Refusal::Size(width, height)));
        }
        for (width, stride) in [(100, 399), (100, 0), (100, -400), (100, i32::MIN), (100, i32::MAX)] {
            let refused = Refusal::Stride { width, height: 100, stride };
            assert_eq!(check(&claim(32, width, 100, stride)), Err(refused));
        }
        for format in [0, 1, 8, 33, -1, i32::MAX] {
            assert_eq!(check(&claim(format, 10, 10, 40)), Err(Refusal::Format(format)));
        }
    }

    #[test]
    fn pixels_become_opaque_and_keep_their_colour() {
        let surface = check(&claim(32, 2, 1, 8)).unwrap();
        let source: Vec<u8> = [0x0012_3456_u32, 0x80ff_0001].iter().flat_map(|p| p.to_ne_bytes()).collect();
        let mut out = vec![0; 8];
        copy(&source, &surface, &surface.bounds(), (0, 0), (2, 1), &mut out);
        let expected: Vec<u8> = [0xff12_3456_u32, 0xffff_0001].iter().flat_map(|p| p.to_ne_bytes()).collect();
        assert_eq!(out, expected);
    }

    #[test]
    fn short_pixels_are_widened() {
        for (format, white, green) in [(16, 0x7fff_u16, 0x03e0_u16), (80, 0xffff, 0x07e0)] {
            let surface = check(&claim(format, 2, 1, 4)).unwrap();
            let source: Vec<u8> = [white, green].iter().flat_map(|p| p.to_ne_bytes()).collect();
            let mut out = vec![0; 8];
            copy(&source, &surface, &surface.bounds(), (0, 0), (2, 1), &mut out);
            let expected: Vec<u8> =
                [0xffff_ffff_u32, 0xff00_ff00].iter().flat_map(|p| p.to_ne_bytes()).collect();
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_monitor_gets_its_part_of_the_surface() {
        let surface = check(&claim(32, 4, 1, 16)).unwrap();
        let source: Vec<u8> = (1..=4_u32).flat_map(u32::to_ne_bytes).collect();
        let mut out = vec![0; 8];
        copy(&source, &surface, &surface.bounds(), (2, 0), (2, 1), &mut out);
        let expected: Vec<u8> = [0xff00_0003_u32, 0xff00_0004].iter().flat_map(|p| p.to_ne_bytes()).collect();
        assert_eq!(out, expected);
    }

    #[test]
    fn damage_stays_small() {
        let mut damage = Damage::default();
        for i in 0..10_000 {
            damage.add(Rect { x: i * 3, y: i * 7 % 1000, width: 2, height: 2 });
            assert!(damage.rects.len() <= MAX_RECTS);
        }
        let taken = damage.take();
        let all = taken.iter().skip(1).fold(taken[0], |all, r| all.union(r));
        assert!(all.contains(&Rect { x: 0, y: 0, width: 29_999, height: 900 }) && damage.is_empty());
    }

    proptest! {
        #[test]
        fn a_believed_picture_is_small_and_its_rows_fit(
            format in prop_oneof![Just(16), Just(80), Just(32), Just(96), any::<i32>()],
            width in prop_oneof![any::<i32>(), -2..20_000], height in prop_oneof![any::<i32>(), -2..20_000],
            stride in prop_oneof![any::<i32>(), -2..100_000],
        ) {
            if let Ok(surface) = check(&claim(format, width, height, stride)) {
                prop_assert!(surface.bytes() as u64 <= MAX_BYTES);
                prop_assert!(surface.width <= MAX_SIDE && surface.height <= MAX_SIDE);
                prop_assert!(surface.stride >= (surface.width * surface.format.bytes()) as usize);
            }
        }

        #[test]
        fn a_clipped_rectangle_is_inside(
            x in any::<i32>(), y in any::<i32>(), width in any::<i32>(), height in any::<i32>(),
            bounds_width in 1_u32..16384, bounds_height in 1_u32..16384,
        ) {
            let bounds = Rect { x: 0, y: 0, width: bounds_width, height: bounds_height };
            if let Some(rect) = clip(x, y, width, height, &bounds) {
                prop_assert!(!rect.is_empty() && bounds.contains(&rect));
            }
        }

        #[test]
        fn copying_never_leaves_its_buffers(
            width in 1_i32..40, height in 1_i32..40, extra in 0_i32..9, short in 0_usize..200,
            x in 0_u32..50, y in 0_u32..50, w in 0_u32..50, h in 0_u32..50,
            origin in (0_u32..50, 0_u32..50), size in (0_u32..50, 0_u32..50),
            format in prop_oneof![Just(16), Just(80), Just(32)],
        ) {
            let surface = check(&claim(format, width, height, width * 4 + extra)).unwrap();
            let source = vec![7; surface.bytes().saturating_sub(short)];
            let mut out = vec![0; (size.0 * size.1 * 4) as usize];
            copy(&source, &surface, &Rect { x, y, width: w, height: h }, origin, size, &mut out);
        }
    }
}
