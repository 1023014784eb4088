// SPDX-License-Identifier: LGPL-2.1-or-later
//! The form for whoever sees it for the first time: where it begins, and what
//! it says about what cannot work.

use crate::scene::{find, over, says, walk};
use crate::Scene;
use adw::prelude::*;
use std::time::Duration;
use terrarium_engine::profile::DisplayKind;

impl Scene {
    fn command(&self) -> adw::EntryRow {
        self.object("command")
    }

    /// A button of a message in passing.
    fn offered(&self, label: &str) -> Option<gtk::Button> {
        let is_it = |one: &gtk::Widget| {
            one.is_mapped()
                && one.downcast_ref::<gtk::Button>().is_some_and(|one| one.label().as_deref() == Some(label))
        };
        walk(self.window.widget.upcast_ref(), &is_it).and_downcast()
    }
}

#[gtk::test]
fn what_was_run_is_not_begun_with_again_and_can_be_brought_back() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.command().set_text("print x");
    scene.window.form().take_path("/srv".as_ref());
    scene.act("win.back");
    scene.act("win.new-run");
    assert_eq!(scene.command().text(), "print x", "what was not run stays");
    scene.act("win.run");
    scene.within(Duration::from_secs(20), "it has run", || scene.fake.starts() == 1);
    scene.window.show("home");
    scene.act("win.new-run");
    let form = scene.window.form();
    assert_eq!(scene.command().text(), "");
    assert!(form.profile().files.mounts.is_empty(), "nothing of the last one is shared");
    scene.until("the last one is offered", || scene.offered("_Bring It Back").is_some());
    scene.offered("_Bring It Back").expect("a button").emit_clicked();
    assert_eq!((scene.command().text().as_str(), form.profile().files.mounts.len()), ("print x", 1));
    scene.act("win.form-clear");
    assert!(scene.command().text().is_empty() && form.profile().files.mounts.is_empty());
}

#[gtk::test]
fn what_it_can_reach_says_when_it_is_out_of_date() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.command().set_text("print x");
    let outdated = || find(scene.window.form().widget.upcast_ref(), "reach-outdated").expect("a label");
    scene.until("it can be run", || scene.object::<gtk::Button>("run-form").is_sensitive());
    assert!(!outdated().is_visible());
    scene.object::<adw::EntryRow>("directory").set_text("nowhere");
    scene.until("it says so", || outdated().is_visible());
    assert!(says(&outdated(), "It Cannot Run Like This") && says(&outdated(), "Start In: nowhere is not"));
    scene.command().grab_focus();
    let go = find(&outdated(), "reach-go").and_downcast::<gtk::Button>().expect("a button");
    go.emit_clicked();
    let directory = scene.object::<adw::EntryRow>("directory");
    assert!(directory.state_flags().contains(gtk::StateFlags::FOCUS_WITHIN), "it leads there");
    directory.set_text("");
    scene.until("it holds again", || !outdated().is_visible());
}

#[gtk::test]
fn what_is_in_the_way_of_a_run_is_gone_to() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.command().set_text("print x");
    let directory = scene.object::<adw::EntryRow>("directory");
    directory.set_text("nowhere");
    scene.command().grab_focus();
    scene.command().emit_by_name::<()>("entry-activated", &[]);
    scene.until("it has the focus", || directory.state_flags().contains(gtk::StateFlags::FOCUS_WITHIN));
    assert_eq!(scene.fake.starts(), 0);
}

#[gtk::test]
fn files_that_are_gone_or_not_shared_are_named() {
    let scene = Scene::with_home();
    let home = scene.folder().join("home");
    let letter = home.join("letter.txt");
    std::fs::write(&letter, "x").expect("written");
    scene.act("win.new-run");
    scene.command().set_text(&format!("print {}", letter.display()));
    let form = scene.window.form();
    scene.until("it is named", || says(form.widget.upcast_ref(), "~/letter.txt is not shared"));
    scene.object::<gtk::Button>("share-argument").emit_clicked();
    assert_eq!(form.profile().files.mounts[0].source, letter);
    scene.until("nothing is missing", || !scene.object::<adw::ActionRow>("command-message").is_visible());
    std::fs::remove_file(&letter).expect("removed");
    form.take_path("/srv/in".as_ref());
    scene.until("it is said", || says(form.widget.upcast_ref(), "It is not there. Choose another one"));
}

