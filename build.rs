// SPDX-License-Identifier: LGPL-2.1-or-later
//! Packs the icons into the program.

fn main() {
    println!("cargo::rerun-if-env-changed=TERRARIUM_LOCALEDIR");
    glib_build_tools::compile_resources(
        &["resources"],
        "resources/terrarium.gresource.xml",
        "terrarium.gresource",
    );
}
