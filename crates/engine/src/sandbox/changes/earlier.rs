// SPDX-License-Identifier: LGPL-2.1-or-later
//! A run that went on from what was kept has not changed what it found there.
//! A layer does not say so: its changes are those since the host's files. What
//! was kept was told, too, and what is alike in both is left out.

use super::listing::{below, Changes, Entry};
use std::collections::HashMap;
use terrarium_protocol::changes::{Change, Facts, FileKind, What};

/// Leaves out what was so already. What is there now and differs from both is
/// told as a difference from the host's file, and marked.
pub fn leave_out(found: &mut Changes, kept: &Changes) {
    if found.totals.partial || kept.totals.partial {
        return all_may_be(found);
    }
    let was: HashMap<&[u8], &Option<Facts>> =
        kept.all.iter().map(|entry| (entry.change.path.as_slice(), &entry.change.after)).collect();
    let undone = undone(found, kept);
    found.all.retain_mut(|entry| {
        let path = entry.change.path.as_slice();
        // With a folder, what was kept in it would go.
        entry.again = was.contains_key(path) || !below(&kept.all, path).is_empty();
        !was.get(path).is_some_and(|was| is_alike(was.as_ref(), entry.change.after.as_ref()))
    });
    found.all.extend(undone);
    found.all.sort_by(|a, b| a.change.path.cmp(&b.change.path));
    found.totals.changes = found.all.len() as u64;
    let after = found.all.iter().filter(|entry| entry.change.what != What::Permissions);
    let files =
        after.filter_map(|entry| entry.change.after.as_ref()).filter(|one| one.kind == FileKind::File);
    found.totals.bytes = files.fold(0, |sum, file| sum.saturating_add(file.size));
}

/// It is not known what was kept: anything may have been kept otherwise. What
/// was comes back when it is taken out, and what was not is gone.
pub fn all_may_be(found: &mut Changes) {
    found.all.iter_mut().for_each(|entry| entry.again = true);
}

/// What is in a folder changes its size and times.
fn is_alike(was: Option<&Facts>, is: Option<&Facts>) -> bool {
    let of = |facts: &Facts| {
        let content = (facts.size, facts.modified, facts.nanoseconds);
        let content = (facts.kind != FileKind::Folder).then_some(content);
        (facts.kind, facts.mode, facts.uid, facts.gid, content, facts.target.clone())
    };
    was.map(of) == is.map(of)
}

/// What was kept and is not there any more, nor anything of the host's: of a
/// folder, the folder alone.
fn undone(found: &Changes, kept: &Changes) -> Vec<Entry> {
    let is_told =
        |path: &[u8]| found.all.binary_search_by(|entry| entry.change.path.as_slice().cmp(path)).is_ok();
    let mut gone: Vec<Entry> = Vec::new();
    for entry in &kept.all {
        let path = entry.change.path.as_slice();
        let went_with = |last: &Entry| {
            path.strip_prefix(last.change.path.as_slice()).is_some_and(|rest| rest.starts_with(b"/"))
        };
        // What only differed from the host's file is as that is now.
        if entry.change.before.is_some() || is_told(path) || gone.last().is_some_and(went_with) {
            continue;
        }
        let (path, before) = (entry.change.path.clone(), entry.change.after.clone());
        let change = Change { path, what: What::Deleted, before, after: None };
        gone.push(Entry { change, moved_from: None, outdated: false, again: true });
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrarium_protocol::changes::Totals;
    use terrarium_protocol::Bytes;

    fn facts(kind: FileKind, size: u64) -> Option<Facts> {
        let target = Bytes::default();
        Some(Facts { kind, mode: 0o644, uid: 1, gid: 1, size, modified: 5, nanoseconds: 6, target })
    }

    fn entry(path: &str, before: Option<Facts>, after: Option<Facts>) -> Entry {
        let what = match (&before, &after) {
            (None, _) => What::Added,
            (_, None) => What::Deleted,
            _ => What::Modified,
        };
        let change = Change { path: path.into(), what, before, after };
        Entry { change, moved_from: None, outdated: false, again: false }
    }

    fn all(entries: &[Entry]) -> Changes {
        let totals = Totals { changes: entries.len() as u64, bytes: 77, partial: false };
        Changes { all: entries.to_vec(), totals }
    }

    #[test]
    fn only_what_the_run_itself_has_changed_is_told() {
        let (file, folder) = (|size| facts(FileKind::File, size), |size| facts(FileKind::Folder, size));
        let kept = all(&[
            entry("/dir", None, folder(10)),
            entry("/dir/a", None, file(1)),
            entry("/gone", file(9), None),
            entry("/old", None, folder(1)),
            entry("/old/in", None, file(1)),
            entry("/old/in2", None, file(1)),
            entry("/seen/x", None, file(3)),
            entry("/twice", file(1), file(2)),
            entry("/was", file(1), file(2)),
        ]);
        let mut found = all(&[
            entry("/dir", None, folder(20)),
            entry("/dir/a", None, file(1)),
            entry("/dir/b", None, file(2)),
            entry("/gone", file(9), None),
            entry("/seen", folder(1), folder(2)),
            entry("/seen/x", None, file(3)),
            entry("/twice", file(1), file(3)),
        ]);
        leave_out(&mut found, &kept);
        let told: Vec<(String, What, bool)> = found
            .all
            .iter()
            .map(|entry| (entry.change.path.to_string(), entry.change.what, entry.again))
            .collect();
        let expected = [
            ("/dir/b", What::Added, false),
            ("/old", What::Deleted, true),
            // With it, what was kept in it would go.
            ("/seen", What::Modified, true),
            ("/twice", What::Modified, true),
        ];
        assert_eq!(told, expected.map(|(path, what, again)| (path.to_owned(), what, again)));
        assert_eq!((found.totals.changes, found.totals.bytes), (4, 5));
        // What is not known as a whole is not left out.
        let mut whole = all(&[entry("/dir", None, folder(10))]);
        leave_out(&mut whole, &Changes { totals: Totals { partial: true, ..kept.totals }, ..kept });
        assert!(whole.all.len() == 1 && whole.all[0].again);
    }
}
