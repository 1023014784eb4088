// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where a guest's pixels lie in a view. Pure functions. A view is measured
//! in GTK's logical pixels, of which each is `factor` device pixels wide.

use crate::types::Rect;

/// How large a guest's pixels are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "SpiceViewScaleMode")]
pub enum ScaleMode {
    /// The picture fills the view as far as its shape allows.
    #[default]
    Fit,
    /// One pixel of the guest takes one of the screen, times the zoom; for a
    /// view in a `GtkScrolledWindow`.
    Actual,
}

/// A picture that lacks less than this many device pixels to fill a view is
/// not stretched by such a trifle, which would only blur it.
const NEARLY: f64 = 8.0;
/// The longest side that a guest is asked for, in pixels.
const MAX_WANTED: f64 = 8192.0;

/// A guest's picture placed in a view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    x: f64,
    y: f64,
    /// Logical pixels for each of the guest's.
    scale: f64,
    factor: f64,
    guest: (u32, u32),
}

/// What placing depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The view's width and height in logical pixels.
    pub size: (i32, i32),
    /// Device pixels in a logical one.
    pub factor: i32,
    /// How large.
    pub mode: ScaleMode,
    /// How many device pixels a pixel of the guest is wide, if `mode` is actual.
    pub zoom: f64,
}

impl View {
    fn factor(&self) -> f64 {
        f64::from(self.factor.max(1))
    }

    fn zoom(&self) -> f64 {
        if self.zoom.is_finite() {
            self.zoom.clamp(0.1, 8.0)
        } else {
            1.0
        }
    }

    fn scale(&self, guest: (u32, u32)) -> f64 {
        let factor = self.factor();
        if self.mode == ScaleMode::Actual {
            return self.zoom() / factor;
        }
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        let (fit_x, fit_y) = (width / f64::from(guest.0), height / f64::from(guest.1));
        let (scale, view, side) =
            if fit_x < fit_y { (fit_x, width, guest.0) } else { (fit_y, height, guest.1) };
        // What lacks where the picture would touch both edges; beside it may
        // lack as much as there is, as of a view larger than any guest's screen.
        let spare = view * factor - f64::from(side);
        if (0.0..NEARLY).contains(&spare) {
            return 1.0 / factor;
        }
        scale
    }

    /// Places a picture of that size, or nothing if either has no area.
    pub fn place(&self, guest: (u32, u32)) -> Option<Placement> {
        if guest.0 == 0 || guest.1 == 0 || self.size.0 <= 0 || self.size.1 <= 0 {
            return None;
        }
        let (factor, scale) = (self.factor(), self.scale(guest));
        let offset = |view: i32, guest: u32| {
            let spare = (f64::from(view) - f64::from(guest) * scale) / 2.0;
            (spare.max(0.0) * factor).floor() / factor
        };
        let (x, y) = (offset(self.size.0, guest.0), offset(self.size.1, guest.1));
        Some(Placement { x, y, scale, factor, guest })
    }

    /// The size of a view that shows such a picture one to one, in logical pixels.
    pub fn natural(&self, guest: (u32, u32)) -> (i32, i32) {
        let zoom = if self.mode == ScaleMode::Actual { self.zoom() } else { 1.0 };
        let side = |guest: u32| (f64::from(guest) * zoom / self.factor()).ceil() as i32;
        (side(guest.0), side(guest.1))
    }

    /// The size of a guest that would fill the view exactly, in device
    /// pixels; nothing for a view that is not shown.
    pub fn wanted(&self) -> Option<(u32, u32)> {
        if self.size.0 <= 0 || self.size.1 <= 0 {
            return None;
        }
        let side = |view: i32| (f64::from(view) * self.factor()).clamp(1.0, MAX_WANTED) as u32;
        Some((side(self.size.0), side(self.size.1)))
    }
}

/// What of a view of that size lies beside the picture: x, y, width and
/// height of what is to be black. All of it if there is no picture.
pub fn around(placement: Option<&Placement>, width: f64, height: f64) -> Vec<(f64, f64, f64, f64)> {
    let Some(placement) = placement else { return vec![(0.0, 0.0, width, height)] };
    let (x, y, inner_width, inner_height) = placement.whole();
    let (right, bottom) = (x + inner_width, y + inner_height);
    let bars = [
        (0.0, 0.0, width, y),
        (0.0, bottom, width, height - bottom),
        (0.0, y, x, inner_height),
        (right, y, width - right, inner_height),
    ];
    bars.into_iter().filter(|(.., width, height)| *width > 0.0 && *height > 0.0).collect()
}

