// SPDX-License-Identifier: LGPL-2.1-or-later
//! Very many profiles: only rows that are seen are drawn, and nobody notices.

use crate::home::{places_of, row, with_many};
use crate::Scene;
use adw::prelude::*;
use gtk::DirectionType as To;
use std::fs;

/// Profiles.
const COUNT: u32 = 200;
/// More rows than fit into any view of these tests.
const FIT: usize = 40;

fn all_shown() -> (Scene, gtk::ScrolledWindow) {
    let scene = with_many(COUNT);
    scene.until("the rest is offered", || row(&scene, "Show 150 More").is_some());
    row(&scene, "Show 150 More").expect("a row").emit_by_name::<()>("activated", &[]);
    scene.until("all are there", || row(&scene, "Profile 199").is_some());
    let list = scene.object::<gtk::ListBox>("profiles");
    let scrolled = list.ancestor(gtk::ScrolledWindow::static_type()).and_downcast().expect("it scrolls");
    (scene, scrolled)
}

fn rows(scene: &Scene) -> Vec<gtk::Widget> {
    let list = scene.object::<gtk::ListBox>("profiles");
    std::iter::successors(list.first_child(), WidgetExt::next_sibling).collect()
}

/// What is seen is there before the next picture.
fn go(scene: &Scene, scrolled: &gtk::ScrolledWindow, to: f64) {
    scrolled.vadjustment().set_value(to);
    let rows = rows(scene);
    let mut seen = rows.iter().filter(|row| is_in_view(row, scrolled));
    assert!(seen.all(WidgetExt::is_mapped), "at {to}: a row that is seen is not drawn");
}

fn is_in_view(row: &gtk::Widget, scrolled: &gtk::ScrolledWindow) -> bool {
    let page = scrolled.child().and_then(|view| view.first_child()).expect("a page");
    let (place, view) = (row.compute_bounds(&page).expect("a place"), scrolled.vadjustment());
    let (top, bottom) = (f64::from(place.y()), f64::from(place.y() + place.height()));
    bottom > view.value() && top < view.value() + view.page_size()
}

/// What is seen is there, and not much else, as soon as it is laid out.
fn check(scene: &Scene, scrolled: &gtk::ScrolledWindow, when: &str) {
    scene.until(when, || {
        let rows = rows(scene);
        let (seen, other): (Vec<_>, Vec<_>) = rows.iter().partition(|row| is_in_view(row, scrolled));
        let more = other.iter().filter(|row| row.is_mapped()).count();
        seen.len() > 2 && seen.iter().all(|row| row.is_mapped()) && seen.len() + more < FIT
    });
}

/// Lets a picture be drawn of how it is.
fn draw(scene: &Scene, scrolled: &gtk::ScrolledWindow) {
    let clock = scrolled.frame_clock().expect("it is shown");
    let before = clock.frame_counter();
    scrolled.queue_draw();
    scene.until("it is drawn", || clock.frame_counter() > before + 1);
}

/// Without the bar, which comes and goes.
fn pixels(scrolled: &gtk::ScrolledWindow) -> Vec<u8> {
    let paintable = gtk::WidgetPaintable::new(scrolled.child().as_ref());
    let (width, height) = (paintable.intrinsic_width(), paintable.intrinsic_height());
    let snapshot = gtk::Snapshot::new();
    paintable.snapshot(&snapshot, width.into(), height.into());
    let bounds = gtk::graphene::Rect::new(0.0, 0.0, width as f32, height as f32);
    let renderer = scrolled.native().and_then(|native| native.renderer()).expect("a renderer");
    let texture = renderer.render_texture(snapshot.to_node().expect("something is drawn"), Some(&bounds));
    let stride = usize::try_from(texture.width()).expect("a width") * 4;
    let mut bytes = vec![0; stride * usize::try_from(texture.height()).expect("a height")];
    texture.download(&mut bytes, stride);
    bytes
}

