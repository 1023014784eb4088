// SPDX-License-Identifier: LGPL-2.1-or-later
//! Options of terrariumctl in sentences that the window says as well, whose
//! reader has rows instead.

use std::sync::atomic::{AtomicBool, Ordering};

static NAMED: AtomicBool = AtomicBool::new(false);

/// From now on options are named: who reads can type them.
pub fn name_options() {
    NAMED.store(true, Ordering::Relaxed);
}

pub(super) fn are_named() -> bool {
    NAMED.load(Ordering::Relaxed)
}

/// A sentence with `{option}` behind what it stands for: the option in
/// brackets, or nothing.
pub(super) fn with_option(text: &str, option: &str) -> String {
    let option = if are_named() { format!(" ({option})") } else { String::new() };
    text.replace("{option}", &option)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Others in this program say nothing of options meanwhile.
    #[test]
    fn an_option_is_named_to_who_can_type_it() {
        let text = "Use a machine{option}, which works.";
        assert_eq!(with_option(text, "--machine"), "Use a machine, which works.");
        name_options();
        assert_eq!(with_option(text, "--machine"), "Use a machine (--machine), which works.");
        NAMED.store(false, Ordering::Relaxed);
    }
}
