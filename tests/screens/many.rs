// SPDX-License-Identifier: LGPL-2.1-or-later
//! Many screens in one window.

use crate::program::{scaled, Glass, BOOT};
use crate::sandboxes::open;
use gtk::prelude::*;

/// The colours of their programs.
const COLOURS: [&str; 8] =
    ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#ff00ff", "#00ffff", "#ffffff", "#ffa500"];

#[gtk::test]
fn screens_side_by_side_show_each_its_own() {
    let scene = open();
    let colours = &COLOURS[..scaled(3, COLOURS.len())];
    let mut tabs = Vec::new();
    for colour in colours {
        let script = format!("exec xterm -bg '{colour}' -fg '{colour}' -cr '{colour}' -e sleep 1000");
        scene.run_shown(Glass::Container, &script);
        tabs.push(scene.window.runs.current().expect("a tab"));
    }
    for (tab, colour) in tabs.iter().zip(colours) {
        scene.view(tab.name());
        scene.until("its tab is seen", || tab.widget.is_mapped());
        let screen = tab.screen.clone().expect("a screen");
        assert!(tab.is_running() && screen.is_connected(), "{colour}: {}", tab.describe());
        let wanted = gtk::gdk::RGBA::parse(*colour).expect("a colour");
        scene.within(BOOT, colour, || {
            scene.pass(100);
            screen.picture().is_some_and(|picture| middle(&picture) == wanted)
        });
    }
}

/// The colour in the middle of a picture.
pub fn middle(picture: &gtk::gdk::Texture) -> gtk::gdk::RGBA {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut pixels = vec![0; width * height * 4];
    picture.download(&mut pixels, width * 4);
    let at = (height / 2 * width + width / 2) * 4;
    let part = |offset: usize| f32::from(pixels[at + offset]) / 255.0;
    gtk::gdk::RGBA::new(part(2), part(1), part(0), 1.0)
}
