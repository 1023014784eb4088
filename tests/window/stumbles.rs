// SPDX-License-Identifier: LGPL-2.1-or-later
//! What newcomers stumbled over.

use crate::fake::Fake;
use crate::scene::{dialog, find, over, says, Shown};
use crate::Scene;
use adw::prelude::*;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use terrarium::bridge::Bridge;
use terrarium::pages::tab::Phase;
use vte::prelude::*;

/// The form of a profile that is to be made, with nothing in it.
fn new_profile(scene: &Scene) -> adw::EntryRow {
    scene.act("win.new-profile");
    scene.until("templates are offered", || over("new-profile-sheet").is_some());
    let rows = find(&over("new-profile-sheet").expect("a sheet"), "empty").and_downcast::<gtk::ListBox>();
    let row = rows.and_then(|rows| rows.row_at_index(0)).expect("a row");
    row.emit_by_name::<()>("activated", &[]);
    scene.until("the form is shown", || scene.window.shows("form"));
    scene.object("command")
}

/// A window that is hardly there loses what it is asked for, where no window
/// manager is.
fn resize(scene: &Scene, width: i32) {
    let window = &scene.window.widget;
    let asked = Cell::new(0);
    scene.until("it has its width", || {
        if asked.replace(asked.get() + 1) % 50 == 0 {
            window.set_default_size(width + asked.get() / 50 % 2, 700);
        }
        (window.width() - width).abs() <= 24
    });
}

/// Gives the name that is offered.
fn save(scene: &Scene) {
    scene.until("a name is asked for", || over("save-name").is_some());
    dialog().expect("a dialog").response("save");
    scene.until("it has a file", || scene.window.library.items().len() == 1);
}

#[gtk::test]
fn return_does_what_the_button_that_stands_out_does() {
    let scene = Scene::new();
    resize(&scene, 1100);
    let command = new_profile(&scene);
    let (run, keep) = (scene.object::<gtk::Button>("run-form"), scene.object::<gtk::Button>("save-form"));
    let stands_out = |button: &gtk::Button| button.is_visible() && button.has_css_class("suggested-action");
    assert!(stands_out(&keep) && !stands_out(&run));
    command.set_text("echo one");
    resize(&scene, 376);
    scene.pass(300);
    assert!(keep.is_mapped() && !run.is_visible() && scene.window.widget.width() <= 400);
    scene.picture("narrow-new-profile");
    resize(&scene, 1100);
    scene.until("both are there", || run.is_mapped() && keep.is_mapped());
    scene.until("it can be run", || run.is_sensitive());
    command.emit_by_name::<()>("entry-activated", &[]);
    save(&scene);
    assert_eq!(scene.fake.starts(), 0, "nothing was run");
    scene.until("now it is to be run", || stands_out(&run) && !keep.is_visible());
    command.emit_by_name::<()>("entry-activated", &[]);
    scene.until("it is run", || scene.fake.starts() == 1);
}

#[gtk::test]
fn who_saves_what_cannot_run_is_told_why() {
    let scene = Scene::new();
    new_profile(&scene).set_text("echo one");
    let directory = scene.object::<adw::EntryRow>("directory");
    directory.set_text("not/absolute");
    let run = scene.object::<gtk::Button>("run-form");
    scene.until("it cannot be run", || !run.is_sensitive());
    let why = run.tooltip_text().expect("a reason");
    scene.act("win.form-save");
    save(&scene);
    let said = |text: &str| says(scene.window.widget.upcast_ref(), text);
    scene.until("it is said", || said(&format!("Saved, but it cannot run yet: {why}")));
    directory.set_text("/srv");
    scene.until("it can be run", || run.is_sensitive());
    scene.act("win.form-save");
    scene.until("that is all", || said("Saved") && !scene.object::<gtk::Button>("save-form").is_visible());
}

#[gtk::test]
fn a_narrow_form_leads_to_what_it_can_reach() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo one");
    let row = scene.object::<adw::ActionRow>("reach-row");
    scene.pass(200);
    assert!(!row.is_mapped(), "it is beside the form");
    resize(&scene, 400);
    scene.until("there is a way", || row.is_mapped());
    scene.picture("narrow-form");
    row.emit_by_name::<()>("activated", &[]);
    scene.until("it is told", || over("sheet").is_some());
    assert!(says(&over("sheet").expect("a sheet"), "It Cannot"));
    over("sheet").and_downcast::<gtk::Window>().expect("a sheet").close();
    resize(&scene, 1100);
    scene.until("it is beside the form again", || !row.is_mapped());
}

