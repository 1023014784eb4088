// SPDX-License-Identifier: LGPL-2.1-or-later
//! The question about the clipboard.

use crate::qemu::Machine;
use crate::Scene;
use adw::prelude::*;
use gtk::glib;
use spice_view::{Command, Event, Format, FromGuest, Link, State, ToGuest};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium::pages::screen::Screen;

/// Gives the window the keyboard, as no window manager is there to do it.
pub fn has_keyboard(scene: &Scene) {
    let name = format!("terrarium test {}", glib::uuid_string_random());
    scene.window.widget.set_title(Some(&name));
    let xdotool = |args: &[&str]| {
        let output = std::process::Command::new("xdotool").args(args).output().expect("xdotool");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let id = RefCell::new(String::new());
    scene.until("the window has its name", || {
        id.replace(xdotool(&["search", "--name", &name]));
        !id.borrow().is_empty()
    });
    xdotool(&["windowfocus", &id.borrow()]);
    scene.until("the window has the keyboard", || scene.window.widget.is_active());
}

/// A key that goes to the view, as a keyboard sends it.
pub fn press(keys: &str) {
    let pressed = std::process::Command::new("xdotool").args(["key", keys]).status().expect("xdotool");
    assert!(pressed.success());
}

/// What a test plays a session with: what holds it, says things, and hears them.
pub type Played = (Link, spice_view::Teller, Rc<RefCell<Vec<Command>>>);

/// A session that the test plays itself, with an agent.
fn play(screen: &Screen) -> Played {
    let commands: Rc<RefCell<Vec<Command>>> = Rc::default();
    let teller = RefCell::new(None);
    let link = Link::new(|end| {
        teller.replace(Some(end));
        let commands = commands.clone();
        move |command| commands.borrow_mut().push(command)
    });
    let teller = teller.take().expect("the link has an end");
    teller.tell(&Event::State(State::Connected { agent: true }));
    screen.view.set_link(Some(&link));
    (link, teller, commands)
}

/// A screen of such a session, which has the keyboard.
pub fn focused(scene: &Scene, machine: &Machine) -> (Rc<Screen>, Played) {
    let screen = scene.show_screen(machine);
    let played = play(&screen);
    has_keyboard(scene);
    screen.focus();
    scene.until("the view has the focus", || screen.view.has_focus());
    (screen, played)
}

#[gtk::test]
fn a_question_about_the_clipboard_is_asked_above_the_line() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let (screen, (_link, teller, commands)) = focused(&scene, &machine);
    let ask = scene.object::<gtk::Revealer>("ask");
    let buttons = scene.object::<gtk::Box>("ask-buttons");
    for (allowed, button) in [(false, "deny"), (true, "allow")] {
        commands.borrow_mut().clear();
        teller.tell(&Event::Clipboard(FromGuest::Grab(vec![Format::Text])));
        scene.until("the guest is asked for its text", || {
            commands.borrow().contains(&Command::Clipboard(ToGuest::Request(Format::Text)))
        });
        let text = format!("from inside {allowed}");
        teller.tell(&Event::Clipboard(FromGuest::Data(Format::Text, text.clone().into_bytes())));
        scene.until("it is asked", || ask.reveals_child());
        assert!(!buttons.is_sensitive(), "a click that was meant for the guest answers nothing");
        let title = scene.object::<gtk::Label>("ask-title").text();
        assert!(title.contains("Untrusted Documents") && title.contains("fill your clipboard"), "{title}");
        let detail = scene.object::<gtk::Label>("ask-detail").text();
        assert!(detail.contains(&format!("Text, {} characters", text.len())), "{detail}");
        scene.until("it can be answered", || buttons.is_sensitive());
        if allowed {
            crate::looks::shoot(&scene, "asks");
        }
        scene.object::<gtk::Button>(button).emit_clicked();
        scene.until("the question is gone", || !ask.reveals_child());
        let got = Rc::new(Cell::new(None));
        let tell = got.clone();
        let clipboard = scene.window.widget.clipboard();
        glib::spawn_future_local(async move {
            let here = clipboard.read_text_future().await.ok().flatten().map(String::from);
            tell.set(Some(here.unwrap_or_default()));
        });
        let here = RefCell::new(None);
        scene
            .until("the clipboard is read", || here.replace(got.take()).is_some() || here.borrow().is_some());
        assert_eq!(here.take().is_some_and(|here| here == text), allowed);
    }
    assert_eq!(screen.last_moved().as_deref(), Some("Last: text, 16 characters, out of the sandbox"));
    teller.tell(&Event::State(State::Connected { agent: false }));
    scene.fake.set_display(true, false);
    let clipboard = scene.object::<gtk::MenuButton>("clipboard-button");
    scene.until("there is no agent", || !clipboard.is_sensitive());
    assert!(clipboard.tooltip_text().is_some_and(|text| text.contains("spice-vdagent")));
}

