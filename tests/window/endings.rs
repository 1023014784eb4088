// SPDX-License-Identifier: LGPL-2.1-or-later
//! How what runs is ended, and what is saved of it then.

use crate::flows::small;
use crate::scene::{dialog, find, over, says, walk};
use crate::Scene;
use adw::prelude::*;
use std::fs;
use std::time::{Duration, Instant};
use terrarium_engine::sandbox::Stop;
use vte::prelude::*;

impl Scene {
    /// How sandboxes were ended so far.
    fn stops(&self) -> Vec<Stop> {
        self.fake.stops.lock().expect("a list").clone()
    }
}

#[gtk::test]
fn stop_asks_first_and_offers_force_when_that_is_in_vain() {
    let scene = Scene::new();
    // A narrow one has no room for the words.
    scene.window.widget.set_default_size(1100, 760);
    scene.until("it is wide", || scene.window.widget.width() > 1000);
    scene.window.start(small(&scene, "stubborn"));
    scene.shows("phase: Running");
    let stop = scene.object::<gtk::Button>("stop");
    assert!(stop.is_mapped() && stop.tooltip_text().is_some_and(|text| text == "Stop"));
    let begun = Instant::now();
    stop.emit_clicked();
    scene.shows("subtitle: Stopping…");
    scene.until("it is asked", || matches!(scene.stops()[..], [Stop::Gently { .. }]));
    assert!(!stop.is_sensitive() && stop.label().is_none(), "asking again is of no use");
    scene.act("win.stop");
    let force = || stop.label().is_some_and(|label| label == "Force Stop") && stop.is_sensitive();
    scene.until("force is offered", force);
    assert!(begun.elapsed() < Duration::from_secs(9), "long before it is used by itself");
    assert!(stop.has_css_class("destructive-action"));
    scene.picture("force-stop");
    assert_eq!(scene.stops().len(), 1, "nothing was done by itself");
    stop.emit_clicked();
    scene.shows("phase: Ended");
    assert!(matches!(scene.stops()[..], [Stop::Gently { .. }, Stop::Now]));
    scene.until("it is said", || says(scene.window.widget.upcast_ref(), "You stopped it after"));
    assert!(says(scene.window.widget.upcast_ref(), "it did not end by itself and was killed"));
    // The next one is asked first again.
    scene.window.start(small(&scene, "echo"));
    scene.shows("phase: Running");
    let stop = scene.object::<gtk::Button>("stop");
    assert!(stop.label().is_none() && stop.is_sensitive() && !stop.has_css_class("destructive-action"));
}

#[gtk::test]
fn the_log_has_the_command_as_it_would_be_typed() {
    let scene = Scene::new();
    let mut plan = small(&scene, "print");
    plan.orders.command.argv.push("two words".into());
    scene.window.start(plan);
    scene.shows("Exit code 0");
    let log = scene.window.runs.current().expect("a tab").log.text();
    assert!(log.contains(": print 'two words'\n"), "{log}");
}

#[gtk::test]
fn output_is_saved_from_the_page_of_its_end() {
    let scene = Scene::with_home();
    scene.window.start(small(&scene, "print hello\nworld"));
    scene.shows("Exit code 0");
    scene.shows("hello");
    let save = scene.object::<gtk::Button>("save");
    scene.until("it can be saved", || save.is_mapped() && save.is_sensitive());
    save.emit_clicked();
    let chooser = || {
        let all = gtk::Window::list_toplevels().into_iter().filter(WidgetExt::is_visible);
        all.filter_map(|one| one.downcast::<gtk::FileChooserDialog>().ok()).next()
    };
    scene.until("it is asked where to", || chooser().is_some());
    let dialog = chooser().expect("a window");
    assert_eq!(dialog.current_name().as_deref(), Some("Small.txt"));
    let folder = gtk::gio::File::for_path(scene.folder().join("home"));
    dialog.set_current_folder(Some(&folder)).expect("a folder");
    scene.until("it is there", || dialog.current_folder().is_some_and(|now| now.equal(&folder)));
    let is_save = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Button>().is_some_and(|one| one.label().is_some_and(|text| text == "_Save"))
    };
    let button = walk(dialog.upcast_ref(), &is_save).and_downcast::<gtk::Button>().expect("a button");
    scene.until("it can be pressed", || button.is_sensitive());
    button.emit_clicked();
    let file = scene.folder().join("home/Small.txt");
    scene.until("it is written", || fs::read_to_string(&file).is_ok_and(|text| text.contains("world")));
    assert_eq!(fs::read_to_string(&file).expect("a text").trim_end(), "hello\nworld");
    scene.until("it is said", || says(scene.window.widget.upcast_ref(), "Output saved"));
    scene.until("and stays said", || says(scene.window.widget.upcast_ref(), "Saved as Small.txt"));
}

