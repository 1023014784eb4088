// SPDX-License-Identifier: LGPL-2.1-or-later
//! Setuid and setgid bits that a machine's own root set in a folder of the
//! user's, taken away after its run.
//!
//! A command is refused them by seccomp; whoever takes over a machine's kernel
//! speaks to QEMU's 9p server itself, which runs as the user. Before a machine
//! starts, what it may write is noted in `CACHE/set-ids/UUID`; whoever sees its
//! end, or lists sandboxes next, looks through that.

use super::directory::fault;
use super::real::Real;
use crate::error::{Error, FileAction};
use crate::plan::{Plan, ShareKind};
use crate::profile::Isolation;
use nix::fcntl::{open, openat2, Flock, FlockArg, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::Mode;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{self, File, Metadata, Permissions};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const BITS: u32 = 0o6000;
/// How far behind the clock a file system's own may be, in seconds.
const SLACK: i64 = 1;
/// Most that is looked at, and for how long.
const ENTRIES_MAX: usize = 2_000_000;
const TIME_MAX: Duration = Duration::from_secs(60);
/// As much of a path as is opened at once, in bytes: the kernel takes 4096.
const PIECE: usize = 2048;

/// What was found in the folders of one sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// Its name.
    pub sandbox: String,
    /// What had a bit.
    pub paths: Vec<PathBuf>,
    /// Not everything was looked at: there is too much of it.
    pub is_partial: bool,
}

/// The note of one sandbox.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    sandbox: String,
    /// Seconds since 1970.
    since: i64,
    /// Owner of what it makes.
    uid: u32,
    shares: Vec<Share>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Share {
    path: Vec<u8>,
    device: u64,
    inode: u64,
}

/// Notes what a machine may write.
///
/// # Errors
/// The disk will not have it.
pub fn note(plan: &Plan, uuid: &str) -> Result<(), Error> {
    let of_user = |kind| kind != ShareKind::Copied;
    let paths: Vec<&PathBuf> =
        plan.sources.iter().filter(|one| one.writable && of_user(one.kind)).map(|one| &one.path).collect();
    if plan.isolation != Isolation::Machine || paths.is_empty() {
        return Ok(());
    }
    let share = |path: &&PathBuf| {
        let found = fs::symlink_metadata(path).ok()?;
        let path = path.as_os_str().as_bytes().to_vec();
        Some(Share { path, device: found.dev(), inode: found.ino() })
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let note = Note {
        sandbox: plan.name.clone(),
        since: i64::try_from(now).unwrap_or(i64::MAX) - SLACK,
        uid: plan.orders.user.uid,
        shares: paths.iter().filter_map(share).collect(),
    };
    let folder = folder(&plan.places.cache);
    let path = folder.join(uuid);
    let write = || {
        fs::create_dir_all(&folder)?;
        fs::write(&path, serde_json::to_vec(&note).unwrap_or_default())
    };
    write().map_err(fault(FileAction::Write, &path))
}

fn folder(cache: &Path) -> PathBuf {
    cache.join("set-ids")
}

/// Looks through what sandboxes may have written that are gone.
pub fn sweep(real: &Real) -> Vec<Cleared> {
    let Ok(notes) = fs::read_dir(folder(&real.places.cache)) else { return Vec::new() };
    let uuid = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("uuid")).ok();
    let runtime = fs::read_dir(&real.places.runtime).into_iter().flatten().flatten();
    let alive: Vec<String> = runtime.filter_map(uuid).collect();
    let is_gone = |entry: &fs::DirEntry| {
        !alive.iter().any(|uuid| entry.file_name().as_encoded_bytes() == uuid.as_bytes())
    };
    notes.flatten().filter(is_gone).filter_map(|entry| settle(&entry.path())).collect()
}

