// SPDX-License-Identifier: LGPL-2.1-or-later
//! About what sandboxes write.

use super::problems::{both, Sentence};
use super::{fill, size};
use crate::error::LayerError;
use crate::plan::ProblemKind;
use crate::profile::Isolation;
use gettextrs::gettext;

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
        LayerError::NotMade { words } => fill(
            &gettext("The disk image for what the sandbox writes could not be made. mke2fs says: {words}"),
            &[("words", words)],
        ),
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
