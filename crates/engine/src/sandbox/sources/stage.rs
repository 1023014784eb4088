// SPDX-License-Identifier: LGPL-2.1-or-later
//! `CACHE/stage/UUID/`: what is made for one sandbox on disk. Copies of what
//! is included; and, since a machine's devices export folders only, folders
//! with one file each, which is another link to the real one.

use super::look::Seen;
use super::{super::directory::fault, one_problem};
use crate::error::{Error, FileAction};
use crate::plan::{Plan, ProblemKind};
use rustix::fs::{utimensat, AtFlags, Timespec, Timestamps, CWD};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{symlink, DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Most that is copied for one sandbox, in bytes.
pub const COPIES_MAX: u64 = 64 << 20;
/// And in files and folders.
const ENTRIES_MAX: u32 = 20_000;
/// How deep folders may lie in one another.
const DEPTH_MAX: u32 = 100;

/// Something in the stage.
pub struct Staged {
    /// A folder of its own.
    pub folder: PathBuf,
    /// Its name there.
    pub name: PathBuf,
    /// Its device.
    pub device: u64,
    /// Its inode number.
    pub inode: u64,
}

/// Why something could not be staged.
pub enum Fault {
    /// A problem of the profile.
    Problem(ProblemKind),
    /// The disk would not have it.
    Error(Error),
}

impl Fault {
    /// As an error about a key of the profile.
    pub fn of(self, field: &str) -> Error {
        match self {
            Self::Problem(what) => one_problem(field, what),
            Self::Error(error) => error,
        }
    }
}

/// The stage of one sandbox; nothing is there until it is needed.
pub struct Stage {
    all: PathBuf,
    path: PathBuf,
    owner: Option<(u32, u32)>,
    count: u32,
    left: u64,
    entries: u32,
}

impl Stage {
    /// Of the sandbox with this UUID.
    pub fn new(plan: &Plan, uuid: &str) -> Self {
        let all = folder(&plan.places.cache);
        let user = &plan.orders.user;
        let owner = (plan.caller == 0).then_some((user.uid, user.gid));
        Self { path: all.join(uuid), all, owner, count: 0, left: COPIES_MAX, entries: ENTRIES_MAX }
    }

    fn next(&mut self) -> Result<PathBuf, Fault> {
        self.count += 1;
        let path = self.path.join(self.count.to_string());
        let mode = if self.owner.is_some() { 0o711 } else { 0o700 };
        for (path, mode) in [(&self.all, mode), (&self.path, mode), (&path, 0o700)] {
            match fs::DirBuilder::new().mode(mode).create(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => other.map_err(fault(FileAction::Create, path)).map_err(Fault::Error)?,
            }
        }
        Ok(path)
    }

    /// What has come to lie in a folder. Only now it is the sandbox's user's,
    /// who could have had root write through links before.
    fn staged(&self, folder: PathBuf, name: &str) -> Result<Staged, Fault> {
        let found = staged(folder, name)?;
        self.give(&found.folder).map_err(fault(FileAction::Create, &found.folder)).map_err(Fault::Error)?;
        Ok(found)
    }

    fn give(&self, path: &Path) -> io::Result<()> {
        let Some((uid, gid)) = self.owner else { return Ok(()) };
        std::os::unix::fs::lchown(path, Some(uid), Some(gid))
    }

    /// A folder with one more link to a file; or with a copy of it, if it
    /// cannot be had and the sandbox does not write.
    pub fn link(&mut self, seen: &Seen, writable: bool) -> Result<Staged, Fault> {
        let folder = self.next()?;
        let there = folder.join("file");
        let linked = fs::hard_link(&seen.path, &there)
            .and_then(|()| fs::symlink_metadata(&there))
            .is_ok_and(|found| (found.dev(), found.ino()) == (seen.device, seen.inode));
        if !linked {
            if writable {
                return Err(Fault::Problem(ProblemKind::FileInMachine { path: seen.path.clone() }));
            }
            let _ = fs::remove_file(&there);
            let copied = File::open(seen.direct())
                .and_then(|mut from| io::copy(&mut from, &mut fresh(&there, 0o600)?))
                .and_then(|_| self.give(&there));
            copied.map_err(fault(FileAction::Write, &there)).map_err(Fault::Error)?;
        }
        self.staged(folder, "file")
    }

    /// A file that is made up.
    pub fn write(&mut self, content: &[u8]) -> Result<Staged, Fault> {
        let folder = self.next()?;
        let there = folder.join("file");
        let written = fresh(&there, 0o644)
            .and_then(|mut file| io::Write::write_all(&mut file, content))
            .and_then(|()| self.give(&there));
        written.map_err(fault(FileAction::Write, &there)).map_err(Fault::Error)?;
        self.staged(folder, "file")
    }

    /// A copy of a file or a folder, without what is `hidden` in it.
    pub fn copy(&mut self, seen: &Seen, hidden: &[PathBuf]) -> Result<Staged, Fault> {
        let folder = self.next()?;
        let there = folder.join("copy");
        // What is copied is read through what was looked at.
        match self.tree(&seen.direct(), &there, hidden, Path::new(""), 0) {
            Ok(true) => self.staged(folder, "copy"),
            Ok(false) => {
                Err(Fault::Problem(ProblemKind::TooMuch { path: seen.path.clone(), limit: COPIES_MAX }))
            }
            Err(error) => Err(Fault::Error(fault(FileAction::Read, &seen.path)(error))),
        }
    }

    /// Whether it was not too much.
    fn tree(
        &mut self,
        from: &Path,
        to: &Path,
        hidden: &[PathBuf],
        inner: &Path,
        depth: u32,
    ) -> io::Result<bool> {
        if self.entries == 0 || depth > DEPTH_MAX {
            return Ok(false);
        }
        self.entries -= 1;
        // The first one is a link to a descriptor.
        let found = if depth == 0 { fs::metadata(from)? } else { fs::symlink_metadata(from)? };
        let mode = found.permissions().mode() & 0o777;
        if found.is_dir() {
            fs::DirBuilder::new().mode(0o700).create(to)?;
            // Held, so that nothing else can take its place.
            let held = OpenOptions::new()
                .read(true)
                .custom_flags(nix::libc::O_DIRECTORY | if depth == 0 { 0 } else { nix::libc::O_NOFOLLOW })
                .open(from)?;
            let from = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
            for entry in fs::read_dir(&from)? {
                let name = entry?.file_name();
                let inner = inner.join(&name);
                let is_hidden = hidden.contains(&inner);
                if !is_hidden && !self.tree(&from.join(&name), &to.join(&name), hidden, &inner, depth + 1)? {
                    return Ok(false);
                }
            }
            fs::set_permissions(to, fs::Permissions::from_mode(mode | 0o700))?;
        } else if found.is_symlink() {
            symlink(fs::read_link(from)?, to)?;
            // That it is still what the user has can be told by its time.
            let time = Timespec { tv_sec: found.mtime(), tv_nsec: found.mtime_nsec() };
            let times = Timestamps { last_access: time, last_modification: time };
            utimensat(CWD, to, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        } else if found.is_file() {
            let flags = nix::libc::O_NONBLOCK | if depth == 0 { 0 } else { nix::libc::O_NOFOLLOW };
            let file = OpenOptions::new().read(true).custom_flags(flags).open(from)?;
            let (time, mut made) = (file.metadata()?.modified()?, fresh(to, mode | 0o400)?);
            let copied = io::copy(&mut file.take(self.left + 1), &mut made)?;
            made.set_modified(time)?;
            if copied > self.left {
                return Ok(false);
            }
            self.left -= copied;
        } else {
            // A socket, a FIFO or a device is no file to copy.
            return Ok(true);
        }
        self.give(to).map(|()| true)
    }
}

fn fresh(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

fn staged(folder: PathBuf, name: &str) -> Result<Staged, Fault> {
    let there = folder.join(name);
    let found =
        fs::symlink_metadata(&there).map_err(fault(FileAction::Read, &there)).map_err(Fault::Error)?;
    let folder = fs::canonicalize(&folder).unwrap_or(folder);
    Ok(Staged { folder, name: name.into(), device: found.dev(), inode: found.ino() })
}

fn folder(cache: &Path) -> PathBuf {
    cache.join("stage")
}

/// Removes what was staged for sandboxes that have no directory any more.
pub fn sweep(cache: &Path, runtime: &Path) {
    let Ok(stages) = fs::read_dir(folder(cache)) else { return };
    let uuid = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("uuid")).ok();
    let wanted: Vec<String> =
        fs::read_dir(runtime).into_iter().flatten().flatten().filter_map(uuid).collect();
    for stage in stages.flatten() {
        if !wanted.iter().any(|uuid| stage.file_name().as_encoded_bytes() == uuid.as_bytes()) {
            let _ = fs::remove_dir_all(stage.path());
        }
    }
}
