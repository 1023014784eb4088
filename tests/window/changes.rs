// SPDX-License-Identifier: LGPL-2.1-or-later
//! The page of what a sandbox has written.

use crate::fake::entry;
use crate::scene::{find, over, says, walk};
use crate::Scene;
use adw::prelude::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{Changes, Include, Isolation, Profile};
use terrarium_engine::sandbox::changes::Entry;
use terrarium_protocol::changes::{FileKind, What};

impl Scene {
    /// Runs something that leaves these changes, and looks at them.
    pub fn review(&self, all: Vec<Entry>) -> gtk::Widget {
        self.run_and_leave(all, Changes::Review);
        self.look()
    }

    pub fn run_and_leave(&self, all: Vec<Entry>, fate: Changes) {
        self.fake.written.set(all);
        let mut profile = Profile::new("Build a Project", vec!["print".into(), "x".into()]);
        profile.isolation = Some(Isolation::Container);
        profile.files.changes = fate;
        let planned = plan(&profile, self.bridge.host().expect("a computer"));
        self.window.start(planned.plan.expect("a plan"));
        self.within(Duration::from_secs(60), "its changes are offered", || self.offer().is_some());
    }

    pub fn offer(&self) -> Option<gtk::Widget> {
        let tab = self.window.runs.current()?;
        find(tab.widget.upcast_ref(), "changes-row").filter(WidgetExt::is_mapped)
    }

    /// Opens the page from that of the end.
    pub fn look(&self) -> gtk::Widget {
        let row = self.offer().and_downcast::<adw::ActionRow>().expect("a row");
        ActionRowExt::activate(&row);
        self.until("they are shown", || page().is_some());
        page().expect("a window")
    }
}

/// The window about changes, if there is one. The form has a row of that name.
pub fn page() -> Option<gtk::Widget> {
    let all = gtk::Window::list_toplevels().into_iter();
    let is_it = |one: &gtk::Widget| one.is_visible() && one.buildable_id().is_some_and(|id| id == "changes");
    all.into_iter().find(is_it)
}

pub fn choose(changes: &gtk::Widget, index: u32) {
    let list = find(changes, "list").and_downcast::<gtk::ListView>().expect("a list");
    let chosen = list.model().and_downcast::<gtk::SingleSelection>().expect("a selection");
    chosen.set_selected(index);
}

pub fn act(changes: &gtk::Widget, action: &str) {
    changes.activate_action(&format!("changes.{action}"), None).expect("it can be done");
}

pub fn question() -> Option<adw::MessageDialog> {
    let all = gtk::Window::list_toplevels().into_iter().filter(WidgetExt::is_visible);
    all.into_iter().find_map(|one| one.downcast().ok())
}

pub fn answer(scene: &Scene, with: &str) {
    scene.until("it asks", || question().is_some());
    let dialog = question().expect("a question");
    dialog.response(with);
    // As its buttons do.
    gtk::prelude::GtkWindowExt::destroy(&dialog);
}

pub fn close(changes: &gtk::Widget) {
    changes.downcast_ref::<gtk::Window>().expect("a window").close();
}

pub fn some() -> Vec<Entry> {
    let mut moved = entry("/etc/skeleton/.bashrc", What::Added, Some(3526));
    moved.moved_from = Some("/etc/skel/.bashrc".into());
    let mut outdated = entry("/home/me/src/tree.c", What::Added, Some(4200));
    outdated.outdated = true;
    vec![
        entry("/home/me/tests", What::Added, None),
        entry(
            "/home/me/tests/corpus/a file with quite a long name, longer than there is room.txt",
            What::Added,
            Some(12),
        ),
        outdated,
        entry("/home/me/picture.png", What::Added, Some(400)),
        entry("/home/me/program", What::Added, Some(90_000_000)),
        entry("/usr/bin/tool", What::Modified, Some(70_000)),
        entry("/etc/issue", What::Deleted, Some(27)),
        entry("/var/lib/thing", What::Type, Some(27)),
        entry("/etc/login.defs", What::Permissions, Some(12_569)),
        moved,
    ]
}

pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> =
        (0..width * height).flat_map(|at| [(at % width) as u8, (at / width) as u8, 99]).collect();
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels)).expect("a picture");
    bytes
}

