// SPDX-License-Identifier: LGPL-2.1-or-later
//! About what sandboxes write.

use super::options::with_option;
use super::sentence::{both, Sentence};
use super::{fill, size};
use crate::error::{LayerError, NotApplied};
use crate::plan::ProblemKind;
use crate::profile::Isolation;
use crate::sandbox::changes::{Changes, Decision, Entry, Kind, Line};
use crate::sandbox::Waiting;
use gettextrs::{gettext, ngettext};
use terrarium_protocol::changes::{Facts, FileKind};
use terrarium_protocol::Bytes;

/// Problems of a plan's layer.
pub(super) fn problem(what: &ProblemKind) -> Option<Sentence> {
    let sentence = match what {
        ProblemKind::NoLayerMaker { family } => {
            let fix = match family.install(&["e2fsprogs"]) {
                Some(command) => fill(&gettext("Install it: {command}"), &[("command", &command)]),
                None => gettext("Install the package e2fsprogs."),
            };
            both(
                gettext("The program mke2fs, which makes the disk image for what a sandbox writes, is not installed."),
                fix,
            )
        }
        ProblemKind::Writable { asked, least, most } => {
            let values = [size(*asked), size(*least), size(*most)];
            let text =
                gettext("A sandbox cannot write {asked}: it may write at least {least} and at most {most}.");
            both(
                fill(&text, &[("asked", &values[0]), ("least", &values[1]), ("most", &values[2])]),
                gettext("Choose a size between them."),
            )
        }
        _ => return None,
    };
    Some(sentence)
}

/// What is wrong with a layer.
pub(super) fn error(error: &LayerError) -> String {
    match error {
        LayerError::InUse { name } => fill(
            &gettext("What “{name}” has written is used by a sandbox that runs. Stop that one first."),
            &[("name", name)],
        ),
        LayerError::OfOther { name, isolation: Isolation::Container } => fill(
            &gettext("What “{name}” has kept was written in a container, and a virtual machine does not read it. Use a container, or discard it (terrariumctl discard)."),
            &[("name", name)],
        ),
        LayerError::OfOther { name, isolation: Isolation::Machine } => fill(
            &gettext("What “{name}” has kept was written by a virtual machine, and this computer’s kernel must not read it. Use a virtual machine, or discard it (terrariumctl discard)."),
            &[("name", name)],
        ),
        LayerError::None { name, like } => super::sentence::or_meant(
            &fill(&gettext("There are no changes of “{name}”."), &[("name", name)]),
            like.as_deref(),
            &gettext("They are kept of runs with --changes review or keep."),
        ),
        LayerError::Kept { name } => fill(
            &gettext("What is kept of “{name}” is not what this run went on from. Discard that first: terrariumctl discard {kept}"),
            &[("name", name), ("kept", &kept_name(name))],
        ),
        LayerError::KeptEarlier { path } => fill(
            &gettext("An earlier run has kept {path}, and this run has changed it again. What was kept is not there any more, so this change cannot be discarded by itself. Keep it, or discard all changes of this run."),
            &[("path", &super::escaped(path))],
        ),
        LayerError::Broken => gettext("The sandbox sent something else than what was asked for. Its changes cannot be read; discard them."),
        LayerError::Partial => gettext("There are more changes than can be told, so none can be chosen. Keep or discard all of them."),
        LayerError::File { path, errno } => {
            let why = super::system_words(&std::io::Error::from_raw_os_error(*errno));
            fill(
                &gettext("{path} of the sandbox could not be read: {why}."),
                &[("path", &super::escaped(path)), ("why", &why)],
            )
        }
        LayerError::NotApplied { path, why } => fill(&not_applied(*why), &[("path", &super::escaped(path))]),
        LayerError::NotMade { words } => fill(
            &gettext("The disk image for what the sandbox writes could not be made. mke2fs says: {words}"),
            &[("words", words)],
        ),
    }
}

/// What is kept under a name, as terrariumctl knows it.
fn kept_name(name: &str) -> String {
    super::quote(&crate::sandbox::kept_id(name))
}

