// SPDX-License-Identifier: LGPL-2.1-or-later
//! Home: profiles, the search, the welcome; and the sheet before a run.

use crate::looks::shoot;
use crate::scene::{dialog, find, over, says};
use crate::Scene;
use adw::prelude::*;
use std::fs;
use std::path::Path;
use terrarium_engine::places::Places;
use terrarium_engine::reach::Memory;

/// Profiles as somebody may have them.
const PROFILES: &[(&str, &str)] = &[
    (
        "untrusted-documents",
        "version = 1\nname = \"Untrusted Documents\"\ncolour = \"red\"\nicon = \"document\"\nisolation = \"container\"\n\
         [command]\nargv = [\"print\", \"read\"]\n[display]\nkind = \"terminal\"\n[files]\n\
         mounts = [{ type = \"host-bind\", source = \"/srv/in\", target = \"/srv/in\" }]\n",
    ),
    (
        "build",
        "version = 1\nname = \"Build a Project\"\ncolour = \"blue\"\nicon = \"build\"\n[command]\nargv = [\"echo\", \"check\"]\n\
         [files]\nmounts = [{ type = \"host-bind\", source = \"/srv/sprout\", target = \"/srv/sprout\", mode = \"rw\" }]\n",
    ),
    ("shell", "version = 1\nname = \"Terminal Without Network\"\ncolour = \"grey\"\n[command]\nargv = [\"echo\"]\n"),
];

fn places(folder: &Path) -> Places {
    crate::host(folder.to_owned()).places
}

pub fn with_profiles() -> Scene {
    Scene::with(|folder| {
        let profiles = places(folder).profiles();
        fs::create_dir_all(&profiles).expect("a folder");
        for (stem, text) in PROFILES {
            fs::write(profiles.join(format!("{stem}.terrarium")), text).expect("a profile");
        }
        let broken = "version = 1\nname = \"x\"\nnonsense = 1\n[command]\nargv = 7\n";
        fs::write(profiles.join("broken.terrarium"), broken).expect("a profile");
        fs::write(profiles.join("newer.terrarium"), "version = 7\n").expect("a profile");
    })
}

pub fn row(scene: &Scene, title: &str) -> Option<adw::ActionRow> {
    let list = scene.object::<gtk::ListBox>("profiles");
    let rows = std::iter::successors(list.first_child(), WidgetExt::next_sibling);
    rows.filter_map(|row| row.downcast::<adw::ActionRow>().ok()).find(|row| row.title() == title)
}

/// Where the profiles of a scene are.
pub fn places_of(scene: &Scene) -> std::path::PathBuf {
    places(&scene.folder()).profiles()
}

/// More profiles than there are rows for.
pub fn with_many(count: u32) -> Scene {
    Scene::with(|folder| {
        let profiles = places(folder).profiles();
        fs::create_dir_all(&profiles).expect("a folder");
        for number in 0..count {
            let name = match number {
                0 => "a".repeat(100),
                1 => "وثائق غير موثوقة".to_owned(),
                _ => format!("Profile {number}"),
            };
            let text = format!("version = 1\nname = \"{name}\"\n[command]\nargv = [\"echo\"]\n");
            fs::write(profiles.join(format!("p{number}.terrarium")), text).expect("a profile");
        }
    })
}

fn press(widget: &gtk::Widget, icon: &str) {
    let is_it = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Button>().is_some_and(|one| one.icon_name().is_some_and(|name| name == icon))
    };
    let found = crate::scene::walk(widget, &is_it).and_downcast::<gtk::Button>();
    found.unwrap_or_else(|| panic!("no {icon}")).emit_clicked();
}

/// Presses a button of the sheet.
fn answer(scene: &Scene, id: &str) {
    let sheet = over("sheet").expect("a sheet");
    find(&sheet, id).and_downcast::<gtk::Button>().expect(id).emit_clicked();
    scene.until("the sheet is gone", || over("sheet").is_none());
}

