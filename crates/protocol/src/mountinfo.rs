// SPDX-License-Identifier: LGPL-2.1-or-later
//! The text of /proc/PID/mountinfo, which both sides read (Linux:
//! Documentation/filesystems/proc.rst, 3.5).

use crate::Bytes;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// The kernel's number for it.
    pub id: u64,
    /// Where it is.
    pub point: Bytes,
    /// The kind of its file system.
    pub kind: Bytes,
}

/// Every mount, in the order of mounting. Lines of another form count for
/// nothing.
#[must_use]
pub fn parse(text: &[u8]) -> Vec<Mounted> {
    let one = |line: &[u8]| {
        let mut fields = line.split(|&byte| byte == b' ');
        let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let point = unescape(fields.nth(3)?);
        let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
        Some(Mounted { id, point: Bytes(point), kind: Bytes(unescape(kind)) })
    };
    text.split(|&byte| byte == b'\n').filter_map(one).collect()
}

/// The kernel writes space, tab, newline and backslash as `\ooo`.
fn unescape(field: &[u8]) -> Vec<u8> {
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
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_survive() {
        let text = b"36 35 98:0 /mnt1 /opt/a\\040b\\134 rw,noatime shared:1 - ext3 /dev/root rw\nrubbish\n";
        assert_eq!(parse(text), [Mounted { id: 36, point: "/opt/a b\\".into(), kind: "ext3".into() }]);
    }
}
