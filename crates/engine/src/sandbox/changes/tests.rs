// SPDX-License-Identifier: LGPL-2.1-or-later
use super::ahead::Ahead;
use super::apply::{apply, Applied, Apply, Guards};
use super::choose::{all_but, all_of};
use super::listing::{load, set_aside, store, Changes, Collector, Entry, Kind};
use super::session::{Review, Several, Sink, Watch};
use crate::error::{Error, LayerError, NotApplied};
use crate::profile::{Changes as Fate, Isolation};
use crate::sandbox::Tag;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use terrarium_protocol::changes::{Change, Encoder, Facts, FileKind, Totals, What};
use terrarium_protocol::contents::Piece;
use terrarium_protocol::Bytes;

/// A sandbox that says what it is told to, or whatever it likes.
#[derive(Default)]
pub(super) struct Fake {
    files: HashMap<Vec<u8>, Vec<Piece>>,
    /// Done when the first piece is handed out.
    meanwhile: Option<Box<dyn Fn() + Send>>,
}

impl Review for Fake {
    fn list(&mut self, _: &Watch<'_>) -> Result<Changes, Error> {
        Ok(Changes::default())
    }

    fn contents(&mut self, path: &Bytes, sink: &mut Sink<'_>) -> Result<(), Error> {
        self.meanwhile.iter().for_each(|what| what());
        for piece in self.files.get(path.as_slice()).cloned().unwrap_or_default() {
            if !sink(piece)? {
                break;
            }
        }
        Ok(())
    }

    fn forget(&mut self, _: &[Bytes]) -> Result<(), Error> {
        Ok(())
    }
}

pub(super) fn facts(kind: FileKind, size: u64) -> Facts {
    Facts { kind, mode: 0o6755, uid: 0, gid: 0, size, modified: 5, nanoseconds: 6, target: Bytes::default() }
}

pub(super) fn entry(path: &str, what: What, before: Option<Facts>, after: Option<Facts>) -> Entry {
    Entry {
        change: Change { path: path.into(), what, before, after },
        moved_from: None,
        outdated: false,
        again: false,
    }
}

pub(super) fn added(path: &str, kind: FileKind) -> Entry {
    entry(path, What::Added, None, Some(facts(kind, 100)))
}

/// A home, and what is applied to it.
pub(super) struct Stage {
    pub(super) top: tempfile::TempDir,
    pub(super) fake: Fake,
    pub(super) changes: Changes,
    pub(super) how: Apply,
}

impl Stage {
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        let top = tempfile::tempdir().unwrap();
        let home = top.path().join("home");
        fs::create_dir(&home).unwrap();
        let how = Apply {
            home,
            home_inside: "/home/me".into(),
            data: top.path().join("data"),
            to: None,
            name: None,
            under: None,
            since: None,
            replace: false,
            asked: HashSet::new(),
            leave: HashSet::new(),
            guards: Guards::default(),
            copies: Vec::new(),
        };
        let mut fake = Fake::default();
        for entry in &entries {
            let pieces = vec![Piece::Bytes(0, b"new".to_vec()), Piece::End(3)];
            fake.files.insert(entry.change.path.0.clone(), pieces);
        }
        let changes = Changes { all: entries, totals: Totals::default() };
        let mut stage = Self { top, fake, changes, how };
        stage.sort();
        stage
    }

    /// As they come from a sandbox.
    fn sort(&mut self) {
        self.changes.all.sort_by(|a, b| a.change.path.cmp(&b.change.path));
    }

    pub(super) fn home(&self, name: &str) -> PathBuf {
        self.how.home.join(name)
    }

    pub(super) fn apply(&mut self, path: &str) -> Result<Applied, Error> {
        let entry = self.changes.find(path.as_bytes()).unwrap().clone();
        apply(&mut self.fake, &self.changes, &entry, &self.how, &|_| true)
    }

    pub(super) fn why(&mut self, path: &str) -> NotApplied {
        match self.apply(path) {
            Err(Error::Layer(LayerError::NotApplied { why, .. })) => why,
            other => panic!("{path}: {other:?}"),
        }
    }

    /// Names in the home, hidden ones too.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.how.home).unwrap().flatten();
        let mut all: Vec<String> = entries.map(|e| e.file_name().into_string().unwrap()).collect();
        all.sort();
        all
    }
}

