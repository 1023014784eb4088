// SPDX-License-Identifier: LGPL-2.1-or-later
//! The program itself, on the same screen, and as somebody else.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{chown, PermissionsExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An emulated machine takes a while to boot on a busy computer.
pub const BOOT: Duration = Duration::from_secs(90);

/// How strong the glass is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Glass {
    /// libvirt's LXC driver.
    Container,
    /// libvirt's QEMU driver.
    Machine,
}

/// A full count, or the one of every day.
pub fn scaled<T>(daily: T, whole: T) -> T {
    let full = std::env::var("TERRARIUM_TEST_SCALE").is_ok_and(|scale| scale == "full");
    if full {
        whole
    } else {
        daily
    }
}

/// Counts a test as skipped, and says why.
pub fn skip(name: &str, why: &str) {
    let list = std::env::var_os("TERRARIUM_SKIPS").expect("skips are counted by tools/test");
    let mut list = fs::OpenOptions::new().append(true).open(list).expect("the list of skips");
    writeln!(list, "{name}: {why}").expect("noted");
}

/// terrariumctl, beside the window.
pub fn ctl() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_terrarium")).with_file_name("terrariumctl")
}

/// Waits until something is so.
pub fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < BOOT, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Who runs a program.
pub trait Who {
    /// One of the two programs, as this user runs it.
    fn command(&self, program: &str) -> Command;
}

/// Who runs the test.
pub struct Me;

impl Who for Me {
    fn command(&self, program: &str) -> Command {
        Command::new(ctl().with_file_name(program))
    }
}

/// An ordinary user, with copies of the programs and the key to the screen.
pub struct Other {
    name: String,
    id: u32,
    folder: tempfile::TempDir,
}

impl Other {
    /// A user that `tools/test` has made.
    pub fn new(name: &str) -> Self {
        let text = fs::read_to_string("/etc/passwd").expect("users");
        let line = text.lines().find(|line| line.split(':').next() == Some(name));
        let id = line.unwrap_or_else(|| panic!("there is no user {name}: run the tests with tools/test"));
        let id = id.split(':').nth(2).and_then(|id| id.parse().ok()).expect("a uid");
        let other = Self { name: name.to_owned(), id, folder: tempfile::tempdir().expect("a folder") };
        other.gives(other.folder.path());
        for program in ["terrarium", "terrariumctl"] {
            let copy = other.folder.path().join(program);
            fs::copy(ctl().with_file_name(program), copy).expect("a copy");
        }
        if let Some(key) = std::env::var_os("XAUTHORITY") {
            let copy = other.folder.path().join("key");
            fs::copy(key, &copy).expect("a copy");
            other.gives(&copy);
        }
        let runtime = PathBuf::from(format!("/run/user/{id}"));
        fs::create_dir_all(&runtime).expect("a runtime folder");
        other.gives(&runtime);
        other
    }

    fn gives(&self, path: &std::path::Path) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("permissions");
        chown(path, Some(self.id), Some(self.id)).expect("an owner");
    }
}

impl Who for Other {
    fn command(&self, program: &str) -> Command {
        let id = self.id.to_string();
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", &id, "--regid", &id, "--init-groups", "--"])
            .arg(self.folder.path().join(program));
        let keep = |name: &&str| std::env::var_os(name).map(|value| (OsStr::new(*name).to_owned(), value));
        let kept: Vec<_> =
            ["DISPLAY", "GSK_RENDERER", "GSETTINGS_BACKEND", "PATH"].iter().filter_map(keep).collect();
        command.env_clear().envs(kept).current_dir("/");
        command
            .env("XAUTHORITY", self.folder.path().join("key"))
            .env("XDG_RUNTIME_DIR", format!("/run/user/{id}"));
        command.env("HOME", format!("/home/{}", self.name)).env("USER", &self.name).env("LANG", "C.UTF-8");
        command
    }
}

/// The window as a process of its own.
pub struct Program(Child);

impl Program {
    /// Opens it.
    pub fn open(who: &impl Who) -> Self {
        let mut command = who.command("terrarium");
        command.env_remove("DBUS_SESSION_BUS_ADDRESS").stderr(Stdio::null());
        let program = Self(command.spawn().expect("the program starts"));
        wait_for("its window", || {
            !program.xdotool(&["search", "--onlyvisible", "--pid", &program.0.id().to_string()]).is_empty()
        });
        program
    }

    fn xdotool(&self, args: &[&str]) -> String {
        let output = Command::new("xdotool").args(args).output().expect("xdotool");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Presses a key in its window.
    pub fn key(&self, key: &str) {
        let id = self.xdotool(&["search", "--onlyvisible", "--pid", &self.0.id().to_string()]);
        let id = id.lines().last().expect("a window").to_owned();
        self.xdotool(&["windowfocus", "--sync", &id, "key", "--clearmodifiers", key]);
    }

    /// Types into what has the focus.
    pub fn types(&self, text: &str) {
        self.xdotool(&["type", "--delay", "10", text]);
    }

    /// Types into its window, however far it is.
    pub fn type_and_run(&self, glass: Glass, command: &str) {
        self.key("ctrl+n");
        self.types(command);
        self.key(if glass == Glass::Container { "alt+c" } else { "alt+v" });
        self.key("ctrl+Return");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let picture = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join(format!("target/pictures/failed-{}.png", self.0.id()));
            let _ = Command::new("import").args(["-window", "root"]).arg(picture).status();
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
