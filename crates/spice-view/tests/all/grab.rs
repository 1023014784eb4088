// SPDX-License-Identifier: LGPL-2.1-or-later
//! Shortcuts of the desktop while the guest is to have them: with a window
//! manager that has one.

use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Stdio};

use gtk::prelude::*;

use crate::input::{expect, find, focus, key, keys, played, xdotool, A, LEFT_ALT, LEFT_CTRL};
use crate::stage::{pass, wait, Stage};

/// X's number of the left key with the logo.
const LEFT_SUPER: u32 = 133;

/// openbox, which notes down when its shortcut is pressed; killed when dropped.
struct Manager {
    process: Child,
    folder: tempfile::TempDir,
}

impl Manager {
    fn start() -> Manager {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("rc.xml");
        let noted = folder.path().join("pressed");
        let text = format!(
            r#"<openbox_config xmlns="http://openbox.org/3.4/rc"><keyboard><keybind key="W-a">
            <action name="Execute"><command>sh -c 'echo >>{}'</command></action></keybind></keyboard>
            <mouse><context name="Client"><mousebind button="Left" action="Press"><action name="Focus"/>
            </mousebind></context></mouse></openbox_config>"#,
            noted.display()
        );
        std::fs::write(&settings, text).unwrap();
        let mut openbox = Program::new("setpriv");
        openbox.args(["--pdeathsig", "KILL", "openbox", "--sm-disable", "--config-file"]).arg(&settings);
        let process =
            openbox.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("openbox can be run");
        Manager { process, folder }
    }

    fn noted(&self) -> PathBuf {
        self.folder.path().join("pressed")
    }

    fn pressed(&self) -> u64 {
        std::fs::metadata(self.noted()).map_or(0, |file| file.len())
    }

    /// Waits until it has the keyboard's shortcuts.
    fn await_it(&self) {
        wait(20, "openbox is there", || {
            press();
            pass(50);
            Path::exists(&self.noted())
        });
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn press() {
    keys("keydown", &[LEFT_SUPER, A]);
    keys("keyup", &[A, LEFT_SUPER]);
}

#[gtk::test]
fn a_shortcut_of_the_desktop_is_the_guests_as_long_as_it_is_asked_for() {
    let (stage, player) = played(300, 200);
    if stage.view.display().type_().name() != "GdkX11Display" {
        // On Wayland the compositor decides, which has none that could be set here.
        return;
    }
    let other = Stage::new(100, 100);
    let manager = Manager::start();
    manager.await_it();
    xdotool(&["windowmove", &find(&other, "spice-view beside"), "600", "500"]);
    focus(&stage, "spice-view grab");
    pass(300);
    player.taken();
    let before = manager.pressed();
    press();
    wait(10, "it is the desktop's", || manager.pressed() > before);
    assert!(!player.taken().contains(&key(A, true)));

    stage.view.set_grab(true);
    pass(200);
    let before = manager.pressed();
    press();
    expect(&player, &[key(LEFT_SUPER, true), key(A, true), key(A, false), key(LEFT_SUPER, false)]);
    pass(300);
    assert_eq!(manager.pressed(), before, "the desktop hears nothing of it");

    keys("keydown", &[LEFT_CTRL, LEFT_ALT]);
    keys("keyup", &[LEFT_ALT, LEFT_CTRL]);
    wait(10, "the way out is open", || !stage.view.grab());
    press();
    wait(10, "it is the desktop's again", || manager.pressed() > before);
    assert!(!player.taken().contains(&key(A, true)));

    // Another window takes the keyboard: what was asked for rests meanwhile.
    focus(&stage, "spice-view grab");
    stage.view.set_grab(true);
    xdotool(&["mousemove", "650", "550", "click", "1"]);
    wait(10, "the other window has the keyboard", || other.window.is_active() && !stage.window.is_active());
    let before = manager.pressed();
    press();
    wait(10, "elsewhere it is the desktop's", || manager.pressed() > before);
    assert!(stage.view.grab());
}
