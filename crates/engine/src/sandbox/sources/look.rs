// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a source is, as the caller sees it.

use super::super::directory::{fault, make_private};
use super::mounts;
use crate::error::{Error, FileAction};
use crate::plan::{Guarded, Plan, ProblemKind, ShareSource, USER_DIRS};
use nix::errno::Errno;
use nix::fcntl::{open, AtFlags, OFlag};
use nix::sys::stat::Mode;
use nix::unistd::{faccessat, AccessFlags};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{chown, MetadataExt};
use std::path::{Path, PathBuf};

/// A source that is held open.
pub struct Seen {
    /// Its path without links.
    pub path: PathBuf,
    /// Its device.
    pub device: u64,
    /// Its inode number.
    pub inode: u64,
    /// Where the caller has something mounted below it.
    pub mounted: Vec<PathBuf>,
    /// A folder rather than a regular file.
    pub is_folder: bool,
    /// Opened as a place only.
    pub file: File,
}

impl Seen {
    /// Opens it. `any`: whether the caller may read everything, so that it is
    /// left to the sandbox's user what can be read.
    ///
    /// # Errors
    /// It cannot be shared.
    pub fn open(source: &ShareSource, any: bool) -> Result<Self, ProblemKind> {
        let missing = || ProblemKind::SourceMissing { path: source.path.clone() };
        let denied = || ProblemKind::SourceDenied { path: source.path.clone(), writable: source.writable };
        let of = |error: io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied => {
                ProblemKind::SourceDenied { path: source.path.clone(), writable: false }
            }
            _ if error.raw_os_error() == Some(nix::libc::ELOOP) => {
                ProblemKind::SourceCircle { path: source.path.clone() }
            }
            _ => missing(),
        };
        let path = fs::canonicalize(&source.path).map_err(of)?;
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = open(&path, flags, Mode::empty()).map_err(|errno| of(errno.into()))?;
        let file = File::from(file);
        let found = file.metadata().map_err(of)?;
        if !found.is_dir() && !found.is_file() {
            return Err(ProblemKind::SourceKind { path });
        }
        let mounts = mounts::all();
        if mounts::shows_the_kernel(&path, &mounts) {
            return Err(ProblemKind::KernelView { path });
        }
        let below = |point: &PathBuf| point.starts_with(&path) && *point != path;
        let mounted = mounts.into_iter().map(|one| one.point).filter(below).collect();
        let (device, inode) = (found.dev(), found.ino());
        let seen = Self { path, device, inode, mounted, is_folder: found.is_dir(), file };
        if !any && !seen.may(source.writable) {
            return Err(denied());
        }
        Ok(seen)
    }

    /// A path that leads to it and nowhere else.
    pub fn direct(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    fn may(&self, write: bool) -> bool {
        let mut wish = AccessFlags::R_OK;
        wish.set(AccessFlags::X_OK, self.is_folder);
        wish.set(AccessFlags::W_OK, write);
        faccessat(nix::fcntl::AT_FDCWD, &self.direct(), wish, AtFlags::AT_EACCESS) == Ok(())
    }

    /// Whether its path still leads to it.
    pub fn is_still_there(&self) -> bool {
        let is_it = |found: fs::Metadata| (found.dev(), found.ino()) == (self.device, self.inode);
        fs::canonicalize(&self.path).is_ok_and(|path| path == self.path)
            && fs::symlink_metadata(&self.path).is_ok_and(is_it)
    }
}

/// The guarded paths and what they really are.
pub fn real(guarded: &[Guarded]) -> Vec<Guarded> {
    let mut all = guarded.to_vec();
    for one in guarded {
        let above = one.path.parent().and_then(|above| fs::canonicalize(above).ok());
        let beside = above.zip(one.path.file_name()).map(|(above, name)| above.join(name));
        let whole = fs::canonicalize(&one.path).ok();
        all.extend(beside.into_iter().chain(whole).map(|path| Guarded { path, ..*one }));
    }
    all.sort_by(|a, b| (&a.path, !a.hidden).cmp(&(&b.path, !b.hidden)));
    all.dedup_by(|a, b| a.path == b.path);
    all
}

