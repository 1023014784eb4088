// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much a sandbox that runs may use, and its clipboard, below what it can
//! reach; what waits for an answer where nobody looks.

use crate::flows::question;
use crate::looks::shoot_at;
use crate::scene::{find, says, walk};
use crate::Scene;
use adw::prelude::*;
use gtk::glib;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::MutexGuard;
use terrarium::settings::settings;
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{Clipboard, Isolation, Profile};
use terrarium_engine::sandbox::{Fixed, Limits};
use vte::prelude::*;

const SIZES: &[(&str, i32, i32)] = &[("wide", 1100, 760), ("narrow", 360, 640)];

fn profile(clipboard: Clipboard) -> Profile {
    let mut profile = Profile::new("Old Game", vec!["echo".into()]);
    profile.isolation = Some(Isolation::Container);
    profile.display.clipboard = clipboard;
    profile
}

impl Scene {
    fn start(&self, profile: &Profile) {
        let made = plan(profile, self.bridge.host().expect("a computer"));
        self.window.start(made.plan.unwrap_or_else(|| panic!("{:?}", made.problems)));
        self.shows("phase: Running");
    }

    fn held(&self) -> MutexGuard<'_, Limits> {
        self.fake.limits.lock().expect("limits")
    }

    /// What it can reach, once that is known.
    fn reach(&self) -> gtk::Widget {
        self.act("win.reach");
        let pane = self.object::<gtk::ScrolledWindow>("reach-pane");
        self.until("it is told", || pane.is_mapped() && says(pane.upcast_ref(), "of memory"));
        self.until("what holds is known", || self.object::<gtk::Widget>("live-memory-row").is_sensitive());
        pane.upcast()
    }
}

#[gtk::test]
fn memory_and_processors_are_changed_while_it_runs() {
    let scene = Scene::new();
    scene.start(&profile(Clipboard::Ask));
    let pane = scene.reach();
    shoot_at(&scene, "reach-pane", SIZES);
    let (memory, cpus) =
        (scene.object::<gtk::SpinButton>("live-memory"), scene.object::<gtk::SpinButton>("live-cpus"));
    assert_eq!((memory.value() as u64, cpus.value() as u32), (1024, 2));
    assert!(says(&pane, "up to 8192 while it runs") && says(&pane, "Up to 4 while it runs"));
    memory.grab_focus();
    let focus = gtk::prelude::GtkWindowExt::focus(&scene.window.widget);
    memory.set_value(512.0);
    memory.set_value(448.0);
    scene.until("it holds", || scene.held().memory == 448 << 20);
    scene.until("the sentence says it", || says(&pane, "Use up to 448 MiB of memory"));
    assert_eq!(
        gtk::prelude::GtkWindowExt::focus(&scene.window.widget),
        focus,
        "who turns on has the row still"
    );
    scene.until("until when is said", || says(scene.window.widget.upcast_ref(), "Holds until it ends"));
    cpus.set_value(1.0);
    scene.until("it holds", || scene.held().cpus == 1);
    scene.until("the sentence says it", || says(&pane, "On 1 processor."));
    // What others change is shown, and is no wish.
    scene.held().memory = 2 << 30;
    scene.until("it is shown", || memory.value() as u64 == 2048 && says(&pane, "Use up to 2 GiB of memory"));
    scene.pass(900);
    assert_eq!(scene.held().memory, 2 << 30);
}

