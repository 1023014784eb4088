// SPDX-License-Identifier: LGPL-2.1-or-later
//! What makes a screen is killed while it is shown: it is shown again.

use crate::clipboard::inside;
use crate::many::middle;
use crate::program::{ctl, Glass, BOOT};
use crate::sandboxes::{open, Scene};
use gtk::gdk::RGBA;
use std::process::Command;
use terrarium::pages::screen::Screen;
use terrarium_engine::profile::Until;

/// Shows a green window, and another one when that is gone.
const GREEN: &str = r#"echo $$ >"$XDG_RUNTIME_DIR/number"
    while :; do xterm -bg '#00ff00' -fg '#00ff00' -cr '#00ff00' -e sleep 1000; sleep 0.2; done"#;
const RED: &str =
    "setsid xterm -bg '#ff0000' -fg '#ff0000' -cr '#ff0000' -e sleep 1000 >/dev/null 2>&1 </dev/null &";

/// Processes of the display's own user in a container, as this computer numbers
/// them.
pub fn outside(scene: &Scene, program: &str) -> String {
    let name = scene.window.runs.current().expect("a tab").name();
    let xml = Command::new(ctl()).args(["show", "--xml", &name]).output().expect("terrariumctl").stdout;
    let xml = String::from_utf8_lossy(&xml).into_owned();
    let rest =
        xml.split("id_base").nth(1).expect("its ids").trim_start_matches(|c: char| !c.is_ascii_digit());
    let first: u32 =
        rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().parse().expect("an id");
    let last = (first + 65_535).to_string();
    let found = Command::new("pgrep").args(["-x", "-u", &last, program]).output().expect("pgrep").stdout;
    String::from_utf8_lossy(&found).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Kills a program, and waits until another one is there in its place.
fn kill(scene: &Scene, program: &str, found: impl Fn() -> String, kill: impl Fn(&str)) {
    scene.within(BOOT, program, || !found().is_empty());
    let before = found();
    kill(&before);
    let is_new =
        |now: String| !now.is_empty() && now.split(' ').all(|one| !before.split(' ').any(|old| old == one));
    scene.within(BOOT, &format!("another {program}"), || is_new(found()));
}

/// The same with a program of the display's own user.
pub fn kill_outside(scene: &Scene, program: &str) {
    kill(
        scene,
        program,
        || outside(scene, program),
        |numbers| {
            let killed = Command::new("kill").arg("-KILL").args(numbers.split(' ')).status().expect("kill");
            assert!(killed.success());
        },
    );
}

fn shows(scene: &Scene, screen: &Screen, colour: RGBA) {
    scene.within(BOOT, &format!("{colour} is shown"), || {
        screen.is_connected() && screen.picture().is_some_and(|picture| middle(&picture) == colour)
    });
}

#[gtk::test]
fn what_is_killed_is_shown_again() {
    let scene = open();
    // Not until the last of what its windows ran is gone, too.
    let screen = scene.run_profile(Glass::Container, GREEN, |profile| {
        profile.command.until = Some(Until::Command);
    });
    shows(&scene, &screen, RGBA::GREEN);
    scene.within(BOOT, "the agent", || screen.has_agent());
    let found = || inside(&scene, "pgrep -x openbox | xargs").trim().to_owned();
    kill(&scene, "openbox", found, |_| drop(inside(&scene, "pkill -KILL -x openbox")));
    shows(&scene, &screen, RGBA::GREEN);
    kill_outside(&scene, "spice-vdagent");
    shows(&scene, &screen, RGBA::GREEN);
    for program in ["spice-vdagentd", "Xorg"] {
        kill_outside(&scene, program);
        scene.within(BOOT, "the agent again", || screen.is_connected() && screen.has_agent());
        // Another window shows that the picture is not the old one, and fills
        // the screen, over the one that comes again with the server
        // and is managed by then.
        inside(&scene, "until xprop -root _NET_CLIENT_LIST | grep -q 0x; do sleep 0.1; done");
        inside(&scene, RED);
        shows(&scene, &screen, RGBA::RED);
        inside(&scene, "pkill -KILL -n -x xterm");
        shows(&scene, &screen, RGBA::GREEN);
    }
    // The program itself.
    inside(&scene, "pkill -KILL -x xterm");
    shows(&scene, &screen, RGBA::GREEN);
    inside(&scene, r#"kill -KILL "$(cat "$XDG_RUNTIME_DIR/number")""#);
    scene.ends("Signal SIGKILL");
}
