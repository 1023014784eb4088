// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox has written, on its way out: a stream of records, each
//! `length | fields`, all numbers in groups of seven bits. The last one tells
//! how much there is in all; without it the stream is not whole.

use crate::pieces::Pieces;
use crate::Bytes;

/// Longest path that is told, in bytes; what lies deeper is only counted.
pub const PATH_MAX: usize = 32 * 1024;
/// Longest target of a link that is told, in bytes.
pub const TARGET_MAX: usize = 4096;
/// Longest record, in bytes.
pub const RECORD_MAX: usize = PATH_MAX + 2 * TARGET_MAX + 256;
/// Most changes that are told; the rest is only counted.
pub const CHANGES_MAX: usize = 250_000;

/// How a path differs from the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It is not on the host.
    Added,
    /// Its content is another.
    Modified,
    /// It was removed, with all in it.
    Deleted,
    /// It is something else: a folder instead of a file.
    Type,
    /// Only permissions or owner are others.
    Permissions,
}

const WHATS: [What; 5] = [What::Added, What::Modified, What::Deleted, What::Type, What::Permissions];

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FileKind {
    File,
    Folder,
    Link,
    Block,
    Character,
    Fifo,
    Socket,
}

const KINDS: [FileKind; 7] = [
    FileKind::File,
    FileKind::Folder,
    FileKind::Link,
    FileKind::Block,
    FileKind::Character,
    FileKind::Fifo,
    FileKind::Socket,
];

/// What is known of a path before or after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: FileKind,
    /// Permissions, with setuid, setgid and sticky.
    pub mode: u32,
    /// Its owner, as inside.
    pub uid: u32,
    /// Its group, as inside.
    pub gid: u32,
    /// In bytes.
    pub size: u64,
    /// Seconds since 1970 when it was written last.
    pub modified: i64,
    /// And nanoseconds.
    pub nanoseconds: u32,
    /// Where a link leads; the beginning of it.
    pub target: Bytes,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Absolute, inside.
    pub path: Bytes,
    /// How it differs.
    pub what: What,
    /// The host's.
    pub before: Option<Facts>,
    /// The sandbox's.
    pub after: Option<Facts>,
}

/// The last record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many changes there are.
    pub changes: u64,
    /// Bytes in files that are new or changed.
    pub bytes: u64,
    /// Some were not told: too many, or too deep.
    pub partial: bool,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// One more.
    Change(Change),
    /// That was all.
    End(Totals),
}

/// Writes records one after another.
#[derive(Debug, Default)]
pub struct Encoder {
    last: Vec<u8>,
}

impl Encoder {
    /// Appends one to `out`. The caller keeps paths and targets within their
    /// bounds.
    pub fn change(&mut self, change: &Change, out: &mut Vec<u8>) {
        let mut record = Vec::with_capacity(64 + change.path.0.len());
        let path = change.path.as_slice();
        let shared = self.last.iter().zip(path).take_while(|(a, b)| a == b).count();
        record.push(1 + change.what as u8);
        number(shared as u64, &mut record);
        bytes(&path[shared..], &mut record);
        record.push(u8::from(change.before.is_some()) | u8::from(change.after.is_some()) << 1);
        change.before.iter().chain(&change.after).for_each(|one| facts(one, &mut record));
        self.last.clear();
        self.last.extend_from_slice(path);
        number(record.len() as u64, out);
        out.extend(record);
    }

    /// Appends the last one.
    pub fn end(&self, totals: &Totals, out: &mut Vec<u8>) {
        let mut record = vec![0];
        number(totals.changes, &mut record);
        number(totals.bytes, &mut record);
        record.push(u8::from(totals.partial));
        number(record.len() as u64, out);
        out.extend(record);
    }
}

