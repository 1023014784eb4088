// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a SPICE server sends on one of its channels; the first two bytes say in
//! what pieces it arrives, and on which channel.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| spice_view::fuzz::wire(data));
