// SPDX-License-Identifier: LGPL-2.1-or-later
//! Every sentence that a user reads of the engine, in one place: translated,
//! shared by the window and terrariumctl. Each says what is wrong, why, and
//! what to do.

mod asked;
mod checks;
mod displays;
mod ends;
mod errors;
mod files;
mod images;
mod layers;
mod limits;
mod network;
mod options;
mod problems;
mod reach;
mod secrets;
mod sentence;
#[cfg(test)]
mod tests;
mod values;

pub use asked::{asked, holds, not_asked};
pub use checks::{doctor, finding, looking};
pub use displays::{clipboard, needs_screen, no_desktop, no_window_program, not_a_screen_size, screen};
pub use displays::{unseen, window_not_opened};
pub use ends::{cleared, failure, gone, killed, out_of_memory, outcome, signal_name, status_word, vanished};
pub use errors::{connection_state, error, lines, no_log, without_keys};
pub use layers::{applied, copy_of, decided, discarded, is_kept, kept, looks_inside, there_as_well};
pub use layers::{
    change, change_totals, change_word, hunk_head, in_trash, layer_full, left_out, not_compared, shown_kinds,
    text_line,
};
pub use layers::{
    kept_discarded, kept_stays, nothing_waits, outdated, to_review, waiting, waiting_count, waiting_head,
    waiting_since, waits_as_well,
};
pub use limits::{fixed, limits};
pub use network::{
    access, before, moved, network_removed, no_network, nobody_looks, not_a_network, not_a_rate,
    not_an_entry, peer, usage,
};
pub use options::name_options;
pub use problems::{note, problem};
pub use reach::{already_there, in_place, reach, reach_lines, Row, Words};
pub use sentence::Sentence;
pub use values::{ago, duration, isolation, many, progress, size, state, tilde};

pub use crate::quote::{quote, quote_all};

use crate::profile::DisplayKind;
use crate::sandbox::Summary;
use gettextrs::gettext;

/// Longest foreign text in a sentence, in characters.
const SHOWN_MAX: usize = 500;

