// SPDX-License-Identifier: LGPL-2.1-or-later
//! Very many, very long, and what changes in the middle.

use crate::flows::small;
use crate::home::{row, with_profiles};
use crate::looks::shoot;
use crate::scene::{over, says};
use crate::Scene;
use adw::prelude::*;
use std::fs;
use std::time::{Duration, Instant};
use terrarium_engine::sandbox::Driver;
use vte::prelude::*;

/// How many run at once.
const MANY: usize = 100;

#[gtk::test]
fn a_hundred_sandboxes_run_and_the_window_stays_quick() {
    let scene = Scene::new();
    let arabic = "وثائق غير موثوقة جدًا";
    for number in 0..MANY {
        let mut plan = small(&scene, "echo");
        plan.name = match number {
            0 => "n".repeat(200),
            1 => arabic.repeat(8),
            _ => format!("Sandbox {number}"),
        };
        scene.fake.begin(&plan);
    }
    scene.until("they are listed", || scene.card("Sandbox 99").is_some());
    let cards = scene.object::<gtk::Box>("running");
    assert_eq!(std::iter::successors(cards.first_child(), WidgetExt::next_sibling).count(), MANY);
    assert!(scene.card(&arabic.repeat(8)).is_some());
    // Those near what is seen are mapped, and no others.
    let mapped = || {
        let all = std::iter::successors(cards.first_child(), WidgetExt::next_sibling);
        all.enumerate().filter(|(_, card)| card.is_mapped()).map(|(at, _)| at).collect::<Vec<_>>()
    };
    scene.until("few are mapped", || (1..=24).contains(&mapped().len()));
    assert_eq!(mapped()[0], 0);
    let scrolled = cards.ancestor(gtk::ScrolledWindow::static_type());
    let scrolled = scrolled.and_downcast::<gtk::ScrolledWindow>().expect("what scrolls");
    scrolled.vadjustment().set_value(scrolled.vadjustment().upper());
    scene.until("the last ones are", || mapped().last() == Some(&(MANY - 1)) && mapped()[0] > 0);
    assert!(mapped().len() <= 24, "{:?}", mapped());
    scrolled.vadjustment().set_value(0.0);
    scene.until("the first ones are again", || mapped()[0] == 0);
    shoot(&scene, "home-crowd");
    // What is asked of so many every few seconds leaves the main loop free.
    let (mut longest, mut last) = (Duration::ZERO, Instant::now());
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        scene.pass(1);
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    assert!(longest < Duration::from_secs(1), "it stood still for {longest:?}");
    scene.until("what they use is said", || {
        scene.card("Sandbox 99").is_some_and(|card| says(card.upcast_ref(), "CPU\u{a0}· "))
    });
    scene.window.home.search_for("sandbox 99");
    scene.until("one is found", || scene.card("Sandbox 98").is_none() && scene.card("Sandbox 99").is_some());
    scene.card("Sandbox 99").expect("a card").emit_clicked();
    scene.shows("name: Sandbox 99");
}

#[gtk::test]
fn a_name_of_two_hundred_characters_is_shown_cut_and_runs() {
    // Of two bytes each, but for the spaces.
    let name = "طويل ".repeat(40);
    let name = format!("{}!", name.trim());
    assert_eq!(name.chars().count(), 200);
    let scene = Scene::with(|folder| {
        let profiles = folder.join("c/profiles");
        fs::create_dir_all(&profiles).expect("a folder");
        let text = format!("version = 1\nname = \"{}\"\n[command]\nargv = [\"echo\"]\n", name.trim());
        fs::write(profiles.join("long.terrarium"), text).expect("a profile");
    });
    scene.until("it is listed", || row(&scene, name.trim()).is_some());
    shoot(&scene, "home-long");
    row(&scene, name.trim()).expect("a row").emit_by_name::<()>("activated", &[]);
    scene.until("it is shown", || scene.window.shows("form"));
    let run = scene.object::<gtk::Button>("run-form");
    scene.until("it can be run", || run.is_sensitive());
    shoot(&scene, "form-long");
    scene.act("win.run");
    scene.until("it asks or runs", || over("sheet").is_some() || scene.fake.starts() == 1);
    if let Some(sheet) = over("sheet") {
        crate::scene::find(&sheet, "run").and_downcast::<gtk::Button>().expect("a button").emit_clicked();
    }
    scene.shows("phase: Running");
    scene.shows(&format!("name: {}", name.trim()));
    shoot(&scene, "run-long");
    scene.act("win.back");
    scene.until("it has a card", || scene.card(name.trim()).is_some());
}

