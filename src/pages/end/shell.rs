// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether somebody types into a shell, or it runs a script.

use std::ffi::OsString;
use std::path::Path;

/// Programs that are shells.
const SHELLS: &[&str] =
    &["ash", "bash", "csh", "dash", "fish", "ksh", "ksh93", "mksh", "rbash", "sh", "tcsh", "yash", "zsh"];

/// Options with a command behind them.
const COMMANDS: &[&str] = &["--command", "--init-command"];

/// Whether this is a shell without a script or a command of its own: `bash -l`,
/// and not `bash -lc true`.
pub fn is_interactive(argv: &[OsString]) -> bool {
    let Some((program, words)) = argv.split_first() else { return false };
    let is_shell = Path::new(program).file_name().is_some_and(|name| SHELLS.iter().any(|one| *one == name));
    is_shell && words.iter().all(|word| word.to_str().is_some_and(is_harmless))
}

/// An option that brings no command.
fn is_harmless(word: &str) -> bool {
    match word.strip_prefix('-') {
        Some(long) if long.starts_with('-') => !COMMANDS.iter().any(|one| word.starts_with(one)),
        Some(letters) => !letters.is_empty() && !letters.contains('c'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_interactive;
    use std::ffi::OsString;

    #[test]
    fn a_shell_without_a_command_is_typed_into() {
        let is = |line: &str| is_interactive(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for line in ["bash", "/bin/sh", "bash -l", "zsh --login -i", "bash --norc"] {
            assert!(is(line), "{line}");
        }
        for line in ["bash -c x", "sh -lc x", "sh script", "python3", "fish --command=x", "bash -", ""] {
            assert!(!is(line), "{line}");
        }
    }
}
