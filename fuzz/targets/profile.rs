// SPDX-License-Identifier: LGPL-2.1-or-later
//! A profile that somebody sent.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| terrarium_engine::profile::fuzz::text(text));
