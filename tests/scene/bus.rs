// SPDX-License-Identifier: LGPL-2.1-or-later
//! A session bus of a test's own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Goes with the test.
pub struct Bus {
    daemon: Child,
    /// Where it is connected to.
    pub address: String,
}

impl Bus {
    /// `environment`: of the bus, and so of what it starts.
    pub fn start<V: AsRef<OsStr>>(environment: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address", "--nosyslog"])
            .envs(environment)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().expect("a pipe")).read_line(&mut address).expect("an address");
        Self { daemon, address: address.trim().to_owned() }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