#[gtk::test]
fn changes_fit_wide_and_narrow() {
    let scene = Scene::new();
    let text: String =
        (1..80).map(|line| format!("    line {line} of a text, as a compiler would read it;\n")).collect();
    scene.fake.written.holds("/home/me/src/tree.c", text.as_bytes());
    scene.fake.written.holds("/home/me/picture.png", &png(1500, 1100));
    scene.fake.written.holds("/home/me/program", &[0; 64]);
    let changes = scene.review(some());
    let window = changes.downcast_ref::<gtk::Window>().expect("a window").clone();
    let manager = adw::StyleManager::default();
    let stack = find(&changes, "detail").and_downcast::<gtk::Stack>().expect("a stack");
    let leaflet = find(&changes, "leaflet").and_downcast::<adw::Leaflet>().expect("a leaflet");
    for (size, width, height) in [("wide", 1000, 680), ("narrow", 360, 640)] {
        // As wide as a half it is neither, and must decide.
        window.set_default_size(700, height);
        scene.pass(150);
        let folds = Rc::new(Cell::new(0));
        let told = folds.clone();
        let handler = leaflet.connect_folded_notify(move |_| told.set(told.get() + 1));
        scene.pass(150);
        assert_eq!(folds.get(), 0, "it stays as it is");
        leaflet.disconnect(handler);
        crate::looks::make(&scene, &window, size, (width, height));
        leaflet.set_visible_child_name("list");
        choose(&changes, gtk::INVALID_LIST_POSITION);
        scene.pass(400);
        let shoot = |name: &str| {
            for (scheme, look) in
                [(adw::ColorScheme::ForceLight, "light"), (adw::ColorScheme::ForceDark, "dark")]
            {
                manager.set_color_scheme(scheme);
                scene.pass(80);
                scene.picture_of(&changes, &format!("changes-{name}-{size}-{look}"));
            }
        };
        shoot("list");
        assert!(stack.visible_child_name().is_some_and(|name| name == "none"), "nothing is chosen yet");
        // By folder: ~, picture.png, program, tests, ~/src, tree.c, ~/tests/corpus, …, /etc, issue
        for (index, child, name) in [
            (9, "text", "deleted"),
            (1, "pictures", "pictures"),
            (2, "about", "other"),
            (3, "about", "new-folder"),
            (0, "about", "folder"),
            (5, "text", "text"),
        ] {
            choose(&changes, index);
            scene.until(name, || stack.visible_child_name().is_some_and(|found| found == child));
            scene.pass(400);
            shoot(name);
        }
    }
    manager.set_color_scheme(adw::ColorScheme::Default);
    // Narrow, whoever goes back can come again.
    let title = || stack.visible_child_name().map(String::from).unwrap_or_default();
    find(&changes, "back").and_downcast::<gtk::Button>().expect("a button").emit_clicked();
    scene.until("the list is back", || title() == "none");
    choose(&changes, 5);
    scene.until("it is seen again", || title() == "text");
    close(&changes);
    scene.until("it is closed", || page().is_none());
}

#[gtk::test]
fn what_is_decided_is_done_when_it_is_left() {
    let scene = Scene::new();
    let all = || ["/home/me/a", "/home/me/b", "/home/me/b/in", "/home/me/c"];
    let entries =
        || all().iter().map(|path| entry(path, What::Added, (!path.ends_with('b')).then_some(3))).collect();
    let changes = scene.review(entries());
    // ~, a, b, c, ~/b, in
    choose(&changes, 2);
    act(&changes, "keep-one");
    assert!(says(&changes, "Kept") && scene.fake.written.decided().is_empty());
    choose(&changes, 1);
    act(&changes, "forget");
    close(&changes);
    // One is undecided: nothing happens to it unasked.
    scene.until("it asks", || crate::scene::dialog().is_some());
    let asked = crate::scene::dialog().expect("a question");
    let labels = ["cancel", "discard", "later"].map(|answer| asked.response_label(answer));
    assert_eq!(labels, ["_Stay Here", "_Discard the Undecided", "Decide _Later"]);
    answer(&scene, "cancel");
    assert!(changes.is_visible() && scene.fake.written.decided().is_empty());
    close(&changes);
    answer(&scene, "later");
    scene.until("it is left", || page().is_none() && !scene.fake.written.decided().is_empty());
    assert_eq!(scene.fake.written.decided(), ["forget /home/me/a"]);
    let again = scene.look();
    assert!(says(&again, "Kept"), "what was decided is known");
    choose(&again, 3);
    act(&again, "forget");
    close(&again);
    scene.until("it is done", || scene.fake.written.decided().len() == 2);
    assert_eq!(scene.fake.written.decided()[1], "keep /home/me/b /home/me/b/in");
    let row = find(scene.window.runs.current().expect("a tab").widget.upcast_ref(), "changes-row");
    scene.until("nothing waits", || row.as_ref().is_some_and(|row| !row.is_mapped()));
}

