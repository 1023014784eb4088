// SPDX-License-Identifier: LGPL-2.1-or-later
//! The places of cards: as many beside each other as fit, all of one width,
//! which is that of the page.

use gtk::glib;
use gtk::prelude::*;
use gtk::subclass::prelude::*;

/// Narrowest card, in pixels.
const LEAST: i32 = 260;
/// Most cards in a line.
const MOST: i32 = 3;
/// Between cards.
const GAP: i32 = 12;

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct CardLayout;

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
        }
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

impl Default for CardLayout {
    fn default() -> Self {
        glib::Object::new()
    }
}
