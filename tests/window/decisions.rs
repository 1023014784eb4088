// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is said of changes and of what was decided about them.

use crate::changes::{act, answer, choose, close, page, question};
use crate::fake::entry;
use crate::scene::{dialog, find, says};
use crate::Scene;
use adw::prelude::*;
use terrarium_engine::profile::{Changes, Include, Isolation, Mount, MountKind, MountMode, Profile};
use terrarium_protocol::changes::{FileKind, What};

fn inside(scene: &Scene, name: &str) -> String {
    scene.folder().join("home").join(name).to_str().expect("a text").to_owned()
}

fn may(changes: &gtk::Widget, label: &str) -> bool {
    let is_it = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Button>().is_some_and(|one| one.label().is_some_and(|text| text == label))
    };
    crate::scene::walk(changes, &is_it).expect("a button").is_sensitive()
}

#[gtk::test]
fn what_was_applied_stays_applied() {
    let scene = Scene::with_home();
    let path = inside(&scene, "report");
    scene.fake.written.holds(&path, b"new");
    let changes = scene.review(vec![
        entry(&path, What::Added, Some(3)),
        entry(&inside(&scene, "sketch"), What::Added, Some(3)),
    ]);
    choose(&changes, 1);
    assert!(may(&changes, "_Discard"));
    act(&changes, "apply");
    scene.until("it is applied", || says(&changes, "Applied"));
    scene.until("there is nothing to discard", || !may(&changes, "_Discard"));
    scene.until("what happened is said", || says(&changes, "Applied: you have it now."));
    let titled = |title: &str| {
        let shown = find(&changes, "list-title").and_downcast::<adw::WindowTitle>().expect("a title");
        shown.title() == title
    };
    assert!(titled("1 Undecided Change"), "the other one");
    // The folder with both is discarded: of the one nothing changes.
    choose(&changes, 0);
    act(&changes, "forget");
    assert!(says(&changes, "Applied") && says(&changes, "Discarded"));
    assert!(titled("All Decided"));
    close(&changes);
}

/// It is nothing new to who has it.
#[gtk::test]
fn what_the_run_had_a_copy_of_is_modified() {
    let scene = Scene::with_home();
    let home = scene.folder().join("home");
    std::fs::create_dir(home.join("book")).expect("a folder");
    std::fs::write(home.join("book/one"), "1\n2\n3\n4\n5\n6\n7\n8\n9\n").expect("a file");
    let new = [("book/one", "1\n2\n3\n4\n5\n6\n7\n8\nnine\n"), ("book/two", "new\n")];
    let added = new.map(|(name, text)| entry(&inside(&scene, name), What::Added, Some(text.len() as u64)));
    scene.fake.written.set(added.to_vec());
    new.iter().for_each(|(name, text)| scene.fake.written.holds(&inside(&scene, name), text.as_bytes()));
    let mut profile = Profile::new("Edit", vec!["print".into(), "x".into()]);
    profile.isolation = Some(Isolation::Container);
    profile.files.changes = Changes::Review;
    let host = scene.bridge.host().expect("a computer");
    let mut plan = terrarium_engine::plan::plan(&profile, host).plan.expect("a plan");
    plan.profile.files.include = vec![Include { source: home.join("book"), target: home.join("book") }];
    scene.window.start(plan);
    scene.until("its changes are offered", || scene.offer().is_some());
    let changes = scene.look();
    // ~/book, one, two; of the copy it is the difference that is seen.
    choose(&changes, 1);
    let text = || {
        let text = find(&changes, "text").and_downcast::<gtk::TextView>().expect("a text").buffer();
        text.text(&text.start_iter(), &text.end_iter(), true)
    };
    scene.until("it is compared", || text().contains("nine"));
    assert!(says(&changes, "Modified") && text().starts_with(" From line 6 on\n"), "{}", text());
    choose(&changes, 2);
    scene.until("the other one is shown", || text().contains("new"));
    assert!(says(&changes, "Added") && text().trim_start().starts_with("1 + new"), "{}", text());
    choose(&changes, 0);
    scene.until("both are counted", || says(&changes, "Added: 1 · Modified: 1"));
    choose(&changes, 1);
    act(&changes, "apply");
    scene.until("it asks, or it is applied", || question().is_some() || says(&changes, "Applied:"));
    if question().is_some() {
        answer(&scene, "replace");
    }
    scene.until("it says where the old one is", || says(&changes, "The old one is in the trash."));
    close(&changes);
    answer(&scene, "discard");
    scene.until("it is closed", || page().is_none());
}