fn not_applied(why: NotApplied) -> String {
    match why {
        NotApplied::Guarded(holds) => {
            let text = gettext("{path} was not applied: {why} Look at it first; add --replace to apply it all the same.");
            text.replace("{why}", &super::holds(holds))
        }
        NotApplied::Outside => with_option(&gettext("{path} is not below your home folder, and only files there can be applied. Save a copy instead{option}."), "--to"),
        NotApplied::Gone => gettext("{path} was deleted in the sandbox, so there is nothing to copy."),
        NotApplied::Kind => gettext("{path} is neither a file nor a folder, and nothing else is applied."),
        NotApplied::Changed => gettext("{path} was not applied: your own file has changed since the run started, or the sandbox has never seen it. Add --replace to replace it; the old one goes to the trash."),
        NotApplied::Taken => with_option(&gettext("{path} was not copied: there is a file of that name already. Choose another folder, or replace it{option}; the old one goes to the trash."), "--replace"),
        NotApplied::Unchanged => gettext("{path} is not among the changes."),
        NotApplied::InTheWay => gettext("{path} was not applied: a link, or something that is no folder, is in the way."),
        NotApplied::NoTrash => with_option(&gettext("{path} was not applied: your own file cannot go to the trash, which is on another disk. Move it away yourself, or save a copy{option}."), "--to"),
        NotApplied::Astray => with_option(&gettext("{path} was not applied: the way to it leads through a link that a sandbox may have made. See where the link leads, and save a copy there{option}."), "--to"),
        NotApplied::LedElsewhere => gettext("{path} was not copied: the way to the chosen folder leads through a link that a sandbox may have made. See where the link leads, and choose that folder by its own path."),
    }
}

/// Where there is no mke2fs.
pub(super) fn maker(there: bool) -> String {
    if there {
        gettext("What sandboxes write goes to disk images of their own.")
    } else {
        gettext("No sandbox can be started: mke2fs, which makes the disk images for what they write, is not installed.")
    }
}

/// One change, on a line: what, where, and how large before and after.
#[must_use]
pub fn change(entry: &Entry) -> String {
    let word = change_word(entry.kind());
    let path = super::escaped(entry.change.path.as_slice());
    let mut line = format!("{word:12} {path}");
    let before = entry.change.before.as_ref().map(about);
    let after = entry.change.after.as_ref().map(about);
    match (before, after) {
        (Some(before), Some(after)) if before != after => line.push_str(&format!(" ({before} → {after})")),
        (_, Some(one)) | (Some(one), None) => line.push_str(&format!(" ({one})")),
        (None, None) => {}
    }
    if let Some(from) = &entry.moved_from {
        let text = gettext("from {path}");
        line.push_str(&format!(", {}", text.replace("{path}", &super::escaped(from.as_slice()))));
    }
    if entry.again {
        line.push_str(&format!(", {}", gettext("kept otherwise by an earlier run")));
    }
    if entry.outdated {
        line.push_str(&format!(", {}", gettext("changed on this computer since")));
    }
    line
}

/// Which file outside of the home folder it goes back to; its path is escaped.
#[must_use]
pub fn copy_of(path: &str) -> String {
    fill(&gettext("copy of {path}"), &[("path", path)])
}

/// What there is to say of a file that is new inside and in the user's real
/// home folder as well.
#[must_use]
pub fn there_as_well(compared: Option<bool>) -> String {
    match compared {
        None => gettext("your home folder has one of the same size (--diff compares them)"),
        Some(true) => gettext("your home folder has the same"),
        Some(false) => gettext("your home folder has another one"),
    }
}

/// Of what was kept nothing waits for a decision.
#[must_use]
pub fn is_kept(name: &str) -> String {
    fill(
        &gettext("This is kept: the next run of “{name}” with --changes keep or review goes on from there."),
        &[("name", name)],
    )
}

/// What `keep` did.
#[must_use]
pub fn kept(count: usize, name: &str) -> String {
    let many = super::many(count);
    let text = ngettext(
        "{count} change is kept: the next run of “{name}” with --changes keep or review goes on from there.",
        "{count} changes are kept: the next run of “{name}” with --changes keep or review goes on from there.",
        many,
    );
    fill(&text, &[("count", &count.to_string()), ("name", name)])
}

/// What `discard` did.
#[must_use]
pub fn discarded(count: usize, name: &str) -> String {
    let many = super::many(count);
    let text = ngettext(
        "{count} change of “{name}” was thrown away.",
        "{count} changes of “{name}” were thrown away.",
        many,
    );
    fill(&text, &[("count", &count.to_string()), ("name", name)])
}