fn number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(value: &[u8], out: &mut Vec<u8>) {
    number(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn facts(facts: &Facts, out: &mut Vec<u8>) {
    out.push(facts.kind as u8);
    for value in [facts.mode, facts.uid, facts.gid] {
        number(value.into(), out);
    }
    number(facts.size, out);
    // Negative ones are rare, and long.
    number(facts.modified as u64, out);
    number(facts.nanoseconds.into(), out);
    bytes(facts.target.as_slice(), out);
}

/// Not a record. What follows cannot be read either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// Puts records together from whatever pieces arrive. It holds at most one
/// record and the piece fed last.
#[derive(Debug, Default)]
pub struct Decoder {
    pieces: Pieces,
    last: Vec<u8>,
}

impl Decoder {
    /// Takes the next piece. Call [`Self::record`] until there is none before
    /// feeding again.
    pub fn feed(&mut self, piece: &[u8]) {
        self.pieces.feed(piece);
    }

    /// How much is stored of what was fed, in bytes.
    pub(crate) fn kept(&self) -> usize {
        self.pieces.rest().len()
    }

    /// The next record, `None` until more is fed.
    ///
    /// # Errors
    /// The bytes are no record.
    pub fn record(&mut self) -> Result<Option<Record>, Broken> {
        let mut rest = Reader(self.pieces.rest());
        let before = rest.0.len();
        let Some(length) = rest.whole_number()? else { return Ok(None) };
        let length = usize::try_from(length).ok().filter(|length| *length <= RECORD_MAX).ok_or(Broken)?;
        let header = before - rest.0.len();
        let Some(record) = rest.0.get(..length) else { return Ok(None) };
        let mut reader = Reader(record);
        let found = reader.record(&mut self.last)?;
        if !reader.0.is_empty() {
            return Err(Broken);
        }
        self.pieces.take(header + length);
        Ok(Some(found))
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Broken> {
        let (&byte, rest) = self.0.split_first().ok_or(Broken)?;
        self.0 = rest;
        Ok(byte)
    }

    /// `None` if it has not arrived as a whole.
    fn whole_number(&mut self) -> Result<Option<u64>, Broken> {
        match self.0.iter().take(10).any(|byte| byte & 0x80 == 0) {
            true => self.number().map(Some),
            false if self.0.len() >= 10 => Err(Broken),
            false => Ok(None),
        }
    }

    fn number(&mut self) -> Result<u64, Broken> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Broken)
    }

    fn small(&mut self) -> Result<u32, Broken> {
        u32::try_from(self.number()?).map_err(|_| Broken)
    }

    fn bytes(&mut self, most: usize) -> Result<&'a [u8], Broken> {
        let length = usize::try_from(self.number()?).map_err(|_| Broken)?;
        if length > most || length > self.0.len() {
            return Err(Broken);
        }
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(bytes)
    }

    fn record(&mut self, last: &mut Vec<u8>) -> Result<Record, Broken> {
        let what = self.byte()?;
        if what == 0 {
            let (changes, bytes) = (self.number()?, self.number()?);
            return Ok(Record::End(Totals { changes, bytes, partial: self.byte()? != 0 }));
        }
        let what = *WHATS.get(usize::from(what) - 1).ok_or(Broken)?;
        let shared = usize::try_from(self.number()?).map_err(|_| Broken)?;
        if shared > last.len() {
            return Err(Broken);
        }
        let rest = self.bytes(PATH_MAX - shared.min(PATH_MAX))?;
        last.truncate(shared);
        last.extend_from_slice(rest);
        let path = Bytes::from(last.as_slice());
        if !is_plain(path.as_slice()) {
            return Err(Broken);
        }
        let which = self.byte()?;
        let before = if which & 1 != 0 { Some(self.facts()?) } else { None };
        let after = if which & 2 != 0 { Some(self.facts()?) } else { None };
        Ok(Record::Change(Change { path, what, before, after }))
    }

    fn facts(&mut self) -> Result<Facts, Broken> {
        let kind = *KINDS.get(usize::from(self.byte()?)).ok_or(Broken)?;
        let mode = self.small()?;
        if mode > 0o7777 {
            return Err(Broken);
        }
        Ok(Facts {
            kind,
            mode,
            uid: self.small()?,
            gid: self.small()?,
            size: self.number()?,
            modified: self.number()? as i64,
            nanoseconds: self.small()?,
            target: Bytes::from(self.bytes(TARGET_MAX)?),
        })
    }
}

