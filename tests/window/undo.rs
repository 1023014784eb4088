// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is changed in the form goes back, step by step.

use crate::clipboard::{has_keyboard, press};
use crate::form::begun;
use crate::scene::says;
use crate::Scene;
use adw::prelude::*;
use gtk::gio;
use terrarium_engine::profile::Profile;

fn undo(scene: &Scene) {
    scene.act("win.form-undo");
}

fn redo(scene: &Scene) {
    scene.act("win.form-redo");
}

/// Whether there is a way back, and one forth.
fn can(scene: &Scene) -> (bool, bool) {
    let is_enabled = |name: &str| {
        let action = scene.window.widget.lookup_action(name).and_downcast::<gio::SimpleAction>();
        action.is_some_and(|action| action.is_enabled())
    };
    (is_enabled("form-undo"), is_enabled("form-redo"))
}

/// With a profile that was not changed.
fn shown() -> Scene {
    let scene = begun();
    scene.window.edit(&Profile::new("One", vec!["echo".into()]), None);
    assert_eq!(can(&scene), (false, false), "it begins anew");
    scene
}

#[gtk::test]
fn a_switch_a_choice_and_a_number_go_back_and_forth() {
    let scene = shown();
    let show_as = scene.object::<adw::ComboRow>("show-as");
    let root = scene.object::<gtk::Switch>("privileged");
    let memory = scene.object::<gtk::SpinButton>("memory");
    let usual = memory.value();
    show_as.set_selected(1);
    root.set_active(true);
    memory.set_value(2048.0);
    let now = || (show_as.selected(), root.is_active(), memory.value() as u64);
    let usual = usual as u64;
    for expected in [(1, true, usual), (1, false, usual), (0, false, usual)] {
        assert!(can(&scene).0);
        undo(&scene);
        assert_eq!(now(), expected);
    }
    assert_eq!(can(&scene), (false, true));
    assert!(!scene.object::<gtk::Button>("save-form").is_visible());
    undo(&scene);
    assert_eq!(now(), (0, false, usual), "there is nothing before it");
    for expected in [(1, false, usual), (1, true, usual), (1, true, 2048)] {
        redo(&scene);
        assert_eq!(now(), expected);
    }
    assert_eq!(can(&scene), (true, false));
    undo(&scene);
    root.set_active(false);
    assert_eq!(can(&scene), (true, false), "another way was taken");
    undo(&scene);
    assert_eq!(now(), (1, true, usual));
    assert_eq!(scene.window.form().profile().limits.memory >> 20, usual);
}

#[gtk::test]
fn what_is_typed_at_one_go_is_one_step() {
    let scene = shown();
    let (directory, command) =
        (scene.object::<adw::EntryRow>("directory"), scene.object::<adw::EntryRow>("command"));
    for text in ["/", "/s", "/sr", "/srv"] {
        directory.set_text(text);
    }
    command.set_text("echo one");
    directory.set_text("/srv/x");
    scene.pass(1100);
    directory.set_text("/srv/y");
    for expected in [("echo one", "/srv/x"), ("echo one", "/srv"), ("echo", "/srv"), ("echo", "")] {
        undo(&scene);
        assert_eq!((command.text().as_str(), directory.text().as_str()), expected);
    }
    assert!(!can(&scene).0);
    // What is taken back by hand at once is no step, and none before it is lost.
    scene.object::<gtk::Switch>("privileged").set_active(true);
    for text in ["a", "", "b"] {
        directory.set_text(text);
    }
    undo(&scene);
    assert_eq!(directory.text(), "");
    assert!(scene.object::<gtk::Switch>("privileged").is_active());
    undo(&scene);
    assert!(!scene.object::<gtk::Switch>("privileged").is_active());
}

#[gtk::test]
fn what_no_profile_can_hold_outlives_that_something_else_goes_back() {
    let scene = shown();
    let command = scene.object::<adw::EntryRow>("command");
    let variables = scene.object::<adw::EntryRow>("environment");
    let hosts = scene.object::<adw::EntryRow>("network-allow");
    let root = scene.object::<gtk::Switch>("privileged");
    root.set_active(true);
    scene.object::<adw::ComboRow>("network").set_selected(3);
    scene.object::<gtk::Button>("add-interface").emit_clicked();
    let parameters = scene.object::<adw::EntryRow>("interface-parameters");
    parameters.set_text("A 'b");
    command.set_text("echo 'half");
    variables.set_text("1 FOO  'x");
    hosts.set_text("'a  b");
    scene.object::<gtk::Switch>("privileged").set_active(false);
    undo(&scene);
    assert!(root.is_active());
    let texts = || [&command, &variables, &hosts, &parameters].map(|row| row.text().to_string());
    let typed = ["echo 'half", "1 FOO  'x", "'a  b", "A 'b"];
    assert_eq!(texts(), typed);
    for _ in 0..4 {
        undo(&scene);
    }
    assert_eq!(texts(), ["echo", "", "", ""]);
    for _ in 0..4 {
        redo(&scene);
    }
    assert_eq!(texts(), typed, "it comes back as it was typed");
    // libvirt has answered meanwhile.
    scene.pass(300);
    assert_eq!(texts(), typed);
}

