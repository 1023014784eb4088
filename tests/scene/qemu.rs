// SPDX-License-Identifier: LGPL-2.1-or-later
//! A real SPICE server: QEMU with nothing but its firmware, which writes text
//! and answers a key.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A machine without a disk; killed when dropped.
pub struct Machine {
    process: Child,
    /// Where its SPICE server listens.
    pub socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Machine {
    /// Starts one.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("spice");
        let machine = Self { process: spawn(&socket), socket, _folder: folder };
        machine.await_socket();
        machine
    }

    fn await_socket(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        while UnixStream::connect(&self.socket).is_err() {
            assert!(Instant::now() < end, "QEMU does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.socket);
    }

    /// Starts it again at the same place.
    pub fn restart(&mut self) {
        self.process = spawn(&self.socket);
        self.await_socket();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(socket: &Path) -> Child {
    let plain = "image-compression=off,streaming-video=off";
    let spice = format!("unix=on,addr={},disable-ticketing=on,{plain}", socket.display());
    // It goes with the test, also if that is killed or keeps what it holds.
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
        .args(["-machine", "q35,accel=tcg", "-m", "64", "-nodefaults", "-display", "none", "-vga", "qxl"])
        // The firmware waits for Escape for a minute.
        .args(["-boot", "menu=on,splash-time=60000", "-device", "usb-ehci", "-device", "usb-tablet"])
        .args(["-spice", &spice])
        .stdin(Stdio::null())
        .spawn()
        .expect("qemu-system-x86_64 can be run")
}