#[test]
fn a_file_comes_with_its_folders_and_nothing_but_permissions() {
    let mut stage = Stage::new(vec![added("/home/me/a/b/c", FileKind::File)]);
    let done = stage.apply("/home/me/a/b/c").unwrap().done;
    assert_eq!(done, [stage.home("a/b/c")]);
    assert_eq!(fs::read(stage.home("a/b/c")).unwrap(), b"new");
    assert_eq!(fs::metadata(stage.home("a/b/c")).unwrap().permissions().mode() & 0o7777, 0o755);
    // A second time it would replace one that the sandbox has never seen.
    assert_eq!(stage.why("/home/me/a/b/c"), NotApplied::Changed);
}

#[test]
fn nothing_leads_out_of_the_home() {
    let paths =
        ["/home/me/link/x", "/home/me/file/x", "/home/me/link", "/home/me/dir", "/etc/x", "/home/me2/x"];
    let mut stage = Stage::new(paths.iter().map(|path| added(path, FileKind::File)).collect());
    stage.how.replace = true;
    let outside = stage.top.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir(stage.home("dir")).unwrap();
    fs::write(stage.home("file"), "mine").unwrap();
    symlink(&outside, stage.home("link")).unwrap();
    for path in &paths[..4] {
        assert_eq!(stage.why(path), NotApplied::InTheWay, "{path}");
    }
    for path in &paths[4..] {
        assert_eq!(stage.why(path), NotApplied::Outside, "{path}");
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(stage.names(), ["dir", "file", "link"]);
}

#[test]
fn links_devices_and_the_like_stay_where_they_are() {
    use FileKind::{Block, Character, Fifo, Link, Socket};
    let mut all = vec![added("/home/me/d", FileKind::Folder), added("/home/me/d/f", FileKind::File)];
    let kinds = [Block, Character, Fifo, Link, Socket];
    all.extend(kinds.iter().enumerate().map(|(at, kind)| added(&format!("/home/me/d/{at}"), *kind)));
    let mut stage = Stage::new(all);
    for at in 0..kinds.len() {
        assert_eq!(stage.why(&format!("/home/me/d/{at}")), NotApplied::Kind);
    }
    let applied = stage.apply("/home/me/d").unwrap();
    assert_eq!((applied.done.len(), applied.left.len()), (2, kinds.len()));
    assert_eq!(fs::read_dir(stage.home("d")).unwrap().count(), 1);
}

fn gone(path: &str, before: Facts) -> Entry {
    entry(path, What::Deleted, Some(before), None)
}

#[test]
fn what_was_deleted_inside_goes_to_the_trash() {
    let mut stage = Stage::new(Vec::new());
    fs::create_dir_all(stage.home("dir/deep")).unwrap();
    fs::write(stage.home("dir/deep/x"), "one").unwrap();
    fs::write(stage.home("y"), "two").unwrap();
    symlink("y", stage.home("link")).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let link = Facts { kind: FileKind::Link, ..of_link(&stage.home("link")) };
    stage.changes.all = vec![
        gone("/home/me/dir", facts(FileKind::Folder, 1)),
        gone("/home/me/link", link),
        gone("/home/me/missing/in", facts(FileKind::File, 3)),
        gone("/home/me/y", of_host(&stage.home("y"))),
    ];
    // A file that is as it was, and one that is not there any more.
    let home = stage.how.home.clone();
    assert_eq!(stage.apply("/home/me/y").unwrap().gone, [home.join("y")]);
    assert_eq!(stage.apply("/home/me/y").unwrap(), Applied::default());
    assert_eq!(stage.apply("/home/me/missing/in").unwrap(), Applied::default());
    assert_eq!(stage.apply("/home/me/link").unwrap().gone, [home.join("link")]);
    // In a folder anything may have changed since.
    for since in [None, Some(now - 100)] {
        stage.how.since = since;
        assert_eq!(stage.why("/home/me/dir"), NotApplied::Changed, "{since:?}");
    }
    stage.how.since = Some(now + 100);
    assert_eq!(stage.apply("/home/me/dir").unwrap().gone, [home.join("dir")]);
    let trash = stage.how.data.join("Trash/files");
    assert_eq!(fs::read_to_string(trash.join("dir/deep/x")).unwrap(), "one");
    assert_eq!(fs::read_to_string(trash.join("y")).unwrap(), "two");
    assert_eq!(stage.names(), Vec::<String>::new());
    // There is nothing that a copy could be made of.
    stage.how.to = Some(stage.top.path().to_owned());
    assert_eq!(stage.why("/home/me/y"), NotApplied::Gone);
}

/// What the host has at a path that may be a link.
fn of_link(path: &Path) -> Facts {
    let found = fs::symlink_metadata(path).unwrap();
    let nanoseconds = u32::try_from(found.mtime_nsec()).unwrap();
    Facts { size: found.size(), modified: found.mtime(), nanoseconds, ..facts(FileKind::Link, 0) }
}

#[test]
fn what_is_another_by_now_is_deleted_only_if_that_is_right() {
    let mut stage = Stage::new(Vec::new());
    fs::write(stage.home("x"), "one").unwrap();
    let before = of_host(&stage.home("x"));
    stage.changes.all = vec![gone("/home/me/x", before)];
    fs::write(stage.home("x"), "longer").unwrap();
    assert_eq!(stage.why("/home/me/x"), NotApplied::Changed);
    // Another kind of thing is not what was deleted, whatever is said.
    stage.how.replace = true;
    fs::remove_file(stage.home("x")).unwrap();
    fs::create_dir(stage.home("x")).unwrap();
    assert_eq!(stage.why("/home/me/x"), NotApplied::InTheWay);
    fs::remove_dir(stage.home("x")).unwrap();
    fs::write(stage.home("x"), "another").unwrap();
    stage.apply("/home/me/x").unwrap();
    assert_eq!(fs::read_to_string(stage.how.data.join("Trash/files/x")).unwrap(), "another");
    // Without a trash it stays.
    fs::write(stage.home("x"), "kept").unwrap();
    fs::remove_dir_all(&stage.how.data).unwrap();
    fs::write(&stage.how.data, "in the way").unwrap();
    assert!(stage.apply("/home/me/x").is_err());
    assert_eq!(stage.names(), ["x"]);
}

/// Whatever a sandbox says that it has deleted.
#[test]
fn nothing_outside_the_home_is_deleted() {
    let file = || facts(FileKind::File, 4);
    let mut stage = Stage::new(Vec::new());
    stage.how.replace = true;
    let outside = stage.top.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("x"), "kept").unwrap();
    symlink(&outside, stage.home("link")).unwrap();
    fs::write(stage.home("file"), "mine").unwrap();
    let all = [
        ("/home/me/link/x", NotApplied::InTheWay),
        ("/home/me/link", NotApplied::InTheWay),
        ("/home/me/file/x", NotApplied::InTheWay),
        ("/home/me", NotApplied::Outside),
        ("/home/me2/x", NotApplied::Outside),
        ("/etc/passwd", NotApplied::Outside),
    ];
    stage.changes.all = all.iter().map(|(path, _)| gone(path, file())).collect();
    let fifo = stage.home("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    stage.changes.all.push(gone("/home/me/fifo", facts(FileKind::Fifo, 0)));
    stage.sort();
    for (path, why) in all.into_iter().chain([("/home/me/fifo", NotApplied::InTheWay)]) {
        assert_eq!(stage.why(path), why, "{path}");
    }
    assert_eq!(fs::read_to_string(outside.join("x")).unwrap(), "kept");
    assert_eq!(stage.names(), ["fifo", "file", "link"]);
}

#[test]
fn what_was_moved_is_moved() {
    let mut stage = Stage::new(vec![added("/home/me/new/a", FileKind::File)]);
    fs::write(stage.home("a"), "mine").unwrap();
    let before = of_host(&stage.home("a"));
    let moved = &mut stage.changes.all[0];
    (moved.moved_from, moved.change.before) = (Some("/home/me/a".into()), Some(before));
    // The old one is another by now: nothing is begun.
    fs::write(stage.home("a"), "changed").unwrap();
    assert_eq!(stage.why("/home/me/new/a"), NotApplied::Changed);
    assert_eq!(stage.names(), ["a"]);
    stage.changes.all[0].change.before = Some(of_host(&stage.home("a")));
    let applied = stage.apply("/home/me/new/a").unwrap();
    assert_eq!((applied.done, applied.gone), (vec![stage.home("new/a")], vec![stage.home("a")]));
    assert_eq!(fs::read(stage.home("new/a")).unwrap(), b"new");
    assert_eq!(fs::read(stage.how.data.join("Trash/files/a")).unwrap(), b"changed");
    // What it was moved from outside stays there, and a copy moves nothing.
    fs::write(stage.home("a"), "again").unwrap();
    stage.changes.all[0].change.before = Some(of_host(&stage.home("a")));
    stage.how.to = Some(stage.top.path().join("copies"));
    fs::create_dir(stage.how.to.as_ref().unwrap()).unwrap();
    stage.apply("/home/me/new/a").unwrap();
    stage.how.to = None;
    stage.changes.all[0].moved_from = Some("/etc/hostname".into());
    fs::remove_dir_all(stage.home("new")).unwrap();
    stage.apply("/home/me/new/a").unwrap();
    assert_eq!(stage.names(), ["a", "new"]);
}

#[test]
fn a_folder_that_was_moved_goes_as_a_whole() {
    let mut all: Vec<Entry> = ["/home/me/new", "/home/me/new/in", "/home/me/new/in/x"]
        .map(|path| added(path, if path.ends_with('x') { FileKind::File } else { FileKind::Folder }))
        .into();
    for entry in &mut all {
        let from = entry.change.path.to_string().replace("/new", "/old");
        (entry.moved_from, entry.change.before) = (Some(from.as_str().into()), entry.change.after.clone());
    }
    let mut stage = Stage::new(all);
    fs::create_dir_all(stage.home("old/in")).unwrap();
    fs::write(stage.home("old/in/x"), "mine").unwrap();
    assert_eq!(stage.why("/home/me/new"), NotApplied::Changed);
    assert_eq!(stage.names(), ["old"]);
    stage.how.replace = true;
    let applied = stage.apply("/home/me/new").unwrap();
    assert_eq!((applied.done.len(), applied.gone), (3, vec![stage.home("old")]));
    assert_eq!(stage.names(), ["new"]);
    assert_eq!(fs::read(stage.how.data.join("Trash/files/old/in/x")).unwrap(), b"mine");
}

#[test]
fn one_kind_of_thing_takes_the_place_of_another() {
    let kinds = [FileKind::File, FileKind::Folder, FileKind::Link];
    for (was, is) in kinds.iter().flat_map(|was| [(*was, FileKind::File), (*was, FileKind::Folder)]) {
        if was == is {
            continue;
        }
        let before = Some(facts(was, 3));
        let mut stage = Stage::new(vec![entry("/home/me/x", What::Type, before, Some(facts(is, 100)))]);
        let path = stage.home("x");
        let make = |kind: FileKind| match kind {
            FileKind::File => fs::write(&path, "mine").unwrap(),
            FileKind::Folder => fs::create_dir_all(path.join("in")).unwrap(),
            _ => symlink("/etc/passwd", &path).unwrap(),
        };
        make(was);
        assert_eq!(stage.why("/home/me/x"), NotApplied::Changed, "{was:?} {is:?}");
        stage.how.replace = true;
        stage.apply("/home/me/x").unwrap();
        assert_eq!(fs::symlink_metadata(&path).unwrap().is_dir(), is == FileKind::Folder);
        assert!(fs::symlink_metadata(stage.how.data.join("Trash/files/x")).is_ok(), "{was:?} {is:?}");
        assert_eq!(stage.names(), ["x"]);
        // One that the sandbox has not seen stays.
        if was == FileKind::Link {
            fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)).unwrap();
            make(if is == FileKind::File { FileKind::Folder } else { FileKind::File });
            assert_eq!(stage.why("/home/me/x"), NotApplied::InTheWay);
        }
    }
}

