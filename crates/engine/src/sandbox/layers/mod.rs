// SPDX-License-Identifier: LGPL-2.1-or-later
//! What sandboxes write: a folder below [`Places::layers`] for each layer.
//!
//! | name | whose |
//! |---|---|
//! | UUID | of one run: gone with it, or waiting to be looked at |
//! | `keep-SLUG` | of a profile: each run goes on from the last one |
//!
//! In it: `image`, a sparse file with an ext4 file system; `tag`, whose it is;
//! `listing`, what is in it, as init told when the run ended; `listing.kept`,
//! what was in the kept one that it began as a copy of; `lock`, held while a
//! sandbox with it is being started; `held`, locked while somebody looks at
//! what is to be thrown away.
//!
//! No image is ever opened on the host but by a kernel: the host's own for
//! what a container wrote, a machine's for what a machine wrote.

mod copy;
mod keep;
mod make;
mod unreadable;

pub use keep::keep;
pub use make::{existing, kept_id, origin, ready, Making, Ready};
pub use unreadable::unreadable;

use super::directory::{fault, make_private};
use crate::error::{Error, FileAction, LayerError};
use crate::places::Places;
use crate::profile::{Changes, Colour, Icon, Isolation};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest tag that is read, in bytes.
const TAG_MAX: u64 = 64 * 1024;
/// In a layer's folder: locked by whoever still looks at it.
const HELD: &str = "held";
/// How the folder of a kept one begins.
const KEPT: &str = "keep-";
/// How long a kernel may take to let go of an image.
const LET_GO: Duration = Duration::from_secs(5);

/// Whose a layer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The sandbox's name.
    pub name: String,
    /// The UUID of the sandbox that had it last.
    pub uuid: String,
    /// Who wrote it; nobody else may read it.
    pub isolation: Isolation,
    /// What becomes of it.
    pub changes: Changes,
    /// How much it takes, in bytes.
    pub size: u64,
    /// Seconds since 1970 when that sandbox was started.
    pub started: u64,
    /// Its command, as one line for people.
    #[serde(default)]
    pub command: String,
    /// Its mark.
    #[serde(default)]
    pub colour: Colour,
    /// What is on that mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<Icon>,
    /// Whose system it lies over, if not this computer's (`files.root`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// What it began as a copy of, if it goes on from what was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Mark>,
    /// Files that it got copies of, and where those lie inside: the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<(PathBuf, PathBuf)>,
    /// What of the user's it wrote in place, which is no part of this: the
    /// first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<PathBuf>,
}

/// What tells what was kept from what is kept later: the run that had it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The UUID of that sandbox.
    pub uuid: String,
    /// Seconds since 1970 when it was started.
    pub started: u64,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its folder.
    pub folder: PathBuf,
    /// Whose it is.
    pub tag: Tag,
}

/// The image in a layer's folder.
pub fn image(folder: &Path) -> PathBuf {
    folder.join("image")
}

impl Layer {
    /// The name of its folder.
    #[must_use]
    pub fn id(&self) -> PathBuf {
        self.folder.file_name().map(PathBuf::from).unwrap_or_default()
    }

    /// Whether the next run of its name goes on from it.
    fn is_kept(&self) -> bool {
        self.id().as_os_str().as_encoded_bytes().starts_with(KEPT.as_bytes())
    }

    /// Which state of what is kept this is.
    fn mark(&self) -> Mark {
        Mark { uuid: self.tag.uuid.clone(), started: self.tag.started }
    }

    pub(super) fn load(folder: &Path) -> Option<Self> {
        let file = File::open(folder.join("tag")).ok()?;
        let tag = serde_json::from_reader(std::io::Read::take(file, TAG_MAX)).ok()?;
        let mut layer = Self { folder: folder.to_owned(), tag };
        if layer.is_kept() {
            // Its place says so first, and its tag a moment later.
            layer.tag.changes = Changes::Keep;
        }
        Some(layer)
    }

    /// Whether somebody may still ask for it when nothing runs with it. What
    /// was kept until another took its place is only left.
    fn waits(&self) -> bool {
        match self.tag.changes {
            Changes::Discard => false,
            Changes::Keep => self.is_kept(),
            Changes::Review => true,
        }
    }

