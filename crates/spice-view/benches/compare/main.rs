// SPDX-License-Identifier: LGPL-2.1-or-later
//! The widget against `remote-viewer` (virt-viewer, spice-gtk for GTK 3) on
//! the same stream: pictures shown in a second, and processor time for each.
//!
//! A server, which needs little time itself, sends whole pictures of
//! 1920x1080 pixels, 60 in a second or as many as the viewer takes. A viewer
//! shows them pixel by pixel on an Xvfb, whose memory is watched from outside:
//! what is counted is what can be seen, the same way for both. They take
//! turns, so that what else happens on the computer happens to both.
//!
//! Needs Xvfb, openbox and remote-viewer: `cargo bench -p spice-view`.

mod screen;
#[path = "../../tests/all/server.rs"]
#[allow(dead_code)]
mod server;
mod stream;
mod viewer;

use std::time::Duration;

use screen::Screen;
use viewer::{Kind, Viewer};

/// How long a viewer may settle, and how long it is measured.
const WARM: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(6);
const ROUNDS: usize = 3;
/// The server's pictures in a second.
const RATE: u32 = 60;

/// What a viewer did in a second.
#[derive(Clone, Copy, Default)]
struct Figures {
    pictures: f64,
    /// Processor seconds of the viewer, and of the X server it draws with.
    own: f64,
    with_x: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("--view") => viewer::show(&arguments[2]),
        // What cargo gives: `--bench`.
        _ => compare(),
    }
}

fn compare() {
    if let Err(what) = viewer::is_there() {
        println!("not measured: {what}");
        return;
    }
    let screen = Screen::start();
    println!("1920x1080, {RATE} pictures a second offered");
    let (ours, theirs) = both(&screen, RATE);
    row("spice-view", &ours);
    row("remote-viewer", &theirs);
    let cost = |figures: &Figures, time: f64| time / figures.pictures.max(0.001);
    println!("pictures shown, ours to theirs: {:.2} (wanted: at least 1)", ours.pictures / theirs.pictures);
    let ratio = cost(&ours, ours.own) / cost(&theirs, theirs.own);
    println!("processor time for a picture, ours to theirs: {ratio:.2} (wanted: at most 1)");
    let ratio = cost(&ours, ours.with_x) / cost(&theirs, theirs.with_x);
    println!("the same with the X server's: {ratio:.2}");

    println!("a picture that stays the same");
    let (ours, theirs) = both(&screen, 0);
    row("spice-view", &ours);
    row("remote-viewer", &theirs);
    println!("idle, of a processor: {:.2} % (wanted: less than 0.5 %)", ours.own * 100.0);
}

fn row(name: &str, figures: &Figures) {
    let cost = |time: f64| if figures.pictures > 0.5 { time / figures.pictures * 1000.0 } else { 0.0 };
    println!(
        "{name:>14}: {:5.1} pictures/s, {:5.1} % of a processor, {:5.2} ms a picture, {:5.2} ms with X",
        figures.pictures,
        figures.own * 100.0,
        cost(figures.own),
        cost(figures.with_x),
    );
}

/// The middle one of several rounds of each viewer, in turns.
fn both(screen: &Screen, rate: u32) -> (Figures, Figures) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(measure(screen, Kind::Ours, rate));
        theirs.push(measure(screen, Kind::Theirs, rate));
    }
    (middle(ours), middle(theirs))
}

fn middle(mut rounds: Vec<Figures>) -> Figures {
    let cost = |figures: &Figures| figures.own / figures.pictures.max(0.001);
    rounds.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    rounds[rounds.len() / 2]
}

fn measure(screen: &Screen, kind: Kind, rate: u32) -> Figures {
    let server = stream::start(rate);
    let viewer = Viewer::start(kind, screen, &server);
    viewer.await_picture(screen);
    std::thread::sleep(WARM);
    let (own, x, begun) = (viewer.time(), screen.time(), std::time::Instant::now());
    let pictures = screen.count_changes(MEASURED);
    let seconds = begun.elapsed().as_secs_f64();
    let (own, x) = ((viewer.time() - own) / seconds, (screen.time() - x) / seconds);
    Figures { pictures: f64::from(pictures) / seconds, own, with_x: own + x }
}