#[test]
fn a_file_that_is_as_it_was_is_replaced_unasked() {
    let mut stage = Stage::new(vec![added("/home/me/x", FileKind::File)]);
    fs::write(stage.home("x"), "mine").unwrap();
    let change = &mut stage.changes.all[0].change;
    (change.what, change.before) = (What::Modified, Some(of_host(&stage.how.home.join("x"))));
    stage.apply("/home/me/x").unwrap();
    assert_eq!(fs::read(stage.how.data.join("Trash/files/x")).unwrap(), b"mine");
}

#[test]
fn copies_have_the_folders_that_they_lay_in() {
    let mut stage =
        Stage::new(vec![added("/home/me/a/x", FileKind::File), added("/home/me/b/x", FileKind::File)]);
    let to = stage.top.path().join("to");
    fs::create_dir(&to).unwrap();
    stage.how.to = Some(to.clone());
    stage.how.under = Some("/home/me".into());
    let outside = stage.top.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, to.join("b")).unwrap();
    stage.apply("/home/me/a/x").unwrap();
    assert_eq!(stage.why("/home/me/b/x"), NotApplied::InTheWay);
    assert_eq!(fs::read(to.join("a/x")).unwrap(), b"new");
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
    stage.how.under = Some("/home/me/a/x".into());
    assert_eq!(stage.why("/home/me/a/x"), NotApplied::Outside);
}

