// SPDX-License-Identifier: LGPL-2.1-or-later
//! Launchers, edited files, disks, the terminal's clipboard, what is set for
//! new and for finished runs.

use crate::home::{row, with_profiles};
use crate::scene::{dialog, find, over, says, walk};
use crate::{copied, Scene};
use adw::prelude::*;
use std::fs;
use std::path::Path;
use terrarium::apps::App;
use terrarium::launcher;
use terrarium::pages::templates;
use terrarium::settings::settings;
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{Changes, Clipboard, Isolation, MountMode, Profile};
use vte::prelude::*;

pub fn app(exec: &str, icon: &str) -> App {
    App {
        id: "one.desktop".into(),
        name: "One".into(),
        comment: String::new(),
        icon: icon.into(),
        exec: exec.into(),
        terminal: true,
        directory: None,
        unlisted: false,
        types: Vec::new(),
        file: "/usr/share/applications/one.desktop".into(),
    }
}

#[gtk::test]
fn a_launcher_has_an_icon_and_goes_with_its_profile() {
    let scene = with_profiles();
    scene.until("it is listed", || row(&scene, "Build a Project").is_some());
    row(&scene, "Build a Project").expect("a row").emit_by_name::<()>("activated", &[]);
    scene.act("win.form-launcher");
    let data = scene.folder();
    let (file, icon) = (launcher::path(&data, "build"), launcher::icon_path(&data, "build"));
    scene.until("it is there", || file.exists() && icon.exists());
    let text = fs::read_to_string(&file).expect("a launcher");
    assert!(text.contains("Name=Build a Project (sandboxed)\n"), "{text}");
    let name = icon.file_stem().expect("a name").to_string_lossy().into_owned();
    assert!(text.contains(&format!("Icon={name}\n")) && text.contains("--run build\n"), "{text}");
    let picture = gtk::gdk::Texture::from_filename(&icon).expect("a picture");
    assert_eq!((picture.width(), picture.height()), (128, 128));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    fs::create_dir_all(&folder).and_then(|()| fs::copy(&icon, folder.join("launcher.png"))).expect("a copy");
    let is_off = || {
        let action = scene.window.widget.lookup_action("form-no-launcher");
        action.is_some_and(|action| !action.is_enabled())
    };
    scene.until("it can be taken away", || !is_off());
    scene.act("win.form-no-launcher");
    scene.until("both are gone", || !file.exists() && !icon.exists());
    scene.until("it can be made again", is_off);
    scene.act("win.form-launcher");
    scene.until("it is there again", || file.exists() && icon.exists());
    scene.act("win.form-delete");
    scene.until("they go with the profile", || !file.exists() && !icon.exists());
    let undo = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Button>().is_some_and(|one| one.label().is_some_and(|text| text == "_Undo"))
    };
    let button = || walk(scene.window.widget.upcast_ref(), &undo).and_downcast::<gtk::Button>();
    scene.until("it is offered back", || button().is_some());
    button().expect("a button").emit_clicked();
    scene.until("all is back", || file.exists() && icon.exists() && row(&scene, "Build a Project").is_some());
    assert_eq!(fs::read_to_string(&file).expect("a launcher"), text);
}

/// In a folder that a sandbox sees; what was typed counts more.
#[gtk::test]
fn an_app_starts_in_its_own_folder() {
    let scene = Scene::new();
    scene.act("win.new-run");
    let form = scene.window.form();
    let folder = || form.profile().command.directory;
    let at = |path: &str| App { directory: Some(path.into()), ..app("one %f", "a") };
    let (seen, unseen) = (at("/usr/share"), at("/srv/one"));
    let host = scene.window.bridge.host().expect("a host");
    for (one, wanted) in [(&seen, Some("/usr/share".into())), (&unseen, None)] {
        assert_eq!(templates::app(one, host).command.directory, wanted);
        assert_eq!(templates::document(Path::new("/tmp/a"), one, host).command.directory, wanted);
        form.take_app(&scene.window, one);
        assert_eq!(folder(), wanted, "what the app before brought is gone");
    }
    scene.object::<adw::EntryRow>("directory").set_text("/etc");
    form.take_app(&scene.window, &seen);
    assert_eq!(folder(), Some("/etc".into()), "what was typed stays");
}

#[gtk::test]
fn an_icon_is_the_apps_own_with_a_badge() {
    let scene = Scene::new();
    let pixels = |app: Option<&App>| {
        let profile = Profile::new("x", vec!["one".into()]);
        let icon = launcher::draw(&scene.window.widget, &profile, app).expect("an icon");
        let mut bytes = vec![0; 128 * 128 * 4];
        icon.download(&mut bytes, 128 * 4);
        bytes
    };
    let at = |bytes: &[u8], x: usize, y: usize| bytes[(y * 128 + x) * 4..][..4].to_vec();
    let (none, own) = (pixels(None), pixels(Some(&app("one", terrarium::APP_ID))));
    assert_ne!(at(&none, 40, 40), at(&own, 40, 40), "the app's own icon is drawn");
    // The badge is the same over both.
    assert_eq!(at(&none, 98, 98), at(&own, 98, 98));
    let profile = Profile::new("x", vec!["/usr/bin/one".into(), "-a".into(), "file".into()]);
    let apps = [app("one", "a"), app("one -a %f", "b"), app("one -b", "c"), app("other", "d")];
    assert_eq!(launcher::app_of(&profile, &apps).map(|app| app.icon.as_str()), Some("b"));
    assert_eq!(launcher::app_of(&Profile::new("x", vec!["three".into()]), &apps), None);
}

