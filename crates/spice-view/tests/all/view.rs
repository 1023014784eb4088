// SPDX-License-Identifier: LGPL-2.1-or-later
//! The view alone: what it draws and what it asks for.

use gtk::prelude::*;
use spice_view::{Command, Event, MonitorId, ScaleMode, State};

use crate::stage::{pass, pixels, pixels_of, wait, Player, Stage};

const BLACK: u32 = 0xff00_0000;
const WHITE: u32 = 0xffff_ffff;

#[gtk::test]
fn a_picture_of_the_views_size_is_drawn_pixel_by_pixel() {
    let (stage, player) = (Stage::new(521, 300), Player::new());
    stage.view.set_link(Some(&player.link));
    let picture = player.show(521, 300, |x, y| BLACK | x << 8 | y & 0xff);
    for mode in [ScaleMode::Fit, ScaleMode::Actual] {
        stage.view.set_scale_mode(mode);
        wait(5, "the view is drawn anew", || stage.view.width() == 521);
        let (drawn, width) = stage.draw();
        assert_eq!(width, 521);
        assert!(drawn == pixels_of(&picture), "{mode:?}");
    }
}

#[gtk::test]
fn no_seam_at_odd_scales_and_black_beside() {
    let (stage, player) = (Stage::new(640, 480), Player::new());
    stage.view.set_link(Some(&player.link));
    player.show(1025, 517, |_, _| WHITE);
    for (width, height) in [(640, 480), (777, 333), (1201, 801), (301, 500)] {
        stage.resize(width, height);
        let (drawn, width) = stage.draw();
        let scale = (width as f64 / 1025.0).min(f64::from(height) / 517.0);
        let inside = (1025.0 * scale, 517.0 * scale);
        let left = ((width as f64 - inside.0) / 2.0, (f64::from(height) - inside.1) / 2.0);
        let mut white = 0;
        for (at, pixel) in drawn.iter().enumerate() {
            let (x, y) = ((at % width) as f64, (at / width) as f64);
            let within = |at: f64, start: f64, length: f64| at >= start + 1.0 && at < start + length - 2.0;
            let beyond = |at: f64, start: f64, length: f64| at < start - 2.0 || at > start + length + 1.0;
            if within(x, left.0, inside.0) && within(y, left.1, inside.1) {
                assert_eq!(*pixel, WHITE, "at {x},{y} of {width}x{height}");
                white += 1;
            } else if beyond(x, left.0, inside.0) || beyond(y, left.1, inside.1) {
                assert_eq!(*pixel, BLACK, "at {x},{y} of {width}x{height}");
            }
        }
        assert!(white > 10_000);
    }
}

#[gtk::test]
fn only_a_drawn_frame_asks_for_the_next() {
    let (stage, player) = (Stage::new(300, 300), Player::new());
    stage.view.set_link(Some(&player.link));
    player.show(300, 300, |_, _| WHITE);
    wait(5, "a frame is asked for", || player.wanted() > 0);
    pass(200);
    player.taken();
    pass(300);
    assert_eq!(player.wanted(), 0, "nothing changed, so nothing is drawn");
    player.show(300, 300, |_, _| BLACK);
    wait(5, "the next frame is asked for", || player.wanted() > 0);
}

/// How often memory that another process reads, too, lies in this one.
fn shared_with_x() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("/SYSV")).count()
}

#[gtk::test]
fn the_x_servers_memory_stays_while_a_view_is_seen() {
    let (stage, player) = (Stage::new(640, 480), Player::new());
    let before = shared_with_x();
    stage.view.set_link(Some(&player.link));
    player.show(640, 480, |_, _| WHITE);
    wait(5, "the picture is drawn", || player.wanted() > 0);
    pass(300);
    let on_x11 = stage.view.display().type_().name() == "GdkX11Display";
    assert_eq!(shared_with_x() - before, usize::from(on_x11));
    stage.view.set_visible(false);
    wait(5, "it is given back", || shared_with_x() <= before);
}

