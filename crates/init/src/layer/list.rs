// SPDX-License-Identifier: LGPL-2.1-or-later
//! How the layer differs from the host.

use super::base::{self, Base};
use super::lower::Caller;
use super::veil::is_opaque;
use super::{beneath, directory, FOLDER};
use crate::build::{Kept, Top};
use nix::dir::Dir;
use nix::fcntl::{openat, readlinkat, AtFlags, OFlag};
use nix::sys::stat::{fstatat, FileStat, Mode};
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use terrarium_protocol::changes::{
    Change, Encoder, Facts, FileKind, Totals, What, CHANGES_MAX, PATH_MAX, TARGET_MAX,
};
use terrarium_protocol::Bytes;

/// Directories in one another; each takes descriptors and some of the stack.
const DEPTH_MAX: usize = 1200;
/// Bytes of files of the same size that are compared in all.
const COMPARE_MAX: u64 = 512 << 20;
/// Written at once.
const ENOUGH: usize = 32 * 1024;
const S_IFMT: u32 = libc::S_IFMT;

/// Writes it as [`terrarium_protocol::changes`] has it.
pub fn write(layer: &Kept, caller: Caller, out: File) -> nix::Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let base = beneath(&layer.disk, Path::new(base::name()), flags).map(|fd| base::load(fd.into()));
    let mut list = List {
        caller,
        base: base.unwrap_or_default(),
        encoder: Encoder::default(),
        out,
        waiting: Vec::new(),
        totals: Totals::default(),
        compared: 0,
        covers: false,
        path: Vec::new(),
        place: Vec::new(),
    };
    for top in &layer.tops {
        list.top(layer, top)?;
    }
    list.copies(layer)?;
    let totals = list.totals;
    list.encoder.end(&totals, &mut list.waiting);
    list.flush()
}

struct List {
    caller: Caller,
    base: Base,
    encoder: Encoder,
    out: File,
    waiting: Vec<u8>,
    totals: Totals,
    compared: u64,
    /// Whether the host's files are below: then some devices mean that
    /// something is gone.
    covers: bool,
    /// Where we are, as it is seen.
    path: Vec<u8>,
    /// And in the layer.
    place: Vec<u8>,
}

/// Where a directory is.
#[derive(Clone, Copy)]
struct At {
    depth: usize,
    /// Nothing of the host's shows in it.
    veiled: bool,
}

/// One name in a directory of the layer and of the host.
struct Pair<'a> {
    upper: &'a OwnedFd,
    lower: Option<&'a OwnedFd>,
    name: &'a CStr,
}

