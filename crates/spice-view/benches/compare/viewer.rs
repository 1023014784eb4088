// SPDX-License-Identifier: LGPL-2.1-or-later
//! The two viewers, each a process of its own with a window as large as the screen.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gtk::glib;
use gtk::prelude::*;
use spice_view::{Connector, Options, SpiceView};

use crate::screen::{processor_time, Screen};
use crate::server::Server;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Ours,
    Theirs,
}

/// Whether all programs that are needed are there.
pub fn is_there() -> Result<(), String> {
    for program in ["Xvfb", "openbox", "remote-viewer"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .any(|folder| folder.join(program).is_file());
        if !found {
            return Err(format!("{program} is not installed"));
        }
    }
    Ok(())
}

pub struct Viewer {
    process: Child,
    kind: Kind,
}

impl Viewer {
    pub fn start(kind: Kind, screen: &Screen, server: &Server) -> Viewer {
        let uri = format!("spice+unix://{}", server.path().display());
        let mut command = match kind {
            Kind::Ours => {
                let mut command = Command::new(std::env::current_exe().expect("this program"));
                command.args(["--view", &uri]);
                command
            }
            Kind::Theirs => {
                let mut command = Command::new("remote-viewer");
                command.args(["--kiosk", "--kiosk-quit=never", &uri]);
                command
            }
        };
        // What an Xvfb calls OpenGL is software; a program does well to have
        // cairo draw there.
        if std::env::var_os("GSK_RENDERER").is_none() {
            command.env("GSK_RENDERER", "cairo");
        }
        let process = command
            .env("DISPLAY", &screen.display)
            .env_remove("WAYLAND_DISPLAY")
            .env("GDK_BACKEND", "x11")
            .env("GSETTINGS_BACKEND", "memory")
            .env("NO_AT_BRIDGE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the viewer can be run");
        Viewer { process, kind }
    }

    /// Waits for the stream to be seen.
    pub fn await_picture(&self, screen: &Screen) {
        let end = Instant::now() + Duration::from_secs(30);
        while !screen.shows_stream() {
            assert!(Instant::now() < end, "{:?} shows nothing", self.kind);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Processor seconds that it used.
    pub fn time(&self) -> f64 {
        processor_time(self.process.id())
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Shows a session with the widget until it ends or is killed.
pub fn show(uri: &str) {
    gtk::init().expect("GTK");
    spice_view::keep_memory();
    let view = SpiceView::new();
    let window = gtk::Window::builder().decorated(false).child(&view).build();
    window.fullscreen();
    let connector = Connector::from_uri(uri).expect("a URI");
    view.set_link(Some(&spice_view::open(connector, Options::default())));
    window.present();
    glib::MainLoop::new(None, false).run();
}
