// SPDX-License-Identifier: LGPL-2.1-or-later
//! Networks of sandboxes, beside what the plan says of them.
//!
//! | module | what |
//! |---|---|
//! | `always` | what was allowed or blocked meanwhile, for the profile |
//! | [`values`] | what people write about networks |
//! | [`grammar`] | `-N` |
//! | `names` | what interfaces and networks of ours are called |
//! | `usage` | what is known while a sandbox runs, and what can be changed |
//! | `parties` | whom it met, each once |
//! | `text` | entries, written |
//!
//! Data and text alone: what acts on networks is in `sandbox/network`.

mod always;
pub mod fuzz;
pub mod grammar;
pub(crate) mod names;
mod parties;
mod text;
mod usage;
pub mod values;

pub use always::{always, written};
pub use parties::Party;
pub use text::texts;
pub use usage::{met, Change, Standing, Usage};

#[cfg(test)]
mod tests {
    use super::fuzz;
    use proptest::prelude::*;

    #[test]
    fn the_seeds_of_the_fuzz_target_pass() {
        for seed in crate::fuzz_seeds("network") {
            fuzz::option(&String::from_utf8_lossy(&seed));
            fuzz::guard(&seed);
        }
    }

    proptest! {
        #[test]
        fn any_option_is_read_or_not(parts in proptest::collection::vec(
            "(dhcp|user|none|[a-z]{1,8}|source=[ -~]{0,9}|mac=[0-9a-f:]{11,20}|address=[0-9a-f.:/%]{1,20}|\
             route=[0-9./%]{8,24}|filter(\\.[A-Z]{0,3})?=[a-z=]{0,5}|inbound=[0-9]{1,3}[kMx])", 0..5)) {
            fuzz::option(&parts.join(","));
        }

        #[test]
        fn any_message_to_the_guard_is_read_or_not(bytes: Vec<u8>) {
            fuzz::guard(&bytes);
        }
    }
}