#[gtk::test]
fn a_first_time_user_has_three_things_to_run() {
    let scene = Scene::new();
    scene.shows("home: welcome");
    let note = scene.object::<gtk::Label>("welcome-note");
    scene.until("it says what works", || note.text().contains("start as containers"));
    assert!(!note.has_css_class("dim-label"), "there is a link in it");
    assert!(!scene.object::<gtk::Button>("run").has_css_class("suggested-action"));
    shoot(&scene, "welcome");
    scene.object::<adw::ActionRow>("open-terminal").emit_by_name::<()>("activated", &[]);
    scene.shows("name: Terminal");
}

#[gtk::test]
fn profiles_are_listed_and_what_is_wrong_with_a_file_is_said() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    let subtitle = |title: &str| row(&scene, title).and_then(|row| row.subtitle()).unwrap_or_default();
    assert_eq!(subtitle("Build a Project"), "echo · /srv/sprout can be written");
    assert_eq!(subtitle("Terminal Without Network"), "echo · No network");
    assert_eq!(subtitle("broken"), "2 mistakes in its file");
    assert_eq!(subtitle("newer"), "For a newer version of Terrarium");
    row(&scene, "broken").expect("a row").emit_by_name::<()>("activated", &[]);
    scene.until("its mistakes are said", || dialog().is_some());
    let body = dialog().expect("a dialog").body();
    assert!(body.contains("Line 3: ") && body.contains("Line 5: "), "{body}");
    scene.picture_of(dialog().expect("a dialog").upcast_ref(), "broken");
    dialog().expect("a dialog").response("close");
    row(&scene, "newer").expect("a row").emit_by_name::<()>("activated", &[]);
    scene.until("a newer one is refused", || {
        dialog().is_some_and(|dialog| dialog.body().contains("Update Terrarium"))
    });
    dialog().expect("a dialog").response("close");
}

#[gtk::test]
fn the_search_is_over_what_runs_and_the_profiles() {
    let scene = with_profiles();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.act("win.back");
    scene.until("it has a card", || scene.card("echo").is_some());
    scene.act("win.search");
    let search = scene.object::<gtk::SearchEntry>("search");
    search.set_text("ECHO");
    scene.until("profiles are left out", || row(&scene, "Build a Project").is_none());
    assert!(scene.card("echo").is_some());
    search.set_text("build");
    scene.until("it is found", || row(&scene, "Build a Project").is_some() && scene.card("echo").is_none());
    search.set_text("htop -d");
    scene.shows("home: nothing");
    shoot(&scene, "search-nothing");
    scene.object::<gtk::Button>("run-searched").emit_clicked();
    scene.until("the form has it", || scene.window.shows("form"));
    assert_eq!(scene.object::<adw::EntryRow>("command").text(), "htop -d");
}

#[gtk::test]
fn what_a_profile_reaches_is_shown_before_its_first_run_and_when_it_is_more() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    let run = || {
        // Later than a double click.
        scene.pass(600);
        press(row(&scene, "Build a Project").expect("a row").upcast_ref(), "media-playback-start-symbolic");
    };
    run();
    scene.until("the sheet is shown", || over("sheet").is_some());
    let sheet = over("sheet").expect("a sheet");
    for text in
        ["It Can", "Change files in 1 place", "sprout", "It Cannot", "Talk to the network", "Build a Project"]
    {
        assert!(says(&sheet, text), "{text}");
    }
    assert!(scene.window.runs.current().is_none(), "nothing runs yet");
    shoot_sheet(&scene, "reach");
    answer(&scene, "cancel");
    assert!(scene.window.runs.current().is_none());
    run();
    scene.until("the sheet is shown", || over("sheet").is_some());
    answer(&scene, "run");
    scene.shows("phase: Running");
    scene.act("win.stop");
    scene.shows("Stopped");
    scene.act("win.back");
    let allowed = || Memory::load(&scene.bridge.host().expect("a host").places).of("build").allowed.is_some();
    scene.until("it is remembered", allowed);
    scene.until("the window knows", || {
        scene.window.library.items().iter().any(|item| item.stem() == "build" && item.seen.allowed.is_some())
    });
    run();
    scene.shows("phase: Running");
    assert!(over("sheet").is_none(), "it was shown already");
    scene.fake.end(0);
    scene.shows("Exit code 0");
    scene.act("win.back");
    let path = places(&scene.folder()).profiles().join("build.terrarium");
    fs::write(&path, PROFILES[1].1.replace("/srv/sprout", "/srv")).expect("written");
    scene.until("the change is seen", || {
        row(&scene, "Build a Project")
            .and_then(|row| row.subtitle())
            .is_some_and(|text| text.contains("/srv can"))
    });
    run();
    scene.until("more is shown again", || over("sheet").is_some());
    answer(&scene, "cancel");
}

