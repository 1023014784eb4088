// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the tests with real sandboxes share.
//!
//! They run `terrariumctl` as the people who use it: an ordinary user in
//! group libvirt (containers), an ordinary user in no group (machines), and
//! root. The two users are made by `tools/test`; without them a test fails,
//! since nothing was shown.
#![allow(dead_code, clippy::unwrap_used)]

pub mod bytes;
pub mod image;
pub mod layers;
pub mod net;
pub mod share;
pub mod standing;
pub mod traces;
mod users;

pub use users::{Glass, User};

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// terrariumctl where every user can run it: the checkout may be private.
pub fn binary() -> &'static Path {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("terrarium-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let copy = folder.join("terrariumctl");
        fs::copy(env!("CARGO_BIN_EXE_terrariumctl"), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        copy
    })
}

/// `terrariumctl run GLASS OPTIONS... -- COMMAND...` as the user of the glass.
pub fn run(glass: Glass, options: &[&str], command: &[&str]) -> Command {
    run_as(glass.user(), glass, options, command)
}

/// The same as some user.
pub fn run_as(user: User, glass: Glass, options: &[&str], command: &[&str]) -> Command {
    let mut ctl = user.ctl();
    ctl.arg("run").arg(glass.option()).args(options).arg("--").args(command).stdin(Stdio::null());
    ctl
}

/// Runs `sh -c SCRIPT` and gives all it printed.
pub fn sh(glass: Glass, script: &str) -> Output {
    run(glass, &[], &["sh", "-c", script]).output().unwrap()
}

/// Standard output as text.
pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A name that no other test uses.
pub fn fresh_name(stem: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{stem}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst))
}

/// Whether the full counts and durations were asked for (`tools/test --all`).
pub fn full() -> bool {
    std::env::var("TERRARIUM_TEST_SCALE").is_ok_and(|scale| scale == "full")
}

/// A count: the one of every day, or the full one.
pub fn scaled<T>(daily: T, whole: T) -> T {
    if full() {
        whole
    } else {
        daily
    }
}

/// Counts a test as skipped, and says why.
pub fn skip(name: &str, why: &str) {
    let list = std::env::var_os("TERRARIUM_SKIPS").expect("skips are counted by tools/test");
    let mut list = fs::OpenOptions::new().append(true).open(list).unwrap();
    writeln!(list, "{name}: {why}").unwrap();
}

/// Waits until `condition` holds; panics after `most` with what was awaited.
pub fn wait_for(what: &str, most: Duration, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < most, "waited {most:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The sandboxes of a user as `list --json` gives them.
pub fn list(user: User) -> Vec<serde_json::Value> {
    let output = user.ctl().args(["list", "--json"]).output().unwrap();
    assert!(output.status.success(), "list: {}", err(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One of them, by name.
pub fn listed(user: User, name: &str) -> Option<serde_json::Value> {
    list(user).into_iter().find(|one| one["name"] == name)
}

/// Bytes that do not compress and are the same in every run.
pub fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

/// Feeds bytes to a child's input from a thread of its own.
pub fn feed(child: &mut Child, bytes: Vec<u8>) -> std::thread::JoinHandle<()> {
    let mut stdin = child.stdin.take().unwrap();
    std::thread::spawn(move || drop(stdin.write_all(&bytes)))
}

/// Ends a sandbox when a test is over, however it ends.
pub struct Stop {
    /// Whose.
    pub user: User,
    /// Its name.
    pub name: String,
}

impl Drop for Stop {
    fn drop(&mut self) {
        let _ = self.user.ctl().args(["stop", "--now", &self.name]).stderr(Stdio::null()).status();
    }
}

/// A sandbox that goes on until it is stopped.
pub fn detached(glass: Glass, script: &str) -> Stop {
    detached_as(glass.user(), glass, script)
}

/// The same as some user.
pub fn detached_as(user: User, glass: Glass, script: &str) -> Stop {
    let name = fresh_name("detached");
    let output = run_as(user, glass, &["--detach", "-n", &name], &["sh", "-c", script]).output().unwrap();
    assert_eq!((out(&output).trim(), output.status.code()), (name.as_str(), Some(0)), "{}", err(&output));
    let sandbox = Stop { user, name };
    if script.contains("echo ready") {
        let has_said = |one: serde_json::Value| one["status"]["streams"][0]["end"].as_u64() > Some(0);
        wait_for("ready", Duration::from_secs(30), || listed(user, &sandbox.name).is_some_and(has_said));
    }
    sandbox
}

/// A C program of the folder `attacks`, linked statically.
pub fn compiled(name: &str, folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacks").join(name);
    let program = folder.join("program");
    let gcc = Command::new("gcc")
        .args(["-static", "-O1", "-Wall", "-Werror", "-o"])
        .arg(&program)
        .arg(source)
        .output();
    let gcc = gcc.unwrap();
    assert!(gcc.status.success(), "{}", err(&gcc));
    program
}

/// Makes a test for each glass.
#[macro_export]
macro_rules! for_both {
    (machine at full scale: $(#[$attribute:meta])* fn $name:ident($glass:ident: Glass) $body:block) => {
        for_both!(@ [#[ignore = "at full scale"]] $(#[$attribute])* fn $name($glass: Glass) $body);
    };
    ($(#[$attribute:meta])* fn $name:ident($glass:ident: Glass) $body:block) => {
        for_both!(@ [] $(#[$attribute])* fn $name($glass: Glass) $body);
    };
    (@ [$($machine:tt)*] $(#[$attribute:meta])* fn $name:ident($glass:ident: Glass) $body:block) => {
        mod $name {
            use super::*;
            fn test($glass: Glass) $body
            $(#[$attribute])*
            #[test]
            fn container() {
                test(Glass::Container);
            }
            $(#[$attribute])*
            $($machine)*
            #[test]
            fn machine() {
                test(Glass::Machine);
            }
        }
    };
}
