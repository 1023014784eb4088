// SPDX-License-Identifier: LGPL-2.1-or-later
//! Compiles the translations.

#[path = "../../po/compile.rs"]
mod translations;

fn main() {
    translations::compile(std::path::Path::new("../.."));
}
