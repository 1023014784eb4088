// SPDX-License-Identifier: LGPL-2.1-or-later
//! Of very many rows only those that are seen are drawn. GTK walks through all
//! that a scrolled page holds for each picture, and cairo through all that it
//! found: with 500 rows that is most of a picture's time. What is not near the
//! part that is seen is laid out and can be reached, but is not mapped.

use gtk::glib;
use gtk::prelude::*;
use gtk::subclass::prelude::*;
use std::cell::{Cell, OnceCell};

/// Rows beyond the edges, so that the focus finds what is in the next one.
const BEYOND: i32 = 2;

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct SeenLayout {
        pub(super) list: OnceCell<gtk::ListBox>,
        pub(super) adjustment: OnceCell<gtk::Adjustment>,
        /// The first and the last row that are mapped.
        pub(super) shown: Cell<(i32, i32)>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for SeenLayout {
        const NAME: &'static str = "TrSeenLayout";
        type Type = super::SeenLayout;
        type ParentType = gtk::LayoutManager;
    }

    impl ObjectImpl for SeenLayout {}

    impl LayoutManagerImpl for SeenLayout {
        fn request_mode(&self, _widget: &gtk::Widget) -> gtk::SizeRequestMode {
            gtk::SizeRequestMode::HeightForWidth
        }

        fn measure(
            &self,
            _widget: &gtk::Widget,
            orientation: gtk::Orientation,
            for_size: i32,
        ) -> (i32, i32, i32, i32) {
            match self.list.get().filter(|list| list.is_visible()) {
                Some(list) => list.measure(orientation, for_size),
                None => (0, 0, -1, -1),
            }
        }

        /// Rows may be others, or elsewhere.
        fn allocate(&self, _widget: &gtk::Widget, width: i32, height: i32, baseline: i32) {
            let Some(list) = self.list.get().filter(|list| list.is_visible()) else { return };
            list.allocate(width, height, baseline, None);
            let shown = self.seen(list);
            for (at, row) in (0..).zip(rows(list)) {
                row.set_child_visible(shown.0 <= at && at <= shown.1 || is_near_focus(list, at));
            }
            self.shown.set(shown);
        }
    }

    impl SeenLayout {
        /// Only what comes and goes is touched.
        pub(super) fn follow(&self) {
            let Some(list) = self.list.get() else { return };
            let (old, new) = (self.shown.get(), self.seen(list));
            if old == new {
                return;
            }
            let each = |range: (i32, i32), other: (i32, i32)| {
                let only = (range.0..=range.1).filter(move |at| *at < other.0 || other.1 < *at);
                only.filter_map(|at| list.row_at_index(at).map(|row| (at, row)))
            };
            for (at, row) in each(old, new) {
                row.set_child_visible(is_near_focus(list, at));
            }
            for (_, row) in each(new, old) {
                row.set_child_visible(true);
            }
            self.shown.set(new);
        }

        /// The first and the last row that are to be there.
        fn seen(&self, list: &gtk::ListBox) -> (i32, i32) {
            let end = list.last_child().and_downcast::<gtk::ListBoxRow>().map_or(0, |row| row.index());
            let (Some(adjustment), Some(top)) = (self.adjustment.get(), place(list)) else { return (0, end) };
            let from = adjustment.value() - top;
            let at = |y: f64| list.row_at_y(y as i32).map(|row| row.index());
            let first = if from <= 0.0 { 0 } else { at(from).unwrap_or(end) };
            let last = at(from + adjustment.page_size()).unwrap_or(end);
            ((first - BEYOND).max(0), (last + BEYOND).min(end))
        }
    }

    /// Where the list is on the page that is scrolled.
    fn place(list: &gtk::ListBox) -> Option<f64> {
        let page = list.ancestor(gtk::Viewport::static_type())?.first_child()?;
        Some(f64::from(list.compute_bounds(&page)?.y()))
    }

    /// Who unmaps a row with the focus takes it away.
    fn is_near_focus(list: &gtk::ListBox, at: i32) -> bool {
        let focus = list.focus_child().and_downcast::<gtk::ListBoxRow>();
        focus.is_some_and(|row| (row.index() - at).abs() <= 1)
    }

    fn rows(list: &gtk::ListBox) -> impl Iterator<Item = gtk::Widget> {
        std::iter::successors(list.first_child(), WidgetExt::next_sibling)
    }
}

glib::wrapper! {
    /// Lays a list out, and maps the rows that are seen.
    pub struct SeenLayout(ObjectSubclass<imp::SeenLayout>) @extends gtk::LayoutManager;
}

impl SeenLayout {
    /// For the list in a widget of its own, in what scrolls it.
    pub fn put(list: &gtk::ListBox) {
        let layout: Self = glib::Object::new();
        let Some(around) = list.parent() else { return };
        let Some(adjustment) = follow(list, &layout, |layout| layout.imp().follow()) else { return };
        let _ = layout.imp().list.set(list.clone());
        let _ = layout.imp().adjustment.set(adjustment);
        around.set_layout_manager(Some(layout));
    }
}

/// Has a layout follow what scrolls a widget; gives where that is.
pub(super) fn follow<T: IsA<glib::Object>>(
    scrolled: &impl IsA<gtk::Widget>,
    layout: &T,
    run: fn(&T),
) -> Option<gtk::Adjustment> {
    let around = scrolled.ancestor(gtk::ScrolledWindow::static_type());
    let adjustment = around.and_downcast::<gtk::ScrolledWindow>()?.vadjustment();
    let weak = layout.downgrade();
    let moved = move |_: &gtk::Adjustment| weak.upgrade().iter().for_each(run);
    adjustment.connect_value_changed(moved.clone());
    adjustment.connect_changed(moved);
    Some(adjustment)
}
