// SPDX-License-Identifier: LGPL-2.1-or-later
//! Memory that is shared with the X server, for a window that cairo draws.
//!
//! GTK hands each picture of such a window to the X server through shared
//! memory, of which cairo has a pool. It gives the pool back to the kernel as
//! soon as nothing lies in it, which is after each picture: to get 64 MiB, have
//! the kernel clear what is touched of them, and wait for the server to let go
//! takes longer than to draw. While something of ours lies in it, it stays.

use gtk::prelude::*;
use gtk::{cairo, gdk};

/// A place in the pool.
#[derive(Default)]
pub(super) struct ServerMemory {
    place: Option<cairo::ImageSurface>,
    /// For a window of that many device pixels.
    size: (i32, i32),
}

impl ServerMemory {
    /// Sees to a pool in which some pictures of a window have room. It does
    /// nothing unless X11 shows the window.
    pub(super) fn keep_for(&mut self, window: &gdk::Surface) {
        let scale = window.scale_factor();
        let size = (window.width().saturating_mul(scale), window.height().saturating_mul(scale));
        if size.0 <= self.size.0 && size.1 <= self.size.1 {
            return;
        }
        // cairo makes the pool eight times as large as what it is made for, and
        // cuts it up by powers of two. With a half of this it came and went.
        let place = server_of(window)
            .and_then(|server| server.create_similar_image(cairo::Format::Rgb24, size.0, size.1).ok());
        // What has no device is memory of this process alone: the server is on
        // another computer, say.
        self.place = place.filter(|place| place.device().is_some());
        self.size = size;
    }

    /// Lets the pool go.
    pub(super) fn forget(&mut self) {
        *self = ServerMemory::default();
    }
}

/// Something that cairo takes for a part of the X server that shows a window.
/// Nothing is ever drawn on it.
#[cfg(feature = "x11")]
fn server_of(window: &gdk::Surface) -> Option<cairo::Surface> {
    let display = window.display().downcast::<gdk_x11::X11Display>().ok()?;
    // SAFETY: the display is open as long as GTK is, and cairo knows it from
    // GTK's own windows: it has one device for each connection. The window
    // exists; that it is no bitmap is seen by nobody but who draws on it.
    unsafe {
        let (connection, screen) = (display.xdisplay(), display.xscreen());
        let root = display.xrootwindow();
        let surface = cairo_sys::cairo_xlib_surface_create_for_bitmap(connection, root, screen, 1, 1);
        cairo::Surface::from_raw_full(surface).ok()
    }
}

#[cfg(not(feature = "x11"))]
fn server_of(_: &gdk::Surface) -> Option<cairo::Surface> {
    None
}