impl Placement {
    /// Where the whole picture lies, as [`Placement::to_view`] gives it.
    fn whole(&self) -> (f64, f64, f64, f64) {
        self.to_view(&Rect { x: 0, y: 0, width: self.guest.0, height: self.guest.1 })
    }

    fn edge(&self, offset: f64, guest: u32) -> f64 {
        // On a device pixel: two tiles that meet leave no seam, at any scale.
        ((offset + f64::from(guest) * self.scale) * self.factor).round() / self.factor
    }

    /// Where a rectangle of the guest lies: x, y, width and height in logical
    /// pixels, all on device pixels.
    pub fn to_view(self, rect: &Rect) -> (f64, f64, f64, f64) {
        let (left, top) = (self.edge(self.x, rect.x), self.edge(self.y, rect.y));
        let (right, bottom) = (self.edge(self.x, rect.right()), self.edge(self.y, rect.bottom()));
        (left, top, right - left, bottom - top)
    }

    /// The guest's pixel at a point of the view; the nearest one for a point
    /// outside of the picture.
    pub fn to_guest(self, x: f64, y: f64) -> (u32, u32) {
        let pixel = |at: f64, offset: f64, side: u32| {
            let at = ((at - offset) / self.scale).floor();
            if at.is_nan() {
                0
            } else {
                at.clamp(0.0, f64::from(side - 1)) as u32
            }
        };
        (pixel(x, self.x, self.guest.0), pixel(y, self.y, self.guest.1))
    }

