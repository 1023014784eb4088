// SPDX-License-Identifier: LGPL-2.1-or-later
//! Text with its looks, as HTML, from this desktop to a program in a sandbox
//! and back, under each policy; and programs there that do not play along.

use crate::clipboard::{
    allow, copy_inside, forget, inside, paste_here, paste_inside, with_agent, ECHO, NEVER,
};
use crate::killed::outside;
use crate::program::{scaled, Glass, BOOT};
use crate::sandboxes::{open, Scene};
use gtk::prelude::*;
use gtk::{gdk, gio, glib};
use spice_view::{ClipboardPolicy, Direction, Format};
use std::cell::RefCell;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium::pages::screen::Screen;

/// Copies both with Qt, and stays until it is ended.
const COPIES: &str = "
import sys
from PyQt5 import QtCore, QtWidgets
app = QtWidgets.QApplication([])
data = QtCore.QMimeData()
data.setText(sys.argv[1])
data.setHtml(sys.argv[2])
app.clipboard().setMimeData(data)
app.processEvents()
open('/tmp/copied', 'w')
app.exec()
";
/// More than goes through in one piece.
const LARGE: usize = 3_000_000;

/// A program in the sandbox copies a text and its looks.
fn copy_both_inside(scene: &Scene, text: &str) {
    let write = format!("rm -f /tmp/copied; cat >/tmp/copies <<'end'{COPIES}end\n");
    let run = format!("setsid python3 /tmp/copies '{text}' '<b>{text}</b>' >/dev/null 2>&1 </dev/null &");
    inside(scene, &[&write, &run, "\nuntil [ -e /tmp/copied ]; do sleep 0.1; done"].concat());
}

/// A program there that has HTML alone.
fn copy_html_inside(scene: &Scene, html: &str) {
    let copy = "xclip -i -selection clipboard -t text/html >/dev/null 2>&1";
    inside(scene, &format!("printf '{html}' | {copy}"));
}

fn paste_html_inside(scene: &Scene) -> String {
    inside(scene, "timeout 5 xclip -o -selection clipboard -t text/html 2>/dev/null")
}

/// What is pasted there, without looks and with them.
fn pasted_inside(scene: &Scene) -> (String, String) {
    (paste_inside(scene), paste_html_inside(scene))
}

/// The same, where xclip has it, which calls it whatever it is asked for.
fn both(text: &str) -> (String, String) {
    (text.to_owned(), text.to_owned())
}

/// Copies a text and its looks here.
fn copy_both_here(screen: &Screen, text: &str, html: &str) {
    let named = [("text/html", html), ("text/plain;charset=utf-8", text)];
    let named = named.map(|(name, content)| {
        gdk::ContentProvider::for_bytes(name, &glib::Bytes::from_owned(content.as_bytes().to_vec()))
    });
    let content = gdk::ContentProvider::new_union(&named);
    screen.view.clipboard().set_content(Some(&content)).expect("it is copied");
}

/// What is pasted here as HTML; nothing if there is none.
fn paste_html_here(scene: &Scene, screen: &Screen) -> String {
    let answer: Rc<RefCell<Option<String>>> = Rc::default();
    let (found, clipboard) = (answer.clone(), screen.view.clipboard());
    glib::spawn_future_local(async move {
        let text = match clipboard.read_future(&["text/html"], glib::Priority::DEFAULT).await {
            Ok((stream, _)) => whole(&stream).await,
            Err(_) => Vec::new(),
        };
        found.replace(Some(String::from_utf8_lossy(&text).into_owned()));
    });
    scene.within(BOOT, "the clipboard is read", || answer.borrow().is_some());
    answer.take().expect("an answer")
}

async fn whole(stream: &gio::InputStream) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Ok(piece) = stream.read_bytes_future(1 << 16, glib::Priority::DEFAULT).await {
        if piece.is_empty() {
            break;
        }
        whole.extend_from_slice(&piece);
    }
    whole
}

fn into(scene: &Scene, screen: &Screen) {
    let summed = inside(scene, &format!("yes 0123456789 | tr -d '\\n' | head -c {LARGE} | cksum"));
    copy_both_here(screen, "large", &"0123456789".repeat(LARGE / 10));
    let paste = "timeout 9 xclip -o -selection clipboard -t text/html 2>/dev/null | cksum";
    scene.within(BOOT, "all of it is inside", || inside(scene, paste) == summed);
    scene.pass(ECHO);
    copy_both_here(screen, "in", "<i>in</i>");
    scene.within(BOOT, "it is inside, with its looks", || paste_html_inside(scene) == "<i>in</i>");
    assert_eq!(paste_inside(scene), "in");
    let targets = inside(scene, "xclip -o -selection clipboard -t TARGETS");
    for name in ["UTF8_STRING", "text/plain", "text/html", "TIMESTAMP"] {
        assert!(targets.lines().any(|line| line == name), "{name}: {targets}");
    }
    assert!(!targets.contains("image"), "{targets}");
    // What has none goes as ever.
    scene.pass(ECHO);
    screen.view.clipboard().set_text("plain");
    scene.within(BOOT, "it is inside", || paste_inside(scene) == "plain");
    assert_eq!(paste_html_inside(scene), "");
    scene.pass(ECHO);
}

