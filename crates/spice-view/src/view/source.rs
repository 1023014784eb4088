// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pixels that cairo draws from where they lie.
//!
//! What is drawn to a GTK node is recorded, and a surface that goes before its
//! record does is copied for it. A raster source is asked for a surface each
//! time the record is played instead. The bindings lack it.

use std::ffi::{c_int, c_void};
use std::rc::Rc;
use std::sync::Arc;

use gtk::cairo::{self, ffi};
use gtk::glib::translate::ToGlibPtr;

use crate::picture::Pixels;
use crate::types::Rect;

/// A tile's pixels; cairo holds a count for each pattern that is made of it.
struct Source {
    pixels: Arc<Pixels>,
    /// In pixels.
    size: (c_int, c_int),
}

type Acquire = unsafe extern "C" fn(
    *mut ffi::cairo_pattern_t,
    *mut c_void,
    *mut ffi::cairo_surface_t,
    *const ffi::cairo_rectangle_int_t,
) -> *mut ffi::cairo_surface_t;
type Release = unsafe extern "C" fn(*mut ffi::cairo_pattern_t, *mut c_void, *mut ffi::cairo_surface_t);
type Copy = unsafe extern "C" fn(
    *mut ffi::cairo_pattern_t,
    *mut c_void,
    *const ffi::cairo_pattern_t,
) -> ffi::cairo_status_t;
type Finish = unsafe extern "C" fn(*mut ffi::cairo_pattern_t, *mut c_void);

// cairo-raster-source-pattern.c of cairo 1.12 and later.
extern "C" {
    fn cairo_pattern_create_raster_source(
        data: *mut c_void,
        content: ffi::cairo_content_t,
        width: c_int,
        height: c_int,
    ) -> *mut ffi::cairo_pattern_t;
    fn cairo_raster_source_pattern_set_acquire(
        pattern: *mut ffi::cairo_pattern_t,
        acquire: Option<Acquire>,
        release: Option<Release>,
    );
    fn cairo_raster_source_pattern_set_copy(pattern: *mut ffi::cairo_pattern_t, copy: Option<Copy>);
    fn cairo_raster_source_pattern_set_finish(pattern: *mut ffi::cairo_pattern_t, finish: Option<Finish>);
}

/// A tile as something to draw from. What is opaque is copied, not mixed.
pub(super) fn pattern_of(area: &Rect, pixels: &Arc<Pixels>) -> Option<cairo::Pattern> {
    let size = (c_int::try_from(area.width).ok()?, c_int::try_from(area.height).ok()?);
    let bytes: &[u8] = pixels.as_ref().as_ref();
    if bytes.len() != area.width as usize * area.height as usize * 4 {
        return None;
    }
    let source = Rc::new(Source { pixels: Arc::clone(pixels), size });
    // SAFETY: the pattern has the count that is given away here; `copied` adds
    // one for each copy of it, and `finished` takes it from each that goes.
    let pattern = unsafe {
        let data = Rc::into_raw(source).cast_mut().cast();
        let pattern = cairo_pattern_create_raster_source(data, ffi::CONTENT_COLOR, size.0, size.1);
        cairo_raster_source_pattern_set_acquire(pattern, Some(acquired), Some(released));
        cairo_raster_source_pattern_set_copy(pattern, Some(copied));
        cairo_raster_source_pattern_set_finish(pattern, Some(finished));
        cairo::Pattern::from_raw_full(pattern)
    };
    pattern.status().is_ok().then_some(pattern)
}

