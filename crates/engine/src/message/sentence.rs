// SPDX-License-Identifier: LGPL-2.1-or-later
//! What sentences are put together from.

use super::fill;
use gettextrs::gettext;

/// A problem in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// What is wrong and why.
    pub text: String,
    /// What to do; empty where `text` says it.
    pub fix: String,
}

pub(super) fn both(text: String, fix: String) -> Sentence {
    Sentence { text, fix }
}

/// A sentence, with what may have been meant, or else with what helps.
pub(super) fn or_meant(text: &str, like: Option<&str>, otherwise: &str) -> String {
    match like {
        Some(like) => format!("{text} {}", fill(&gettext("Did you mean “{name}”?"), &[("name", like)])),
        None => format!("{text} {otherwise}"),
    }
}
