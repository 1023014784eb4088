// SPDX-License-Identifier: LGPL-2.1-or-later
//! The metadata of a domain: all who may use libvirt can have written it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|xml: &str| terrarium_engine::sandbox::fuzz::metadata(xml));
