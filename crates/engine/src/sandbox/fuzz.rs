// SPDX-License-Identifier: LGPL-2.1-or-later
//! Entry for the fuzz target `metadata`, run by the tests as well.

use crate::xml::metadata::parse;

/// A domain's metadata that somebody wrote.
///
/// # Panics
/// When what was found is not found again once it is written as we write it.
pub fn metadata(xml: &str) {
    let Some(found) = parse(xml) else { return };
    let element = |text: &str| format!("<sandbox>{}</sandbox>", quick_xml::escape::escape(text));
    let text = found.to_text();
    let again = parse(&element(&text));
    assert_eq!(again.map(|again| again.to_text()), Some(text));
}
