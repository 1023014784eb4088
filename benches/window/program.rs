// SPDX-License-Identifier: LGPL-2.1-or-later
//! The two programs, each on a screen without a computer's.

use adw::prelude::*;
use gtk::glib;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use terrarium::frames;

const SIGUSR1: i32 = 10;

/// An X server without a screen.
pub struct Screen {
    process: Child,
    display: String,
    /// Where the programs keep their files.
    pub folder: tempfile::TempDir,
}

impl Screen {
    /// `None` if there is no Xvfb.
    pub fn start() -> Option<Self> {
        let mut process = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1280x900x24"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut number = String::new();
        BufReader::new(process.stdout.take()?).read_line(&mut number).ok()?;
        let folder = tempfile::tempdir().ok()?;
        Some(Self { process, display: format!(":{}", number.trim()), folder })
    }

    /// A program on it, with folders of its own.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let folder = self.folder.path();
        command
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env("GDK_BACKEND", "x11")
            .env("GSK_RENDERER", std::env::var("GSK_RENDERER").unwrap_or_else(|_| "cairo".into()))
            .env("GSETTINGS_BACKEND", "memory")
            .env("NO_AT_BRIDGE", "1")
            .env("XDG_CONFIG_HOME", folder.join("config"))
            .env("XDG_CACHE_HOME", folder.join("cache"))
            .env("XDG_DATA_HOME", folder.join("data"))
            .stderr(Stdio::null());
        command
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What is known of a program.
pub struct Look {
    /// From its start to its first picture, in milliseconds.
    pub first: f64,
    /// Resident, in MB.
    pub memory: f64,
    /// Drawn so far.
    pub pictures: u64,
    /// Processor time in seconds.
    pub processor: f64,
}

/// One that can be started and looked at.
pub trait Start: Sized {
    fn start(screen: &Screen) -> Self;
    fn running(&self) -> &Running;

    fn look(&self) -> Look {
        self.running().look()
    }
}

/// A program that writes what it has drawn when it is asked by a signal.
pub struct Running {
    child: Child,
    file: PathBuf,
}

pub struct Ours(Running);
pub struct Bare(Running);

impl Start for Ours {
    fn start(screen: &Screen) -> Self {
        let program = env!("CARGO_BIN_EXE_terrarium");
        Self(Running::start(screen, screen.command(program), "ours"))
    }

    fn running(&self) -> &Running {
        &self.0
    }
}

impl Start for Bare {
    fn start(screen: &Screen) -> Self {
        let mut command = screen.command(std::env::current_exe().expect("this program"));
        command.arg("--bare");
        Self(Running::start(screen, command, "bare"))
    }

    fn running(&self) -> &Running {
        &self.0
    }
}

impl Running {
    fn start(screen: &Screen, mut command: Command, name: &str) -> Self {
        let file = screen.folder.path().join(name);
        command.arg("--dump-state").arg(&file);
        Self { child: command.stdout(Stdio::null()).spawn().expect("it starts"), file }
    }

    fn proc(&self, what: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{what}", self.child.id()))
    }

    fn look(&self) -> Look {
        let status = fs::read_to_string(self.proc("status")).expect("it lives");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        let memory: f64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
        let text = self.ask();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)).expect(key);
            line.trim().trim_end_matches(" ms").parse::<f64>().expect("a number")
        };
        Look {
            first: value("first picture:"),
            memory: memory * 1024.0 / 1e6,
            pictures: value("pictures:") as u64,
            processor: self.processor(),
        }
    }

    fn ask(&self) -> String {
        let _ = fs::remove_file(&self.file);
        let signal = format!("-{SIGUSR1}");
        let asked = Command::new("kill").args([&signal, &self.child.id().to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()), "it is asked");
        let begun = Instant::now();
        loop {
            match fs::read_to_string(&self.file) {
                Ok(text) if text.contains("pictures: ") => return text,
                _ => assert!(begun.elapsed() < Duration::from_secs(20), "it answers"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Of all its threads that live.
    fn processor(&self) -> f64 {
        let tasks = fs::read_dir(self.proc("task")).expect("its threads");
        let time = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        };
        tasks.flatten().filter_map(time).sum::<f64>() / 1e9
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The least: a window of the same size with a label.
pub fn bare() {
    let file = std::env::args().next_back().map(PathBuf::from).expect("a file");
    let app = adw::Application::builder()
        .application_id("org.terrarium.Bare")
        .flags(gtk::gio::ApplicationFlags::NON_UNIQUE)
        .build();
    glib::unix_signal_add_local(SIGUSR1, move || {
        let _ = fs::write(&file, frames::describe());
        glib::ControlFlow::Continue
    });
    app.connect_activate(|app| {
        let label = gtk::Label::new(Some("Terrarium"));
        let window = adw::ApplicationWindow::builder().application(app).content(&label);
        let window = window.default_width(1100).default_height(760).build();
        frames::count(&window);
        window.present();
    });
    app.run_with_args::<&str>(&[]);
}
