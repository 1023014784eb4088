// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the tests with real sandboxes share.
//!
//! They run `terrariumctl` as the people who use it: an ordinary user in
//! group libvirt (containers), an ordinary user in no group (machines), and
//! root. The two users are made by `tools/test`; without them a test fails,
//! since nothing was shown.
#![allow(dead_code, clippy::unwrap_used)]

pub mod share;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{chown, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How strong the glass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glass {
    /// `--container`
    Container,
    /// `--machine`
    Machine,
}

impl Glass {
    /// The option that chooses it.
    pub fn option(self) -> &'static str {
        match self {
            Self::Container => "--container",
            Self::Machine => "--machine",
        }
    }

    /// Who uses it here: containers need group libvirt, machines nothing.
    pub fn user(self) -> User {
        match self {
            Self::Container => User::Member,
            Self::Machine => User::Plain,
        }
    }
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Root.
    Root,
    /// An ordinary user in group libvirt.
    Member,
    /// An ordinary user in no group.
    Plain,
}

impl User {
    fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Member => "terrarium-test-libvirt",
            Self::Plain => "terrarium-test",
        }
    }

    /// Its uid.
    pub fn uid(self) -> u32 {
        let text = fs::read_to_string("/etc/passwd").unwrap();
        let line = text.lines().find(|line| line.split(':').next() == Some(self.name()));
        let line =
            line.unwrap_or_else(|| panic!("there is no user {}: run the tests with tools/test", self.name()));
        line.split(':').nth(2).unwrap().parse().unwrap()
    }

    /// Its home directory.
    pub fn home(self) -> PathBuf {
        match self {
            Self::Root => PathBuf::from("/root"),
            _ => PathBuf::from("/home").join(self.name()),
        }
    }

    /// Where Terrarium keeps its running sandboxes.
    pub fn runtime(self) -> PathBuf {
        match self {
            Self::Root => PathBuf::from("/run/terrarium"),
            _ => PathBuf::from(format!("/run/user/{}/terrarium", self.uid())),
        }
    }

    /// A program run by this user, in its own environment.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        if self == Self::Root {
            let mut command = Command::new(program);
            command.env_remove("SUDO_UID").env_remove("PKEXEC_UID").current_dir("/");
            return command;
        }
        let runtime = PathBuf::from(format!("/run/user/{}", self.uid()));
        if !runtime.is_dir() {
            fs::create_dir_all(&runtime).unwrap();
            fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
            chown(&runtime, Some(self.uid()), Some(self.uid())).unwrap();
        }
        let mut command = Command::new("setpriv");
        let id = self.uid().to_string();
        command.args(["--reuid", &id, "--regid", &id, "--init-groups", "--"]).arg(program);
        command.env_clear().current_dir("/");
        command.env("HOME", self.home()).env("USER", self.name()).env("XDG_RUNTIME_DIR", runtime);
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("TERM", "xterm-256color");
        command
    }

    /// terrariumctl run by this user.
    pub fn ctl(self) -> Command {
        self.command(binary())
    }
}

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

/// Makes a test for each glass.
#[macro_export]
macro_rules! for_both {
    ($(#[$attribute:meta])* fn $name:ident($glass:ident: Glass) $body:block) => {
        mod $name {
            use super::*;
            fn test($glass: Glass) $body
            $(#[$attribute])*
            #[test]
            fn container() {
                test(Glass::Container);
            }
            $(#[$attribute])*
            #[test]
            fn machine() {
                test(Glass::Machine);
            }
        }
    };
}
