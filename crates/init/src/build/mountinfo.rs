// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is mounted where, as the kernel tells it.

use crate::fault::{io_at, Result};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use terrarium_protocol::message::Step;

/// One mount of this namespace.
#[derive(Debug, PartialEq, Eq)]
pub struct Mounted {
    /// The kernel's number for it, see [`super::site::Spot::mount_id`].
    pub id: u64,
    /// Where it is.
    pub point: PathBuf,
}

/// Every mount of this namespace, in the order of mounting.
pub fn mounts() -> Result<Vec<Mounted>> {
    let text = fs::read("/proc/self/mountinfo").map_err(io_at(Step::Root, "/proc/self/mountinfo"))?;
    Ok(parse(&text))
}

fn parse(text: &[u8]) -> Vec<Mounted> {
    let one = |line: &[u8]| {
        let mut fields = line.split(|&byte| byte == b' ');
        let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        Some(Mounted { id, point: unescape(fields.nth(3)?) })
    };
    text.split(|&byte| byte == b'\n').filter_map(one).collect()
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
    fn odd_names_survive() {
        let line = b"36 35 98:0 /mnt1 /opt/a\\040b\\134 rw - ext3 /dev/root rw\nrubbish\n";
        assert_eq!(parse(line), [Mounted { id: 36, point: PathBuf::from("/opt/a b\\") }]);
    }
}
