// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files that the plan made up: settings of the programs inside.

use super::Site;
use crate::fault::{at, Result};
use nix::errno::Errno;
use nix::fcntl::{openat, OFlag};
use nix::sys::stat::Mode;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use terrarium_protocol::message::Step;
use terrarium_protocol::orders::File;

/// Writes them, each where nothing was.
pub fn write(site: &Site, files: &[File]) -> Result<()> {
    files.iter().try_for_each(|file| {
        let path = Path::new(OsStr::from_bytes(file.path.as_slice()));
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(at(Step::Mount, file.path.as_slice())(Errno::EINVAL));
        };
        let folder = site.directory(above, Step::Mount)?;
        let made = || {
            let above = nix::fcntl::open(&folder.path(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
            let flags =
                OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            openat(&above, name, flags, Mode::from_bits_truncate(0o644))
        };
        let made = match made() {
            // Kept from the last time, and perhaps changed since.
            Err(Errno::EEXIST) if site.layer.is_some() => return Ok(()),
            other => other.map_err(at(Step::Mount, file.path.as_slice()))?,
        };
        site.note(path);
        let written = std::fs::File::from(made).write_all(file.content.as_slice());
        written.map_err(crate::fault::io_at(Step::Mount, file.path.as_slice()))
    })
}