/// A folder is decided about with all in it.
#[gtk::test]
fn a_folder_is_decided_about_as_a_whole() {
    let scene = Scene::with_home();
    let (home, to) = (scene.folder().join("home"), scene.folder().join("copies"));
    std::fs::create_dir(&to).expect("a folder");
    let path = |name: &str| home.join(name).to_str().expect("a text").to_owned();
    let names = ["src/a", "src/deep/b", "other"];
    for name in names {
        scene.fake.written.holds(&path(name), name.as_bytes());
    }
    let mut all: Vec<Entry> = names.iter().map(|name| entry(&path(name), What::Added, Some(20))).collect();
    scene.fake.written.holds("/etc/b", b"b");
    all.push(entry("/etc/b", What::Added, Some(20)));
    let mut link = entry(&path("src/link"), What::Added, Some(3));
    link.change.after.as_mut().expect("what it is").kind = FileKind::Link;
    all.push(link);
    let changes = scene.review(all);
    // ~, other, ~/src, a, link, ~/src/deep, b, /etc, b
    choose(&changes, 2);
    assert!(says(&changes, "~/src") && says(&changes, "3 changes") && says(&changes, "Added: 3"));
    let save = |all: bool| {
        let what = (to.as_os_str().as_encoded_bytes(), all).to_variant();
        changes.activate_action("changes.save-into", Some(&what)).expect("it can be done");
    };
    save(false);
    scene.until("copies are there", || to.join("src/deep/b").exists() && says(&changes, "Copied"));
    assert_eq!(std::fs::read_to_string(to.join("src/a")).expect("a copy"), "src/a");
    assert!(!to.join("other").exists() && std::fs::symlink_metadata(to.join("src/link")).is_err());
    std::fs::remove_dir_all(to.join("src")).expect("they go");
    save(true);
    let places = ["etc/b", "other", "src/deep/b"];
    scene.until("all copies are there", || places.iter().all(|place| to.join(place).exists()));
    // Two of the user's own are in the way: asked once, and both are named.
    std::fs::create_dir_all(home.join("src/deep")).expect("a folder");
    for name in ["src/a", "src/deep/b"] {
        std::fs::write(home.join(name), "mine").expect("written");
    }
    choose(&changes, 0);
    act(&changes, "apply");
    scene.until("it asks", || question().is_some());
    let asked = question().expect("a question");
    assert!(asked.heading().is_some_and(|title| title == "Replace 2 Files?"), "{:?}", asked.heading());
    assert!(asked.body().contains("~/src/a") && asked.body().contains("~/src/deep/b"), "{:?}", asked.body());
    // Until that is answered nothing is done, and if it is no, nothing at all.
    let is = |name: &str| std::fs::read_to_string(home.join(name)).is_ok_and(|text| text == name);
    answer(&scene, "cancel");
    scene.pass(300);
    assert!(!home.join("other").exists() && !says(&changes, "Applied"));
    act(&changes, "apply");
    answer(&scene, "others");
    scene.until("the other one is there", || is("other") && says(&changes, "Applied"));
    assert_eq!(std::fs::read_to_string(home.join("src/a")).expect("mine"), "mine");
    act(&changes, "apply");
    answer(&scene, "replace");
    scene.until("they are replaced", || is("src/a") && is("src/deep/b"));
    choose(&changes, 7);
    act(&changes, "forget");
    assert!(says(&changes, "Discarded"));
    close(&changes);
    // The link is undecided.
    answer(&scene, "discard");
    scene.until("the rest is thrown away", || scene.fake.written.decided() == ["discard"]);
}

