// SPDX-License-Identifier: LGPL-2.1-or-later
//! What pages look like that are seen now and then: while something starts,
//! asks, waits or went wrong; menus, questions, and the windows over the other.
//! Nothing here reads what is shown: it may be in any language.

use crate::flows::small;
use crate::home::with_profiles;
use crate::looks::{has_all_icons, make, shoot_at, shoot_looks, shoot_over, sizes};
use crate::qemu::Machine;
use crate::scene::{dialog, over, walk};
use crate::Scene;
use adw::prelude::*;
use std::sync::atomic::Ordering;
use std::time::Duration;
use terrarium_engine::profile::Changes;
use vte::prelude::*;

fn page(scene: &Scene, name: &str) {
    shoot_at(scene, &format!("look-{name}"), sizes());
}

/// What is over the other window and was not there before.
fn shoot_next(scene: &Scene, action: &str, name: &str, size: Option<(i32, i32)>) {
    let all =
        || gtk::Window::list_toplevels().into_iter().filter_map(|one| one.downcast::<gtk::Window>().ok());
    let before: Vec<gtk::Window> = all().collect();
    let next = || all().find(|one| !before.contains(one) && one.is_visible());
    scene.act(action);
    scene.until(name, || next().is_some());
    let window = next().expect("a window");
    scene.pass(300);
    if let Some(size) = size {
        make(scene, &window, name, size);
    }
    shoot_looks(scene, &window, &format!("look-{name}"), true);
    window.destroy();
}

/// A menu, as it pops up.
fn shoot_menu(scene: &Scene, id: &str, name: &str) {
    let is_it =
        |one: &gtk::Widget| one.is::<gtk::MenuButton>() && one.buildable_id().is_some_and(|its| its == id);
    let button = walk(scene.window.widget.upcast_ref(), &is_it).and_downcast::<gtk::MenuButton>().expect(id);
    scene.until(name, || button.is_mapped());
    button.popup();
    let popover = button.popover().expect("a menu");
    scene.until(name, || popover.is_mapped());
    scene.pass(200);
    scene.picture_of(popover.upcast_ref(), &format!("look-{name}"));
    has_all_icons(popover.upcast_ref(), name);
    popover.popdown();
}

fn shoot_question(scene: &Scene, name: &str) {
    scene.until(name, || dialog().is_some());
    scene.pass(300);
    let asked = dialog().expect("a question");
    shoot_looks(scene, asked.upcast_ref(), &format!("look-{name}"), true);
    asked.response("cancel");
    asked.destroy();
}

#[gtk::test]
fn what_runs_fits_in_every_look() {
    let scene = crate::network::with_contacts();
    page(&scene, "contacts");
    scene.act("win.details");
    scene.act("win.find");
    scene.object::<gtk::SearchEntry>("find-entry").set_text("nothing");
    page(&scene, "find");
    scene.object::<gtk::SearchBar>("find-bar").set_search_mode(false);
    let other = scene.fake.take_keyboard().expect("another client");
    scene.until("it is said", || scene.object::<gtk::Revealer>("prompt").reveals_child());
    page(&scene, "keyboard");
    drop(other);
    scene.act("win.pause");
    scene.pass(500);
    page(&scene, "paused");
    scene.act("win.pause");
    shoot_menu(&scene, "menu-button", "run-menu");
    scene.act("win.network");
    scene.window.widget.set_default_size(1100, 760);
    scene.pass(500);
    scene.fake.end(0);
    scene.shows("phase: Ended");
    shoot_at(&scene, "look-contacts-ended", &[("wide", 1100, 760)]);
}

#[gtk::test]
fn ends_fit_in_every_look() {
    let scene = Scene::new();
    let text: String = (1..40).map(|line| format!("line {line} of what it has to say\n")).collect();
    scene.window.start(small(&scene, "print x 3"));
    scene.shows("phase: Ended");
    page(&scene, "end-error");
    scene.act("win.close-tab");
    scene.window.start(small(&scene, "echo"));
    scene.shows("phase: Running");
    scene.terminal().feed_child(text.replace('\n', "\r\n").as_bytes());
    scene.pass(300);
    scene.act("win.stop");
    scene.shows("phase: Ended");
    page(&scene, "end-stopped");
    shoot_next(&scene, "win.show-log", "log", Some((360, 640)));
    scene.act("win.close-tab");
    scene.window.start(small(&scene, "stubborn"));
    scene.shows("phase: Running");
    scene.act("win.stop");
    let stop = scene.object::<gtk::Button>("stop");
    scene.until("force is offered", || stop.has_css_class("destructive-action") && stop.is_sensitive());
    page(&scene, "force");
    stop.emit_clicked();
    scene.shows("phase: Ended");
    scene.act("win.close-tab");
    scene.window.start(small(&scene, "crash"));
    scene.shows("phase: Ended");
    page(&scene, "end-crash");
    scene.act("win.close-tab");
    scene.fake.slow.store(2_000_000, Ordering::SeqCst);
    scene.window.start(small(&scene, "echo"));
    scene.shows("page: start");
    page(&scene, "start");
}

