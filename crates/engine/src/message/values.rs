// SPDX-License-Identifier: LGPL-2.1-or-later
//! Values as people read them.

use super::fill;
use crate::profile::Isolation;
use crate::sandbox::{Progress, State};
use gettextrs::{gettext, ngettext};
use std::path::Path;

/// A count as a language's plural forms are chosen by it.
#[must_use]
pub fn many(count: impl TryInto<u32>) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}

/// How long ago something was, in seconds: `just now`, `5 minutes ago`,
/// `3 days ago`.
#[must_use]
pub fn ago(seconds: u64) -> String {
    let (count, text): (u64, fn(u32) -> String) = match seconds {
        0..60 => return gettext("just now"),
        60..3600 => (seconds / 60, |count| ngettext("{number} minute ago", "{number} minutes ago", count)),
        3600..86_400 => (seconds / 3600, |count| ngettext("{number} hour ago", "{number} hours ago", count)),
        _ => (seconds / 86_400, |count| ngettext("{number} day ago", "{number} days ago", count)),
    };
    let many = many(count);
    fill(&text(many), &[("number", &count.to_string())])
}

/// Milliseconds: `40 ms`, `0.2 s`, `12 s`, `2 min 31 s`, `1 h 5 min`.
#[must_use]
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let text = |value: u64| value.to_string();
    match seconds {
        0 if milliseconds < 100 => fill(&gettext("{number} ms"), &[("number", &text(milliseconds))]),
        0..=9 => {
            let tenths = milliseconds / 100;
            let (whole, tenths) = (text(tenths / 10), text(tenths % 10));
            // TRANSLATORS: seconds, with your language's decimal mark
            fill(&gettext("{whole}.{tenths} s"), &[("whole", &whole), ("tenths", &tenths)])
        }
        10..=59 => fill(&gettext("{number} s"), &[("number", &text(seconds))]),
        60..=3599 => {
            let values = [("minutes", text(seconds / 60)), ("seconds", text(seconds % 60))];
            fill(
                &gettext("{minutes} min {seconds} s"),
                &[(values[0].0, &values[0].1), (values[1].0, &values[1].1)],
            )
        }
        _ => {
            let values = [("hours", text(seconds / 3600)), ("minutes", text(seconds % 3600 / 60))];
            fill(
                &gettext("{hours} h {minutes} min"),
                &[(values[0].0, &values[0].1), (values[1].0, &values[1].1)],
            )
        }
    }
}

/// Bytes: `512 MiB`, `1.5 GiB`, `37 bytes`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = [("TiB", 40u32), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.iter().find(|(_, shift)| bytes >= 1 << shift) {
        Some((unit, shift)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            if tenths % 10 == 0 || tenths >= 1000 {
                format!("{} {unit}", tenths / 10)
            } else {
                let values = [(tenths / 10).to_string(), (tenths % 10).to_string()];
                // TRANSLATORS: a size such as 1.5 GiB, with your language's decimal mark
                let text = gettext("{whole}.{tenths} {unit}");
                fill(&text, &[("whole", &values[0]), ("tenths", &values[1]), ("unit", unit)])
            }
        }
        None => {
            let text = ngettext("{number} byte", "{number} bytes", many(bytes));
            fill(&text, &[("number", &bytes.to_string())])
        }
    }
}

/// The name of an isolation.
#[must_use]
pub fn isolation(isolation: Isolation) -> String {
    match isolation {
        Isolation::Container => gettext("Container"),
        Isolation::Machine => gettext("Virtual machine"),
    }
}

/// The state of a sandbox in a word.
#[must_use]
pub fn state(state: &State) -> String {
    match state {
        State::Starting => gettext("Starting"),
        State::Running => gettext("Running"),
        State::Paused => gettext("Paused"),
        State::Finished(_) => gettext("Finished"),
        State::NotAnswering => gettext("Not answering"),
        State::Crashed => gettext("Crashed"),
    }
}

/// What a start does now.
#[must_use]
pub fn progress(step: &Progress) -> String {
    use terrarium_protocol::message::Stage;
    match step {
        Progress::Kernel => gettext("Prepare the kernel"),
        Progress::Domain => gettext("Make the sandbox"),
        Progress::Copy { bytes, of } => super::fill(
            &gettext("Copy what was kept: {bytes} of {all}"),
            &[("bytes", &size(*bytes)), ("all", &size(*of))],
        ),
        Progress::Boot(_) => gettext("Boot the sandbox"),
        Progress::Inside(Stage::Files) => gettext("Show the files"),
        Progress::Inside(Stage::Display) => gettext("Start the display"),
        Progress::Inside(Stage::Command) => gettext("Start the command"),
    }
}

/// A path as people write it.
#[must_use]
pub fn tilde(path: &Path, home: &Path) -> String {
    // Below "/", and below a home that is not known yet, lies everything.
    let is_one = home.file_name().is_some();
    match path.strip_prefix(home) {
        Ok(rest) if is_one && rest.as_os_str().is_empty() => "~".to_owned(),
        Ok(rest) if is_one => format!("~/{}", rest.display()),
        _ => path.display().to_string(),
    }
}
