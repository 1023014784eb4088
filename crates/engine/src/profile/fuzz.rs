// SPDX-License-Identifier: LGPL-2.1-or-later
//! Entry for the fuzz target `profile`, run by the tests as well.

/// A file that somebody sent.
///
/// # Panics
/// When a profile is not read back as it was written, or a fault is on no line
/// or has no words.
pub fn text(text: &str) {
    match super::parse(text) {
        Ok(profile) => assert_eq!(super::parse(&super::to_toml(&profile)).as_ref(), Ok(&profile)),
        Err(error) => {
            assert!(!error.faults.is_empty());
            let lines = text.bytes().filter(|&byte| byte == b'\n').count() + 1;
            assert!(error.faults.iter().all(|fault| fault.line <= lines));
        }
    }
}
