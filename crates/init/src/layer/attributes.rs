// SPDX-License-Identifier: LGPL-2.1-or-later
//! Owner, permissions, times and extended attributes.

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{fchmod, fchmodat, futimens, utimensat, FchmodatFlags, FileStat, Mode, UtimensatFlags};
use nix::sys::time::TimeSpec;
use nix::unistd::{fchown, fchownat, Gid, Uid};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Most bytes of names, or of a value (XATTR_SIZE_MAX of the kernel).
const MOST: usize = 64 * 1024;

/// One extended attribute of an open file.
pub fn get(file: impl AsFd, name: &CStr) -> nix::Result<Vec<u8>> {
    let mut value = vec![0u8; MOST];
    // SAFETY: an open descriptor, a string that ends with NUL, and a buffer
    // whose length is given.
    let length = unsafe {
        libc::fgetxattr(file.as_fd().as_raw_fd(), name.as_ptr(), value.as_mut_ptr().cast(), value.len())
    };
    let length = Errno::result(length)?;
    value.truncate(usize::try_from(length).unwrap_or(0));
    Ok(value)
}

/// Sets one.
pub fn set(file: impl AsFd, name: &CStr, value: &[u8]) -> nix::Result<()> {
    // SAFETY: as above; nothing is written to the buffer.
    let done = unsafe {
        libc::fsetxattr(file.as_fd().as_raw_fd(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0)
    };
    Errno::result(done).map(drop)
}

/// Takes one away.
pub fn remove(file: impl AsFd, name: &CStr) -> nix::Result<()> {
    // SAFETY: an open descriptor and a string that ends with NUL.
    Errno::result(unsafe { libc::fremovexattr(file.as_fd().as_raw_fd(), name.as_ptr()) }).map(drop)
}

fn names(file: impl AsFd) -> nix::Result<Vec<CString>> {
    let mut names = vec![0u8; MOST];
    // SAFETY: as above.
    let length =
        unsafe { libc::flistxattr(file.as_fd().as_raw_fd(), names.as_mut_ptr().cast(), names.len()) };
    let length = Errno::result(length)?;
    names.truncate(usize::try_from(length).unwrap_or(0));
    Ok(names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).flat_map(CString::new).collect())
}

/// Makes an open file or directory what another is, but for what it holds.
pub fn same(from: &OwnedFd, to: &OwnedFd, found: &FileStat) -> nix::Result<()> {
    fchown(to, Some(Uid::from_raw(found.st_uid)), Some(Gid::from_raw(found.st_gid)))?;
    fchmod(to, mode(found))?;
    for name in names(from)? {
        match get(from, &name).and_then(|value| set(to, &name, &value)) {
            // What init may not set here is not what a layer is read by.
            Err(Errno::EPERM | Errno::ENOTSUP) if !name.to_bytes().starts_with(b"trusted.overlay.") => {}
            other => other?,
        }
    }
    let [accessed, modified] = times(found);
    futimens(to, &accessed, &modified)
}

/// The same for what cannot be opened. It is no file and no directory.
pub fn same_at(above: &OwnedFd, name: &CStr, found: &FileStat) -> nix::Result<()> {
    let (uid, gid) = (Uid::from_raw(found.st_uid), Gid::from_raw(found.st_gid));
    fchownat(above, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if found.st_mode & libc::S_IFMT != libc::S_IFLNK {
        fchmodat(above, name, mode(found), FchmodatFlags::FollowSymlink)?;
    }
    let [accessed, modified] = times(found);
    utimensat(above, name, &accessed, &modified, UtimensatFlags::NoFollowSymlink)
}

fn mode(found: &FileStat) -> Mode {
    Mode::from_bits_truncate(found.st_mode & 0o7777)
}

fn times(found: &FileStat) -> [TimeSpec; 2] {
    [TimeSpec::new(found.st_atime, found.st_atime_nsec), TimeSpec::new(found.st_mtime, found.st_mtime_nsec)]
}
