// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much a sandbox that runs may use, and why not otherwise.

use super::{fill, size};
use crate::error::LimitError;
use crate::sandbox::{Fixed, Limits};
use gettextrs::gettext;

/// Why something stays as it is while a sandbox runs.
#[must_use]
pub fn fixed(what: Fixed) -> String {
    match what {
        Fixed::Memory => gettext("This virtual machine has nothing that hands memory back. What its profile says holds from the next start on."),
        Fixed::Processes => gettext("Each process carries this limit from its start, so it cannot be changed meanwhile."),
        Fixed::Disk => gettext("A container writes through this computer’s own kernel, which cannot hold it to a rate. It can be set for a virtual machine."),
    }
}

pub(super) fn error(error: &LimitError) -> String {
    match error {
        LimitError::Memory { most } => {
            let text = gettext("A virtual machine that runs can have no more than the {size} that it was started with. Allow more in its profile and start it again.");
            fill(&text, &[("size", &size(*most))])
        }
        LimitError::Cpus { most } => {
            let text = gettext("A virtual machine that runs can have no more processors than it was started with: {number}. Allow more in its profile and start it again.");
            fill(&text, &[("number", &most.to_string())])
        }
        LimitError::InUse { asked, used } => {
            let text = gettext("It uses {used} at the moment, which is more than {asked}. End something in it, or allow it more.");
            fill(&text, &[("used", &size(*used)), ("asked", &size(*asked))])
        }
        LimitError::NotGiven { asked, left } => {
            let text = gettext("Its kernel needs more than {asked} at the moment: it came down to {left}, and has what it had before again. End something in it, or allow it more.");
            fill(&text, &[("asked", &size(*asked)), ("left", &size(*left))])
        }
        LimitError::Fixed(what) => fixed(*what),
    }
}

/// What holds, a line each.
#[must_use]
pub fn limits(limits: &Limits) -> Vec<String> {
    let most = |text: String, most: String| fill(&text, &[("most", &most)]);
    let mut lines = vec![
        format!(
            "{} {}",
            fill(&gettext("Memory: {size}."), &[("size", &size(limits.memory))]),
            most(gettext("Up to {most} while it runs."), size(limits.memory_most))
        ),
        format!(
            "{} {}",
            fill(&gettext("Processors: {number}."), &[("number", &limits.cpus.to_string())]),
            most(gettext("Up to {most} while it runs."), limits.cpus_most.to_string())
        ),
        fill(&gettext("Processes: {number}."), &[("number", &limits.processes.to_string())]),
        match limits.disk {
            Some(rate) => fill(&gettext("Each disk: {size} a second."), &[("size", &size(rate))]),
            None => gettext("Each disk: as fast as it is."),
        },
    ];
    for (line, what) in
        lines.iter_mut().zip([Some(Fixed::Memory), None, Some(Fixed::Processes), Some(Fixed::Disk)])
    {
        if let Some(what) = what.filter(|what| limits.fixed.contains(what)) {
            line.push(' ');
            line.push_str(&fixed(what));
        }
    }
    lines
}
