// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the caller has mounted.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::mountinfo;

/// File systems that show the kernel, wherever they are mounted.
const KERNELS: &[&str] = &[
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "mqueue",
    "proc",
    "pstore",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

/// Something mounted.
#[derive(Debug, PartialEq, Eq)]
pub struct Mounted {
    /// Where.
    pub point: PathBuf,
    /// Whether it shows the kernel.
    is_kernels: bool,
}

/// All of it.
pub fn all() -> Vec<Mounted> {
    of_text(&fs::read("/proc/self/mountinfo").unwrap_or_default())
}

fn of_text(text: &[u8]) -> Vec<Mounted> {
    let is_kernels = |kind: &[u8]| KERNELS.iter().any(|one| one.as_bytes() == kind);
    let one = |one: mountinfo::Mounted| Mounted {
        is_kernels: is_kernels(&one.kind.0),
        point: PathBuf::from(OsString::from_vec(one.point.0)),
    };
    mountinfo::parse(text).into_iter().map(one).collect()
}

/// Whether a path is on a file system of the kernel, or has one below it.
pub fn shows_the_kernel(path: &Path, mounts: &[Mounted]) -> bool {
    // The last one of the innermost is on top.
    let around = mounts.iter().filter(|one| path.starts_with(&one.point));
    let around = around.max_by_key(|one| one.point.as_os_str().len());
    let mut below = mounts.iter().filter(|one| one.point.starts_with(path));
    around.is_some_and(|one| one.is_kernels) || below.any(|one| one.is_kernels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_and_what_is_below_count() {
        let text = b"1 0 8:1 / / rw - ext4 /dev/vda rw\n\
            2 1 0:5 / /a\\040b/proc rw,nosuid shared:1 - proc proc rw\n\
            3 2 0:6 / /a\\040b/proc/x rw - tmpfs tmpfs rw\nnonsense";
        let mounts = of_text(text);
        assert_eq!(mounts.len(), 3);
        for (path, shows) in [
            ("/", true),
            ("/a b", true),
            ("/a b/proc", true),
            ("/a b/proc/1", true),
            ("/a b/proc/x", false),
            ("/a", false),
        ] {
            assert_eq!(shows_the_kernel(Path::new(path), &mounts), shows, "{path}");
        }
    }
}
