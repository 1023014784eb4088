// SPDX-License-Identifier: LGPL-2.1-or-later
//! Bars over a minute; what they mean is said in words as well.

use gtk::subclass::prelude::*;
use gtk::{gdk, glib, graphene, prelude::*};
use std::cell::RefCell;

/// Height, and width of a bar, in pixels.
const HEIGHT: i32 = 72;
const BAR: f32 = 6.0;

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Graph {
        /// Place in the span and height, each of 1.
        pub points: RefCell<Vec<(f64, f64)>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Graph {
        const NAME: &'static str = "TrGraph";
        type Type = super::Graph;
        type ParentType = gtk::Widget;

        fn class_init(class: &mut Self::Class) {
            class.set_accessible_role(gtk::AccessibleRole::Img);
            class.set_css_name("graph");
        }
    }

    impl ObjectImpl for Graph {}

    impl WidgetImpl for Graph {
        fn measure(&self, orientation: gtk::Orientation, _for_size: i32) -> (i32, i32, i32, i32) {
            match orientation {
                gtk::Orientation::Vertical => (HEIGHT, HEIGHT, -1, -1),
                _ => (120, 360, -1, -1),
            }
        }

        fn snapshot(&self, snapshot: &gtk::Snapshot) {
            let graph = self.obj();
            let (width, height) = (graph.width() as f32, graph.height() as f32);
            let text = graph.style_context().color();
            let with = |alpha: f32| gdk::RGBA::new(text.red(), text.green(), text.blue(), alpha);
            let block = |x: f32, y: f32, wide: f32, high: f32, colour: &gdk::RGBA| {
                snapshot.append_color(colour, &graphene::Rect::new(x, y, wide, high));
            };
            block(0.0, 0.0, width, height, &with(0.06));
            let rtl = graph.direction() == gtk::TextDirection::Rtl;
            for (place, value) in self.points.borrow().iter().filter(|(place, _)| *place >= 0.0) {
                let end = width * (*place).min(1.0) as f32;
                let high = (height * (*value).clamp(0.0, 1.0) as f32).max(1.0);
                let left = (end - BAR).max(0.0);
                let left = if rtl { width - left - BAR } else { left };
                block(left, height - high, BAR, high, &with(0.65));
            }
        }
    }
}

glib::wrapper! {
    /// The widget.
    pub struct Graph(ObjectSubclass<imp::Graph>)
        @extends gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Graph {
    /// One without bars.
    pub fn new() -> Self {
        glib::Object::new()
    }

    /// Draws these: place in the span and height, each of 1.
    pub fn set_points(&self, points: Vec<(f64, f64)>) {
        self.imp().points.replace(points);
        self.queue_draw();
    }

    /// Says what it shows.
    pub fn describe(&self, title: &str, text: &str) {
        self.update_property(&[
            gtk::accessible::Property::Label(title),
            gtk::accessible::Property::Description(text),
        ]);
        self.set_tooltip_text(Some(text));
    }
}
