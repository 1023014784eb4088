// SPDX-License-Identifier: LGPL-2.1-or-later
//! Packs the icons into the program, and compiles its translations.

#[path = "po/compile.rs"]
mod translations;

fn main() {
    translations::compile(std::path::Path::new("."));
    glib_build_tools::compile_resources(
        &["resources"],
        "resources/terrarium.gresource.xml",
        "terrarium.gresource",
    );
}