fn out(scene: &Scene, screen: &Screen) {
    copy_both_inside(scene, "out");
    scene.within(BOOT, "it is here, with its looks", || paste_html_here(scene, screen) == "<b>out</b>");
    assert_eq!(paste_here(scene, &screen.view.clipboard()), "out");
    copy_html_inside(scene, "<b>alone</b>");
    scene.within(BOOT, "what has nothing but looks", || paste_html_here(scene, screen) == "<b>alone</b>");
    let copy = format!("yes abcdefghij | tr -d '\\n' | head -c {LARGE}");
    inside(scene, &format!("{copy} | xclip -i -selection clipboard -t text/html >/dev/null 2>&1"));
    let wanted = "abcdefghij".repeat(LARGE / 10);
    scene.within(BOOT, "all of it is here", || paste_html_here(scene, screen) == wanted);
    // One who copies and then answers no more holds nobody up.
    inside(scene, "pkill -STOP -x xclip");
    let begun = Instant::now();
    assert_eq!(paste_html_here(scene, screen), "");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    copy_inside(scene, "plain");
    scene.within(BOOT, "what another one copies", || paste_here(scene, &screen.view.clipboard()) == "plain");
    assert_eq!(paste_html_here(scene, screen), "");
    inside(scene, "pkill -KILL -x xclip");
    scene.pass(ECHO);
}

/// One permission is for one paste, with the looks or without.
fn asked(scene: &Scene, screen: &Rc<Screen>) {
    for (at, with_looks) in [true, false].into_iter().enumerate() {
        let own = format!("own {at}");
        copy_inside(scene, &own);
        scene.pass(ECHO);
        if screen.asking().is_some() {
            screen.answer(false);
        }
        copy_both_here(screen, "asked in", "<i>asked in</i>");
        screen.offer_clipboard();
        scene.until("a question", || screen.asking().is_some());
        assert_eq!(screen.asking().map(|ask| ask.format), Some(Format::Html));
        assert_eq!(pasted_inside(scene), both(&own), "not allowed");
        allow(scene, screen, Direction::In);
        if with_looks {
            scene.within(BOOT, "it is inside", || paste_html_inside(scene) == "<i>asked in</i>");
        } else {
            scene.within(BOOT, "it is inside", || paste_inside(scene) == "asked in");
        }
        assert_eq!(pasted_inside(scene), both(""), "once");
        scene.pass(ECHO);
    }
    copy_both_inside(scene, "asked out");
    scene.within(BOOT, "a question", || screen.asking().is_some());
    assert_ne!(paste_html_here(scene, screen), "<b>asked out</b>", "not allowed");
    assert_eq!(screen.asking().map(|ask| ask.format), Some(Format::Html));
    allow(scene, screen, Direction::Out);
    scene.until("it is here", || paste_html_here(scene, screen) == "<b>asked out</b>");
    assert_eq!(paste_here(scene, &screen.view.clipboard()), "asked out");
    scene.pass(ECHO);
}

fn shut(scene: &Scene, screen: &Screen) {
    copy_inside(scene, "own");
    scene.pass(ECHO);
    copy_both_here(screen, "secret", "<i>secret</i>");
    scene.pass(NEVER);
    assert_eq!(pasted_inside(scene), both("own"));
    copy_both_inside(scene, "evil");
    scene.pass(NEVER);
    assert_eq!(paste_html_here(scene, screen), "<i>secret</i>");
    assert_eq!(paste_here(scene, &screen.view.clipboard()), "secret");
}

/// An agent that comes again finds what it needs, also where all copies of init
/// come again, of which one stands between its halves. In a container: into a
/// machine nobody reaches from outside.
fn again(scene: &Scene, screen: &Screen) {
    let agent = || outside(scene, "spice-vdagent");
    for all in [false, true] {
        let before = agent();
        let ended = if all { outside(scene, "init-.*") } else { before.clone() };
        assert_eq!(ended.split(' ').count() > 1, all, "{ended}");
        let killed = Command::new("kill").arg("-KILL").args(ended.split(' ')).status();
        assert!(killed.expect("kill").success());
        scene.within(BOOT, "another agent", || !agent().is_empty() && agent() != before);
        scene.within(BOOT, "the agent is there", || screen.has_agent());
        scene.pass(1000);
        into(scene, screen);
    }
}

#[gtk::test]
fn text_passes_with_its_looks_under_each_policy() {
    for &glass in scaled(&[Glass::Container][..], &[Glass::Container, Glass::Machine]) {
        let scene = open();
        let screen = with_agent(&scene, glass);
        for policy in [ClipboardPolicy::Off, ClipboardPolicy::Ask, ClipboardPolicy::Both] {
            screen.set_policy(policy);
            screen.view.grab_focus();
            match policy {
                ClipboardPolicy::Off => shut(&scene, &screen),
                ClipboardPolicy::Ask => asked(&scene, &screen),
                _ => {
                    into(&scene, &screen);
                    out(&scene, &screen);
                    if glass == Glass::Container {
                        again(&scene, &screen);
                    }
                }
            }
            scene.pass(ECHO);
        }
    }
    forget();
}