#[gtk::test]
fn what_files_call_otherwise_has_both_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = Arc::new(Fake::new(folder.path().to_owned()));
    let mut host = crate::host(folder.path().to_owned());
    (host.network.nft, host.network.dnsmasq) = (true, true);
    let bridge = Bridge::with(host, fake.clone());
    let scene = Scene { shown: Shown::new(bridge.clone()), fake, bridge, folder };
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo one");
    let access = scene.object::<adw::ComboRow>("network");
    access.set_selected(2);
    let shown = access.selected_item().and_downcast::<gtk::StringObject>().expect("a choice");
    assert_eq!(shown.string(), "Internet and LAN");
    let form = find(scene.window.widget.upcast_ref(), "form-scroll").expect("a form");
    scene.until("it says how files call it", || says(&form, "it is called “full”"));
}

#[gtk::test]
fn tabs_of_one_name_have_numbers() {
    let scene = Scene::new();
    let end = || {
        scene.shows("phase: Running");
        scene.terminal().feed_child(b"q");
        scene.shows("Exit code 0");
    };
    scene.run("echo");
    end();
    scene.run("echo");
    scene.shows("name: echo (2)\nphase: Running");
    let view = scene.object::<adw::TabView>("view");
    let titles = || (0..view.n_pages()).map(|at| view.nth_page(at).title()).collect::<Vec<_>>();
    assert_eq!(titles(), ["echo", "echo (2)"]);
    assert_eq!(scene.object::<gtk::Label>("name").label(), "echo (2)");
    scene.act("win.back");
    scene.until("they have cards", || scene.card("echo").is_some() && scene.card("echo (2)").is_some());
    scene.card("echo (2)").expect("a card").emit_clicked();
    end();
    scene.act("win.run-again");
    scene.shows("name: echo (2)\nphase: Running");
    scene.until("it took the place of the one before", || titles() == ["echo", "echo (2)"]);
}

#[gtk::test]
fn what_is_said_goes_with_its_page() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo one");
    scene.until("the command can be run", || scene.object::<gtk::Button>("run-form").is_sensitive());
    // As it is used: something comes while the last one still moves.
    let settings = gtk::Settings::default().expect("a display");
    settings.set_gtk_enable_animations(true);
    (0..3).for_each(|_| scene.act("win.form-copy"));
    let said = |text: &str| says(scene.window.widget.upcast_ref(), text);
    scene.until("it is said", || said("Command copied"));
    scene.pass(200);
    scene.act("win.run");
    scene.within(Duration::from_secs(4), "it is gone", || !said("Command copied"));
    scene.pass(1000);
    settings.set_gtk_enable_animations(false);
    scene.shows("phase: Running");
    // What is about the page that comes stays there.
    scene.act("win.close-tab");
    scene.until("it is said at Home", || scene.window.shows("home") && said("It keeps running."));
    scene.pass(1000);
    assert!(said("It keeps running."));
}

#[gtk::test]
fn a_shell_that_was_left_has_not_failed() {
    let scene = Scene::new();
    let icon = || scene.object::<gtk::Image>("end-icon").icon_name().unwrap_or_default();
    let ended = || scene.window.runs.current().is_some_and(|tab| tab.phase() == Phase::Ended);
    scene.run("bash");
    scene.shows("with exit code 127 from its last command");
    assert_eq!(icon(), "utilities-terminal-symbolic");
    assert!(!scene.object::<gtk::Button>("other").is_visible(), "nothing is to be changed");
    scene.act("win.close-tab");
    scene.run("bash -c true");
    scene.shows("Exit code 127");
    scene.until("it has ended", ended);
    assert_eq!(icon(), "dialog-warning-symbolic");
}

/// The page of an end has a part of the output; what is searched for may be anywhere.
#[gtk::test]
fn what_has_ended_is_searched_as_a_whole() {
    let scene = Scene::new();
    scene.run("print needle");
    scene.shows("phase: Ended");
    let tab = scene.window.runs.current().expect("a tab");
    scene.until("its output is there", || tab.text().contains("needle"));
    scene.act("win.search");
    scene.until("all of it is shown", || scene.terminal().is_mapped());
    let entry = scene.object::<gtk::SearchEntry>("find-entry");
    assert!(entry.is_mapped());
    for (text, is_found) in [("needle", true), ("haystack", false)] {
        entry.set_text(text);
        scene.until(text, || entry.has_css_class("error") != is_found);
        scene.pass(300);
        assert_eq!(entry.has_css_class("error"), !is_found, "{text}");
    }
}
