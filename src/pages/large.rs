// SPDX-License-Identifier: LGPL-2.1-or-later
//! Large text. In a narrow window there is not room for all that stands beside
//! each other otherwise, and nothing that holds is to be cut.

use adw::prelude::*;

/// How much larger text is than usual from which on it counts; GNOME's own
/// switch makes it 1.25 times as large.
const LARGE: f64 = 1.2;
/// GTK tells 1024ths of a dot per inch, of which 96 are usual.
const USUAL: f64 = 1024.0 * 96.0;

fn is_large_at(dpi: i32) -> bool {
    f64::from(dpi) / USUAL > LARGE
}

/// Whether text is large now.
pub(crate) fn is_large() -> bool {
    gtk::Settings::default().is_some_and(|settings| is_large_at(settings.gtk_xft_dpi()))
}

/// A row with several choices, of which the one that is chosen stands below
/// the title where text is large: libadwaita ends it with an ellipsis, and says
/// half of what holds. It has no subtitle of its own.
pub(crate) fn choice_row(title: &str, options: &[&str]) -> adw::ComboRow {
    let row = adw::ComboRow::builder().title(title).model(&gtk::StringList::new(options)).build();
    make_room(&row);
    row
}

/// The same of a row that is there.
pub(crate) fn make_room(row: &adw::ComboRow) {
    row.set_title_lines(0);
    row.set_subtitle_lines(0);
    let Some(settings) = gtk::Settings::default() else { return };
    settings
        .bind_property("gtk-xft-dpi", row, "use-subtitle")
        .transform_to(|_, dpi: i32| Some(is_large_at(dpi)))
        .sync_create()
        .build();
}

/// Leaves of the buttons of a narrow window the one that closes it, if text is
/// large: the title's menu has the others.
pub(crate) fn spare_buttons(header: &adw::HeaderBar, narrow: bool) {
    let layout = gtk::Settings::default().and_then(|settings| settings.gtk_decoration_layout());
    let layout = layout.filter(|_| narrow && is_large()).map(|layout| close_alone(&layout));
    header.set_decoration_layout(layout.as_deref());
}

/// Of `menu:minimize,maximize,close` what is before and behind the colon.
fn close_alone(layout: &str) -> String {
    let side = |side: &str| side.split(',').filter(|one| *one == "close").collect::<String>();
    layout.split(':').map(side).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_button_that_closes_stays_on_its_side() {
        for (all, left) in [
            ("menu:minimize,maximize,close", ":close"),
            ("close,minimize:", "close:"),
            ("appmenu:", ":"),
            ("close", "close"),
        ] {
            assert_eq!(close_alone(all), left);
        }
        assert!(!is_large_at(-1) && !is_large_at(96 * 1024) && is_large_at(120 * 1024));
    }
}
