// SPDX-License-Identifier: LGPL-2.1-or-later
//! A file from outside of the home folder that the run had a copy of: what
//! became of it goes back to where it is.
use super::apply::{check, questions, Guards, Why};
use super::difference::real_place;
use super::tests::{added, entry, facts, tag, Stage};
use crate::error::{Error, NotApplied};
use crate::plan::Holds;
use crate::sandbox::Tag;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use terrarium_protocol::changes::{FileKind, What};

/// A copy of `elsewhere/x`, which is `mine` and older than the run.
fn stage(entries: Vec<super::Entry>) -> (Stage, PathBuf) {
    let mut stage = Stage::new(entries);
    let elsewhere = stage.top.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("x"), "mine").unwrap();
    stage.how.copies = vec![(elsewhere.join("x"), "/home/me/x".into())];
    stage.how.since = Some(u64::MAX >> 1);
    (stage, elsewhere)
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

fn names(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_copy_of_a_file_elsewhere_goes_back_there() {
    let (mut stage, elsewhere) =
        stage(vec![added("/home/me/x", FileKind::File), added("/home/me/y", FileKind::File)]);
    let entry = stage.changes.all[0].clone();
    let tag = Tag { copies: stage.how.copies.clone(), ..tag(5) };
    assert_eq!(real_place(&entry, &tag, &stage.how.home, Path::new("/home/me")), elsewhere.join("x"));
    // It was to be edited: nothing is asked.
    assert_eq!(questions(&stage.changes, stage.changes.all.iter(), &stage.how).unwrap(), []);
    let done = stage.apply("/home/me/x").unwrap();
    assert_eq!((done.done, done.replaced), (vec![elsewhere.join("x")], vec![elsewhere.join("x")]));
    assert_eq!((read(elsewhere.join("x")), names(&elsewhere)), ("new".to_owned(), 1));
    assert_eq!(read(stage.how.data.join("Trash/files/x")), "mine");
    let note = read(stage.how.data.join("Trash/info/x.trashinfo"));
    assert!(note.contains("/elsewhere/x\n"), "{note}");
    assert_eq!(stage.names(), [""; 0], "the home folder is as it was");
    // What lies beside the copy is new at home.
    assert_eq!(stage.apply("/home/me/y").unwrap().done, [stage.home("y")]);
    // Gone meanwhile: nothing was replaced.
    fs::remove_file(elsewhere.join("x")).unwrap();
    assert!(stage.apply("/home/me/x").unwrap().replaced.is_empty());
    assert_eq!(read(elsewhere.join("x")), "new");
}

#[test]
fn one_that_is_another_by_now_is_asked_about() {
    let (mut stage, elsewhere) = stage(vec![added("/home/me/x", FileKind::File)]);
    stage.how.since = Some(1);
    let asked = questions(&stage.changes, stage.changes.all.iter(), &stage.how).unwrap();
    let asked: Vec<_> = asked.iter().map(|one| (one.place.clone(), one.why)).collect();
    assert_eq!(asked, [(elsewhere.join("x"), Why::Changed)]);
    assert_eq!(stage.why("/home/me/x"), NotApplied::Changed);
    assert_eq!((read(elsewhere.join("x")), names(&elsewhere)), ("mine".to_owned(), 1));
    stage.how.asked = ["/home/me/x".into()].into();
    stage.apply("/home/me/x").unwrap();
    assert_eq!(read(elsewhere.join("x")), "new");
    // A copy of the copy is one.
    let to = stage.top.path().join("to");
    fs::create_dir(&to).unwrap();
    stage.how.to = Some(to.clone());
    stage.apply("/home/me/x").unwrap();
    assert!(to.join("x").exists());
}

#[test]
fn a_copy_in_a_folder_that_is_new_goes_back_as_well() {
    let entries = ["/home/me/new/x", "/home/me/new/y"].map(|path| added(path, FileKind::File));
    let (mut stage, elsewhere) =
        stage([vec![added("/home/me/new", FileKind::Folder)], entries.into()].concat());
    stage.how.copies[0].1 = "/home/me/new/x".into();
    let done = stage.apply("/home/me/new").unwrap().done;
    assert_eq!(done, [stage.home("new"), stage.home("new/y"), elsewhere.join("x")]);
    assert_eq!(read(elsewhere.join("x")), "new");
    // Of a folder that was copied nothing goes back.
    stage.how.copies = vec![(elsewhere.clone(), "/home/me/new".into())];
    stage.how.replace = true;
    assert_eq!(stage.apply("/home/me/new").unwrap().done, [stage.home("new/x"), stage.home("new/y")]);
}

#[test]
fn one_that_the_sandbox_deleted_goes_to_the_trash_where_it_is() {
    let gone = entry("/home/me/x", What::Deleted, Some(facts(FileKind::File, 4)), None);
    let (mut stage, elsewhere) = stage(vec![gone]);
    fs::write(stage.home("x"), "another one").unwrap();
    assert_eq!(stage.why("/home/me/x"), NotApplied::Changed);
    stage.how.replace = true;
    assert_eq!(stage.apply("/home/me/x").unwrap().gone, [elsewhere.join("x")]);
    assert_eq!((names(&elsewhere), stage.names()), (0, vec!["x".to_owned()]));
}

#[test]
fn nothing_leads_astray() {
    let (mut stage, elsewhere) = stage(vec![added("/home/me/x", FileKind::File)]);
    // What matters is asked about, whatever the way to it.
    let mut host = crate::xml::tests::host();
    host.user.home = stage.how.home.clone();
    let keys = stage.home(".ssh");
    fs::create_dir(&keys).unwrap();
    symlink(&keys, stage.top.path().join("link")).unwrap();
    stage.how.guards = Guards::of(&host);
    stage.how.copies[0].0 = stage.top.path().join("link/x");
    assert_eq!(stage.why("/home/me/x"), NotApplied::Guarded(Holds::Keys));
    assert_eq!(
        questions(&stage.changes, stage.changes.all.iter(), &stage.how).unwrap()[0].why,
        Why::Guarded(Holds::Keys)
    );
    assert_eq!(names(&keys), 0);
    // A link that may be a sandbox's is not followed.
    fs::create_dir_all(stage.how.data.join("terrarium")).unwrap();
    let written = [stage.top.path().as_os_str().as_encoded_bytes(), &[0]].concat();
    fs::write(stage.how.data.join("terrarium/written"), written).unwrap();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), stage.top.path().join("away")).unwrap();
    stage.how.copies[0].0 = stage.top.path().join("away/x");
    stage.how.replace = true;
    assert_eq!(stage.why("/home/me/x"), NotApplied::Astray);
    assert_eq!(names(outside.path()), 0);
    // Nor is a link in the file's own place.
    symlink("y", elsewhere.join("l")).unwrap();
    fs::write(elsewhere.join("y"), "kept").unwrap();
    stage.how.copies[0].0 = elsewhere.join("l");
    assert_eq!(stage.why("/home/me/x"), NotApplied::InTheWay);
    assert_eq!(read(elsewhere.join("y")), "kept");
}

