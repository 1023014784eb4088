// SPDX-License-Identifier: LGPL-2.1-or-later
//! Loads a machine's kernel modules, in the order that the host found.

use crate::fault::{at, Result};
use nix::errno::Errno;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use terrarium_protocol::message::{Failure, Step};

/// One absolute path a line.
const LIST: &str = "/modules";
/// A list for each file system that may be met.
const FILE_SYSTEMS: &str = "/file-systems";

/// Loads them all. Returns the failures: whether one matters shows later.
pub fn load() -> Vec<Failure> {
    load_all(Path::new(LIST))
}

/// Loads those of a file system. Whether it is there shows when it is mounted.
pub fn load_file_system(name: &str) {
    let _ = load_all(&Path::new(FILE_SYSTEMS).join(name));
}

fn load_all(list: &Path) -> Vec<Failure> {
    let list = std::fs::read_to_string(list).unwrap_or_default();
    list.lines().filter_map(|path| load_one(path).err()).collect()
}

fn load_one(path: &str) -> Result<()> {
    let file = File::open(path).map_err(crate::fault::io_at(Step::Module, path))?;
    // SAFETY: the descriptor is open, the parameters are an empty string.
    let done = unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
    match Errno::result(done) {
        Ok(_) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(at(Step::Module, path)(errno)),
    }
}
