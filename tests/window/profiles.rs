// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is done with a profile from Home: its menu, and what that does.

use crate::home::{places_of, row, with_profiles};
use crate::scene::{dialog, over, says, walk};
use crate::Scene;
use adw::prelude::*;
use gtk::gio;
use std::fs;
use terrarium::launcher;

/// The menu of a row: what heads its parts, and each line with its action.
fn menu(scene: &Scene, title: &str) -> (Vec<String>, Vec<(String, String)>) {
    let row = row(scene, title).expect("a row");
    let more = walk(row.upcast_ref(), &|one| one.is::<gtk::MenuButton>()).and_downcast::<gtk::MenuButton>();
    let more = more.expect("a button");
    more.popup();
    let model = more.menu_model().expect("a menu");
    more.popdown();
    let text = |model: &gio::MenuModel, at: i32, name: &str| {
        let value = model.item_attribute_value(at, name, Some(gtk::glib::VariantTy::STRING));
        value.and_then(|value| value.get::<String>())
    };
    let (mut heads, mut lines) = (Vec::new(), Vec::new());
    for at in 0..model.n_items() {
        heads.extend(text(&model, at, "label"));
        let part = model.item_link(at, "section").expect("a part");
        lines.extend((0..part.n_items()).map(|line| {
            let of = |name| text(&part, line, name).unwrap_or_default();
            (of("label").replace('_', ""), of("action"))
        }));
    }
    (heads, lines)
}

fn act_on(scene: &Scene, action: &str, stem: &str) {
    let path = places_of(scene).join(format!("{stem}.terrarium")).to_string_lossy().into_owned();
    let target = path.to_variant();
    WidgetExt::activate_action(&scene.window.widget, action, Some(&target)).expect("it can be done");
}

#[gtk::test]
fn a_profiles_menu_has_all_that_is_done_with_it() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    let (heads, lines) = menu(&scene, "Build a Project");
    let names: Vec<&str> = lines.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(
        names,
        [
            "Edit",
            "Rename…",
            "What It Can Reach",
            "Open in Text Editor",
            "Duplicate",
            "Export…",
            "Create Launcher",
            "Delete"
        ]
    );
    assert!(heads.is_empty(), "{heads:?}");
    let does = |action: &str| {
        let name = action.trim_start_matches("win.");
        scene.window.widget.lookup_action(name).is_some_and(|action| action.is_enabled())
    };
    assert!(lines.iter().all(|(_, action)| does(action)), "{lines:?}");
    act_on(&scene, "win.profile-edit", "build");
    scene.until("the form has it", || scene.window.shows("form"));
    assert_eq!(scene.object::<adw::EntryRow>("command").text(), "echo check");
    // A file with mistakes can be mended as text, and deleted.
    let (heads, lines) = menu(&scene, "broken");
    assert_eq!(heads, ["2 mistakes in its file"]);
    let left: Vec<&str> =
        lines.iter().filter(|(_, action)| does(action)).map(|(label, _)| label.as_str()).collect();
    assert_eq!((lines.len(), left), (8, vec!["Open in Text Editor", "Delete"]));
}

#[gtk::test]
fn a_profile_is_renamed_with_its_launcher_and_what_is_typed() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    act_on(&scene, "win.profile-edit", "build");
    scene.object::<gtk::SpinButton>("memory").set_value(2048.0);
    scene.act("win.back");
    act_on(&scene, "win.profile-launcher", "build");
    let file = launcher::path(&scene.folder(), "build");
    scene.until("there is a launcher", || file.exists());
    assert!(menu(&scene, "Build a Project").1.iter().any(|(label, _)| label == "Remove Launcher"));
    act_on(&scene, "win.profile-rename", "build");
    scene.until("a name is asked for", || over("save-name").is_some());
    let entry = over("save-name").and_downcast::<gtk::Entry>().expect("an entry");
    let asked = dialog().expect("a dialog");
    assert_eq!(entry.text(), "Build a Project");
    for (name, told) in
        [("Build a Project", None), ("Untrusted Documents", Some("of that name")), ("a/b", Some("slashes"))]
    {
        entry.set_text(name);
        assert!(!asked.is_response_enabled("save"), "{name}");
        assert!(told.is_none_or(|told| says(asked.upcast_ref(), told)), "{name}");
    }
    entry.set_text("Build Anew");
    scene.picture_of(asked.upcast_ref(), "rename");
    asked.response("save");
    gtk::prelude::GtkWindowExt::destroy(&asked);
    scene.until("it is called so", || row(&scene, "Build Anew").is_some());
    let text = fs::read_to_string(places_of(&scene).join("build.terrarium")).expect("a file");
    assert!(text.contains("name = \"Build Anew\"\n") && !text.contains("2 GiB"), "{text}");
    let launcher = || fs::read_to_string(&file).unwrap_or_default();
    scene.until("so is its launcher", || launcher().contains("Name=Build Anew (sandboxed)\n"));
    // What was typed is still there, and takes nothing back.
    act_on(&scene, "win.profile-edit", "build");
    let profile = scene.window.form().profile();
    assert_eq!((profile.name.as_str(), profile.limits.memory), ("Build Anew", 2 << 30));
    act_on(&scene, "win.profile-no-launcher", "build");
    scene.until("the launcher is gone", || !file.exists());
}

/// Comments, and the order of what is written, are part of a profile.
#[gtk::test]
fn what_was_written_by_hand_stays_so_in_every_copy() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    let text =
        "# Of a friend.\ncommand.argv = ['true'] # does nothing\n\nname = \"Build a Project\"\nversion = 1\n";
    let file = scene.folder().join("friend.terrarium");
    fs::write(&file, text).expect("written");
    let window = scene.window.clone();
    gtk::glib::spawn_future_local(async move { window.import(file).await });
    scene.until("it has a name of its own", || row(&scene, "Build a Project 2").is_some());
    let path = |stem: &str| places_of(&scene).join(format!("{stem}.terrarium"));
    let read = |stem: &str| fs::read_to_string(path(stem)).expect("a file");
    let named = |name: &str| text.replace("Build a Project", name);
    assert_eq!(read("build-a-project-2"), named("Build a Project 2"));
    act_on(&scene, "win.profile-duplicate", "build-a-project-2");
    scene.until("there is a copy", || row(&scene, "Build a Project 2 2").is_some());
    assert_eq!(read("build-a-project-2-2"), named("Build a Project 2 2"));
    // What is exported, as it is and as it is set in the form.
    let item = scene.window.library.of(&path("build-a-project-2")).expect("it");
    let mut profile = item.profile.expect("a profile");
    for directory in [None, Some("/usr")] {
        profile.command.directory = directory.map(Into::into);
        let (bridge, profile, file) = (scene.bridge.clone(), profile.clone(), path("build-a-project-2"));
        let text = std::rc::Rc::new(std::cell::RefCell::new(None));
        let told = text.clone();
        gtk::glib::spawn_future_local(async move {
            *told.borrow_mut() = bridge.profile_text(profile, Some(file)).await.ok();
        });
        scene.until("there is a text", || text.borrow().is_some());
        let text = text.borrow_mut().take().unwrap_or_default();
        assert!(text.starts_with("# Of a friend.\n") && text.contains("# does nothing"), "{text}");
        assert_eq!(text == read("build-a-project-2"), directory.is_none());
    }
}