/// The real one goes to the trash, after a question if it is another by now.
#[gtk::test]
fn what_was_deleted_is_deleted_after_a_question() {
    let scene = Scene::with_home();
    let path = scene.folder().join("home/gone");
    std::fs::write(&path, "mine").expect("written");
    let changes = scene.review(vec![entry(path.to_str().expect("a text"), What::Deleted, Some(3))]);
    choose(&changes, 1);
    act(&changes, "apply");
    scene.until("it asks", || question().is_some());
    assert!(question().and_then(|one| one.heading()).is_some_and(|title| title == "Delete Your File?"));
    assert!(path.exists());
    answer(&scene, "replace");
    scene.until("it is gone", || !path.exists() && says(&changes, "Applied"));
    close(&changes);
    scene.until("it is left", || page().is_none());
}

/// Who still types, as the window opens, decides nothing by that.
#[gtk::test]
fn no_button_has_the_focus_when_changes_are_shown() {
    let scene = Scene::new();
    let changes = scene.review(vec![entry("/home/me/a", What::Added, Some(3))]);
    let window = changes.clone().downcast::<gtk::Window>().expect("a window");
    let focus = || gtk::prelude::GtkWindowExt::focus(&window);
    scene.until("something has the focus", || focus().is_some());
    assert!(focus().is_some_and(|one| !one.is::<gtk::Button>()), "{:?}", focus());
    close(&changes);
}

/// Names are the sandbox's: no markup, no line, no direction of theirs counts.
#[gtk::test]
fn hostile_names_are_shown_escaped() {
    let scene = Scene::new();
    let names = ["<b>bold&amp;", "a\nb", "rtl\u{202e}gnp.exe", "\u{1b}[31mred", "\u{9b}x", "%s%n"];
    let changes =
        scene.review(names.map(|name| entry(&format!("/home/me/{name}"), What::Added, Some(3))).into());
    for shown in ["<b>bold&amp;", "a\\nb", "rtl\\u{202e}gnp.exe", "\\u{1b}[31mred", "\\u{9b}x", "%s%n"] {
        assert!(says(&changes, shown), "{shown}");
    }
    // The one that is looked at, in the title of what is beside the list.
    for row in 1..=6 {
        choose(&changes, row);
        let deceives = |text: &str| text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}');
        let is_one = |widget: &gtk::Widget| {
            let text = widget.downcast_ref::<gtk::Label>().map(gtk::Label::text);
            text.is_some_and(|text| deceives(&text))
        };
        assert!(crate::scene::walk(&changes, &is_one).is_none(), "{row}");
    }
    close(&changes);
}

/// What an earlier run kept comes back, and that is said.
#[gtk::test]
fn what_was_kept_before_comes_back_when_its_change_is_discarded() {
    let scene = Scene::new();
    let mut again = entry("/home/me/again", What::Added, Some(3));
    again.again = true;
    let changes = scene.review(vec![again, entry("/home/me/b", What::Added, Some(3))]);
    let discard = find(&changes, "discard-one").and_downcast::<gtk::Button>().expect("a button");
    for (row, was_kept) in [(0, true), (1, true), (2, false)] {
        choose(&changes, row);
        let said = says(&changes, "An earlier run has kept this");
        assert_eq!((discard.is_sensitive(), said), (true, was_kept), "{row}");
    }
    choose(&changes, 1);
    act(&changes, "forget");
    close(&changes);
    answer(&scene, "later");
    scene.until("it is left", || page().is_none());
    assert_eq!(scene.fake.written.decided(), ["bring back /home/me/again"]);
}

#[gtk::test]
fn what_is_thrown_away_waits_for_the_page_of_its_end() {
    let scene = Scene::new();
    let added = |path: &str| entry(path, What::Added, Some(9));
    scene.run_and_leave(vec![added("/home/me/a/report.txt"), added("/home/me/.cache/x")], Changes::Discard);
    let tabs = || scene.window.runs.current().is_some();
    scene.act("win.close-tab");
    scene.until("it asks", || question().is_some());
    let body = question().expect("a question").body();
    assert!(body.contains("a/report.txt") && !body.contains(".cache"), "{body:?}");
    answer(&scene, "cancel");
    scene.pass(200);
    assert!(tabs() && scene.fake.written.decided().is_empty(), "nothing is lost yet");
    scene.act("win.close-tab");
    answer(&scene, "discard");
    scene.until("it is gone", || !tabs() && scene.fake.written.decided() == ["discard"]);
    // What programs keep for themselves is nothing to ask about.
    scene.run_and_leave(vec![added("/home/me/.cache/x")], Changes::Discard);
    scene.act("win.close-tab");
    scene.until("it is gone", || !tabs() && scene.fake.written.decided() == ["discard", "discard"]);
    assert!(question().is_none());
    // So does closing the window.
    let letters = ["a", "b", "c", "d", "e", "f"].map(|name| added(&format!("/home/me/{name}.txt")));
    scene.run_and_leave(letters.to_vec(), Changes::Discard);
    scene.window.widget.close();
    scene.until("it asks", || question().is_some());
    let (title, body) = question().map(|asked| (asked.heading(), asked.body())).expect("a question");
    assert!(title.is_some_and(|title| title == "Discard 6 Files of “Build a Project”?"));
    assert_eq!(body, "a.txt\nb.txt\nc.txt\nd.txt\ne.txt\n…");
    answer(&scene, "look");
    scene.until("they are shown", || page().is_some());
    close(&page().expect("a window"));
    assert!(scene.window.widget.is_visible() && scene.fake.written.decided().len() == 2);
    scene.window.widget.close();
    answer(&scene, "discard");
    scene.until("it is closed", || !scene.window.widget.is_visible());
    scene.until("it is gone", || scene.fake.written.decided().len() == 3);
}

