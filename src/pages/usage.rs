// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox has used in the last minute, in two graphs.

mod graph;

use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use graph::Graph;
use gtk::glib;
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::message;
use terrarium_engine::sandbox::Id;

/// So much is shown, and kept.
pub const SPAN: Duration = Duration::from_secs(60);
/// How often it is drawn anew.
const EVERY: Duration = Duration::from_secs(3);

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Processor time in per cent of the time since the one before.
    pub processor: Option<u64>,
    /// Bytes.
    pub memory: u64,
}

/// Shows the window, which follows for as long as it is open.
pub fn show(window: &Rc<Window>, id: &Id, name: &str, most: Option<u64>) {
    let title = gettext("What It Uses");
    let (processor, memory) = (Part::new(&gettext("Processors")), Part::new(&gettext("Memory")));
    let parts = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(18).build();
    for part in [&processor, &memory] {
        parts.append(&part.widget);
    }
    let note = gtk::Label::builder().label(gettext("The last minute, measured every three seconds."));
    let note = note.wrap(true).xalign(0.0).css_classes(["dim-label", "caption"]).build();
    parts.append(&note);
    let clamp = adw::Clamp::builder().maximum_size(460).child(&parts).build();
    clamp.set_margin_top(18);
    clamp.set_margin_bottom(18);
    clamp.set_margin_start(18);
    clamp.set_margin_end(18);
    let shown = message::shown(name);
    let header = adw::HeaderBar::builder().title_widget(&adw::WindowTitle::new(&title, &shown)).build();
    let body = gtk::Box::new(gtk::Orientation::Vertical, 0);
    body.append(&header);
    body.append(&clamp);
    let sheet = adw::Window::builder().transient_for(&window.widget).title(title).content(&body);
    let sheet = sheet.default_width(420).width_request(320).build();
    sheet.set_widget_name("usage");
    let keys = gtk::ShortcutController::new();
    let close = gtk::NamedAction::new("window.close");
    keys.add_shortcut(gtk::Shortcut::new(gtk::ShortcutTrigger::parse_string("Escape"), Some(close)));
    sheet.add_controller(keys);
    sheet.present();
    let (weak, shown, id) = (Rc::downgrade(window), sheet.downgrade(), id.clone());
    glib::spawn_future_local(async move {
        while let (Some(window), Some(_)) = (weak.upgrade(), shown.upgrade().filter(WidgetExt::is_visible)) {
            let samples = window.home.samples(&id);
            processor.show_processor(&samples);
            memory.show_memory(&samples, most);
            drop(window);
            glib::timeout_future(EVERY).await;
        }
    });
}

/// A graph under its title.
struct Part {
    widget: gtk::Box,
    title: String,
    value: gtk::Label,
    graph: Graph,
}

impl Part {
    fn new(title: &str) -> Self {
        let heading = gtk::Label::builder().label(title).xalign(0.0).hexpand(true).build();
        heading.add_css_class("heading");
        let value = gtk::Label::builder().css_classes(["numeric", "dim-label"]).build();
        let line = gtk::Box::builder().spacing(12).build();
        line.append(&heading);
        line.append(&value);
        let graph = Graph::new();
        let widget = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(6).build();
        widget.append(&line);
        widget.append(&graph);
        Self { widget, title: title.to_owned(), value, graph }
    }

    /// Of one processor or, if there are more, of as many as were used.
    fn show_processor(&self, samples: &[Sample]) {
        let shares: Vec<(Instant, f64)> =
            samples.iter().filter_map(|one| Some((one.at, one.processor? as f64))).collect();
        let top = shares.iter().map(|(_, share)| *share).fold(100.0, f64::max);
        let word = |share: f64| gettext("{percent} %").replace("{percent}", &format!("{share:.0}"));
        self.show(&shares, top, word, None);
    }

    /// Of what it may have, if that is known.
    fn show_memory(&self, samples: &[Sample], most: Option<u64>) {
        let sizes: Vec<(Instant, f64)> = samples.iter().map(|one| (one.at, one.memory as f64)).collect();
        let highest = sizes.iter().map(|(_, size)| *size).fold(1.0, f64::max);
        let top = most.map_or(highest, |most| (most as f64).max(highest));
        self.show(&sizes, top, |size| message::size(size as u64), most.map(message::size));
    }

    fn show(&self, points: &[(Instant, f64)], top: f64, word: impl Fn(f64) -> String, most: Option<String>) {
        let now = Instant::now();
        let age = |at: Instant| (now - at).as_secs_f64() / SPAN.as_secs_f64();
        self.graph.set_points(points.iter().map(|(at, value)| (1.0 - age(*at), value / top)).collect());
        let Some((_, last)) = points.last() else {
            self.value.set_label(&gettext("Not measured yet"));
            return self.graph.describe(&self.title, &gettext("Not measured yet"));
        };
        let value = match most {
            Some(most) => {
                gettext("{value} of {most}").replace("{value}", &word(*last)).replace("{most}", &most)
            }
            None => word(*last),
        };
        self.value.set_label(&value);
        let (low, high) = points
            .iter()
            .fold((f64::MAX, 0.0), |(low, high), (_, value)| (f64::min(low, *value), f64::max(high, *value)));
        let text = gettext("Now {value}; in the last minute between {low} and {high}");
        let text =
            text.replace("{value}", &value).replace("{low}", &word(low)).replace("{high}", &word(high));
        self.graph.describe(&self.title, &text);
    }
}
