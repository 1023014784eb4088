// SPDX-License-Identifier: LGPL-2.1-or-later
//! The layer: a file system of its own in which all lies that the sandbox
//! writes.
//!
//! | in it | what |
//! |---|---|
//! | `top` | the root directory itself |
//! | `home` | the home directory |
//! | `upper/NAME`, `work/NAME` | what is written over a shown directory |
//!
//! Files in it have the ids that they have inside. In a container those of
//! root are others on the host, so that there the layer and what it covers are
//! id-mapped. Root inside then owns what is the host's root's, and could read
//! it; therefore the overlay that it sees lies on a second one, which looks at
//! the host as the caller without any privilege.

use super::overlay::{escape, READ_ONLY};
use super::site::{open_host, Made, Site, Spot};
use super::{credentials, idmapped, images, Place};
use crate::fault::{at, io_at, Result};
use crate::ids;
use crate::layer::{base, place_of};
use nix::errno::Errno;
use nix::fcntl::{open, OFlag};
use nix::mount::{mount, MsFlags};
use nix::sys::stat::{fchmodat, lstat, FchmodatFlags, Mode};
use nix::unistd::{chown, Gid, Uid};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::layer::{Disk, Unreadable};
use terrarium_protocol::message::Step;
use terrarium_protocol::orders::RootEntry;
use terrarium_protocol::Orders;

/// How it is mounted, wherever it shows.
const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);
/// A machine that is killed has written out what is older than some seconds.
const COMMIT: &str = "commit=1";
/// In hundredths of a second: when what is written has to go to the disk, and
/// how often that is looked at.
const EXPIRE: [(&str, &str); 2] =
    [("/proc/sys/vm/dirty_expire_centisecs", "100"), ("/proc/sys/vm/dirty_writeback_centisecs", "50")];
/// Neither depends on what the host's files are called or how they are
/// numbered: the layer may outlive them.
const ALWAYS: &[u8] = b",redirect_dir=off,metacopy=off,index=off";

/// What programs that install others expect, and the host's is not shown.
const USUAL: &[&str] = &["/var/log/apt", "/var/spool", "/var/mail", "/var/backups"];
/// Bytes that are as good as none.
const NOTHING: u64 = 256 * 1024;

/// The layer while the root is built.
pub struct Layer {
    /// As it is on the disk.
    disk: PathBuf,
    /// With the ids of this sandbox.
    view: PathBuf,
    /// What it began as a copy of.
    before: Option<PathBuf>,
    /// Set where root inside is another id outside: the base of its block.
    mapped: Option<u32>,
    unreadable: Vec<Unreadable>,
}

/// What is kept of a layer once the root is built.
pub struct Kept {
    /// Its own top directory.
    pub disk: OwnedFd,
    /// What of it is seen where.
    pub tops: Vec<Top>,
    /// Whether it is wanted when the sandbox is gone.
    pub outlives: bool,
    /// The top directory of what it began as a copy of, if that is there.
    pub before: Option<OwnedFd>,
}

/// A directory of the layer that is seen somewhere.
pub struct Top {
    /// Where it is seen.
    pub seen: PathBuf,
    /// Where it is in the layer.
    pub stored: PathBuf,
    /// What it covers of the host.
    pub lower: Option<OwnedFd>,
}

impl Kept {
    /// Whether nothing, or next to nothing, fits into it.
    pub fn is_full(&self) -> bool {
        nix::sys::statvfs::fstatvfs(&self.disk).is_ok_and(|found| {
            found.blocks_available() * found.fragment_size() < NOTHING || found.files_available() == 0
        })
    }

    /// Writes all of it to the disk.
    pub fn sync(&self) {
        let _ = nix::unistd::syncfs(&self.disk);
    }
}

/// A name for a shown directory in `upper` and `work`.
pub fn name_of(path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let flat: Vec<u8> = bytes.iter().skip(1).map(|&byte| if byte == b'/' { b'!' } else { byte }).collect();
    PathBuf::from(OsStr::from_bytes(&flat).to_owned())
}

