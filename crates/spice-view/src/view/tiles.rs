// SPDX-License-Identifier: LGPL-2.1-or-later
//! A picture in pieces: only those in which the guest drew are given to GTK
//! anew, so that it uploads and repaints no more than that.

use std::rc::Rc;
use std::sync::Arc;

use gtk::prelude::*;
use gtk::{cairo, gdk, glib, graphene, gsk};

use super::source;
use crate::geometry::Placement;
use crate::picture::Pixels;
use crate::types::{Frame, Picture, Rect};

/// How the pixels of a [`Picture`] lie in memory.
#[cfg(target_endian = "little")]
const FORMAT: gdk::MemoryFormat = gdk::MemoryFormat::B8g8r8a8Premultiplied;
#[cfg(target_endian = "big")]
const FORMAT: gdk::MemoryFormat = gdk::MemoryFormat::A8r8g8b8Premultiplied;

/// What GTK was given of a tile.
#[derive(Default)]
struct Tile {
    texture: Option<gdk::Texture>,
    /// A drawing for cairo, at the placement of all of them.
    node: Option<gsk::RenderNode>,
}

#[derive(Default)]
pub(super) struct Tiles {
    picture: Option<Rc<Picture>>,
    /// Row after row; empty where the guest drew since.
    tiles: Vec<Tile>,
    placed: Option<Placement>,
}

impl Tiles {
    /// Takes a frame; true if its size is another one than before.
    pub(super) fn take(&mut self, frame: &Frame) -> bool {
        let known = self.picture.as_ref();
        if !known.is_some_and(|known| Rc::ptr_eq(known, &frame.picture)) {
            let before = self.size();
            self.tiles = (0..frame.picture.tile_count()).map(|_| Tile::default()).collect();
            self.picture = Some(Rc::clone(&frame.picture));
            return self.size() != before;
        }
        for (at, tile) in self.tiles.iter_mut().enumerate() {
            let area = frame.picture.tile_area(at);
            if frame.dirty.iter().any(|rect| rect.intersect(&area).is_some()) {
                *tile = Tile::default();
            }
        }
        false
    }

    /// The picture's width and height; zero before the first frame.
    pub(super) fn size(&self) -> (u32, u32) {
        self.picture.as_ref().map_or((0, 0), |picture| (picture.width(), picture.height()))
    }

    pub(super) fn picture(&self) -> Option<&Rc<Picture>> {
        self.picture.as_ref()
    }

    /// Draws all tiles, of which those that changed are made anew: as textures,
    /// which GL keeps, or, for a renderer that draws by cairo, as drawings,
    /// which save it to turn a texture into a picture of its own first.
    pub(super) fn draw(&mut self, snapshot: &gtk::Snapshot, placement: &Placement, by_cairo: bool) {
        let Some(picture) = self.picture.clone() else { return };
        if self.placed.replace(*placement) != Some(*placement) {
            self.tiles.iter_mut().for_each(|tile| tile.node = None);
        }
        for (at, tile) in self.tiles.iter_mut().enumerate() {
            let area = picture.tile_area(at);
            let (x, y, width, height) = placement.to_view(&area);
            if width <= 0.0 || height <= 0.0 {
                continue;
            }
            let bounds = graphene::Rect::new(x as f32, y as f32, width as f32, height as f32);
            if by_cairo {
                if tile.node.is_none() {
                    tile.node = picture.tile(at).and_then(|pixels| drawing(&area, &pixels, &bounds));
                }
                tile.node.iter().for_each(|node| snapshot.append_node(node));
            } else {
                if tile.texture.is_none() {
                    tile.texture = picture.tile(at).and_then(|pixels| texture_of(&area, Shared(pixels)));
                }
                tile.texture.iter().for_each(|texture| snapshot.append_texture(texture, &bounds));
            }
        }
    }
}

/// A tile's pixels, without a copy of them.
struct Shared(Arc<Pixels>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().as_ref()
    }
}

fn texture_of(area: &Rect, pixels: impl AsRef<[u8]> + Send + 'static) -> Option<gdk::Texture> {
    let bytes = glib::Bytes::from_owned(pixels);
    let (width, height) = (i32::try_from(area.width).ok()?, i32::try_from(area.height).ok()?);
    let stride = area.width as usize * 4;
    Some(gdk::MemoryTexture::new(width, height, FORMAT, &bytes, stride).upcast())
}

/// A texture of a part of a picture.
pub(super) fn make_texture(picture: &Picture, rect: &Rect) -> Option<gdk::Texture> {
    texture_of(rect, picture.copy(rect)?)
}

/// A tile drawn where it belongs.
fn drawing(area: &Rect, pixels: &Arc<Pixels>, bounds: &graphene::Rect) -> Option<gsk::RenderNode> {
    let pattern = source::pattern_of(area, pixels)?;
    let node = gsk::CairoNode::new(bounds);
    let (x, y) = (f64::from(bounds.x()), f64::from(bounds.y()));
    let (width, height) = (f64::from(bounds.width()), f64::from(bounds.height()));
    let (across, down) = (f64::from(area.width) / width, f64::from(area.height) / height);
    let mut matrix = cairo::Matrix::identity();
    matrix.scale(across, down);
    matrix.translate(-x, -y);
    pattern.set_matrix(matrix);
    // Its edge goes on beyond it: where two tiles meet, neither fades.
    pattern.set_extend(cairo::Extend::Pad);
    let context = node.draw_context();
    context.set_source(&pattern).ok()?;
    context.rectangle(x, y, width, height);
    context.fill().ok()?;
    Some(node.upcast())
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
        assert_eq!(tiles.tiles.len(), 6);
        let fill = |tiles: &mut Tiles| {
            for at in 0..6 {
                tiles.tiles[at].texture = make_texture(&picture, &picture.tile_area(at));
            }
        };
        fill(&mut tiles);
        assert!(tiles.tiles.iter().all(|tile| tile.texture.is_some()));
        let missing = |tiles: &Tiles| -> Vec<usize> {
            (0..6).filter(|at| tiles.tiles[*at].texture.is_none()).collect()
        };
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
}