/// A kept home, if it is not there yet.
pub fn make_home(plan: &Plan, path: &Path) -> Result<(), Error> {
    let homes = path.parent().unwrap_or(path);
    let is_root = plan.caller == 0;
    make_private(&plan.places.data, if is_root { 0o711 } else { 0o700 })?;
    make_private(homes, if is_root { 0o711 } else { 0o700 })?;
    match nix::unistd::mkdir(path, Mode::from_bits_truncate(0o700)) {
        Err(Errno::EEXIST) => return Ok(()),
        other => other.map_err(|errno| fault(FileAction::Create, path)(errno.into()))?,
    }
    // Nobody else has been in it yet, so that no path in it leads elsewhere.
    fill_home(plan, path).map_err(fault(FileAction::Create, path))
}

/// What a private home has, too.
fn fill_home(plan: &Plan, path: &Path) -> io::Result<()> {
    let Some(fresh) = &plan.fresh_home else { return Ok(()) };
    let mut made: Vec<PathBuf> = vec![path.to_owned()];
    for folder in &fresh.folders {
        fs::create_dir_all(path.join(folder))?;
        made.extend(folder.ancestors().filter(|one| !one.as_os_str().is_empty()).map(|one| path.join(one)));
    }
    if !fresh.user_dirs.is_empty() {
        let list = path.join(USER_DIRS);
        fs::write(&list, &fresh.user_dirs)?;
        made.push(list);
    }
    if plan.caller == 0 {
        let user = &plan.orders.user;
        made.iter().rev().try_for_each(|one| chown(one, Some(user.uid), Some(user.gid)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Holds, ShareKind};

    fn source(path: &Path, writable: bool) -> ShareSource {
        ShareSource { field: "x".into(), share: 0, path: path.to_owned(), writable, kind: ShareKind::Shown }
    }

    #[test]
    fn only_folders_and_files_that_are_there_are_shared() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        let (file, link, fifo) = (top.join("file"), top.join("link"), top.join("fifo"));
        fs::write(&file, "x").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        nix::unistd::mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
        let seen = Seen::open(&source(&link, true), false).unwrap_or_else(|problem| panic!("{problem:?}"));
        assert!(seen.path == file && !seen.is_folder && seen.is_still_there());
        fs::rename(&file, top.join("other")).unwrap();
        fs::write(&file, "x").unwrap();
        assert!(!seen.is_still_there());
        let problem = |path: &Path| Seen::open(&source(path, false), false).err();
        assert_eq!(problem(&fifo), Some(ProblemKind::SourceKind { path: fifo.clone() }));
        let circle = top.join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        assert_eq!(problem(&circle), Some(ProblemKind::SourceCircle { path: circle.clone() }));
        let none = top.join("none");
        assert_eq!(problem(&none), Some(ProblemKind::SourceMissing { path: none.clone() }));
        let proc = PathBuf::from("/proc/self/fdinfo");
        assert!(matches!(problem(&proc), Some(ProblemKind::KernelView { .. })));
        assert!(matches!(problem(Path::new("/")), Some(ProblemKind::KernelView { .. })));
    }

    #[test]
    fn what_is_guarded_is_guarded_where_it_really_is() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        fs::create_dir_all(top.join("real/keys")).unwrap();
        std::os::unix::fs::symlink("real", top.join("home")).unwrap();
        std::os::unix::fs::symlink("keys", top.join("real/.ssh")).unwrap();
        let all = real(&[Guarded { path: top.join("home/.ssh"), hidden: true, holds: Holds::Keys }]);
        let paths: Vec<PathBuf> = all.into_iter().map(|one| one.path).collect();
        assert_eq!(paths, [top.join("home/.ssh"), top.join("real/.ssh"), top.join("real/keys")]);
    }
}