impl Layer {
    /// Finds and mounts it, out of the sandbox's sight.
    pub fn open(orders: &Orders, place: Place, base: &Path) -> Result<Option<Self>> {
        let Some(wish) = &orders.layer else { return Ok(None) };
        let disk = place_disk(&wish.disk, &base.join("disk"), SAFE, wish.outlives)?;
        let read_only = SAFE | MsFlags::MS_RDONLY;
        let before = wish.before.as_ref();
        let before =
            before.map(|before| place_disk(before, &base.join("before"), read_only, false)).transpose()?;
        let user = &orders.user;
        for name in ["top", "home", "upper", "work"] {
            make(&disk.join(name), 0o755).map_err(at(Step::Layer, name))?;
        }
        let home = disk.join("home");
        let (uid, gid) = if user.privileged { (0, 0) } else { (user.uid, user.gid) };
        chown(&home, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
            .and_then(|()| chmod(&home, 0o700))
            .map_err(at(Step::Layer, "home"))?;
        let mapped = (place == Place::Container && user.privileged).then_some(orders.id_base);
        let view = match mapped {
            None => disk.clone(),
            Some(id_base) => {
                let view = base.join("view");
                make(&view, 0o755)
                    .and_then(|()| attach(&disk, &view, (user.uid, user.gid), id_base))
                    .map_err(at(Step::Layer, "ids"))?;
                credentials::act_as((id_base, id_base)).map_err(at(Step::Layer, "ids"))?;
                view
            }
        };
        Ok(Some(Self { disk, view, before, mapped, unreadable: wish.unreadable.clone() }))
    }

    /// Whether ids inside are others outside.
    pub fn is_mapped(&self) -> bool {
        self.mapped.is_some()
    }

    /// Puts the root directory itself there.
    pub fn top(&self, new: &Path) -> nix::Result<()> {
        bind(&self.view.join("top"), new)
    }

    /// Makes directories that every system has.
    pub fn usual(site: &Site) -> Result<()> {
        USUAL.iter().try_for_each(|path| site.directory(Path::new(path), Step::Layer).map(drop))
    }

    /// Puts the home directory there.
    pub fn home(&self, site: &Site, path: &Path) -> Result<()> {
        let fail = || at(Step::Layer, path.as_os_str().as_bytes());
        let spot = site.directory(path, Step::Layer)?;
        spot.bind(&self.view.join("home")).map_err(fail())?;
        // Found again: what was there is below it now.
        let top = site.directory(path, Step::Layer)?;
        harmless(&top.path()).map_err(fail())
    }

    /// Shows a directory so that it can be written. `lower` is a path of the
    /// host's root, or where a machine has mounted it.
    pub fn show(&self, site: &Site, spot: &Spot, path: &Path, lower: &Path) -> nix::Result<()> {
        let name = name_of(path);
        let (upper, work) = (self.view.join("upper").join(&name), self.view.join("work").join(&name));
        like(&self.disk.join("upper").join(&name), lower)?;
        make(&work, 0o700)?;
        self.hide_unreadable(site, path, lower)?;
        let below = match self.mapped {
            None => lower.to_owned(),
            Some(base) => self.guarded(site, &name, lower, base)?,
        };
        let part = |option: &str, path: &Path| [option.as_bytes(), &escape(path)].concat();
        let options = [
            part("lowerdir=", &below),
            part(",upperdir=", &upper),
            part(",workdir=", &work),
            ALWAYS.to_vec(),
        ];
        spot.mount("overlay", SAFE, Some(OsStr::from_bytes(&options.concat())))
    }

    fn hide_unreadable(&self, site: &Site, top: &Path, lower: &Path) -> nix::Result<()> {
        let upper = self.disk.join("upper").join(name_of(top));
        for one in &self.unreadable {
            let path = Path::new(OsStr::from_bytes(one.path.as_slice()));
            let Ok(inner) = path.strip_prefix(top) else { continue };
            if one_unreadable(&upper, lower, inner, one)? {
                site.note(path);
            }
        }
        Ok(())
    }

    /// The host's directory with the ids of root inside, seen without any
    /// privilege.
    fn guarded(&self, site: &Site, name: &Path, lower: &Path, id_base: u32) -> nix::Result<PathBuf> {
        let (raw, seen) = (site.base.join("raw").join(name), site.base.join("seen").join(name));
        for path in [&raw, &seen] {
            fs::create_dir_all(path).map_err(|_| Errno::EIO)?;
        }
        attach(lower, &raw, site.outside, id_base)?;
        let options = [b"lowerdir=".to_vec(), escape(&raw), b":".to_vec(), escape(&site.empty)].concat();
        credentials::powerless(site.outside, (id_base, id_base), || {
            mount(Some("overlay"), &seen, Some("overlay"), READ_ONLY, Some(OsStr::from_bytes(&options)))
        })?;
        Ok(seen)
    }

    /// What is needed of it later.
    pub fn keep(&self, site: &Site, orders: &Orders) -> nix::Result<Kept> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let own =
            |seen: &Path, stored: &str| Top { seen: seen.to_owned(), stored: stored.into(), lower: None };
        let mut tops = vec![own(Path::new("/"), "top")];
        let home = orders.layer.as_ref().filter(|layer| layer.home).map(|_| orders.user.home.as_slice());
        tops.extend(home.map(|home| own(Path::new(OsStr::from_bytes(home)), "home")));
        for path in shown(orders) {
            let stored = Path::new("upper").join(name_of(path));
            // What could not be written is not there.
            if lstat(&self.disk.join(&stored)).is_ok() {
                let lower = open(&site.lower(path), flags, Mode::empty())?;
                tops.push(Top { seen: path.to_owned(), stored, lower: Some(lower) });
            }
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let outlives = orders.layer.as_ref().is_some_and(|layer| layer.outlives);
        let before = self.before.as_ref().map(|path| open(path, flags, Mode::empty())).transpose()?;
        let kept = Kept { disk: open(&self.disk, flags, Mode::empty())?, tops, outlives, before };
        if outlives {
            let made = site.made();
            let place = |one: Made| Some((place_of(&kept, one.path.as_os_str().as_bytes())?, one.copied));
            let places: Vec<(PathBuf, bool)> = made.into_iter().filter_map(place).collect();
            base::add(&self.disk, &places).map_err(|_| Errno::EIO)?;
        }
        Ok(kept)
    }
}

/// The shown directories.
pub fn shown(orders: &Orders) -> impl Iterator<Item = &Path> {
    orders.root.iter().filter_map(|entry| match entry {
        RootEntry::Show { path, .. } => Some(Path::new(OsStr::from_bytes(path.as_slice()))),
        RootEntry::Link { .. } => None,
    })
}

/// A mount with the ids of a container's command.
fn attach(from: &Path, to: &Path, (uid, gid): (u32, u32), id_base: u32) -> nix::Result<()> {
    let (from, to) = (open_host(from)?, open_host(to)?);
    idmapped::bind(&from, &to, &ids::map(uid, id_base), &ids::map(gid, id_base))
}

fn bind(from: &Path, to: &Path) -> nix::Result<()> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    harmless(to)
}

