// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a newcomer does not have to guess: what stays, what counts, what leads
//! on.

use crate::changes::{act, answer, choose, close, page, question};
use crate::fake::entry;
use crate::scene::{dialog, find, says, walk};
use crate::Scene;
use adw::prelude::*;
use terrarium::pages::tab::Phase;
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{Changes, Include, Isolation, Profile};
use terrarium_engine::sandbox::changes::Entry;
use terrarium_protocol::changes::What;

fn inside(scene: &Scene, name: &str) -> String {
    scene.folder().join("home").join(name).to_str().expect("a text").to_owned()
}

fn added(scene: &Scene, name: &str, size: Option<u64>) -> Entry {
    entry(&inside(scene, name), What::Added, size)
}

fn title(changes: &gtk::Widget) -> String {
    find(changes, "list-title").and_downcast::<adw::WindowTitle>().expect("a title").title().into()
}

/// What has no meaning in the chosen mode stays in its row and keeps nothing
/// from running.
#[gtk::test]
fn what_was_typed_for_another_mode_waits_for_it() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    let (mode, allow) =
        (scene.object::<adw::ComboRow>("network"), scene.object::<adw::EntryRow>("network-allow"));
    let run = scene.object::<gtk::Button>("run-form");
    mode.set_selected(3);
    scene.until("it is asked for", || allow.is_visible());
    allow.set_text("example.org:443/tcp");
    scene.object::<adw::EntryRow>("network-block").set_text("10.0.0.0/8");
    let add = find(scene.window.widget.upcast_ref(), "add-interface").and_downcast::<gtk::Button>();
    add.expect("a button").emit_clicked();
    mode.set_selected(0);
    scene.until("it can be run", || run.is_sensitive());
    assert!(!allow.is_visible());
    let said = |text: &str| says(scene.window.widget.upcast_ref(), text);
    assert!(!said("has no meaning"));
    let equivalent = scene.object::<adw::ActionRow>("equivalent").subtitle().unwrap_or_default();
    assert!(!equivalent.contains("example.org"), "{equivalent}");
    mode.set_selected(3);
    scene.until("it is there again", || allow.is_visible() && allow.text() == "example.org:443/tcp");
    mode.set_selected(0);
    scene.until("it can be run", || run.is_sensitive());
    scene.act("win.run");
    scene.shows("phase: Running");
}

#[gtk::test]
fn the_shortcuts_fit_a_small_screen() {
    let scene = Scene::new();
    scene.act("win.shortcuts");
    let all = || gtk::Window::list_toplevels().into_iter().filter_map(|one| one.downcast().ok());
    let found = || all().find(|one: &gtk::ShortcutsWindow| one.is_visible());
    scene.until("they are shown", || found().is_some());
    let window = found().expect("a window");
    let (least, natural, _, _) = window.measure(gtk::Orientation::Horizontal, -1);
    let high = window.measure(gtk::Orientation::Vertical, -1).1;
    scene.pass(300);
    scene.picture_of(window.upcast_ref(), "shortcuts");
    assert!(natural <= 1100 && high <= 720, "{least} to {natural}, {high} high");
    assert!(least <= 410, "{least}");
    gtk::prelude::GtkWindowExt::destroy(&window);
}

/// One file is one file, and yours is named where it goes.
#[gtk::test]
fn one_file_that_programs_run_is_asked_about_as_one() {
    let scene = Scene::with_home();
    let mine = scene.folder().join("home/.bashrc");
    std::fs::write(&mine, "mine").expect("a file");
    scene.fake.written.holds(&inside(&scene, ".bashrc"), b"new");
    let changes = scene.review(vec![added(&scene, ".bashrc", Some(3))]);
    act(&changes, "apply");
    scene.until("it asks", || question().is_some());
    let dialog = question().expect("a question");
    assert_eq!(dialog.heading().as_deref(), Some("Apply 1 File That Can Do Harm?"));
    assert_eq!(dialog.response_label("replace"), "_Apply");
    assert!(says(dialog.upcast_ref(), "yours goes to the trash"));
    answer(&scene, "replace");
    scene.until("it says where the old one is", || says(&changes, "is in the trash"));
    assert!(!says(&changes, "Applied. What was there"), "that is said once");
    assert!(std::fs::read(&mine).is_ok_and(|text| text == b"new"));
    close(&changes);
    scene.until("it is left", || page().is_none());
}

#[gtk::test]
fn what_runs_is_paused_and_stopped_at_home() {
    let scene = Scene::with_home();
    scene.run("echo one");
    scene.shows("phase: Running");
    scene.act("win.back");
    scene.until("it has a card", || scene.card("echo").is_some());
    let act = |action: &str| {
        scene.card("echo").expect("a card").activate_action(action, None).expect("an action");
    };
    let tab = scene.window.runs.current().expect("a tab");
    act("card.pause");
    scene.until("it is paused", || tab.is_paused());
    act("card.pause");
    scene.until("it goes on", || !tab.is_paused());
    act("card.stop");
    scene.until("it has ended", || tab.phase() == Phase::Ended);
}

