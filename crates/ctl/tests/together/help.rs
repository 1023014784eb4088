// SPDX-License-Identifier: LGPL-2.1-or-later
//! The help, in the user's language.

use std::process::Command;

#[test]
fn the_help_is_translated() {
    let help = |words: &[&str]| {
        let mut ctl = Command::new(env!("CARGO_BIN_EXE_terrariumctl"));
        ctl.args(words).arg("--help").env("LC_ALL", "C.UTF-8").env("LANGUAGE", "de");
        String::from_utf8(ctl.output().unwrap().stdout).unwrap()
    };
    assert!(help(&[]).contains("Rückgabewert von run"), "{}", help(&[]));
    assert!(help(&["run"]).contains("Stärke des Glases:"), "{}", help(&["run"]));
    for word in ["Wenn der letzte Prozess endet", "Aus der Sandbox heraus", "KVM oder nichts"] {
        assert!(help(&["run"]).contains(word), "{word}: {}", help(&["run"]));
    }
    assert!(help(&["stop"]).contains("nach 10 s KILL"), "{}", help(&["stop"]));
}
