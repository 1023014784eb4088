// SPDX-License-Identifier: LGPL-2.1-or-later
//! What completes a word in a shell. The script that `completions` prints asks
//! this program: only it knows which sandboxes and profiles there are.

use crate::fault::Fault;
use crate::help;
use crate::Result;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use clap_complete::engine::{PathCompleter, ValueCompleter};
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};
use std::ffi::OsStr;
use std::path::Path;
use terrarium_engine::host::{self, ProbeOptions};
use terrarium_engine::profile::store;
use terrarium_engine::sandbox::{self, Driver, Real};

/// By this variable the script asks; `COMPLETE` may be somebody else's.
const ASKS: &str = "_TERRARIUMCTL_COMPLETE";
/// How the script calls this program.
const NAME: &str = "terrariumctl";

/// Answers a shell that asks, and ends.
pub fn answer() {
    CompleteEnv::with_factory(help::translated).var(ASKS).complete();
}

/// `completions`
pub fn script(shell: Shell) -> Result {
    let shells = Shells::builtins();
    let refused = |error: std::io::Error| Fault::Usage(error.to_string());
    if let Some(completer) = shells.completer(&shell.to_string()) {
        completer.write_registration(ASKS, NAME, NAME, NAME, &mut std::io::stdout()).map_err(refused)?;
    }
    Ok(crate::run::DONE)
}

/// Names of sandboxes that are there.
pub fn sandboxes() -> ArgValueCandidates {
    ArgValueCandidates::new(|| words(sandbox::names(&host::places())))
}

/// Names of profiles.
pub fn profiles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| words(profile_names()))
}

/// Names of profiles, and files.
pub fn profiles_and_files() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| named_or_file(begun, profile_names()))
}

/// Names of sandboxes and profiles, and files.
pub fn all_and_files() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| {
        let sandboxes = sandbox::names(&host::places());
        named_or_file(begun, sandboxes.into_iter().chain(profile_names()).collect())
    })
}

/// Names of those that have changed something.
pub fn changed() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let layers = Real::new(&host::probe(&ProbeOptions::default())).layers();
        words(layers.into_iter().map(|layer| layer.tag.name).collect())
    })
}

/// A profile whose name a shell would take apart is known by its file's, too.
fn profile_names() -> Vec<String> {
    let all = store::list(&host::places()).unwrap_or_default();
    let name = |entry: store::Entry| {
        let stem = || entry.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = entry.profile.as_ref().ok().map(|profile| profile.name.clone());
        name.filter(|name| is_one_word(name)).or_else(stem)
    };
    all.into_iter().filter_map(name).collect()
}

fn named_or_file(begun: &OsStr, names: Vec<String>) -> Vec<CompletionCandidate> {
    let text = begun.to_string_lossy();
    let mut all = words(names);
    all.retain(|one| one.get_value().to_string_lossy().starts_with(&*text));
    let is_profile = |path: &Path| path.is_dir() || path.extension().is_some_and(|end| end == "terrarium");
    all.extend(PathCompleter::any().filter(is_profile).complete(begun));
    all
}

/// Those that a shell takes as they are: bash puts them into the line unquoted.
fn words(mut names: Vec<String>) -> Vec<CompletionCandidate> {
    names.retain(|name| is_one_word(name));
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(CompletionCandidate::new).collect()
}

fn is_one_word(name: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "._+-".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_means_something_to_a_shell() {
        let names = ["top-2", "a b", "$(id)", "-x", "", "top", "Größe", "top"];
        let words = words(names.map(str::to_owned).to_vec());
        let words: Vec<_> = words.iter().map(|one| one.get_value().to_string_lossy()).collect();
        assert_eq!(words, ["Größe", "top", "top-2"]);
    }
}
