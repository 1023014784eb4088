// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is asked before anything of a sandbox's is applied.

use super::fill;
use crate::plan::Holds;
use crate::sandbox::changes::{Question, Why};
use gettextrs::gettext;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Why it matters what comes to a guarded place.
#[must_use]
pub fn holds(holds: Holds) -> String {
    match holds {
        Holds::Starts => gettext("It can start by itself when you log in."),
        Holds::Programs => gettext("Your own programs would run it, or do what it says."),
        Holds::Keys => gettext("It is among your keys and passwords."),
        Holds::Own => gettext("Terrarium itself relies on it."),
        Holds::Private => gettext("It is among what your programs remember of you."),
    }
}

/// A question as a line: `~/.bashrc: It can …`.
#[must_use]
pub fn asked(question: &Question, home: &Path) -> String {
    let why = match question.why {
        Why::Guarded(one) => holds(one),
        Why::Changed => gettext("The real one is another than when the run began. It goes to the trash."),
        Why::Unseen => gettext("You have a file of that name already. It goes to the trash."),
    };
    let place = match question.place.strip_prefix(home) {
        Ok(inner) => super::escaped(&[b"~/", inner.as_os_str().as_bytes()].concat()),
        Err(_) => super::escaped(question.place.as_os_str().as_bytes()),
    };
    let goes = question.deletes && matches!(question.why, Why::Guarded(_));
    let text = match goes {
        true => gettext("{path} would go to the trash. {why}"),
        false => gettext("{path}: {why}"),
    };
    fill(&text, &[("path", &place), ("why", &why)])
}

/// The same for whoever has to say so beforehand.
#[must_use]
pub fn not_asked(count: usize) -> String {
    let text = gettextrs::ngettext(
        "Nothing was applied: {count} file above has to be looked at first (--diff). Add --replace to apply it all the same.",
        "Nothing was applied: the {count} files above have to be looked at first (--diff). Add --replace to apply them all the same.",
        super::many(count),
    );
    fill(&text, &[("count", &count.to_string())])
}
