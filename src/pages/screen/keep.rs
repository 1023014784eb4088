// SPDX-License-Identifier: LGPL-2.1-or-later
//! The last picture of a screen. A program that ends closes its window first,
//! so that the very last one is empty more often than not.

use super::Screen;
use gtk::gdk;
use gtk::prelude::*;
use spice_view::{Frame, MonitorId, Picture, Rect};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How often a picture is kept, at most.
const EVERY: Duration = Duration::from_secs(2);
/// Of so many pixels one at most may differ in a picture that shows nothing.
const ONE_OF: usize = 200;
/// A window that is closed took a part of the screen that is not smaller: one of so many.
const LARGE: u64 = 8;
/// The monitor that is in the tab.
const FIRST: MonitorId = MonitorId(0);

/// What was kept.
#[derive(Default)]
pub struct Kept {
    earlier: RefCell<Option<gdk::Texture>>,
    last: RefCell<Option<gdk::Texture>>,
    kept_at: Cell<Option<Instant>>,
    changed: Cell<bool>,
    /// What was shown last.
    still: RefCell<Option<Rc<Picture>>>,
}

impl Kept {
    /// The guest has drawn. What it takes away is kept as it was: a program
    /// may have drawn something since a picture was kept, and closed its window.
    pub fn changed(&self, frame: &Frame) {
        if frame.monitor != FIRST {
            return;
        }
        self.changed.set(true);
        let before = self.still.replace(Some(frame.picture.still()));
        if !clears(frame) {
            return;
        }
        let texture = before.and_then(|picture| picture.to_texture());
        if let Some(texture) = texture.filter(|texture| differing(texture) > 0) {
            self.keep(texture);
        }
    }

    fn keep(&self, picture: gdk::Texture) {
        self.earlier.replace(Some(picture));
        self.kept_at.set(Some(Instant::now()));
    }

    /// The last one, if there is something in it, or the one with more.
    fn last_of(&self, last: gdk::Texture) -> gdk::Texture {
        self.still.take();
        let earlier =
            self.earlier.take().filter(|earlier| is_empty(&last) && differing(earlier) > differing(&last));
        earlier.unwrap_or(last)
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
            self.kept.keep(picture);
        }
    }

    pub(super) fn keep_last(&self) {
        let Some(last) = self.view.screenshot() else { return };
        let shown = self.kept.last_of(last);
        self.kept.last.replace(Some(shown));
    }

    /// The guest's picture: as it is, or as it was last.
    pub fn picture(&self) -> Option<gdk::Texture> {
        self.view.screenshot().or_else(|| self.kept.last.borrow().clone())
    }
}

/// Whether it makes a large part of the picture plain, as a window does that is
/// closed.
fn clears(frame: &Frame) -> bool {
    let area = |rect: &Rect| u64::from(rect.width) * u64::from(rect.height);
    let drawn: u64 = frame.dirty.iter().map(area).sum();
    drawn * LARGE >= area(&frame.picture.bounds()) && frame.picture.is_plain()
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

    fn frame(picture: &Rc<Picture>) -> Frame {
        Frame { monitor: FIRST, picture: picture.clone(), dirty: vec![picture.bounds()] }
    }

    #[test]
    fn what_was_drawn_last_is_kept_when_its_window_closes() {
        let (kept, black) = (Kept::default(), Picture::new(64, 64));
        // A line, and another one below it.
        let lines = |count: u32| {
            Picture::from_pixels(64, 64, |x, y| {
                u32::from((10..19).contains(&x) && (10..10 + count).contains(&y)) * 0xff_ffff
            })
        };
        [&black, &lines(1), &lines(2), &black].into_iter().for_each(|picture| kept.changed(&frame(picture)));
        let shown = kept.last_of(black.to_texture().expect("it has pixels"));
        assert_eq!(differing(&shown), 18, "both are there");
        // One that is hardly written on is no empty one for that.
        kept.keep(lines(1).to_texture().expect("it has pixels"));
        let shown = kept.last_of(lines(2).to_texture().expect("it has pixels"));
        assert_eq!(differing(&shown), 18);
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
