// SPDX-License-Identifier: LGPL-2.1-or-later
//! A program with windows that was run without a screen, and says so itself.

use crate::pages::tab::Tab;
use gettextrs::gettext;
use gtk::prelude::*;
use terrarium_engine::profile::DisplayKind;

/// What such programs write (Xlib, Xt, GTK, Qt, SDL, wx, Tk), in small letters.
const WORDS: &[&str] = &[
    "cannot open display",
    "can't open display",
    "can\u{2019}t open display",
    "could not open display",
    "could not connect to display",
    "couldn't open display",
    "unable to open display",
    "failed to open display",
    "no display name and no $display",
];

/// Whether a program that wrote this lacked a screen.
fn lacks_screen(text: &str) -> bool {
    // As it was wrapped it is no less said.
    let text = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    WORDS.iter().any(|words| text.contains(words))
}

impl Tab {
    /// Offers a window to what failed for want of one. What it wrote may be
    /// drawn a little later than its end.
    pub(in crate::pages) fn offer_screen(&self) {
        let page = &self.end_page;
        let wants = page.failed.get() && self.facts.display != DisplayKind::Window && self.has_plan();
        if page.needs_screen.get() || !wants || self.unheard.get() || !lacks_screen(&self.text()) {
            return;
        }
        page.needs_screen.set(true);
        let text = gettext("It needs a screen: run it as a window.");
        page.detail.set_label(&text);
        page.ended_text.set_label(&[page.title.label().as_str(), &text].join(" · "));
        page.other.set_label(&gettext("Run as a _Window"));
        page.other.set_visible(true);
    }
}

#[cfg(test)]
mod tests {
    use super::lacks_screen;

    #[test]
    fn programs_say_that_they_lack_a_screen_in_many_ways() {
        for text in [
            "mupdf: cannot open display",
            "xterm: Xt error: Can't open display: \n",
            "qt.qpa.xcb: could not connect to display \nThis application failed to start",
            "(gedit:7): Gtk-WARNING **: 12:00:00.000: cannot open\ndisplay: ",
            "_tkinter.TclError: no display name and no $DISPLAY environment variable",
        ] {
            assert!(lacks_screen(text), "{text}");
        }
        assert!(!lacks_screen("display: no such file"));
    }
}
