// SPDX-License-Identifier: LGPL-2.1-or-later
//! Networks of sandboxes, beside what the plan says of them.
//!
//! | module | what |
//! |---|---|
//! | `always` | what was allowed or blocked meanwhile, for the profile |
//! | [`values`] | what people write about networks |
//! | [`grammar`] | `-N` |
//! | `names` | what interfaces and networks of ours are called |
//! | `own` | Terrarium's own network |
//! | `guard` | who enforces what may pass |
//! | `filter` | who does so where there is no nft |
//! | `here` | the networks that this computer is in |
//! | `lease` | what DHCP gave, given back |
//! | `follow` | names of lists, looked up again |
//! | `live` | what can be done while a sandbox runs |

mod always;
pub(crate) mod filter;
pub(crate) mod follow;
pub mod fuzz;
pub mod grammar;
pub(crate) mod guard;
pub(crate) mod here;
pub(crate) mod lease;
pub(crate) mod live;
pub(crate) mod names;
pub(crate) mod own;
mod parties;
mod text;
pub mod values;

pub use always::{always, written};
pub use live::{met, Change, Standing, Usage};
pub use parties::Party;
pub use text::texts;

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
