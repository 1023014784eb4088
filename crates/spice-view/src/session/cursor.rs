// SPDX-License-Identifier: LGPL-2.1-or-later
//! The pointer's shape. Each channel of pictures can have a pointer of its
//! own; the first one's serves all monitors that have none.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use spice_client_glib as spice;
use spice_client_glib::prelude::*;
use spice_client_glib::CursorType;

use super::attempt::{Attempt, MAX_DISPLAYS};
use crate::types::{Cursor, CursorImage, Event, MonitorId};

/// The widest and highest pointer, in pixels.
const MAX_SIDE: u32 = 512;
/// Where a pointer may be said to be, in pixels.
const MAX_PLACE: i32 = 16384;

/// The pointers by the number of their channel.
pub(super) type Pointers = RefCell<BTreeMap<i32, Rc<Pointer>>>;

/// The shape to come back to after the guest hid it.
pub(super) struct Pointer {
    attempt: Weak<Attempt>,
    number: i32,
    shape: RefCell<Cursor>,
    shown: RefCell<Cursor>,
}

impl Attempt {
    /// Whether the channel is used.
    pub(super) fn adopt_cursor(self: &Rc<Self>, channel: &spice::CursorChannel) -> bool {
        let number = channel.channel_id();
        let known = self.pointers.borrow().contains_key(&number);
        if known || self.pointers.borrow().len() >= MAX_DISPLAYS {
            return false;
        }
        let pointer = Rc::new(Pointer {
            attempt: Rc::downgrade(self),
            number,
            shape: RefCell::default(),
            shown: RefCell::default(),
        });
        pointer.follow(channel);
        self.pointers.borrow_mut().insert(number, pointer);
        true
    }
}

impl Pointer {
    fn follow(self: &Rc<Self>, channel: &spice::CursorChannel) {
        let weak = Rc::downgrade(self);
        channel.connect_cursor_notify(move |channel| {
            if let Some(pointer) = weak.upgrade() {
                let shape = image(channel).map_or(Cursor::Default, Cursor::Shape);
                pointer.shape.replace(shape.clone());
                pointer.show(shape);
            }
        });
        let weak = Rc::downgrade(self);
        channel.connect_cursor_hide(move |_| {
            if let Some(pointer) = weak.upgrade() {
                pointer.show(Cursor::Hidden);
            }
        });
        let weak = Rc::downgrade(self);
        channel.connect_cursor_reset(move |_| {
            if let Some(pointer) = weak.upgrade() {
                pointer.shape.take();
                pointer.show(Cursor::Default);
            }
        });
        let weak = Rc::downgrade(self);
        channel.connect_cursor_move(move |_, x, y| {
            if let Some(pointer) = weak.upgrade() {
                pointer.moved(x, y);
            }
        });
    }

    fn moved(&self, x: i32, y: i32) {
        // A guest shows a hidden pointer by moving it.
        let shape = self.shape.borrow().clone();
        self.show(shape);
        let place = (u32::try_from(x.min(MAX_PLACE)), u32::try_from(y.min(MAX_PLACE)));
        if let (0, (Ok(x), Ok(y)), Some(attempt)) = (self.number, place, self.attempt.upgrade()) {
            attempt.tell(&Event::CursorAt(x, y));
        }
    }

    fn show(&self, cursor: Cursor) {
        let Some(attempt) = self.attempt.upgrade() else { return };
        if *self.shown.borrow() == cursor {
            return;
        }
        self.shown.replace(cursor.clone());
        match u32::try_from(self.number) {
            Ok(0) | Err(_) => attempt.tell(&Event::Cursor(cursor)),
            Ok(number) => attempt.tell(&Event::CursorOn(MonitorId(number), cursor)),
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
