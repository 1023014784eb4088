// SPDX-License-Identifier: LGPL-2.1-or-later
//! The form as an editor of profiles.

use crate::home::{row, with_profiles};
use crate::looks::shoot;
use crate::scene::{dialog, find, over, says, walk};
use crate::{Scene, Shown};
use adw::prelude::*;
use std::fs;

fn edit(scene: &Scene, title: &str) {
    scene.until("it is listed", || row(scene, title).is_some());
    row(scene, title).expect("a row").emit_by_name::<()>("activated", &[]);
    scene.until("the form is shown", || scene.window.shows("form"));
}

fn file(scene: &Scene, stem: &str) -> std::path::PathBuf {
    scene.bridge.host().expect("a host").places.profiles().join(format!("{stem}.terrarium"))
}

#[gtk::test]
fn what_is_changed_is_marked_goes_back_and_is_saved_beside_its_comments() {
    let scene = with_profiles();
    let path = file(&scene, "build");
    let text = fs::read_to_string(&path).expect("a file").replace("colour =", "# As I like it.\ncolour =");
    fs::write(&path, &text).expect("written");
    scene.until("it is read anew", || scene.window.library.of(&path).is_some());
    scene.pass(400);
    edit(&scene, "Build a Project");
    let save = scene.object::<gtk::Button>("save-form");
    assert!(!save.is_visible(), "nothing is changed");
    let home = scene.object::<adw::ComboRow>("home-folder");
    let arrow = || {
        let is_it = |one: &gtk::Widget| {
            one.downcast_ref::<gtk::Image>()
                .is_some_and(|image| image.icon_name().is_some_and(|name| name == "pan-down-symbolic"))
        };
        let arrow = walk(home.upcast_ref(), &is_it).expect("an arrow");
        arrow.compute_bounds(&home).expect("a place").x()
    };
    scene.until("it has its place", || arrow() > 0.0);
    let place = arrow();
    home.set_selected(1);
    scene.until("it is marked", || home.has_css_class("changed"));
    scene.pass(100);
    assert!((arrow() - place).abs() < 1.0, "a second click there does not undo the first");
    assert!(save.is_visible());
    let reset = |one: &gtk::Widget| {
        one.tooltip_text().is_some_and(|text| text.starts_with("Changed From")) && one.is_visible()
    };
    walk(home.upcast_ref(), &reset).and_downcast::<gtk::Button>().expect("a way back").emit_clicked();
    scene.until("it went back", || home.selected() == 0 && !home.has_css_class("changed"));
    assert!(!save.is_visible());
    scene.object::<gtk::SpinButton>("memory").set_value(2048.0);
    scene.act("win.form-save");
    scene.until("it is saved", || !save.is_visible());
    let saved = fs::read_to_string(&path).expect("a file");
    assert_eq!(saved, format!("{text}\n[limits]\nmemory = \"2 GiB\"\n"));
    shoot(&scene, "form-profile");
}

#[gtk::test]
fn folders_come_change_and_go() {
    let scene = with_profiles();
    edit(&scene, "Build a Project");
    let form = &scene.window.form();
    assert_eq!(form.profile().files.mounts.len(), 1);
    form.take_path("/srv/in".as_ref());
    assert_eq!(form.profile().files.mounts[1].target, std::path::Path::new("/srv/in"));
    // The second goes up.
    let up =
        |one: &gtk::Widget| one.tooltip_text().is_some_and(|text| text == "Move Up") && one.is_sensitive();
    walk(form.widget.upcast_ref(), &up).and_downcast::<gtk::Button>().expect("a button").emit_clicked();
    assert_eq!(form.profile().files.mounts[0].source, std::path::Path::new("/srv/in"));
    let remove = |one: &gtk::Widget| one.tooltip_text().is_some_and(|text| text == "Remove");
    walk(form.widget.upcast_ref(), &remove).and_downcast::<gtk::Button>().expect("a button").emit_clicked();
    assert_eq!(form.profile().files.mounts.len(), 1);
    let undo = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Button>().is_some_and(|one| one.label().is_some_and(|text| text == "_Undo"))
    };
    let found = || walk(scene.window.widget.upcast_ref(), &undo).and_downcast::<gtk::Button>();
    scene.until("it is offered back", || found().is_some());
    found().expect("a button").emit_clicked();
    assert_eq!(form.profile().files.mounts.len(), 2);
    assert_eq!(form.profile().files.mounts[0].source, std::path::Path::new("/srv/in"));
    form.take_path("/proc".as_ref());
    scene.until("what is wrong with it is said below it", || {
        says(form.widget.upcast_ref(), "Nothing can be mounted at /proc")
    });
}

#[gtk::test]
fn what_is_typed_outlives_a_crash() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo 'half a quote");
    scene.object::<gtk::SpinButton>("memory").set_value(512.0);
    let draft = scene.bridge.host().expect("a host").places.cache.join("draft.json");
    scene.until("it is kept", || draft.exists());
    // As if it had been killed: nothing is asked, nothing is closed.
    scene.window.widget.destroy();
    let next = Shown::new(scene.bridge.clone());
    // The form is made for it, unasked.
    let command = || find(next.window.widget.upcast_ref(), "command").and_downcast::<adw::EntryRow>();
    next.until("it is back", || command().is_some_and(|one| one.text() == "echo 'half a quote"));
    assert_eq!(next.window.form().profile().limits.memory, 512 << 20);
    next.act("win.new-run");
    next.act("win.form-revert");
    next.until("nothing is kept", || !draft.exists());
}

