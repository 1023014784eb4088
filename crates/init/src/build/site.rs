// SPDX-License-Identifier: LGPL-2.1-or-later
//! The new root while it is built, and places in it.
//!
//! A link of the host may lie on the way to a place (`/home` is one on some
//! systems). It is followed as the sandbox's programs will follow it, within
//! the new root: the kernel is asked to, so that nothing is built outside.

use super::tree::{self, Attributes};
use super::Place;
use crate::fault::{at, Result};
use nix::errno::Errno;
use nix::fcntl::{open, openat, openat2, AtFlags, OFlag, OpenHow, ResolveFlag};
use nix::mount::{mount, MsFlags};
use nix::sys::stat::{fstat, mkdirat, Mode, SFlag};
use nix::unistd::fchownat;
use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::message::Step;
use terrarium_protocol::Bytes;

/// The new root, under construction.
pub struct Site {
    /// Our scaffolding, out of the sandbox's sight.
    pub base: PathBuf,
    /// Where it is mounted.
    pub new: PathBuf,
    /// An empty directory, below every overlay.
    pub empty: PathBuf,
    /// Where we are.
    pub place: Place,
    /// The user's ids in this namespace.
    pub owner: (u32, u32),
    /// The user's ids on the host's disks.
    pub outside: (u32, u32),
    /// First host id of the sandbox's block.
    pub id_base: u32,
    /// How many upper layers there are.
    pub layers: Cell<u32>,
    /// Where lies what is written, if anything may be.
    pub layer: Option<super::layer::Layer>,
    /// What init itself has made: nothing that the sandbox has written.
    made: RefCell<Vec<Made>>,
}

/// Something that init has made.
pub struct Made {
    /// Where it is seen.
    pub path: PathBuf,
    /// A copy of something of the user's: it is told of when it is gone.
    pub copied: bool,
}

/// Something in the new root, held open.
pub struct Spot(OwnedFd);

impl Site {
    /// Nothing yet.
    pub fn new(base: PathBuf, place: Place, owner: (u32, u32), outside: (u32, u32), id_base: u32) -> Self {
        let (new, empty) = (base.join("root"), base.join("empty"));
        let (layers, made) = (Cell::new(0), RefCell::default());
        Self { base, new, empty, place, owner, outside, id_base, layers, layer: None, made }
    }

    /// Init has made this.
    pub fn note(&self, path: &Path) {
        self.made.borrow_mut().push(Made { path: path.to_owned(), copied: false });
    }

    /// Init has copied something of the user's there.
    pub fn note_copy(&self, path: &Path) {
        self.made.borrow_mut().push(Made { path: path.to_owned(), copied: true });
    }

    /// All that it has made.
    pub fn made(&self) -> Vec<Made> {
        self.made.take()
    }

    /// Where a shown directory of the host is.
    pub fn lower(&self, path: &Path) -> PathBuf {
        match self.place {
            Place::Container if !self.other(path).exists() => path.to_owned(),
            _ => self.other(path),
        }
    }

    /// Where it is if it is not the same path of the host's root.
    pub fn other(&self, path: &Path) -> PathBuf {
        self.base.join("lower").join(super::layer::name_of(path))
    }

    /// What lies at `path`, if anything does.
    pub fn find(&self, path: &Path) -> nix::Result<Option<Spot>> {
        let root = open(&self.new, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC);
        match openat2(&root, path, how.resolve(ResolveFlag::RESOLVE_IN_ROOT)) {
            Ok(fd) => Ok(Some(Spot(fd))),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// The directory at `path`. It and what is missing above it are made,
    /// 0755 and root's.
    pub fn directory(&self, path: &Path, step: Step) -> Result<Spot> {
        self.make(path).map_err(at(step, path.as_os_str().as_bytes()))
    }

    fn make(&self, path: &Path) -> nix::Result<Spot> {
        if let Some(spot) = self.find(path)? {
            return Ok(spot);
        }
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::EINVAL) };
        let above = self.make(above)?;
        mkdirat(&above.0, name, Mode::from_bits_truncate(0o755))?;
        self.note(path);
        self.belongs(&above, name)?;
        self.find(path)?.ok_or(Errno::ENOENT)
    }

