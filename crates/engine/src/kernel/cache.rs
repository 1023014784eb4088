// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a machine boots, made once and kept: `vmlinux-VERSION-KEY` and
//! `initrd.SET-VERSION-KEY`, each with a `.sum` that tells a whole file from a
//! broken one. SET stands for the modules that were asked for, so that
//! machines with and without a screen do not take turns at making it; KEY
//! changes with the kernel, its modules and init.

use super::decompress::decompress;
use super::modules::{name, Index};
use super::{at, initrd, vmlinux, Boot, Error, Expected, Kernel};
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use terrarium_protocol::file_system::FileSystem;

/// Largest module, unpacked, in bytes.
const MODULE_MAX: usize = 64 * 1024 * 1024;
/// What was used less than this long ago is not removed.
const REST: Duration = Duration::from_secs(60);
/// Of what could still be used, what was not for this long is removed.
const LONG: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Makes sure that `directory` holds what boots `kernel` with `init` and the
/// modules that are `wanted`, and those of file systems that may be `met`.
///
/// # Errors
/// Something cannot be read, is no kernel, or the disk is full; no half file
/// stays behind.
pub fn prepare(
    directory: &Path,
    kernel: &Kernel,
    wanted: &[&str],
    met: &[FileSystem],
    init: &[u8],
) -> Result<Boot, Error> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(directory).map_err(at(directory))?;
    let _guard = lock(directory)?;
    let image_key = key_of(&[&kernel.image], &[])?;
    let broken = || Error::Format { path: kernel.modules.clone(), expected: Expected::Index };
    let index = Index::read(&kernel.modules).ok_or_else(broken)?;
    let whole = |wanted: &[&str]| -> Vec<PathBuf> {
        index.closure(wanted).iter().map(|path| kernel.modules.join(path)).collect()
    };
    let content = Content {
        modules: whole(wanted),
        met: met.iter().map(|one| (one.name(), whole(one.modules()))).collect(),
    };
    let paths = content.all();
    let boot_key = key_of(&paths, init)?;
    let names: Vec<&str> = wanted.iter().copied().chain(met.iter().map(|one| one.name())).collect();
    let set = format!("initrd.{:08x}", crc32fast::hash(names.join(" ").as_bytes()));
    let image = Entry { directory, kind: "vmlinux", version: &kernel.version, key: image_key };
    let archive = Entry { directory, kind: &set, version: &kernel.version, key: boot_key };
    let boot = Boot {
        kernel: image.ensure(|| unpack_kernel(&kernel.image))?,
        initrd: archive.ensure(|| pack_initrd(&content, init))?,
    };
    sweep(directory, &[&image, &archive]);
    Ok(boot)
}

fn unpack_kernel(path: &Path) -> Result<Vec<u8>, Error> {
    let image = fs::read(path).map_err(at(path))?;
    if image.len() < 1024 {
        return Err(Error::Format { path: path.to_owned(), expected: Expected::Image });
    }
    // What has no entry for QEMU boots as it is, only slower.
    Ok(vmlinux::extract(&image, vmlinux::MAX).unwrap_or(image))
}

/// Paths of modules, in the order of loading.
struct Content<'a> {
    /// Loaded at the start.
    modules: Vec<PathBuf>,
    /// Loaded when a file system is met.
    met: Vec<(&'a str, Vec<PathBuf>)>,
}

impl Content<'_> {
    fn all(&self) -> Vec<&PathBuf> {
        let mut all: Vec<&PathBuf> = Vec::new();
        for path in self.modules.iter().chain(self.met.iter().flat_map(|(_, paths)| paths)) {
            if !all.contains(&path) {
                all.push(path);
            }
        }
        all
    }
}

fn pack_initrd(content: &Content, init: &[u8]) -> Result<Vec<u8>, Error> {
    let mut modules = Vec::new();
    for path in content.all() {
        let packed = fs::read(path).map_err(at(path))?;
        let module = decompress(&packed, MODULE_MAX).map_err(at(path))?;
        if !module.starts_with(b"\x7fELF") {
            return Err(Error::Format { path: path.clone(), expected: Expected::Module });
        }
        modules.push((name(&path.to_string_lossy()), module));
    }
    let names = |paths: &[PathBuf]| paths.iter().map(|path| name(&path.to_string_lossy())).collect();
    let met: Vec<_> = content.met.iter().map(|(kind, paths)| (*kind, names(paths))).collect();
    Ok(initrd::build(init, &modules, content.modules.len(), &met))
}

