// SPDX-License-Identifier: LGPL-2.1-or-later
//! What waits for a decision is found at Home.

use crate::changes::close;
use crate::fake::entry;
use crate::looks::shoot;
use crate::scene::{find, over, says, walk};
use crate::{Scene, Shown};
use adw::prelude::*;
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{Changes, Include, Isolation, Profile};
use terrarium_protocol::changes::What;

fn added(path: &str) -> terrarium_engine::sandbox::changes::Entry {
    entry(path, What::Added, Some(3))
}

/// Runs something that is to be looked at, to its end.
fn run(scene: &Scene, name: &str, copied: Option<Include>) {
    let mut profile = Profile::new(name, vec!["print".into(), "x".into()]);
    profile.isolation = Some(Isolation::Container);
    profile.files.changes = Changes::Review;
    let mut plan = plan(&profile, scene.bridge.host().expect("a computer")).plan.expect("a plan");
    // Where a test has its home folder nothing may be copied from.
    plan.profile.files.include = copied.into_iter().collect();
    scene.window.start(plan);
    let offer = || {
        let tab = scene.window.runs.current()?;
        find(tab.widget.upcast_ref(), "changes-row").filter(WidgetExt::is_mapped)
    };
    scene.until("its changes are offered", || offer().is_some());
}

/// The rows of what waits.
fn rows(shown: &Shown) -> Vec<adw::ActionRow> {
    let list = find(shown.window.widget.upcast_ref(), "waiting").filter(WidgetExt::is_mapped);
    let first = list.and_then(|list| list.first_child());
    std::iter::successors(first, WidgetExt::next_sibling).filter_map(|row| row.downcast().ok()).collect()
}

fn titles(shown: &Shown) -> Vec<String> {
    rows(shown).iter().map(|row| row.title().into()).collect()
}

fn page() -> Option<gtk::Widget> {
    let all = gtk::Window::list_toplevels().into_iter();
    let is_it = |one: &gtk::Widget| one.is_visible() && one.buildable_id().is_some_and(|id| id == "changes");
    all.into_iter().find(is_it)
}

/// The question about an edit; another test may have left one of its own.
fn question() -> Option<adw::MessageDialog> {
    let all = gtk::Window::list_toplevels().into_iter().filter_map(|one| one.downcast().ok());
    let is_it = |one: &adw::MessageDialog| {
        one.is_visible() && one.heading().is_some_and(|heading| heading == "An Edit of note.txt Waits")
    };
    all.filter(is_it).last()
}

fn press(within: &gtk::Widget, is_it: impl Fn(&gtk::Button) -> bool) -> bool {
    let is_button = |one: &gtk::Widget| one.downcast_ref::<gtk::Button>().is_some_and(&is_it);
    let found = walk(within, &is_button).and_downcast::<gtk::Button>();
    found.iter().for_each(|button| button.emit_clicked());
    found.is_some()
}

fn discard(shown: &Shown, row: usize) {
    let bin = |one: &gtk::Button| one.tooltip_text().is_some_and(|text| text == "Discard");
    assert!(press(rows(shown)[row].upcast_ref(), bin));
}

#[gtk::test]
fn changes_wait_at_home_after_a_tab_and_after_a_window() {
    let scene = Scene::new();
    scene.fake.written.set(vec![added("/home/me/a"), added("/home/me/b")]);
    run(&scene, "Build", None);
    assert!(rows(&scene).is_empty(), "another page is shown");
    // Its card says what waits as long as it has its tab, and no row beside it.
    scene.act("win.back");
    let name = scene.window.runs.ended()[0].name();
    let card = || scene.card(&name).filter(WidgetExt::is_mapped);
    scene.until("its card says it", || card().is_some_and(|card| says(card.upcast_ref(), "2 Changes")));
    scene.pass(300);
    assert!(rows(&scene).is_empty(), "it is there twice");
    card().expect("a card").emit_clicked();
    scene.until("its tab is shown", || scene.window.shows("runs"));
    scene.act("win.close-tab");
    scene.until("it is said", || says(scene.window.widget.upcast_ref(), "wait at Home"));
    scene.until("they are at Home", || titles(&scene) == ["Build"]);
    assert!(rows(&scene)[0].subtitle().is_some_and(|text| text.starts_with("2 changes · ")));
    shoot(&scene, "home-waiting");
    // Another window knows of them as well, and can show them.
    let next = Shown::new(scene.bridge.clone());
    next.until("they are there", || titles(&next) == ["Build"]);
    next.until("it is narrow", || {
        next.window.widget.set_default_size(400, 700);
        next.window.widget.width() <= 400
    });
    ActionRowExt::activate(&rows(&next)[0]);
    next.until("they are shown", || page().is_some());
    let changes = page().expect("a window");
    assert!(says(&changes, "2 Changes"));
    assert!(changes.width() <= 400, "as narrow as what it belongs to");
    changes.activate_action("changes.keep", None).expect("it can be done");
    next.until("nothing waits", || page().is_none() && rows(&next).is_empty());
    next.until("it is said", || says(next.window.widget.upcast_ref(), "The next run of “Build” goes on"));
    assert_eq!(scene.fake.written.decided(), ["keep"]);
}