    /// What is made in a directory of the user's is the user's, too.
    fn belongs(&self, above: &Spot, name: &OsStr) -> nix::Result<()> {
        let (uid, gid) = self.owner;
        if fstat(&above.0)?.st_uid != uid {
            return Ok(());
        }
        fchownat(&above.0, name, Some(uid.into()), Some(gid.into()), AtFlags::AT_SYMLINK_NOFOLLOW)
    }

    /// What lies at `path`; made if it is missing.
    pub fn place(&self, path: &Path, is_file: bool) -> nix::Result<Spot> {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::EINVAL) };
        if is_file && self.find(path)?.is_none() {
            let above = openat(self.make(above)?.0, ".", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
            let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
            drop(openat(&above, name, flags, Mode::from_bits_truncate(0o644))?);
            self.note(path);
            self.belongs(&Spot(above), name)?;
        }
        self.make(path)
    }

    /// A fresh directory for an upper layer, in memory.
    pub fn layer(&self) -> nix::Result<PathBuf> {
        let all = self.base.join("layers");
        if self.layers.get() == 0 {
            nix::unistd::mkdir(&all, Mode::from_bits_truncate(0o700))?;
            let options = Some("size=1m,nr_inodes=4k,mode=700");
            mount(Some("tmpfs"), &all, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, options)?;
        }
        self.layers.set(self.layers.get() + 1);
        let one = all.join(self.layers.get().to_string());
        nix::unistd::mkdir(&one, Mode::from_bits_truncate(0o700))?;
        Ok(one)
    }
}

/// Bytes of the orders as a path.
pub fn path_of(bytes: &Bytes) -> &Path {
    Path::new(OsStr::from_bytes(bytes.as_slice()))
}

/// What lies at a path of the host's root, which is still ours. No link may be
/// on the way.
pub fn open_host(path: &Path) -> nix::Result<Spot> {
    let root = open("/", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC);
    let how = how.resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_SYMLINKS);
    openat2(&root, path, how).map(Spot)
}

impl Spot {
    /// Something of our scaffolding.
    pub fn open(path: &Path) -> nix::Result<Self> {
        open(path, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty()).map(Self)
    }

    /// A path that leads here and nowhere else.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }

    /// The descriptor that holds it.
    pub fn raw(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// What is here.
    pub fn kind(&self) -> nix::Result<SFlag> {
        Ok(SFlag::from_bits_truncate(fstat(&self.0)?.st_mode & SFlag::S_IFMT.bits()))
    }

    /// Mounts a file system here.
    pub fn mount(&self, kind: &str, flags: MsFlags, options: Option<&OsStr>) -> nix::Result<()> {
        mount(Some(kind), &self.path(), Some(kind), flags, options)
    }

    /// Mounts what lies at `source` here as well.
    pub fn bind(&self, source: &Path) -> nix::Result<()> {
        mount(Some(source), &self.path(), None::<&str>, MsFlags::MS_BIND, None::<&str>)
    }
    /// The same with everything that is mounted in it.
    pub fn bind_all(&self, source: &Path) -> nix::Result<()> {
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(source), &self.path(), None::<&str>, flags, None::<&str>)
    }

    /// Makes this mount and all in it read-only.
    pub fn close_all(&self) -> nix::Result<()> {
        let set = libc::MOUNT_ATTR_RDONLY;
        tree::change(&self.0, &Attributes { set, ..Attributes::default() }, true)
    }

    /// The kernel's number of the mount that it is in.
    pub fn mount_id(&self) -> nix::Result<u64> {
        let path = format!("/proc/self/fdinfo/{}", self.0.as_raw_fd());
        let text = std::fs::read_to_string(path).map_err(|_| Errno::EIO)?;
        let id = text.lines().find_map(|line| line.strip_prefix("mnt_id:"));
        id.and_then(|id| id.trim().parse().ok()).ok_or(Errno::EIO)
    }

    /// Device and inode number.
    pub fn identity(&self) -> nix::Result<(u64, u64)> {
        let found = fstat(&self.0)?;
        Ok((found.st_dev, found.st_ino))
    }
}