#[test]
fn what_is_replaced_goes_to_the_trash_as_it_was() {
    let mut stage = Stage::new(vec![added("/home/me/x", FileKind::File)]);
    fs::write(stage.home("x"), "mine").unwrap();
    assert_eq!(stage.why("/home/me/x"), NotApplied::Changed);
    stage.how.replace = true;
    stage.apply("/home/me/x").unwrap();
    assert_eq!(fs::read(stage.home("x")).unwrap(), b"new");
    assert_eq!(fs::read(stage.how.data.join("Trash/files/x")).unwrap(), b"mine");
    assert_eq!(stage.names(), ["x"]);
    // Without a trash nothing is replaced.
    fs::remove_dir_all(&stage.how.data).unwrap();
    fs::write(&stage.how.data, "in the way").unwrap();
    assert!(stage.apply("/home/me/x").is_err());
    assert_eq!((fs::read(stage.home("x")).unwrap(), stage.names()), (b"new".to_vec(), vec!["x".to_owned()]));
}

#[test]
fn who_changes_the_real_one_meanwhile_keeps_it() {
    for replace in [false, true] {
        let mut stage = Stage::new(vec![added("/home/me/x", FileKind::File)]);
        let path = stage.home("x");
        if replace {
            fs::write(&path, "first").unwrap();
        }
        stage.how.replace = replace;
        let (fresh, beside) = (path.clone(), stage.home("y"));
        stage.fake.meanwhile = Some(Box::new(move || {
            fs::write(&beside, "saved meanwhile").unwrap();
            fs::rename(&beside, &fresh).unwrap();
        }));
        assert_eq!(stage.why("/home/me/x"), NotApplied::Changed);
        assert_eq!(fs::read_to_string(&path).unwrap(), "saved meanwhile");
        assert_eq!(stage.names(), ["x"]);
    }
}

