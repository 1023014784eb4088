// SPDX-License-Identifier: LGPL-2.1-or-later
//! The clipboard from this desktop to a program in a sandbox and back, under
//! each policy: GDK, SPICE, the agent, xclip.

use crate::program::{ctl, Glass, BOOT};
use crate::sandboxes::{open, Scene};
use gtk::prelude::*;
use gtk::{gdk, gio, glib};
use spice_view::{ClipboardPolicy, Direction};
use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;
use terrarium::pages::screen::Screen;

/// A copy that follows a paste at once is taken for its echo.
const ECHO: u64 = 700;
/// What is not to come has not come after this time.
const NEVER: u64 = 1500;

/// What a program in the sandbox says; nothing if it says nothing for long.
pub fn inside(scene: &Scene, script: &str) -> String {
    let name = scene.window.runs.current().expect("a tab").name();
    let mut command = Command::new(ctl());
    command.args(["exec", &name, "sh", "-c", script]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let child = RefCell::new(child.expect("terrariumctl"));
    scene.within(BOOT, script, || child.borrow_mut().try_wait().expect("it runs").is_some());
    let output = child.into_inner().wait_with_output().expect("its output");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Copies in the sandbox. xclip stays until somebody else copies.
fn copy_inside(scene: &Scene, text: &str) {
    inside(scene, &format!("printf '{text}' | xclip -i -selection clipboard >/dev/null 2>&1"));
}

fn paste_inside(scene: &Scene) -> String {
    inside(scene, "timeout 5 xclip -o -selection clipboard 2>/dev/null")
}

/// What would be pasted here.
fn paste_here(scene: &Scene, clipboard: &gdk::Clipboard) -> String {
    let answer: Rc<RefCell<Option<String>>> = Rc::default();
    let found = answer.clone();
    clipboard.read_text_async(gio::Cancellable::NONE, move |text| {
        let text = text.ok().flatten().map(String::from);
        found.replace(Some(text.unwrap_or_default()));
    });
    scene.until("the clipboard is read", || answer.borrow().is_some());
    answer.take().expect("an answer")
}

/// Waits for a question about this direction, and answers it.
fn allow(scene: &Scene, screen: &Screen, direction: Direction) {
    scene.until("a question", || screen.asking().is_some_and(|ask| ask.direction == direction));
    screen.answer(true);
}

/// From here to a program inside, which has something of its own before.
fn into(scene: &Scene, screen: &Screen, policy: ClipboardPolicy, comes: bool) {
    let (own, text) = (format!("own {policy:?}"), format!("into {policy:?}"));
    copy_inside(scene, &own);
    scene.pass(ECHO);
    if policy == ClipboardPolicy::Ask && screen.asking().is_some() {
        screen.answer(false);
    }
    screen.view.clipboard().set_text(&text);
    if policy == ClipboardPolicy::Ask {
        scene.pass(ECHO);
        assert_eq!(paste_inside(scene), own, "nobody has allowed it");
        allow(scene, screen, Direction::In);
    }
    if !comes {
        scene.pass(NEVER);
        assert_eq!(paste_inside(scene), own, "{policy:?}");
        return;
    }
    scene.within(BOOT, &text, || paste_inside(scene) == text);
    if policy == ClipboardPolicy::Ask {
        assert_ne!(paste_inside(scene), text, "it was allowed once");
    }
}

/// From a program inside to here, where something else lies.
fn out(scene: &Scene, screen: &Screen, policy: ClipboardPolicy, comes: bool) {
    let clipboard = screen.view.clipboard();
    let (own, text) = (format!("here {policy:?}"), format!("out {policy:?}"));
    clipboard.set_text(&own);
    scene.pass(ECHO);
    if policy == ClipboardPolicy::Ask && screen.asking().is_some() {
        screen.answer(false);
    }
    copy_inside(scene, &text);
    if policy == ClipboardPolicy::Ask {
        scene.pass(ECHO);
        assert_eq!(paste_here(scene, &clipboard), own, "nobody has allowed it");
        allow(scene, screen, Direction::Out);
    }
    if !comes {
        scene.pass(NEVER);
        assert_eq!(paste_here(scene, &clipboard), own, "{policy:?}");
        return;
    }
    scene.within(Duration::from_secs(20), &text, || paste_here(scene, &clipboard) == text);
}

fn each_policy(glass: Glass) {
    use ClipboardPolicy::{Ask, Both, In, Off, Out};
    let scene = open();
    let screen = scene.run_shown(glass, "exec xterm -e sleep 1000");
    scene.within(BOOT, "the agent", || screen.has_agent());
    scene.has_keyboard(&screen);
    // An agent that has just come forgets what it is told at once.
    scene.pass(1000);
    for (policy, comes, goes) in
        [(Off, false, false), (In, true, false), (Out, false, true), (Both, true, true), (Ask, true, true)]
    {
        screen.set_policy(policy);
        screen.view.grab_focus();
        into(&scene, &screen, policy, comes);
        scene.pass(ECHO);
        out(&scene, &screen, policy, goes);
        scene.pass(ECHO);
    }
}

#[gtk::test]
fn each_policy_holds_in_each_direction() {
    each_policy(Glass::Container);
    if crate::program::scaled(false, true) {
        each_policy(Glass::Machine);
    }
    // Whoever comes next finds nothing of it.
    let display = gdk::Display::default().expect("a display");
    display.clipboard().set_content(None::<&gdk::ContentProvider>).expect("it is emptied");
    while glib::MainContext::default().iteration(false) {}
}
