// SPDX-License-Identifier: LGPL-2.1-or-later
//! The pages. Each has its layout in a `.ui` file beside its `.rs`.

mod asked;
pub mod changes;
pub mod computer;
mod end;
pub mod form;
pub mod home;
mod large;
mod names;
mod network;
pub mod new_profile;
pub mod preferences;
pub mod reach;
pub mod runs;
pub mod screen;
mod start;
pub mod tab;
pub mod templates;
pub mod terminal;
mod toast;
mod usage;

pub(crate) use large::{choice_row, is_large, make_room, spare_buttons};
pub(crate) use names::{layout, name_by_hint};
pub(crate) use toast::toast;

use gtk::glib::object::IsA;
use gtk::{glib, prelude::*};

/// An object of a layout that is part of the program.
///
/// # Panics
/// The layout lacks it, which is seen at the first start.
pub(crate) fn object<T: IsA<glib::Object>>(builder: &gtk::Builder, id: &str) -> T {
    builder.object(id).unwrap_or_else(|| panic!("the layout has no {id}"))
}

/// What is on a profile's mark.
pub(crate) fn icon_of(profile: &terrarium_engine::profile::Profile) -> &'static str {
    profile.icon.map_or_else(|| tab::facts::icon(profile.display.kind), |icon| icon.themed())
}

/// The rounded square in a profile's colour.
pub(crate) fn chip(colour: terrarium_engine::profile::Colour, size: &str, icon: &str) -> gtk::Box {
    let image = gtk::Image::builder().hexpand(true).vexpand(true).build();
    image.set_icon_name(Some(icon).filter(|icon| !icon.is_empty()));
    let chip = gtk::Box::builder()
        .css_classes(["chip", size, crate::look::class(colour).as_str()])
        .valign(gtk::Align::Center)
        .halign(gtk::Align::Center)
        // The image's wish to fill the chip ends here.
        .hexpand(false)
        .vexpand(false)
        .accessible_role(gtk::AccessibleRole::Presentation)
        .build();
    chip.append(&image);
    chip
}