#[gtk::test]
fn a_link_says_where_it_leads_and_why_it_stays() {
    let scene = Scene::new();
    let mut link = entry("/home/me/link", What::Added, Some(3));
    let facts = link.change.after.as_mut().expect("facts");
    (facts.kind, facts.target) = (FileKind::Link, "/etc/passwd".into());
    let changes = scene.review(vec![link]);
    choose(&changes, 1);
    scene.until("it is told", || says(&changes, "It leads to /etc/passwd."));
    assert!(says(&changes, "Added · → /etc/passwd"));
    assert!(says(&changes, "Only files and folders can be applied or saved."));
    assert!(!may(&changes, "_Apply"));
    close(&changes);
}

#[gtk::test]
fn copies_into_a_folder_ask_before_they_replace() {
    let scene = Scene::with_home();
    let path = inside(&scene, "report");
    scene.fake.written.holds(&path, b"new");
    let changes = scene.review(vec![entry(&path, What::Added, Some(3))]);
    let folder = scene.folder().join("copies");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("report"), "mine").expect("a file");
    let text = || std::fs::read_to_string(folder.join("report")).expect("a file");
    let what = || (folder.as_os_str().as_encoded_bytes().to_vec(), false).to_variant();
    changes.activate_action("changes.save-into", Some(&what())).expect("it can be done");
    scene.until("it asks", || question().is_some());
    assert!(question().expect("a question").body().ends_with("\nreport"));
    answer(&scene, "cancel");
    scene.pass(200);
    assert_eq!(text(), "mine");
    changes.activate_action("changes.save-into", Some(&what())).expect("it can be done");
    answer(&scene, "replace");
    scene.until("it is replaced", || text() == "new" && says(&changes, "Copied"));
    close(&changes);
}

/// What was edited comes first, and is no new file to the user.
#[gtk::test]
fn an_edited_file_is_shown_first() {
    let scene = Scene::with_home();
    let host = scene.bridge.host().expect("a computer");
    let home = terrarium_engine::plan::home(host);
    let real = scene.folder().join("home/zz.txt");
    std::fs::write(&real, "old").expect("a file");
    let copy = home.join("zz.txt");
    let path = copy.to_str().expect("a text").to_owned();
    let other = home.join(".config/app.conf").to_str().expect("a text").to_owned();
    scene.fake.written.set(vec![
        entry(&path, What::Added, Some(3)),
        entry(&other, What::Added, Some(9)),
        entry(home.join("a").to_str().expect("a text"), What::Added, Some(9)),
    ]);
    scene.fake.written.holds(&path, b"new");
    let mut profile = Profile::new("Edit", vec!["print".into(), "x".into()]);
    profile.isolation = Some(Isolation::Container);
    profile.files.changes = Changes::Review;
    let mut plan = terrarium_engine::plan::plan(&profile, host).plan.expect("a plan");
    plan.profile.files.include = vec![Include { source: real, target: copy }];
    scene.window.start(plan);
    scene.within(std::time::Duration::from_secs(60), "they are offered", || scene.offer().is_some());
    let changes = scene.look();
    scene.until("the edited one is shown", || says(&changes, "Modified · 3\u{a0}bytes"));
    let title = find(&changes, "detail-title").and_downcast::<adw::WindowTitle>().expect("a title");
    assert_eq!(title.title(), "zz.txt");
    close(&changes);
    scene.until("it is closed", || page().is_none());
}

#[gtk::test]
fn an_end_says_what_becomes_of_changes_and_how_many_wait() {
    let scene = Scene::new();
    let all = || vec![entry("/home/me/a", What::Added, Some(3)), entry("/home/me/b", What::Added, Some(3))];
    let row = || scene.offer().and_downcast::<adw::ActionRow>().expect("a row");
    scene.run_and_leave(all(), Changes::Discard);
    assert_eq!(row().title(), "2 Changes");
    let fate = row().subtitle().unwrap_or_default();
    assert!(fate.starts_with("Thrown away with this page"), "{fate}");
    let changes = scene.look();
    choose(&changes, 1);
    act(&changes, "keep-one");
    close(&changes);
    scene.until("it asks", || question().is_some());
    assert!(question().expect("a question").body().contains("is thrown away with that"));
    answer(&scene, "later");
    scene.until("it says how many wait", || row().title() == "1 Undecided Change");
    scene.run_and_leave(all(), Changes::Review);
    let fate = row().subtitle().unwrap_or_default();
    assert!(fate.starts_with("Waiting for you to decide."), "{fate}");
}

