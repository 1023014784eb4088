// SPDX-License-Identifier: LGPL-2.1-or-later
//! A picture of a sandbox's screen, as it is sent.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrarium_protocol::fuzz::picture(data));