#[gtk::test]
fn a_new_profile_is_saved_under_a_name_and_found_at_home() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo one");
    scene.until("it can be run", || scene.object::<gtk::Button>("run-form").is_sensitive());
    scene.act("win.form-save-as");
    scene.until("a name is asked for", || over("save-name").is_some());
    over("save-name").and_downcast::<gtk::Entry>().expect("an entry").set_text("My Echo");
    dialog().expect("a dialog").response("save");
    let path = file(&scene, "my-echo");
    scene.until("it is written", || path.exists());
    let text = fs::read_to_string(&path).expect("a file");
    assert!(text.starts_with("version = 1\nname = \"My Echo\"\n") && !text.contains("clipboard"), "{text}");
    scene.act("win.back");
    scene.until("it is at home", || row(&scene, "My Echo").is_some());
}

#[gtk::test]
fn what_is_not_for_this_glass_says_why() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    scene.object::<gtk::CheckButton>("container").set_active(true);
    scene.object::<adw::ComboRow>("show-as").set_selected(1);
    let row = scene.object::<adw::ActionRow>("microphone-row");
    scene.until("it is shown and not offered", || row.is_visible() && !row.is_sensitive());
    let below = scene.object::<adw::ActionRow>("microphone-message");
    assert!(below.is_visible() && below.title().contains("machine"), "{}", below.title());
    let kernel = scene.object::<adw::EntryRow>("kernel");
    assert!(!kernel.is_visible(), "containers have none of their own");
    assert!(find(scene.window.form().widget.upcast_ref(), "domain-xml").is_some());
    // The form begins with what terrariumctl begins with.
    let profile = scene.window.form().profile();
    assert_eq!((profile.limits.memory, profile.limits.cpus), (1 << 30, None));
}

#[gtk::test]
fn this_computer_says_what_works() {
    let scene = Scene::new();
    scene.act("win.computer");
    scene.until("it was looked at", || says(scene.window.widget.upcast_ref(), "Works"));
    shoot(&scene, "computer");
}

#[gtk::test]
fn what_is_no_variable_is_told_below_it() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    scene.object::<gtk::CheckButton>("container").set_active(true);
    let row = scene.object::<adw::EntryRow>("environment");
    let below = scene.object::<adw::ActionRow>("environment-message");
    let run = scene.object::<gtk::Button>("run-form");
    scene.until("it can be run", || run.is_sensitive());
    for (text, said) in [("1=2", "cannot be the name of a variable"), ("A=1 FOO", "“FOO” is not a variable")]
    {
        row.set_text(text);
        assert!(below.is_visible() && below.title().contains(said), "{text}: {}", below.title());
        assert!(!run.is_sensitive(), "{text}");
    }
    row.set_text("A=1 B='x y'");
    assert!(!below.is_visible() && run.is_sensitive());
    assert_eq!(scene.window.form().profile().command.environment["B"], "x y");
}

#[gtk::test]
fn the_internet_has_a_list_beside_it() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    scene.object::<gtk::CheckButton>("container").set_active(true);
    let access = scene.object::<adw::ComboRow>("network");
    let row = scene.object::<adw::EntryRow>("network-allow");
    access.set_selected(1);
    assert!(row.is_visible() && row.title().starts_with("Also To"), "{}", row.title());
    row.set_text("192.168.1.5:631");
    assert_eq!(scene.window.form().profile().network.allow, ["192.168.1.5:631"]);
    let below = scene.object::<adw::ActionRow>("network-allow-message");
    assert!(!below.is_visible(), "{}", below.title());
    // Where it does not apply it waits, and is no part of what is run.
    access.set_selected(2);
    assert!(!row.is_visible() && !below.is_visible());
    assert!(scene.window.form().profile().network.allow.is_empty());
    access.set_selected(3);
    assert_eq!(row.text(), "192.168.1.5:631");
    assert!(row.is_visible() && row.title().starts_with("Only To"), "{}", row.title());
}

#[gtk::test]
fn who_starts_over_begins_at_the_top_and_can_have_the_last_back() {
    let scene = Scene::new();
    scene.act("win.new-run");
    let command = scene.object::<adw::EntryRow>("command");
    command.set_text("echo thrown away");
    scene.object::<gtk::SpinButton>("memory").grab_focus();
    let place = scene.object::<gtk::ScrolledWindow>("form-scroll").vadjustment();
    scene.until("it is scrolled down", || {
        place.set_value(place.upper());
        place.value() > 0.0
    });
    let last = || scene.window.widget.lookup_action("form-last").is_some_and(|last| last.is_enabled());
    assert!(!last());
    scene.act("win.form-clear");
    let focus = || gtk::prelude::GtkWindowExt::focus(&scene.window.widget);
    scene.until("it is at its top", || place.value() < 1.0);
    assert!(focus().is_some_and(|one| one.is_ancestor(&command)), "{:?}", focus());
    assert!(command.text().is_empty() && last());
    // What is typed meanwhile is not lost for it.
    command.set_text("echo meanwhile");
    scene.act("win.form-last");
    assert_eq!(command.text(), "echo thrown away");
    assert!(!last());
    scene.act("win.form-clear");
    scene.act("win.new-run");
    assert_eq!(command.text(), "echo meanwhile");
    drop(scene);
    // What was run is there again as long as nothing else was.
    let scene = Scene::new();
    scene.run("print one 0");
    scene.shows("Exit code 0");
    scene.act("win.new-run");
    let command = scene.object::<adw::EntryRow>("command");
    assert!(command.text().is_empty());
    scene.act("win.back");
    scene.act("win.new-run");
    scene.act("win.form-last");
    assert_eq!(command.text(), "print one 0");
}