/// A foreign text as it may stand in a sentence: bounded, on one line, and
/// without what drives a terminal or turns the direction of text. Profiles
/// come from strangers, and what init reports can come from the sandbox.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars().take(SHOWN_MAX) {
        match c {
            '\n' | '\t' => safe.push(' '),
            c if is_deceptive(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    if text.chars().nth(SHOWN_MAX).is_some() {
        safe.push('…');
    }
    safe
}

/// A path of a sandbox's as it may be shown: what is no text, drives a
/// terminal or turns the direction of text is escaped, a backslash doubled.
#[must_use]
pub fn escaped(path: &[u8]) -> String {
    let mut safe = String::new();
    for piece in path.utf8_chunks() {
        for c in piece.valid().chars() {
            match c {
                '\\' => safe.push_str("\\\\"),
                c if is_deceptive(c) => safe.extend(c.escape_default()),
                c => safe.push(c),
            }
        }
        piece.invalid().iter().for_each(|byte| safe.push_str(&format!("\\x{byte:02x}")));
    }
    safe
}

/// A foreign text of many lines as it may be shown: without what drives a
/// terminal or turns the direction of text.
#[must_use]
pub fn lines_shown(text: &str) -> String {
    let is_bad = |c: char| is_deceptive(c) && !matches!(c, '\n' | '\t');
    text.chars().map(|c| if is_bad(c) { '\u{fffd}' } else { c }).collect()
}

/// Control characters, marks of direction, and what has no width.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Fills `{name}` in a translated text. Values are not looked at for braces,
/// and go through [`shown`].
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}').and_then(|(name, tail)| {
            values.iter().find(|(key, _)| *key == name).map(|(_, value)| (value, tail))
        }) {
            Some((value, tail)) => {
                out.push_str(&shown(value));
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What the system says, in the user's language and without its number.
fn system_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// Ctrl+] was pressed twice.
#[must_use]
pub fn let_go() -> String {
    gettext("The sandbox goes on. Use “terrariumctl attach” to come back.")
}

/// A signal came again, and the last one has not arrived. `ends`: the sandbox
/// goes with the program.
#[must_use]
pub fn is_silent(ends: bool) -> String {
    if ends {
        gettext("The sandbox does not answer. It is ended, with all that runs in it.")
    } else {
        gettext("The sandbox does not answer. It goes on; end it with “terrariumctl stop --now”.")
    }
}

/// libvirt has not answered for a while.
#[must_use]
pub fn libvirt_is_slow() -> String {
    gettext("Waiting for libvirt, which does not answer. Press Ctrl+C to give up.")
}

/// `-c` with a URI that can run programs here.
#[must_use]
pub fn uri_refused(uri: &str) -> String {
    let text = gettext("The connection {uri} is not one of lxc:///system, qemu:///session and qemu:///system. Other connections can run programs on this computer; add --any-uri if you trust it.");
    fill(&text, &[("uri", uri)])
}

/// `-e` without `=`.
#[must_use]
pub fn not_a_variable(text: &str) -> String {
    fill(&gettext("“{text}” is not a variable. Write NAME=VALUE."), &[("text", text)])
}

/// `-m` that is none.
#[must_use]
pub fn not_a_mount(text: &str) -> String {
    let text_of = gettext("“{text}” is not a mount. Write TYPE:DST=SRC, with one of the types host-bind, host-image, guest-bind and ram, and “,rw” after it if the sandbox may write.");
    fill(&text_of, &[("text", text)])
}

/// `-m` with an unknown word behind a comma.
#[must_use]
pub fn not_an_end(text: &str, word: &str) -> String {
    let text_of = gettext(
        "“{text}”: “{word}” is not what can stand behind a mount’s comma. Write ro or rw, or nothing.",
    );
    fill(&text_of, &[("text", text), ("word", word)])
}

/// `--disk` that is none.
#[must_use]
pub fn not_a_disk(text: &str) -> String {
    let text_of =
        gettext("“{text}” is not a disk. Write file:TAG=SRC, and “,rw” after it if the sandbox may write.");
    fill(&text_of, &[("text", text)])
}

/// `-i` without `=`.
#[must_use]
pub fn not_a_copy(text: &str) -> String {
    fill(&gettext("“{text}” says not what to copy where. Write DST=SRC."), &[("text", text)])
}

/// `--memory` that is none.
#[must_use]
pub fn not_a_size(text: &str) -> String {
    fill(&gettext("“{text}” is not a size of memory. Write 512M or 2GiB."), &[("text", text)])
}

/// `show --plan` of a sandbox.
#[must_use]
pub fn of_profiles_only() -> String {
    gettext(
        "A sandbox that runs has no plan to show. Ask for the plan of its profile, or use --xml or --json.",
    )
}

/// `--cpus` that is none.
#[must_use]
pub fn not_processors() -> String {
    gettext("it is not a number of processors; write 1 or more, up to those of this computer")
}

/// `terrariumctl list` where there is nothing to list.
#[must_use]
pub fn none_runs() -> String {
    gettext("No sandbox runs.")
}

/// The head of `terrariumctl list`.
#[must_use]
pub fn list_head() -> [String; 4] {
    [gettext("NAME"), gettext("GLASS"), gettext("STATE"), gettext("COMMAND")]
}

/// What there is to know of a sandbox, a line each.
#[must_use]
pub fn summary(one: &Summary) -> Vec<String> {
    let line = |label: String, value: &str| format!("{label}: {}", shown(value));
    let mut lines = vec![
        line(gettext("Name"), one.name()),
        line(gettext("State"), &state(&one.state)),
        line(gettext("Glass"), &isolation(one.isolation())),
        line(gettext("Command"), &one.metadata.command),
        line(gettext("UUID"), &one.id.uuid),
    ];
    if one.metadata.display == DisplayKind::Window {
        lines.push(line(gettext("Clipboard"), &clipboard(one.metadata.clipboard)));
    }
    if let Some(status) = &one.status {
        lines.extend(status.display.map(|display| line(gettext("Screen"), &screen(display))));
        lines.push(line(gettext("Kernel"), &status.kernel));
        lines.extend(status.running_for.map(|time| line(gettext("Runs For"), &duration(time))));
    }
    lines
}
