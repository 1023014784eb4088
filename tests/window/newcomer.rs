// SPDX-License-Identifier: LGPL-2.1-or-later
//! What somebody tries in the first hour.

use crate::flows::small;
use crate::home::{row, with_profiles};
use crate::scene::{dialog, over, says, walk};
use crate::Scene;
use adw::prelude::*;
use adw::TabViewShortcuts as Keys;
use std::fs;
use vte::prelude::*;

fn focus(scene: &Scene) -> Option<gtk::Widget> {
    gtk::prelude::GtkWindowExt::focus(&scene.window.widget)
}

/// The terminal of the shell that is seen, once it takes input.
fn shell(scene: &Scene) -> vte::Terminal {
    let page = scene.object::<gtk::Stack>("terminals").visible_child().expect("a page");
    let shell = walk(&page, &|one| one.is::<vte::Terminal>()).and_downcast::<vte::Terminal>();
    let shell = shell.expect("a terminal");
    scene.until("it takes input", || shell.is_input_enabled());
    shell
}

#[gtk::test]
fn shells_beside_a_command_are_seen_and_give_way_to_it() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    let (foot, pages) = (scene.object::<gtk::Box>("foot"), scene.object::<gtk::Stack>("terminals"));
    assert!(!foot.is_visible(), "there is nothing to choose");
    scene.act("win.new-shell");
    scene.until("both are named", || foot.is_mapped() && says(foot.upcast_ref(), "Shell 1"));
    assert!(says(foot.upcast_ref(), "Command") && !scene.object::<gtk::Button>("to-screen").is_visible());
    let own = scene.terminal();
    pages.set_visible_child_name("output");
    scene.until("the command has the keyboard", || focus(&scene).as_ref() == Some(own.upcast_ref()));
    scene.act("win.new-shell");
    shell(&scene).feed_child(b"q");
    scene.until("the first shell is back", || !says(foot.upcast_ref(), "Shell 2"));
    assert!(pages.visible_child().is_some() && pages.visible_child_name().as_deref() != Some("output"));
    shell(&scene).feed_child(b"q");
    scene.until("the command is back", || pages.visible_child_name().as_deref() == Some("output"));
    scene.until("it can be seen", || own.is_mapped() && own.is_child_visible() && !foot.is_visible());
    scene.until("and has the keyboard", || focus(&scene).as_ref() == Some(own.upcast_ref()));
    // One that ends behind another page takes the keyboard from nobody.
    scene.act("win.new-shell");
    let last = shell(&scene);
    scene.act("win.back");
    last.feed_child(b"q");
    scene.until("it has ended", || last.root().is_none());
    assert!(!focus(&scene).is_some_and(|one| one.is::<vte::Terminal>()));
}

/// VTE writes them as NUL, which no label can hold.
#[gtk::test]
fn cells_that_a_program_skips_are_blank() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.terminal().feed_child(b"\x1b[1;5Hskipped\x1b[1;2Hq");
    scene.shows("Exit code 0");
    scene.shows(" q  skipped");
    let last = scene.object::<gtk::Label>("last-lines");
    scene.until("they are shown", || last.label().contains("q  skipped"));
}

#[gtk::test]
fn no_key_leads_from_one_sandbox_to_another() {
    let scene = Scene::new();
    scene.window.start(small(&scene, "echo"));
    scene.shows("phase: Running");
    let view = scene.object::<adw::TabView>("view");
    let terminal = scene.terminal();
    scene.until("it has the keyboard", || focus(&scene).as_ref() == Some(terminal.upcast_ref()));
    assert_eq!(view.shortcuts(), Keys::NONE);
    terminal.feed_child(b"q");
    scene.shows("Exit code 0");
    let goes = Keys::CONTROL_TAB | Keys::CONTROL_PAGE_UP | Keys::CONTROL_PAGE_DOWN;
    scene.until("on a page of ours they do", || view.shortcuts().contains(goes));
    scene.act("win.back");
    scene.until("not from another page", || view.shortcuts() == Keys::NONE);
}