#[gtk::test]
fn what_cannot_be_changed_says_why_and_stays() {
    let scene = Scene::new();
    scene.start(&profile(Clipboard::Ask));
    let pane = scene.reach();
    let disk = scene.object::<adw::EntryRow>("live-disk");
    assert!(!disk.is_sensitive() && says(&pane, "cannot hold it to a rate"));
    assert!(says(&pane, "4096. Each process carries this limit"));
    let memory = scene.object::<gtk::SpinButton>("live-memory");
    memory.set_text("abc");
    memory.update();
    assert!(memory.value() as u64 == 1024 && says(&pane, "“abc” is no number from 1 to"));
    scene.pass(900);
    assert!(!says(&pane, "cannot be given") && scene.held().memory == 1 << 30);
    memory.set_value(32.0);
    scene.until("why is said", || says(&pane, "It uses 64 MiB at the moment"));
    scene.until("what holds is shown", || memory.value() as u64 == 1024);
    assert_eq!(scene.held().memory, 1 << 30);
    assert!(says(&pane, "It uses 64 MiB at the moment"), "and it is still said");
    memory.set_value(16384.0);
    scene.until("why is said", || says(&pane, "the 8 GiB that it was started with"));
    memory.set_value(2048.0);
    scene.until("it holds", || scene.held().memory == 2 << 30);
    scene.until("nothing is wrong", || {
        !find(&pane, "live-memory-message").is_some_and(|row| row.is_visible())
    });
    scene.held().fixed = vec![Fixed::Memory, Fixed::Processes];
    scene.until("a machine without a balloon", || {
        !scene.object::<gtk::Widget>("live-memory-row").is_sensitive()
            && says(&pane, "nothing that hands memory back")
    });
    scene.until("a machine's disk", || disk.is_sensitive());
    disk.set_text("slow");
    disk.emit_by_name::<()>("apply", &[]);
    scene.until("what is none is said", || says(&pane, "is not a bandwidth"));
    disk.set_text("10 MiB");
    disk.emit_by_name::<()>("apply", &[]);
    scene.until("it holds", || scene.held().disk == Some(10 << 20));
    scene.fake.end(0);
    scene.shows("Exit code 0");
    scene.until("nothing can be changed", || !scene.object::<gtk::Widget>("live-cpus-row").is_sensitive());
    assert!(says(&pane, "It has ended."));
}

#[gtk::test]
fn what_holds_until_the_end_goes_into_the_profile() {
    let scene = Scene::new();
    let profile = profile(Clipboard::Ask);
    let saved = Rc::new(Cell::new(false));
    let (done, window, kept) = (saved.clone(), scene.window.clone(), profile.clone());
    glib::spawn_future_local(async move { done.set(window.add_profile(kept).await.is_some()) });
    scene.until("it is saved", || saved.get());
    scene.start(&profile);
    scene.reach();
    scene.object::<gtk::SpinButton>("live-memory").set_value(512.0);
    let always = || {
        let is_it = |one: &gtk::Widget| {
            one.downcast_ref::<gtk::Button>()
                .is_some_and(|one| one.is_mapped() && one.label().is_some_and(|text| text == "_Always"))
        };
        walk(scene.window.widget.upcast_ref(), &is_it).and_downcast::<gtk::Button>()
    };
    scene.until("it is offered", || always().is_some());
    always().expect("a button").emit_clicked();
    let limits = || {
        let all = scene.window.library.items();
        let limits = all.into_iter().find_map(|item| item.profile.ok()).map(|one| one.limits);
        limits.map(|limits| (limits.memory, limits.cpus))
    };
    scene.until("it is in the profile", || limits() == Some((512 << 20, None)));
}

#[gtk::test]
fn a_terminal_follows_a_policy_that_is_changed() {
    let scene = Scene::new();
    scene.window.widget.clipboard().set_text("mine");
    scene.start(&profile(Clipboard::Out));
    let pane = scene.reach();
    let row = scene.object::<adw::ComboRow>("live-clipboard");
    assert_eq!(row.selected(), 3);
    let tab = scene.window.runs.current().expect("a tab");
    // Into the sandbox only: nothing comes out.
    row.set_selected(2);
    scene.until("it is told", || says(&pane, "clipboard"));
    scene.terminal().feed_child(b"\x1b]52;c;Z3Vlc3Q=\x07one");
    scene.shows("one");
    scene.pass(150);
    assert_eq!(crate::copied(&scene), "mine");
    row.set_selected(4);
    scene.terminal().feed_child(b"\x1b]52;c;Z3Vlc3Q=\x07two");
    scene.until("it is filled", || crate::copied(&scene) == "guest");
    drop(tab);
    // What the profile shut is not opened here.
    let scene = Scene::new();
    scene.start(&profile(Clipboard::Off));
    scene.reach();
    assert!(!scene.object::<adw::ComboRow>("live-clipboard").is_sensitive());
    let tab = scene.window.runs.current().expect("a tab");
    tab.set_clipboard_policy(spice_view::ClipboardPolicy::Both);
    assert_eq!(tab.clipboard_policy(), spice_view::ClipboardPolicy::Off);
}

