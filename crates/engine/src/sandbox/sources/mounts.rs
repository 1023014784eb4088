// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the caller has mounted.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

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
    let text = fs::read("/proc/self/mountinfo").unwrap_or_default();
    text.split(|&byte| byte == b'\n').filter_map(parse).collect()
}

/// Whether a path is on a file system of the kernel, or has one below it.
pub fn shows_the_kernel(path: &Path, mounts: &[Mounted]) -> bool {
    // The last one of the innermost is on top.
    let around = mounts.iter().filter(|one| path.starts_with(&one.point));
    let around = around.max_by_key(|one| one.point.as_os_str().len());
    let mut below = mounts.iter().filter(|one| one.point.starts_with(path));
    around.is_some_and(|one| one.is_kernels) || below.any(|one| one.is_kernels)
}

fn parse(line: &[u8]) -> Option<Mounted> {
    let mut fields = line.split(|&byte| byte == b' ');
    let point = unescape(fields.nth(4)?);
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    Some(Mounted { point, is_kernels: KERNELS.iter().any(|one| one.as_bytes() == kind) })
}

/// The kernel writes space, tab, newline and backslash as `\ooo`.
fn unescape(field: &[u8]) -> PathBuf {
    let mut out = Vec::new();
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        match after {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] if byte == b'\\' => {
                out.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = tail;
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_and_what_is_below_count() {
        let text: [&[u8]; 4] = [
            b"1 0 8:1 / / rw - ext4 /dev/vda rw",
            b"2 1 0:5 / /a\\040b/proc rw,nosuid shared:1 - proc proc rw",
            b"3 2 0:6 / /a\\040b/proc/x rw - tmpfs tmpfs rw",
            b"nonsense",
        ];
        let mounts: Vec<Mounted> = text.into_iter().filter_map(parse).collect();
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
