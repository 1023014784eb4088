// SPDX-License-Identifier: LGPL-2.1-or-later
//! A screen that is left and come back to, and one that ends.

use crate::many::middle;
use crate::program::{scaled, Glass, BOOT};
use crate::sandboxes::open;
use crate::scene::find;
use crate::{has_active_window, xdotool};
use gtk::gdk::RGBA;
use gtk::prelude::*;
use terrarium::pages::tab::Phase;

/// Repeats each line that is typed.
const LINES: &str = r#"cd "$XDG_RUNTIME_DIR"; mkfifo lines; cat lines <>lines &
    exec xterm -e sh -c 'while read -r line; do echo "[$line]" >lines; done'"#;

/// Who comes back types at once.
#[gtk::test]
fn the_first_key_after_coming_back_arrives() {
    let scene = open();
    let screen = scene.run_shown(Glass::Container, LINES);
    scene.has_keyboard(&screen);
    has_active_window(&scene);
    let name = scene.window.runs.current().expect("a tab").name();
    scene.act("win.close-tab");
    let words = ["abc", "def", "ghi", "jkl"];
    for word in words {
        let again = open();
        xdotool(&["windowfocus", &again.on_the_screen()]);
        again.until("the window has the keyboard", || again.window.widget.is_active());
        again.view(name.clone());
        let found = || again.window.runs.current().and_then(|tab| tab.screen.clone());
        again.within(BOOT, "the screen has the keyboard", || {
            found().is_some_and(|screen| screen.is_shown() && screen.view.has_focus())
        });
        xdotool(&["type", "--delay", "30", word]);
        xdotool(&["key", "Return"]);
        let line = format!("[{word}]");
        again.within(BOOT, &line, || again.said().contains(&line));
        if Some(&word) != words.last() {
            again.act("win.close-tab");
        }
    }
}

/// Shows one colour for long, and the last one shortly before it ends.
const COLOURS: &str = r#"exec xterm -bg blue -fg blue -cr blue -e sh -c 'sleep 4
    printf "\033[48;5;196m\033[2J"; sleep 1'"#;

#[gtk::test]
fn the_last_picture_has_what_was_drawn_last() {
    let scene = open();
    let screen = scene.run_shown(Glass::Container, COLOURS);
    scene.within(BOOT, "it ends", || {
        scene.window.runs.current().is_some_and(|tab| tab.phase() == Phase::Ended)
    });
    assert_eq!(screen.picture().map(|picture| middle(&picture)), Some(RGBA::RED));
    scene.ends("Exit code 0");
}

/// A program that takes its time is not to be taken for one that hangs.
fn a_window_is_waited_for(glass: Glass) {
    let scene = open();
    let screen = scene.run_shown(glass, "sleep 5; exec xterm -e sleep 1000");
    let hint = find(screen.widget.upcast_ref(), "screen-empty").expect("a hint");
    scene.within(BOOT, "it says that a window is waited for", || hint.is_mapped());
    scene.within(BOOT, "its window is there", || !hint.is_mapped());
}

#[gtk::test]
fn a_window_of_a_container_is_waited_for() {
    a_window_is_waited_for(Glass::Container);
}

#[gtk::test]
fn a_window_of_a_machine_is_waited_for() {
    // In an emulated one the window manager comes after the first window.
    if scaled(false, true) {
        a_window_is_waited_for(Glass::Machine);
    }
}
