// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox sees of the desktop that shows it, and what it may play there:
//! nothing.

use crate::program::{Glass, BOOT};
use crate::sandboxes::open;
use crate::sound::{nothing_can_be_played, Ear};
use std::process::Command;
use terrarium_engine::profile::Include;

/// The key to this desktop's screen lies there inside.
const KEY: &str = "/tmp/this-desktops-key";

/// Every way to this desktop that a program could try, with the key to it; a
/// way that leads there is told. At last it says how its own screen is called.
fn attempts(display: &str, wayland: &str) -> String {
    let number = display.rsplit(':').next().and_then(|rest| rest.split('.').next()).unwrap_or_default();
    format!(
        r#"for place in "{display}" ":{number}" "unix:{number}" "localhost:{number}" "127.0.0.1:{number}"; do
            for tool in "xwininfo -root" "xprop -root" "xdotool getmouselocation" "xclip -o"; do
                DISPLAY=$place XAUTHORITY={KEY} timeout 5 $tool >/dev/null 2>&1 && echo "$tool reached $place"
            done
        done
        perl -MSocket -e 'for my $path (@ARGV) {{ socket(my $s, PF_UNIX, SOCK_STREAM, 0);
            print "connected to $path\n" if connect($s, pack("S", PF_UNIX) . $path) }}' \
            "{wayland}" /tmp/.X11-unix/X{number} /run/user/*/wayland-[0-9]
        perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_STREAM, 0); print "abstract\n"
            if connect($s, pack("S", PF_UNIX) . "\0/tmp/.X11-unix/X{number}")'
        env | grep WAYLAND; ls /run/user/* | grep wayland
        for file in /dev/input/event* /dev/uinput /dev/fb0 /dev/vcs*; do
            [ -r "$file" ] && echo "can read $file"
        done
        [ -r {KEY} ] && echo "tried from $DISPLAY"; sleep 1000"#
    )
}

#[gtk::test]
fn the_desktop_is_out_of_a_sandboxs_reach_and_hears_nothing_of_it() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let (display, key) = (variable("DISPLAY"), variable("XAUTHORITY"));
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("key");
    std::fs::copy(&key, &copy).expect("the key to this screen");
    let mut look = Command::new("xwininfo");
    let status = look.arg("-root").env("XAUTHORITY", &copy).output().expect("xwininfo").status;
    assert!(status.success(), "the key opens {display} out here");
    for glass in [Glass::Container, Glass::Machine] {
        let (ear, scene) = (Ear::new(), open());
        let script =
            format!("exec xterm -e sleep 1000 & {}", attempts(&display, &variable("WAYLAND_DISPLAY")));
        let screen = scene.run_profile(glass, &script, |profile| {
            profile.files.include.push(Include { source: copy.clone(), target: KEY.into() });
        });
        scene.within(BOOT, "it tried", || scene.said().contains("tried from :0"));
        let said = scene.said();
        for word in ["reached", "connected to", "abstract", "WAYLAND", "wayland", "can read"] {
            assert!(!said.contains(word), "{glass:?}: {said}");
        }
        nothing_can_be_played(&ear, &scene, &screen);
    }
}