/// What a sandbox may write in place is there at once, and no review is of it.
#[gtk::test]
fn what_is_written_in_place_is_said_to_be_there_already() {
    let scene = Scene::with_home();
    let mut profile = Profile::new("Hello", vec!["print".into(), "x".into()]);
    profile.isolation = Some(Isolation::Container);
    profile.files.changes = Changes::Review;
    let mount = |mode| Mount {
        kind: MountKind::HostBind,
        source: "/data/hello".into(),
        target: "/data/hello".into(),
        mode,
        format: None,
        trusted: false,
    };
    let said = "What it wrote in /data/hello is there already, and is not part of this review.";
    for (mode, is_said) in [(MountMode::Ro, false), (MountMode::Rw, true)] {
        profile.files.mounts = vec![mount(mode)];
        scene.fake.written.set(vec![entry(&inside(&scene, "report"), What::Added, Some(3))]);
        let plan = terrarium_engine::plan::plan(&profile, scene.bridge.host().expect("a computer"));
        scene.window.start(plan.plan.expect("a plan"));
        scene.until("its changes are offered", || scene.offer().is_some());
        let row = scene.offer().and_downcast::<adw::ActionRow>().expect("a row");
        let text = row.subtitle().expect("what becomes of them");
        assert!(text.contains("It stays in the sandbox") && text.contains(said) == is_said, "{text}");
        let changes = scene.look();
        assert_eq!(says(&changes, said), is_said);
        close(&changes);
        scene.until("it is left", || page().is_none());
        scene.act("win.close-tab");
        // The form says it before anything runs.
        scene.window.edit(&profile, None);
        let below = || {
            find(scene.window.form().widget.upcast_ref(), "changes-message").is_some_and(|row| {
                row.is_visible() && says(&row, "What it writes in /data/hello is in place at once")
            })
        };
        scene.pass(300);
        scene.until("the form says so", || below() == is_said);
    }
}

/// What starts programs or lies among keys is named, with the reason, before
/// anything is applied.
#[gtk::test]
fn what_matters_outside_is_asked_about_first() {
    let scene = Scene::with_home();
    let home = scene.folder().join("home");
    let names = [".config/autostart/x.desktop", ".ssh/authorized_keys", "report"];
    for name in names {
        scene.fake.written.holds(&inside(&scene, name), b"new");
    }
    let added = |name: &str| entry(&inside(&scene, name), What::Added, Some(3));
    let changes = scene.review(names.map(added).into());
    let is_there = |name: &str| home.join(name).exists();
    choose(&changes, 0);
    let ask = || {
        act(&changes, "apply");
        scene.until("it asks", || question().is_some());
        let dialog = question().expect("a question");
        for line in [
            "~/.config/autostart/x.desktop: It can start by itself when you log in.",
            "~/.ssh/authorized_keys: It is among your keys and passwords.",
        ] {
            assert!(says(dialog.upcast_ref(), line), "{line}");
        }
        assert!(dialog.heading().is_some_and(|title| title == "Apply 2 Files That Can Do Harm?"));
        assert_eq!(dialog.default_response().as_deref(), Some("cancel"));
        assert!(!names.into_iter().any(is_there), "something is there already");
    };
    ask();
    scene.pass(300);
    scene.picture_of(question().expect("a question").upcast_ref(), "changes-matter-outside");
    answer(&scene, "cancel");
    scene.pass(300);
    assert!(!names.into_iter().any(is_there) && !says(&changes, "Applied"));
    ask();
    answer(&scene, "others");
    scene.until("the other one is applied", || is_there("report") && says(&changes, "Applied"));
    assert!(!is_there(names[0]) && !is_there(names[1]));
    // What is applied is not asked about again.
    act(&changes, "apply");
    scene.until("it asks", || question().is_some());
    assert!(!says(question().expect("a question").upcast_ref(), "report"));
    answer(&scene, "replace");
    scene.until("all are applied", || names.into_iter().all(is_there) && !may(&changes, "_Apply"));
    close(&changes);
    scene.until("it is left", || !changes.is_visible());
}

/// Some is applied, the rest is decided later: that is what is there later.
#[gtk::test]
fn what_was_applied_is_known_when_somebody_comes_back() {
    let scene = Scene::with_home();
    let paths = ["one", "two", "three"].map(|name| inside(&scene, name));
    paths.iter().for_each(|path| scene.fake.written.holds(path, b"new"));
    let all = paths.iter().map(|path| entry(path, What::Added, Some(3))).collect();
    let changes = scene.review(all);
    // ~, one, three, two
    choose(&changes, 1);
    act(&changes, "apply");
    scene.until("it is applied", || says(&changes, "Applied") && !may(&changes, "_Apply"));
    choose(&changes, 2);
    act(&changes, "keep-one");
    close(&changes);
    answer(&scene, "later");
    scene.until("it is left", || !changes.is_visible());
    scene.act("win.close-tab");
    let home = scene.window.widget.clone();
    scene.until("Home counts it", || says(home.upcast_ref(), "1 undecided change · "));
    // What has no tab any more is read anew.
    let list = find(home.upcast_ref(), "waiting").expect("a list");
    let row = list.first_child().and_downcast::<adw::ActionRow>().expect("a row");
    ActionRowExt::activate(&row);
    scene.until("they are shown", || page().is_some());
    let changes = page().expect("a window");
    let title = find(&changes, "list-title").and_downcast::<adw::WindowTitle>().expect("a title");
    assert_eq!(title.title(), "1 Undecided Change");
    assert!(says(&changes, "Applied") && says(&changes, "Kept"));
    choose(&changes, 1);
    assert!(!may(&changes, "_Apply"), "it is there already");
    close(&changes);
    answer(&scene, "later");
    scene.until("it is left again", || !changes.is_visible());
}