#[gtk::test]
fn a_file_is_edited_as_a_copy_whose_changes_wait() {
    let scene = Scene::new();
    let host = scene.bridge.host().expect("a host");
    let app = app("one %f", "");
    let profile = templates::edit(Path::new("/home/me/Letters/a.txt"), &app, host);
    assert_eq!(profile.files.changes, Changes::Review);
    assert!(profile.files.mounts.is_empty(), "the file itself is not shown");
    let copy = &profile.files.include[0];
    assert_eq!(
        (copy.source.as_path(), copy.target.as_path()),
        (Path::new("/home/me/Letters/a.txt"), Path::new("/home/me/Letters/a.txt"))
    );
    assert_eq!(profile.command.argv, ["one", "/home/me/Letters/a.txt"]);
    assert_eq!(plan(&profile, host).problems.iter().filter(|one| one.field.starts_with("files")).count(), 0);
    let outside = templates::edit(Path::new("/srv/b.txt"), &app, host);
    assert_eq!(outside.files.include[0].target, Path::new("/home/me/b.txt"));
    let viewed = templates::document(Path::new("/home/me/a.txt"), &app, host);
    assert_eq!((viewed.files.mounts[0].mode, viewed.files.changes), (MountMode::Ro, Changes::Discard));
}

#[gtk::test]
fn disks_come_and_go_in_the_form() {
    let scene = Scene::with(|folder| {
        let profiles = folder.join("c/profiles");
        fs::create_dir_all(&profiles).expect("a folder");
        let text = "version = 1\nname = \"Disks\"\n[command]\nargv = [\"echo\"]\n\
                    [files]\ndisks = [ { tag = \"old\", source = \"/srv/old.img\", format = \"raw\" } ]\n";
        fs::write(profiles.join("disks.terrarium"), text).expect("a profile");
    });
    scene.until("it is listed", || row(&scene, "Disks").is_some());
    row(&scene, "Disks").expect("a row").emit_by_name::<()>("activated", &[]);
    let form = &scene.window.form();
    assert!(says(form.widget.upcast_ref(), "/dev/disk/by-tag/old"));
    let before = form.profile().files.disks;
    form.take_disk("/srv/new.img".as_ref());
    let disks = form.profile().files.disks;
    assert_eq!(disks[0], before[0], "nothing of it is lost");
    assert_eq!((disks[1].tag.as_str(), disks[1].mode), ("disk1", MountMode::Ro));
    form.take_disk("/srv/third.img".as_ref());
    assert_eq!(form.profile().files.disks[2].tag, "disk2");
    let remove = |one: &gtk::Widget| one.tooltip_text().is_some_and(|text| text == "Remove");
    walk(form.widget.upcast_ref(), &remove).and_downcast::<gtk::Button>().expect("a button").emit_clicked();
    assert_eq!(form.profile().files.disks.len(), 2);
    crate::looks::shoot(&scene, "form-disks");
}

/// Writes to the terminal what asks for the clipboard, through the sandbox.
fn asks_for_clipboard(policy: Clipboard) -> Scene {
    let scene = Scene::new();
    let mut profile = Profile::new("Asker", vec!["echo".into()]);
    profile.isolation = Some(Isolation::Container);
    profile.display.clipboard = policy;
    scene.window.widget.clipboard().set_text("mine");
    scene.window.start(plan(&profile, scene.bridge.host().expect("a host")).plan.expect("a plan"));
    scene.shows("phase: Running");
    scene.terminal().feed_child(b"\x1b]52;c;Z3Vlc3Q=\x07done");
    scene.shows("done");
    scene
}

pub fn question() -> Option<adw::MessageDialog> {
    dialog().filter(|one| one.widget_name() == "ask-terminal")
}

