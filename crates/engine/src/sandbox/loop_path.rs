// SPDX-License-Identifier: LGPL-2.1-or-later
//! Paths that fit into a loop device's name: libvirt's containers refuse a
//! longer one (libvirt 9.0: virFileLoopDeviceAssociate).

use super::directory::fault;
use crate::error::{Error, FileAction};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// LO_NAME_SIZE of the kernel, with its NUL.
const LOOP_NAME: usize = 64;

/// A path by which libvirt can open a file as long as this is there.
pub struct LoopPath {
    /// It fits.
    pub path: PathBuf,
    _file: Option<File>,
}

impl LoopPath {
    /// Of `file`: its own, a link to it in the sandbox's `directory` by this
    /// `name`, or this process's descriptor where even that is too long.
    ///
    /// # Errors
    /// The link cannot be made, or the file cannot be read.
    pub fn of(file: &Path, directory: &Path, name: &str) -> Result<Self, Error> {
        if fits(file) {
            return Ok(Self { path: file.into(), _file: None });
        }
        let link = directory.join(name);
        if fits(&link) {
            symlink(file, &link).map_err(fault(FileAction::Create, &link))?;
            return Ok(Self { path: link, _file: None });
        }
        let open = File::open(file).map_err(fault(FileAction::Read, file))?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), open.as_raw_fd());
        Ok(Self { path: path.into(), _file: Some(open) })
    }
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() < LOOP_NAME
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_path_of_any_length_gets_one_that_fits() {
        let folder = tempfile::tempdir().unwrap();
        for length in [1usize, 62, 63, 64, 200] {
            let name = "x".repeat(length.saturating_sub(folder.path().as_os_str().len() + 1).max(1));
            let file = folder.path().join(name);
            fs::write(&file, length.to_string()).unwrap();
            for deep in ["d", &"d".repeat(80)] {
                let directory = folder.path().join(format!("{deep}{length}"));
                fs::create_dir(&directory).unwrap();
                let short = LoopPath::of(&file, &directory, "vda").unwrap();
                assert!(short.path.as_os_str().len() < 64, "{}", short.path.display());
                assert_eq!(fs::read_to_string(&short.path).unwrap(), length.to_string());
                assert_eq!(short.path == file, fits(&file));
            }
        }
    }
}
