// SPDX-License-Identifier: LGPL-2.1-or-later
//! The pointer: where it is, what it presses, what it looks like.

use std::cell::{Cell, RefCell};

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib, graphene};

use super::SpiceView;
use crate::geometry::Placement;
use crate::types::{Button, Command, Cursor, CursorImage, MouseMode};
use crate::wheel::Wheel;

#[derive(Default)]
pub(super) struct Pointer {
    mode: Cell<MouseMode>,
    cursor: RefCell<Cursor>,
    texture: RefCell<Option<gdk::Texture>>,
    /// Where the guest draws its pointer, in relative mode.
    place: Cell<Option<(u32, u32)>>,
    /// The last position, in the view's logical pixels.
    last: Cell<Option<(f64, f64)>>,
    /// The last position that was sent.
    sent: Cell<Option<(u32, u32)>>,
    /// What is left of a movement of less than a pixel.
    rest: Cell<(f64, f64)>,
    down: RefCell<Vec<Button>>,
    wheel: RefCell<Wheel>,
}

fn button_of(number: u32) -> Option<Button> {
    match number {
        1 => Some(Button::Left),
        2 => Some(Button::Middle),
        3 => Some(Button::Right),
        8 => Some(Button::Side),
        9 => Some(Button::Extra),
        _ => None,
    }
}

impl Pointer {
    pub(super) fn install(&self, view: &SpiceView) {
        Self::install_motion(view);
        Self::install_buttons(view);
        Self::install_wheel(view);
    }

    fn install_motion(view: &SpiceView) {
        let motion = gtk::EventControllerMotion::new();
        let weak = view.downgrade();
        let enter = move |x: f64, y: f64, entered: bool| {
            if let Some(view) = weak.upgrade() {
                view.imp().pointer.moved(&view, x, y, entered);
            }
        };
        let moved = enter.clone();
        motion.connect_enter(move |_, x, y| enter(x, y, true));
        motion.connect_motion(move |_, x, y| moved(x, y, false));
        view.add_controller(motion);
    }

    fn install_buttons(view: &SpiceView) {
        // A gesture would give up where a guest wants to know the release.
        let buttons = gtk::EventControllerLegacy::new();
        let weak = view.downgrade();
        buttons.connect_event(move |_, event| {
            let used = weak.upgrade().is_some_and(|view| view.imp().pointer.event(&view, event));
            if used {
                glib::Propagation::Stop
            } else {
                glib::Propagation::Proceed
            }
        });
        view.add_controller(buttons);
    }

    fn install_wheel(view: &SpiceView) {
        let scroll = gtk::EventControllerScroll::new(gtk::EventControllerScrollFlags::VERTICAL);
        let weak = view.downgrade();
        scroll.connect_scroll(move |scroll, _, y| {
            let in_pixels = scroll.unit() == gdk::ScrollUnit::Surface;
            let used = weak.upgrade().is_some_and(|view| view.imp().pointer.scrolled(&view, y, in_pixels));
            if used {
                glib::Propagation::Stop
            } else {
                glib::Propagation::Proceed
            }
        });
        view.add_controller(scroll);
    }

    fn moved(&self, view: &SpiceView, x: f64, y: f64, entered: bool) {
        let before = self.last.replace(Some((x, y)));
        let Some(placement) = view.imp().placement() else { return };
        if self.mode.get() == MouseMode::Absolute {
            let at = placement.to_guest(x, y);
            if self.sent.replace(Some(at)) != Some(at) {
                view.imp().send(Command::Position(view.imp().monitor_id(), at.0, at.1));
            }
        } else if let (Some(before), false) = (before, entered) {
            let (dx, dy) = placement.to_guest_distance(x - before.0, y - before.1);
            let (dx, dy) = (dx + self.rest.get().0, dy + self.rest.get().1);
            self.rest.set((dx.fract(), dy.fract()));
            if dx.trunc() != 0.0 || dy.trunc() != 0.0 {
                view.imp().send(Command::Motion(dx as i32, dy as i32));
            }
        }
    }

    fn event(&self, view: &SpiceView, event: &gdk::Event) -> bool {
        if !view.imp().is_connected() {
            return false;
        }
        let (button, down) = match event.event_type() {
            gdk::EventType::ButtonPress => (button_number(event), true),
            gdk::EventType::ButtonRelease => (button_number(event), false),
            // A finger is the left button.
            gdk::EventType::TouchBegin => (Some(Button::Left), true),
            gdk::EventType::TouchEnd | gdk::EventType::TouchCancel => (Some(Button::Left), false),
            gdk::EventType::TouchUpdate => {
                if let Some((x, y)) = place_of(view, event) {
                    self.moved(view, x, y, false);
                }
                return true;
            }
            _ => return false,
        };
        let Some(button) = button else { return false };
        if let Some((x, y)) = place_of(view, event) {
            self.moved(view, x, y, true);
        }
        if down {
            view.grab_focus();
            view.imp().keyboard.interrupt();
        }
        self.press(view, button, down);
        true
    }

