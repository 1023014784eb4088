// SPDX-License-Identifier: LGPL-2.1-or-later
//! Programs of several kinds, of which each shows, and takes text and clicks:
//! with GTK 4, with Qt, and one that shows documents.

use crate::clipboard::inside;
use crate::program::{scaled, Glass, BOOT};
use crate::sandboxes::{open, Scene};
use crate::{click_everywhere, has_active_window, xdotool, zoom};
use gtk::prelude::*;
use std::path::PathBuf;
use std::process::Command;
use terrarium::pages::screen::Screen;
use terrarium_engine::profile::Include;

const DOCUMENT: &str = "/usr/share/doc/shared-mime-info/shared-mime-info-spec.pdf";
/// Where the program beside this file lies inside.
const PROGRAM: &str = "/tmp/with-gtk";
/// What is typed, and what it is in two layouts.
const TYPED: &str = "Yz-7";
const LAYOUTS: [(&str, &str); 2] = [("us", "Yz-7"), ("de", "Zyß7")];
/// It, compiled.
fn compiled() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/screens/program.c");
    let program = crate::program::ctl().with_file_name("program-with-gtk");
    let flags = Command::new("pkg-config").args(["--cflags", "--libs", "gtk4"]).output().expect("pkg-config");
    let flags = String::from_utf8_lossy(&flags.stdout).into_owned();
    let words = flags.split_whitespace();
    let gcc = Command::new("gcc").arg("-o").arg(&program).arg(here).args(words).status().expect("gcc");
    assert!(gcc.success());
    program
}

/// Waits until a program is drawn and has the keyboard.
fn shows(scene: &Scene, screen: &Screen, name: &str, colours: usize) {
    scene.within(BOOT, name, || scene.colours(screen, name) > colours);
    has_active_window(scene);
    screen.view.grab_focus();
    scene.until("the screen has the keyboard", || screen.view.has_focus());
}

/// Types in each layout; `arrived` says whether what came of it has arrived.
fn type_in_two_layouts(scene: &Scene, then: &str, arrived: impl Fn(&str) -> bool) {
    for (layout, text) in LAYOUTS {
        inside(scene, &format!("setxkbmap {layout}"));
        // A program hears of it in its own time.
        scene.pass(1000);
        xdotool(&["type", "--delay", "60", TYPED]);
        xdotool(&["key", then]);
        scene.within(BOOT, text, || arrived(text));
    }
    inside(scene, "setxkbmap us");
}

fn text_and_clicks_arrive(glass: Glass) {
    let scene = open();
    // One after another, as each is ended.
    let script =
        format!("cd \"$XDG_RUNTIME_DIR\"; : >text; {PROGRAM}; featherpad text; exec mupdf {DOCUMENT}");
    let screen = scene.run_profile(glass, &script, |profile| {
        let copy = Include { source: compiled(), target: PROGRAM.into() };
        profile.files.include.push(copy);
    });
    let corner = scene.has_keyboard(&screen);
    let name = |program: &str| format!("{glass:?}-screen-{program}");

    shows(&scene, &screen, &name("gtk"), 20);
    click_everywhere(&scene, &screen, corner);
    type_in_two_layouts(&scene, "Return", |text| scene.said().contains(&format!("typed {text}.")));
    zoom(&scene, &screen, 1.5);
    click_everywhere(&scene, &screen, corner);
    screen.set_scale(spice_view::ScaleMode::Fit);
    inside(&scene, "pkill with-gtk");

    shows(&scene, &screen, &name("qt"), 40);
    let typed = std::cell::RefCell::new(String::new());
    type_in_two_layouts(&scene, "ctrl+s", |text| {
        typed.replace(inside(&scene, "cat \"$XDG_RUNTIME_DIR/text\""));
        typed.borrow().trim_end().ends_with(text)
    });
    // It ends a text with a line's end, and the cursor is behind that.
    assert_eq!(typed.borrow().split_whitespace().collect::<String>(), "Yz-7Zyß7");
    inside(&scene, "pkill featherpad");

    shows(&scene, &screen, &name("document"), 20);
    // To its second page, which is another picture.
    let before = screen.picture().expect("a picture");
    xdotool(&["key", "space"]);
    scene.within(BOOT, "the next page", || {
        scene.pass(200);
        screen.picture().is_some_and(|picture| bytes(&picture) != bytes(&before))
    });
}

fn bytes(picture: &gtk::gdk::Texture) -> Vec<u8> {
    let mut pixels = vec![0; (picture.width() * picture.height() * 4) as usize];
    picture.download(&mut pixels, picture.width() as usize * 4);
    pixels
}

#[gtk::test]
fn text_and_clicks_arrive_in_programs_of_a_container() {
    text_and_clicks_arrive(Glass::Container);
}

#[gtk::test]
fn text_and_clicks_arrive_in_programs_of_a_machine() {
    // On a screen with large pixels, too, if there is time.
    if scaled(std::env::var_os("GDK_SCALE").is_none(), true) {
        text_and_clicks_arrive(Glass::Machine);
    }
}