/// One note, unless somebody else is just at it.
fn settle(path: &Path) -> Option<Cleared> {
    let file = Flock::lock(File::open(path).ok()?, FlockArg::LockExclusiveNonblock).ok()?;
    // Somebody may have finished it since it was opened.
    if fs::metadata(path).ok()?.ino() != file.metadata().ok()?.ino() {
        return None;
    }
    let note: Option<Note> = serde_json::from_reader(&*file).ok();
    let mut walk = Walk { since: 0, uid: 0, found: Vec::new(), left: ENTRIES_MAX, begun: Instant::now() };
    let mut cleared = None;
    if let Some(note) = note {
        (walk.since, walk.uid) = (note.since, note.uid);
        let is_whole = note.shares.iter().all(|share| walk.share(share));
        if !is_whole || !walk.found.is_empty() {
            cleared = Some(Cleared { sandbox: note.sandbox, paths: walk.found, is_partial: !is_whole });
        }
    }
    let _ = fs::remove_file(path);
    cleared
}

/// A walk through what a sandbox may have written. What is there is hostile:
/// no link is followed, nothing but modes is changed, and it ends.
struct Walk {
    since: i64,
    uid: u32,
    found: Vec<PathBuf>,
    left: usize,
    begun: Instant,
}

impl Walk {
    /// Whether all of it was seen.
    fn share(&mut self, share: &Share) -> bool {
        let path = Path::new(std::ffi::OsStr::from_bytes(&share.path));
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let Ok(top) = open(path, flags, Mode::empty()) else { return true };
        let Ok(found) = fs::metadata(direct(&top)) else { return true };
        if (found.dev(), found.ino()) != (share.device, share.inode) {
            return true;
        }
        if !found.is_dir() {
            self.look(&top, &found, path, false);
            return true;
        }
        let inherits = found.mode() & 0o2000 != 0;
        let mut folders = vec![(PathBuf::new(), inherits)];
        while let Some((inner, inherits)) = folders.pop() {
            let Ok(folder) = enter(&top, &inner) else { continue };
            let Ok(entries) = fs::read_dir(direct(&folder)) else { continue };
            for name in entries.flatten().map(|entry| entry.file_name()) {
                if self.left == 0 || self.begun.elapsed() > TIME_MAX {
                    return false;
                }
                self.left -= 1;
                if let Some(below) = self.entry(&folder, &name, &path.join(&inner), inherits) {
                    folders.push((inner.join(name), below));
                }
            }
        }
        true
    }

    /// One name in a folder. For a folder of the same file system: whether
    /// what is made in it inherits its setgid bit.
    fn entry(&mut self, folder: &OwnedFd, name: &OsString, above: &Path, inherits: bool) -> Option<bool> {
        let here = step(folder, Path::new(name), OFlag::O_PATH | OFlag::O_NOFOLLOW).ok()?;
        let found = fs::metadata(direct(&here)).ok()?;
        if found.mode() & BITS != 0 {
            self.look(&here, &found, &above.join(name), inherits);
        }
        found.is_dir().then_some(found.mode() & 0o2000 != 0)
    }

    /// Takes the bits of one away. A folder that was there before keeps them:
    /// what is made in it changes its time, too.
    fn look(&mut self, here: &OwnedFd, found: &Metadata, path: &Path, inherits: bool) {
        let since = |time: std::io::Result<SystemTime>| {
            let time = time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            time.is_some_and(|time| i64::try_from(time.as_secs()).is_ok_and(|time| time >= self.since))
        };
        let is_new = if found.is_dir() {
            since(found.created()) && !inherits
        } else {
            found.is_file() && found.ctime() >= self.since
        };
        let mode = found.mode() & 0o7777;
        if mode & BITS == 0 || !is_new || found.uid() != self.uid {
            return;
        }
        if fs::set_permissions(direct(here), Permissions::from_mode(mode & !BITS)).is_ok() {
            self.found.push(path.to_owned());
        }
    }
}

