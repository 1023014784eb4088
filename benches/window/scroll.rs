// SPDX-License-Identifier: LGPL-2.1-or-later
//! 500 profiles are scrolled: at Home, and as rows of a bare GtkListView.

use crate::program::Screen;
use adw::prelude::*;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::fs;
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium::bridge::Bridge;
use terrarium::window::Window;

const PROFILES: u32 = 500;
const FRAMES: u32 = 240;
const ROUNDS: usize = 5;
/// Pixels from one picture to the next.
const STEP: f64 = 40.0;

/// Runs the other half of this on a screen, and says what it says.
pub fn compare(screen: &Screen) {
    let folder = screen.folder.path().join("config/terrarium/profiles");
    fs::create_dir_all(&folder).expect("a folder");
    for number in 0..PROFILES {
        let text =
            format!("version = 1\nname = \"Profile {number}\"\n[command]\nargv = [\"echo\", \"{number}\"]\n");
        fs::write(folder.join(format!("p{number}.terrarium")), text).expect("a profile");
    }
    let mut command = screen.command(std::env::current_exe().expect("this program"));
    let status = command.arg("--scroll").status().expect("this program");
    assert!(status.success(), "it was measured");
}

/// Measures both in turns.
pub fn run() {
    adw::init().expect("a display");
    gtk::Settings::default().expect("settings").set_gtk_enable_animations(false);
    terrarium::application::load_resources();
    terrarium::look::load();
    let app = adw::Application::builder().application_id("org.terrarium.Scroll");
    let app = app.flags(gio::ApplicationFlags::NON_UNIQUE).build();
    app.register(gio::Cancellable::NONE).expect("an application");
    let window = Window::new(&app, Bridge::real());
    until(|| !window.library.items().is_empty());
    let list = find(window.widget.upcast_ref(), "profiles").expect("the list");
    until(|| {
        list.last_child().and_downcast::<adw::ActionRow>().is_some_and(|row| row.title().starts_with("Show"))
    });
    let more = list.last_child().and_downcast::<adw::ActionRow>().expect("the row that shows all");
    more.emit_by_name::<()>("activated", &[]);
    let ours = list.ancestor(gtk::ScrolledWindow::static_type()).and_downcast().expect("it scrolls");
    let bare = bare();
    let mut rates = Vec::new();
    for round in 0..=ROUNDS {
        let one = rate(&ours, window.widget.upcast_ref());
        let other = rate(&bare, bare.root().expect("a window").upcast_ref());
        if round > 0 {
            rates.push((one, other));
        }
    }
    let median = |value: fn(&(f64, f64)) -> f64| {
        let mut all: Vec<f64> = rates.iter().map(value).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    println!(
        "scrolling {PROFILES} profiles: ours {:.0} pictures/s, bare GtkListView {:.0} pictures/s, ratio {:.2}",
        median(|(one, _)| *one),
        median(|(_, other)| *other),
        median(|(one, other)| one / other)
    );
    window.widget.destroy();
}

/// The processor's time that this thread has had: others that are busy at the
/// same moment take none of that.
fn on_cpu() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0))
}

/// Pictures that could be drawn in a second: the time of each is counted, and
/// not the pause until the next.
fn rate(scrolled: &gtk::ScrolledWindow, window: &gtk::Widget) -> f64 {
    let clock = window.frame_clock().expect("it is shown");
    let adjustment = scrolled.vadjustment();
    adjustment.set_value(0.0);
    settle();
    let (spent, count) = (Rc::new(Cell::new(Duration::ZERO)), Rc::new(Cell::new(0_u32)));
    let begun: Rc<RefCell<Option<Duration>>> = Rc::default();
    let begin = begun.clone();
    let first = clock.connect_before_paint(move |_| {
        begin.replace(Some(on_cpu()));
    });
    let (sum, frames) = (spent.clone(), count.clone());
    let last = clock.connect_after_paint(move |_| {
        if let Some(begun) = begun.take() {
            sum.set(sum.get() + (on_cpu() - begun));
            frames.set(frames.get() + 1);
        }
    });
    for _ in 0..FRAMES {
        let drawn = count.get();
        let most = adjustment.upper() - adjustment.page_size();
        let next = adjustment.value() + STEP;
        // What the list does at once is part of the picture's time.
        let now = on_cpu();
        adjustment.set_value(if next > most { 0.0 } else { next });
        spent.set(spent.get() + (on_cpu() - now));
        until(|| count.get() > drawn);
    }
    clock.disconnect(first);
    clock.disconnect(last);
    f64::from(count.get()) / spent.get().as_secs_f64()
}

/// A window with nothing but the list.
fn bare() -> gtk::ScrolledWindow {
    let names: Vec<String> = (0..PROFILES).map(|number| format!("Profile {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let factory = gtk::SignalListItemFactory::new();
    factory.connect_setup(|_, item| {
        if let Some(item) = item.downcast_ref::<gtk::ListItem>() {
            item.set_child(Some(&row()));
        }
    });
    factory.connect_bind(|_, item| {
        let Some(item) = item.downcast_ref::<gtk::ListItem>() else { return };
        let name = item.item().and_downcast::<gtk::StringObject>().map(|name| name.string());
        if let (Some(row), Some(name)) = (item.child().and_downcast::<adw::ActionRow>(), name) {
            row.set_title(&name);
            row.set_subtitle("echo · No network");
        }
    });
    let model = gtk::NoSelection::new(Some(gtk::StringList::new(&names)));
    let list = gtk::ListView::new(Some(model), Some(factory));
    // Drawn on as much as Home's.
    list.add_css_class("card");
    let scrolled = gtk::ScrolledWindow::builder().child(&list).vexpand(true).build();
    let clamp = adw::Clamp::builder().maximum_size(936).tightening_threshold(936).child(&scrolled).build();
    // As high as Home's.
    let page = gtk::Box::new(gtk::Orientation::Vertical, 0);
    page.append(&adw::HeaderBar::new());
    page.append(&clamp);
    let window = adw::Window::builder().default_width(1100).default_height(760).content(&page).build();
    window.present();
    until(|| window.is_mapped());
    scrolled
}

/// A row as Home has them.
fn row() -> adw::ActionRow {
    let row = adw::ActionRow::builder().title_lines(1).subtitle_lines(1).activatable(true).build();
    let image = gtk::Image::builder().icon_name("utilities-terminal-symbolic").hexpand(true).build();
    let chip = gtk::Box::builder().css_classes(["chip", "tr-blue"]).valign(gtk::Align::Center).build();
    chip.append(&image);
    row.add_prefix(&chip);
    for icon in ["media-playback-start-symbolic", "view-more-symbolic"] {
        let button = gtk::Button::builder().icon_name(icon).valign(gtk::Align::Center);
        row.add_suffix(&button.css_classes(["flat", "circular"]).build());
    }
    row
}

fn find(widget: &gtk::Widget, id: &str) -> Option<gtk::Widget> {
    if widget.buildable_id().is_some_and(|found| found == id) {
        return Some(widget.clone());
    }
    let children = std::iter::successors(widget.first_child(), WidgetExt::next_sibling);
    children.into_iter().find_map(|child| find(&child, id))
}

fn until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    let tick = glib::timeout_add_local(Duration::from_millis(5), || glib::ControlFlow::Continue);
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "in vain");
        glib::MainContext::default().iteration(true);
    }
    tick.remove();
}

fn settle() {
    let end = Instant::now() + Duration::from_millis(400);
    until(|| Instant::now() >= end);
}
