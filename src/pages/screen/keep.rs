// SPDX-License-Identifier: LGPL-2.1-or-later
//! The last picture of a screen. A program that ends closes its window first,
//! so that the very last one is empty more often than not.

use super::Screen;
use gtk::gdk;
use gtk::prelude::*;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// How often a picture is kept, at most.
const EVERY: Duration = Duration::from_secs(2);
/// Of so many pixels one at most may differ in a picture that shows nothing.
const ONE_OF: usize = 200;

/// What was kept.
#[derive(Default)]
pub struct Kept {
    earlier: RefCell<Option<gdk::Texture>>,
    last: RefCell<Option<gdk::Texture>>,
    kept_at: Cell<Option<Instant>>,
    changed: Cell<bool>,
}

impl Kept {
    /// The guest has drawn.
    pub fn changed(&self) {
        self.changed.set(true);
    }
}

impl Screen {
    /// Called every second while the screen is seen: keeps a picture now and then.
    pub fn keep(&self) {
        let rested = self.kept.kept_at.get().is_none_or(|at| at.elapsed() >= EVERY);
        if !rested || !self.is_connected() || !self.kept.changed.take() {
            return;
        }
        if let Some(picture) = self.view.screenshot().filter(|picture| differing(picture) > 0) {
            self.kept.earlier.replace(Some(picture));
            self.kept.kept_at.set(Some(Instant::now()));
        }
    }

    pub(super) fn keep_last(&self) {
        let Some(last) = self.view.screenshot() else { return };
        let earlier = self.kept.earlier.take();
        let shown = if is_empty(&last) { earlier.unwrap_or(last) } else { last };
        self.kept.last.replace(Some(shown));
    }

    /// The guest's picture: as it is, or as it was last.
    pub fn picture(&self) -> Option<gdk::Texture> {
        self.view.screenshot().or_else(|| self.kept.last.borrow().clone())
    }
}

/// Whether nearly all pixels are the same.
fn is_empty(picture: &gdk::Texture) -> bool {
    let pixels = usize::try_from(picture.width() * picture.height()).unwrap_or(0);
    differing(picture) * ONE_OF <= pixels
}

/// How many pixels are not as the first one.
fn differing(picture: &gdk::Texture) -> usize {
    let side = |length: i32| usize::try_from(length).unwrap_or(0);
    let (width, height) = (side(picture.width()), side(picture.height()));
    let mut bytes = vec![0; width * height * 4];
    picture.download(&mut bytes, width * 4);
    let mut pixels = bytes.chunks_exact(4);
    let Some(first) = pixels.next() else { return 0 };
    pixels.filter(|pixel| *pixel != first).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gtk::glib;

    fn picture(pixels: &[u8], width: i32, height: i32) -> gdk::Texture {
        let bytes = glib::Bytes::from(pixels);
        let stride = width as usize * 4;
        gdk::MemoryTexture::new(width, height, gdk::MemoryFormat::B8g8r8a8Premultiplied, &bytes, stride)
            .upcast()
    }

    #[test]
    fn a_picture_with_hardly_anything_in_it_is_empty() {
        let mut pixels = vec![255; 20 * 20 * 4];
        assert!(is_empty(&picture(&pixels, 20, 20)) && differing(&picture(&pixels, 20, 20)) == 0);
        pixels[4..12].fill(7);
        assert!(is_empty(&picture(&pixels, 20, 20)));
        pixels[4..80].fill(7);
        assert!(!is_empty(&picture(&pixels, 20, 20)));
    }
}
