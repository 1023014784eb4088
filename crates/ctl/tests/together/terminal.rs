// SPDX-License-Identifier: LGPL-2.1-or-later
//! Commands with a terminal, driven through a real pty.

use crate::common::*;
use rustix::pty::{grantpt, openpt, ptsname, unlockpt, OpenptFlags};
use rustix::termios::{tcsetwinsize, Winsize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A child on a terminal of its own, and all that it showed.
struct Screen {
    keys: File,
    shown: Arc<Mutex<String>>,
    child: Child,
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

impl Screen {
    /// The status with which the child ends, soon.
    fn status(&mut self) -> Option<i32> {
        let begun = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "it does not end: {:?}",
                self.shown.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    fn start(mut command: Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(name.as_bytes())).to_owned();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let keys = File::from(master);
        let screen = Self {
            keys,
            shown: Arc::default(),
            child: {
                command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
                // A session of its own, so that its signals are its own.
                command.process_group(0);
                tcsetwinsize_of(&path, columns, rows);
                command.spawn().unwrap()
            },
        };
        let mut reading = screen.keys.try_clone().unwrap();
        let shown = screen.shown.clone();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count) = reading.read(&mut piece) {
                if count == 0 {
                    break;
                }
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        });
        screen
    }

    fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until `text` was shown after what was waited for before.
    fn wait(&self, text: &str) {
        let seen = || self.shown.lock().unwrap().contains(text);
        let begun = std::time::Instant::now();
        while !seen() {
            assert!(
                begun.elapsed() < Duration::from_secs(40),
                "no {text:?} in {:?}",
                self.shown.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(30));
        }
        self.shown.lock().unwrap().clear();
    }

    fn resize(&self, columns: u16, rows: u16) {
        tcsetwinsize(&self.keys, Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 })
            .unwrap();
        // The kernel signals the foreground group of a session; this child has
        // no session of its own here, so it is told by hand.
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::WINCH);
    }
}

fn tcsetwinsize_of(path: &std::path::Path, columns: u16, rows: u16) {
    let file = File::open(path).unwrap();
    tcsetwinsize(&file, Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
}

fn shell(glass: Glass, options: &[&str]) -> Screen {
    let mut all = vec!["-t"];
    all.extend(options);
    let mut command = run(glass, &all, &["sh", "-c", "PS1='ready$ ' exec sh -i"]);
    command.stdin(Stdio::inherit());
    Screen::start(command, 91, 31)
}

for_both! {
    fn the_size_is_right_at_the_start_and_follows_three_times(glass: Glass) {
        let mut screen = shell(glass, &[]);
        screen.wait("ready$ ");
        screen.type_keys("stty size; tty\n");
        screen.wait("31 91");
        for (columns, rows) in [(120, 40), (80, 24), (100, 50)] {
            screen.resize(columns, rows);
            std::thread::sleep(Duration::from_millis(300));
            screen.type_keys("stty size\n");
            screen.wait(&format!("{rows} {columns}"));
        }
        screen.type_keys("exit 6\n");
        assert_eq!(screen.status(), Some(6));
    }
}

for_both! {
    machine at full scale:
    fn what_has_a_terminal_hears_that_its_input_ends(glass: Glass) {
        for (input, status) in [("", 0), ("exit 3\n", 3), ("echo half", 0)] {
            let mut command = run(glass, &["-t"], &["sh"]);
            let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
            let mut child = child.unwrap();
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(status), "{input:?}: {} {}", out(&output), err(&output));
        }
    }
}

for_both! {
    machine at full scale:
    fn a_shell_that_ignores_term_ends_with_it(glass: Glass) {
        let mut screen = shell(glass, &[]);
        screen.wait("ready$ ");
        screen.type_keys("trap '' TERM; echo as bash\n");
        screen.wait("as bash\r\n");
        let pid = rustix::process::Pid::from_child(&screen.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert_eq!(screen.status(), Some(129));
    }
}

for_both! {
    fn ctrl_c_and_ctrl_z_reach_the_foreground_job(glass: Glass) {
        let mut screen = shell(glass, &[]);
        screen.wait("ready$ ");
        screen.type_keys("sleep 300\n");
        screen.wait("sleep 300");
        std::thread::sleep(Duration::from_millis(500));
        screen.type_keys("\x03");
        screen.wait("ready$ ");
        screen.type_keys("echo status $?\n");
        screen.wait("status 130");
        screen.type_keys("sleep 300\n");
        screen.wait("sleep 300");
        std::thread::sleep(Duration::from_millis(500));
        screen.type_keys("\x1a");
        screen.wait("ready$ ");
        // A shell that knows of a stopped job leaves when it is told twice.
        screen.type_keys("kill -KILL %1; wait; echo TERM=$TERM; exit 0\nexit 0\n");
        screen.wait("TERM=xterm-256color");
        assert_eq!(screen.status(), Some(0));
    }
}

for_both! {
    fn letting_go_leaves_it_running_and_attach_replays(glass: Glass) {
        let name = fresh_name("letgo");
        let user = glass.user();
        let _stop = Stop { user, name: name.clone() };
        let detached = run(glass, &["-t", "--detach", "-n", &name], &["sh", "-c", "echo the-first-line; PS1='ready$ ' exec sh -i"]).output().unwrap();
        assert_eq!(detached.status.code(), Some(0), "{}", err(&detached));
        let mut attach = user.ctl();
        attach.args(["attach", &name]);
        let mut screen = Screen::start(attach, 80, 24);
        screen.wait("the-first-line");
        screen.type_keys("\x1d\x1d");
        assert_eq!(screen.status(), Some(0));
        assert!(listed(user, &name).is_some());
        let mut attach = user.ctl();
        attach.args(["attach", &name]);
        let mut screen = Screen::start(attach, 80, 24);
        screen.wait("the-first-line");
        screen.type_keys("exit 3\n");
        assert_eq!(screen.status(), Some(3));
    }
}
