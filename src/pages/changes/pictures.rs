// SPDX-License-Identifier: LGPL-2.1-or-later
//! Two pictures beside each other: this computer's and the sandbox's.

use super::super::object;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gdk, glib};
use terrarium_engine::sandbox::changes::Picture;

/// Bytes of a pixel.
const CHANNELS: usize = 4;

/// Where they are shown.
pub struct Pictures {
    both: gtk::Box,
}

impl Pictures {
    /// Of the window that was built.
    pub fn new(builder: &gtk::Builder) -> Self {
        let (both, leaflet): (gtk::Box, adw::Leaflet) =
            (object(builder, "pictures"), object(builder, "leaflet"));
        let own = both.clone();
        // One above the other where there is no room.
        let turn = move |leaflet: &adw::Leaflet| {
            let narrow = leaflet.is_folded();
            own.set_orientation(if narrow {
                gtk::Orientation::Vertical
            } else {
                gtk::Orientation::Horizontal
            });
        };
        turn(&leaflet);
        leaflet.connect_folded_notify(turn);
        Self { both }
    }

    /// Shows them, as far as there are any.
    pub fn show(&self, old: Option<&Picture>, new: Option<&Picture>) {
        while let Some(child) = self.both.first_child() {
            self.both.remove(&child);
        }
        let sides = [(gettext("This Computer"), old), (gettext("Sandbox"), new)];
        for (title, picture) in sides {
            if let Some(picture) = picture {
                self.both.append(&side(&title, picture));
            }
        }
    }
}

fn side(title: &str, picture: &Picture) -> gtk::Box {
    let heading = gtk::Label::builder().label(title).css_classes(["heading"]).build();
    let (width, height) = picture.size;
    let size = gtk::Label::builder().label(format!("{width} × {height}")).build();
    size.set_css_classes(&["dim-label", "caption", "numeric"]);
    let shown = gtk::Picture::builder().vexpand(true).can_shrink(true).build();
    shown.set_paintable(texture(picture).as_ref());
    shown.set_alternative_text(Some(title));
    // No larger than it is.
    shown.set_halign(gtk::Align::Center);
    shown.set_valign(gtk::Align::Center);
    let side = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(6).build();
    side.append(&heading);
    side.append(&size);
    side.append(&shown);
    side
}

fn texture(picture: &Picture) -> Option<gdk::MemoryTexture> {
    let (width, height) = (i32::try_from(picture.shown.0).ok()?, i32::try_from(picture.shown.1).ok()?);
    let row = picture.shown.0 as usize * CHANNELS;
    // GDK would read beyond what is too short.
    if width == 0 || height == 0 || picture.pixels.len() != row * picture.shown.1 as usize {
        return None;
    }
    let bytes = glib::Bytes::from(&picture.pixels);
    Some(gdk::MemoryTexture::new(width, height, gdk::MemoryFormat::R8g8b8a8, &bytes, row))
}