#[gtk::test]
fn a_full_home_fits_in_every_look() {
    let scene = with_profiles();
    scene.window.start(small(&scene, "print x"));
    scene.shows("phase: Ended");
    scene.run_and_leave(crate::changes::some(), Changes::Review);
    scene.window.start(small(&scene, "echo"));
    scene.shows("phase: Running");
    scene.act("win.pause");
    scene.window.start(small(&scene, "echo"));
    scene.shows("phase: Running");
    scene.act("win.back");
    scene.pass(5000);
    page(&scene, "home-full");
    shoot_menu(&scene, "main-menu", "main-menu");
    scene.fake.hangs.store(true, Ordering::SeqCst);
    scene.until("it is waited for", || scene.object::<gtk::Revealer>("notice").reveals_child());
    page(&scene, "home-waits");
    scene.fake.hangs.store(false, Ordering::SeqCst);
}

#[gtk::test]
fn windows_over_it_fit_in_every_look() {
    let scene = with_profiles();
    scene.until("they are known", || scene.window.library.items().len() > 4);
    shoot_next(&scene, "win.about", "about", None);
    shoot_next(&scene, "win.shortcuts", "shortcuts", None);
    shoot_next(&scene, "win.try-app", "apps", Some((360, 640)));
    shoot_next(&scene, "win.preferences", "preferences-narrow", Some((360, 640)));
    shoot_next(&scene, "win.new-profile", "templates-narrow", Some((360, 640)));
    let broken = crate::home::row(&scene, "broken").expect("a row");
    broken.emit_by_name::<()>("activated", &[]);
    shoot_question(&scene, "broken");
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    shoot_menu(&scene, "title", "name-popover");
    scene.act("win.form-reach");
    let sheet = || over("sheet").and_then(|one| one.root()).and_downcast::<gtk::Window>();
    scene.until("the sheet is shown", || sheet().is_some());
    scene.pass(300);
    make(&scene, &sheet().expect("a sheet"), "reach", (360, 640));
    shoot_over(&scene, "sheet", "reach-narrow");
    scene.window.start(small(&scene, "echo"));
    scene.shows("phase: Running");
    scene.window.widget.close();
    shoot_question(&scene, "closing");
}

#[gtk::test]
fn rows_that_unfold_fit_in_every_look() {
    let scene = with_profiles();
    scene.until("they are known", || scene.window.library.items().len() > 4);
    let item = scene.window.library.items().into_iter().find(|item| item.stem() == "build").expect("one");
    scene.window.edit(&item.profile.clone().expect("a profile"), Some(&item));
    let form = scene.window.form().widget.clone();
    let is_folded = |one: &gtk::Widget| one.is::<adw::ExpanderRow>() && one.is_mapped();
    scene.until("a folder is there", || walk(form.upcast_ref(), &is_folded).is_some());
    let row = walk(form.upcast_ref(), &is_folded).and_downcast::<adw::ExpanderRow>().expect("a row");
    row.set_expanded(true);
    let place = scene.object::<gtk::ScrolledWindow>("form-scroll");
    for &(size, width, height) in sizes() {
        make(&scene, scene.window.widget.upcast_ref(), "unfolded", (width, height));
        let top = row.compute_bounds(&place).map_or(0.0, |bounds| bounds.y());
        place.vadjustment().set_value(place.vadjustment().value() + f64::from(top) - 60.0);
        scene.pass(200);
        shoot_looks(&scene, scene.window.widget.upcast_ref(), &format!("look-form-folder-{size}"), true);
    }
}

#[gtk::test]
fn screens_fit_in_every_look() {
    let (scene, mut machine) = (Scene::new(), Machine::start());
    let screen = scene.show_screen(&machine);
    page(&scene, "screen");
    scene.act("win.fullscreen");
    page(&scene, "fullscreen");
    scene.act("win.fullscreen");
    scene.act("win.show-terminal");
    scene.act("win.new-shell");
    scene.until("it is talked to", || scene.fake.shells() == 1);
    page(&scene, "shell");
    scene.act("win.show-display");
    machine.kill();
    scene.within(Duration::from_secs(60), "it is given up", || !screen.is_shown());
    page(&scene, "no-picture");
}
