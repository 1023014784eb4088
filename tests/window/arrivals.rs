// SPDX-License-Identifier: LGPL-2.1-or-later
//! What comes from elsewhere: files that are dropped or opened, profiles that
//! are no good; and a second window.

use crate::flows::small;
use crate::home::{row, with_profiles};
use crate::scene::{dialog, find, over, says, walk};
use crate::Scene;
use adw::prelude::*;
use gtk::{gdk, gio, glib};
use std::fs;
use std::path::Path;
use std::rc::Rc;
use terrarium::pages::templates;
use terrarium::window::{Purpose, Window};
use terrarium_engine::plan::plan;
use terrarium_engine::profile::MountMode;
use terrarium_engine::sandbox::{Driver, State};
use vte::prelude::*;

/// Drops files on a page, as the desktop does when they are let go.
fn drop_on(page: &gtk::Widget, paths: &[&Path]) -> bool {
    let controllers = page.observe_controllers();
    let all = (0..controllers.n_items()).filter_map(|at| controllers.item(at));
    let target = all.filter_map(|one| one.downcast::<gtk::DropTarget>().ok()).next().expect("it takes drops");
    assert!(target.types().contains(&gdk::FileList::static_type()));
    let files: Vec<gio::File> = paths.iter().map(gio::File::for_path).collect();
    let list = glib::BoxedValue(gdk::FileList::from_array(&files).to_value());
    target.emit_by_name::<bool>("drop", &[&list, &10.0_f64, &10.0_f64])
}

fn open(scene: &Scene, path: &Path) {
    let (window, file) = (scene.window.clone(), gio::File::for_path(path));
    glib::spawn_future_local(async move { window.open_file(file, Purpose::View).await });
}

#[gtk::test]
fn a_file_that_is_dropped_on_home_is_opened_and_cannot_be_written() {
    let scene = Scene::new();
    // Terrarium's own files are in the scene's folder, and are never shown.
    let papers = tempfile::tempdir().expect("a folder");
    let letter = papers.path().join("a letter.txt");
    fs::write(&letter, "Dear reader").expect("a file");
    assert!(drop_on(scene.window.home.widget.upcast_ref(), &[&letter]));
    let chooser = || over("app-chooser");
    scene.until("it is opened, or asked with what", || {
        let problems = || {
            let found = plan(&scene.window.form().profile(), scene.bridge.host().expect("a host"));
            format!("{:?}", found.problems)
        };
        assert!(!scene.window.shows("form"), "{}", problems());
        scene.fake.starts() == 1 || chooser().is_some()
    });
    if let Some(chooser) = chooser() {
        let first = || walk(&chooser, &|one| one.is::<adw::ActionRow>());
        scene
            .until("there are apps, or none is installed", || first().is_some() || says(&chooser, "No Apps"));
        let Some(first) = first() else {
            return chooser.downcast::<gtk::Window>().expect("a window").close();
        };
        let list = first.parent().and_downcast::<gtk::ListBox>().expect("a list");
        list.emit_by_name::<()>("row-activated", &[&first]);
    }
    scene.until("it is opened", || scene.fake.starts() == 1);
    let one = scene.fake.list().sandboxes.remove(0);
    assert_eq!(one.name(), "a letter.txt");
    assert!(one.metadata.command.contains("a letter.txt"), "{}", one.metadata.command);
    assert!(one.metadata.writable.is_empty(), "{:?}", one.metadata.writable);
    scene.until("it is shown", || scene.window.shows("runs"));
}

/// Nobody knows its kind: whoever is asked for an app sees for what.
#[gtk::test]
fn the_choice_of_an_app_names_the_file() {
    let scene = Scene::new();
    let papers = tempfile::tempdir().expect("a folder");
    let path = papers.path().join("odd & new.terrarium-test");
    fs::write(&path, [0, 1, 2, 255]).expect("a file");
    let (window, file) = (scene.window.clone(), gio::File::for_path(&path));
    glib::spawn_future_local(async move { window.open_file(file, Purpose::View).await });
    scene.until("it is asked with what", || over("app-chooser").is_some());
    let chooser = over("app-chooser").and_downcast::<gtk::Window>().expect("a window");
    assert_eq!(chooser.title().as_deref(), Some("Choose an App for odd & new.terrarium-test"));
    scene.until("it is seen", || says(chooser.upcast_ref(), "odd & new.terrarium-test"));
    chooser.close();
    scene.act("win.try-app");
    scene.until("an app is asked for", || over("app-chooser").is_some());
    let chooser = over("app-chooser").and_downcast::<gtk::Window>().expect("a window");
    assert_eq!(chooser.title().as_deref(), Some("Choose an App"));
    chooser.close();
}

