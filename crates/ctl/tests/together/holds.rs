// SPDX-License-Identifier: LGPL-2.1-or-later
//! What holds in a writable share, against the table in docs/shares.md.
//! `TERRARIUM_BLESS=1` writes the table anew; read the difference.

use crate::common::share::*;
use crate::common::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- table -->\n";
const END: &str = "<!-- end of table -->\n";

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/shares.md")
}

/// Property and answer, as somebody inside has it.
fn answers(glass: Glass, options: &[&str]) -> Vec<(String, String)> {
    let (share, tools) = (Folder::home(glass), Folder::home(glass));
    let program = compiled("holds.c", &tools.path);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (share_mount, tools_mount) = (share.bind("/w", ",rw"), tools.bind("/t", ""));
    let options = [options, &["-m", &share_mount, "-m", &tools_mount]].concat();
    let output = run(glass, &options, &["/t/program", "/w"]).output().unwrap();
    assert!(output.status.success(), "{}", err(&output));
    // Whatever it made belongs to the user outside, and runs as nobody else.
    for entry in fs::read_dir(&share.path).unwrap().flatten() {
        let found = entry.path().symlink_metadata().unwrap();
        assert_eq!((found.uid(), found.mode() & 0o6000), (glass.user().uid(), 0), "{:?}", entry.path());
    }
    let line = |line: &str| line.split_once('\t').map(|(what, answer)| (what.to_owned(), answer.to_owned()));
    out(&output).lines().map(|text| line(text).unwrap()).collect()
}

#[test]
fn the_table_of_what_holds_is_true() {
    let all = [
        answers(Glass::Container, &[]),
        answers(Glass::Container, &["-p"]),
        answers(Glass::Machine, &[]),
        answers(Glass::Machine, &["-p"]),
    ];
    let mut table = "| in a writable share | container | container, -p | machine | machine, -p |\n|---|---|---|---|---|\n".to_owned();
    for (index, (what, _)) in all[0].iter().enumerate() {
        let cells: Vec<&str> = all.iter().map(|one| one[index].1.as_str()).collect();
        table.push_str(&format!("| {what} | {} |\n", cells.join(" | ")));
    }
    let text = fs::read_to_string(document()).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (old, after) = rest.split_once(END).unwrap();
    if std::env::var_os("TERRARIUM_BLESS").is_some() {
        fs::write(document(), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(table, old, "TERRARIUM_BLESS=1 accepts the new one");
    }
}
