// SPDX-License-Identifier: LGPL-2.1-or-later
//! The widget with a real server: QEMU with nothing but its firmware, which
//! writes text and answers a key.

use std::path::PathBuf;
use std::process::{Child, Stdio};

use spice_view::{CloseReason, Command, Connector, Link, MonitorId, Options, ScaleMode, State};

use crate::stage::{pixels, pixels_of, wait, Stage};

/// A machine without a disk; killed when dropped.
pub struct Machine {
    process: Child,
    socket: PathBuf,
    graphics: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Machine {
    fn start() -> Machine {
        Machine::with(&["-vga", "qxl"])
    }

    /// One with these devices.
    pub fn with(graphics: &[&str]) -> Machine {
        let graphics: Vec<String> = graphics.iter().map(ToString::to_string).collect();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("spice");
        let process = spawn(&socket, &graphics);
        let machine = Machine { process, socket, graphics, _folder: folder };
        machine.await_socket();
        machine
    }

    fn await_socket(&self) {
        wait(30, "QEMU listens", || std::os::unix::net::UnixStream::connect(&self.socket).is_ok());
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn restart(&mut self) {
        std::fs::remove_file(&self.socket).ok();
        self.process = spawn(&self.socket, &self.graphics);
        self.await_socket();
    }

    /// Where it is shown.
    pub fn uri(&self) -> String {
        format!("spice+unix://{}", self.socket.display())
    }

    /// The socket of QEMU's monitor.
    pub fn monitor(&self) -> PathBuf {
        self.socket.with_extension("monitor")
    }

    fn link(&self) -> Link {
        spice_view::open(Connector::from_uri(&self.uri()).unwrap(), Options::default())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn spawn(socket: &std::path::Path, graphics: &[String]) -> Child {
    let plain = "image-compression=off,streaming-video=off";
    let spice = format!("unix=on,addr={},disable-ticketing=on,{plain}", socket.display());
    let monitor = format!("unix:{},server=on,wait=off", socket.with_extension("monitor").display());
    std::process::Command::new("qemu-system-x86_64")
        .args(["-machine", "q35,accel=tcg", "-m", "64", "-nodefaults", "-display", "none"])
        .args(graphics)
        // The firmware waits for Escape for a minute.
        .args(["-boot", "menu=on,splash-time=60000", "-device", "usb-ehci", "-device", "usb-tablet"])
        .args(["-spice", &spice, "-monitor", &monitor])
        .env_remove("LD_PRELOAD")
        .stdin(Stdio::null())
        .spawn()
        .expect("qemu-system-x86_64 can be run")
}

/// How many pixels are not black.
fn written(link: &Link) -> usize {
    let lit = |pixels: Vec<u32>| pixels.into_iter().filter(|pixel| *pixel != 0xff00_0000).count();
    link.picture(MonitorId(0)).map_or(0, |picture| lit(pixels_of(&picture)))
}

#[gtk::test]
fn a_machine_is_shown_typed_to_lost_and_found() {
    let mut machine = Machine::start();
    let stage = Stage::new(1024, 768);
    let link = machine.link();
    stage.connect(&link, 20);
    wait(60, "the firmware writes", || written(&link) > 500);
    check_drawing(&stage, &link);

    let before = written(&link);
    stage.view.send_keys(&"Escape".parse().unwrap());
    wait(60, "Escape opens a menu", || written(&link) > before + 500);

    machine.kill();
    wait(20, "the end is noticed", || !stage.view.state().is_connected());
    assert!(matches!(stage.view.state(), State::Closed | State::Failed(_)), "{:?}", stage.view.state());
    assert!(stage.view.screenshot().is_some(), "the last picture is kept");

    machine.restart();
    link.send(Command::Reconnect);
    wait(20, "connected again", || stage.view.state().is_connected());
    wait(60, "the firmware writes again", || (500..before * 2).contains(&written(&link)));

    link.send(Command::Close);
    assert_eq!((stage.view.state(), link.close_reason()), (State::Closed, Some(CloseReason::Asked)));
}

#[gtk::test]
fn who_is_pushed_out_by_another_viewer_is_told_so() {
    let mut machine = Machine::start();
    let (one, two) = (Stage::new(640, 480), Stage::new(640, 480));
    one.connect(&machine.link(), 20);
    assert_eq!(one.view.close_reason(), None);
    two.connect(&machine.link(), 20);
    let taken = |stage: &Stage| stage.view.close_reason() == Some(CloseReason::TakenOver);
    wait(20, "the first one is told", || {
        assert!(!matches!(one.view.state(), State::Failed(_)), "{:?}", one.view.state());
        taken(&one)
    });
    assert!(two.view.state().is_connected(), "the second one is left in peace");
    one.view.reconnect();
    wait(20, "the place is taken back", || one.view.state().is_connected() && taken(&two));
    assert_eq!(one.view.close_reason(), None);
    machine.kill();
    wait(20, "the end is told", || !one.view.state().is_connected());
    assert!(!taken(&one), "{:?}", one.view.state());
}

/// Drawn one to one and fitted, the view shows what the session got.
fn check_drawing(stage: &Stage, link: &Link) {
    let (width, height) = (stage.view.guest_width(), stage.view.guest_height());
    assert!(width >= 640 && height >= 400, "{width}x{height}");
    let (wide, high) = (i32::try_from(width).unwrap(), i32::try_from(height).unwrap());
    for mode in [ScaleMode::Actual, ScaleMode::Fit] {
        stage.view.set_scale_mode(mode);
        stage.resize(wide, high);
        // Time goes on in the guest: what is drawn is compared with what was got.
        wait(10, "the view shows the picture", || {
            let got = link.picture(MonitorId(0)).map(|picture| pixels_of(&picture));
            got == Some(stage.draw().0) && got == stage.view.screenshot().map(|shot| pixels(&shot).0)
        });
    }
    stage.resize(1023, 801);
    let lit = stage.draw().0.iter().filter(|pixel| **pixel & 0xff_ffff != 0).count();
    assert!(lit > 500, "the fitted picture is not black");
}

#[gtk::test]
fn a_machine_with_two_monitors_shows_both() {
    let machine = Machine::with(&["-device", "virtio-vga,max_outputs=2"]);
    let (one, two, link) = (Stage::new(640, 480), Stage::new(640, 480), machine.link());
    two.view.set_monitor(1);
    one.connect(&link, 20);
    two.connect(&link, 20);
    wait(30, "there are two monitors", || one.view.monitors() == [MonitorId(0), MonitorId(1)]);
    let lit = |drawn: &[u32]| drawn.iter().filter(|pixel| **pixel & 0xff_ffff != 0).count() > 200;
    wait(60, "both show something, and not the same", || {
        let (left, right) = (one.draw().0, two.draw().0);
        lit(&left) && lit(&right) && left != right
    });
}