#[test]
fn a_link_that_appears_meanwhile_is_not_followed() {
    let mut stage = Stage::new(vec![added("/home/me/x", FileKind::File)]);
    let (path, victim) = (stage.home("x"), stage.top.path().join("victim"));
    fs::write(&victim, "kept").unwrap();
    let to = victim.clone();
    stage.fake.meanwhile = Some(Box::new(move || symlink(&to, &path).unwrap()));
    assert_eq!(stage.why("/home/me/x"), NotApplied::Changed);
    assert_eq!(fs::read_to_string(victim).unwrap(), "kept");
}

#[test]
fn holes_stay_holes_and_lies_about_the_length_are_noticed() {
    let mut sparse = added("/home/me/sparse", FileKind::File);
    sparse.change.after.as_mut().unwrap().size = 50_000_000_000;
    let liars = [
        vec![Piece::Bytes(0, vec![1; 101]), Piece::End(101)],
        vec![Piece::Bytes(99, vec![1; 2])],
        vec![Piece::End(u64::MAX)],
    ];
    let mut all = vec![sparse];
    all.extend((0..liars.len()).map(|at| added(&format!("/home/me/liar{at}"), FileKind::File)));
    let mut stage = Stage::new(all);
    let pieces = vec![Piece::Bytes(25_000_000_000, b"middle".to_vec()), Piece::End(50_000_000_000)];
    stage.fake.files.insert(b"/home/me/sparse".to_vec(), pieces);
    stage.apply("/home/me/sparse").unwrap();
    let found = fs::metadata(stage.home("sparse")).unwrap();
    assert!(found.len() == 50_000_000_000 && found.blocks() < 100);
    for (at, liar) in liars.into_iter().enumerate() {
        let path = format!("/home/me/liar{at}");
        stage.fake.files.insert(path.clone().into_bytes(), liar);
        assert!(matches!(stage.apply(&path), Err(Error::Layer(LayerError::Broken))), "{path}");
    }
    assert_eq!(stage.names(), ["sparse"]);
}

#[test]
fn what_is_watched_can_be_ended() {
    let mut stage = Stage::new(vec![added("/home/me/x", FileKind::File)]);
    let entry = stage.changes.all[0].clone();
    let ended = apply(&mut stage.fake, &stage.changes, &entry, &stage.how, &|_| false);
    assert!(matches!(ended, Err(Error::Cancelled)));
    assert_eq!(stage.names(), Vec::<String>::new());
}