fn lock(directory: &Path) -> Result<Flock<File>, Error> {
    let path = directory.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(at(&path))?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| at(&path)(errno.into()))
}

/// Path, size and time of each file, and `more`.
fn key_of(paths: &[&PathBuf], more: &[u8]) -> Result<u32, Error> {
    let mut hasher = crc32fast::Hasher::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(at(path))?;
        hasher.update(path.as_os_str().as_encoded_bytes());
        for number in [metadata.len(), metadata.mtime() as u64, metadata.mtime_nsec() as u64] {
            hasher.update(&number.to_le_bytes());
        }
    }
    hasher.update(more);
    Ok(hasher.finalize())
}

struct Entry<'a> {
    directory: &'a Path,
    kind: &'a str,
    version: &'a str,
    key: u32,
}

impl Entry<'_> {
    fn name(&self) -> String {
        // A version comes from a file's name, but may be given by hand.
        format!("{}-{}-{:08x}", self.kind, self.version.replace('/', "_"), self.key)
    }

    fn ensure(&self, make: impl FnOnce() -> Result<Vec<u8>, Error>) -> Result<PathBuf, Error> {
        let path = self.directory.join(self.name());
        let sum = self.directory.join(format!("{}.sum", self.name()));
        if is_whole(&path, &sum) {
            touch(&path);
            touch(&sum);
            return Ok(path);
        }
        let content = make()?;
        replace(&path, &content)?;
        replace(&sum, checksum(&content).as_bytes())?;
        Ok(path)
    }
}

/// Says that a file is in use: see [`REST`]. A file that cannot be touched is
/// as good.
fn touch(path: &Path) {
    let _ = File::options().append(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

fn is_whole(path: &Path, sum: &Path) -> bool {
    let Ok(expected) = fs::read_to_string(sum) else { return false };
    checksum_of_file(path).is_ok_and(|found| found == expected)
}

/// Piece by piece: a kernel is large, and most starts only look at it.
fn checksum_of_file(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let (mut hasher, mut length, mut piece) = (crc32fast::Hasher::new(), 0, vec![0; 256 * 1024]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(sum_line(length, hasher.finalize())),
            count => {
                hasher.update(&piece[..count]);
                length += count;
            }
        }
    }
}

fn checksum(content: &[u8]) -> String {
    sum_line(content.len(), crc32fast::hash(content))
}

fn sum_line(length: usize, hash: u32) -> String {
    format!("{length} {hash:08x}\n")
}

/// Writes a whole file or none.
fn replace(path: &Path, content: &[u8]) -> Result<(), Error> {
    let fresh = path.with_extension(format!("new{}", std::process::id()));
    let write = || {
        let mut file = File::create(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&fresh);
        at(path)(source)
    })
}

/// Removes what is of the same kind and version under another key, and what
/// is of a version that is gone; also what a crash left half written, and what
/// nobody has needed for long.
fn sweep(directory: &Path, keep: &[&Entry]) {
    let names: Vec<String> = keep.iter().map(|entry| entry.name()).collect();
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let ours = file.starts_with("vmlinux-") || file.starts_with("initrd");
        let kept = names.iter().any(|name| file == *name || file == format!("{name}.sum"));
        let replaced = keep.iter().any(|one| file.starts_with(&format!("{}-{}-", one.kind, one.version)));
        let rest = if replaced || is_gone(&file) { REST } else { LONG };
        if ours && !kept && rests(&entry.path(), rest) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a file was not used for a while: another start may have been given
/// it and QEMU not have opened it yet.
fn rests(path: &Path, time: Duration) -> bool {
    let age = fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .map(|time| time.elapsed().unwrap_or_default());
    age.is_ok_and(|age| age > time)
}

/// Whether the kernel that a file was made for is not installed any more.
fn is_gone(file: &str) -> bool {
    let version =
        file.split_once('-').and_then(|(_, rest)| rest.rsplit_once('-')).map(|(version, _)| version);
    version.is_some_and(|version| !Path::new("/lib/modules").join(version).is_dir())
}