#[gtk::test]
fn the_wanted_size_is_told_once_it_rests() {
    let (stage, player) = (Stage::new(400, 300), Player::new());
    stage.view.set_link(Some(&player.link));
    let resize = |w, h| Command::Resize(MonitorId(0), w, h);
    let mut seen = Vec::new();
    wait(5, "the first size is told", || {
        seen.extend(player.taken());
        seen.contains(&resize(400, 300))
    });
    stage.resize(500, 333);
    stage.resize(611, 377);
    seen.clear();
    wait(5, "the last size is told", || {
        seen.extend(player.taken());
        seen.contains(&resize(611, 377))
    });
    assert!(!seen.contains(&resize(500, 333)), "{seen:?}");

    stage.view.set_ask_resize(false);
    pass(200);
    player.taken();
    let told = std::rc::Rc::new(std::cell::Cell::new((0, 0)));
    stage.view.connect_wanted_size({
        let told = std::rc::Rc::clone(&told);
        move |_, width, height| told.set((width, height))
    });
    stage.resize(433, 301);
    wait(5, "the owner is told", || told.get() == (433, 301));
    assert!(player.taken().is_empty());
}

#[gtk::test]
fn one_to_one_scrolls() {
    let (stage, player) = (Stage::new(300, 200), Player::new());
    stage.window.set_child(None::<&gtk::Widget>);
    let scrolled = gtk::ScrolledWindow::builder().child(&stage.view).build();
    stage.window.set_child(Some(&scrolled));
    stage.view.set_link(Some(&player.link));
    player.show(900, 700, |x, _| BLACK | x);
    stage.view.set_scale_mode(ScaleMode::Actual);
    wait(5, "the view has the guest's size", || (stage.view.width(), stage.view.height()) == (900, 700));
    assert!(scrolled.width() <= 300 && scrolled.hadjustment().upper() >= 900.0);
    stage.view.set_zoom(1.5);
    wait(5, "the view is zoomed", || (stage.view.width(), stage.view.height()) == (1350, 1050));
}

#[gtk::test]
fn the_last_picture_stays() {
    let (stage, player) = (Stage::new(200, 100), Player::new());
    stage.view.set_link(Some(&player.link));
    let picture = player.show(200, 100, |x, y| BLACK | x << 16 | y);
    player.teller.tell(&Event::State(State::Closed));
    assert_eq!(stage.view.state(), State::Closed);
    let texture = stage.view.screenshot().expect("the last picture is kept");
    assert!(pixels(&texture).0 == pixels_of(&picture));
    assert!(stage.draw().0 == pixels_of(&picture));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shot.png");
    stage.view.save_screenshot(&file).unwrap();
    let again = gtk::gdk::Texture::from_filename(&file).unwrap();
    assert!(pixels(&again).0 == pixels_of(&picture));
    let bytes = stage.view.screenshot_png().unwrap();
    assert!(pixels(&gtk::gdk::Texture::from_bytes(&bytes).unwrap()).0 == pixels_of(&picture));
    assert!(stage.view.copy_screenshot());
    assert!(stage.view.clipboard().formats().contain_mime_type("image/png"));
    stage.view.save_screenshot(folder.path().join("no/such/folder.png")).unwrap_err();
}

#[gtk::test]
fn two_monitors_show_in_two_views() {
    let (one, two, player) = (Stage::new(200, 100), Stage::new(200, 100), Player::new());
    two.view.set_monitor(1);
    one.view.set_link(Some(&player.link));
    two.view.set_link(Some(&player.link));
    player.show(200, 100, |_, _| WHITE);
    assert_eq!((one.view.guest_width(), two.view.guest_width()), (200, 0));
    assert!(two.draw().0.iter().all(|pixel| *pixel == BLACK));
    let other = player.show_on(1, 100, 50, |_, _| 0xff00_ff00);
    assert_eq!((one.view.guest_width(), two.view.guest_width()), (200, 100));
    assert!(two.draw().0.iter().filter(|pixel| **pixel == 0xff00_ff00).count() >= pixels_of(&other).len());
    assert!(one.draw().0.iter().all(|pixel| *pixel == WHITE));
}

#[gtk::test]
fn a_view_that_is_dropped_is_gone() {
    let player = Player::new();
    let weak = {
        let stage = Stage::new(200, 100);
        stage.view.set_clipboard_policy(spice_view::ClipboardPolicy::Both);
        stage.view.set_link(Some(&player.link));
        player.show(200, 100, |_, _| WHITE);
        stage.draw();
        stage.view.downgrade()
    };
    wait(10, "nobody keeps the view", || weak.upgrade().is_none());
    player.show(200, 100, |_, _| BLACK);
}