pub(super) fn tag(started: u64) -> Tag {
    Tag {
        name: "x".into(),
        uuid: "u".into(),
        isolation: Isolation::Container,
        changes: Fate::Keep,
        size: 1,
        started,
        command: String::new(),
        colour: Default::default(),
        icon: None,
        root: None,
        from: None,
        copies: Vec::new(),
        written: Vec::new(),
    }
}

/// What the host has at a path, as init would tell it.
fn of_host(path: &Path) -> Facts {
    let found = fs::metadata(path).unwrap();
    let (size, modified) = (found.size(), found.mtime());
    let nanoseconds = u32::try_from(found.mtime_nsec()).unwrap();
    Facts { size, modified, nanoseconds, ..facts(FileKind::File, 0) }
}

#[test]
fn a_file_that_the_host_has_changed_since_stays_known() {
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join("host");
    fs::write(&host, "one").unwrap();
    let changed = |before: Facts| {
        let all =
            vec![entry(host.to_str().unwrap(), What::Modified, Some(before), Some(facts(FileKind::File, 9)))];
        Changes { all, totals: Totals { changes: 1, ..Totals::default() } }
    };
    let is_outdated = || load(folder.path(), &tag(0)).unwrap().all[0].outdated;
    store(folder.path(), &changed(of_host(&host))).unwrap();
    assert!(!is_outdated());
    fs::write(&host, "two, longer").unwrap();
    assert!(is_outdated());
    // The next run tells what is there now; what it went on from is older.
    store(folder.path(), &changed(of_host(&host))).unwrap();
    assert!(is_outdated());
    fs::remove_file(&host).unwrap();
    assert!(is_outdated());
    assert!(load(folder.path(), &tag(u64::MAX)).is_none(), "of another run");
    fs::write(folder.path().join("listing"), "garbage").unwrap();
    assert!(load(folder.path(), &tag(0)).is_none());
}

#[test]
fn what_was_moved_is_told_once_and_doubt_is_not_a_move() {
    let folder = tempfile::tempdir().unwrap();
    let file = |size| Some(facts(FileKind::File, size));
    let all = vec![
        entry("/a", What::Deleted, file(7), None),
        entry("/b", What::Added, None, file(7)),
        entry("/c", What::Deleted, file(8), None),
        entry("/d", What::Added, None, file(8)),
        entry("/e", What::Added, None, file(8)),
        entry("/f", What::Deleted, file(0), None),
        entry("/g", What::Added, None, file(0)),
    ];
    store(folder.path(), &Changes { all, totals: Totals { changes: 7, ..Totals::default() } }).unwrap();
    let found = load(folder.path(), &tag(0)).unwrap();
    let told: Vec<(String, Kind)> =
        found.all.iter().map(|entry| (entry.change.path.to_string(), entry.kind())).collect();
    let expected = [
        ("/b", Kind::Moved),
        ("/c", Kind::Deleted),
        ("/d", Kind::Added),
        ("/e", Kind::Added),
        ("/f", Kind::Deleted),
        ("/g", Kind::Added),
    ];
    assert_eq!(told, expected.map(|(path, kind)| (path.to_owned(), kind)));
    assert_eq!((found.all[0].moved_from.clone(), found.totals.changes), (Some("/a".into()), 6));
}

/// What is at a path of this computer, as a layer's change of it.
fn seen(path: &Path, what: What) -> Entry {
    let found = fs::symlink_metadata(path).unwrap();
    let kind = match () {
        () if found.is_dir() => FileKind::Folder,
        () if found.is_symlink() => FileKind::Link,
        () => FileKind::File,
    };
    let (size, modified) = (found.size(), found.mtime());
    let nanoseconds = u32::try_from(found.mtime_nsec()).unwrap();
    let facts = Some(Facts { size, modified, nanoseconds, ..facts(kind, 0) });
    let (before, after) = if what == What::Deleted { (facts, None) } else { (None, facts) };
    entry(path.to_str().unwrap(), what, before, after)
}