fn harmless(to: &Path) -> nix::Result<()> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | SAFE;
    mount(None::<&str>, to, None::<&str>, flags, None::<&str>)
}

fn chmod(path: &Path, mode: u32) -> nix::Result<()> {
    fchmodat(nix::fcntl::AT_FDCWD, path, Mode::from_bits_truncate(mode), FchmodatFlags::FollowSymlink)
}

fn make(path: &Path, mode: u32) -> nix::Result<()> {
    match nix::unistd::mkdir(path, Mode::from_bits_truncate(mode)) {
        Err(Errno::EEXIST) => Ok(()),
        other => other,
    }
}

/// An overlay's top directory has the owner of the upper layer's: the same as
/// the host's. One that was kept stays as it is.
fn like(upper: &Path, lower: &Path) -> nix::Result<()> {
    match nix::unistd::mkdir(upper, Mode::from_bits_truncate(0o755)) {
        Err(Errno::EEXIST) => return Ok(()),
        other => other?,
    }
    let found = lstat(lower)?;
    chown(upper, Some(found.st_uid.into()), Some(found.st_gid.into()))?;
    chmod(upper, found.st_mode & 0o7777)
}

/// Shows a layer out of the sandbox's sight.
fn place_disk(disk: &Disk, to: &Path, flags: MsFlags, outlives: bool) -> Result<PathBuf> {
    fs::create_dir_all(to).map_err(io_at(Step::Layer, "disk"))?;
    match disk {
        // libvirt has mounted it, read-only or not.
        Disk::Folder(path) => {
            let path = Path::new(OsStr::from_bytes(path.as_slice()));
            bind(path, to).map_err(at(Step::Layer, path.as_os_str().as_bytes()))?;
        }
        Disk::Serial(serial) => mount_disk(serial, to, flags, outlives)?,
    }
    Ok(to.to_owned())
}

/// The disk with this serial number, as a machine's kernel has found it.
fn mount_disk(serial: &str, to: &Path, flags: MsFlags, outlives: bool) -> Result<()> {
    let fail = || at(Step::Layer, "disk");
    let device = images::find(serial).ok_or_else(|| fail()(Errno::ENODEV))?;
    // Without a journal there is nothing to commit.
    let options = outlives.then_some(COMMIT);
    mount(Some(&device), to, Some("ext4"), flags, options).map_err(fail())?;
    for (file, value) in EXPIRE.into_iter().filter(|_| outlives) {
        // What cannot be set is as it usually is.
        let _ = fs::write(file, value);
    }
    Ok(())
}

/// Puts emptiness where the caller cannot read, unless something is there
/// already.
fn one_unreadable(upper: &Path, lower: &Path, inner: &Path, one: &Unreadable) -> nix::Result<bool> {
    let (mut above, mut below) = (upper.to_owned(), lower.to_owned());
    for part in inner.parent().into_iter().flat_map(Path::components) {
        (above, below) = (above.join(part), below.join(part));
        match lstat(&above) {
            Err(Errno::ENOENT) => like(&above, &below)?,
            // A kept layer has something else there.
            Ok(found) if found.st_mode & libc::S_IFMT != libc::S_IFDIR => return Ok(false),
            other => drop(other?),
        }
    }
    let Some(name) = inner.file_name() else { return Ok(false) };
    let path = above.join(name);
    if lstat(&path).is_ok() {
        return Ok(false);
    }
    if one.is_folder {
        nix::unistd::mkdir(&path, Mode::from_bits_truncate(0o700))?;
        opaque(&path)?;
    } else {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        drop(open(&path, flags, Mode::from_bits_truncate(0o600))?);
    }
    chown(&path, Some(one.uid.into()), Some(one.gid.into()))?;
    chmod(&path, one.mode & 0o7777)?;
    Ok(true)
}

/// Nothing of what is below shows in this directory.
fn opaque(path: &Path) -> nix::Result<()> {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: two strings that end with NUL and one byte; all outlive the call.
    let done = unsafe {
        let value = b"y";
        libc::lsetxattr(path.as_ptr(), c"trusted.overlay.opaque".as_ptr(), value.as_ptr().cast(), 1, 0)
    };
    Errno::result(done).map(drop)
}