#[gtk::test]
fn a_terminal_fills_the_clipboard_as_the_profile_says() {
    // VTE by itself never does.
    let scene = Scene::new();
    scene.window.widget.clipboard().set_text("mine");
    let terminal = vte::Terminal::new();
    terminal.feed(b"\x1b]52;c;Z3Vlc3Q=\x07");
    scene.pass(100);
    assert_eq!(copied(&scene), "mine");
    drop(scene);
    for policy in [Clipboard::Off, Clipboard::In] {
        let scene = asks_for_clipboard(policy);
        scene.pass(100);
        assert!(question().is_none());
        assert_eq!(copied(&scene), "mine", "{policy:?}");
    }
    let scene = asks_for_clipboard(Clipboard::Out);
    scene.until("it is filled", || copied(&scene) == "guest");
    // Nobody looks: it may not.
    scene.window.widget.clipboard().set_text("mine");
    let terminal = scene.terminal();
    scene.act("win.back");
    terminal.feed_child(b"\x1b]52;c;b3RoZXI=\x07");
    scene.pass(300);
    assert_eq!(copied(&scene), "mine");
    drop(scene);
    for (answer, is) in [("deny", "mine"), ("allow", "guest")] {
        let scene = asks_for_clipboard(Clipboard::Ask);
        scene.until("it is asked", || question().is_some());
        let dialog = question().expect("a question");
        let body = dialog.body();
        assert!(body.contains("5 characters") && body.contains("guest"), "{body}");
        assert!(dialog.heading().is_some_and(|heading| heading.contains("Asker")));
        assert_eq!(dialog.default_response().as_deref(), Some("deny"));
        dialog.response(answer);
        dialog.close();
        scene.pass(100);
        assert_eq!(copied(&scene), is);
        if answer == "deny" {
            scene.terminal().feed_child(b"\x1b]52;c;Z3Vlc3Q=\x07again");
            scene.shows("again");
            scene.pass(100);
            assert!(question().is_none(), "who was told no does not ask again at once");
        }
    }
}

#[gtk::test]
fn a_new_run_begins_as_it_is_set_and_a_finished_one_goes() {
    let scene = with_profiles();
    scene.until("they are known", || !scene.window.library.items().is_empty());
    scene.act("win.preferences");
    scene.until("they are shown", || over("default-profile").is_some());
    let begin = over("default-profile").and_downcast::<adw::ComboRow>().expect("a row");
    let items = scene.window.library.items();
    let index = items.iter().filter(|item| item.profile.is_ok()).position(|item| item.stem() == "build");
    begin.set_selected(1 + index.and_then(|index| u32::try_from(index).ok()).expect("the profile"));
    assert_eq!(settings().text("default-profile"), "build");
    let keep = over("keep-finished").and_downcast::<adw::ComboRow>().expect("a row");
    keep.set_selected(1);
    assert_eq!(settings().number("keep-finished", 0), 600);
    over("preferences").and_downcast::<gtk::Window>().expect("a window").close();
    scene.act("win.new-run");
    let profile = scene.window.form().profile();
    assert_eq!((profile.files.mounts.len(), profile.command.argv.len()), (1, 0));
    settings().set_text("default-profile", "");
    settings().set_number("keep-finished", 1);
    scene.object::<adw::EntryRow>("command").set_text("print done 0");
    scene.window.start(crate::flows::small(&scene, "print"));
    scene.shows("Exit code 0");
    scene.pass(2500);
    assert!(scene.window.runs.current().is_some(), "it is looked at");
    scene.act("win.back");
    scene.until("its tab is closed", || scene.window.runs.current().is_none());
    settings().set_number("keep-finished", 0);
}

/// A plan of one of the fake's commands.
pub fn small(scene: &Scene, command: &str) -> terrarium_engine::plan::Plan {
    let words = command.split(' ').map(Into::into).collect();
    let profile = Profile { isolation: Some(Isolation::Container), ..Profile::new("Small", words) };
    plan(&profile, scene.bridge.host().expect("a host")).plan.expect("a plan")
}

#[gtk::test]
fn what_it_uses_is_drawn_and_said() {
    let scene = Scene::new();
    scene.window.start(small(&scene, "echo"));
    scene.shows("phase: Running");
    scene.pass(7000);
    scene.act("win.usage");
    scene.until("it is shown", || over("usage").is_some());
    let sheet = over("usage").expect("a window");
    scene.until("it is measured", || {
        (23..=25).any(|percent| says(&sheet, &format!("{percent} %"))) && says(&sheet, "of 1 GiB")
    });
    // The fake reads ten times what it writes, and has no network.
    scene.until("so are its disks", || says(&sheet, "/s read, ") && says(&sheet, "/s written"));
    let titled = |title: &str| {
        let is_title =
            |one: &gtk::Widget| one.downcast_ref::<gtk::Label>().is_some_and(|one| one.text() == title);
        walk(&sheet, &is_title).is_some_and(|one| one.is_mapped())
    };
    assert!(titled("Processors") && titled("Memory") && titled("Disks") && !titled("Network"));
    let graph = walk(&sheet, &|one| one.css_name() == "graph").expect("a graph");
    let label = graph.tooltip_text().expect("words");
    assert!(label.starts_with("Now 2") && label.contains(" %; in the last minute between"), "{label}");
    assert_eq!(graph.accessible_role(), gtk::AccessibleRole::Img);
    scene.until("it has its size", || sheet.width() > 300);
    scene.picture_of(&sheet, "usage");
    sheet.downcast::<gtk::Window>().expect("a window").close();
    assert!(find(scene.window.widget.upcast_ref(), "menu-button").is_some());
}