/// A row says what the user has in its place, and what a program may be.
#[gtk::test]
fn rows_say_what_is_there_and_which_modes() {
    let scene = Scene::with_home();
    let home = scene.folder().join("home");
    std::fs::write(home.join("mine"), "something else").expect("a file");
    std::fs::write(home.join("same"), "x").expect("a file");
    let added = |name: &str, size| entry(&inside(&scene, name), What::Added, size);
    let mut program = added("program", Some(9));
    program.change.after.as_mut().expect("facts").mode = 0o6755;
    let mut opened = entry(&inside(&scene, "opened"), What::Permissions, Some(9));
    opened.change.after.as_mut().expect("facts").mode = 0o666;
    let all = vec![
        added("mine", Some(1)),
        added("same", Some(1)),
        added("folder", None),
        added("folder/inner", Some(3)),
        program,
        opened,
    ];
    let changes = scene.review(all);
    for text in [
        "Added · 1\u{a0}byte · you have another one",
        "Added · 1\u{a0}byte · you have one of that name",
        "Added · 9\u{a0}bytes · setuid · setgid · 6755",
        "Permissions · 9\u{a0}bytes · 0644 → 0666",
        "5 changes",
        "1 change",
    ] {
        assert!(says(&changes, text), "{text}");
    }
    scene.pass(300);
    scene.picture_of(&changes, "changes-rows");
    close(&changes);
}

/// What a run changed is thrown away with it, also where it is run once more.
#[gtk::test]
fn who_restarts_is_asked_about_files_that_would_go() {
    let scene = Scene::with_home();
    let path = inside(&scene, "report");
    let mut profile = Profile::new("Shell", vec!["echo".into()]);
    profile.isolation = Some(Isolation::Container);
    profile.files.changes = Changes::Discard;
    let start = || {
        let plan = terrarium_engine::plan::plan(&profile, scene.bridge.host().expect("a computer"));
        scene.window.start(plan.plan.expect("a plan"));
        scene.shows("phase: Running");
    };
    start();
    scene.act("win.restart");
    scene.until("it runs again", || scene.fake.starts() == 2);
    assert!(dialog().is_none(), "nothing would go");
    scene.shows("phase: Running");
    scene.fake.written.set(vec![entry(&path, What::Added, Some(3))]);
    scene.act("win.restart");
    scene.until("it asks", || dialog().is_some());
    assert!(dialog().expect("a question").body().contains("report"));
    assert_eq!(scene.fake.starts(), 2);
    answer(&scene, "cancel");
    scene.pass(500);
    assert_eq!(scene.fake.starts(), 2, "it stays as it ended");
    scene.shows("phase: Ended");
}

/// The review of what was thrown away is no place to apply it from.
#[gtk::test]
fn a_review_goes_with_what_it_is_about() {
    let scene = Scene::with_home();
    scene.run_and_leave(vec![entry(&inside(&scene, "report"), What::Added, Some(3))], Changes::Discard);
    let changes = scene.look();
    assert_eq!(scene.look(), changes, "there is one");
    scene.act("win.close-tab");
    scene.until("it asks", || dialog().is_some());
    answer(&scene, "discard");
    scene.until("all is gone", || page().is_none() && scene.window.shows("home"));
}

#[gtk::test]
fn what_has_ended_is_closed_at_once_but_for_what_waits() {
    let scene = Scene::with_home();
    scene.run("print one");
    scene.shows("phase: Ended");
    // What it changed is looked at by then: nothing.
    scene.pass(500);
    scene.run_and_leave(vec![entry(&inside(&scene, "report"), What::Added, Some(3))], Changes::Discard);
    scene.fake.written.set(Vec::new());
    scene.run("print two");
    scene.shows("phase: Ended");
    scene.pass(500);
    assert_eq!(scene.window.runs.ended().len(), 3);
    scene.act("win.back");
    scene.object::<gtk::Button>("close-finished").emit_clicked();
    let left = || scene.window.runs.ended().iter().map(|tab| tab.name()).collect::<Vec<_>>();
    scene.until("one is left", || left() == ["Build a Project"]);
    assert!(dialog().is_none() && scene.window.shows("home"));
}
