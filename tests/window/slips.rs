// SPDX-License-Identifier: LGPL-2.1-or-later
//! What somebody does by mistake, and what is said then.

use crate::flows::small;
use crate::home::{row, with_profiles};
use crate::scene::{find, over, says, walk};
use crate::Scene;
use adw::prelude::*;
use gtk::{gio, glib};
use terrarium::window::{Launch, Purpose};

/// A name that was made from a mistyped command goes with it.
#[gtk::test]
fn a_name_follows_a_command_that_is_changed() {
    let scene = Scene::new();
    scene.run("refuse this");
    scene.shows("Could Not Start");
    let change = scene.object::<gtk::Button>("other");
    assert_eq!(change.label().as_deref(), Some("_Change…"));
    change.emit_clicked();
    scene.shows("page: form");
    let form = scene.window.form();
    assert_eq!(form.profile().name, "refuse");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    assert_eq!(form.profile().name, "echo");
    // A name that somebody gave stays.
    let mut named = form.profile();
    named.name = "Mine".into();
    scene.window.edit(&named, None);
    scene.object::<adw::EntryRow>("command").set_text("print");
    assert_eq!(form.profile().name, "Mine");
}

#[gtk::test]
fn closing_a_tab_puts_the_focus_on_no_button_of_the_next() {
    let scene = Scene::new();
    scene.window.start(small(&scene, "print one 0"));
    scene.shows("Exit code 0");
    scene.window.start(small(&scene, "echo"));
    scene.shows("phase: Running");
    let starts = scene.fake.starts();
    scene.act("win.close-tab");
    scene.shows("phase: Ended");
    scene.pass(300);
    let focus = gtk::prelude::GtkWindowExt::focus(&scene.window.widget);
    assert!(!focus.is_some_and(|one| one.is::<gtk::Button>()), "whoever still types runs nothing");
    assert_eq!(scene.fake.starts(), starts);
}

#[gtk::test]
fn a_profiles_name_that_is_taken_is_told_where_it_is_typed() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    scene.pass(200);
    scene.act("win.form-save-as");
    scene.until("a name is asked for", || over("save-name").is_some());
    let entry = over("save-name").and_downcast::<gtk::Entry>().expect("an entry");
    let dialog = crate::scene::dialog().expect("a dialog");
    let told = || {
        let is_it = |one: &gtk::Widget| {
            let label = one.downcast_ref::<gtk::Label>();
            label.is_some_and(|label| label.text().contains("a profile of that name") && label.is_visible())
        };
        walk(dialog.upcast_ref(), &is_it).is_some()
    };
    assert!(dialog.is_response_enabled("save") && !told());
    entry.set_text("Build a Project");
    assert!(!dialog.is_response_enabled("save") && told());
    entry.set_text("Build another");
    assert!(dialog.is_response_enabled("save") && !told());
    dialog.close();
}

/// What is the user's own is run by Return; what came from elsewhere by nobody
/// who still types.
#[gtk::test]
fn a_sheet_before_a_run_has_the_focus_where_it_belongs() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    let item = scene.window.library.items().into_iter().find(|item| item.stem() == "build").expect("one");
    let profile = item.profile.clone().expect("a profile");
    for (from, is_run) in [(None, true), (Some("offer.terrarium".to_owned()), false)] {
        scene.window.launch(Launch { from, ..Launch::unsaved(profile.clone()) });
        scene.until("its reach is shown", || over("sheet").is_some());
        let sheet = over("sheet").and_downcast::<gtk::Window>().expect("a window");
        scene.pass(200);
        let run = find(sheet.upcast_ref(), "run").expect("a button");
        assert_eq!(gtk::prelude::GtkWindowExt::focus(&sheet).as_ref() == Some(&run), is_run);
        sheet.close();
        scene.until("it is gone", || over("sheet").is_none());
    }
}

#[gtk::test]
fn what_is_said_in_passing_is_said_whole() {
    let scene = Scene::with_home();
    let path = scene.folder().join("home");
    let (file, window) = (gtk::gio::File::for_path(&path), scene.window.clone());
    gtk::glib::spawn_future_local(async move { window.open_file(file, Purpose::View).await });
    scene.until("it says that it is a folder", || says(scene.window.widget.upcast_ref(), "is a folder."));
    let is_it = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Label>().is_some_and(|one| one.text().contains("is a folder."))
    };
    let label = walk(scene.window.widget.upcast_ref(), &is_it).and_downcast::<gtk::Label>().expect("a label");
    scene.until("it has come up", || label.height() > 0);
    assert!(!label.layout().is_ellipsized());
}

#[gtk::test]
fn the_form_says_automatic_and_what_is_wrong_with_a_quote() {
    let scene = Scene::new();
    scene.act("win.new-run");
    let form = scene.window.form();
    let cpus = walk(form.widget.upcast_ref(), &|one| one.widget_name() == "cpus");
    let cpus = cpus.and_downcast::<gtk::SpinButton>().expect("a number");
    assert_eq!(cpus.text(), "Automatic");
    scene.object::<adw::EntryRow>("command").set_text("echo 'half");
    scene.until("it is said", || says(form.widget.upcast_ref(), "A quotation mark is open"));
}

