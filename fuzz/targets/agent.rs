// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the agent's halves say to each other; its first byte is the size of the pieces it arrives in.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((size, stream)) = data.split_first() else { return };
    terrarium_protocol::fuzz::agent(stream, usize::from(*size));
});