    /// A movement in logical pixels, in the guest's.
    pub fn to_guest_distance(self, x: f64, y: f64) -> (f64, f64) {
        (x / self.scale, y / self.scale)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn black_is_all_that_is_not_the_picture() {
        for (size, guest, factor) in
            [((640, 480), (1025, 517), 1), ((300, 900), (1025, 517), 2), ((640, 480), (640, 480), 1)]
        {
            let view = View { size, factor, mode: ScaleMode::Fit, zoom: 1.0 };
            let placement = view.place(guest).unwrap();
            let (width, height) = (f64::from(size.0), f64::from(size.1));
            let bars = around(Some(&placement), width, height);
            let area = |(_, _, width, height): &(f64, f64, f64, f64)| width * height;
            let black: f64 = bars.iter().map(area).sum();
            assert!((black + area(&placement.whole()) - width * height).abs() < 1e-6, "{bars:?}");
            assert_eq!(bars.is_empty(), guest == (640, 480));
        }
        assert_eq!(around(None, 3.0, 4.0), [(0.0, 0.0, 3.0, 4.0)]);
        let view = View { size: (100, 100), factor: 1, mode: ScaleMode::Actual, zoom: 2.0 };
        assert!(around(view.place((200, 200)).as_ref(), 100.0, 100.0).is_empty(), "cut, not negative");
    }

    fn bounds(placed: Placement) -> (f64, f64, f64, f64) {
        placed.to_view(&Rect { x: 0, y: 0, width: placed.guest.0, height: placed.guest.1 })
    }

    fn fit(width: i32, height: i32, factor: i32) -> View {
        View { size: (width, height), factor, mode: ScaleMode::Fit, zoom: 1.0 }
    }

    #[test]
    fn a_picture_of_the_views_size_fills_it_exactly() {
        for factor in [1, 2, 3] {
            let size = ((801 * factor) as u32, (601 * factor) as u32);
            let placed = fit(801, 601, factor).place(size).unwrap();
            assert_eq!(bounds(placed), (0.0, 0.0, 801.0, 601.0));
            assert_eq!(fit(801, 601, factor).wanted(), Some(size));
        }
    }

    #[test]
    fn a_few_pixels_less_are_letterboxed_not_stretched() {
        let placed = fit(807, 600, 1).place((800, 600)).unwrap();
        assert_eq!(bounds(placed), (3.0, 0.0, 800.0, 600.0));
        let placed = fit(808, 600, 1).place((800, 600)).unwrap();
        assert_eq!(bounds(placed).2, 800.0, "the height does not allow more");
        let placed = fit(1600, 1200, 1).place((800, 600)).unwrap();
        assert_eq!(bounds(placed), (0.0, 0.0, 1600.0, 1200.0));
        // A view with more pixels than a screen may have; its guest's width is
        // a multiple of eight.
        let placed = fit(3870, 2240, 1).place((3864, 2143)).unwrap();
        assert_eq!(bounds(placed), (3.0, 48.0, 3864.0, 2143.0));
        let placed = fit(15, 1500, 1).place((8, 1000)).unwrap();
        assert_eq!(bounds(placed).3, 1500.0, "narrow, but it lacks a lot");
    }

    #[test]
    fn one_to_one_is_in_device_pixels() {
        let view = View { size: (400, 300), factor: 2, mode: ScaleMode::Actual, zoom: 1.0 };
        assert_eq!(view.natural((800, 600)), (400, 300));
        assert_eq!(bounds(view.place((800, 600)).unwrap()), (0.0, 0.0, 400.0, 300.0));
        let zoomed = View { zoom: 1.5, ..view };
        assert_eq!(zoomed.natural((800, 600)), (600, 450));
        assert_eq!(View { zoom: f64::NAN, ..view }.natural((800, 600)), (400, 300));
    }

    #[test]
    fn corners_and_centre_meet_the_guests() {
        let placed = fit(1000, 1000, 1).place((640, 480)).unwrap();
        let (x, y, width, height) = bounds(placed);
        assert_eq!(placed.to_guest(x, y), (0, 0));
        assert_eq!(placed.to_guest(x + width - 0.5, y + height - 0.5), (639, 479));
        assert_eq!(placed.to_guest(500.0, 500.0), (320, 240));
        assert_eq!(placed.to_guest(-50.0, 5000.0), (0, 479));
        assert_eq!(placed.to_guest(f64::NAN, f64::INFINITY), (0, 479));
    }

    #[test]
    fn nothing_is_placed_in_nothing() {
        assert_eq!(fit(0, 10, 1).place((10, 10)), None);
        assert_eq!(fit(10, 10, 1).place((0, 10)), None);
        assert_eq!(fit(0, 10, 1).wanted(), None);
    }

    proptest! {
        #[test]
        fn a_pixels_centre_leads_back_to_it(
            width in 20_i32..4000, height in 20_i32..4000, factor in 1_i32..4,
            guest in (1_u32..4000, 1_u32..4000), at in (0.0..1.0_f64, 0.0..1.0_f64),
            actual in any::<bool>(), zoom in 0.1..8.0_f64,
        ) {
            let mode = if actual { ScaleMode::Actual } else { ScaleMode::Fit };
            let placed = View { size: (width, height), factor, mode, zoom }.place(guest).unwrap();
            let pixel = ((f64::from(guest.0) * at.0) as u32, (f64::from(guest.1) * at.1) as u32);
            let x = placed.x + (f64::from(pixel.0) + 0.5) * placed.scale;
            let y = placed.y + (f64::from(pixel.1) + 0.5) * placed.scale;
            prop_assert_eq!(placed.to_guest(x, y), pixel);
        }

        #[test]
        fn tiles_meet_without_gap_or_overlap_on_device_pixels(
            width in 1_i32..4000, height in 1_i32..4000, factor in 1_i32..4,
            guest in (1_u32..4000, 1_u32..4000), cut in (0.0..1.0_f64, 0.0..1.0_f64),
        ) {
            let placed = fit(width, height, factor).place(guest).unwrap();
            let (x, y) = ((f64::from(guest.0) * cut.0) as u32, (f64::from(guest.1) * cut.1) as u32);
            let first = placed.to_view(&Rect { x: 0, y: 0, width: x, height: y });
            let second = placed.to_view(&Rect { x, y, width: guest.0 - x, height: guest.1 - y });
            prop_assert!((first.0 + first.2 - second.0).abs() < 1e-9);
            prop_assert!((first.1 + first.3 - second.1).abs() < 1e-9);
            let device = second.0 * f64::from(factor);
            prop_assert!((device - device.round()).abs() < 1e-6);
            let (left, top, wide, high) = bounds(placed);
            prop_assert!(left >= 0.0 && top >= 0.0);
            prop_assert!(left + wide <= f64::from(width) + 1e-9 && top + high <= f64::from(height) + 1e-9);
        }
    }
}