/// A folder of the host, and a copy of it elsewhere with its times, as mv makes
/// one; what a layer that has moved it tells.
fn moved_folder(top: &Path) -> Vec<Entry> {
    let (old, new) = (top.join("old"), top.join("new"));
    fs::create_dir_all(old.join("in/deep")).unwrap();
    for (name, text) in [("a", "one"), ("in/b", "three"), ("in/deep/c", "")] {
        fs::write(old.join(name), text).unwrap();
    }
    symlink("a", old.join("in/link")).unwrap();
    let copied = std::process::Command::new("cp").arg("-a").args([&old, &new]).status();
    assert!(copied.unwrap().success());
    let inner = ["", "a", "in", "in/b", "in/deep", "in/deep/c", "in/link"];
    let mut all: Vec<Entry> = inner.iter().map(|name| seen(&new.join(name), What::Added)).collect();
    all[0].change.path = new.to_str().unwrap().into();
    all.push(seen(&old, What::Deleted));
    all
}

#[test]
fn a_folder_that_was_moved_is_told_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let all = moved_folder(folder.path());
    let told = |all: &[Entry]| {
        let totals = Totals { changes: all.len() as u64, ..Totals::default() };
        store(folder.path(), &Changes { all: all.to_vec(), totals }).unwrap();
        let found = load(folder.path(), &tag(0)).unwrap();
        let kinds: Vec<Kind> = found.all.iter().map(Entry::kind).collect();
        (kinds, found)
    };
    let (kinds, found) = told(&all);
    assert_eq!((kinds, found.totals.changes), (vec![Kind::Moved; 7], 7));
    let old = folder.path().join("old");
    let from = |at: usize| found.all[at].moved_from.clone().unwrap();
    assert_eq!((from(0), from(3)), (old.to_str().unwrap().into(), old.join("in/b").to_str().unwrap().into()));
    // All of it goes together; what lay in the folder is not missing by itself.
    let both = [found.all[0].change.path.clone(), from(0)];
    assert_eq!(all_of(&found, found.all[0].change.path.as_slice()), both);
    // One that was changed meanwhile is another, and so is one of two.
    let mut other = all.clone();
    other[3].change.after.as_mut().unwrap().size += 1;
    assert_eq!(told(&other).0.iter().filter(|kind| **kind == Kind::Moved).count(), 0);
    fs::write(old.join("more"), "x").unwrap();
    let (kinds, found) = told(&all);
    assert!(!kinds.contains(&Kind::Moved) && found.find(old.to_str().unwrap().as_bytes()).is_some());
}