/// Whether a path is absolute, with nothing in it that leads elsewhere.
#[must_use]
pub fn is_plain(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/") else { return false };
    let is_name = |name: &[u8]| !name.is_empty() && name != b"." && name != b".." && !name.contains(&0);
    rest.split(|&byte| byte == b'/').all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_facts() -> impl Strategy<Value = Facts> {
        let numbers = (0u32..=0o7777, any::<[u32; 3]>(), any::<u64>(), any::<i64>());
        (0usize..7, numbers, "[a-z/.]{0,20}").prop_map(
            |(kind, (mode, [uid, gid, ns], size, modified), target)| Facts {
                kind: KINDS[kind],
                mode,
                uid,
                gid,
                size,
                modified,
                nanoseconds: ns,
                target: target.into(),
            },
        )
    }

    fn any_change() -> impl Strategy<Value = Change> {
        let facts = || proptest::option::of(any_facts());
        ("(/[a-c]{1,3}){1,4}", 0usize..5, facts(), facts()).prop_map(|(path, what, before, after)| Change {
            path: path.into(),
            what: WHATS[what],
            before,
            after,
        })
    }

    fn decode(stream: &[u8], size: usize) -> (Vec<Record>, bool) {
        let mut decoder = Decoder::default();
        let mut found = Vec::new();
        for piece in stream.chunks(size.max(1)) {
            decoder.feed(piece);
            loop {
                match decoder.record() {
                    Ok(Some(record)) => found.push(record),
                    Ok(None) => break,
                    Err(Broken) => return (found, false),
                }
            }
            assert!(decoder.kept() < RECORD_MAX + 10 + piece.len());
        }
        (found, true)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(changes in prop::collection::vec(any_change(), 0..20), size in 1usize..100) {
            let (mut encoder, mut out) = (Encoder::default(), Vec::new());
            changes.iter().for_each(|change| encoder.change(change, &mut out));
            let totals = Totals { changes: changes.len() as u64, bytes: 7, partial: true };
            encoder.end(&totals, &mut out);
            let mut expected: Vec<Record> = changes.into_iter().map(Record::Change).collect();
            expected.push(Record::End(totals));
            prop_assert_eq!(decode(&out, size), (expected, true));
        }

        #[test]
        fn garbage_does_no_harm(bytes: Vec<u8>, size in 1usize..50) {
            crate::fuzz::changes(&bytes, size);
        }

        #[test]
        fn no_path_leads_elsewhere(path: Vec<u8>) {
            if is_plain(&path) {
                prop_assert!(path.starts_with(b"/") && !path.ends_with(b"/") && !path.contains(&0));
                prop_assert!(!path.split(|&byte| byte == b'/').any(|name| name == b".."));
            }
        }
    }

    #[test]
    fn what_leads_elsewhere_is_no_path() {
        for path in ["", "a", "/", "//", "/a/", "/a//b", "/..", "/a/../b", "/a/.", "/a\0b", "../x"] {
            assert!(!is_plain(path.as_bytes()), "{path:?}");
            let change = Change { path: path.into(), what: What::Added, before: None, after: None };
            let mut out = Vec::new();
            Encoder::default().change(&change, &mut out);
            assert_eq!(decode(&out, 3), (Vec::new(), false), "{path:?}");
        }
        for path in ["/a", "/...", "/a b/\u{7}", "/.a/..b"] {
            assert!(is_plain(path.as_bytes()), "{path:?}");
        }
    }
}
