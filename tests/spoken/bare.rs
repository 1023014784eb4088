// SPDX-License-Identifier: LGPL-2.1-or-later
//! A desktop without a bus of its own, on which assistive technologies have
//! one all the same.

use super::*;
use std::io::Read;

#[test]
fn without_a_bus_nobody_is_told_and_nothing_breaks() {
    let folder = tempfile::tempdir().expect("a folder");
    let screen = screen::Screen::start();
    let others = bus::Bus::start(environment(folder.path()));
    let mut program = Command::new(program::ctl().with_file_name("terrarium"))
        .envs(environment(folder.path()))
        .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", folder.path().join("none").display()))
        .env("AT_SPI_BUS_ADDRESS", &others.address)
        .env("DISPLAY", screen.name())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    screen.xdotool(&["search", "--sync", "--name", "^Terrarium$"]);
    // It shows itself and is looked through with the keyboard.
    for _ in 0..8 {
        screen.xdotool(&["key", "Tab"]);
    }
    std::thread::sleep(Duration::from_millis(500));
    assert!(program.try_wait().expect("asked").is_none(), "it runs");
    program.kill().expect("killed");
    let mut said = String::new();
    program.stderr.take().expect("a pipe").read_to_string(&mut said).expect("read");
    program.wait().expect("ended");
    assert!(!said.contains("CRITICAL"), "{said}");
}

/// A name of nothing is said where it was typed, and in the window that is open.
#[test]
fn what_is_not_there_cannot_be_shown() {
    let mut desk = Desk::open();
    let called = |desk: &Desk, option: &str| {
        let mut command = desk.command("terrarium", &[option, "nothing-of-the-kind"]);
        command.stderr(Stdio::piped()).output().expect("the program")
    };
    for option in ["--view", "--run"] {
        assert_eq!(called(&desk, option).status.code(), Some(1), "{option}");
        desk.until("the window says so", || desk.says("nothing-of-the-kind"));
    }
    desk.kill();
    let alone = called(&desk, "--view");
    let said = String::from_utf8_lossy(&alone.stderr);
    assert_eq!(alone.status.code(), Some(1), "{said}");
    assert!(said.contains("terrarium: ") && said.contains("“nothing-of-the-kind”"), "{said}");
}