/// What `discard` did with what was kept.
#[must_use]
pub fn kept_discarded(count: usize, name: &str) -> String {
    let many = super::many(count);
    let text = ngettext(
        "What was kept of “{name}” was thrown away: {count} change.",
        "What was kept of “{name}” was thrown away: {count} changes.",
        many,
    );
    fill(&text, &[("count", &count.to_string()), ("name", name)])
}

/// What `discard` did not touch.
#[must_use]
pub fn kept_stays(name: &str) -> String {
    fill(
        &gettext(
            "What earlier runs of “{name}” kept stays. To throw that away, too: terrariumctl discard {kept}",
        ),
        &[("name", name), ("kept", &kept_name(name))],
    )
}

/// What `apply` has put where.
#[must_use]
pub fn applied(count: usize, folder: &std::path::Path) -> String {
    let many = super::many(count);
    let text = ngettext(
        "{count} file or folder was put into {folder}.",
        "{count} files and folders were put into {folder}.",
        many,
    );
    let folder = super::escaped(std::os::unix::ffi::OsStrExt::as_bytes(folder.as_os_str()));
    fill(&text, &[("count", &count.to_string()), ("folder", &folder)])
}

/// Files of a layer are wanted, and what hands them out starts.
#[must_use]
pub fn looks_inside(isolation: Isolation) -> String {
    match isolation {
        Isolation::Container => gettext("Starting a container that reads what was written…"),
        Isolation::Machine => {
            gettext("Starting a virtual machine that reads what was written; that takes some seconds…")
        }
    }
}

/// A kind of change in a word.
#[must_use]
pub fn change_word(kind: Kind) -> String {
    match kind {
        Kind::Added => gettext("Added"),
        Kind::Modified => gettext("Modified"),
        Kind::Deleted => gettext("Deleted"),
        Kind::Moved => gettext("Moved"),
        Kind::Type => gettext("Replaced"),
        Kind::Permissions => gettext("Permissions"),
    }
}

/// What was decided about a change that still waits.
#[must_use]
pub fn decided(decision: Decision) -> String {
    match decision {
        Decision::Applied => gettext("applied"),
        Decision::Copied => gettext("copied"),
        Decision::Kept => gettext("to be kept"),
        Decision::Discarded => gettext("to be discarded"),
    }
}

fn about(facts: &Facts) -> String {
    let kind = match facts.kind {
        FileKind::File => size(facts.size),
        FileKind::Folder => gettext("folder"),
        FileKind::Link => format!("→ {}", super::escaped(facts.target.as_slice())),
        FileKind::Block | FileKind::Character => gettext("device"),
        FileKind::Fifo => gettext("pipe"),
        FileKind::Socket => gettext("socket"),
    };
    format!("{kind}, {:04o}", facts.mode)
}

/// What there is to say of all changes.
#[must_use]
pub fn change_totals(found: &Changes) -> Vec<String> {
    let count = found.totals.changes.to_string();
    let mut lines = Vec::new();
    if found.all.is_empty() && found.totals.changes == 0 {
        lines.push(gettext("Nothing was changed."));
    }
    if found.totals.partial {
        let text =
            gettext("There are {count} changes; not all can be shown: they are too many, or lie too deep.");
        lines.push(fill(&text, &[("count", &count)]));
    }
    let outdated = found.all.iter().filter(|entry| entry.outdated).count();
    if outdated > 0 {
        let text = gettext(
            "{count} of the files below have changed on this computer since the sandbox changed them.",
        );
        lines.push(fill(&text, &[("count", &outdated.to_string())]));
    }
    lines
}

/// Where a hunk of a difference is.
#[must_use]
pub fn hunk_head(hunk: &[Line]) -> String {
    let side = |of: fn(&Line) -> Option<usize>| {
        let numbers: Vec<usize> = hunk.iter().filter_map(of).collect();
        format!("{},{}", numbers.first().copied().unwrap_or(0), numbers.len())
    };
    format!("@@ -{} +{} @@", side(|line| line.old), side(|line| line.new))
}

