// SPDX-License-Identifier: LGPL-2.1-or-later
//! The pointer's shape.

use std::cell::RefCell;
use std::rc::Rc;

use spice_client_glib as spice;
use spice_client_glib::CursorType;

use super::attempt::Attempt;
use crate::types::{Cursor, CursorImage, Event};

/// The widest and highest pointer, in pixels.
const MAX_SIDE: u32 = 512;
/// Where a pointer may be said to be, in pixels.
const MAX_PLACE: i32 = 16384;

/// The shape to come back to after the guest hid it.
#[derive(Default)]
pub(super) struct CursorState {
    shape: RefCell<Cursor>,
    shown: RefCell<Cursor>,
}

impl CursorState {
    pub(super) fn forget(&self) {
        self.shape.take();
        self.shown.take();
    }
}

impl Attempt {
    pub(super) fn adopt_cursor(self: &Rc<Self>, channel: &spice::CursorChannel) {
        let weak = Rc::downgrade(self);
        channel.connect_cursor_notify(move |channel| {
            if let Some(attempt) = weak.upgrade() {
                let shape = image(channel).map_or(Cursor::Default, Cursor::Shape);
                attempt.cursor.shape.replace(shape.clone());
                attempt.show_cursor(shape);
            }
        });
        let weak = Rc::downgrade(self);
        channel.connect_cursor_hide(move |_| {
            if let Some(attempt) = weak.upgrade() {
                attempt.show_cursor(Cursor::Hidden);
            }
        });
        let weak = Rc::downgrade(self);
        channel.connect_cursor_reset(move |_| {
            if let Some(attempt) = weak.upgrade() {
                attempt.cursor.shape.take();
                attempt.show_cursor(Cursor::Default);
            }
        });
        let weak = Rc::downgrade(self);
        channel.connect_cursor_move(move |_, x, y| {
            let Some(attempt) = weak.upgrade() else { return };
            // A guest shows a hidden pointer by moving it.
            let shape = attempt.cursor.shape.borrow().clone();
            attempt.show_cursor(shape);
            if let (Ok(x), Ok(y)) = (u32::try_from(x.min(MAX_PLACE)), u32::try_from(y.min(MAX_PLACE))) {
                attempt.tell(&Event::CursorAt(x, y));
            }
        });
    }

    fn show_cursor(&self, cursor: Cursor) {
        if *self.cursor.shown.borrow() != cursor {
            self.cursor.shown.replace(cursor.clone());
            self.tell(&Event::Cursor(cursor));
        }
    }
}

/// The guest's pointer, or nothing if there is none that can be believed.
fn image(channel: &spice::CursorChannel) -> Option<CursorImage> {
    let shape = channel.cursor()?;
    let kind = shape.cursor_type().ok()?;
    if !matches!(
        kind,
        CursorType::Alpha | CursorType::Mono | CursorType::Color4 | CursorType::Color16 | CursorType::Color32
    ) {
        return None;
    }
    let side = |value: i32| u32::try_from(value).ok().filter(|v| (1..=MAX_SIDE).contains(v));
    let (width, height) = (side(shape.width())?, side(shape.height())?);
    // SAFETY: the pointer leads to the shape, which lives.
    let data: *const u8 = unsafe { (*shape.as_ptr()).data }.cast_const().cast();
    if data.is_null() {
        return None;
    }
    // SAFETY: spice-glib turns each of these kinds into four bytes a pixel,
    // and made the copy that `shape` is of width times height of them.
    let rgba = unsafe { std::slice::from_raw_parts(data, (width * height * 4) as usize) }.to_vec();
    let hot = |value: i32, side: u32| u32::try_from(value).unwrap_or(0).min(side - 1);
    let (hot_x, hot_y) = (hot(shape.hot_x(), width), hot(shape.hot_y(), height));
    Some(CursorImage { width, height, hot_x, hot_y, rgba })
}