#[gtk::test]
fn one_that_came_from_elsewhere_is_shown_every_time() {
    let scene = with_profiles();
    let file = scene.folder().join("offer.terrarium");
    fs::write(&file, PROFILES[2].1).expect("written");
    let window = scene.window.clone();
    gtk::glib::spawn_future_local(async move { window.import(file).await });
    scene.until("it is imported under a name of its own", || {
        row(&scene, "Terminal Without Network 2").is_some()
    });
    for _ in 0..2 {
        let row = row(&scene, "Terminal Without Network 2").expect("a row");
        press(row.upcast_ref(), "media-playback-start-symbolic");
        scene.until("the sheet is shown", || over("sheet").is_some());
        assert!(says(&over("sheet").expect("a sheet"), "offer.terrarium"));
        answer(&scene, "run");
        scene.shows("phase: Running");
        scene.fake.end(0);
        scene.shows("Exit code 0");
        scene.act("win.back");
        // Later than a double click.
        scene.pass(600);
    }
}

#[gtk::test]
fn a_double_click_runs_a_profile_once() {
    let scene = with_profiles();
    scene.until("it is listed", || row(&scene, "Build a Project").is_some());
    for _ in 0..2 {
        press(row(&scene, "Build a Project").expect("a row").upcast_ref(), "media-playback-start-symbolic");
    }
    scene.until("the sheet is shown", || over("sheet").is_some());
    scene.pass(300);
    // Another one would be there still.
    answer(&scene, "cancel");
}

#[gtk::test]
fn a_secret_in_reach_is_named_and_can_be_hidden() {
    let scene = with_profiles();
    let text = "version = 1\nname = \"Leaks\"\n[command]\nargv = [\"echo\"]\n[files]\nhome = \"readonly\"\n\
                unmask = [\"~/.ssh\"] # why not\n";
    let path = places(&scene.folder()).profiles().join("leaks.terrarium");
    fs::write(&path, text).expect("written");
    scene.until("it is listed", || row(&scene, "Leaks").is_some());
    press(row(&scene, "Leaks").expect("a row").upcast_ref(), "media-playback-start-symbolic");
    scene.until("the sheet is shown", || over("sheet").is_some());
    let sheet = over("sheet").expect("a sheet");
    assert!(says(&sheet, "See 1 of your secrets") && says(&sheet, "Your SSH keys"));
    shoot_sheet(&scene, "reach-secret");
    let hide = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Button>()
            .is_some_and(|one| one.label().is_some_and(|text| text == "_Hide It"))
    };
    crate::scene::walk(&sheet, &hide).and_downcast::<gtk::Button>().expect("a button").emit_clicked();
    scene.until("it is hidden", || over("sheet").is_some_and(|sheet| !says(&sheet, "See 1 of your secrets")));
    scene.until("the file knows", || !fs::read_to_string(&path).is_ok_and(|text| text.contains(".ssh")));
    answer(&scene, "cancel");
}

