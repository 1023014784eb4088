// SPDX-License-Identifier: LGPL-2.1-or-later
//! A monitor's picture, in tiles. The session copies what changed once, into
//! tiles that nobody looks at; views draw from the same memory. A tile that is
//! on its way to a screen is never written: the next content goes to another
//! one, and its memory comes back when the screen has let go of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, Weak};

use crate::types::Rect;

/// Width and height of a tile in pixels; those at the right and lower edge
/// can be smaller.
const TILE: u32 = 256;
/// Between two pixels that are looked at.
const SAMPLE: usize = 8;
/// Bytes of a pixel.
const PIXEL: usize = 4;

/// The pixels of one tile, row after row without a gap.
#[derive(Debug)]
pub(crate) struct Pixels {
    bytes: Vec<u8>,
    pool: Weak<Pool>,
}

impl AsRef<[u8]> for Pixels {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Pixels {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.give(std::mem::take(&mut self.bytes));
        }
    }
}

/// Memory of tiles that nobody looks at any more: to ask the kernel for it
/// anew with each picture costs more than to fill it.
#[derive(Debug)]
struct Pool {
    free: Mutex<Vec<Vec<u8>>>,
    /// No more than this are kept.
    most: usize,
}

impl Pool {
    fn give(&self, bytes: Vec<u8>) {
        if let Ok(mut free) = self.free.lock() {
            if free.len() < self.most {
                free.push(bytes);
            }
        }
    }

    /// Memory for a tile, with anything in it.
    fn take(self: &Arc<Self>, length: usize) -> Pixels {
        let known = self.free.lock().ok().and_then(|mut free| {
            let at = free.iter().position(|bytes| bytes.len() == length)?;
            Some(free.swap_remove(at))
        });
        Pixels { bytes: known.unwrap_or_else(|| vec![0; length]), pool: Arc::downgrade(self) }
    }
}

/// A monitor's picture, shared by the session, which writes it, and the views,
/// which read it. Four bytes a pixel, in the order of a native-endian
/// 0xAARRGGBB, always opaque.
#[derive(Debug)]
pub struct Picture {
    width: u32,
    height: u32,
    /// Row after row.
    tiles: RefCell<Vec<Arc<Pixels>>>,
    pool: Arc<Pool>,
}

impl Picture {
    /// A black picture.
    pub fn new(width: u32, height: u32) -> Rc<Picture> {
        // Made with each size that a window passes through: tiles of a size are
        // one until something is drawn.
        let mut known: Vec<Arc<Pixels>> = Vec::new();
        Picture::from_tiles(width, height, |area, pool| {
            let length = bytes_of(area);
            known.iter().find(|tile| tile.bytes.len() == length).cloned().unwrap_or_else(|| {
                let mut pixels = pool.take(length);
                pixels.bytes.clone_from(&0xff00_0000_u32.to_ne_bytes().repeat(length / PIXEL));
                let tile = Arc::new(pixels);
                known.push(Arc::clone(&tile));
                tile
            })
        })
    }

    /// A picture of which a function gives each pixel as 0xRRGGBB by its
    /// place; for sessions that are not SPICE's, and for tests.
    pub fn from_pixels(width: u32, height: u32, colour: impl Fn(u32, u32) -> u32) -> Rc<Picture> {
        Picture::from_tiles(width, height, |area, pool| {
            let mut pixels = pool.take(bytes_of(area));
            let places = (area.y..area.bottom()).flat_map(|y| (area.x..area.right()).map(move |x| (x, y)));
            for (pixel, (x, y)) in pixels.bytes.chunks_exact_mut(PIXEL).zip(places) {
                pixel.copy_from_slice(&(colour(x, y) | 0xff00_0000).to_ne_bytes());
            }
            Arc::new(pixels)
        })
    }

    fn from_tiles(
        width: u32,
        height: u32,
        mut make: impl FnMut(&Rect, &Arc<Pool>) -> Arc<Pixels>,
    ) -> Rc<Picture> {
        let count = width.div_ceil(TILE) as usize * height.div_ceil(TILE) as usize;
        let pool = Arc::new(Pool { free: Mutex::default(), most: count });
        let picture = Picture { width, height, tiles: RefCell::default(), pool };
        let tiles = (0..count).map(|at| make(&picture.tile_area(at), &picture.pool)).collect();
        picture.tiles.replace(tiles);
        Rc::new(picture)
    }

