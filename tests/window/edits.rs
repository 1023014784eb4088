// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files that a sandbox has a copy of to edit, and that lie outside of the home
//! folder.

use crate::changes::{act, close, page};
use crate::fake::entry;
use crate::scene::says;
use crate::Scene;
use adw::prelude::*;
use std::path::{Path, PathBuf};
use terrarium_engine::profile::{Changes, Include, Isolation, Profile};
use terrarium_protocol::changes::What;

/// The changes of a run that had a copy of this file.
fn edited(scene: &Scene, real: &Path) -> gtk::Widget {
    // It is older than the run, by the second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let host = scene.bridge.host().expect("a computer");
    let copy = terrarium_engine::plan::home(host).join(real.file_name().expect("a name"));
    let path = copy.to_str().expect("a text").to_owned();
    scene.fake.written.set(vec![entry(&path, What::Added, Some(8))]);
    scene.fake.written.holds(&path, b"one\nnew\n");
    let mut profile = Profile::new("Edit", vec!["print".into(), "x".into()]);
    profile.isolation = Some(Isolation::Container);
    profile.files.changes = Changes::Review;
    let mut plan = terrarium_engine::plan::plan(&profile, host).plan.expect("a plan");
    plan.profile.files.include = vec![Include { source: real.to_owned(), target: copy }];
    scene.window.start(plan);
    scene.within(std::time::Duration::from_secs(60), "they are offered", || scene.offer().is_some());
    scene.look()
}

fn elsewhere(scene: &Scene) -> PathBuf {
    let folder = scene.folder().join("elsewhere");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("zz.txt"), "one\nold\n").expect("a file");
    folder.join("zz.txt")
}

fn lines(changes: &gtk::Widget) -> String {
    let text = crate::scene::find(changes, "text").and_downcast::<gtk::TextView>().expect("a text");
    let buffer = text.buffer();
    buffer.text(&buffer.start_iter(), &buffer.end_iter(), false).into()
}

#[gtk::test]
fn a_file_from_elsewhere_goes_back_there() {
    let scene = Scene::with_home();
    let real = elsewhere(&scene);
    let changes = edited(&scene, &real);
    scene.until("its path is said", || says(&changes, &format!("copy of {}", real.display())));
    assert!(says(&changes, "Modified"));
    scene.until("it is compared", || lines(&changes).contains("- old") && lines(&changes).contains("+ new"));
    assert!(!lines(&changes).contains("+ one"), "{}", lines(&changes));
    act(&changes, "apply");
    let said = format!("Applied: {} is like this now. The old one is in the trash.", real.display());
    scene.until("what happened is said", || says(&changes, &said));
    assert_eq!(std::fs::read_to_string(&real).expect("a file"), "one\nnew\n");
    assert!(!scene.folder().join("home/zz.txt").exists());
    close(&changes);
    scene.until("it is closed", || page().is_none());
}

#[gtk::test]
fn one_that_is_gone_by_then_replaces_nothing_and_says_so() {
    let scene = Scene::with_home();
    let real = elsewhere(&scene);
    let changes = edited(&scene, &real);
    std::fs::remove_file(&real).expect("it goes");
    act(&changes, "apply");
    scene.until("what happened is said", || says(&changes, "Applied: you have it now."));
    assert!(!says(&changes, "The old one is in the trash") && real.exists());
    close(&changes);
    scene.until("it is closed", || page().is_none());
}

#[gtk::test]
fn one_whose_folder_is_gone_is_told_and_nothing_is_lost() {
    let scene = Scene::with_home();
    let real = elsewhere(&scene);
    let folder = real.parent().expect("a folder");
    let changes = edited(&scene, &real);
    std::fs::remove_dir_all(folder).expect("it goes");
    act(&changes, "apply");
    scene.until("it is said", || says(&changes, &folder.display().to_string()));
    assert!(!says(&changes, "Applied"));
    std::fs::create_dir(folder).expect("it comes back");
    act(&changes, "apply");
    scene.until("it is applied", || real.exists() && says(&changes, "Applied"));
    close(&changes);
    scene.until("it is closed", || page().is_none());
}
