// SPDX-License-Identifier: LGPL-2.1-or-later
//! A build and a clone in a writable folder: how long they take inside, beside
//! bubblewrap with the same binds. The start is measured elsewhere.

use crate::caller;
use crate::common::share::Folder;
use crate::common::{self, Glass, User};
use crate::measure::{compare, succeed, Case, Unit};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Sources of the program, and functions in each.
const SOURCES: usize = 24;
const FUNCTIONS: usize = 40;
/// Files of the repository.
const FILES: usize = 2_000;

/// Says how long the rest took, in microseconds.
const TIMED: &str =
    "cd /w && rm -rf out && t=$(date +%s%N) && sh -ec \"$1\" >&2 && echo $((($(date +%s%N) - t) / 1000))";
const BUILD: &str = "mkdir out; make -s -j2 -C source";
const CLONE: &str = "git clone -q --no-hardlinks repository out; git -C out status --short";

/// Both, in a folder of their own.
pub fn bench(glass: Glass, runs: usize) {
    let user = caller(glass);
    for tool in ["make", "cc", "git"] {
        if !user
            .command("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output()
            .is_ok_and(|o| o.status.success())
        {
            println!("\n### files\n\nnot measured: {tool} is missing");
            return;
        }
    }
    let folder = Folder::new(user, &user.home());
    sources(&folder);
    repository(&folder, user);
    let bind = folder.bind("/w", ",rw");
    for (what, script) in [("build of a C program", BUILD), ("git clone", CLONE)] {
        let heading = match glass {
            Glass::Container => format!("files, container: {what}"),
            Glass::Machine => format!("files, machine: {what}"),
        };
        let bare = || Case::new("outside", || inside(&mut outside(user, &folder.path, script)));
        let mut cases = Vec::new();
        match bubblewrap(user, &folder.path, script) {
            Some(mut bwrap) => {
                cases.push(Case::new("bwrap with the same binds", move || inside(&mut bwrap())));
                cases.push(bare());
            }
            None => cases.push(bare()),
        }
        cases.push(Case::new(format!("terrariumctl run {} -m host-bind:/w=…,rw", glass.option()), || {
            let options = ["-m", &bind, "-e", "HOME=/tmp"];
            inside(&mut common::run_as(user, glass, &options, &["sh", "-c", TIMED, "sh", script]))
        }));
        compare(&heading, Unit::Seconds, runs, cases);
    }
}

fn sources(folder: &Folder) {
    folder.dir("source");
    let (mut main, mut calls) = ("#include <stdio.h>\n".to_owned(), String::new());
    for source in 0..SOURCES {
        let mut text =
            "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <pthread.h>\n".to_owned();
        for function in 0..FUNCTIONS {
            let _ = writeln!(
                text,
                "int f{source}_{function}(int n) {{ char b[64]; int s = {function}; for (int i = 0; i < n; i++) \
                 {{ snprintf(b, sizeof b, \"%d\", i * {source}); s += (int)strlen(b) ^ atoi(b); }} return s; }}"
            );
        }
        folder.file(&format!("source/s{source}.c"), &text);
        let _ = writeln!(main, "int f{source}_0(int);");
        let _ = write!(calls, " + f{source}_0(9)");
    }
    let _ = writeln!(main, "int main(void) {{ printf(\"%d\\n\", 0{calls}); return 0; }}");
    folder.file("source/main.c", &main);
    let makefile = "O = $(patsubst %.c,../out/%.o,$(wildcard *.c))\n../out/program: $(O)\n\tcc -o $@ $(O)\n\
                    ../out/%.o: %.c\n\tcc -O1 -c -o $@ $<\n";
    folder.file("source/Makefile", makefile);
}

fn repository(folder: &Folder, user: User) {
    folder.dir("repository");
    for file in 0..FILES {
        if file % 50 == 0 {
            folder.dir(&format!("repository/d{}", file / 50));
        }
        folder.file(&format!("repository/d{}/{file}", file / 50), &format!("{file}\n").repeat(100));
    }
    let script = "git init -q && git add . && git -c user.name=x -c user.email=x@example.org commit -qm x";
    succeed(user.command("sh").args(["-c", script]).current_dir(folder.path.join("repository")));
}

/// Seconds that the script says.
fn inside(command: &mut Command) -> f64 {
    let said = common::out(&succeed(command));
    said.trim().parse::<f64>().unwrap_or_else(|_| panic!("{command:?}: {said}")) / 1e6
}

fn outside(user: User, folder: &Path, script: &str) -> Command {
    let mut sh = user.command("sh");
    let timed = TIMED.replace("cd /w", &format!("cd '{}'", folder.display()));
    sh.args(["-c", &timed, "sh", script]);
    sh
}

/// bubblewrap that shows what a sandbox sees, where it may be used.
fn bubblewrap(user: User, folder: &Path, script: &str) -> Option<impl FnMut() -> Command> {
    let mut arguments: Vec<String> = Vec::new();
    for name in
        ["/usr", "/etc", "/opt", "/var/lib", "/var/cache", "/bin", "/sbin", "/lib", "/lib32", "/lib64"]
    {
        match fs::read_link(name) {
            Ok(target) => arguments.extend(["--symlink".into(), target.display().to_string(), name.into()]),
            Err(_) if Path::new(name).is_dir() => {
                arguments.extend(["--ro-bind".into(), name.into(), name.into()]);
            }
            Err(_) => {}
        }
    }
    let folder = folder.display();
    let rest = format!("--dev /dev --proc /proc --tmpfs /tmp --tmpfs /run --bind {folder} /w --setenv HOME /tmp --unshare-all --");
    arguments.extend(rest.split(' ').map(str::to_owned));
    let make = move |command: &[&str]| {
        let mut bwrap = user.command("bwrap");
        bwrap.args(&arguments).args(command);
        bwrap
    };
    let works = make(&["true"]).output().is_ok_and(|output| output.status.success());
    let script = script.to_owned();
    works.then_some(move || make(&["sh", "-c", TIMED, "sh", &script]))
}
