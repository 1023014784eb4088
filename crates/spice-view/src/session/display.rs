// SPDX-License-Identifier: LGPL-2.1-or-later
//! A channel of pictures. spice-glib decodes into memory of its own, which
//! can be gone with the next message: whatever is taken of it is copied at
//! once, and only what changed, when a view is ready for it.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use gtk::glib;
use spice_client_glib as spice;

use super::attempt::Attempt;
use crate::frame::{self, Claim, Damage, Surface, MAX_BYTES};
use crate::types::{Event, FailureKind, Frame, MonitorId, Picture, Rect};

/// The surface that is shown.
const PRIMARY: u32 = 0;
/// More monitors than this on one channel are left out.
const MAX_MONITORS: usize = 16;
/// How long a frame waits for the rest of what is being drawn.
const GATHER: Duration = Duration::from_millis(2);

struct Monitor {
    id: MonitorId,
    /// Its part of the surface.
    area: Rect,
    picture: Rc<Picture>,
    damage: Damage,
    /// Whether a view waits for a frame.
    wanted: bool,
}

pub(super) struct Display {
    attempt: Weak<Attempt>,
    channel: spice::DisplayChannel,
    number: i32,
    surface: Cell<Option<Surface>>,
    monitors: RefCell<Vec<Monitor>>,
    gathering: RefCell<Option<(glib::SourceId, glib::SourceId)>>,
}

impl Display {
    pub(super) fn new(attempt: &Rc<Attempt>, channel: &spice::DisplayChannel, number: i32) -> Rc<Display> {
        let display = Rc::new(Display {
            attempt: Rc::downgrade(attempt),
            channel: channel.clone(),
            number,
            surface: Cell::default(),
            monitors: RefCell::default(),
            gathering: RefCell::default(),
        });
        let on = |f: fn(&Rc<Display>)| {
            let weak = Rc::downgrade(&display);
            move || {
                if let Some(display) = weak.upgrade() {
                    f(&display);
                }
            }
        };
        let create = on(Display::look);
        channel.connect_display_primary_create(move |_| create());
        let monitors = on(Display::look);
        channel.connect_monitors_notify(move |_| monitors());
        let mark = on(Display::all_changed);
        channel.connect_display_mark(move |_, _| mark());
        let destroy = on(Display::gone);
        channel.connect_display_primary_destroy(move |_| destroy());
        let weak = Rc::downgrade(&display);
        channel.connect_display_invalidate(move |_, x, y, width, height| {
            if let Some(display) = weak.upgrade() {
                display.changed(x, y, width, height);
            }
        });
        display
    }

    pub(super) fn monitors(&self) -> Vec<MonitorId> {
        self.monitors.borrow().iter().map(|monitor| monitor.id).collect()
    }

    /// The left upper corner of a monitor on the surface, if it is here.
    pub(super) fn origin_of(&self, id: MonitorId) -> Option<(u32, u32)> {
        let monitors = self.monitors.borrow();
        monitors.iter().find(|monitor| monitor.id == id).map(|monitor| (monitor.area.x, monitor.area.y))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.monitors.borrow().iter().map(|monitor| bytes(&monitor.area)).sum()
    }

    pub(super) fn forget(self: &Rc<Self>) {
        self.gone();
        self.stop_gathering();
    }

    /// There is no picture until the next one is made; what was shown stays.
    fn gone(self: &Rc<Self>) {
        self.surface.set(None);
    }

    /// Reads what the server says of its picture, and refuses or believes it.
    fn claim(&self) -> Option<(Claim, *const u8)> {
        let primary = self.channel.primary(PRIMARY)?;
        // SAFETY: the pointer leads to a field of `primary`, which lives. (Its
        // own accessors multiply what the server says without a check.)
        let raw = unsafe { &*primary.as_ptr() };
        let claim = Claim { format: raw.format, width: raw.width, height: raw.height, stride: raw.stride };
        (!raw.data.is_null()).then_some((claim, raw.data.cast_const()))
    }

    /// Lets something read the picture, if it is still the one that is believed.
    fn read(&self, f: impl FnOnce(&Surface, &[u8])) {
        let Some((claim, data)) = self.claim() else { return };
        let Ok(surface) = frame::check(&claim) else { return };
        if self.surface.get() != Some(surface) {
            return;
        }
        // SAFETY: spice-glib made the surface of stride times height bytes,
        // which `check` bounds; it lives until the main loop runs again, and
        // `f` does not run it.
        f(&surface, unsafe { std::slice::from_raw_parts(data, surface.bytes()) });
    }

    /// The picture or the monitors are other ones.
    fn look(self: &Rc<Self>) {
        let Some(attempt) = self.attempt.upgrade() else { return };
        let Some((claim, _)) = self.claim() else { return };
        match frame::check(&claim) {
            Ok(surface) => {
                self.surface.set(Some(surface));
                self.set_monitors(&attempt, &surface);
                self.all_changed();
            }
            Err(refusal) => attempt.fail(FailureKind::Refused, &refusal.to_string()),
        }
    }

    /// The monitors as the server gives them, cut to what there is; one for
    /// the whole surface if it gives none.
    fn heads(&self, surface: &Surface) -> Vec<(MonitorId, Rect)> {
        let signed = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        let heads: Vec<_> = self
            .channel
            .monitors()
            .unwrap_or_default()
            .iter()
            .filter(|head| head.surface_id() == PRIMARY)
            .filter_map(|head| {
                let (x, y, width, height) = head.geometry();
                let area =
                    frame::clip(signed(x), signed(y), signed(width), signed(height), &surface.bounds())?;
                Some((self.monitor_id(head.id()), area))
            })
            .take(MAX_MONITORS)
            .collect();
        if heads.is_empty() {
            vec![(self.monitor_id(0), surface.bounds())]
        } else {
            heads
        }
    }

