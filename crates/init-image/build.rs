// SPDX-License-Identifier: LGPL-2.1-or-later
//! Builds init with a cargo of its own: another linking (static), another
//! target directory (so that the outer build's lock is free).

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=TERRARIUM_INIT");
    for path in
        ["../init/src", "../init/build.rs", "../init/Cargo.toml", "../protocol/src", "../../Cargo.lock"]
    {
        println!("cargo:rerun-if-changed={path}");
    }
    let image = env::var_os("TERRARIUM_INIT").map_or_else(build, PathBuf::from);
    println!("cargo:rustc-env=TERRARIUM_INIT_IMAGE={}", image.display());
}

fn build() -> PathBuf {
    let crates = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    let target_dir = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("init");
    // Named, so that the flags do not reach build scripts and macros.
    let target = env::var("TARGET").expect("cargo sets it");
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets it"));
    cargo.args(["build", "--release", "--package", "terrarium-init", "--target", &target, "--target-dir"]);
    cargo.arg(&target_dir).current_dir(&crates);
    if crates.join("../Cargo.lock").is_file() {
        cargo.arg("--locked");
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static\u{1f}-Cpanic=abort");
    cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s").env("CARGO_PROFILE_RELEASE_PANIC", "abort");
    // Clippy's own wrapper would check instead of build.
    cargo.env_remove("RUSTC_WORKSPACE_WRAPPER").env_remove("RUSTC_WRAPPER");
    let status = cargo.status().expect("cargo can be run");
    assert!(status.success(), "init could not be built");
    target_dir.join(target).join("release/terrarium-init")
}