/// Nothing undecided goes without a question, which says how much that is.
#[gtk::test]
fn what_waits_is_discarded_after_a_question() {
    let scene = Scene::new();
    scene.fake.written.set(vec![added("/home/me/a"), added("/home/me/b")]);
    for name in ["One", "Two", "One"] {
        run(&scene, name, None);
        scene.act("win.close-tab");
    }
    scene.until("they are at Home", || titles(&scene) == ["One", "Two", "One"]);
    let asks = || crate::changes::question().is_some();
    discard(&scene, 1);
    scene.until("it asks", asks);
    let dialog = crate::changes::question().expect("a question");
    assert!(dialog.heading().is_some_and(|title| title == "Discard 2 Undecided Changes of “Two”?"));
    assert_eq!(dialog.default_response().as_deref(), Some("cancel"));
    crate::changes::answer(&scene, "cancel");
    scene.pass(200);
    assert!(titles(&scene) == ["One", "Two", "One"] && scene.fake.written.decided().is_empty());
    discard(&scene, 0);
    crate::changes::answer(&scene, "discard");
    scene.until("it is gone", || scene.fake.written.decided() == ["discard"]);
    scene.until("the others are there", || titles(&scene) == ["Two", "One"]);
}

#[gtk::test]
fn an_edit_says_what_it_is_and_comes_before_the_next_one() {
    let scene = Scene::with_home();
    let file = scene.folder().join("home/note.txt");
    std::fs::write(&file, "old").expect("a file");
    let target = terrarium_engine::plan::home(scene.bridge.host().expect("a host")).join("note.txt");
    scene.fake.written.set(vec![added("/var/log/x"), added(target.to_str().expect("a text"))]);
    run(&scene, "note.txt", Some(Include { source: file.clone(), target }));
    scene.act("win.close-tab");
    scene.until("it is at Home", || titles(&scene) == ["note.txt: an edit that waits for you"]);
    assert!(rows(&scene)[0].subtitle().is_some_and(|text| text.starts_with("~/note.txt · ")));
    let runs = scene.fake.starts();
    let edit = || {
        let app = crate::flows::app("print %f", "");
        scene.window.open_with(&file, &app, terrarium::window::Purpose::Edit);
        scene.until("it asks", || question().is_some());
        question().expect("a question")
    };
    let dialog = edit();
    dialog.response("cancel");
    gtk::prelude::GtkWindowExt::destroy(&dialog);
    let dialog = edit();
    dialog.response("look");
    gtk::prelude::GtkWindowExt::destroy(&dialog);
    scene.until("it is shown", || page().is_some());
    assert_eq!(scene.fake.starts(), runs, "nothing was run");
    close(&page().expect("a window"));
    scene.until("it is left", || page().is_none() && over("changes").is_none());
    assert_eq!(rows(&scene).len(), 1, "it still waits");
}

#[gtk::test]
fn what_has_ended_is_reached_from_home_as_long_as_it_has_its_tab() {
    let scene = Scene::new();
    scene.run("print one");
    scene.shows("phase: Ended");
    scene.run("print two");
    scene.shows("phase: Ended");
    let last = scene.window.runs.current().expect("a tab").name();
    scene.act("win.back");
    scene.until("both have cards", || scene.window.runs.ended().len() == 2 && scene.card(&last).is_some());
    let tab = scene.window.runs.ended()[0].clone();
    let first = tab.name();
    let card = scene.card(&first).expect("a card");
    assert!(says(card.upcast_ref(), "Finished") && says(card.upcast_ref(), "Exit code 0"));
    let place = card.ancestor(gtk::Box::static_type()).expect("a place");
    assert_eq!(place.buildable_id().as_deref(), Some("finished"), "not among those that run");
    shoot(&scene, "home-ended");
    card.emit_clicked();
    scene.until("its tab is shown", || {
        scene.window.shows("runs")
            && scene.window.runs.current().is_some_and(|one| std::rc::Rc::ptr_eq(&one, &tab))
    });
    scene.act("win.close-tab");
    scene.act("win.close-tab");
    scene.shows("home: welcome");
    assert!(scene.card(&first).is_none() && scene.card(&last).is_none());
}
