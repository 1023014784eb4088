// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is asked before anything is applied, and what was decided.
use super::apply::{questions, Guards, Why};
use super::decided::{self, Decision};
use super::listing::{Changes, Entry};
use super::tests::{added, entry, facts, tag, Stage};
use crate::error::NotApplied;
use crate::plan::Holds;
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use terrarium_protocol::changes::{FileKind, Totals, What};
use terrarium_protocol::Bytes;

/// What is asked before anything is applied: of a place, or of a file.
fn asked(stage: &Stage) -> Vec<(String, Why, bool)> {
    let tops = stage.changes.all.iter();
    let all = questions(&stage.changes, tops, &stage.how).unwrap();
    let name = |path: &Path| path.strip_prefix(&stage.how.home).unwrap().display().to_string();
    all.iter().map(|one| (name(&one.place), one.why, one.deletes)).collect()
}

fn guarded(stage: &mut Stage) {
    let mut host = crate::xml::tests::host();
    host.user.home = stage.how.home.clone();
    stage.how.guards = Guards::of(&host);
}

/// What starts programs, or lies among keys, comes and goes only if that was
/// said; what lies beside it comes without.
#[test]
fn what_matters_outside_is_asked_about_before_anything_is_applied() {
    let starts = Why::Guarded(Holds::Starts);
    let mut stage = Stage::new(vec![
        added("/home/me/.bashrc", FileKind::File),
        added("/home/me/.config", FileKind::Folder),
        added("/home/me/.config/autostart", FileKind::Folder),
        added("/home/me/.config/autostart/x.desktop", FileKind::File),
        added("/home/me/.config/other", FileKind::File),
        added("/home/me/.local/bin/ls", FileKind::File),
        added("/home/me/.ssh/authorized_keys", FileKind::File),
        added("/home/me/report", FileKind::File),
    ]);
    guarded(&mut stage);
    fs::write(stage.home("report"), "mine").unwrap();
    let expected = [
        (".config/autostart", starts),
        (".config/autostart/x.desktop", starts),
        (".bashrc", Why::Guarded(Holds::Programs)),
        (".local/bin/ls", Why::Guarded(Holds::Programs)),
        (".ssh/authorized_keys", Why::Guarded(Holds::Keys)),
        ("report", Why::Unseen),
    ];
    assert_eq!(asked(&stage), expected.map(|(name, why)| (name.to_owned(), why, false)));
    // The engine does not rely on whoever asks, and begins nothing of a folder.
    assert_eq!(stage.why("/home/me/.config"), NotApplied::Guarded(Holds::Starts));
    assert_eq!(stage.names(), ["report"]);
    // The others come, and what was said.
    stage.how.leave = HashSet::from(["/home/me/.config/autostart".into()]);
    stage.apply("/home/me/.config").unwrap();
    assert!(stage.home(".config/other").exists() && !stage.home(".config/autostart").exists());
    stage.how.leave.clear();
    stage.how.asked =
        ["/home/me/.config/autostart", "/home/me/.config/autostart/x.desktop"].map(Bytes::from).into();
    fs::remove_dir_all(stage.home(".config")).unwrap();
    stage.apply("/home/me/.config").unwrap();
    assert!(stage.home(".config/autostart/x.desktop").exists());
    assert_eq!(stage.why("/home/me/.bashrc"), NotApplied::Guarded(Holds::Programs));
}

/// With a folder goes what it guards.
#[test]
fn what_matters_outside_does_not_go_unasked() {
    let gone = |path| entry(path, What::Deleted, Some(facts(FileKind::Folder, 0)), None);
    let mut moved = added("/home/me/mine", FileKind::File);
    moved.moved_from = Some("/home/me/.ssh/id".into());
    let mut stage = Stage::new(vec![gone("/home/me/.config"), gone("/home/me/nothing"), moved]);
    for folder in [".config/systemd", ".ssh"] {
        fs::create_dir_all(stage.home(folder)).unwrap();
    }
    fs::write(stage.home(".ssh/id"), "key").unwrap();
    guarded(&mut stage);
    let expected = [(".config", Holds::Starts), (".ssh/id", Holds::Keys)];
    assert_eq!(asked(&stage), expected.map(|(name, holds)| (name.to_owned(), Why::Guarded(holds), true)));
    stage.how.since = Some(u64::MAX >> 1);
    assert_eq!(stage.why("/home/me/.config"), NotApplied::Guarded(Holds::Starts));
    assert!(stage.apply("/home/me/mine").is_err() && stage.home(".ssh/id").exists());
    // Under another name it is the same place.
    fs::rename(stage.home(".ssh"), stage.home("keys")).unwrap();
    symlink("keys", stage.home(".ssh")).unwrap();
    let mut stage = Stage {
        changes: Changes { all: vec![added("/home/me/keys/id", FileKind::File)], ..stage.changes },
        ..stage
    };
    guarded(&mut stage);
    fs::remove_file(stage.home("keys/id")).unwrap();
    assert_eq!(asked(&stage), [("keys/id".to_owned(), Why::Guarded(Holds::Keys), false)]);
}

/// It is found again as it was left, as long as what was applied is there.
#[test]
fn what_was_decided_is_known_later() {
    let names = ["/home/me/a", "/home/me/b", "/home/me/c", "/home/me/d"];
    let mut stage = Stage::new(names.map(|path| added(path, FileKind::File)).into());
    let folder = stage.top.path().join("layer");
    fs::create_dir(&folder).unwrap();
    let layer = crate::sandbox::Layer { folder, tag: tag(5) };
    let none = [None; 4];
    assert_eq!(decided::load(&layer, &stage.changes), none);
    stage.apply("/home/me/a").unwrap();
    let home = stage.how.home.clone();
    let place = |entry: &Entry| home.join(entry.path().strip_prefix("/home/me").unwrap());
    let said = [Some(Decision::Applied), Some(Decision::Kept), Some(Decision::Copied), None];
    decided::store(&layer, &stage.changes, &said, place).unwrap();
    assert_eq!(decided::load(&layer, &stage.changes), said);
    let told = super::Told::of(
        &layer,
        &Changes { totals: Totals { changes: 4, ..Totals::default() }, ..stage.changes.clone() },
    );
    assert_eq!((told.count, told.decided, told.undecided()), (4, 3, 1));
    // Of another run, of a change that is another by now, or of a file that
    // somebody has changed since, nothing is decided.
    let other = crate::sandbox::Layer {
        tag: crate::sandbox::Tag { uuid: "other".into(), ..tag(5) },
        ..layer.clone()
    };
    assert_eq!(decided::load(&other, &stage.changes), none);
    let mut changed = stage.changes.clone();
    changed.all[1].change.after.as_mut().unwrap().modified += 1;
    assert_eq!(decided::load(&layer, &changed)[..2], [Some(Decision::Applied), None]);
    fs::write(home.join("a"), "edited since").unwrap();
    decided::store(&layer, &stage.changes, &said, place).unwrap();
    assert_eq!(decided::load(&layer, &stage.changes)[..2], [None, Some(Decision::Kept)]);
    fs::remove_file(home.join("a")).unwrap();
    assert_eq!(decided::load(&layer, &stage.changes)[0], None);
}
