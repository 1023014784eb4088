// SPDX-License-Identifier: LGPL-2.1-or-later
//! The private directories of sandboxes: numbers, sockets, locks.
//!
//! `RUNTIME/N/` belongs to `terrarium-UID-N`:
//! - `lock`: locked while the sandbox is being started;
//! - `name`: what the user calls it, so that a second one is refused while
//!   the first has no domain yet;
//! - `profile`: what is run, to show it again;
//! - `disk`: what a container's disk counted before it was its;
//! - `uuid`: which sandbox it is; the number is taken again when it is gone;
//! - `leases`: who in it asks libvirt's networks for addresses;
//! - `client`, `alone`: see [`super::lonely`];
//! - `c`: a container's socket; `0` to `3`: a machine's, each with a `.lock`
//!   that the client using it holds.

use super::lost;
use crate::error::{Error, FileAction};
use crate::places::Places;
use crate::profile::{self, store, Profile};
use crate::uri::Uri;
use crate::xml::PORTS;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long a directory is kept for a domain that was not listed.
const GRACE: Duration = Duration::from_secs(10);

/// Turns an I/O error into ours.
pub fn fault(action: FileAction, path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    move |source| Error::File { action, path: path.to_owned(), source }
}

/// A directory that is being made into a sandbox's. Removed when dropped,
/// unless [`Self::keep`] was called.
pub struct Reservation {
    /// N.
    pub number: u32,
    /// Its name among the running sandboxes.
    pub name: String,
    /// `RUNTIME/N`.
    pub path: PathBuf,
    lock: Option<Flock<File>>,
}

impl Reservation {
    /// It is for the sandbox with this UUID.
    ///
    /// # Errors
    /// The disk will not have it.
    pub fn belongs_to(&self, uuid: &str) -> Result<(), Error> {
        let file = self.path.join("uuid");
        fs::write(&file, uuid).map_err(fault(FileAction::Write, &file))
    }

    /// The sandbox runs: the directory stays.
    pub fn keep(mut self) {
        if let Some(lock) = self.lock.take() {
            // From now on its domain is listed; see `is_stale`.
            let _ = lock.set_modified(SystemTime::now());
        }
    }
}

impl Reservation {
    /// The start failed, and libvirt could not be asked what became of the
    /// domain. The directory stays without its name, so that libvirt is asked
    /// later and whatever is left can be taken away.
    pub fn abandon(mut self) {
        let _ = fs::remove_file(self.path.join("name"));
        self.lock = None;
    }
}

/// Whether a sandbox's directory is still wanted: it was neither removed nor
/// abandoned.
pub fn is_wanted(path: &Path) -> bool {
    path.join("name").is_file()
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // Somebody may have taken the sandbox away, and somebody else may
        // have taken its number since.
        let held = self.lock.as_ref().and_then(|lock| lock.metadata().ok()).map(|found| found.ino());
        let there = fs::metadata(self.path.join("lock")).ok().map(|found| found.ino());
        if held.is_some() && held == there {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Whether a directory is that of the sandbox with this UUID.
pub fn is_of(path: &Path, uuid: &str) -> bool {
    fs::read(path.join("uuid")).is_ok_and(|found| found == uuid.as_bytes())
}

/// Notes down what is run in it. One that is not text is not: nobody but
/// those who show it again misses it.
pub fn keep_profile(path: &Path, profile: &Profile) {
    if let Ok(text) = profile::write(profile) {
        let _ = fs::write(path.join("profile"), text);
    }
}

/// What is run in it.
pub fn profile(path: &Path, uuid: &str) -> Option<Profile> {
    is_of(path, uuid).then(|| store::load(&path.join("profile")).ok())?
}

/// Removes the directory of a sandbox that is gone, unless its number was
/// taken again.
pub fn remove(runtime: &Path, number: u32, uuid: &str) {
    let path = runtime.join(number.to_string());
    let _guard = lock(&runtime.join("lock"), FlockArg::LockExclusive);
    if is_of(&path, uuid) {
        take_away(&path);
    }
}

fn take_away(path: &Path) {
    let _ = fs::remove_dir_all(path);
    lost::forget(path);
}

/// Makes `path` and what is missing above it, for this user alone.
pub fn make_private(path: &Path, mode: u32) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(fault(FileAction::Create, parent))?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(fault(FileAction::Create, path)(error))
        }
        _ => fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(fault(FileAction::Create, path)),
    }
}