#[gtk::test]
fn what_was_run_once_is_kept_as_a_profile() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("print once 0");
    scene.window.form().take_path("/srv".as_ref());
    scene.until("it can be run", || scene.object::<gtk::Button>("run-form").is_sensitive());
    scene.act("win.run");
    scene.shows("Exit code 0");
    let may = || scene.window.widget.lookup_action("save-profile").is_some_and(|one| one.is_enabled());
    scene.until("it is offered", may);
    scene.act("win.save-profile");
    scene.until("a name is asked for", || over("save-name").is_some());
    over("save-name").and_downcast::<gtk::Entry>().expect("a name").set_text("Kept");
    dialog().expect("a dialog").response("save");
    scene.until("it has a file", || scene.window.library.items().len() == 1);
    let kept = scene.window.library.items()[0].profile.clone().expect("a profile");
    assert_eq!((kept.name.as_str(), kept.command.argv.len()), ("Kept", 3));
    assert_eq!(kept.files.mounts[0].source, std::path::Path::new("/srv"));
    dialog().iter().for_each(adw::prelude::GtkWindowExt::destroy);
    // Of what runs from there nothing has to be kept once more.
    scene.window.show("home");
    scene.window.run_by_name("kept".into());
    scene.until("its reach is shown", || over("sheet").is_some());
    let run = find(&over("sheet").expect("a sheet"), "run").and_downcast::<gtk::Button>();
    run.expect("a button").emit_clicked();
    scene.shows("name: Kept");
    scene.shows("Exit code 0");
    assert!(!may());
}

#[gtk::test]
fn what_needs_a_screen_is_told_so_and_run_as_a_window() {
    let scene = Scene::new();
    scene.window.start(small(&scene, "print mupdf:\ncannot\nopen\ndisplay 1"));
    scene.shows("It needs a screen: run it as a window.");
    let other = scene.object::<gtk::Button>("other");
    assert!(other.is_visible() && other.label().is_some_and(|label| label == "Run as a _Window"));
    other.emit_clicked();
    scene.until("it has a screen", || {
        let kind = scene.window.runs.current().map(|tab| tab.facts.display);
        kind == Some(terrarium_engine::profile::DisplayKind::Window)
    });
}

#[gtk::test]
fn what_ended_well_can_be_changed_from_its_menu_and_its_card() {
    let scene = Scene::new();
    let change = || scene.window.widget.lookup_action("change").expect("an action");
    scene.window.start(small(&scene, "echo"));
    scene.shows("phase: Running");
    assert!(!change().is_enabled());
    scene.terminal().feed_child(b"q");
    scene.shows("Exit code 0");
    scene.until("it is offered", || change().is_enabled());
    scene.act("win.change");
    assert!(scene.window.shows("form"));
    assert_eq!(scene.window.form().profile().command.argv, ["echo"]);
    scene.act("win.back");
    scene.window.show("home");
    let card = || {
        let is_it = |one: &gtk::Widget| one.is::<gtk::Button>() && one.has_css_class("card");
        walk(scene.window.widget.upcast_ref(), &is_it)
    };
    scene.until("its card", || card().is_some());
    let card = card().expect("a card");
    assert!(walk(&card, &|one| one.is::<gtk::PopoverMenu>()).is_some(), "it has a menu");
    card.activate_action("card.change", None).expect("an action");
    assert!(scene.window.shows("form"));
    scene.window.show("home");
    let starts = scene.fake.starts();
    card.activate_action("card.again", None).expect("an action");
    scene.until("it runs again", || scene.fake.starts() == starts + 1);
}

#[gtk::test]
fn ends_in_several_tabs_let_the_window_become_narrow() {
    let scene = Scene::new();
    scene.window.widget.set_default_size(1100, 760);
    for _ in 0..3 {
        scene.window.start(small(&scene, "print one 3"));
        scene.shows("Exit code 3");
    }
    scene.until("it is wide", || scene.window.widget.width() > 1000);
    scene.window.widget.set_default_size(400, 700);
    scene.until("it is narrow", || scene.window.widget.width() <= 400);
}

#[gtk::test]
fn who_waits_at_an_end_can_run_it_again_by_return() {
    let scene = Scene::new();
    scene.window.start(small(&scene, "print one 0"));
    scene.shows("Exit code 0");
    let focus = || gtk::prelude::GtkWindowExt::focus(&scene.window.widget);
    assert!(focus().is_none(), "whoever still types runs nothing");
    let again = scene.object::<gtk::Button>("again");
    scene.until("it has the focus", || focus().as_ref() == Some(again.upcast_ref()));
}