#[gtk::test]
fn running_again_names_what_is_thrown_away() {
    let scene = Scene::new();
    let letter = vec![entry("/home/me/letter.txt", What::Added, Some(9))];
    scene.run_and_leave(letter, Changes::Discard);
    let ended = scene.window.runs.current().expect("a tab");
    scene.act("win.run-again");
    scene.until("it asks", || question().is_some());
    assert_eq!(question().expect("a question").body(), "letter.txt");
    answer(&scene, "cancel");
    scene.until("the next one has ended, too", || scene.window.runs.ended().len() == 2);
    assert!(scene.fake.written.decided().is_empty(), "nothing is lost yet");
    scene.window.runs.close(&ended);
    answer(&scene, "discard");
    scene.until("it is gone", || scene.fake.written.decided() == ["discard"]);
}

#[gtk::test]
fn a_window_that_is_closed_throws_away_what_nobody_is_asked_about() {
    let scene = Scene::new();
    scene.run_and_leave(vec![entry("/etc/x", What::Added, Some(9))], Changes::Discard);
    scene.window.widget.close();
    scene.until("it is gone", || scene.fake.written.decided().len() == 1);
}

#[gtk::test]
fn a_long_copy_shows_how_far_it_is_and_can_be_ended() {
    let scene = Scene::with_home();
    scene.fake.written.is_slow(60);
    let home = scene.folder().join("home");
    let path = home.join("large");
    scene.fake.written.holds(path.to_str().expect("a text"), &[7; 40_000]);
    let changes = scene.review(vec![entry(path.to_str().expect("a text"), What::Added, Some(40_000))]);
    choose(&changes, 1);
    let work = find(&changes, "work").and_downcast::<gtk::Revealer>().expect("a revealer");
    let bar = find(&changes, "work-bar").and_downcast::<gtk::ProgressBar>().expect("a bar");
    let stack = find(&changes, "detail").and_downcast::<gtk::Stack>().expect("a stack");
    scene.until("it is compared", || stack.visible_child_name().is_some_and(|name| name != "waits"));
    act(&changes, "apply");
    scene.until("it is seen", || work.reveals_child() && bar.fraction() > 0.2);
    scene.picture_of(&changes, "changes-work");
    assert!(bar.fraction() < 0.9 && !path.exists(), "{}", bar.fraction());
    find(&changes, "cancel-work").and_downcast::<gtk::Button>().expect("a button").emit_clicked();
    scene.until("it is ended", || !work.reveals_child());
    assert_eq!(std::fs::read_dir(&home).expect("a folder").count(), 0, "nothing half is left");
    scene.fake.written.is_slow(0);
    act(&changes, "apply");
    scene.until("it is there", || path.exists() && says(&changes, "Applied"));
    close(&changes);
    scene.until("what was applied is not kept", || scene.fake.written.decided() == ["discard"]);
}

