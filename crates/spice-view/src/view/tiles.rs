// SPDX-License-Identifier: LGPL-2.1-or-later
//! A picture in pieces: only those in which the guest drew become new
//! textures, so that GTK uploads and repaints no more than that.

use std::rc::Rc;

use gtk::prelude::*;
use gtk::{gdk, glib, graphene};

use crate::geometry::Placement;
use crate::types::{Frame, Picture, Rect};

/// Width and height of a tile in the guest's pixels.
const TILE: u32 = 256;

/// How the pixels of a [`Picture`] lie in memory.
#[cfg(target_endian = "little")]
const FORMAT: gdk::MemoryFormat = gdk::MemoryFormat::B8g8r8a8Premultiplied;
#[cfg(target_endian = "big")]
const FORMAT: gdk::MemoryFormat = gdk::MemoryFormat::A8r8g8b8Premultiplied;

#[derive(Default)]
pub(super) struct Tiles {
    picture: Option<Rc<Picture>>,
    columns: u32,
    /// Row after row; none where the guest drew since.
    textures: Vec<Option<gdk::Texture>>,
}

impl Tiles {
    /// Takes a frame; true if its size is another one than before.
    pub(super) fn take(&mut self, frame: &Frame) -> bool {
        let known = self.picture.as_ref();
        if !known.is_some_and(|known| Rc::ptr_eq(known, &frame.picture)) {
            let before = self.size();
            self.columns = frame.picture.width().div_ceil(TILE);
            let count = self.columns as usize * frame.picture.height().div_ceil(TILE) as usize;
            self.textures = vec![None; count];
            self.picture = Some(Rc::clone(&frame.picture));
            return self.size() != before;
        }
        for rect in &frame.dirty {
            self.forget(rect);
        }
        false
    }

    fn forget(&mut self, rect: &Rect) {
        let Some(rect) = self.picture.as_ref().and_then(|p| rect.intersect(&p.bounds())) else { return };
        for row in rect.y / TILE..rect.bottom().div_ceil(TILE) {
            for column in rect.x / TILE..rect.right().div_ceil(TILE) {
                if let Some(texture) = self.textures.get_mut((row * self.columns + column) as usize) {
                    *texture = None;
                }
            }
        }
    }

    /// The picture's width and height; zero before the first frame.
    pub(super) fn size(&self) -> (u32, u32) {
        self.picture.as_ref().map_or((0, 0), |picture| (picture.width(), picture.height()))
    }

    pub(super) fn picture(&self) -> Option<&Rc<Picture>> {
        self.picture.as_ref()
    }

    /// Draws all tiles, of which those that changed are made anew.
    pub(super) fn draw(&mut self, snapshot: &gtk::Snapshot, placement: &Placement) {
        let Some(picture) = self.picture.clone() else { return };
        for (at, texture) in self.textures.iter_mut().enumerate() {
            let rect = tile(at, self.columns, &picture);
            if texture.is_none() {
                *texture = make_texture(&picture, &rect);
            }
            let (x, y, width, height) = placement.to_view(&rect);
            if let Some(texture) = texture.as_ref().filter(|_| width > 0.0 && height > 0.0) {
                let bounds = graphene::Rect::new(x as f32, y as f32, width as f32, height as f32);
                snapshot.append_texture(texture, &bounds);
            }
        }
    }
}

fn tile(at: usize, columns: u32, picture: &Picture) -> Rect {
    let at = u32::try_from(at).unwrap_or(0);
    let (x, y) = (at % columns * TILE, at / columns * TILE);
    Rect { x, y, width: TILE.min(picture.width() - x), height: TILE.min(picture.height() - y) }
}

/// A texture of a part of a picture.
pub(super) fn make_texture(picture: &Picture, rect: &Rect) -> Option<gdk::Texture> {
    let bytes = glib::Bytes::from_owned(picture.copy(rect)?);
    let (width, height) = (i32::try_from(rect.width).ok()?, i32::try_from(rect.height).ok()?);
    let stride = rect.width as usize * 4;
    Some(gdk::MemoryTexture::new(width, height, FORMAT, &bytes, stride).upcast())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::MonitorId;

    fn frame(picture: &Rc<Picture>, dirty: Vec<Rect>) -> Frame {
        Frame { monitor: MonitorId(0), picture: Rc::clone(picture), dirty }
    }

    #[test]
    fn only_what_changed_is_made_anew() {
        let picture = Picture::new(600, 300);
        let mut tiles = Tiles::default();
        assert!(tiles.take(&frame(&picture, vec![])));
        assert_eq!(tiles.textures.len(), 6);
        let fill = |tiles: &mut Tiles| {
            for at in 0..6 {
                tiles.textures[at] = make_texture(&picture, &tile(at, tiles.columns, &picture));
            }
        };
        fill(&mut tiles);
        assert!(tiles.textures.iter().all(Option::is_some));
        let missing =
            |tiles: &Tiles| -> Vec<usize> { (0..6).filter(|at| tiles.textures[*at].is_none()).collect() };
        assert!(!tiles.take(&frame(&picture, vec![Rect { x: 255, y: 0, width: 2, height: 256 }])));
        assert_eq!(missing(&tiles), [0, 1]);
        fill(&mut tiles);
        tiles.take(&frame(&picture, vec![Rect { x: 590, y: 290, width: 10, height: 10 }]));
        assert_eq!(missing(&tiles), [5]);
        fill(&mut tiles);
        tiles.take(&frame(&picture, vec![Rect { x: 600, y: 0, width: 9, height: 9 }]));
        assert!(missing(&tiles).is_empty());
        tiles.take(&frame(&picture, vec![Rect { x: 0, y: 0, width: u32::MAX, height: u32::MAX }]));
        assert_eq!(missing(&tiles).len(), 6);
    }

    #[test]
    fn tiles_cover_the_picture_once() {
        let picture = Picture::new(513, 256);
        let area: u32 = (0..3).map(|at| tile(at, 3, &picture)).map(|r| r.width * r.height).sum();
        assert_eq!(area, 513 * 256);
        assert_eq!(tile(2, 3, &picture), Rect { x: 512, y: 0, width: 1, height: 256 });
    }
}