#[gtk::test]
fn who_comes_back_from_a_page_has_the_keyboard() {
    let scene = Scene::new();
    let main = scene.object::<gtk::MenuButton>("main-menu");
    main.popup();
    let menu = main.popover().expect("a menu");
    scene.until("it is open", || menu.is_mapped());
    let is_it = |one: &gtk::Widget| one.type_().name() == "GtkModelButton" && says(one, "This Computer");
    let item = walk(menu.upcast_ref(), &is_it).expect("an item");
    // As it is chosen with the pointer or with Return.
    item.grab_focus();
    item.activate();
    scene.until("it was looked at", || says(scene.window.widget.upcast_ref(), "Works"));
    scene.until("the menu is closed", || !menu.is_mapped());
    scene.until("the page has the keyboard", || focus(&scene).is_some_and(|one| one.is_mapped()));
    scene.act("win.back");
    scene.shows("page: home");
    scene.pass(200);
    let now = focus(&scene).expect("something has the keyboard");
    assert!(now.is_mapped() && now.is_ancestor(&scene.window.home.widget), "{now:?}");
    assert!(scene.window.widget.child_focus(gtk::DirectionType::TabForward), "Tab leads on");
}

fn open(scene: &Scene, title: &str) {
    scene.until("it is listed", || row(scene, title).is_some());
    row(scene, title).expect("a row").emit_by_name::<()>("activated", &[]);
    scene.until("the form is shown", || scene.window.shows("form"));
}

#[gtk::test]
fn what_was_changed_in_profiles_is_there_when_they_are_opened_again() {
    let scene = with_profiles();
    let said = |text: &str| says(scene.window.widget.upcast_ref(), text);
    let (form, memory) = (scene.window.form().clone(), scene.object::<gtk::SpinButton>("memory"));
    open(&scene, "Build a Project");
    memory.set_value(2048.0);
    scene.act("win.back");
    scene.until("it is said", || said("is not saved yet. It is there when you open it again."));
    open(&scene, "Terminal Without Network");
    assert_eq!(form.profile().limits.memory, 1 << 30, "another one has its own");
    memory.set_value(512.0);
    scene.act("win.new-run");
    assert_eq!(form.profile().name, "Command", "a new one is new");
    scene.object::<adw::EntryRow>("command").set_text("echo 'half");
    open(&scene, "Build a Project");
    assert_eq!(form.profile().limits.memory, 2 << 30);
    assert!(scene.object::<gtk::Button>("save-form").is_visible());
    scene.until("it is said", || said("What you changed is not saved yet"));
    // All of it outlives a crash, too.
    let draft = scene.bridge.host().expect("a host").places.cache.join("draft.json");
    scene.until("all are kept", || fs::read_to_string(&draft).is_ok_and(|text| text.lines().count() == 3));
    scene.act("win.form-revert");
    open(&scene, "Terminal Without Network");
    assert_eq!(form.profile().limits.memory, 512 << 20);
    scene.act("win.form-save");
    scene.until("it is saved", || !scene.object::<gtk::Button>("save-form").is_visible());
    open(&scene, "Build a Project");
    assert_eq!(form.profile().limits.memory, 1 << 30, "it went back");
    scene.act("win.new-run");
    assert_eq!(scene.object::<adw::EntryRow>("command").text(), "echo 'half");
}

#[gtk::test]
fn a_new_one_is_saved_with_the_key_for_that() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo one");
    scene.until("it can be run", || scene.object::<gtk::Button>("run-form").is_sensitive());
    scene.act("win.form-save");
    scene.until("a name is asked for", || over("save-name").is_some());
    dialog().expect("a dialog").response("save");
    scene.until("it has a file", || scene.window.library.items().len() == 1);
}

#[gtk::test]
fn choosing_a_file_for_a_template_comes_first() {
    let scene = Scene::new();
    scene.window.ask_for_profile_of_document();
    let chooser = || {
        let all = gtk::Window::list_toplevels().into_iter().filter(WidgetExt::is_visible);
        all.filter_map(|one| one.downcast::<gtk::FileChooserDialog>().ok()).next()
    };
    scene.until("a file is asked for", || chooser().is_some());
    let chooser = chooser().expect("a window");
    assert!(chooser.is_modal());
    assert_eq!(chooser.transient_for().as_ref(), Some(scene.window.widget.upcast_ref()));
    chooser.response(gtk::ResponseType::Cancel);
    scene.until("it is gone", || !chooser.is_visible());
    scene.pass(100);
}