#[test]
fn who_may_not_write_it_is_told_and_loses_nothing() {
    if nix::unistd::geteuid().is_root() {
        return;
    }
    let (mut stage, elsewhere) = stage(vec![added("/home/me/x", FileKind::File)]);
    let mode = |mode| <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode);
    fs::set_permissions(elsewhere.join("x"), mode(0o444)).unwrap();
    let entry = stage.changes.all[0].clone();
    let words = |error: Error| crate::message::error(&error);
    let expected = elsewhere.join("x").display().to_string();
    for error in [check(&entry, &stage.how).unwrap_err(), stage.apply("/home/me/x").unwrap_err()] {
        let words = words(error);
        assert!(words.contains(&expected) && words.to_lowercase().contains("permission"), "{words}");
    }
    fs::set_permissions(elsewhere.join("x"), mode(0o644)).unwrap();
    fs::set_permissions(&elsewhere, mode(0o555)).unwrap();
    let words = words(stage.apply("/home/me/x").unwrap_err());
    fs::set_permissions(&elsewhere, mode(0o755)).unwrap();
    assert!(words.contains(&expected), "{words}");
    assert_eq!(
        (read(elsewhere.join("x")), names(&elsewhere), stage.names().len()),
        ("mine".to_owned(), 1, 0)
    );
}
