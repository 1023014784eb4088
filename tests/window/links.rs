// SPDX-License-Identifier: LGPL-2.1-or-later
//! Links in a terminal's output, which the sandbox has written.

use crate::clipboard::has_keyboard;
use crate::scene::{dialog, find, says, walk};
use crate::{copied, Scene};
use adw::prelude::*;
use std::process::Command;
use vte::prelude::*;

/// Clicks on a cell of the terminal, as a mouse does, with these keys held.
fn click(scene: &Scene, column: f64, row: f64, held: Option<&str>) {
    let terminal = scene.terminal();
    let (width, height) = (terminal.char_width() as f64, terminal.char_height() as f64);
    let window = &scene.window.widget;
    let (x, y) = terminal.translate_coordinates(window, 0.0, 0.0).expect("within the window");
    // The window draws its shadow itself.
    let (left, top) = window.surface_transform();
    let at = |origin: f64, cells: f64, size: f64| (origin + (cells + 0.5) * size).round().to_string();
    let (x, y) = (at(x + left, column, width), at(y + top, row, height));
    let id = scene.on_x11();
    let mut words = vec!["mousemove", "--window", &id, &x, &y];
    words.extend(held.into_iter().flat_map(|key| ["keydown", key]));
    words.extend(["click", "1"]);
    words.extend(held.into_iter().flat_map(|key| ["keyup", key]));
    assert!(Command::new("xdotool").args(words).status().expect("xdotool").success());
}

impl Scene {
    /// The number by which X knows the window.
    fn on_x11(&self) -> String {
        let name = self.window.widget.title().unwrap_or_default();
        let found = Command::new("xdotool").args(["search", "--name", &name]).output().expect("xdotool");
        String::from_utf8_lossy(&found.stdout).trim().to_owned()
    }
}

fn press(scene: &Scene, label: &str) {
    let is_it = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Button>().is_some_and(|one| one.label().is_some_and(|text| text == label))
    };
    let dialog = dialog().expect("a question");
    walk(dialog.upcast_ref(), &is_it).and_downcast::<gtk::Button>().expect(label).emit_clicked();
    scene.until("the question is gone", || self::dialog().is_none());
}

#[gtk::test]
fn a_link_asks_before_it_is_opened_outside() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    has_keyboard(&scene);
    // What is shown says one thing, and what lies behind it is another.
    scene.terminal().feed_child(b"\x1b]8;;https://evil.example/a?b\x1b\\my bank\x1b]8;;\x1b\\\r\n");
    scene.terminal().feed_child(b"\x1b]8;;file:///etc/passwd\x1b\\a file\x1b]8;;\x1b\\\r\n");
    scene.terminal().feed_child(b"see https://plain.example/x now\r\nend");
    scene.shows("end");
    scene.pass(200);
    click(&scene, 2.0, 0.0, None);
    click(&scene, 2.0, 1.0, Some("Control_L"));
    scene.pass(500);
    let asked = dialog().map(|asked| (asked.heading(), asked.body()));
    assert_eq!(asked, None, "nobody asked for it, or it is no address for a browser");
    click(&scene, 2.0, 0.0, Some("Control_L"));
    scene.until("it asks", || dialog().is_some());
    let asked = dialog().expect("a question");
    assert!(asked.body().contains("https://evil.example/a?b"), "{}", asked.body());
    assert!(asked.heading().is_some_and(|heading| heading == "Open the Link Outside?"));
    assert_eq!(asked.default_response().as_deref(), Some("cancel"), "Enter opens nothing");
    scene.picture_of(asked.upcast_ref(), "link");
    press(&scene, "_Cancel");
    has_keyboard(&scene);
    click(&scene, 8.0, 2.0, Some("Control_L"));
    scene.until("it asks about what is only written, too", || dialog().is_some());
    assert!(dialog().is_some_and(|asked| asked.body().contains("https://plain.example/x\u{2069}")));
    press(&scene, "Co_py");
    scene.until("it is copied", || copied(&scene) == "https://plain.example/x");
}

#[gtk::test]
fn links_are_opened_without_a_pointer() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    has_keyboard(&scene);
    let terminal = scene.terminal();
    terminal.feed_child(b"\x1b]8;;https://evil.example/a_b\x1b\\my bank\x1b]8;;\x1b\\\r\n");
    terminal.feed_child(b"\x1b]8;;file:///etc/passwd\x1b\\a file\x1b]8;;\x1b\\\r\n");
    terminal.feed_child(b"see https://plain.example/x now\r\nend");
    scene.shows("end");
    scene.pass(200);
    assert!(Command::new("xdotool").args(["key", "shift+F10"]).status().expect("xdotool").success());
    let menu = || find(terminal.upcast_ref(), "terminal-menu").filter(|menu| menu.is_mapped());
    scene.until("the menu is open", || menu().is_some());
    let menu = menu().expect("a menu");
    assert!(says(&menu, "https://plain.example/x") && !says(&menu, "passwd"));
    let is_it = |one: &gtk::Widget| one.type_().name() == "GtkModelButton" && says(one, "evil.example/a_b");
    scene.until("it has the link", || walk(&menu, &is_it).is_some());
    walk(&menu, &is_it).expect("an item").activate();
    scene.until("it asks", || dialog().is_some());
    let asked = dialog().expect("a question");
    assert!(asked.body().contains("https://evil.example/a_b"), "{}", asked.body());
    assert_eq!(asked.default_response().as_deref(), Some("cancel"), "Enter opens nothing");
    press(&scene, "_Cancel");
    scene.until("the terminal has the keyboard again", || terminal.has_focus());
    assert!(!scene.window.describe().contains("[21;2~"), "the sandbox got no key");
}
