// SPDX-License-Identifier: LGPL-2.1-or-later
//! A kernel image that somebody prepared.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrarium_engine::kernel::fuzz::image(data));
