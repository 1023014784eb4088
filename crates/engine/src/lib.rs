// SPDX-License-Identifier: LGPL-2.1-or-later
//! Profile -> plan -> domain -> sandbox.
//!
//! | module | what |
//! |---|---|
//! | [`profile`] | what the user wants: one TOML file |
//! | [`host`] | what this computer offers: plain data |
//! | [`plan`] | profile and host become a plan; pure |
//! | [`xml`] | plan and instance become domain XML; pure |
//! | [`network`] | whom sandboxes may talk to |
//! | [`kernel`] | kernels, their modules, and what a machine boots |
//! | [`sandbox`] | starts, lists and ends sandboxes |
//! | [`console`] | the conversation with a sandbox's init |
//! | [`message`] | every sentence that a user reads |
//! | [`nearest()`] | which name may have been meant |
//!
//! No gtk, no glib: the window and terrariumctl share all of it.

pub mod console;
pub mod doctor;
pub mod error;
pub mod host;
pub mod kernel;
pub mod message;
mod nearest;
pub mod network;
pub mod places;
pub mod plan;
pub mod profile;
mod quote;
pub mod reach;
pub mod sandbox;
pub mod uri;
mod virt;
pub mod xml;

pub use error::Error;
pub use nearest::nearest;

/// The beginnings of a fuzz target's corpus.
#[cfg(test)]
fn fuzz_seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let seeds = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("seed-"));
    let seeds: Vec<Vec<u8>> = seeds.map(|seed| std::fs::read(seed.path()).unwrap()).collect();
    assert!(seeds.len() > 1, "{target}");
    seeds
}