#[gtk::test]
fn what_never_was_is_not_promised_and_not_run() {
    let (scene, folder) = (Scene::new(), tempfile::tempdir().expect("a folder"));
    let (here, nowhere) = (folder.path().join("here"), folder.path().join("nowhere"));
    std::fs::create_dir(&here).expect("made");
    scene.act("win.new-run");
    scene.command().set_text("print x");
    let (form, run) = (scene.window.form(), scene.object::<gtk::Button>("run-form"));
    let last = |path: &std::path::Path| {
        says(form.widget.upcast_ref(), &format!("{}, and the programs", path.display()))
    };
    form.take_path(&here);
    scene.until("what is there can be read", || last(&here) && run.is_sensitive());
    form.take_path(&nowhere);
    scene.until("it cannot be run, nor read", || !run.is_sensitive() && last(&here));
    assert_eq!(run.tooltip_text(), Some(format!("{} is not there.", nowhere.display()).into()));
    let outdated = find(form.widget.upcast_ref(), "reach-outdated").expect("a label");
    assert!(outdated.is_visible() && says(&outdated, "It Cannot Run Like This"));
    assert!(says(&outdated, "is not there."));
    let go = find(&outdated, "reach-go").and_downcast::<gtk::Button>().expect("a button");
    go.emit_clicked();
    scene.pass(300);
    let focus = gtk::prelude::GtkWindowExt::focus(&scene.window.widget).expect("a focus");
    let row = focus.ancestor(adw::ExpanderRow::static_type());
    assert!(row.is_some_and(|row| says(&row, "nowhere")), "its row is gone to: {focus:?}");
    scene.act("win.run");
    scene.pass(300);
    assert_eq!(scene.fake.starts(), 0);
    std::fs::create_dir(&nowhere).expect("made");
    scene.command().set_text("print y");
    scene.until("once it is there it can", || run.is_sensitive() && last(&nowhere));
}

#[gtk::test]
fn a_tilde_in_the_command_is_the_home_folder() {
    let scene = Scene::with_home();
    let home = scene.folder().join("home");
    std::fs::write(home.join("a.txt"), "x").expect("written");
    scene.act("win.new-run");
    scene.command().set_text("print ~/a.txt '~/a.txt'");
    let form = scene.window.form();
    let words = || form.profile().command.argv;
    assert_eq!(words(), ["print".into(), home.join("a.txt").into_os_string(), "~/a.txt".into()]);
    scene.until("it is not shared", || says(form.widget.upcast_ref(), "~/a.txt is not shared"));
    assert_eq!(scene.command().text(), "print ~/a.txt '~/a.txt'", "what was typed stays");
}

/// As a terminal's program it would find no display.
#[gtk::test]
fn an_app_that_is_typed_gets_a_screen() {
    let scene = Scene::new();
    scene.act("win.new-run");
    let form = scene.window.form();
    let kind = || form.profile().display.kind;
    scene.until("apps are known", || {
        scene.command().set_text("x");
        scene.command().set_text("/usr/bin/xterm -e ls");
        kind() == DisplayKind::Window
    });
    scene.command().set_text("print");
    assert_eq!(kind(), DisplayKind::Terminal);
    scene.object::<adw::ComboRow>("show-as").set_selected(1);
    scene.command().set_text("other");
    assert_eq!(kind(), DisplayKind::Window, "what was chosen by hand stays");
}

#[gtk::test]
fn back_from_what_is_mended_leads_to_the_form() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.act("win.computer");
    scene.act("win.back");
    assert!(scene.window.shows("form"));
    scene.act("win.back");
    scene.act("win.computer");
    scene.act("win.back");
    assert!(scene.window.shows("home"));
}

#[gtk::test]
fn the_search_for_an_app_is_done_by_keyboard() {
    let scene = Scene::new();
    scene.act("win.try-app");
    scene.until("it is asked for", || over("app-chooser").is_some());
    let sheet = over("app-chooser").expect("a sheet");
    let search = walk(&sheet, &|one| one.is::<gtk::SearchEntry>());
    let search = search.and_downcast::<gtk::SearchEntry>().expect("an entry");
    scene.until("apps are there", || walk(&sheet, &|one| one.is::<adw::ActionRow>()).is_some());
    search.set_text("there is no such app");
    scene.until("it says so", || says(&sheet, "Nothing Found"));
    search.emit_by_name::<()>("stop-search", &[]);
    scene.until("Escape closes it", || over("app-chooser").is_none());
}