#[gtk::test]
fn what_is_dropped_on_the_form_is_shared_and_read_only() {
    let scene = Scene::new();
    let folder = scene.folder().join("photos");
    fs::create_dir(&folder).expect("a folder");
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    assert!(drop_on(scene.window.form().widget.upcast_ref(), &[&folder]));
    let profile = scene.window.form().profile();
    let [mount] = profile.files.mounts.as_slice() else { panic!("{:?}", profile.files.mounts) };
    assert_eq!((mount.source.as_path(), mount.mode), (folder.as_path(), MountMode::Ro));
    assert_eq!(scene.fake.starts(), 0, "nothing runs unasked");
}

#[gtk::test]
fn only_files_of_this_computer_are_opened() {
    let scene = Scene::new();
    let (window, file) = (scene.window.clone(), gio::File::for_uri("https://example.invalid/a.pdf"));
    glib::spawn_future_local(async move { window.open_file(file, Purpose::View).await });
    scene.until("it says so", || says(scene.window.widget.upcast_ref(), "Only files of this computer"));
    open(&scene, &scene.folder().join("gone.txt"));
    scene.until("that it is gone is said", || says(scene.window.widget.upcast_ref(), "gone.txt"));
    assert_eq!(scene.fake.starts(), 0);
}

#[gtk::test]
fn an_app_opens_what_it_is_given() {
    let scene = Scene::with_home();
    let host = scene.bridge.host().expect("a host");
    let apps = templates::read_apps();
    for kind in ["text/plain", "application/pdf"] {
        let Some(app) = templates::default_app(&apps, kind) else { continue };
        let profile = templates::document(Path::new("/srv/in/a file"), app, host);
        let words: Vec<_> = profile.command.argv.iter().map(|word| word.to_string_lossy()).collect();
        assert!(words.iter().any(|word| word.contains("/srv/in/a file")), "{}: {words:?}", app.id);
        assert!(!words.iter().any(|word| word.starts_with('%')), "field codes are gone: {words:?}");
    }
}

#[gtk::test]
fn a_bad_file_is_not_imported_and_says_why() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    let before = scene.window.library.items().len();
    let cases: &[(&str, &[u8], &[&str])] = &[
        ("typo", b"version = 1\nname = \"x\"\nmemry = 3\n[command]\nargv = [\"x\"]\n", &["Line 3", "memry"]),
        ("newer", b"version = 9\nname = \"x\"\n", &["Update Terrarium"]),
        ("binary", b"\xff\xfe\x00\x01", &[]),
        ("empty", b"", &[]),
    ];
    for (name, text, words) in cases {
        let path = scene.folder().join(format!("{name}.terrarium"));
        fs::write(&path, text).expect("a file");
        let (window, own) = (scene.window.clone(), path.clone());
        glib::spawn_future_local(async move { window.import(own).await });
        scene.until("it is refused", || dialog().is_some());
        let shown = dialog().expect("a dialog");
        let body = shown.body();
        assert!(shown.heading().is_some_and(|heading| heading.contains(name)));
        assert!(!body.is_empty() && words.iter().all(|word| body.contains(word)), "{name}: {body}");
        shown.close();
        scene.until("it is gone", || dialog().is_none());
        // Opened it is not run, either.
        open(&scene, &path);
        scene.until("it is refused again", || dialog().is_some());
        dialog().expect("a dialog").close();
        scene.until("it is gone again", || dialog().is_none());
    }
    assert_eq!(scene.window.library.items().len(), before);
    assert_eq!(scene.fake.starts(), 0);
    let good = scene.folder().join("good.terrarium");
    fs::write(&good, "version = 1\nname = \"Build a Project\"\n[command]\nargv = [\"echo\"]\n")
        .expect("a file");
    let window = scene.window.clone();
    glib::spawn_future_local(async move { window.import(good).await });
    // There is one of that name already.
    scene.until("it is imported beside it", || row(&scene, "Build a Project 2").is_some());
}