    /// Writes its tag anew.
    pub fn save(&self) -> Result<(), Error> {
        let (path, fresh) = (self.folder.join("tag"), self.folder.join("tag.new"));
        let text = serde_json::to_vec(&self.tag).unwrap_or_default();
        fs::write(&fresh, text)
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(fault(FileAction::Write, &path))
    }
}

/// All of the caller's, the one that was started last first.
pub fn all(places: &Places, caller: u32) -> Vec<Layer> {
    let folders = fs::read_dir(places.layers(caller)).into_iter().flatten().flatten();
    let mut all: Vec<Layer> = folders.filter_map(|entry| Layer::load(&entry.path())).collect();
    all.sort_by_key(|layer| std::cmp::Reverse(layer.tag.started));
    all
}

/// Takes a layer away. Nothing of it is left.
pub fn remove(layer: &Path) -> Result<(), Error> {
    // Without the image, and without its tag, the rest is swept if this fails.
    for name in ["image", "tag"] {
        match fs::remove_file(layer.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(fault(FileAction::Remove, layer)(error));
            }
            _ => {}
        }
    }
    fs::remove_dir_all(layer).map_err(fault(FileAction::Remove, layer))
}

/// Makes a folder among a user's layers, if it is not there, and takes its
/// lock. `mode`: of the folders.
///
/// # Errors
/// It cannot be made, or a sandbox is being started with it.
fn claim(all: &Path, id: &str, mode: u32) -> Result<(PathBuf, Lock), Error> {
    make_private(all.parent().unwrap_or(all), mode)?;
    make_private(all, mode)?;
    // One that is not locked yet looks like one that was left.
    let _no_sweep = held(all, FlockArg::LockShared)?;
    let folder = all.join(id);
    make_private(&folder, mode)?;
    let held = lock(&folder)?;
    Ok((folder, held))
}

/// Holds the folder of all layers against a sweep, or for one.
fn held(all: &Path, how: FlockArg) -> Result<Lock, Error> {
    let folder = File::open(all).map_err(fault(FileAction::Read, all))?;
    Flock::lock(folder, how).map_err(|(_, errno)| fault(FileAction::Read, all)(errno.into()))
}

/// Removes what is left of runs that were to leave nothing: of sandboxes that
/// have no directory any more, and are not being started. Not while one begins
/// to be: the next start does.
pub fn sweep(places: &Places, caller: u32) {
    let all = places.layers(caller);
    let Ok(_alone) = held(&all, FlockArg::LockExclusiveNonblock) else { return };
    let Ok(folders) = fs::read_dir(&all) else { return };
    let uuid = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("uuid")).ok();
    let runs = fs::read_dir(&places.runtime).into_iter().flatten().flatten();
    let wanted: Vec<String> = runs.filter_map(uuid).collect();
    for folder in folders.flatten().map(|entry| entry.path()) {
        let is_waiting = Layer::load(&folder).is_some_and(|layer| layer.waits());
        let is_running = wanted.iter().any(|uuid| folder.ends_with(uuid));
        if !is_waiting && !is_running && lock(&folder).is_ok() && !is_held(&folder) {
            let _ = remove(&folder);
        }
    }
}

/// Keeps a layer from being swept as long as it is there.
///
/// # Errors
/// The layer is gone, or somebody else holds it.
pub fn hold(folder: &Path) -> Option<Lock> {
    let open =
        || OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join(HELD));
    Flock::lock(open().ok()?, FlockArg::LockExclusiveNonblock).ok()
}

fn is_held(folder: &Path) -> bool {
    let Ok(file) = File::open(folder.join(HELD)) else { return false };
    Flock::lock(file, FlockArg::LockExclusiveNonblock).is_err()
}

/// Keeps others from starting anything with a layer.
pub type Lock = Flock<File>;

/// Takes the lock of a layer's folder.
///
/// # Errors
/// A sandbox is being started with it.
pub fn lock(folder: &Path) -> Result<Lock, Error> {
    let path = folder.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(fault(FileAction::Create, &path))?;
    let name = Layer::load(folder).map_or_else(String::new, |layer| layer.tag.name);
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| Error::Layer(LayerError::InUse { name }))
}