/// Alt+Left is a word back for a shell.
#[gtk::test]
fn alt_home_goes_home_from_a_terminal_as_well() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    let trigger = gtk::ShortcutTrigger::parse_string("<Alt>Home").expect("keys").to_string();
    let all = scene.window.widget.observe_controllers();
    let all =
        (0..all.n_items()).filter_map(|index| all.item(index)?.downcast::<gtk::ShortcutController>().ok());
    let shortcuts: Vec<gtk::Shortcut> = all
        .flat_map(|one| (0..one.n_items()).filter_map(move |index| one.item(index)?.downcast().ok()))
        .collect();
    let it = shortcuts.iter().find(|one| one.trigger().is_some_and(|keys| keys.to_string() == trigger));
    let action = it.and_then(gtk::Shortcut::action).expect("a shortcut");
    scene.terminal().grab_focus();
    action.activate(gtk::ShortcutActionFlags::empty(), &scene.window.widget, None);
    scene.shows("page: home");
}

/// The folder was chosen, and a sandbox that may write beside it puts a link
/// there before the file is written.
#[gtk::test]
fn what_is_saved_is_not_led_elsewhere() {
    let scene = Scene::with_home();
    let (shared, victim) = (scene.folder().join("home/shared"), scene.folder().join("home/victim"));
    let data = scene.bridge.host().expect("a host").places.data.clone();
    for folder in [&shared, &victim, &data] {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    std::os::unix::fs::symlink(&victim, shared.join("out")).expect("a link");
    let record = [shared.as_os_str().as_encoded_bytes(), &[0]].concat();
    std::fs::write(data.join("written"), record).expect("a record");
    let save = |name: &str| {
        let (window, file) = (scene.window.clone(), gio::File::for_path(shared.join(name)));
        let write = async move { window.save(&file, b"said".to_vec(), true, "Written").await };
        glib::spawn_future_local(write);
    };
    let window: &gtk::Widget = scene.window.widget.upcast_ref();
    save("out/text");
    scene.until("it is refused", || says(window, "leads through a link"));
    assert_eq!(std::fs::read_dir(&victim).expect("a folder").count(), 0);
    save("text");
    scene.until("it is there", || std::fs::read(shared.join("text")).is_ok_and(|text| text == b"said"));
}

/// What matters may stand at its end.
#[gtk::test]
fn what_is_said_in_passing_fits() {
    let scene = Scene::new();
    scene.window.toast("Its changes wait at Home for your decision, and this is a long sentence.");
    let toast =
        || walk(scene.window.widget.upcast_ref(), &|one| one.css_name() == "toast" && one.is_mapped());
    scene.until("it is said", || toast().is_some());
    for width in [1100, 376] {
        scene.window.widget.set_default_size(width, 600);
        scene.until("it has its size", || (width - 16..=width).contains(&scene.window.widget.width()));
        scene.until("all of it is there", || {
            let toast = toast().expect("a toast");
            let close = toast.last_child().and_then(|close| close.compute_bounds(&toast));
            close
                .is_some_and(|close| close.width() > 0.0 && close.x() + close.width() <= toast.width() as f32)
                && toast.width() <= scene.window.widget.width()
        });
    }
}

/// By itself a field would take letters for the least that it may hold.
#[gtk::test]
fn letters_in_a_number_change_nothing_and_are_named() {
    let scene = Scene::new();
    scene.act("win.new-run");
    let form = scene.window.form();
    for (name, was) in [("memory", "1024"), ("writable", "2048"), ("cpus", "Automatic")] {
        let spin = find(form.widget.upcast_ref(), name).and_downcast::<gtk::SpinButton>().expect("a number");
        let message = find(form.widget.upcast_ref(), &format!("{name}-message")).expect("a row");
        let before = form.profile();
        for text in ["abc", "", "99999999", "-5"] {
            spin.set_text(text);
            spin.update();
            assert_eq!(spin.text(), was, "{name} {text}");
            assert!(message.is_visible() && says(&message, &format!("“{text}” is no number from")), "{name}");
            assert!(says(&message, &format!("It is {was} as before.")));
        }
        assert_eq!(form.profile(), before, "{name}");
        spin.set_text("64");
        spin.update();
        assert!(!says(&message, "is no number") || !message.is_visible(), "{name}");
    }
    let limits = form.profile().limits;
    assert_eq!((limits.memory, limits.cpus), (64 << 20, Some(64)));
}

/// Options are typed in a terminal; here are rows.
#[gtk::test]
fn no_option_is_named_to_who_has_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = std::sync::Arc::new(crate::Fake::new(folder.path().to_owned()));
    let mut host = crate::host(folder.path().to_owned());
    host.connections[0].state = terrarium_engine::host::ConnectionState::NotAllowed;
    let shown = crate::Shown::new(terrarium::bridge::Bridge::with(host, fake));
    shown.act("win.new-run");
    shown.object::<adw::EntryRow>("command").set_text("print x");
    let below = shown.object::<adw::ActionRow>("container-message");
    shown.until("it says why not", || below.is_visible());
    let said = below.title();
    assert!(said.contains("Use a virtual machine, which") && !said.contains("--"), "{said}");
}

#[gtk::test]
fn an_empty_list_of_whom_it_may_talk_to_says_what_it_means() {
    let scene = Scene::new();
    scene.act("win.new-run");
    let message = find(scene.window.form().widget.upcast_ref(), "network-allow-message").expect("a row");
    scene.object::<adw::ComboRow>("network").set_selected(3);
    scene.until("it is said", || message.is_visible() && says(&message, "the whole internet"));
    scene.object::<adw::EntryRow>("network-allow").set_text("192.0.2.2");
    scene.until("it is not empty", || !message.is_visible());
    scene.object::<adw::EntryRow>("network-allow").set_text("");
    scene.object::<adw::ComboRow>("network").set_selected(1);
    scene.until("beside the internet it is no question", || !message.is_visible());
}
