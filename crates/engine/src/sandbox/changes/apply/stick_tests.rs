// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where a file system cannot exchange two files.
use super::super::tests::{added, Stage};
use super::*;
use std::fs;

/// What comes of replacing `x`, `there`, by `fresh` of the same folder.
fn put(stage: &mut Stage, there: &Stat) -> Result<(), Error> {
    let home = stage.how.home.clone();
    let entry = stage.changes.all[0].clone();
    let above: OwnedFd = File::open(&home).unwrap().into();
    let root = rustix::io::dup(&above).unwrap();
    let work = Work::new(&mut stage.fake, &stage.how, &home, root, &|_| true);
    let names = (OsStr::new("x"), OsStr::new("fresh"));
    work.one_after_the_other(&entry, Path::new("x"), &above, names, there)
}

#[test]
fn the_old_one_goes_to_the_trash_first_and_is_never_lost() {
    let mut stage = Stage::new(vec![added("/home/me/x", FileKind::File)]);
    let (x, fresh) = (stage.home("x"), stage.home("fresh"));
    fs::write(&x, "mine").unwrap();
    fs::write(&fresh, "new").unwrap();
    let there = rustix::fs::lstat(&x).unwrap();
    // Another one by then stays.
    fs::write(&x, "mine, written since").unwrap();
    let refused = put(&mut stage, &there).unwrap_err();
    assert!(matches!(refused, Error::Layer(LayerError::NotApplied { why: NotApplied::Changed, .. })));
    assert_eq!(fs::read_to_string(&x).unwrap(), "mine, written since");
    let there = rustix::fs::lstat(&x).unwrap();
    put(&mut stage, &there).unwrap();
    assert_eq!(
        (fs::read_to_string(&x).unwrap().as_str(), stage.names().as_slice()),
        ("new", &["x".to_owned()][..])
    );
    let trash = stage.how.data.join("Trash");
    assert_eq!(fs::read_to_string(trash.join("files/x")).unwrap(), "mine, written since");
    let note = fs::read_to_string(trash.join("info/x.trashinfo")).unwrap();
    assert!(note.contains("/home/x\n"), "{note}");
}
