// SPDX-License-Identifier: LGPL-2.1-or-later
//! Words of a command line.

use terrarium_protocol::Bytes;

/// A word as a shell reads it back.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A command as it would be typed in a shell.
#[must_use]
pub fn quote_all(words: &[Bytes]) -> String {
    words.iter().map(|word| quote(&word.to_string())).collect::<Vec<_>>().join(" ")
}
