// SPDX-License-Identifier: LGPL-2.1-or-later
//! Programs of several kinds, of which each shows, and takes text and clicks:
//! with GTK 4, with Qt, and one that shows documents.

use crate::clipboard::inside;
use crate::document::document;
use crate::program::{scaled, Glass, BOOT};
use crate::sandboxes::{open, Scene};
use crate::{click_everywhere, has_active_window, xdotool, zoom};
use gtk::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use terrarium::pages::screen::Screen;
use terrarium_engine::profile::Include;

/// Where the programs beside this file lie inside.
const WITH_GTK: &str = "/tmp/with-gtk";
const WITH_QT: &str = "/tmp/with-qt";
/// What is typed, and what it is in two layouts.
const TYPED: &str = "Yz-7";
const LAYOUTS: [(&str, &str); 2] = [("us", "Yz-7"), ("de", "Zyß7")];
/// The programs, one after another, as each is ended. The last one waits for
/// its document, and tells the links that are clicked.
const FIRST: &str = r#"cd "$XDG_RUNTIME_DIR"; : >text; /tmp/with-gtk"#;
const MORE: &str = "python3 /tmp/with-qt; featherpad text";
const LAST: &str = "until [ -e whole ]; do sleep 0.1; done; BROWSER=echo exec mupdf -r 72 document.pdf";

pub fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(name)
}

/// The program with GTK, compiled once.
pub fn compiled() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(compile).clone()
}

fn compile() -> PathBuf {
    let program = crate::program::ctl().with_file_name("program-with-gtk");
    let flags = Command::new("pkg-config").args(["--cflags", "--libs", "gtk4"]).output().expect("pkg-config");
    let flags = String::from_utf8_lossy(&flags.stdout).into_owned();
    let words = flags.split_whitespace();
    let mut gcc = Command::new("gcc");
    let done = gcc.arg("-o").arg(&program).arg(beside("program.c")).args(words).status().expect("gcc");
    assert!(done.success());
    program
}

/// What all of them are driven with.
struct Stage<'a> {
    scene: &'a Scene,
    screen: &'a Screen,
    /// The window's, on the computer's screen.
    corner: (f32, f32),
    glass: Glass,
}

