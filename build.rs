// SPDX-License-Identifier: LGPL-2.1-or-later
//! Packs the icons into the program, and compiles its translations.

#[path = "po/compile.rs"]
mod translations;

fn main() {
    compile_settings();
    translations::compile(std::path::Path::new("."));
    glib_build_tools::compile_resources(
        &["resources"],
        "resources/terrarium.gresource.xml",
        "terrarium.gresource",
    );
}

/// The settings' schema, for a program that runs from where it was built.
/// Where that cannot be made the settings are what they are by default.
fn compile_settings() {
    println!("cargo:rerun-if-changed=data/org.terrarium.Terrarium.gschema.xml");
    let Ok(folder) = std::env::var("OUT_DIR") else { return };
    let target = format!("--targetdir={folder}");
    let made = std::process::Command::new("glib-compile-schemas").args([&target, "data"]).status();
    if made.is_ok_and(|status| status.success()) {
        println!("cargo:rustc-env=TERRARIUM_SCHEMAS={folder}");
    }
}