/// Waits until no loop device has the image any more: a kernel lets go of it a
/// moment after its container is gone, and must not write beside another.
///
/// # Errors
/// One still has it.
pub fn wait_until_free(folder: &Path, name: &str) -> Result<(), Error> {
    let begun = Instant::now();
    while is_looped(&image(folder)) {
        if begun.elapsed() > LET_GO {
            return Err(Error::Layer(LayerError::InUse { name: name.to_owned() }));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn is_looped(image: &Path) -> bool {
    let image = fs::canonicalize(image).unwrap_or_else(|_| image.to_owned());
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    devices.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"loop")).any(|entry| {
        let backing = fs::read(entry.path().join("loop/backing_file")).unwrap_or_default();
        backing.strip_suffix(b"\n").is_some_and(|path| path == image.as_os_str().as_encoded_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn places(top: &Path) -> Places {
        let below = |name| top.join(name);
        Places { config: below("config"), data: below("data"), cache: below("cache"), runtime: below("run") }
    }

    pub(super) fn layer(places: &Places, id: &str, changes: Changes) -> Layer {
        let folder = places.layers(1000).join(id);
        fs::create_dir_all(&folder).unwrap();
        let tag = Tag {
            name: "x".into(),
            uuid: id.into(),
            isolation: Isolation::Container,
            changes,
            size: 1 << 30,
            started: 7,
            command: String::new(),
            colour: Colour::default(),
            icon: None,
            root: None,
            from: None,
            copies: Vec::new(),
            written: Vec::new(),
        };
        let layer = Layer { folder, tag };
        layer.save().unwrap();
        fs::write(image(&layer.folder), "x").unwrap();
        layer
    }

    #[test]
    fn what_is_being_claimed_is_not_swept() {
        let top = tempfile::tempdir().unwrap();
        let places = places(top.path());
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    sweep(&places, 1000);
                }
            });
            for i in 0..2000 {
                let claimed = claim(&places.layers(1000), &format!("{i}"), 0o700);
                let is_there = claimed.as_ref().is_ok_and(|(folder, _)| folder.join("lock").exists());
                if !is_there {
                    done.store(true, std::sync::atomic::Ordering::Relaxed);
                    panic!("{i}: {:?}", claimed.err());
                }
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        sweep(&places, 1000);
        assert_eq!(fs::read_dir(places.layers(1000)).unwrap().count(), 0);
    }

    #[test]
    fn what_nobody_waits_for_is_swept() {
        let top = tempfile::tempdir().unwrap();
        let places = places(top.path());
        let kept = layer(&places, "keep-x", Changes::Keep);
        let replaced = layer(&places, "seven", Changes::Keep);
        let waiting = layer(&places, "one", Changes::Review);
        let running = layer(&places, "two", Changes::Discard);
        let left = layer(&places, "three", Changes::Discard);
        let starting = layer(&places, "four", Changes::Discard);
        let looked_at = layer(&places, "six", Changes::Discard);
        let looks = hold(&looked_at.folder).unwrap();
        assert!(hold(&looked_at.folder).is_none());
        let half = places.layers(1000).join("five");
        fs::create_dir(&half).unwrap();
        fs::create_dir_all(places.runtime.join("1")).unwrap();
        fs::write(places.runtime.join("1/uuid"), "two").unwrap();
        let held = lock(&starting.folder).unwrap();
        assert!(matches!(lock(&starting.folder), Err(Error::Layer(LayerError::InUse { .. }))));
        sweep(&places, 1000);
        for (layer, stays) in [
            (&kept, true),
            (&replaced, false),
            (&waiting, true),
            (&running, true),
            (&left, false),
            (&starting, true),
            (&looked_at, true),
        ] {
            assert_eq!(layer.folder.exists(), stays, "{:?}", layer.folder);
        }
        assert!(!half.exists());
        drop((held, looks));
        sweep(&places, 1000);
        assert!(!starting.folder.exists() && !looked_at.folder.exists());
        assert_eq!(all(&places, 1000).len(), 3);
        assert_eq!(Layer::load(&kept.folder), Some(kept));
    }
}