/// A path that leads to what is open and nowhere else.
fn direct(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

fn step(folder: &OwnedFd, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(
        ResolveFlag::RESOLVE_BENEATH
            | ResolveFlag::RESOLVE_NO_SYMLINKS
            | ResolveFlag::RESOLVE_NO_MAGICLINKS
            | ResolveFlag::RESOLVE_NO_XDEV,
    );
    openat2(folder, path, how)
}

/// Opens a folder however deep it lies.
fn enter(top: &OwnedFd, inner: &Path) -> nix::Result<OwnedFd> {
    let folder = OFlag::O_PATH | OFlag::O_DIRECTORY;
    let mut here = step(top, Path::new("."), folder)?;
    let mut piece = PathBuf::new();
    for part in inner.components() {
        piece.push(part);
        if piece.as_os_str().len() > PIECE {
            here = step(&here, &piece, folder)?;
            piece = PathBuf::new();
        }
    }
    if piece.as_os_str().is_empty() {
        return Ok(here);
    }
    step(&here, &piece, folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    fn with_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A note about a folder whose sandbox began so many seconds ago.
    fn note_of(folder: &Path, notes: &Path, ago: i64) -> PathBuf {
        let found = fs::symlink_metadata(folder).unwrap();
        let share =
            Share { path: folder.as_os_str().as_bytes().to_vec(), device: found.dev(), inode: found.ino() };
        let note = Note {
            sandbox: "x".into(),
            since: found.ctime() - ago,
            uid: nix::unistd::geteuid().as_raw(),
            shares: vec![share],
        };
        let path = notes.join("note");
        fs::write(&path, serde_json::to_vec(&note).unwrap()).unwrap();
        path
    }

    #[test]
    fn what_was_changed_since_the_start_loses_its_bits() {
        let (top, notes) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let top = top.path().canonicalize().unwrap();
        let outside = notes.path().join("outside");
        fs::write(&outside, "").unwrap();
        with_mode(&outside, 0o4755);
        let mut deep = top.clone();
        // Deeper than a path can be long.
        let name = "d".repeat(200);
        for _ in 0..30 {
            deep.push(&name);
        }
        let mut here = open(&top, OFlag::O_PATH, Mode::empty()).unwrap();
        for _ in 0..30 {
            nix::sys::stat::mkdirat(&here, name.as_str(), Mode::from_bits_truncate(0o700)).unwrap();
            here = step(&here, Path::new(&name), OFlag::O_PATH).unwrap();
        }
        let below = PathBuf::from(direct(&here)).join("file");
        for (path, mode) in [(&below, 0o4755), (&top.join("a"), 0o6755), (&top.join("b"), 0o755)] {
            fs::write(path, "").unwrap();
            with_mode(path, mode);
        }
        symlink(&outside, top.join("link")).unwrap();
        fs::create_dir(top.join("set")).unwrap();
        with_mode(&top.join("set"), 0o2755);
        let note = note_of(&top, notes.path(), 5);
        let cleared = settle(&note).unwrap();
        assert_eq!((cleared.paths.len(), cleared.is_partial, note.exists()), (3, false, false));
        assert_eq!(
            [mode(&below), mode(&top.join("a")), mode(&top.join("b")), mode(&top.join("set"))],
            [0o755; 4]
        );
        assert_eq!(mode(&outside), 0o4755);
        // What is older stays, and nobody speaks of it.
        with_mode(&top.join("a"), 0o4755);
        assert_eq!(settle(&note_of(&top, notes.path(), -5)), None);
        assert_eq!(mode(&top.join("a")), 0o4755);
        // Another folder has taken its place.
        let note = note_of(&top, notes.path(), 5);
        let moved = top.with_extension("moved");
        fs::rename(&top, &moved).unwrap();
        fs::create_dir(&top).unwrap();
        fs::write(top.join("a"), "").unwrap();
        with_mode(&top.join("a"), 0o4755);
        assert_eq!(settle(&note), None);
        assert_eq!(mode(&top.join("a")), 0o4755);
        fs::remove_dir_all(&top).unwrap();
        fs::rename(&moved, &top).unwrap();
    }
}