/// What domains have already.
#[derive(Default)]
pub struct Taken {
    /// Their numbers.
    pub numbers: Vec<u32>,
    /// Their names.
    pub names: Vec<String>,
}

/// What a new sandbox wants.
pub struct Wish<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether another name will do if that is taken.
    pub unique: bool,
    /// Where its domain will be.
    pub connection: &'a Uri,
}

/// Takes the lowest number that is neither a domain's nor reserved, and
/// removes directories that nobody needs any more.
///
/// # Errors
/// Another sandbox has the same name, or the disk will not have it.
pub fn reserve(
    runtime: &Path,
    wish: &Wish,
    taken: impl FnOnce() -> Result<Taken, Error>,
) -> Result<Reservation, Error> {
    make_private(runtime, 0o700)?;
    let _guard = lock(&runtime.join("lock"), FlockArg::LockExclusive)?;
    let mut taken = taken()?;
    add_starting(runtime, &mut taken, wish.name);
    let name = free_name(wish, &taken.names)?;
    let number = (1..).find(|number| !taken.numbers.contains(number)).unwrap_or(u32::MAX);
    let path = runtime.join(number.to_string());
    lost::forget(&path);
    make_private(&path, 0o700)?;
    let lock = lock(&path.join("lock"), FlockArg::LockExclusive)?;
    let reservation = Reservation { number, name, path, lock: Some(lock) };
    for (file, content) in [("connection", wish.connection.as_str()), ("name", &reservation.name)] {
        let file = reservation.path.join(file);
        fs::write(&file, content).map_err(fault(FileAction::Write, &file))?;
    }
    Ok(reservation)
}

/// Adds those that are being started and have no domain yet; removes the
/// directories of those that are gone. Who starts one of the same name does
/// not ask any more how the last one crashed.
fn add_starting(runtime: &Path, taken: &mut Taken, wanted: &str) {
    for (number, path) in numbered(runtime) {
        if taken.numbers.contains(&number) {
            continue;
        }
        if is_starting(&path) {
            taken.numbers.push(number);
            taken.names.extend(fs::read_to_string(path.join("name")));
        } else if is_stale(&path) && lost::name_of(&path).is_none_or(|name| name == wanted) {
            take_away(&path);
        } else {
            taken.numbers.push(number);
        }
    }
}

/// Whether a directory without a domain and without a start is left over. A
/// start may have ended after the domains were listed, so it gets some time.
fn is_stale(path: &Path) -> bool {
    let time =
        fs::metadata(path.join("lock")).or_else(|_| fs::metadata(path)).and_then(|found| found.modified());
    time.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > GRACE))
}

fn free_name(wish: &Wish, names: &[String]) -> Result<String, Error> {
    let is_free = |name: &String| !names.contains(name);
    let first = wish.name.to_owned();
    if is_free(&first) {
        return Ok(first);
    }
    let mut others = (2..10_000).map(|count| format!("{}-{count}", wish.name));
    let taken = || Error::NameTaken { name: wish.name.to_owned(), ended: false };
    others.find(is_free).filter(|_| wish.unique).ok_or_else(taken)
}

/// Removes directories that belong to no domain and to no start.
pub fn sweep(runtime: &Path, taken: &[u32]) {
    if !runtime.is_dir() {
        return;
    }
    let Ok(_guard) = lock(&runtime.join("lock"), FlockArg::LockExclusiveNonblock) else { return };
    for (number, path) in numbered(runtime) {
        if !taken.contains(&number)
            && !is_starting(&path)
            && is_stale(&path)
            && lost::name_of(&path).is_none()
        {
            take_away(&path);
        }
    }
}

/// Whether somebody is starting the sandbox of this directory.
pub fn is_starting(path: &Path) -> bool {
    match OpenOptions::new().write(true).open(path.join("lock")) {
        Ok(file) => Flock::lock(file, FlockArg::LockSharedNonblock).is_err(),
        Err(_) => false,
    }
}