#[gtk::test]
fn what_has_ended_is_taken_away_at_home() {
    let scene = Scene::with_home();
    let all = vec![added(&scene, "report", Some(3))];
    scene.run_and_leave(all, Changes::Discard);
    scene.act("win.back");
    scene.until("it has a card", || scene.card("Build a Project").is_some());
    let card = || scene.card("Build a Project").expect("a card");
    // A menu that goes leaves nothing pressed.
    let menu = walk(card().upcast_ref(), &|one| one.is::<gtk::PopoverMenu>());
    let menu = menu.and_downcast::<gtk::PopoverMenu>().expect("a menu");
    let inner = card().child().expect("what is in it");
    menu.popup();
    for widget in [card().upcast_ref::<gtk::Widget>(), &inner] {
        widget.set_state_flags(gtk::StateFlags::ACTIVE, false);
    }
    menu.popdown();
    let is_pressed = |one: &gtk::Widget| one.state_flags().contains(gtk::StateFlags::ACTIVE);
    scene.until("nothing is pressed", || !is_pressed(card().upcast_ref()) && !is_pressed(&inner));
    card().activate_action("card.close", None).expect("an action");
    scene.until("it asks about the file", || dialog().is_some());
    answer(&scene, "cancel");
    assert!(scene.card("Build a Project").is_some());
    card().activate_action("card.close", None).expect("an action");
    answer(&scene, "discard");
    scene.until("it is gone", || scene.card("Build a Project").is_none() && scene.window.shows("home"));
}

#[gtk::test]
fn what_is_not_there_is_changed_first() {
    let scene = Scene::new();
    scene.run("missing this");
    scene.shows("Could Not Start");
    let leads = |id: &str| {
        let tab = scene.window.runs.current().expect("a tab");
        find(tab.widget.upcast_ref(), id).expect("a button").has_css_class("suggested-action")
    };
    assert!(leads("other") && !leads("again"));
    scene.run("refuse this");
    scene.shows("name: refuse");
    scene.shows("could not be set up");
    assert!(leads("again") && !leads("other"), "that may come right by itself");
}

/// A folder that came with its files is decided about with them.
#[gtk::test]
fn a_folder_follows_what_lies_in_it() {
    let scene = Scene::with_home();
    let all = [("new", None), ("new/deep", None), ("new/deep/one", Some(3)), ("two", Some(3))];
    scene.fake.written.holds(&inside(&scene, "new/deep/one"), b"new");
    let changes = scene.review(all.map(|(name, size)| added(&scene, name, size)).to_vec());
    assert_eq!(title(&changes), "4 Changes");
    // ~, new, two, ~/new, deep, ~/new/deep, one
    choose(&changes, 6);
    act(&changes, "forget");
    assert_eq!(title(&changes), "1 Undecided Change");
    act(&changes, "keep-one");
    assert_eq!(title(&changes), "1 Undecided Change");
    choose(&changes, 2);
    act(&changes, "forget");
    assert_eq!(title(&changes), "All Decided");
    close(&changes);
    scene.until("nothing is asked", || page().is_none());
    let decided = scene.fake.written.decided();
    assert!(decided.iter().any(|what| what.ends_with("one")), "{decided:?}");
}

#[gtk::test]
fn an_empty_folder_says_so() {
    let scene = Scene::with_home();
    let changes = scene.review(vec![added(&scene, "empty", None)]);
    scene.until("it is said", || says(&changes, "An Empty Folder"));
    close(&changes);
}

#[test]
fn help_says_that_files_are_taken() {
    let said = std::process::Command::new(env!("CARGO_BIN_EXE_terrarium")).arg("--help").output();
    let said = said.expect("it runs").stdout;
    let first = String::from_utf8_lossy(&said).lines().find(|line| line.contains("OPTION")).map(String::from);
    assert!(first.as_ref().is_some_and(|line| line.ends_with("[FILE…]")), "{first:?}");
}

/// What the editor wrote for itself is shown, and not asked about.
#[gtk::test]
fn an_edit_is_about_the_file() {
    let scene = Scene::with_home();
    let file = scene.folder().join("home/letter");
    std::fs::write(&file, "Dear").expect("a file");
    scene.fake.written.holds(&inside(&scene, "letter"), b"Dear Ada");
    let all = [("letter", Some(8)), (".config/editor", Some(3)), (".cache/editor", Some(3))];
    scene.fake.written.set(all.map(|(name, size)| added(&scene, name, size)).to_vec());
    let mut profile = Profile::new("Edit", vec!["print".into(), "x".into()]);
    profile.isolation = Some(Isolation::Container);
    profile.files.changes = Changes::Review;
    let mut plan = plan(&profile, scene.bridge.host().expect("a computer")).plan.expect("a plan");
    plan.profile.files.include = vec![Include { source: file.clone(), target: file.clone() }];
    scene.window.start(plan);
    scene.until("its changes are offered", || scene.offer().is_some());
    assert!(scene.object::<gtk::Button>("review").label().is_some_and(|text| text.contains("(1)")));
    let changes = scene.look();
    assert_eq!(title(&changes), "1 Change · 2 Settings of Its Own");
    act(&changes, "apply");
    scene.until("it asks, or it is applied", || question().is_some() || says(&changes, "Applied:"));
    if question().is_some() {
        answer(&scene, "replace");
    }
    scene.until("it is applied", || title(&changes).starts_with("All Decided"));
    close(&changes);
    scene.until("nothing is asked", || page().is_none());
    assert!(question().is_none());
}
