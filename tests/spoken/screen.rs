// SPDX-License-Identifier: LGPL-2.1-or-later
//! A screen of a test's own, with a window manager: it gives windows the
//! keyboard.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Goes with the test.
pub struct Screen {
    name: String,
    programs: Vec<Child>,
}

impl Screen {
    /// An empty one.
    pub fn start() -> Self {
        let mut server = Command::new("Xvfb");
        server.args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"]);
        let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("Xvfb");
        let mut name = String::new();
        let told = server.stdout.take().expect("a pipe");
        BufReader::new(told).read_line(&mut name).expect("a display");
        let mut screen = Self { name: format!(":{}", name.trim()), programs: vec![server] };
        let manager = screen.command("openbox").stderr(Stdio::null()).spawn().expect("openbox");
        screen.programs.push(manager);
        screen
    }

    /// As DISPLAY has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.name).env_remove("XAUTHORITY");
        command
    }

    /// Keys.
    pub fn xdotool(&self, words: &[&str]) {
        let status = self.command("xdotool").args(words).status().expect("xdotool");
        assert!(status.success(), "{words:?}");
    }

    /// For whoever wants to know why it went wrong.
    pub fn picture(&self) {
        let path =
            format!("{}/target/pictures/failed-{}.png", env!("CARGO_MANIFEST_DIR"), std::process::id());
        let _ = self.command("import").args(["-window", "root", &path]).status();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        for program in self.programs.iter_mut().rev() {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}
