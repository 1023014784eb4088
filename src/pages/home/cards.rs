// SPDX-License-Identifier: LGPL-2.1-or-later
//! The places of cards: as many beside each other as fit, all of one width,
//! which is that of the page. Only those near what is seen are mapped: GTK
//! walks through every mapped one for each picture.

use super::seen::follow;
use gtk::glib;
use gtk::prelude::*;
use gtk::subclass::prelude::*;
use std::cell::{Cell, OnceCell};

/// Narrowest card, in pixels.
const LEAST: i32 = 260;
/// Most cards in a line.
const MOST: i32 = 3;
/// Between cards.
const GAP: i32 = 12;
/// Lines beyond the edges, so that the focus finds what is in the next one.
const BEYOND: i32 = 1;

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct CardLayout {
        pub(super) cards: OnceCell<gtk::Box>,
        pub(super) adjustment: OnceCell<gtk::Adjustment>,
        /// Cards in a line, and from one line to the next.
        grid: Cell<(i32, i32)>,
        /// The first and the last line that are mapped.
        shown: Cell<(i32, i32)>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for CardLayout {
        const NAME: &'static str = "TrCardLayout";
        type Type = super::CardLayout;
        type ParentType = gtk::LayoutManager;
    }

    impl ObjectImpl for CardLayout {}

    impl LayoutManagerImpl for CardLayout {
        fn request_mode(&self, _widget: &gtk::Widget) -> gtk::SizeRequestMode {
            gtk::SizeRequestMode::HeightForWidth
        }

        fn measure(
            &self,
            widget: &gtk::Widget,
            orientation: gtk::Orientation,
            for_size: i32,
        ) -> (i32, i32, i32, i32) {
            let cards = cards(widget);
            if orientation == gtk::Orientation::Horizontal {
                let least = cards.iter().map(|card| card.measure(orientation, -1).0).max().unwrap_or(0);
                let most = MOST * LEAST + (MOST - 1) * GAP;
                return (least.max(LEAST), most.max(least), -1, -1);
            }
            let (columns, width) = columns(for_size);
            let height = line_height(&cards, width);
            let lines = (i32::try_from(cards.len()).unwrap_or(0) + columns - 1) / columns;
            let whole = lines * height + (lines - 1).max(0) * GAP;
            (whole, whole, -1, -1)
        }

        fn allocate(&self, widget: &gtk::Widget, width: i32, _height: i32, _baseline: i32) {
            let cards = cards(widget);
            let (columns, each) = columns(width);
            let height = line_height(&cards, each);
            let rtl = widget.direction() == gtk::TextDirection::Rtl;
            for (index, card) in (0..).zip(&cards) {
                let (column, line) = (index % columns, index / columns);
                let column = if rtl { columns - 1 - column } else { column };
                let place = gtk::Allocation::new(column * (each + GAP), line * (height + GAP), each, height);
                card.size_allocate(&place, -1);
            }
            self.grid.set((columns, height + GAP));
            self.map();
        }
    }

    impl CardLayout {
        /// Maps what is near, if that is something else than before.
        pub(super) fn follow(&self) {
            if self.seen() != self.shown.get() {
                self.map();
            }
        }

        fn map(&self) {
            let Some(holder) = self.cards.get() else { return };
            let (shown, columns) = (self.seen(), self.grid.get().0.max(1));
            // Who unmaps a card with the focus takes it away.
            let focus = holder.focus_child();
            for (index, card) in (0..).zip(&cards(holder.upcast_ref())) {
                let line = index / columns;
                card.set_child_visible((shown.0..=shown.1).contains(&line) || focus.as_ref() == Some(card));
            }
            self.shown.set(shown);
        }

        /// The first and the last line that are to be there.
        fn seen(&self) -> (i32, i32) {
            let all = (0, i32::MAX);
            let (Some(holder), Some(adjustment)) = (self.cards.get(), self.adjustment.get()) else {
                return all;
            };
            let step = f64::from(self.grid.get().1.max(1));
            let Some(top) = place(holder).filter(|_| adjustment.page_size() > 0.0) else { return all };
            let from = adjustment.value() - top;
            let line = |y: f64| (y / step).floor() as i32;
            ((line(from) - BEYOND).max(0), line(from + adjustment.page_size()) + BEYOND)
        }
    }

    /// Where the cards are on the page that is scrolled.
    fn place(holder: &gtk::Box) -> Option<f64> {
        let page = holder.ancestor(gtk::Viewport::static_type())?.first_child()?;
        Some(f64::from(holder.compute_bounds(&page)?.y()))
    }

    fn cards(widget: &gtk::Widget) -> Vec<gtk::Widget> {
        let first = widget.first_child();
        std::iter::successors(first, WidgetExt::next_sibling).filter(WidgetExt::should_layout).collect()
    }

    fn columns(width: i32) -> (i32, i32) {
        let columns = ((width + GAP) / (LEAST + GAP)).clamp(1, MOST);
        (columns, (width - (columns - 1) * GAP).max(LEAST * columns) / columns)
    }

    fn line_height(cards: &[gtk::Widget], width: i32) -> i32 {
        let height = |card: &gtk::Widget| card.measure(gtk::Orientation::Vertical, width).1;
        cards.iter().map(height).max().unwrap_or(0)
    }
}

glib::wrapper! {
    /// Lays cards out.
    pub struct CardLayout(ObjectSubclass<imp::CardLayout>) @extends gtk::LayoutManager;
}

impl CardLayout {
    /// For the cards in a box, in what scrolls it.
    pub fn put(cards: &gtk::Box) {
        let layout: Self = glib::Object::new();
        if let Some(adjustment) = follow(cards, &layout, |layout| layout.imp().follow()) {
            let _ = layout.imp().adjustment.set(adjustment);
        }
        let _ = layout.imp().cards.set(cards.clone());
        cards.set_layout_manager(Some(layout));
    }
}
