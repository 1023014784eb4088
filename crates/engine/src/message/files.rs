// SPDX-License-Identifier: LGPL-2.1-or-later
//! What stands in the way of showing files, and what is worth knowing of them.

use super::options::{are_named, with_option};
use super::sentence::{both, Sentence};
use super::{fill, size};
use crate::plan::{Note, ProblemKind};
use gettextrs::gettext;
use std::path::Path;

fn about(text: &str, path: &Path) -> String {
    fill(text, &[("path", &path.display().to_string())])
}

fn about_two(text: &str, path: &Path, other: &Path) -> String {
    fill(text, &[("path", &path.display().to_string()), ("other", &other.display().to_string())])
}

/// Problems of a plan's files.
pub(super) fn problem(what: &ProblemKind) -> Option<Sentence> {
    let (text, fix) = match what {
        ProblemKind::Target { path } => (
            about(&gettext("Nothing can be mounted at {path} of a sandbox."), path),
            gettext("Choose a folder that is not / and not in /proc, /sys or /dev."),
        ),
        ProblemKind::SameTarget { path } => (
            about(&gettext("Something else is shown at {path} already, and only one of them would be seen."), path),
            gettext("Choose another place inside for one of them, or remove it."),
        ),
        ProblemKind::IncludeTarget { path } => (
            about(&gettext("No copy can lie at {path}: only private places take one."), path),
            gettext("Choose a path below the home folder, /tmp, /var/tmp or /run."),
        ),
        ProblemKind::KernelView { path } => (
            about(&gettext("{path} shows this computer’s processes and devices, or holds a folder that does."), path),
            gettext("Share a folder that does not hold /proc, /sys or /dev, and lies in none of them."),
        ),
        ProblemKind::Secret { path, holds } => (
            about_two(&gettext("{path} is not shared, because {other} holds secrets or starts programs."), path, holds),
            about(&unmask(), holds),
        ),
        ProblemKind::Guards { path, holds } => (
            about_two(&gettext("The sandbox may not write {path}: it holds, or could hold, {other}, which holds secrets or starts programs."), path, holds),
            gettext("Share a folder inside it, or share it read-only."),
        ),
        ProblemKind::HiddenFromRoot { path, holds } => (
            about_two(&gettext("Root of a virtual machine could see what is hidden in {path}, such as {other}."), path, holds),
            with_option(
                &gettext("Share a narrower folder, use a container, or run the command as an ordinary user{option}."),
                "without -p",
            ),
        ),
        ProblemKind::NotMasked { path } => (
            about(&gettext("{path} is not one of the paths that are hidden."), path),
            gettext("Write the hidden path itself, such as ~/.ssh."),
        ),
        ProblemKind::NotText { path } => (
            about(&gettext("A virtual machine cannot be given the path {path}, which is not text."), path),
            gettext("Rename it, or use a container."),
        ),
        ProblemKind::NotASize { text } => (
            fill(&gettext("“{text}” is not a size of memory."), &[("text", text)]),
            gettext("Write 512M or 2GiB."),
        ),
        ProblemKind::RamSize { asked, most } => {
            let text = gettext("{asked} of memory cannot hold files: the sandbox has {most}.");
            let text = fill(&text, &[("asked", &size(*asked)), ("most", &size(*most))]);
            (text, gettext("Choose a smaller size, or give the sandbox more memory."))
        }
        other => return source(other),
    };
    Some(both(text, fix))
}

/// Problems that show when a source is looked at.
fn source(what: &ProblemKind) -> Option<Sentence> {
    let (text, fix) = match what {
        ProblemKind::SourceMissing { path } => (
            about(&gettext("There is no {path}."), path),
            gettext("Make it, or share something else."),
        ),
        ProblemKind::SourceCircle { path } => (
            about(&gettext("{path} is a link that leads back to itself."), path),
            gettext("Mend it, or share something else."),
        ),
        ProblemKind::PlaceInFile { path, file } => (
            about_two(&gettext("Nothing can be shown at {path}: {other} is shown as a file."), path, file),
            gettext("Choose another place for one of them."),
        ),
        ProblemKind::SourceDenied { path, writable: false } => {
            (about(&gettext("You may not read {path}."), path), gettext("Share something that you may read."))
        }
        ProblemKind::SourceDenied { path, writable: true } => (
            about(&gettext("You may not write {path}."), path),
            gettext("Share it read-only, or share something that you may write."),
        ),
        ProblemKind::SourceKind { path } => (
            about(&gettext("{path} is neither a folder nor a file."), path),
            gettext("Share the folder that it lies in."),
        ),
        ProblemKind::SourceInSandbox { path, sandbox } => (
            fill(
                &gettext("{path} lies in a folder that the sandbox “{name}” may write, so that it could be exchanged for something else."),
                &[("path", &path.display().to_string()), ("name", sandbox)],
            ),
            gettext("Stop that sandbox first, or share the folder that it has."),
        ),
        ProblemKind::LinkOfSandbox { path, link } => (
            about_two(&gettext("{path} leads through the link {other}, which lies where a sandbox could write: the sandbox may have made it."), path, link),
            gettext("See where the link leads. If the sandbox may have that, share it by its own path."),
        ),
        ProblemKind::SourceChanged { path } => (
            about(&gettext("{path} was exchanged for something else while the sandbox started, so the sandbox was ended."), path),
            gettext("See who changes it, and run it again."),
        ),
        ProblemKind::FileInMachine { path } => (
            about(&gettext("A virtual machine cannot write the single file {path}: it lies on another file system than Terrarium’s cache."), path),
            gettext("Share the folder that it lies in, or use a container."),
        ),
        ProblemKind::NoPlace { path, share } => (
            about_two(&gettext("There is no place for {path} in {other}, and Terrarium makes none in a folder that the sandbox may write."), path, share),
            gettext("Make it yourself, or share that folder read-only."),
        ),
        ProblemKind::TooMuch { path, limit } => (
            fill(
                &gettext("{path} is more than can be copied, which is {limit} in all."),
                &[("path", &path.display().to_string()), ("limit", &size(*limit))],
            ),
            gettext("Share it instead of copying it."),
        ),
        other => return super::images::problem(other),
    };
    Some(both(text, fix))
}

/// Remarks about a plan's files.
pub(super) fn note(note: &Note) -> Option<String> {
    match note {
        Note::SocketsReachable { path } => {
            Some(about(&gettext("Programs of this computer that listen at sockets in {path} can be reached by the sandbox."), path))
        }
        Note::Unmasked { path } => {
            Some(about(&gettext("{path} is not hidden where a shared folder shows it."), path))
        }
        Note::ImageTrusted { path } => {
            Some(about(&gettext("This computer’s own kernel reads the image {path}: a prepared one can attack it."), path))
        }
        Note::StaysReadOnly { paths } => {
            let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            let text = gettext("Root of the sandbox can read {paths} and not write there: the file system cannot show other owners. In a virtual machine it can.");
            Some(fill(&text, &[("paths", &names.join(", "))]))
        }
        Note::HiddenInside { path } => {
            Some(about(&gettext("What is hidden in {path} is hidden from the command, but not from whoever takes over the virtual machine’s kernel."), path))
        }
        _ => None,
    }
}

fn unmask() -> String {
    if are_named() {
        gettext("If the sandbox may have it, add {path} to files.unmask (--unmask).")
    } else {
        gettext("If the sandbox may have it, name {path} among the secrets that are not hidden.")
    }
}