#[gtk::test]
fn a_profile_that_is_deleted_while_it_runs_takes_nothing_with_it() {
    let scene = with_profiles();
    scene.until("they are known", || row(&scene, "Terminal Without Network").is_some());
    scene.window.run_by_name("shell".into());
    scene.until("the sheet is shown", || over("sheet").is_some());
    let sheet = over("sheet").expect("a sheet");
    crate::scene::find(&sheet, "run").and_downcast::<gtk::Button>().expect("a button").emit_clicked();
    scene.shows("phase: Running");
    fs::remove_file(scene.folder().join("c/profiles/shell.terrarium")).expect("it was there");
    scene.until("it is gone", || row(&scene, "Terminal Without Network").is_none());
    scene.terminal().feed_child(b"still here");
    scene.shows("still here");
    scene.act("win.reach");
    let pane = scene.object::<gtk::ScrolledWindow>("reach-pane");
    scene.until("what it reaches is known", || {
        pane.is_mapped() && says(pane.upcast_ref(), "Talk to the network")
    });
    // The theme changes in the middle.
    let manager = adw::StyleManager::default();
    for scheme in [adw::ColorScheme::ForceDark, adw::ColorScheme::ForceLight, adw::ColorScheme::Default] {
        manager.set_color_scheme(scheme);
        scene.pass(100);
    }
    scene.terminal().feed_child(b" and here");
    scene.shows("still here and here");
    scene.terminal().feed_child(b"q");
    scene.shows("Exit code 0");
    scene.act("win.run-again");
    scene.shows("phase: Running");
    scene.window.run_by_name("shell".into());
    scene.until("that it is gone is said", || {
        says(scene.window.widget.upcast_ref(), "shell") && scene.fake.starts() == 2
    });
}

#[gtk::test]
fn a_clock_that_was_set_back_changes_no_times() {
    let scene = with_profiles();
    // As everything looks after that: made in the future.
    let later = std::time::SystemTime::now() + Duration::from_secs(10 * 86_400);
    let profiles = scene.folder().join("c/profiles");
    for entry in fs::read_dir(&profiles).expect("profiles").flatten() {
        let file = fs::File::options().write(true).open(entry.path()).expect("a profile");
        file.set_times(fs::FileTimes::new().set_modified(later)).expect("a time");
    }
    let mut plan = small(&scene, "echo");
    plan.name = "From Tomorrow".into();
    scene.fake.begin(&plan);
    scene.until("it is listed", || scene.card("From Tomorrow").is_some());
    let card = scene.card("From Tomorrow").expect("a card");
    scene.until("its time is its own", || says(card.upcast_ref(), "less than a minute"));
    card.emit_clicked();
    scene.shows("subtitle: Container");
    let begin = Instant::now();
    scene.until("its clock goes on", || {
        let text = scene.window.describe();
        text.lines().any(|line| line.starts_with("subtitle:") && line.ends_with("0:03"))
    });
    assert!(begin.elapsed() < Duration::from_secs(8));
    fs::write(profiles.join("new.terrarium"), "version = 1\nname = \"New\"\n[command]\nargv = [\"echo\"]\n")
        .expect("written");
    scene.until("what is written now is seen", || {
        scene.window.library.of(&profiles.join("new.terrarium")).is_some()
    });
    assert_eq!(scene.fake.list().sandboxes.len(), 1);
}