/// It slides in, and may come back with its page: whoever clicks at that moment
/// means something else.
#[gtk::test]
fn a_question_is_deaf_until_it_was_seen_for_a_moment() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let (_screen, _played) = focused(&scene, &machine);
    let settings = gtk::Settings::default().expect("a display");
    settings.set_gtk_enable_animations(true);
    scene.window.widget.clipboard().set_text("from here");
    press("ctrl+v");
    let (ask, allow) = (scene.object::<gtk::Revealer>("ask"), scene.object::<gtk::Button>("allow"));
    scene.until("all of it is seen", || ask.is_child_revealed());
    let seen = Instant::now();
    assert!(!allow.is_sensitive());
    assert!(gtk::test_accessible_has_state(&allow, gtk::AccessibleState::Disabled), "and that is told");
    scene.until("it can be answered", || allow.is_sensitive());
    settings.set_gtk_enable_animations(false);
    assert!(seen.elapsed() > Duration::from_millis(400), "{:?}", seen.elapsed());
    scene.act("win.back");
    scene.pass(700);
    scene.window.show("runs");
    scene.until("it is seen again", || ask.is_mapped());
    assert!(ask.is_child_revealed() && !allow.is_sensitive());
    scene.until("it can be answered again", || allow.is_sensitive());
}

#[gtk::test]
fn text_with_its_looks_is_one_question() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let (screen, (_link, teller, commands)) = focused(&scene, &machine);
    teller.tell(&Event::Clipboard(FromGuest::Grab(vec![Format::Text, Format::Html])));
    for (format, content) in [(Format::Text, "bold"), (Format::Html, "<b>bold</b>")] {
        let asked = Command::Clipboard(ToGuest::Request(format));
        scene.until("the guest is asked", || commands.borrow().contains(&asked));
        assert!(screen.asking().is_none(), "not before all of it is there");
        teller.tell(&Event::Clipboard(FromGuest::Data(format, content.into())));
    }
    let (ask, buttons) = (scene.object::<gtk::Revealer>("ask"), scene.object::<gtk::Box>("ask-buttons"));
    scene.until("it is asked", || ask.reveals_child() && buttons.is_sensitive());
    let detail = scene.object::<gtk::Label>("ask-detail").text();
    assert!(detail.contains("Formatted text, 15"), "{detail}");
    scene.object::<gtk::Button>("allow").emit_clicked();
    scene.until("the question is gone", || !ask.reveals_child());
    let last = screen.last_moved().unwrap_or_default();
    assert!(last.contains("formatted text, 15"), "{last}");
    let here = scene.window.widget.clipboard().formats();
    assert!(["text/html", "text/plain"].iter().all(|name| here.contain_mime_type(name)));
}

/// A paste before the answer took what was in the sandbox.
#[gtk::test]
fn what_is_allowed_is_to_be_pasted_now() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let (screen, (_link, teller, commands)) = focused(&scene, &machine);
    scene.window.widget.clipboard().set_text("from here");
    press("ctrl+v");
    let (ask, buttons) = (scene.object::<gtk::Revealer>("ask"), scene.object::<gtk::Box>("ask-buttons"));
    scene.until("it is asked", || ask.reveals_child() && buttons.is_sensitive());
    scene.object::<gtk::Button>("allow").emit_clicked();
    let title = || scene.object::<gtk::Label>("ask-title").text();
    scene.until("it says what to do", || title().starts_with("Now paste into") && ask.reveals_child());
    assert!(!buttons.is_visible() && screen.view.has_focus(), "and takes no key");
    crate::looks::shoot(&scene, "paste");
    teller.tell(&Event::Clipboard(FromGuest::Request(Format::Text)));
    let sent = Command::Clipboard(ToGuest::Data(Format::Text, b"from here".to_vec()));
    scene.until("it is pasted", || commands.borrow().contains(&sent));
    scene.until("nothing is left to be done", || !ask.reveals_child());
}

#[gtk::test]
fn each_paste_into_it_is_asked_about() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let (screen, (_link, teller, commands)) = focused(&scene, &machine);
    scene.window.widget.clipboard().set_text("from here");
    scene.pass(400);
    assert!(screen.asking().is_none(), "nobody pastes");
    let ask = scene.object::<gtk::Revealer>("ask");
    let buttons = scene.object::<gtk::Box>("ask-buttons");
    let menu = scene.object::<gtk::MenuButton>("clipboard-button").menu_model().expect("a menu");
    let offer = menu.item_link(1, "section").expect("a section");
    let label = offer.item_attribute_value(0, "label", None).and_then(|label| label.get::<String>());
    assert_eq!(label.as_deref(), Some("_Let It Paste What You Copied…"));
    for (at, by_menu) in [false, false, true].into_iter().enumerate() {
        commands.borrow_mut().clear();
        if by_menu {
            scene.act("win.offer-clipboard");
        } else {
            press("ctrl+v");
        }
        scene.until("it is asked", || ask.reveals_child() && buttons.is_sensitive());
        let title = scene.object::<gtk::Label>("ask-title").text();
        assert!(title.starts_with("Paste into") && title.contains("Untrusted Documents"), "{title}");
        scene.object::<gtk::Button>("allow").emit_clicked();
        scene.until("the guest is offered it", || {
            commands.borrow().contains(&Command::Clipboard(ToGuest::Grab(vec![Format::Text])))
        });
        scene.until("the view has the focus again", || screen.view.has_focus());
        teller.tell(&Event::Clipboard(FromGuest::Request(Format::Text)));
        let data = Command::Clipboard(ToGuest::Data(Format::Text, b"from here".to_vec()));
        scene.until("it is pasted", || commands.borrow().contains(&data));
        assert!(screen.asking().is_none(), "{at}");
        scene.until("nothing is left to be done", || !ask.reveals_child());
    }
}