/// A line of a text that may come from a sandbox, harmless for a terminal.
#[must_use]
pub fn text_line(text: &str) -> String {
    let harmless = |c: char| {
        if super::is_deceptive(c) && c != '\t' {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(harmless).collect()
}

/// Two files that are no texts.
#[must_use]
pub fn not_compared() -> String {
    gettext("(not a text, or too long to compare)")
}

/// What is shown of changed files beside each other.
#[must_use]
pub fn shown_kinds() -> String {
    gettext("Texts of up to 1 MiB and pictures (PNG, JPEG, GIF, WebP) are shown here. Save a copy to look at anything else.")
}

/// What of a folder was not applied.
#[must_use]
pub fn left_out(path: &[u8]) -> String {
    fill(
        &gettext("{path} was left out: it is neither a file nor a folder."),
        &[("path", &super::escaped(path))],
    )
}

/// What is not there any more, because the sandbox had taken it away.
#[must_use]
pub fn in_trash(path: &std::path::Path) -> String {
    let path = super::escaped(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
    fill(&gettext("{path} is in the trash now."), &[("path", &path)])
}

/// A sandbox has written all that it may.
#[must_use]
pub fn layer_full() -> String {
    let text =
        gettext("The sandbox has written all that it may. Let it write more{option} and run it again.");
    with_option(&text, "files.writable, --writable")
}

/// What a sandbox has changed waits.
#[must_use]
pub fn to_review(count: u64, name: &str) -> String {
    if count == 0 {
        return gettext("Nothing was changed.");
    }
    let text = ngettext(
        "{count} change waits: “terrariumctl changes {name}” shows it, then keep, apply or discard it.",
        "{count} changes wait: “terrariumctl changes {name}” shows them, then keep, apply or discard them.",
        super::many(count),
    );
    fill(&text, &[("count", &count.to_string()), ("name", &super::quote(name))])
}

/// Whose changes wait, as a title: the file of the user's that was edited, if
/// that is all that was asked for.
#[must_use]
pub fn waiting(one: &Waiting) -> String {
    match one.edit().and_then(|file| file.file_name()) {
        Some(file) => {
            let file = super::escaped(std::os::unix::ffi::OsStrExt::as_bytes(file));
            fill(&gettext("{file}: an edit that waits for you"), &[("file", &file)])
        }
        None => super::shown(&one.layer.tag.name),
    }
}

/// How many changes wait.
#[must_use]
pub fn waiting_count(one: &Waiting) -> String {
    let Some(told) = &one.told else { return gettext("changes not counted yet") };
    let left = told.undecided();
    let many = super::many(left);
    let text = match told.decided {
        0 => ngettext("{count} change", "{count} changes", many),
        _ if left == 0 => gettext("all decided"),
        _ => ngettext("{count} undecided change", "{count} undecided changes", many),
    };
    fill(&text, &[("count", &left.to_string())])
}

/// When the sandbox was started whose changes wait.
#[must_use]
pub fn waiting_since(one: &Waiting) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    super::ago(now.map_or(0, |now| now.as_secs()).saturating_sub(one.layer.tag.started))
}

/// The columns of what waits.
#[must_use]
pub fn waiting_head() -> [String; 4] {
    [gettext("NAME"), gettext("WHAT WAITS"), gettext("STARTED"), gettext("UUID")]
}

/// Nothing waits.
#[must_use]
pub fn nothing_waits() -> String {
    gettext("No changes wait for a decision.")
}

/// Other runs of the same name wait as well.
#[must_use]
pub fn waits_as_well(one: &Waiting) -> String {
    let values = [waiting_count(one), waiting_since(one)];
    fill(
        &gettext("Another run of “{name}” waits as well ({changes}, {since}): name it by its UUID, {uuid}."),
        &[
            ("name", &one.layer.tag.name),
            ("changes", &values[0]),
            ("since", &values[1]),
            ("uuid", &one.layer.tag.uuid),
        ],
    )
}

/// Files that are kept as they were changed, although the host's are others
/// by now.
#[must_use]
pub fn outdated(paths: &[Bytes]) -> String {
    let shown: Vec<String> = paths.iter().take(3).map(|path| super::escaped(path.as_slice())).collect();
    let count = paths.len().to_string();
    let many = super::many(paths.len());
    let text = ngettext(
        "{count} file that the sandbox has changed has changed on this computer since, and it keeps its own: {paths}",
        "{count} files that the sandbox has changed have changed on this computer since, and it keeps its own: {paths}",
        many,
    );
    let more = if paths.len() > shown.len() { ", …" } else { "" };
    fill(&text, &[("count", &count), ("paths", &format!("{}{more}", shown.join(", ")))])
}
