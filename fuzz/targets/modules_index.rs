// SPDX-License-Identifier: LGPL-2.1-or-later
//! The index files of a kernel's modules that somebody prepared.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| terrarium_engine::kernel::fuzz::index(text));
