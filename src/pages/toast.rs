// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is said in passing: as wide as the window lets it be, in as many lines
//! as it needs, since what matters may stand at its end.

use gtk::{glib, pango, prelude::*};

/// Longest line, in characters.
const LONGEST: i32 = 60;
/// Around a toast and between its parts, in pixels.
const AROUND: i32 = 72;

/// A toast that says this.
pub(crate) fn toast(text: &str) -> adw::Toast {
    let label = gtk::Label::builder().label(text).wrap(true).wrap_mode(pango::WrapMode::WordChar);
    let label = label.xalign(0.0).hexpand(true).max_width_chars(LONGEST).css_classes(["heading"]).build();
    label.connect_map(|label| {
        let Some(window) = label.root().and_downcast::<gtk::Window>() else { return };
        fit(label, &window);
        let changed = glib::closure_local!(
            #[watch]
            label,
            move |window: gtk::Window, _: glib::ParamSpec| fit(label, &window)
        );
        window.connect_closure("notify::default-width", true, changed);
    });
    adw::Toast::builder().custom_title(&label).build()
}

/// How high a toast is is asked for at the width that it would like to have, so
/// it must not like more than there is.
fn fit(label: &gtk::Label, window: &gtk::Window) {
    let title = label.parent();
    let parts = title.as_ref().and_then(WidgetExt::parent).and_then(|toast| toast.first_child());
    let others = std::iter::successors(parts, WidgetExt::next_sibling)
        .filter(|part| part.is_visible() && Some(part) != title.as_ref())
        .map(|part| part.measure(gtk::Orientation::Horizontal, -1).1);
    let room = window.default_width() - AROUND - others.sum::<i32>();
    let metrics = label.pango_context().metrics(None, None);
    let one = metrics.approximate_char_width().max(metrics.approximate_digit_width()) / pango::SCALE;
    let longest = (room / one.max(1)).clamp(1, LONGEST);
    label.set_max_width_chars(longest);
    // A wrapping label likes to be narrower than its text, also where there is
    // room for all of it.
    let (width, _) = label.create_pango_layout(Some(&label.text())).pixel_size();
    label.set_natural_wrap_mode(if width <= room.min(longest * one) {
        gtk::NaturalWrapMode::None
    } else {
        gtk::NaturalWrapMode::Inherit
    });
}