    /// The same as it is now, which stays so whatever is drawn later. It takes
    /// memory only for what is.
    pub fn still(&self) -> Rc<Picture> {
        let (tiles, pool) = (self.tiles.clone(), Arc::clone(&self.pool));
        Rc::new(Picture { width: self.width, height: self.height, tiles, pool })
    }

    /// Whether all pixels seem to be the same: one of [`SAMPLE`] in each
    /// direction is looked at.
    pub fn is_plain(&self) -> bool {
        let tiles = self.tiles.borrow();
        let Some(first) = tiles.first().and_then(|tile| tile.bytes.first_chunk::<PIXEL>()) else {
            return true;
        };
        tiles.iter().enumerate().all(|(at, tile)| {
            let rows = tile.bytes.chunks_exact(self.tile_area(at).width as usize * PIXEL);
            let mut sampled = rows.step_by(SAMPLE).flat_map(|row| row.chunks_exact(PIXEL).step_by(SAMPLE));
            sampled.all(|pixel| pixel == first)
        })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The whole as a rectangle.
    pub fn bounds(&self) -> Rect {
        Rect { x: 0, y: 0, width: self.width, height: self.height }
    }

    /// A copy of the pixels in a rectangle, row after row without a gap, or
    /// nothing if it reaches out of the picture.
    pub fn copy(&self, rect: &Rect) -> Option<Vec<u8>> {
        if rect.is_empty() || !self.bounds().contains(rect) {
            return None;
        }
        let mut out = vec![0; bytes_of(rect)];
        for (at, tile) in self.tiles.borrow().iter().enumerate() {
            let area = self.tile_area(at);
            let Some(part) = rect.intersect(&area) else { continue };
            let length = part.width as usize * PIXEL;
            for y in part.y..part.bottom() {
                let (from, to) = (offset(&area, part.x, y), offset(rect, part.x, y));
                out.get_mut(to..to + length)?.copy_from_slice(tile.bytes.get(from..from + length)?);
            }
        }
        Some(out)
    }

    /// How many tiles there are.
    pub(crate) fn tile_count(&self) -> usize {
        self.tiles.borrow().len()
    }

    /// Where a tile lies.
    pub(crate) fn tile_area(&self, at: usize) -> Rect {
        let (at, columns) = (u32::try_from(at).unwrap_or(u32::MAX), self.width.div_ceil(TILE).max(1));
        let (x, y) = ((at % columns).saturating_mul(TILE), (at / columns).saturating_mul(TILE));
        let width = TILE.min(self.width.saturating_sub(x));
        Rect { x, y, width, height: TILE.min(self.height.saturating_sub(y)) }
    }

    /// The pixels of a tile as they are now, which stay as they are.
    pub(crate) fn tile(&self, at: usize) -> Option<Arc<Pixels>> {
        self.tiles.borrow().get(at).cloned()
    }

    /// Lets something write each part of the rectangles that lies in a tile:
    /// it is given where the tile lies, the part, and the tile's bytes.
    pub(crate) fn write(&self, rects: &[Rect], mut write: impl FnMut(&Rect, &Rect, &mut [u8])) {
        for (at, tile) in self.tiles.borrow_mut().iter_mut().enumerate() {
            let area = self.tile_area(at);
            let parts: Vec<Rect> = rects.iter().filter_map(|rect| rect.intersect(&area)).collect();
            if parts.is_empty() {
                continue;
            }
            if Arc::get_mut(tile).is_none() {
                let mut fresh = self.pool.take(tile.bytes.len());
                if !parts.contains(&area) {
                    fresh.bytes.copy_from_slice(&tile.bytes);
                }
                *tile = Arc::new(fresh);
            }
            if let Some(pixels) = Arc::get_mut(tile) {
                parts.iter().for_each(|part| write(&area, part, &mut pixels.bytes));
            }
        }
    }
}

fn bytes_of(rect: &Rect) -> usize {
    rect.width as usize * rect.height as usize * PIXEL
}

/// Where a pixel lies in the bytes of a rectangle that it is in.
fn offset(rect: &Rect, x: u32, y: u32) -> usize {
    ((y - rect.y) as usize * rect.width as usize + (x - rect.x) as usize) * PIXEL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_still_stays_as_it_is() {
        let picture = Picture::new(300, 300);
        let still = picture.still();
        assert!(picture.is_plain() && Picture::new(0, 0).is_plain());
        picture.write(&[Rect { x: 260, y: 260, width: 30, height: 30 }], |_, _, bytes| bytes.fill(7));
        assert!(!picture.is_plain() && still.is_plain());
        assert_eq!(picture.still().copy(&picture.bounds()), picture.copy(&picture.bounds()));
    }

    #[test]
    fn a_picture_is_black_and_copies_only_what_it_has() {
        let picture = Picture::new(3, 2);
        let pixel = 0xff00_0000_u32.to_ne_bytes();
        assert_eq!(picture.copy(&picture.bounds()), Some(pixel.repeat(6)));
        assert_eq!(picture.copy(&Rect { x: 2, y: 0, width: 2, height: 1 }), None);
        assert_eq!(picture.copy(&Rect { x: u32::MAX, y: 0, width: 2, height: 1 }), None);
        assert_eq!(picture.copy(&Rect { x: 1, y: 1, width: 0, height: 1 }), None);
        assert_eq!(Picture::new(0, 7).tile_count(), 0);
    }

    #[test]
    fn a_black_picture_takes_little_until_it_is_drawn_on() {
        let picture = Picture::new(3840, 2160);
        let same = |one: usize, other: usize| {
            Arc::ptr_eq(&picture.tile(one).unwrap(), &picture.tile(other).unwrap())
        };
        assert!(same(0, 1) && same(0, 16) && !same(0, picture.tile_count() - 1));
        picture.write(&[Rect { x: 0, y: 0, width: 1, height: 1 }], |_, _, bytes| bytes[..4].fill(0xff));
        assert!(!same(0, 1));
        let white = |copy: Vec<u8>| copy.chunks_exact(4).filter(|pixel| *pixel == [0xff; 4]).count();
        assert_eq!(picture.copy(&picture.bounds()).map(white), Some(1));
    }

    #[test]
    fn what_is_copied_is_what_lies_there() {
        let picture = Picture::from_pixels(700, 300, |x, y| x << 12 | y);
        let rect = Rect { x: 250, y: 200, width: 300, height: 90 };
        let copy = picture.copy(&rect).unwrap();
        for (at, pixel) in copy.chunks_exact(4).enumerate() {
            let (x, y) = (250 + at as u32 % 300, 200 + at as u32 / 300);
            assert_eq!(pixel, (0xff00_0000 | x << 12 | y).to_ne_bytes());
        }
    }

    #[test]
    fn tiles_cover_the_picture_once() {
        let picture = Picture::new(513, 256);
        let area: u32 = (0..3).map(|at| picture.tile_area(at)).map(|r| r.width * r.height).sum();
        assert_eq!((picture.tile_count(), area), (3, 513 * 256));
        assert_eq!(picture.tile_area(2), Rect { x: 512, y: 0, width: 1, height: 256 });
    }

    #[test]
    fn a_tile_that_somebody_looks_at_is_not_written() {
        let picture = Picture::new(300, 10);
        let (looked_at, other) = (picture.tile(0).unwrap(), picture.tile(1).unwrap());
        drop(other);
        let dirty = [Rect { x: 255, y: 0, width: 2, height: 1 }];
        let white = |area: &Rect, part: &Rect, bytes: &mut [u8]| {
            let at = offset(area, part.x, part.y);
            bytes[at..at + part.width as usize * 4].fill(0xff);
        };
        picture.write(&dirty, white);
        assert!(looked_at.bytes.chunks_exact(4).all(|pixel| pixel == 0xff00_0000_u32.to_ne_bytes()));
        let lit = |bytes: &[u8]| bytes.chunks_exact(4).filter(|pixel| *pixel == [0xff; 4]).count();
        assert_eq!(picture.copy(&picture.bounds()).map(|all| lit(&all)), Some(2));
        // Only the one that was let go comes back.
        assert_eq!(picture.pool.free.lock().unwrap().len(), 0);
        drop(looked_at);
        assert_eq!(picture.pool.free.lock().unwrap().len(), 1);
        let tile = picture.tile(0);
        picture.write(&dirty, white);
        assert_eq!(picture.pool.free.lock().unwrap().len(), 0);
        drop(tile);
    }

    #[test]
    fn no_more_memory_is_kept_than_the_picture_has() {
        let picture = Picture::new(300, 10);
        let mut seen = Vec::new();
        for _ in 0..50 {
            seen.extend(picture.tile(0));
            picture.write(&[picture.bounds()], |_, _, _| ());
        }
        seen.clear();
        assert_eq!(picture.pool.free.lock().unwrap().len(), 2);
    }
}
