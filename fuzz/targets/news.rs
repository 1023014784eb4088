// SPDX-License-Identifier: LGPL-2.1-or-later
//! What init's copy at the X server says and hears.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrarium_protocol::fuzz::news(data));
