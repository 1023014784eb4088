// SPDX-License-Identifier: LGPL-2.1-or-later
//! The program itself with real containers, used as by somebody who does not
//! see it: what is there is found over AT-SPI by what it is and is called, and
//! used over AT-SPI or with keys.
//!
//! GTK 4.8 tells less than there is, so that some takes a detour here:
//! - check buttons, switches, rows and lists of choices have no action: they get
//!   the keyboard by Tab, as GrabFocus does nothing, and a key;
//! - menus are not told of before they are open: a window's actions are;
//! - nothing is told to be on the screen or not (SHOWING), pages that are not
//!   seen are told like the one that is;
//! - VTE tells nothing of its text: what a command wrote is asked for elsewhere.

mod bare;
#[path = "../scene/bus.rs"]
mod bus;
mod drop;
mod flows;
mod limits;
#[path = "../scene/program.rs"]
mod program;
#[path = "../scene/reader.rs"]
mod reader;
mod screen;

use reader::{Part, Reader};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A desktop of the test's own, with the program on it.
pub struct Desk {
    bus: bus::Bus,
    screen: screen::Screen,
    reader: Reader,
    folder: tempfile::TempDir,
    program: Option<Child>,
    /// A word in the names of all that it runs.
    pub mark: String,
}

static DESKS: AtomicUsize = AtomicUsize::new(0);

impl Desk {
    /// With the program open.
    pub fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for inner in ["data/applications", "config/terrarium/profiles", "cache"] {
            fs::create_dir_all(folder.path().join(inner)).expect("a folder");
        }
        let screen = screen::Screen::start();
        let display = [("DISPLAY", screen.name().into())];
        let bus = bus::Bus::start(environment(folder.path()).into_iter().chain(display));
        let reader = Reader::connect(&bus.address);
        let mark = format!("spoken-{}-{}", std::process::id(), DESKS.fetch_add(1, Ordering::SeqCst));
        let mut desk = Self { bus, screen, reader, folder, program: None, mark };
        desk.begin();
        desk
    }

    /// Opens the program.
    pub fn begin(&mut self) {
        self.program = Some(self.command("terrarium", &[]).spawn().expect("the program starts"));
        self.until("a window is told of", || self.window("Terrarium").is_some());
    }

    /// Kills the program, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut program) = self.program.take() {
            let _ = program.kill();
            let _ = program.wait();
        }
        self.until("the program is gone", || self.reader.program("terrarium").is_none());
    }

    fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program::ctl().with_file_name(program));
        command.args(words).envs(environment(self.folder.path())).env_remove("NO_AT_BRIDGE");
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.bus.address).env("DISPLAY", self.screen.name());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The name of its screen.
    pub fn display(&self) -> &str {
        self.screen.name()
    }

    /// Calls the program once more, as a launcher does.
    pub fn call(&self, words: &[&str]) {
        let status = self.command("terrarium", words).status().expect("the program");
        assert!(status.success(), "{words:?}");
    }

    /// A file of the desk's.
    pub fn path(&self, inner: &str) -> PathBuf {
        self.folder.path().join(inner)
    }

    /// The windows that are told of.
    pub fn windows(&self) -> Vec<Part> {
        self.reader.program("terrarium").map(|program| program.children()).unwrap_or_default()
    }

    /// The first one of that name.
    pub fn window(&self, name: &str) -> Option<Part> {
        self.windows().into_iter().find(|one| one.name() == name)
    }

    /// The main one.
    pub fn main(&self) -> Part {
        self.window("Terrarium").expect("a window")
    }

    /// Does what its menu has.
    pub fn act(&self, action: &str) {
        self.until(action, || self.main().act_by(action));
    }

    /// Something of any window's.
    pub fn part(&self, role: &str, name: &str) -> Part {
        let find = || self.windows().into_iter().find_map(|one| one.named(role, name));
        self.until(&format!("{role} {name}"), || find().is_some());
        find().expect("it was there")
    }

    /// Goes to something with the keyboard, as nothing gets it over AT-SPI.
    pub fn focus(&self, role: &str, name: &str) {
        let part = self.part(role, name);
        self.until(&format!("{role} {name} has the keyboard"), || {
            let has = part.is_focused();
            if !has {
                self.key("Tab");
            }
            has
        });
    }

    /// Presses a button.
    pub fn press(&self, name: &str) {
        self.until(&format!("{name} is pressed"), || {
            // The newest window is the one that asks.
            let button = self.windows().into_iter().rev().find_map(|one| one.button(name));
            button.is_some_and(|button| button.is_sensitive() && button.act())
        });
    }

    /// Whether it is said somewhere.
    pub fn says(&self, text: &str) -> bool {
        self.windows().iter().any(|one| one.says(text))
    }

    /// Presses a key.
    pub fn key(&self, key: &str) {
        self.screen.xdotool(&["key", "--clearmodifiers", key]);
    }

    /// Types instead of what is there.
    pub fn type_over(&self, text: &str) {
        self.key("ctrl+a");
        self.types(text);
    }

    /// Types.
    pub fn types(&self, text: &str) {
        self.screen.xdotool(&["type", "--delay", "15", text]);
    }

    /// What runs, as terrariumctl tells it.
    pub fn running(&self) -> Vec<serde_json::Value> {
        let told = self.command("terrariumctl", &["list", "--json"]).stdout(Stdio::piped()).output();
        serde_json::from_slice(&told.expect("terrariumctl").stdout).unwrap_or_default()
    }

    /// One that runs, by its name.
    pub fn runs(&self, name: &str) -> bool {
        self.running().iter().any(|one| one["name"] == name && one["state"] == "running")
    }

    /// How much it may use.
    pub fn limits(&self, name: &str) -> serde_json::Value {
        let told = self.command("terrariumctl", &["limits", name, "--json"]).stdout(Stdio::piped()).output();
        serde_json::from_slice(&told.expect("terrariumctl").stdout).unwrap_or_default()
    }

    /// What it has written.
    pub fn output(&self, name: &str) -> String {
        let mut ask = Command::new("timeout");
        // Any other signal would be the command's.
        ask.args(["--signal=KILL", "3"]).arg(program::ctl()).args(["attach", "--watch", "--from", "0", name]);
        ask.envs(environment(self.folder.path())).stdin(Stdio::null());
        String::from_utf8_lossy(&ask.output().expect("terrariumctl").stdout).into_owned()
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed() > PATIENCE {
                self.screen.picture();
                let all: String = self.windows().iter().map(Part::describe).collect();
                panic!("in vain: {what}\n{:?}\n{all}", self.running());
            }
            std::thread::sleep(Duration::from_millis(150));
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // Names are the desk's own: nothing of others is ended.
        for one in self.running() {
            if let Some(name) = one["name"].as_str().filter(|name| name.contains(&self.mark)) {
                let _ = self.command("terrariumctl", &["stop", "--now", name]).status();
            }
        }
        if let Some(mut program) = self.program.take() {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// Not the runtime folder: who lists with another one takes what runs for lost.
fn environment(folder: &std::path::Path) -> Vec<(&'static str, std::ffi::OsString)> {
    let path = |inner: &str| folder.join(inner).into_os_string();
    vec![
        ("XDG_CONFIG_HOME", path("config")),
        ("XDG_DATA_HOME", path("data")),
        ("XDG_CACHE_HOME", path("cache")),
        ("LC_ALL", "C.UTF-8".into()),
        ("GSK_RENDERER", "cairo".into()),
        ("GDK_BACKEND", "x11".into()),
        ("GSETTINGS_BACKEND", "memory".into()),
    ]
}