/// A file of the home folder has been changed inside; `opened`: the sandbox had
/// a copy of it.
fn edited(opened: bool) -> (Scene, std::path::PathBuf, gtk::Widget) {
    let scene = Scene::with_home();
    let host = scene.bridge.host().expect("a computer");
    let real = scene.folder().join("home/letter.txt");
    let copy = terrarium_engine::plan::home(host).join("letter.txt");
    std::fs::write(&real, "old").expect("a file");
    // It is older than the run, which is known to the second.
    scene.pass(1100);
    scene.fake.written.set(vec![entry(copy.to_str().expect("a text"), What::Added, Some(3))]);
    scene.fake.written.holds(copy.to_str().expect("a text"), b"new");
    let mut profile = Profile::new("Edit", vec!["print".into(), "x".into()]);
    profile.isolation = Some(Isolation::Container);
    profile.files.changes = Changes::Review;
    let mut plan = plan(&profile, host).plan.expect("a plan");
    if opened {
        // Where a test has its home folder nothing may be copied from.
        plan.profile.files.include = vec![Include { source: real.clone(), target: copy }];
    }
    scene.window.start(plan);
    scene.within(Duration::from_secs(60), "its changes are offered", || scene.offer().is_some());
    let changes = scene.look();
    choose(&changes, 0);
    let stack = find(&changes, "detail").and_downcast::<gtk::Stack>().expect("a stack");
    scene.until("it is compared", || stack.visible_child_name().is_some_and(|name| name != "waits"));
    (scene, real, changes)
}

#[gtk::test]
fn an_edited_file_comes_back_in_one_step_unless_it_is_another_by_now() {
    let text = |path: &std::path::Path| std::fs::read_to_string(path).expect("a file");
    let (scene, real, changes) = edited(true);
    act(&changes, "apply");
    scene.until("it is replaced unasked", || text(&real) == "new" || question().is_some());
    assert!(question().is_none());
    scene.until("that the old one is kept is said", || says(&changes, "is in the trash"));
    close(&changes);
    scene.until("it is closed", || page().is_none());
    let have = "You have a file of that name already";
    for (opened, touched, why) in [(true, true, "is another than"), (false, false, have), (false, true, have)]
    {
        let (scene, real, changes) = edited(opened);
        if touched {
            std::fs::write(&real, "somebody's").expect("a file");
        }
        act(&changes, "apply");
        scene.until("it asks", || question().is_some() || text(&real) == "new");
        let body = question().map(|question| question.body()).unwrap_or_default();
        assert!(body.contains(why), "{body}");
        answer(&scene, "replace");
        scene.until("it is replaced then", || text(&real) == "new");
        close(&changes);
        scene.until("it is closed", || page().is_none());
    }
}

/// Best of some: the computer may be busy with other tests.
#[gtk::test]
fn twenty_thousand_changes_open_at_once_and_scroll() {
    let scene = Scene::new();
    let many =
        (0..20_000).map(|number| entry(&format!("/home/me/many/{number:05}"), What::Added, Some(number)));
    let first = scene.review(many.collect());
    close(&first);
    scene.until("it is closed", || page().is_none());
    let opened = (0..3).map(|_| {
        let begun = Instant::now();
        let changes = scene.look();
        scene.until("rows are drawn", || says(&changes, "00000"));
        scene.picture_of(&changes, "changes-many");
        let took = begun.elapsed();
        let steps = scroll(&scene, &changes);
        close(&changes);
        scene.until("it is closed", || page().is_none());
        (took, steps)
    });
    let (opened, steps): (Vec<Duration>, Vec<Duration>) = opened.unzip();
    let best = |all: &[Duration]| all.iter().min().copied().unwrap_or_default();
    println!("20000 changes open in {:?}, a frame of scrolling takes {:?}", best(&opened), best(&steps));
    assert!(best(&opened) < Duration::from_millis(500), "{opened:?}");
    // All rows are others at each step: what they cost in a build that is not
    // optimized, and not what all changes would.
    assert!(best(&steps) < Duration::from_millis(150), "{steps:?}");
}

/// How long a frame takes after a step, in the middle of all.
fn scroll(scene: &Scene, changes: &gtk::Widget) -> Duration {
    let list = find(changes, "list").and_downcast::<gtk::ListView>().expect("a list");
    let place = list.vadjustment().expect("it scrolls");
    let clock = list.frame_clock().expect("it is drawn");
    let (begun, frames) = (Rc::new(Cell::new(Instant::now())), Rc::new(RefCell::new(Vec::new())));
    let begins = begun.clone();
    let first = clock.connect_before_paint(move |_| begins.set(Instant::now()));
    let ends = frames.clone();
    let last = clock.connect_after_paint(move |_| ends.borrow_mut().push(begun.get().elapsed()));
    let (from, room) = (place.value(), place.upper() - place.page_size());
    assert!(room > 100_000.0, "{room}");
    for step in 1..=40 {
        let before = frames.borrow().len();
        place.set_value(from + room * f64::from(step) / 40.0);
        list.queue_draw();
        scene.until("a frame", || frames.borrow().len() > before);
    }
    clock.disconnect(first);
    clock.disconnect(last);
    assert!(says(changes, "19999"), "the end is reached");
    let mut frames = frames.take();
    frames.sort();
    frames[frames.len() / 2]
}

