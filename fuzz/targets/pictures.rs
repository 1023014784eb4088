// SPDX-License-Identifier: LGPL-2.1-or-later
//! A picture that a sandbox has written.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrarium_engine::sandbox::changes::check_picture(data));
