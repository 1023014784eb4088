// SPDX-License-Identifier: LGPL-2.1-or-later
//! A network on one line; what the guard hears.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    terrarium_engine::network::fuzz::guard(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        terrarium_engine::network::fuzz::option(text);
    }
});
