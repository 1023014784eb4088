// SPDX-License-Identifier: LGPL-2.1-or-later
//! A file of a sandbox's against the host's.

use super::listing::{on_host, Entry};
use super::picture::{self, Picture, PICTURE_MAX};
use super::session::Review;
use crate::error::Error;
use crate::sandbox::layers::Tag;
use rustix::fs::{Mode, OFlags};
use similar::TextDiff;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use terrarium_protocol::changes::FileKind;

/// Longest text that is compared, in bytes.
pub const WHOLE_MAX: usize = 1 << 20;
/// Lines around a difference.
const AROUND: usize = 3;
/// How long a comparison may take; a rougher one comes out then.
const TIME: Duration = Duration::from_secs(2);

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the host's file, from 1.
    pub old: Option<usize>,
    /// Its number in the sandbox's.
    pub new: Option<usize>,
    /// The sandbox's or the host's: show it escaped, without its end.
    pub text: String,
}

/// How a file differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A text: hunks of lines that belong together.
    Text(Vec<Vec<Line>>),
    /// Two pictures: the host's and the sandbox's, as far as there are any.
    Pictures(Option<Picture>, Option<Picture>),
    /// Anything else, or too long.
    Other,
}

/// Compares. `real`: where the host's file is, see [`real_place`].
///
/// # Errors
/// The sandbox's file cannot be read.
pub fn difference(review: &mut dyn Review, entry: &Entry, real: &Path) -> Result<Difference, Error> {
    let is_file = entry.change.after.as_ref().is_some_and(|after| after.kind == FileKind::File);
    let new = if is_file { Some(review.whole(&entry.change.path, most)?) } else { None };
    let (old, new) = match (of_host(real), new) {
        (Some(None), _) | (_, Some(None)) => return Ok(Difference::Other),
        (old, new) => (old.flatten(), new.flatten()),
    };
    if [&old, &new].into_iter().flatten().all(|bytes| picture::is_picture(bytes)) {
        let (before, after) = (old.as_deref().map(picture::decode), new.as_deref().map(picture::decode));
        return Ok(match (before, after) {
            (Some(None), _) | (_, Some(None)) | (None, None) => Difference::Other,
            (before, after) => Difference::Pictures(before.flatten(), after.flatten()),
        });
    }
    let text = |bytes: Option<Vec<u8>>| match bytes {
        None => Some(String::new()),
        Some(bytes) if bytes.contains(&0) || bytes.len() > WHOLE_MAX => None,
        Some(bytes) => String::from_utf8(bytes).ok(),
    };
    match (text(old), text(new)) {
        (Some(before), Some(after)) => Ok(Difference::Text(lines(&before, &after))),
        _ => Ok(Difference::Other),
    }
}

/// How long a file may be that begins like this.
fn most(head: &[u8]) -> usize {
    if picture::is_picture(head) {
        PICTURE_MAX
    } else {
        WHOLE_MAX
    }
}

/// Where the host's file is to which a change belongs: where it was copied
/// from, see [`original`]; what lies in the home folder inside, in the real
/// one; all else at its own path, below the root that the sandbox saw instead
/// of this computer's.
#[must_use]
pub fn real_place(entry: &Entry, tag: &Tag, home: &Path, home_inside: &Path) -> PathBuf {
    if let Some(from) = original(entry, &tag.copies, home, home_inside) {
        return from.to_owned();
    }
    match (entry.path().strip_prefix(home_inside), &tag.root) {
        (Ok(inner), _) => home.join(inner),
        (Err(_), root) => on_host(entry.path(), root.as_deref()),
    }
}

/// The real file, outside of the home folder, that a run began with a copy of
/// in the very place of a file that is another now, or gone: it had no such
/// place of its own inside, and the change is one of that file.
#[must_use]
pub fn original<'a>(
    entry: &Entry,
    copies: &'a [(PathBuf, PathBuf)],
    home: &Path,
    home_inside: &Path,
) -> Option<&'a Path> {
    let facts = entry.change.after.as_ref().or(entry.change.before.as_ref())?;
    // The last one that was copied there, or around it, lay there.
    let (from, to) = copies.iter().rev().find(|(_, to)| entry.path().starts_with(to))?;
    let is_it = facts.kind == FileKind::File && to == entry.path() && to.starts_with(home_inside);
    let has_name = from.is_absolute() && from.file_name().is_some();
    (is_it && has_name && !from.starts_with(home)).then_some(from)
}

/// Whether a run began with a copy of this real file, in the place of an entry.
#[must_use]
pub fn is_copy(entry: &Entry, tag: &Tag, real: &Path) -> bool {
    copied_from(entry, &tag.copies).is_some_and(|from| from == real)
}

/// The file that a run began with a copy of in the place of an entry, or in
/// that of a folder around it.
#[must_use]
pub fn copied_from(entry: &Entry, copies: &[(PathBuf, PathBuf)]) -> Option<PathBuf> {
    copies.iter().find_map(|(from, to)| {
        let inner = entry.path().strip_prefix(to).ok()?;
        Some(if inner.as_os_str().is_empty() { from.clone() } else { from.join(inner) })
    })
}

/// A regular file of the host, as the caller, if there is one; and what it
/// holds, if it is not too long.
fn of_host(path: &Path) -> Option<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path.as_os_str().as_bytes(), flags, Mode::empty()).ok()?);
    file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut bytes = Vec::new();
    (&file).take(WHOLE_MAX as u64 + 1).read_to_end(&mut bytes).ok()?;
    let most = most(&bytes);
    file.take((most - WHOLE_MAX) as u64).read_to_end(&mut bytes).ok()?;
    Some((bytes.len() <= most).then_some(bytes))
}

fn lines(before: &str, after: &str) -> Vec<Vec<Line>> {
    let difference = TextDiff::configure().timeout(TIME).diff_lines(before, after);
    let hunks = difference.grouped_ops(AROUND);
    let line = |change: similar::Change<&str>| Line {
        old: change.old_index().map(|index| index + 1),
        new: change.new_index().map(|index| index + 1),
        text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
    };
    hunks
        .iter()
        .map(|hunk| {
            hunk.iter().flat_map(|op| difference.iter_changes(op).map(line).collect::<Vec<_>>()).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_numbers() {
        let before = (1..=20).map(|number| format!("line {number}\n")).collect::<String>();
        let after = before.replace("line 10\n", "LINE 10\nand more\n").replace("line 20\n", "line 20");
        let hunks = lines(&before, &after);
        let of = |old, new, text: &str| Line { old, new, text: text.into() };
        assert!(hunks[0].contains(&of(Some(10), None, "line 10")), "{hunks:?}");
        assert!(hunks[0].contains(&of(None, Some(11), "and more")));
        assert!(hunks[0].contains(&of(Some(11), Some(12), "line 11")));
        assert_eq!(hunks[0].first(), Some(&of(Some(7), Some(7), "line 7")));
        assert_eq!(lines("a\n", "a\n"), Vec::<Vec<Line>>::new());
        assert_eq!(lines("", "x\ny\n").concat().len(), 2);
    }

    #[test]
    fn a_hostile_text_takes_no_longer_than_it_may() {
        let before: String = (0..60_000).map(|number| format!("{}\n", number % 7)).collect();
        let after: String = (0..60_000).map(|number| format!("{}\n", number % 5)).collect();
        let begun = std::time::Instant::now();
        assert!(!lines(&before, &after).is_empty());
        assert!(begun.elapsed() < 5 * TIME, "{:?}", begun.elapsed());
    }
}
