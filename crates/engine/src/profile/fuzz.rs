// SPDX-License-Identifier: LGPL-2.1-or-later
//! Entry for the fuzz target `profile`, run by the tests as well.

/// A file that somebody sent.
///
/// # Panics
/// When a profile is not read back as it was written, or a fault is on no line.
pub fn text(text: &str) {
    match super::parse(text) {
        Ok(profile) => {
            let written = super::to_toml(&profile).unwrap_or_default();
            assert_eq!(super::parse(&written).as_ref(), Ok(&profile));
        }
        Err(error) => {
            assert!(!error.faults.is_empty());
            let lines = text.bytes().filter(|&byte| byte == b'\n').count() + 1;
            assert!(error.faults.iter().all(|fault| fault.line <= lines));
        }
    }
}
