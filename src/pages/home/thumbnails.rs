// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pictures of running sandboxes on their cards, made anew while Home is seen:
//! one after the other, small, and only of those that have a screen.

use super::Home;
use crate::window::Window;
use gtk::{gdk, glib, prelude::*};
use spice_view::{Command, MonitorId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Weak;
use terrarium_engine::profile::DisplayKind;
use terrarium_engine::sandbox::{Id, Picture, State, Summary};

/// A picture is made so large that it fills a card also where a pixel of the
/// desktop is two of the screen's.
const WIDTH: usize = 640;
const HEIGHT: usize = 320;

/// What was seen of each sandbox last, and where it is shown.
#[derive(Default)]
pub struct Thumbnails {
    pictures: RefCell<HashMap<Id, gdk::Texture>>,
    places: RefCell<HashMap<Id, gtk::Picture>>,
}

impl Thumbnails {
    /// The place of a sandbox's picture on a new card, with the last one.
    pub fn place(&self, id: &Id) -> gtk::Picture {
        let place = gtk::Picture::builder()
            .can_shrink(true)
            // All of it: what a program shows first is at the edges.
            .content_fit(gtk::ContentFit::Contain)
            .can_target(false)
            .build();
        place.set_paintable(self.pictures.borrow().get(id));
        self.places.borrow_mut().insert(id.clone(), place.clone());
        place
    }

    /// Forgets those that are gone.
    pub fn retain(&self, sandboxes: &[Summary]) {
        let is_there = |id: &Id| sandboxes.iter().any(|one| one.id == *id);
        self.pictures.borrow_mut().retain(|id, _| is_there(id));
        self.places.borrow_mut().retain(|id, _| is_there(id));
    }

    fn show(&self, id: &Id, picture: &gdk::Texture) {
        if let Some(place) = self.places.borrow().get(id) {
            place.set_paintable(Some(picture));
            self.pictures.borrow_mut().insert(id.clone(), picture.clone());
        }
    }
}

impl Home {
    /// Makes a picture of each, one after the other.
    pub(super) async fn look_at_screens(&self, window: &Weak<Window>) {
        let shown = self.shown.borrow().clone().unwrap_or_default();
        let has_screen = |one: &&Summary| one.metadata.display == DisplayKind::Window;
        for one in shown.iter().filter(has_screen).filter(|one| one.state == State::Running) {
            let Some(window) = window.upgrade().filter(|_| self.widget.is_mapped()) else { return };
            let texture = match own_picture(&window, &one.id) {
                Some(texture) => Some(texture),
                None => {
                    let made = window.bridge.picture(one.id.clone(), |picture| small(&picture));
                    drop(window);
                    made.await.ok().flatten().map(Into::into)
                }
            };
            if let Some(texture) = texture {
                self.thumbnails.show(&one.id, &texture);
            }
        }
    }
}

/// From the tab that shows it, if there is one.
fn own_picture(window: &Window, id: &Id) -> Option<gdk::Texture> {
    let tab = window.runs.tab_of(id)?;
    let screen = tab.screen.as_ref().filter(|screen| screen.is_connected())?;
    let link = screen.view.link()?;
    // A view that is not seen gets no pictures unless it asks.
    link.send(Command::FrameWanted(MonitorId(0)));
    let picture = link.picture(MonitorId(0))?;
    let pixels = picture.copy(&picture.bounds())?;
    let size = (usize::try_from(picture.width()).ok()?, usize::try_from(picture.height()).ok()?);
    let shrunk = shrink(&pixels, size, [2, 1, 0], 4)?;
    Some(texture(shrunk).upcast())
}

fn small(picture: &Picture) -> Option<gdk::MemoryTexture> {
    let size = (usize::try_from(picture.size.width).ok()?, usize::try_from(picture.size.height).ok()?);
    shrink(&picture.pixels, size, [0, 1, 2], 3).map(texture)
}

fn texture((pixels, width, height): (Vec<u8>, usize, usize)) -> gdk::MemoryTexture {
    let side = |length: usize| i32::try_from(length).unwrap_or(1);
    let bytes = glib::Bytes::from_owned(pixels);
    gdk::MemoryTexture::new(side(width), side(height), gdk::MemoryFormat::R8g8b8, &bytes, width * 3)
}

/// Makes a picture as small as a card needs it; each pixel is the mean of
/// those that it stands for. `order` says where red, green and blue are among
/// the `bytes` of a pixel.
fn shrink(
    pixels: &[u8],
    (width, height): (usize, usize),
    order: [usize; 3],
    bytes: usize,
) -> Option<(Vec<u8>, usize, usize)> {
    if width == 0 || height == 0 || pixels.len() < width.checked_mul(height)?.checked_mul(bytes)? {
        return None;
    }
    let scale = (WIDTH as f64 / width as f64).max(HEIGHT as f64 / height as f64).min(1.0);
    let fit = |length: usize| ((length as f64 * scale).round() as usize).clamp(1, length);
    let (wide, high) = (fit(width), fit(height));
    let mut small = Vec::with_capacity(wide * high * 3);
    for y in 0..high {
        let rows = y * height / high..((y + 1) * height / high).max(y * height / high + 1);
        for x in 0..wide {
            let columns = x * width / wide..((x + 1) * width / wide).max(x * width / wide + 1);
            let mut sums = [0_usize; 3];
            for row in rows.clone() {
                for column in columns.clone() {
                    let at = (row * width + column) * bytes;
                    for (sum, place) in sums.iter_mut().zip(order) {
                        *sum += usize::from(pixels[at + place]);
                    }
                }
            }
            let count = rows.len() * columns.len();
            small.extend(sums.map(|sum| u8::try_from(sum / count).unwrap_or(u8::MAX)));
        }
    }
    Some((small, wide, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fills_the_card_and_is_no_larger_than_it_was() {
        let size = |width: usize, height: usize| {
            let pixels = vec![7; width * height * 3];
            shrink(&pixels, (width, height), [0, 1, 2], 3).map(|(small, width, height)| {
                assert!(small.iter().all(|byte| *byte == 7) && small.len() == width * height * 3);
                (width, height)
            })
        };
        assert_eq!(size(1280, 640), Some((640, 320)));
        assert_eq!(size(1920, 1080), Some((640, 360)));
        assert_eq!(size(200, 2000), Some((200, 2000)));
        assert_eq!(size(1, 1), Some((1, 1)));
        assert_eq!(shrink(&[0; 10], (2, 2), [0, 1, 2], 3), None);
        assert_eq!(shrink(&[], (usize::MAX, 2), [0, 1, 2], 3), None);
    }

    #[test]
    fn pixels_are_the_mean_of_those_they_stand_for() {
        // Two rows of 1280 pixels: blue, green, red, unused.
        let row = |value: u8| [value, 0, 100, 9].repeat(1280);
        let pixels = [row(10), row(30)].concat().repeat(320);
        let (small, width, height) = shrink(&pixels, (1280, 640), [2, 1, 0], 4).unwrap();
        assert_eq!((width, height, &small[..3]), (640, 320, &[100, 0, 20][..]));
    }
}
