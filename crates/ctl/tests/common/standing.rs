// SPDX-License-Identifier: LGPL-2.1-or-later
//! Machines that stand for many tests: to boot one takes seconds of a
//! processor where it is emulated.

use super::{fresh_name, run, Glass};
use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};
use std::sync::OnceLock;

/// One that runs as long as this program does: its command reads from a pipe
/// that is closed with the program, however that ends.
struct Standing {
    name: String,
    _run: Child,
}

impl Standing {
    fn new(options: &[&str]) -> Self {
        let name = fresh_name("standing");
        let options = [&["-n", &name], options].concat();
        let mut run = run(Glass::Machine, &options, &["sh", "-c", "echo up; cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = String::new();
        BufReader::new(run.stdout.take().unwrap()).read_line(&mut up).unwrap();
        assert_eq!(up, "up\n");
        Self { name, _run: run }
    }
}

/// The name of a machine that has nothing but what all have. `as_root`: with
/// `-p`.
pub fn machine(as_root: bool) -> &'static str {
    static ALL: [OnceLock<Standing>; 2] = [const { OnceLock::new() }; 2];
    let options: &[&str] = if as_root { &["-p"] } else { &[] };
    &ALL[usize::from(as_root)].get_or_init(|| Standing::new(options)).name
}

/// Runs `sh -c SCRIPT` in a container of its own, or beside others in a
/// machine: such a script looks and leaves nothing.
pub fn look(glass: Glass, as_root: bool, script: &str) -> Output {
    let command = ["sh", "-c", script];
    match glass {
        Glass::Container => run(glass, if as_root { &["-p"] } else { &[] }, &command).output().unwrap(),
        Glass::Machine => {
            let mut ctl = glass.user().ctl();
            ctl.args(["exec", machine(as_root), "--"]).args(command).stdin(Stdio::null()).output().unwrap()
        }
    }
}