    fn press(&self, view: &SpiceView, button: Button, down: bool) {
        let known = self.down.borrow().contains(&button);
        if known == down {
            return;
        }
        if down {
            self.down.borrow_mut().push(button);
        } else {
            self.down.borrow_mut().retain(|other| *other != button);
        }
        view.imp().send(Command::Button(button, down));
    }

    fn scrolled(&self, view: &SpiceView, y: f64, in_pixels: bool) -> bool {
        if !view.imp().is_connected() {
            return false;
        }
        let steps = self.wheel.borrow_mut().turn(y, in_pixels);
        if steps != 0 {
            view.imp().send(Command::Wheel(steps));
        }
        true
    }

    /// Lets go of every button.
    pub(super) fn let_go(&self, view: &SpiceView) {
        for button in self.down.take() {
            view.imp().send(Command::Button(button, false));
        }
        self.wheel.borrow_mut().reset();
        self.sent.set(None);
        self.rest.set((0.0, 0.0));
    }

    /// The picture has another size: a pixel of the same number is elsewhere on
    /// a tablet, which knows parts of the whole only, and is told once more.
    pub(super) fn forget_sent(&self) {
        self.sent.set(None);
    }

    pub(super) fn set_mode(&self, view: &SpiceView, mode: MouseMode) {
        if self.mode.replace(mode) != mode {
            self.sent.set(None);
            self.update_cursor(view);
        }
    }

    pub(super) fn set_shape(&self, view: &SpiceView, cursor: &Cursor) {
        let texture = match cursor {
            Cursor::Shape(image) => texture_of(image),
            Cursor::Default | Cursor::Hidden => None,
        };
        self.texture.replace(texture);
        self.cursor.replace(cursor.clone());
        self.update_cursor(view);
    }

    pub(super) fn set_place(&self, view: &SpiceView, x: u32, y: u32) {
        self.place.set(Some((x, y)));
        if self.mode.get() == MouseMode::Relative {
            view.queue_draw();
        }
    }

    /// The pointer over the view: the guest's shape, or none where the guest
    /// draws its own.
    pub(super) fn update_cursor(&self, view: &SpiceView) {
        let none = || gdk::Cursor::from_name("none", None);
        let cursor = match (view.imp().is_connected(), self.mode.get(), &*self.cursor.borrow()) {
            (false, _, _) => None,
            (true, MouseMode::Relative, Cursor::Shape(_)) if self.place.get().is_some() => none(),
            (true, _, Cursor::Hidden) => none(),
            (true, _, Cursor::Default) => None,
            (true, _, Cursor::Shape(image)) => self.texture.borrow().as_ref().map(|texture| {
                gdk::Cursor::from_texture(texture, signed(image.hot_x), signed(image.hot_y), None)
            }),
        };
        view.set_cursor(cursor.as_ref());
        view.queue_draw();
    }

    /// Draws the pointer where the guest has it, if it moves it itself.
    pub(super) fn draw(&self, snapshot: &gtk::Snapshot, placement: &Placement) {
        if self.mode.get() == MouseMode::Absolute {
            return;
        }
        let (cursor, texture) = (self.cursor.borrow(), self.texture.borrow());
        let (Cursor::Shape(image), Some(texture), Some((x, y))) = (&*cursor, &*texture, self.place.get())
        else {
            return;
        };
        let (left, top, ..) = placement.to_view(&crate::types::Rect { x, y, width: 0, height: 0 });
        let size = crate::types::Rect { x: 0, y: 0, width: image.width, height: image.height };
        let hot = crate::types::Rect { x: 0, y: 0, width: image.hot_x, height: image.hot_y };
        let ((.., width, height), (.., hot_x, hot_y)) = (placement.to_view(&size), placement.to_view(&hot));
        let (x, y) = ((left - hot_x) as f32, (top - hot_y) as f32);
        snapshot.append_texture(texture, &graphene::Rect::new(x, y, width as f32, height as f32));
    }
}

fn button_number(event: &gdk::Event) -> Option<Button> {
    event.downcast_ref::<gdk::ButtonEvent>().and_then(|event| button_of(event.button()))
}

/// Where an event happened, in the view's coordinates.
fn place_of(view: &SpiceView, event: &gdk::Event) -> Option<(f64, f64)> {
    let (x, y) = event.position()?;
    let native = view.native()?;
    let (left, top) = native.surface_transform();
    native.translate_coordinates(view, x - left, y - top)
}

fn signed(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(0)
}

fn texture_of(image: &CursorImage) -> Option<gdk::Texture> {
    let bytes = glib::Bytes::from(&image.rgba);
    let stride = image.width as usize * 4;
    if image.rgba.len() != stride * image.height as usize || image.rgba.is_empty() {
        return None;
    }
    let (width, height) = (signed(image.width), signed(image.height));
    Some(gdk::MemoryTexture::new(width, height, gdk::MemoryFormat::R8g8b8a8, &bytes, stride).upcast())
}