impl List {
    fn flush(&mut self) -> nix::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.out.write_all(&waiting).map_err(super::contents::errno)
    }

    fn top(&mut self, layer: &Kept, top: &Top) -> nix::Result<()> {
        let upper = directory(&layer.disk, &top.stored)?;
        let seen = top.seen.as_os_str().as_bytes();
        self.path = if seen == b"/" { Vec::new() } else { seen.to_vec() };
        self.place = top.stored.as_os_str().as_bytes().to_vec();
        self.covers = top.lower.is_some();
        self.directory(&upper, top.lower.as_ref(), At { depth: 0, veiled: false })
    }

    fn directory(&mut self, upper: &OwnedFd, lower: Option<&OwnedFd>, at: At) -> nix::Result<()> {
        // One name at a time: a directory may have a million.
        for entry in Dir::openat(upper, ".", FOLDER, Mode::empty())? {
            let entry = entry?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                self.name(&Pair { upper, lower, name }, at)?;
            }
        }
        Ok(())
    }

    fn name(&mut self, pair: &Pair, at: At) -> nix::Result<()> {
        let Ok(found) = fstatat(pair.upper, pair.name, AtFlags::AT_SYMLINK_NOFOLLOW) else { return Ok(()) };
        let (path, place) = (self.path.len(), self.place.len());
        for one in [&mut self.path, &mut self.place] {
            one.push(b'/');
            one.extend_from_slice(pair.name.to_bytes());
        }
        let done = self.compare(pair, &found, at);
        self.path.truncate(path);
        self.place.truncate(place);
        done
    }

    fn compare(&mut self, pair: &Pair, found: &FileStat, at: At) -> nix::Result<()> {
        let before = pair.lower.and_then(|lower| self.caller.stat(lower, pair.name));
        if self.covers && found.st_mode & S_IFMT == libc::S_IFCHR && found.st_rdev == 0 {
            return match before {
                Some(before) => self.tell(What::Deleted, pair, Some(&before), None),
                None => Ok(()),
            };
        }
        let is_ours = self.base.get(&self.place).is_some_and(|made| made.stamp == base::stamp(found));
        if !is_ours {
            if let Some(what) = self.difference(pair, before.as_ref(), found) {
                self.tell(what, pair, before.as_ref(), Some(found))?;
            }
        }
        if found.st_mode & S_IFMT != libc::S_IFDIR {
            return Ok(());
        }
        if at.depth >= DEPTH_MAX {
            self.totals.partial = true;
            return Ok(());
        }
        self.descend(pair, before.as_ref(), is_ours, at)
    }

    fn descend(&mut self, pair: &Pair, before: Option<&FileStat>, is_ours: bool, at: At) -> nix::Result<()> {
        let Ok(inner) = openat(pair.upper, pair.name, FOLDER, Mode::empty()) else {
            self.totals.partial = true;
            return Ok(());
        };
        let was_folder = before.is_some_and(|before| before.st_mode & S_IFMT == libc::S_IFDIR);
        let lower =
            pair.lower.filter(|_| was_folder).and_then(|lower| self.caller.directory(lower, pair.name));
        let veiled = at.veiled || is_opaque(&inner);
        // Of what init has emptied nothing is told.
        let lower = lower.filter(|_| !(veiled && is_ours));
        // What is not there any more.
        if let Some(lower) = lower.as_ref().filter(|_| veiled) {
            self.gone(&inner, lower)?;
        }
        self.directory(&inner, lower.as_ref(), At { depth: at.depth + 1, veiled })
    }

    /// Everything of a directory that was removed and made again.
    fn gone(&mut self, upper: &OwnedFd, lower: &OwnedFd) -> nix::Result<()> {
        for name in self.caller.names(lower) {
            let Ok(name) = CString::new(name.as_bytes()) else { continue };
            if fstatat(upper, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW).is_ok() {
                continue;
            }
            let length = self.path.len();
            self.path.push(b'/');
            self.path.extend_from_slice(name.to_bytes());
            let pair = Pair { upper, lower: Some(lower), name: &name };
            if let Some(before) = self.caller.stat(lower, &name) {
                self.tell(What::Deleted, &pair, Some(&before), None)?;
            }
            self.path.truncate(length);
        }
        Ok(())
    }

    fn difference(&mut self, pair: &Pair, before: Option<&FileStat>, after: &FileStat) -> Option<What> {
        let Some(before) = before else { return Some(What::Added) };
        let kind = after.st_mode & S_IFMT;
        if before.st_mode & S_IFMT != kind {
            return Some(What::Type);
        }
        let same = match kind {
            libc::S_IFREG => before.st_size == after.st_size && self.is_same(pair, after.st_size as u64),
            libc::S_IFLNK => {
                let lower = pair.lower.and_then(|lower| self.caller.target(lower, pair.name));
                lower.is_some() && lower == readlinkat(pair.upper, pair.name).ok()
            }
            libc::S_IFCHR | libc::S_IFBLK => before.st_rdev == after.st_rdev,
            _ => true,
        };
        let rights = |one: &FileStat| (one.st_mode & 0o7777, one.st_uid, one.st_gid);
        match same {
            false => Some(What::Modified),
            true if rights(before) != rights(after) => Some(What::Permissions),
            true => None,
        }
    }

    /// Whether two files of the same size hold the same. Too much to compare
    /// is a difference.
    fn is_same(&mut self, pair: &Pair, size: u64) -> bool {
        self.compared = self.compared.saturating_add(size);
        if self.compared > COMPARE_MAX {
            return false;
        }
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let Ok(upper) = openat(pair.upper, pair.name, flags, Mode::empty()) else { return false };
        let Some(Ok(lower)) = pair.lower.map(|lower| self.caller.file(lower, pair.name)) else {
            return false;
        };
        have_the_same(File::from(upper), lower).unwrap_or(false)
    }

    /// Copies of the user's files that are not there any more.
    fn copies(&mut self, layer: &Kept) -> nix::Result<()> {
        let all = std::mem::take(&mut self.base);
        for (place, made) in all.iter().filter(|(_, made)| made.copied) {
            let place = Path::new(OsStr::from_bytes(place));
            let is_there =
                || beneath(&layer.disk, place, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).is_ok();
            let top = layer.tops.iter().filter(|top| place.starts_with(&top.stored));
            let Some(top) = top.max_by_key(|top| top.stored.as_os_str().len()) else { continue };
            let Ok(inner) = place.strip_prefix(&top.stored) else { continue };
            if !is_there() {
                self.path = top.seen.join(inner).as_os_str().as_bytes().to_vec();
                self.record(What::Deleted, Some(base::facts(&made.stamp)), None)?;
            }
        }
        Ok(())
    }

    fn tell(
        &mut self,
        what: What,
        pair: &Pair,
        before: Option<&FileStat>,
        after: Option<&FileStat>,
    ) -> nix::Result<()> {
        let is_link = |found: &FileStat| found.st_mode & S_IFMT == libc::S_IFLNK;
        let before = before.map(|found| {
            let lower = pair.lower.filter(|_| is_link(found));
            facts(found, &lower.and_then(|lower| self.caller.target(lower, pair.name)).unwrap_or_default())
        });
        let after = after.map(|found| {
            let target = is_link(found).then(|| readlinkat(pair.upper, pair.name).ok()).flatten();
            facts(found, &target.unwrap_or_default())
        });
        self.record(what, before, after)
    }

    fn record(&mut self, what: What, before: Option<Facts>, after: Option<Facts>) -> nix::Result<()> {
        self.totals.changes += 1;
        let is_content = matches!(what, What::Added | What::Modified | What::Type);
        if let Some(after) = after.as_ref().filter(|after| is_content && after.kind == FileKind::File) {
            self.totals.bytes = self.totals.bytes.saturating_add(after.size);
        }
        if self.totals.changes > CHANGES_MAX as u64 || self.path.len() > PATH_MAX {
            self.totals.partial = true;
            return Ok(());
        }
        let change = Change { path: Bytes::from(self.path.as_slice()), what, before, after };
        self.encoder.change(&change, &mut self.waiting);
        if self.waiting.len() >= ENOUGH {
            self.flush()?;
        }
        Ok(())
    }
}