unsafe extern "C" fn acquired(
    _: *mut ffi::cairo_pattern_t,
    data: *mut c_void,
    _: *mut ffi::cairo_surface_t,
    _: *const ffi::cairo_rectangle_int_t,
) -> *mut ffi::cairo_surface_t {
    // SAFETY: cairo hands back what the pattern was made with, which lives as
    // long as the pattern.
    let source = unsafe { &*data.cast_const().cast::<Source>() };
    let bytes: &[u8] = source.pixels.as_ref().as_ref();
    let (width, height) = source.size;
    // SAFETY: there are that many bytes, in rows of four times the width, as
    // cairo wants them, and they outlive the surface, which goes when the
    // pattern has been drawn. Nobody writes them while somebody has the
    // pixels, nor cairo into a surface that is only drawn from.
    let surface = unsafe {
        let data = bytes.as_ptr().cast_mut();
        cairo::ImageSurface::create_for_data_unsafe(data, cairo::Format::Rgb24, width, height, width * 4)
    };
    surface.map_or(std::ptr::null_mut(), |surface| surface.to_glib_full())
}

unsafe extern "C" fn released(
    _: *mut ffi::cairo_pattern_t,
    _: *mut c_void,
    surface: *mut ffi::cairo_surface_t,
) {
    // SAFETY: it is the one that `acquired` gave away.
    unsafe { ffi::cairo_surface_destroy(surface) };
}

unsafe extern "C" fn copied(
    _: *mut ffi::cairo_pattern_t,
    data: *mut c_void,
    _: *const ffi::cairo_pattern_t,
) -> ffi::cairo_status_t {
    // SAFETY: the pattern that is copied has a count. All is done by GTK's thread.
    unsafe { Rc::increment_strong_count(data.cast_const().cast::<Source>()) };
    ffi::STATUS_SUCCESS
}

unsafe extern "C" fn finished(_: *mut ffi::cairo_pattern_t, data: *mut c_void) {
    // SAFETY: this is the count that the pattern has, and it goes.
    unsafe { Rc::decrement_strong_count(data.cast_const().cast::<Source>()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Picture;

    fn drawn(pattern: &cairo::Pattern) -> Vec<u8> {
        let mut target = cairo::ImageSurface::create(cairo::Format::Rgb24, 8, 8).unwrap();
        let context = cairo::Context::new(&target).unwrap();
        context.set_source(pattern).unwrap();
        context.paint().unwrap();
        drop(context);
        let bytes = target.data().unwrap().to_vec();
        bytes
    }

    #[test]
    fn a_pattern_keeps_its_pixels() {
        let picture = Picture::from_pixels(8, 8, |x, y| x << 8 | y);
        let pixels = picture.tile(0).unwrap();
        let pattern = pattern_of(&picture.tile_area(0), &pixels).unwrap();
        let others = Arc::downgrade(&pixels);
        drop(pixels);
        picture.write(&[picture.bounds()], |_, _, bytes| bytes.fill(0xff));
        drop(picture);
        assert_eq!(drawn(&pattern)[4 * (8 * 3 + 5)..][..3], [3, 5, 0]);
        drop(pattern);
        assert!(others.upgrade().is_none(), "they go with the last who draws from them");
    }

    #[test]
    fn a_record_keeps_them_without_a_copy() {
        let picture = Picture::from_pixels(8, 8, |x, y| x << 8 | y);
        let pixels = picture.tile(0).unwrap();
        let record = cairo::RecordingSurface::create(cairo::Content::Color, None).unwrap();
        let context = cairo::Context::new(&record).unwrap();
        context.set_source(pattern_of(&picture.tile_area(0), &pixels).unwrap()).unwrap();
        context.paint().unwrap();
        drop(context);
        let others = Arc::downgrade(&pixels);
        drop((pixels, picture));
        assert!(others.upgrade().is_some());
        let again = cairo::SurfacePattern::create(&record);
        assert_eq!(drawn(&again)[4 * (8 * 7 + 1)..][..3], [7, 1, 0]);
        drop((again, record));
        assert!(others.upgrade().is_none());
    }

    #[test]
    fn a_size_that_is_not_the_tiles_is_refused() {
        let area = Rect { x: 0, y: 0, width: 9, height: 8 };
        assert!(pattern_of(&area, &Picture::new(8, 8).tile(0).unwrap()).is_none());
    }
}