#[gtk::test]
fn who_asks_where_nobody_looks_is_told_of_and_asks_when_somebody_does() {
    let scene = Scene::new();
    scene.start(&profile(Clipboard::Ask));
    let terminal = scene.terminal();
    let uuid = scene.window.runs.current().and_then(|tab| tab.id()).expect("a sandbox").uuid;
    scene.act("win.back");
    terminal.feed_child(b"\x1b]52;c;Z3Vlc3Q=\x07done");
    scene.until("the desktop is told", || {
        scene.window.told().as_deref() == Some("“Old Game” Wants to Fill Your Clipboard")
    });
    assert!(question().is_none(), "nothing is asked where it is not seen");
    scene.until("its card says so", || {
        scene.card("Old Game").is_some_and(|card| says(card.upcast_ref(), "Asks for the Clipboard"))
    });
    // Who presses it comes to the page, and is asked there.
    assert!(scene.window.show_tab(&uuid));
    scene.until("it is asked", || question().is_some());
    let asked = question().expect("a question");
    asked.response("allow");
    // As its buttons do: closing it would be another answer.
    gtk::prelude::GtkWindowExt::destroy(&asked);
    scene.until("it is filled", || crate::copied(&scene) == "guest");
    assert_eq!(scene.window.told(), None, "it waits no longer");
    // Who wants to be told nothing is not.
    settings().set_flag("notifications", false);
    scene.act("win.back");
    terminal.feed_child(b"\x1b]52;c;Z3Vlc3Q=\x07more");
    scene.until("it waits", || {
        scene.card("Old Game").is_some_and(|card| says(card.upcast_ref(), "Asks for the Clipboard"))
    });
    assert_eq!(scene.window.told(), None);
    settings().set_flag("notifications", true);
}

#[gtk::test]
fn what_it_can_reach_is_one_press_away_in_a_narrow_window() {
    let scene = Scene::new();
    scene.start(&profile(Clipboard::Ask));
    scene.window.widget.set_default_size(400, 700);
    scene.until("it is narrow", || scene.window.widget.width() <= 420);
    let button = scene.object::<gtk::ToggleButton>("details-button");
    scene.until("the button is there", || button.is_mapped());
    button.emit_clicked();
    let pane = scene.object::<gtk::ScrolledWindow>("reach-pane");
    scene.until("it is seen", || pane.is_mapped() && pane.width() > 300);
    scene.act("win.network");
    scene.until("its network is", || {
        find(scene.window.widget.upcast_ref(), "network-pane").is_some_and(|one| one.is_mapped())
    });
    button.emit_clicked();
    scene.until("the sandbox is seen again", || !button.is_active());
}

#[gtk::test]
fn an_end_is_seen_in_a_narrow_window() {
    for width in [376, 400] {
        let scene = Scene::new();
        scene.start(&profile(Clipboard::Ask));
        scene.window.widget.set_default_size(width, 656);
        scene.until("it is narrow", || scene.window.widget.width() <= width);
        scene.act("win.reach");
        let pane = scene.object::<gtk::ScrolledWindow>("reach-pane");
        scene.until("what it can reach is all that is seen", || pane.is_mapped() && pane.width() > 300);
        scene.fake.end(0);
        let again = scene.object::<gtk::Button>("again");
        scene.until("its end is seen", || again.is_mapped() && !pane.is_mapped());
        scene.until("all of it is", || {
            let place = again.compute_bounds(&scene.window.widget);
            place.is_some_and(|place| place.x() >= 0.0 && place.x() + place.width() <= width as f32)
        });
    }
}