/// While changes wait they are what is suggested, and after that to run it again.
#[gtk::test]
fn an_end_suggests_its_changes_first() {
    let scene = Scene::with_home();
    let home = scene.folder().join("home/new");
    scene.run_and_leave(vec![entry(home.to_str().expect("a text"), What::Added, Some(3))], Changes::Review);
    let (review, again) = (scene.object::<gtk::Button>("review"), scene.object::<gtk::Button>("again"));
    let is_suggested = |button: &gtk::Button| button.has_css_class("suggested-action");
    assert_eq!(review.label().map(|text| text.replace('_', "")).as_deref(), Some("Review Changes (1)"));
    assert!(is_suggested(&review) && !is_suggested(&again) && review.is_mapped());
    crate::looks::shoot_at(&scene, "end-review", &[("wide", 1100, 760), ("narrow", 360, 640)]);
    scene.window.runs.current().expect("a tab").focus();
    assert!(review.has_focus());
    review.emit_clicked();
    scene.until("they are shown", || over("changes").is_some());
    let changes = over("changes").expect("a window");
    act(&changes, "discard");
    answer(&scene, "discard");
    scene.until("nothing waits", || !review.is_visible());
    assert!(is_suggested(&again));
}

/// What a program keeps for itself and is thrown away nobody would miss.
#[gtk::test]
fn an_end_suggests_no_review_of_what_nobody_misses() {
    let scene = Scene::with_home();
    for (name, review_first) in [("home/.cache-of-it", false), ("home/report", true)] {
        let path = scene.folder().join(name);
        let all = vec![entry(path.to_str().expect("a text"), What::Added, Some(3))];
        scene.run_and_leave(all, Changes::Discard);
        let tab = scene.window.runs.current().expect("a tab");
        let button = |id| find(tab.widget.upcast_ref(), id).expect("a button");
        let stands_out = |id| button(id).is_mapped() && button(id).has_css_class("suggested-action");
        assert_eq!((stands_out("review"), stands_out("again")), (review_first, !review_first), "{name}");
        assert!(button("review").is_mapped(), "it is offered all the same");
    }
}

/// One file gets the name that it is given; several go into a folder.
#[gtk::test]
fn a_copy_of_one_file_has_the_name_that_is_typed() {
    let scene = Scene::with_home();
    let home = scene.folder().join("home");
    let path = |name: &str| home.join(name).to_str().expect("a text").to_owned();
    scene.fake.written.holds(&path("report"), b"written inside");
    let changes = scene.review(vec![entry(&path("report"), What::Added, Some(14))]);
    let copy = scene.folder().join("as I call it.txt");
    std::fs::write(&copy, "what the chooser asked about").expect("written");
    let file = copy.as_os_str().as_encoded_bytes().to_variant();
    changes.activate_action("changes.save-as", Some(&file)).expect("it can be done");
    scene.until("it is there", || {
        std::fs::read_to_string(&copy).is_ok_and(|text| text == "written inside") && says(&changes, "Copied")
    });
    // What is said in passing covers no button.
    act(&changes, "forget");
    scene.until("it is said", || {
        walk(&changes, &|one| one.css_name() == "toast" && one.is_mapped()).is_some()
    });
    let (toast, bar) = (
        walk(&changes, &|one| one.css_name() == "toast" && one.is_mapped()).expect("a toast"),
        find(&changes, "actions").expect("a bar"),
    );
    let low = |one: &gtk::Widget| one.compute_bounds(&changes).expect("a place");
    scene.until("it has come up", || low(&toast).height() > 0.0);
    scene.pass(600);
    let (end, begin) = (low(&toast).y() + low(&toast).height(), low(&bar).y());
    assert!(end <= begin, "the toast ends at {end}, the bar begins at {begin}");
    close(&changes);
}
