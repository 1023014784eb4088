// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox has used in the last minute, in graphs.

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
/// A graph of rates is at least so high, in bytes a second: a few are nothing.
const LEAST_RATE: f64 = 100_000.0;
/// How wide the window is at first.
const WIDTH: i32 = 420;
/// Of that a frame may take so much.
const FRAME: i32 = 16;
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
    /// What its disks moved since the one before.
    pub disk: Option<Rate>,
    /// What its interfaces moved.
    pub network: Option<Rate>,
}

/// Bytes a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Read or received.
    pub inwards: f64,
    /// Written or sent.
    pub outwards: f64,
}

/// Shows the window, which follows for as long as it is open.
pub fn show(window: &Rc<Window>, id: &Id, name: &str, most: Option<u64>) {
    let title = gettext("What It Uses");
    let graphs = Graphs::new();
    let parts = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(18).build();
    for part in [&graphs.processor, &graphs.memory, &graphs.disk, &graphs.network] {
        parts.append(&part.widget);
    }
    let note = gettext("The last minute, measured every three seconds. Files of this computer that are shown to it are on none of its disks.");
    let note = gtk::Label::builder().label(note);
    let note = note.wrap(true).xalign(0.0).css_classes(["dim-label", "caption"]).build();
    parts.append(&note);
    let clamp = adw::Clamp::builder().maximum_size(460).child(&parts).build();
    clamp.set_margin_top(18);
    clamp.set_margin_bottom(18);
    clamp.set_margin_start(18);
    clamp.set_margin_end(18);
    let shown = message::shown(name);
    let header = adw::HeaderBar::builder().title_widget(&adw::WindowTitle::new(&title, &shown)).build();
    let scrolled = gtk::ScrolledWindow::builder().child(&clamp).vexpand(true).build();
    scrolled.set_hscrollbar_policy(gtk::PolicyType::Never);
    let body = gtk::Box::new(gtk::Orientation::Vertical, 0);
    body.append(&header);
    body.append(&scrolled);
    let sheet = adw::Window::builder().transient_for(&window.widget).title(title).content(&body);
    let sheet = sheet.default_width(WIDTH).width_request(320).build();
    sheet.set_widget_name("usage");
    let keys = gtk::ShortcutController::new();
    let close = gtk::NamedAction::new("window.close");
    keys.add_shortcut(gtk::Shortcut::new(gtk::ShortcutTrigger::parse_string("Escape"), Some(close)));
    sheet.add_controller(keys);
    // What it has not is gone before the window takes its size.
    graphs.show(&window.home.samples(id), most);
    // What scrolls is measured as if no line of it broke.
    let height = |one: &gtk::Widget| one.measure(gtk::Orientation::Vertical, WIDTH - FRAME).1;
    sheet.set_default_height(height(header.upcast_ref()) + height(clamp.upcast_ref()) + FRAME);
    sheet.present();
    let (weak, shown, id) = (Rc::downgrade(window), sheet.downgrade(), id.clone());
    glib::spawn_future_local(async move {
        while let (Some(window), Some(_)) = (weak.upgrade(), shown.upgrade().filter(WidgetExt::is_visible)) {
            let samples = window.home.samples(&id);
            graphs.show(&samples, most);
            drop(window);
            glib::timeout_future(EVERY).await;
        }
    });
}

/// All of them.
struct Graphs {
    processor: Part,
    memory: Part,
    disk: Part,
    network: Part,
}

impl Graphs {
    fn new() -> Self {
        Self {
            processor: Part::new(&gettext("Processors")),
            memory: Part::new(&gettext("Memory")),
            disk: Part::new(&gettext("Disks")),
            network: Part::new(&gettext("Network")),
        }
    }

    /// `most`: the memory that it may have.
    fn show(&self, samples: &[Sample], most: Option<u64>) {
        self.processor.show_processor(samples);
        self.memory.show_memory(samples, most);
        self.disk.show_rate(samples, |one| one.disk, &gettext("{in}/s read, {out}/s written"));
        // All have a disk, so it is soon measured.
        self.disk.widget.set_visible(samples.len() < 2 || samples.iter().any(|one| one.disk.is_some()));
        self.network.show_rate(samples, |one| one.network, &gettext("{in}/s received, {out}/s sent"));
    }
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
        let value =
            gtk::Label::builder().css_classes(["numeric", "dim-label"]).wrap(true).xalign(1.0).build();
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
        let top = highest(&shares, 100.0);
        let word = |share: f64| gettext("{percent} %").replace("{percent}", &format!("{share:.0}"));
        self.show(&shares, top, word, shares.last().map(|(_, share)| word(*share)));
    }

    /// Of what it may have, if that is known.
    fn show_memory(&self, samples: &[Sample], most: Option<u64>) {
        let sizes: Vec<(Instant, f64)> = samples.iter().map(|one| (one.at, one.memory as f64)).collect();
        let top = highest(&sizes, most.unwrap_or(1) as f64);
        let now = sizes.last().map(|(_, size)| match most {
            Some(most) => gettext("{value} of {most}")
                .replace("{value}", &in_bytes(*size))
                .replace("{most}", &message::size(most)),
            None => in_bytes(*size),
        });
        self.show(&sizes, top, in_bytes, now);
    }

    /// Both directions together; which is which is said. What it has not is
    /// not shown.
    fn show_rate(&self, samples: &[Sample], what: fn(&Sample) -> Option<Rate>, text: &str) {
        let rates: Vec<(Instant, Rate)> =
            samples.iter().filter_map(|one| Some((one.at, what(one)?))).collect();
        self.widget.set_visible(!rates.is_empty());
        let sums: Vec<(Instant, f64)> =
            rates.iter().map(|(at, rate)| (*at, rate.inwards + rate.outwards)).collect();
        let now = rates.last().map(|(_, rate)| {
            text.replace("{in}", &in_bytes(rate.inwards)).replace("{out}", &in_bytes(rate.outwards))
        });
        let word = |sum: f64| gettext("{size}/s").replace("{size}", &in_bytes(sum));
        self.show(&sums, highest(&sums, LEAST_RATE), word, now);
    }

    /// `value`: what the last one says.
    fn show(&self, points: &[(Instant, f64)], top: f64, word: impl Fn(f64) -> String, value: Option<String>) {
        let now = Instant::now();
        let age = |at: Instant| (now - at).as_secs_f64() / SPAN.as_secs_f64();
        self.graph.set_points(points.iter().map(|(at, value)| (1.0 - age(*at), value / top)).collect());
        let Some(value) = value else {
            self.value.set_label(&gettext("Not measured yet"));
            return self.graph.describe(&self.title, &gettext("Not measured yet"));
        };
        self.value.set_label(&isolated(&value));
        let (low, high) = points
            .iter()
            .fold((f64::MAX, 0.0), |(low, high), (_, value)| (f64::min(low, *value), f64::max(high, *value)));
        let text = gettext("Now {value}; in the last minute between {low} and {high}");
        let text =
            text.replace("{value}", &value).replace("{low}", &word(low)).replace("{high}", &word(high));
        self.graph.describe(&self.title, &text);
    }
}

/// The highest value, or more.
fn highest(points: &[(Instant, f64)], least: f64) -> f64 {
    points.iter().map(|(_, value)| *value).fold(least, f64::max)
}

/// Between words from right to left a number without letters would be turned
/// round with its sign.
fn isolated(value: &str) -> String {
    match value.contains(char::is_alphabetic) {
        true => value.to_owned(),
        false => format!("\u{2068}{value}\u{2069}"),
    }
}

fn in_bytes(size: f64) -> String {
    message::size(size as u64)
}
