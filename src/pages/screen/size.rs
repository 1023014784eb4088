// SPDX-License-Identifier: LGPL-2.1-or-later
//! The sandbox's screen takes the size of the page that shows it.
//!
//! The page is measured and not the view: scrolled, the view is as large as
//! the guest, and before a session there is none.

use super::Screen;
use gtk::glib;
use gtk::prelude::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::console::Console;
use terrarium_protocol::display::ScreenSize;

/// A size must last so long, unless it has changed for that long.
const REST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(250);

/// The sizes.
pub struct Sizes {
    measure: gtk::DrawingArea,
    follow: Cell<bool>,
    /// How much larger the programs draw, from their start on.
    scale: Cell<u32>,
    told: Cell<Option<ScreenSize>>,
    timer: RefCell<Option<glib::SourceId>>,
    changes_since: Cell<Option<Instant>>,
}

impl Sizes {
    /// Of the area that `measure` covers. `scale`: how much larger the programs
    /// draw.
    pub fn new(measure: gtk::DrawingArea, scale: u32) -> Self {
        Self {
            measure,
            follow: Cell::new(true),
            scale: Cell::new(scale),
            told: Cell::new(None),
            timer: RefCell::default(),
            changes_since: Cell::new(None),
        }
    }
}

impl Screen {
    pub(super) fn connect_size(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        self.sizes.measure.connect_resize(move |_, _, _| {
            if let Some(screen) = weak.upgrade() {
                screen.size_changed();
            }
        });
        let weak = Rc::downgrade(self);
        self.sizes.measure.connect_scale_factor_notify(move |_| {
            if let Some(screen) = weak.upgrade() {
                screen.size_changed();
            }
        });
    }

    /// The size that would fill the page, in device pixels.
    pub fn wanted(&self) -> Option<ScreenSize> {
        let measure = &self.sizes.measure;
        let pixels = |length: i32| u32::try_from(length.saturating_mul(measure.scale_factor())).unwrap_or(0);
        let size = ScreenSize { width: pixels(measure.width()), height: pixels(measure.height()) };
        (size.width > 1 && size.height > 1).then(|| size.bounded())
    }

    /// How much larger its programs draw.
    pub fn programs_scale(&self) -> u32 {
        self.sizes.scale.get()
    }

    /// They are about to start: they draw for the desktop as it is now.
    pub fn take_scale(&self) -> u32 {
        let scale = u32::try_from(self.sizes.measure.scale_factor()).unwrap_or(1);
        self.sizes.scale.set(scale);
        scale
    }

    /// Whether the sandbox's screen takes the page's size.
    pub fn follows(&self) -> bool {
        self.sizes.follow.get()
    }

    /// Lets it do so, or leaves it as it is.
    pub fn set_follow(&self, follow: bool) {
        self.sizes.follow.set(follow);
        if follow {
            self.sizes.told.set(None);
            self.rested();
        }
        self.change();
    }

    fn size_changed(self: &Rc<Self>) {
        if let Some(tab) = self.tab() {
            tab.has_size();
        }
        let sizes = &self.sizes;
        let since = sizes.changes_since.get().unwrap_or_else(Instant::now);
        sizes.changes_since.set(Some(since));
        if sizes.timer.borrow().is_some() && since.elapsed() > LONGEST {
            return;
        }
        let weak = Rc::downgrade(self);
        let timer = glib::timeout_add_local_once(REST, move || {
            if let Some(screen) = weak.upgrade() {
                // It has run: removing it again would be an error.
                let _ = screen.sizes.timer.take();
                screen.sizes.changes_since.set(None);
                screen.rested();
            }
        });
        if let Some(old) = sizes.timer.replace(Some(timer)) {
            old.remove();
        }
    }

    fn rested(&self) {
        let Some(tab) = self.tab().filter(|tab| tab.has_keyboard()) else { return };
        let console = tab.console.borrow().clone();
        if let (Some(console), Some(size)) = (console, self.wanted()) {
            self.tell(&console, size);
        }
    }

    /// Tells the size to somebody new.
    pub fn tell_size(&self, console: &Console) {
        self.sizes.told.set(None);
        if let Some(size) = self.wanted() {
            self.tell(console, size);
        }
    }

    fn tell(&self, console: &Console, size: ScreenSize) {
        if self.follows() && self.sizes.told.replace(Some(size)) != Some(size) {
            console.resize_screen(size);
            self.log(&format!("size: {} × {}", size.width, size.height));
        }
    }
}
