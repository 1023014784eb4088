// SPDX-License-Identifier: LGPL-2.1-or-later
//! The sandbox's screen takes the size of the page that shows it, at once.

use crate::program::{scaled, Glass, BOOT};
use crate::sandboxes::{open, Scene};
use gtk::prelude::*;
use std::time::{Duration, Instant};
use terrarium::pages::screen::Screen;

/// From the least to the most that a screen can be; few of them are sizes of
/// monitors, and the smallest are smaller than any window of ours.
const SIZES: [(i32, i32); 24] = [
    (320, 240),
    (333, 251),
    (401, 299),
    (487, 701),
    (640, 480),
    (641, 479),
    (719, 1031),
    (800, 601),
    (901, 633),
    (1023, 767),
    (1024, 768),
    (1111, 777),
    (1280, 801),
    (1367, 769),
    (1441, 903),
    (1600, 1199),
    (1679, 1051),
    (1920, 1080),
    (1933, 1213),
    (2047, 1537),
    (2561, 1439),
    (3001, 2003),
    (3439, 1441),
    (3840, 2160),
];
/// What a container's screen may take, were this computer busy with much else;
/// what it takes is printed.
const SLOW: Duration = Duration::from_secs(10);

/// Gives the page a size: the window is large enough for it, and what is too
/// much lies beside the page. The guest stays as it is.
fn give_size(scene: &Scene, screen: &Screen, (width, height): (i32, i32)) {
    screen.set_follow(false);
    screen.widget.set_margin_end(0);
    screen.widget.set_margin_bottom(0);
    let (window, scale) = (&scene.window.widget, screen.view.scale_factor());
    // Room for the header, and more than the narrowest.
    let around = (width.max(500) + 40, height.max(400) + 140);
    window.set_default_size(around.0, around.1);
    // Margins would keep a larger one from becoming small. What is drawn around
    // it counts as well, and it has the least size that its content needs.
    let least = |along, given: i32| given.max(window.measure(along, -1).0) + 60;
    scene.within(BOOT, &format!("the window has {around:?}"), || {
        window.width() <= least(gtk::Orientation::Horizontal, around.0)
            && window.height() <= least(gtk::Orientation::Vertical, around.1)
    });
    scene.within(BOOT, &format!("the page has {width} × {height}"), || {
        let Some(page) = screen.wanted() else { return false };
        let more = (page.width as i32 / scale - width, page.height as i32 / scale - height);
        if more.0 > 0 || more.1 > 0 {
            screen.widget.set_margin_end(screen.widget.margin_end() + more.0.max(0));
            screen.widget.set_margin_bottom(screen.widget.margin_bottom() + more.1.max(0));
        }
        // Margins that were too wide for what the window was then.
        if more.0 < 0 || more.1 < 0 {
            screen.widget.set_margin_end((screen.widget.margin_end() + more.0.min(0)).max(0));
            screen.widget.set_margin_bottom((screen.widget.margin_bottom() + more.1.min(0)).max(0));
        }
        scene.pass(20);
        more == (0, 0)
    });
}

/// How long the guest takes to have the size of the page.
fn follows(scene: &Scene, screen: &Screen, glass: Glass, size: (i32, i32)) -> Duration {
    give_size(scene, screen, size);
    let begun = Instant::now();
    screen.set_follow(true);
    let patience = if glass == Glass::Container { SLOW } else { BOOT };
    has_the_pages(scene, screen, glass, patience);
    begun.elapsed()
}

fn has_the_pages(scene: &Scene, screen: &Screen, glass: Glass, patience: Duration) {
    let step = if glass == Glass::Container { 8 } else { 1 };
    scene.within(patience, "the guest has the page's size", || {
        let wanted = screen.wanted().expect("a size");
        let has = (screen.view.guest_width(), screen.view.guest_height());
        has == (wanted.width / step * step, wanted.height)
    });
}

fn follows_the_window(scene: &Scene, screen: &Screen, glass: Glass) {
    for (width, height) in [(901, 633), (640, 480), (1111, 777)] {
        let before = screen.wanted();
        scene.window.widget.set_default_size(width, height);
        scene.until("the page follows", || screen.wanted() != before);
        has_the_pages(scene, screen, glass, BOOT);
    }
}

#[gtk::test]
fn the_screen_follows_the_window_and_has_any_size_at_once() {
    for (glass, sizes) in [
        (Glass::Container, &SIZES[..]),
        (Glass::Machine, scaled(&[(901, 633), (320, 240), (3840, 2160)][..], &SIZES[..])),
    ] {
        let scene = open();
        let screen = scene.run_shown(glass, "exec xterm -e sleep 1000");
        follows_the_window(&scene, &screen, glass);
        for &size in sizes {
            let took = follows(&scene, &screen, glass, size);
            println!("{glass:?}: {} × {} in {} ms", size.0, size.1, took.as_millis());
        }
    }
}