/// Where the domains of all directories are or will be, each once.
pub fn connections(runtime: &Path) -> Vec<Uri> {
    let noted = |(_, path): (u32, PathBuf)| fs::read_to_string(path.join("connection")).ok();
    let mut all: Vec<Uri> = numbered(runtime).into_iter().filter_map(noted).map(Uri::from).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The directories of sandboxes, with their numbers.
pub fn numbered(runtime: &Path) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = fs::read_dir(runtime) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect()
}

/// What the sandboxes there are called, without asking libvirt: for who
/// completes a word, and must neither wait nor clean up.
#[must_use]
pub fn names(places: &Places) -> Vec<String> {
    let read = |(_, path): (u32, PathBuf)| fs::read_to_string(path.join("name")).ok();
    let mut names: Vec<String> = numbered(&places.runtime).into_iter().filter_map(read).collect();
    names.sort_unstable();
    names
}

fn lock(path: &Path, how: FlockArg) -> Result<Flock<File>, Error> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(fault(FileAction::Create, path))?;
    Flock::lock(file, how).map_err(|(_, errno)| fault(FileAction::Create, path)(errno.into()))
}

/// Locks a file of the runtime folder, and waits for whoever has it.
///
/// # Errors
/// The disk will not have it.
pub fn lock_file(path: &Path) -> Result<Flock<File>, Error> {
    lock(path, FlockArg::LockExclusive)
}

/// The socket of a conversation, and what keeps others off it.
///
/// # Errors
/// All of a machine's ports are taken.
pub fn socket(directory: &Path, container: bool) -> Result<(PathBuf, Option<Flock<File>>), Error> {
    if container {
        return Ok((directory.join("c"), None));
    }
    for port in 0..PORTS {
        if let Ok(held) = lock(&directory.join(format!("{port}.lock")), FlockArg::LockExclusiveNonblock) {
            return Ok((directory.join(port.to_string()), Some(held)));
        }
    }
    if directory.is_dir() {
        Err(Error::Busy)
    } else {
        Err(fault(FileAction::Connect, directory)(io::ErrorKind::NotFound.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Result<Taken, Error> {
        Ok(Taken::default())
    }

    #[test]
    fn who_cleans_up_late_leaves_the_next_of_the_same_number_alone() {
        let runtime = tempfile::tempdir().unwrap();
        let wish = Wish { name: "x", unique: true, connection: &Uri::LxcSystem };
        let first = reserve(runtime.path(), &wish, nothing).unwrap();
        first.belongs_to("first").unwrap();
        let path = first.path.clone();
        // As a signal does, while its start still goes on.
        remove(runtime.path(), 1, "first");
        assert!(!path.exists());
        let second = reserve(runtime.path(), &wish, nothing).unwrap();
        assert_eq!(second.number, 1);
        remove(runtime.path(), 1, "first");
        drop(first);
        assert!(path.is_dir());
        second.belongs_to("second").unwrap();
        remove(runtime.path(), 1, "first");
        assert!(is_of(&path, "second"));
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn a_start_that_ended_after_the_listing_keeps_its_directory() {
        let runtime = tempfile::tempdir().unwrap();
        let wish = Wish { name: "x", unique: true, connection: &Uri::LxcSystem };
        let first = reserve(runtime.path(), &wish, nothing).unwrap();
        let second = reserve(runtime.path(), &wish, nothing).unwrap();
        assert_eq!((first.number, second.number), (1, 2));
        assert_eq!((first.name.as_str(), second.name.as_str()), ("x", "x-2"));
        let mut places = Places::new(1000, runtime.path(), |_| None);
        places.runtime = runtime.path().to_owned();
        assert_eq!(names(&places), ["x", "x-2"]);
        let path = first.path.clone();
        first.keep();
        assert!(is_wanted(&path));
        let left = second.path.clone();
        second.abandon();
        assert!(left.is_dir() && !is_wanted(&left));
        // Listed before its domain was there.
        sweep(runtime.path(), &[]);
        assert!(path.is_dir() && left.is_dir());
        assert_eq!(reserve(runtime.path(), &wish, nothing).unwrap().number, 3);
        let long_ago = SystemTime::now() - Duration::from_secs(60);
        File::options().write(true).open(path.join("lock")).unwrap().set_modified(long_ago).unwrap();
        sweep(runtime.path(), &[]);
        assert!(!path.exists());
    }
}
