// SPDX-License-Identifier: LGPL-2.1-or-later
//! Entries for the fuzz target `network`, run by the tests as well.

use super::{grammar, values};
use crate::profile::Network;
use terrarium_protocol::guard::{destination, ToGuard};

/// A `-N` that somebody wrote.
///
/// # Panics
/// When what was read is not read again as it is written.
pub fn option(text: &str) {
    let _ = (values::address(text), values::route(text), values::entry(text));
    let mut network = Network::default();
    if grammar::add(&mut network, text).is_ok() {
        let mut again = Network::default();
        for option in grammar::write(&network) {
            assert!(grammar::add(&mut again, &option).is_ok(), "{option}");
        }
        assert_eq!(again, network);
    }
}

/// A message to the guard, and a packet that it hears of.
pub fn guard(bytes: &[u8]) {
    let _ = destination(bytes);
    if let Ok(ToGuard::Rules(rules)) = serde_json::from_slice(bytes) {
        let _ = rules.are_proper();
    }
}