#[test]
fn what_is_not_kept_is_taken_out() {
    let folder = FileKind::Folder;
    let mut all = vec![
        added("/a", folder),
        added("/a/b", folder),
        added("/a/b/c", FileKind::File),
        added("/a/b/d", FileKind::File),
        added("/a/e", FileKind::File),
        added("/a-b", FileKind::File),
        added("/f", folder),
        added("/f/g", FileKind::File),
        added("/f/h", FileKind::File),
    ];
    all[7].moved_from = Some("/etc/was".into());
    all.sort_by(|a, b| a.change.path.cmp(&b.change.path));
    let changes = Changes { all, totals: Totals::default() };
    let rest = |keep: &[&str]| {
        let keep: Vec<Bytes> = keep.iter().map(|path| Bytes::from(*path)).collect();
        let rest = all_but(&changes, &keep);
        rest.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(rest(&["/a/b/c"]), "/a-b /a/b/d /a/e /f /etc/was");
    assert_eq!(rest(&["/a", "/f/h"]), "/a-b /f/g /etc/was");
    assert_eq!(rest(&["/a", "/f", "/a-b"]), "");
    assert_eq!(rest(&["/f/g"]), "/a /a-b /f/h");
}

#[test]
fn what_was_taken_out_does_not_make_the_rest_new() {
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join("host");
    fs::write(&host, "one").unwrap();
    let path = host.to_str().unwrap().to_owned();
    let changed = |before: Facts| {
        let all = vec![entry(&path, What::Modified, Some(before), Some(facts(FileKind::File, 9)))];
        Changes { all, totals: Totals { changes: 1, ..Totals::default() } }
    };
    store(folder.path(), &changed(of_host(&host))).unwrap();
    set_aside(folder.path());
    assert!(load(folder.path(), &tag(0)).is_none(), "it is not true any more");
    set_aside(folder.path());
    fs::write(&host, "two, longer").unwrap();
    store(folder.path(), &changed(of_host(&host))).unwrap();
    assert!(load(folder.path(), &tag(0)).unwrap().all[0].outdated);
}

/// A hostile init repeats one long path for ever: a byte each, 32 KiB unpacked.
#[test]
fn a_list_without_end_is_bounded() {
    let (mut encoder, mut stream) = (Encoder::default(), Vec::new());
    let long = format!("/{}", "x".repeat(30_000));
    let change = |tail: char| entry(&format!("{long}{tail}"), What::Added, None, None).change;
    encoder.change(&change('a'), &mut stream);
    let mut collector = Collector::default();
    collector.feed(&stream).unwrap();
    let mut more = Vec::new();
    for tail in ['b', 'c'].iter().cycle().take(10_000) {
        encoder.change(&change(*tail), &mut more);
    }
    assert!(more.len() < 200_000);
    collector.feed(&more).unwrap();
    assert!(collector.count() < 3000, "{}", collector.count());
    let mut end = Vec::new();
    encoder.end(&Totals { changes: 10_001, ..Totals::default() }, &mut end);
    collector.feed(&end).unwrap();
    assert!(collector.feed(&end).is_err(), "nothing comes after the end");
    let found = collector.finish();
    assert!(found.unwrap().totals.partial);
    assert!(Collector::default().finish().is_err(), "without an end");
}

/// Hands out files by how many were asked for at once.
struct Portions {
    sizes: HashMap<Bytes, u64>,
    asked: Vec<usize>,
    lies: bool,
}

impl Review for Portions {
    fn list(&mut self, _: &Watch<'_>) -> Result<Changes, Error> {
        Ok(Changes::default())
    }

    fn contents(&mut self, path: &Bytes, sink: &mut Sink<'_>) -> Result<(), Error> {
        let path = path.clone();
        self.several(&[path], &mut |_, piece| sink(piece))
    }

    fn several(&mut self, paths: &[Bytes], sink: &mut Several<'_>) -> Result<(), Error> {
        self.asked.push(paths.len());
        for (index, path) in paths.iter().enumerate() {
            let size = self.sizes[path] + u64::from(self.lies);
            if path.0.ends_with(b"bad") {
                sink(index, Piece::Failed(13))?;
            } else if !sink(index, Piece::Bytes(0, vec![7; size as usize]))?
                || !sink(index, Piece::End(size))?
            {
                return Ok(());
            }
        }
        Ok(())
    }

    fn forget(&mut self, _: &[Bytes]) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn small_files_are_fetched_many_at_once_and_no_more_than_they_should_hold() {
    let names: Vec<String> = (0..3000).map(|number| format!("/home/me/many/{number:04}")).collect();
    let large = |name: &String| name.ends_with("500");
    let size = |name: &String| if large(name) { 100_000 } else { 1 + name.len() as u64 };
    let file = |name: &String| entry(name, What::Added, None, Some(facts(FileKind::File, size(name))));
    let mut entries: Vec<Entry> = names.iter().map(file).collect();
    entries.push(added("/home/me/many", FileKind::Folder));
    entries.push(added("/home/me/many/bad", FileKind::File));
    let stage = Stage::new(entries);
    let to = tempfile::tempdir().unwrap();
    let how = Apply { to: Some(to.path().to_owned()), ..stage.how.clone() };
    let sizes =
        stage.changes.all.iter().map(|one| (one.change.path.clone(), size(&one.change.path.to_string())));
    let mut review = Portions { sizes: sizes.collect(), asked: Vec::new(), lies: false };
    let folder = stage.changes.find(b"/home/me/many").unwrap();
    let mut ahead = Ahead::new(&mut review, &stage.changes, std::iter::once(folder));
    let done = apply(&mut ahead, &stage.changes, folder, &how, &|_| true);
    assert!(matches!(done, Err(Error::Layer(LayerError::File { errno: 13, .. }))), "{done:?}");
    assert_eq!(
        review.asked.iter().filter(|&&count| count == 1).count(),
        3,
        "the large ones: {:?}",
        review.asked
    );
    assert!(review.asked.len() < 12 && review.asked.iter().all(|&count| count <= 512), "{:?}", review.asked);
    for name in &names {
        let put = to.path().join(name.strip_prefix("/home/me/").unwrap());
        assert_eq!(fs::metadata(put).unwrap().len(), size(name), "{name}");
    }
    // More than it was told to be is not taken.
    let mut review = Portions { lies: true, ..review };
    let one = stage.changes.find(names[7].as_bytes()).unwrap();
    let mut ahead = Ahead::new(&mut review, &stage.changes, std::iter::once(one));
    let done = apply(&mut ahead, &stage.changes, one, &stage.how, &|_| true);
    assert!(matches!(done, Err(Error::Layer(LayerError::Broken))), "{done:?}");
}
