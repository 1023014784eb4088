// SPDX-License-Identifier: LGPL-2.1-or-later
//! The clipboard from this desktop to a program in a sandbox and back, under
//! each policy: GDK, SPICE, the agent, xclip.

use crate::program::{ctl, scaled, Glass, BOOT};
use crate::sandboxes::{open, Scene};
use gtk::prelude::*;
use gtk::{gdk, gio, glib};
use spice_view::{ClipboardPolicy, Direction};
use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium::pages::screen::Screen;

/// A copy that follows a paste at once is taken for its echo.
pub const ECHO: u64 = 700;
/// What is not to come has not come after this time.
pub const NEVER: u64 = 1500;

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
pub fn copy_inside(scene: &Scene, text: &str) {
    inside(scene, &format!("printf '{text}' | xclip -i -selection clipboard >/dev/null 2>&1"));
}

pub fn paste_inside(scene: &Scene) -> String {
    inside(scene, "timeout 5 xclip -o -selection clipboard 2>/dev/null")
}

/// What would be pasted here.
pub fn paste_here(scene: &Scene, clipboard: &gdk::Clipboard) -> String {
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
pub fn allow(scene: &Scene, screen: &Rc<Screen>, direction: Direction) {
    scene.until("a question", || screen.asking().is_some_and(|ask| ask.direction == direction));
    screen.answer(true);
}

/// From here to a program inside, which has something of its own before.
fn into(scene: &Scene, screen: &Rc<Screen>, policy: ClipboardPolicy, comes: bool) {
    let (own, text) = (format!("own {policy:?}"), format!("into {policy:?}"));
    copy_inside(scene, &own);
    scene.pass(ECHO);
    if policy == ClipboardPolicy::Ask && screen.asking().is_some() {
        screen.answer(false);
    }
    screen.view.clipboard().set_text(&text);
    if policy == ClipboardPolicy::Ask {
        scene.pass(ECHO);
        assert!(screen.asking().is_none(), "nobody pastes");
        screen.offer_clipboard();
        scene.until("a question", || screen.asking().is_some());
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
fn out(scene: &Scene, screen: &Rc<Screen>, policy: ClipboardPolicy, comes: bool) {
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
    let screen = with_agent(&scene, glass);
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

/// Fifty megabytes, as text.
const LARGE: usize = 50_000_000;

fn large_text(scene: &Scene, screen: &Screen) {
    let clipboard = screen.view.clipboard();
    let text = "0123456789".repeat(LARGE / 10);
    let summed = inside(scene, &format!("yes 0123456789 | tr -d '\\n' | head -c {LARGE} | cksum"));
    let begun = Instant::now();
    clipboard.set_text(&text);
    scene.pass(ECHO);
    let pasted = || inside(scene, "timeout 60 xclip -o -selection clipboard 2>/dev/null | cksum");
    scene.within(BOOT, "all of it is inside", || pasted() == summed);
    println!("{LARGE} bytes into it in {:?}", begun.elapsed());
    clipboard.set_text("here");
    scene.pass(ECHO);
    let begun = Instant::now();
    let copy = format!("yes abcdefghij | tr -d '\\n' | head -c {LARGE}");
    inside(scene, &format!("{copy} | xclip -i -selection clipboard >/dev/null 2>&1"));
    let wanted = "abcdefghij".repeat(LARGE / 10);
    scene.within(BOOT, "all of it is here", || paste_here(scene, &clipboard) == wanted);
    println!("{LARGE} bytes out of it in {:?}", begun.elapsed());
}

/// What is pasted here as a picture.
fn picture_here(scene: &Scene, clipboard: &gdk::Clipboard) -> Option<gdk::Texture> {
    let answer: Rc<RefCell<Option<Option<gdk::Texture>>>> = Rc::default();
    let found = answer.clone();
    clipboard.read_texture_async(gio::Cancellable::NONE, move |texture| {
        found.replace(Some(texture.ok().flatten()));
    });
    scene.until("the clipboard is read", || answer.borrow().is_some());
    answer.take().expect("an answer")
}

fn pixels(texture: &gdk::Texture) -> Vec<u8> {
    let mut pixels = vec![0; (texture.width() * texture.height() * 4) as usize];
    texture.download(&mut pixels, texture.width() as usize * 4);
    pixels
}

/// A picture in which no two pixels are the same, opaque; its key is in each.
fn picture(key: u8) -> gdk::Texture {
    let pixel = |at: u32| [at as u8, (at >> 8) as u8, key, 0xff];
    let bytes: Vec<u8> = (0..64 * 48).flat_map(pixel).collect();
    let format = gdk::MemoryFormat::B8g8r8a8Premultiplied;
    gdk::MemoryTexture::new(64, 48, format, &glib::Bytes::from_owned(bytes), 64 * 4).upcast()
}

fn pictures(scene: &Scene, screen: &Screen) {
    let clipboard = screen.view.clipboard();
    let (into, out) = (picture(1), picture(2));
    clipboard.set_texture(&into);
    scene.pass(ECHO);
    let decoded = |text: &str| {
        gdk::Texture::from_bytes(&glib::Bytes::from_owned(glib::base64_decode(text.trim()))).ok()
    };
    let paste = "timeout 10 xclip -o -selection clipboard -t image/png 2>/dev/null | base64 -w0";
    scene.within(BOOT, "the picture is inside", || {
        decoded(&inside(scene, paste)).is_some_and(|found| pixels(&found) == pixels(&into))
    });
    clipboard.set_text("here");
    scene.pass(ECHO);
    let text = glib::base64_encode(&out.save_to_png_bytes());
    let copy = "base64 -d | xclip -i -selection clipboard -t image/png >/dev/null 2>&1";
    inside(scene, &format!("echo {text} | {copy}"));
    scene.within(BOOT, "the picture is here", || {
        picture_here(scene, &clipboard).is_some_and(|found| pixels(&found) == pixels(&out))
    });
}

#[gtk::test]
fn fifty_megabytes_and_pictures_pass_both_ways() {
    for &glass in scaled(&[Glass::Container][..], &[Glass::Container, Glass::Machine]) {
        let scene = open();
        let screen = with_agent(&scene, glass);
        screen.set_policy(ClipboardPolicy::Both);
        screen.view.grab_focus();
        pictures(&scene, &screen);
        scene.pass(ECHO);
        large_text(&scene, &screen);
    }
    forget();
}

/// A screen with the keyboard, and an agent that has come.
pub fn with_agent(scene: &Scene, glass: Glass) -> Rc<Screen> {
    let screen = scene.run_shown(glass, "exec xterm -e sleep 1000");
    scene.within(BOOT, "the agent", || screen.has_agent());
    scene.has_keyboard(&screen);
    // One that has just come forgets what it is told at once.
    scene.pass(1000);
    screen
}

/// Whoever comes next finds nothing of it.
pub fn forget() {
    let display = gdk::Display::default().expect("a display");
    display.clipboard().set_content(None::<&gdk::ContentProvider>).expect("it is emptied");
    while glib::MainContext::default().iteration(false) {}
}

/// What a program does that wants nobody to paste any more; what came of it.
const ATTACKS: &str = r#"
    for pid in $(pgrep spice-vdagent); do
        for signal in STOP KILL; do kill -$signal $pid 2>/dev/null && echo killed; done
    done
    cd /tmp/.X11-unix || exit
    perl -MSocket -e 'for my $path ((grep { !/X0/ } glob("* */*")), "agent/daemon", "agent/relay") {
        socket(my $s, PF_UNIX, SOCK_STREAM, 0); connect($s, sockaddr_un($path)) or next;
        print "connected to $path\n"; syswrite($s, "x" x 4096); sleep 1 }'
    rm -r agent 2>/dev/null && echo removed"#;

#[gtk::test]
fn a_program_cannot_end_the_clipboard_of_its_sandbox() {
    for &glass in scaled(&[Glass::Container][..], &[Glass::Container, Glass::Machine]) {
        let scene = open();
        let screen = with_agent(&scene, glass);
        screen.set_policy(ClipboardPolicy::Both);
        screen.view.grab_focus();
        assert_eq!(inside(&scene, ATTACKS), "");
        scene.pass(ECHO);
        into(&scene, &screen, ClipboardPolicy::Both, true);
        scene.pass(ECHO);
        out(&scene, &screen, ClipboardPolicy::Both, true);
    }
    forget();
}

#[gtk::test]
fn each_policy_holds_in_each_direction() {
    each_policy(Glass::Container);
    if scaled(false, true) {
        each_policy(Glass::Machine);
    }
    forget();
}