#[gtk::test]
fn a_profile_is_deleted_and_comes_back() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    let path = places(&scene.folder()).profiles().join("build.terrarium");
    let target = path.to_string_lossy().into_owned().to_variant();
    WidgetExt::activate_action(&scene.window.widget, "win.profile-duplicate", Some(&target))
        .expect("an action");
    scene.until("there are two", || row(&scene, "Build a Project 2").is_some());
    WidgetExt::activate_action(&scene.window.widget, "win.profile-delete", Some(&target)).expect("an action");
    scene.until("it is gone", || row(&scene, "Build a Project").is_none() && !path.exists());
    let undo = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Button>().is_some_and(|one| one.label().is_some_and(|text| text == "_Undo"))
    };
    let button = || crate::scene::walk(scene.window.widget.upcast_ref(), &undo).and_downcast::<gtk::Button>();
    scene.until("it is offered back", || button().is_some());
    button().expect("a button").emit_clicked();
    scene.until("it is back", || row(&scene, "Build a Project").is_some());
    assert_eq!(fs::read_to_string(&path).expect("a file"), PROFILES[1].1);
    // As long as there is this window Ctrl+Z does the same.
    WidgetExt::activate_action(&scene.window.widget, "win.profile-delete", Some(&target)).expect("an action");
    scene.until("it is gone again", || row(&scene, "Build a Project").is_none() && !path.exists());
    scene.until("it is offered back again", || button().is_some());
    scene.act("win.undo");
    scene.until("it is back again", || row(&scene, "Build a Project").is_some());
    assert_eq!(fs::read_to_string(&path).expect("a file"), PROFILES[1].1);
}

#[gtk::test]
fn many_profiles_and_strange_names_fit() {
    let scene = with_many(500);
    scene.until("they are listed", || row(&scene, &"a".repeat(100)).is_some());
    scene.until("the rest is offered", || row(&scene, "Show 450 More").is_some());
    shoot(&scene, "home-many");
    row(&scene, "Show 450 More").expect("a row").emit_by_name::<()>("activated", &[]);
    scene.until("all are there", || row(&scene, "Profile 499").is_some());
    assert!(row(&scene, "وثائق غير موثوقة").is_some());
}

#[gtk::test]
fn home_fits_with_cards_and_profiles() {
    let scene = with_profiles();
    for command in [
        "print 'CC src/parse.c\nPASS: parse_empty\nPASS: parse_nested' 0",
        "echo one",
        "echo two",
        "flood 3000",
    ] {
        scene.run(command);
        scene.pass(300);
        scene.act("win.back");
    }
    scene.until("they have cards", || scene.card("echo").is_some());
    scene.pass(4000);
    shoot(&scene, "home");
    scene.act("win.new-profile");
    scene.until("templates are offered", || over("sheet").is_some());
    scene.picture_of(&over("sheet").expect("a sheet"), "templates");
    over("sheet").and_downcast::<gtk::Window>().expect("a sheet").close();
}

/// Pictures of the sheet, wide and narrow, light and dark.
fn shoot_sheet(scene: &Scene, name: &str) {
    let sheet = over("sheet").and_downcast::<gtk::Window>().expect("a sheet");
    let manager = adw::StyleManager::default();
    for (size, width, height) in [("wide", 540, 668), ("narrow", 360, 640)] {
        sheet.set_default_size(width, height);
        for (scheme, look) in [(adw::ColorScheme::ForceLight, "light"), (adw::ColorScheme::ForceDark, "dark")]
        {
            manager.set_color_scheme(scheme);
            scene.pass(150);
            scene.picture_of(sheet.upcast_ref(), &format!("{name}-{size}-{look}"));
        }
    }
    manager.set_color_scheme(adw::ColorScheme::Default);
}

#[gtk::test]
fn what_the_welcome_offers_stays_in_the_menu() {
    let scene = with_profiles();
    let menu = scene.object::<gtk::MenuButton>("main-menu").menu_model().expect("a menu");
    let first = menu.item_link(0, "section").expect("a section");
    let label = |index| {
        let label = first.item_attribute_value(index, "label", None).expect("a label");
        label.str().expect("text").to_owned()
    };
    assert_eq!([0, 1, 2].map(label), ["Open a _Terminal", "Open a _Document…", "Try an _App…"]);
}