impl Stage<'_> {
    /// Waits until the program with that title has the keyboard and is drawn:
    /// the one before it may still be seen for a while.
    fn shows(&self, name: &str, title: &str, colours: usize) {
        has_active_window(self.scene);
        self.scene.within(BOOT, title, || self.title().contains(title));
        let picture = format!("{:?}-screen-{name}", self.glass);
        self.scene.within(BOOT, name, || self.scene.colours(self.screen, &picture) > colours);
        self.screen.view.grab_focus();
        self.scene.until("the screen has the keyboard", || self.screen.view.has_focus());
    }

    fn title(&self) -> String {
        inside(self.scene, "xdotool getactivewindow getwindowname")
    }

    /// Types in each layout; `arrived` says whether what came of it has arrived.
    fn types(&self, then: &str, arrived: impl Fn(&str) -> bool) {
        for (layout, text) in LAYOUTS {
            self.set_layout(layout);
            xdotool(&["type", "--delay", "60", TYPED]);
            xdotool(&["key", then]);
            self.scene.within(BOOT, text, || arrived(text));
        }
        self.set_layout("us");
    }

    fn set_layout(&self, layout: &str) {
        inside(self.scene, &format!("setxkbmap {layout}"));
        // A program hears of it in its own time.
        self.scene.pass(300);
    }

    fn clicks(&self) {
        click_everywhere(self.scene, self.screen, self.corner);
    }

    /// Does the same with the guest's pixels as they are, and then larger.
    fn zoomed_too(&self, test: impl Fn()) {
        test();
        zoom(self.scene, self.screen, 1.5);
        test();
        self.screen.set_scale(spice_view::ScaleMode::Fit);
    }

    /// A program that says where it is clicked and what is typed.
    fn tells(&self, name: &str, title: &str, colours: usize) {
        self.shows(name, title, colours);
        // It says where it is clicked by itself, and is moved to where it fills
        // the screen a moment after it came up.
        let size = || (self.screen.view.guest_width(), self.screen.view.guest_height());
        self.scene.within(BOOT, "it fills the screen", || {
            let place = inside(self.scene, "xdotool getactivewindow getwindowgeometry --shell");
            let (width, height) = size();
            let wanted =
                ["X=0".to_owned(), "Y=0".to_owned(), format!("WIDTH={width}"), format!("HEIGHT={height}")];
            wanted.iter().all(|wanted| place.lines().any(|line| line == wanted))
        });
        self.zoomed_too(|| {
            self.clicks();
            let before = self.scene.said().len();
            self.types("Return", |text| self.scene.said()[before..].contains(&format!("typed {text}.")));
        });
        // Not the shell, in whose words it is, too.
        inside(self.scene, &format!("pkill -f '^(python3 )?/tmp/with-{name}'"));
    }

    fn an_editor(&self) {
        self.shows("editor", "text", 40);
        let typed = std::cell::RefCell::new(String::new());
        self.types("ctrl+s", |text| {
            typed.replace(inside(self.scene, "cat \"$XDG_RUNTIME_DIR/text\""));
            typed.borrow().trim_end().ends_with(text)
        });
        // It ends a text with a line's end, and the cursor is behind that.
        assert_eq!(typed.borrow().split_whitespace().collect::<String>(), "Yz-7Zyß7");
        inside(self.scene, "pkill featherpad");
    }

    /// Its title says which page it shows; what is searched for leads to one.
    fn a_document(&self) {
        let size = (self.screen.view.guest_width(), self.screen.view.guest_height());
        let text = document(size, &["Yz-7", "Zy"]);
        let write = "cat >\"$XDG_RUNTIME_DIR/document.pdf\" <<'END'";
        inside(self.scene, &format!("{write}\n{text}END\n: >\"$XDG_RUNTIME_DIR/whole\""));
        self.shows("document", "document.pdf", 20);
        self.zoomed_too(|| {
            self.clicks();
            // The key of the slash, which begins a search, is another one there.
            for (layout, slash, typed, number) in [("us", "slash", "Yz-7", 2), ("de", "ampersand", "Yz", 3)] {
                self.set_layout(layout);
                xdotool(&["key", slash]);
                xdotool(&["type", "--delay", "60", typed]);
                xdotool(&["key", "Return"]);
                self.scene.within(BOOT, typed, || self.title().contains(&format!(" {number}/3 ")));
            }
            self.set_layout("us");
            xdotool(&["key", "g"]);
            self.scene.within(BOOT, "the first page", || self.title().contains(" 1/3 "));
        });
    }
}

fn text_and_clicks_arrive(glass: Glass) {
    let scene = open();
    // Each takes a machine a minute.
    let whole = scaled(glass == Glass::Container, true);
    let script = if whole { [FIRST, MORE, LAST].join("\n") } else { [FIRST, LAST].join("\n") };
    let screen = scene.run_profile(glass, &script, |profile| {
        let copy = |source, target: &str| Include { source, target: target.into() };
        profile.files.include.extend([copy(compiled(), WITH_GTK), copy(beside("program.py"), WITH_QT)]);
    });
    let stage = Stage { scene: &scene, screen: &screen, corner: scene.has_keyboard(&screen), glass };
    stage.tells("gtk", "With GTK", 20);
    if whole {
        stage.tells("qt", "With Qt", 20);
        stage.an_editor();
    }
    stage.a_document();
}

#[gtk::test]
fn text_and_clicks_arrive_in_programs_of_a_container() {
    text_and_clicks_arrive(Glass::Container);
}

#[gtk::test]
fn text_and_clicks_arrive_in_programs_of_a_machine() {
    // It takes more than a minute; xterm and xev are clicked in one every day.
    if scaled(false, true) {
        text_and_clicks_arrive(Glass::Machine);
    }
}
