// SPDX-License-Identifier: LGPL-2.1-or-later
//! Windows of real programs in the window. Pictures are left under
//! target/pictures.

#[path = "scene/program.rs"]
mod program;
#[path = "scene/sandboxes.rs"]
mod sandboxes;
mod scene;

use adw::prelude::*;
use program::BOOT;
use sandboxes::{open, Scene};
use std::rc::Rc;
use std::time::Instant;
use terrarium::pages::screen::Screen;
use terrarium::pages::tab::Phase;

impl Scene {
    fn screen(&self) -> Option<Rc<Screen>> {
        self.window.runs.current().and_then(|tab| tab.screen.clone())
    }

    /// Runs a command as the form does, with a screen.
    fn show(&self, glass: &str, command: &str) -> Rc<Screen> {
        self.act("win.new-run");
        self.object::<gtk::CheckButton>(glass).set_active(true);
        self.object::<adw::ComboRow>("show-as").set_selected(1);
        self.run(command);
        self.within(BOOT, "its screen is shown", || {
            let ended = self.window.runs.current().is_some_and(|tab| tab.phase() == Phase::Ended);
            assert!(!ended, "it ended:\n{}", self.window.describe());
            self.screen().is_some_and(|screen| screen.is_shown() && screen.is_connected())
        });
        self.screen().expect("a screen")
    }

    /// Whether more than one colour is on the screen: a program has drawn.
    fn has_drawn(&self, screen: &Screen) -> bool {
        let Some(picture) = screen.picture() else { return false };
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut bytes = vec![0; width * height * 4];
        picture.download(&mut bytes, width * 4);
        let lit = |pixel: &&[u8]| *pixel != &bytes[..4];
        bytes.chunks_exact(4).filter(lit).count() > 1000
    }
}

fn follows(glass: &str) {
    let scene = open();
    let screen = scene.show(glass, "xterm -geometry 200x100 -e sh -c 'ls -l /usr; cat'");
    let begun = Instant::now();
    while !scene.has_drawn(&screen) {
        assert!(begun.elapsed() < BOOT, "it does not draw\n{}", scene.window.describe());
        // Looking is dear: what comes is dealt with meanwhile.
        scene.pass(300);
    }
    scene.picture(&format!("desktop-{glass}"));
    for (width, height) in [(901, 677), (640, 480)] {
        scene.window.widget.set_default_size(width, height);
        scene.until("the guest has the view's size", || {
            let (wide, high) = (screen.view.guest_width(), screen.view.guest_height());
            screen.wanted().is_some_and(|size| {
                // A container's width is a multiple of 8.
                size.height == high
                    && (size.width - 7..=size.width).contains(&wide)
                    && wide.abs_diff(width as u32) < 24
            })
        });
    }
    scene.act("win.back");
    scene.until("Home shows it", || {
        let card = scene.card("xterm");
        let found = card.and_then(|card| scene::walk(card.upcast_ref(), &|one| one.is::<gtk::Picture>()));
        found.and_downcast::<gtk::Picture>().is_some_and(|picture| picture.paintable().is_some())
    });
    scene.picture(&format!("desktop-{glass}-home"));
    scene.window.show("runs");
    scene.window.runs.current().expect("a tab").stop();
    scene.within(BOOT, "it is stopped", || scene.window.describe().contains("Stopped"));
    assert!(scene.object::<adw::PreferencesGroup>("last-picture-group").is_visible());
    scene.picture(&format!("desktop-{glass}-end"));
}

#[gtk::test]
fn an_xterm_in_a_container_follows_the_window() {
    follows("container");
}

#[gtk::test]
fn an_xterm_in_a_machine_follows_the_window() {
    follows("machine");
}