#[gtk::test]
fn one_that_is_opened_gets_nothing_of_a_profile_of_its_name() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    let path = scene.folder().join("offer.terrarium");
    let text =
        "version = 1\nname = \"Build a Project\"\n[command]\nargv = [\"echo\"]\n[files]\nhome = \"kept\"\n";
    fs::write(&path, text).expect("a file");
    open(&scene, &path);
    scene.until("its reach is shown", || over("sheet").is_some());
    let sheet = over("sheet").expect("a sheet");
    assert!(says(&sheet, "From: offer.terrarium") && says(&sheet, "Build a Project 2"));
    find(&sheet, "run").and_downcast::<gtk::Button>().expect("a button").emit_clicked();
    scene.until("it runs", || scene.fake.starts() == 1);
    let one = scene.fake.list().sandboxes.remove(0);
    assert_eq!(one.name(), "Build a Project 2");
    let kept = one.metadata.writable[0].to_string_lossy().into_owned();
    assert!(kept.contains("/homes/build-a-project-2-"), "{kept}");
}

#[gtk::test]
fn one_that_is_opened_at_once_gets_nothing_either() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    let text = "version = 1\nname = \"New\"\n[command]\nargv = [\"echo\"]\n[files]\nhome = \"kept\"\n";
    let path = scene.folder().join("offer.terrarium");
    fs::write(&path, text).expect("a file");
    // The window knows as little of it as one that was just started.
    fs::write(scene.folder().join("c/profiles/new.terrarium"), text).expect("a profile");
    open(&scene, &path);
    scene.until("its reach is shown", || over("sheet").is_some());
    let sheet = over("sheet").expect("a sheet");
    assert!(says(&sheet, "New 2"));
    sheet.downcast::<gtk::Window>().expect("a window").close();
    scene.until("it is gone", || over("sheet").is_none());
}

#[gtk::test]
fn two_windows_show_the_same_and_each_its_own_page() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    scene.act("win.new-window");
    let own = |window: &Rc<Window>| Rc::ptr_eq(window, &scene.window);
    let app = scene.window.widget.application();
    let other = Window::all().into_iter().find(|one| !own(one) && one.widget.application() == app);
    let other = other.expect("a second window");
    scene.run("echo");
    scene.shows("phase: Running");
    assert!(other.shows("home"), "its page is its own");
    scene.until("the other lists it", || other.describe().contains("echo: Running"));
    let one = scene.fake.list().sandboxes.remove(0);
    other.attach(&one);
    scene.until("both show it", || other.describe().contains("phase: Running"));
    scene.terminal().feed_child(b"from here");
    scene.until("both hear of it", || other.describe().contains("from here"));
    // What one of them saves the other has, too.
    let text = "version = 1\nname = \"New\"\n[command]\nargv = [\"echo\"]\n";
    fs::write(scene.folder().join("c/profiles/new.terrarium"), text).expect("a profile");
    let has = |window: &Window| window.library.items().iter().any(|item| item.name() == "New");
    scene.until("both list it", || has(&scene.window) && has(&other));
    other.widget.destroy();
    scene.pass(300);
    scene.terminal().feed_child(b", still here");
    scene.shows("still here");
    assert_eq!(scene.fake.list().sandboxes.len(), 1);
}

#[gtk::test]
fn a_window_that_is_closed_is_gone_and_hears_nothing_more() {
    let scene = Scene::new();
    scene.act("win.new-window");
    let own = |window: &Rc<Window>| Rc::ptr_eq(window, &scene.window);
    let app = scene.window.widget.application();
    let other = Window::all().into_iter().find(|one| !own(one) && one.widget.application() == app);
    let other = other.expect("a second window");
    scene.until("it is shown", || other.widget.is_mapped());
    scene.fake.begin(&small(&scene, "echo"));
    let one = scene.fake.list().sandboxes.remove(0);
    other.attach(&one);
    scene.until("it shows it", || other.describe().contains("phase: Running"));
    let (parts, widget) = (Rc::downgrade(&other), other.widget.downgrade());
    // What has the focus goes as well.
    assert!(gtk::prelude::GtkWindowExt::focus(&other.widget).is_some_and(|focus| focus.is::<vte::Terminal>()));
    other.widget.destroy();
    drop(other);
    scene.until("nothing of it is left", || parts.upgrade().is_none() && widget.upgrade().is_none());
    let elsewhere = scene.fake.take_keyboard().expect("somebody else");
    elsewhere.queue_input(b"q");
    scene.until("it has ended", || matches!(scene.fake.list().sandboxes[0].state, State::Finished(_)));
    scene.pass(300);
    assert!(!scene.fake.received(), "nobody has seen how");
    scene.window.attach(&one);
    scene.shows("Exit code 0");
}