#[gtk::test]
fn rows_are_drawn_where_they_are_seen_and_nowhere_else() {
    let (scene, scrolled) = all_shown();
    let adjustment = scrolled.vadjustment();
    let end = || adjustment.upper() - adjustment.page_size();
    check(&scene, &scrolled, "at first");
    for part in [0.5, 1.0, 0.001, 0.73] {
        go(&scene, &scrolled, end() * part);
        check(&scene, &scrolled, &format!("at {part}"));
    }
    scene.window.widget.set_default_size(376, 656);
    scene.until("it is narrow", || scrolled.width() < 400);
    check(&scene, &scrolled, "narrow");
    go(&scene, &scrolled, end());
    check(&scene, &scrolled, "at the end of a narrow one");
    scene.window.widget.set_default_size(1100, 760);
    scene.until("it is wide", || scrolled.width() > 900);
    check(&scene, &scrolled, "wide again");
    go(&scene, &scrolled, end() / 2.0);
    fs::remove_file(places_of(&scene).join("p0.terrarium")).expect("it was there");
    scene.until("one is gone", || rows(&scene).len() == COUNT as usize - 1);
    check(&scene, &scrolled, "without the first");
    scene.window.home.search_for("profile 1");
    scene.until("fewer are found", || rows(&scene).len() < COUNT as usize - 1);
    check(&scene, &scrolled, "searched");
}

#[gtk::test]
fn the_picture_is_the_same_as_if_all_rows_were_drawn() {
    let (scene, scrolled) = all_shown();
    for to in [0.0, 1234.0, 5000.0] {
        go(&scene, &scrolled, to);
        check(&scene, &scrolled, "it is there");
        scene.picture(&format!("many-at-{to}"));
        let few = pixels(&scrolled);
        for row in rows(&scene) {
            row.set_child_visible(true);
        }
        assert!(rows(&scene).iter().all(WidgetExt::is_mapped));
        draw(&scene, &scrolled);
        assert!(few == pixels(&scrolled), "at {to} something is missing");
        scene.object::<gtk::ListBox>("profiles").queue_resize();
    }
}

#[gtk::test]
fn keys_reach_rows_that_are_not_drawn_yet() {
    let (scene, scrolled) = all_shown();
    let window = scene.window.widget.clone();
    let list = scene.object::<gtk::ListBox>("profiles");
    let focus = || gtk::prelude::GtkWindowExt::focus(&window).expect("a focus");
    // What the keys do.
    let focused = || rows(&scene).iter().position(|row| *row == focus() || focus().is_ancestor(row));
    let press = |step: gtk::MovementStep, count: i32| {
        list.emit_by_name::<()>("move-cursor", &[&step, &count, &false, &false]);
        let is_seen = || {
            let row = focus();
            row.is_mapped() && is_in_view(&row, &scrolled)
        };
        let view = scrolled.vadjustment();
        let what = format!("{step:?} {count}: {} is seen at {}", focused().unwrap_or(0), view.value());
        scene.until(&what, is_seen);
        // GTK goes on from where the last picture had it.
        draw(&scene, &scrolled);
    };
    let third = row(&scene, "Profile 3").expect("a row");
    let at = usize::try_from(third.index()).expect("a place");
    // Who scrolls away from the focus finds it again.
    check(&scene, &scrolled, "at first");
    third.grab_focus();
    draw(&scene, &scrolled);
    go(&scene, &scrolled, 9000.0);
    draw(&scene, &scrolled);
    assert_eq!(focused(), Some(at));
    assert_eq!(scrolled.vadjustment().value(), 9000.0);
    press(gtk::MovementStep::DisplayLines, 1);
    assert_eq!(focused(), Some(at + 1));
    check(&scene, &scrolled, "where the focus was");
    let last = COUNT as usize - 1;
    press(gtk::MovementStep::BufferEnds, 1);
    assert_eq!(focused(), Some(last));
    check(&scene, &scrolled, "at the end");
    // Back through rows and what is in them: button, button, row.
    for step in 1..=60_usize {
        assert!(window.child_focus(To::TabBackward), "step {step}");
        draw(&scene, &scrolled);
        assert_eq!(focused(), Some(last - step.div_ceil(3)), "step {step}");
        assert_eq!(focus().is::<gtk::ListBoxRow>(), step % 3 == 0, "step {step}");
        assert!(focus().is_mapped(), "step {step}");
    }
    for step in 1..30 {
        let before = focused().expect("a row");
        press(gtk::MovementStep::DisplayLines, -1);
        assert_eq!(focused(), Some(before - 1), "step {step}");
    }
    check(&scene, &scrolled, "after a walk");
}