    /// The first channel may have several monitors, the others have one each.
    fn monitor_id(&self, head: u32) -> MonitorId {
        MonitorId(if self.number == 0 { head } else { self.number.unsigned_abs() })
    }

    fn set_monitors(self: &Rc<Self>, attempt: &Rc<Attempt>, surface: &Surface) {
        // Each could be as large as the whole: together they are bounded as one.
        let mut room = MAX_BYTES.saturating_sub(attempt.bytes_of_others(self.number));
        let mut new: Vec<Monitor> = Vec::new();
        let mut old = self.monitors.take();
        for (id, area) in self.heads(surface) {
            if bytes(&area) > room || new.iter().any(|monitor| monitor.id == id) {
                attempt.dropped("the server names too many monitors");
                continue;
            }
            room -= bytes(&area);
            let known = old.iter().position(|monitor| monitor.id == id).map(|at| old.swap_remove(at));
            let picture = match &known {
                Some(old) if (old.area.width, old.area.height) == (area.width, area.height) => {
                    Rc::clone(&old.picture)
                }
                _ => Picture::new(area.width, area.height),
            };
            // A view that never drew is ready for the first frame.
            let wanted = known.is_none_or(|old| old.wanted);
            new.push(Monitor { id, area, picture, damage: Damage::default(), wanted });
        }
        self.monitors.replace(new);
        attempt.tell_monitors();
    }

    fn all_changed(self: &Rc<Self>) {
        if self.surface.get().is_some() {
            // Clipped to the surface, this is all of it.
            self.changed(0, 0, i32::MAX, i32::MAX);
        }
    }

    /// A rectangle changed; the numbers are the server's.
    fn changed(self: &Rc<Self>, x: i32, y: i32, width: i32, height: i32) {
        let Some(surface) = self.surface.get() else { return };
        let Some(rect) = frame::clip(x, y, width, height, &surface.bounds()) else { return };
        let mut wanted = false;
        for monitor in self.monitors.borrow_mut().iter_mut() {
            if let Some(part) = rect.intersect(&monitor.area) {
                monitor.damage.add(part);
                wanted |= monitor.wanted;
            }
        }
        if wanted {
            self.gather();
        }
    }

    pub(super) fn frame_wanted(self: &Rc<Self>, id: MonitorId) {
        let mut due = false;
        for monitor in self.monitors.borrow_mut().iter_mut().filter(|monitor| monitor.id == id) {
            monitor.wanted = true;
            due |= !monitor.damage.is_empty();
        }
        if due {
            self.gather();
        }
    }

    /// Waits until what is being received is drawn, but not for long.
    fn gather(self: &Rc<Self>) {
        if self.gathering.borrow().is_some() {
            return;
        }
        let flush = |weak: Weak<Display>, by_idle: bool| {
            move || {
                if let Some(display) = weak.upgrade() {
                    display.gathered(by_idle);
                }
            }
        };
        let idle = glib::idle_add_local_full(glib::Priority::LOW, {
            let flush = flush(Rc::downgrade(self), true);
            move || {
                flush();
                glib::ControlFlow::Break
            }
        });
        let timeout = glib::timeout_add_local_once(GATHER, flush(Rc::downgrade(self), false));
        self.gathering.replace(Some((idle, timeout)));
    }

    fn gathered(&self, by_idle: bool) {
        // The source that runs ends by itself, the other one is removed.
        if let Some((idle, timeout)) = self.gathering.take() {
            if by_idle {
                timeout.remove();
            } else {
                idle.remove();
            }
        }
        self.flush();
    }

    fn stop_gathering(&self) {
        if let Some((idle, timeout)) = self.gathering.take() {
            idle.remove();
            timeout.remove();
        }
    }

    /// Copies what changed and hands it out.
    fn flush(&self) {
        let Some(attempt) = self.attempt.upgrade() else { return };
        let mut frames = Vec::new();
        self.read(|surface, pixels| {
            for monitor in self.monitors.borrow_mut().iter_mut().filter(|monitor| monitor.wanted) {
                frames.extend(monitor.frame(surface, pixels));
            }
        });
        for frame in frames {
            attempt.tell(&Event::Frame(frame));
        }
    }
}

impl Monitor {
    fn frame(&mut self, surface: &Surface, pixels: &[u8]) -> Option<Frame> {
        if self.damage.is_empty() {
            return None;
        }
        let (left, top) = (self.area.x, self.area.y);
        let rects = self.damage.take();
        let dirty: Vec<Rect> = rects.iter().map(|r| Rect { x: r.x - left, y: r.y - top, ..*r }).collect();
        self.picture.write(&dirty, |tile, part, to| {
            let part = Rect { x: part.x + left, y: part.y + top, ..*part };
            let origin = (tile.x + left, tile.y + top);
            frame::copy(pixels, surface, &part, origin, (tile.width, tile.height), to);
        });
        self.wanted = false;
        Some(Frame { monitor: self.id, picture: Rc::clone(&self.picture), dirty })
    }
}

fn bytes(area: &Rect) -> u64 {
    u64::from(area.width) * u64::from(area.height) * 4
}