#[gtk::test]
fn rows_that_come_and_go_are_steps_as_well() {
    let scene = shown();
    let form = scene.window.form();
    form.take_path("/srv/in".as_ref());
    form.take_path("/srv/out".as_ref());
    let sources = || -> Vec<String> {
        let mounts = form.profile().files.mounts.into_iter();
        mounts.map(|mount| mount.source.display().to_string()).collect()
    };
    let remove = |one: &gtk::Widget| one.tooltip_text().is_some_and(|text| text == "Remove");
    let button = crate::scene::walk(form.widget.upcast_ref(), &remove).and_downcast::<gtk::Button>();
    button.expect("a button").emit_clicked();
    assert_eq!(sources(), ["/srv/out"]);
    let offered = || says(scene.window.widget.upcast_ref(), "Removed");
    scene.until("it is offered back", offered);
    undo(&scene);
    assert_eq!(sources(), ["/srv/in", "/srv/out"]);
    scene.until("it is not offered twice", || !offered());
    undo(&scene);
    undo(&scene);
    assert!(sources().is_empty() && !can(&scene).0);
    (0..3).for_each(|_| redo(&scene));
    assert_eq!(sources(), ["/srv/out"]);
    scene.act("win.form-revert");
    assert!(sources().is_empty());
    undo(&scene);
    assert_eq!(sources(), ["/srv/out"], "all of it was one step");
    undo(&scene);
    assert_eq!(sources(), ["/srv/in", "/srv/out"]);
}

#[gtk::test]
fn a_glass_a_reset_and_a_look_go_back() {
    let scene = shown();
    let machine = scene.object::<gtk::CheckButton>("machine");
    let isolation = || scene.window.form().profile().isolation;
    assert_eq!(isolation(), None);
    machine.set_active(true);
    assert!(isolation().is_some());
    undo(&scene);
    assert_eq!((isolation(), machine.is_active()), (None, false));
    let name = scene.object::<gtk::Entry>("profile-name");
    name.set_text("Two");
    scene.object::<adw::EntryRow>("unmask").set_text("~/.ssh");
    let reset = |one: &gtk::Widget| one.tooltip_text().is_some_and(|text| text.starts_with("Changed From"));
    let unmask = scene.object::<adw::EntryRow>("unmask");
    let button = crate::scene::walk(unmask.upcast_ref(), &reset).and_downcast::<gtk::Button>();
    button.expect("a way back").emit_clicked();
    assert_eq!(unmask.text(), "");
    undo(&scene);
    assert_eq!((unmask.text().as_str(), name.text().as_str()), ("~/.ssh", "Two"));
    undo(&scene);
    undo(&scene);
    assert_eq!((unmask.text().as_str(), name.text().as_str()), ("", "One"));
}

/// Clicks on it, at its place in the window.
fn click(scene: &Scene, widget: &gtk::Widget) {
    let window = &scene.window.widget;
    let place = scene.object::<gtk::ScrolledWindow>("form-scroll").vadjustment();
    scene.until("it is in view", || {
        let bounds = widget.compute_bounds(window).expect("a place");
        let away = f64::from(bounds.y()) - 400.0;
        place.set_value(place.value() + away);
        scene.pass(100);
        away.abs() < 200.0
    });
    let (bounds, (x, y)) = (widget.compute_bounds(window).expect("a place"), window.surface_transform());
    let (x, y) = (x + f64::from(bounds.x()) + 9.0, y + f64::from(bounds.y()) + 9.0);
    let words = ["mousemove", &x.to_string(), &y.to_string(), "click", "1"];
    assert!(std::process::Command::new("xdotool").args(words).status().expect("xdotool").success());
}

#[gtk::test]
fn keys_take_back_what_was_changed_last() {
    let scene = shown();
    has_keyboard(&scene);
    let root = scene.object::<gtk::Switch>("privileged");
    let directory = scene.object::<adw::EntryRow>("directory");
    root.set_active(true);
    root.grab_focus();
    press("ctrl+z");
    scene.until("it is off again", || !root.is_active());
    press("ctrl+shift+z");
    scene.until("it is on again", || root.is_active());
    // A text takes back what was typed into it.
    directory.grab_focus();
    press("x");
    scene.until("it is typed", || directory.text() == "x");
    press("ctrl+z");
    scene.until("it is taken back", || directory.text().is_empty());
    assert!(root.is_active());
    press("ctrl+shift+z");
    scene.until("it is there again", || directory.text() == "x");
    // A switch that is clicked on leaves the text its focus.
    click(&scene, root.upcast_ref());
    scene.until("it is off", || !root.is_active());
    assert!(directory.state_flags().contains(gtk::StateFlags::FOCUS_WITHIN));
    press("ctrl+z");
    scene.until("it is on", || root.is_active());
    assert_eq!(directory.text(), "x");
    press("ctrl+z");
    scene.until("then the text is taken back", || directory.text().is_empty());
    press("ctrl+z");
    scene.until("then what was before", || !root.is_active());
    assert_eq!(can(&scene), (false, true));
}

#[gtk::test]
fn keys_do_nothing_to_a_form_that_is_not_seen() {
    let scene = shown();
    has_keyboard(&scene);
    scene.object::<gtk::Switch>("privileged").set_active(true);
    scene.act("win.back");
    scene.until("it is left", || scene.window.shows("home"));
    press("ctrl+z");
    undo(&scene);
    scene.pass(200);
    assert!(scene.window.form().profile().security.privileged);
}

#[gtk::test]
fn half_a_number_is_taken_back_before_all_else() {
    let scene = shown();
    has_keyboard(&scene);
    let (root, memory) =
        (scene.object::<gtk::Switch>("privileged"), scene.object::<gtk::SpinButton>("memory"));
    let usual = memory.text();
    root.set_active(true);
    memory.grab_focus();
    press("7");
    scene.until("it is typed", || memory.text().contains('7'));
    press("ctrl+z");
    scene.until("it is taken back", || !memory.text().contains('7'));
    assert!(root.is_active());
    memory.set_text(&usual);
    memory.set_value(2048.0);
    press("ctrl+z");
    scene.until("then the number", || memory.text() == usual && root.is_active());
    press("ctrl+z");
    scene.until("then what was before", || !root.is_active());
}