fn have_the_same(mut a: File, mut b: File) -> std::io::Result<bool> {
    let (mut left, mut right) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let count = a.read(&mut left)?;
        if count == 0 {
            return Ok(b.read(&mut right)? == 0);
        }
        if b.read_exact(&mut right[..count]).is_err() || left[..count] != right[..count] {
            return Ok(false);
        }
    }
}

fn facts(found: &FileStat, target: &OsStr) -> Facts {
    let kind = match found.st_mode & S_IFMT {
        libc::S_IFREG => FileKind::File,
        libc::S_IFDIR => FileKind::Folder,
        libc::S_IFLNK => FileKind::Link,
        libc::S_IFBLK => FileKind::Block,
        libc::S_IFCHR => FileKind::Character,
        libc::S_IFIFO => FileKind::Fifo,
        _ => FileKind::Socket,
    };
    let target = target.as_bytes();
    Facts {
        kind,
        mode: found.st_mode & 0o7777,
        uid: found.st_uid,
        gid: found.st_gid,
        size: u64::try_from(found.st_size).unwrap_or(0),
        modified: found.st_mtime,
        nanoseconds: u32::try_from(found.st_mtime_nsec).unwrap_or(0),
        target: Bytes::from(&target[..target.len().min(TARGET_MAX)]),
    }
}
