// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sandboxes with a screen. The driver is a fake, the SPICE server is QEMU's.

#[path = "../scene/qemu.rs"]
mod qemu;

use crate::scene::Shown;
use crate::Scene;
use adw::prelude::*;
use gtk::glib;
use qemu::Machine;
use spice_view::{Command, Event, Format, FromGuest, Link, State, ToGuest};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use terrarium::pages::screen::Screen;
use terrarium_engine::plan::{plan, Plan};
use terrarium_engine::profile::{Colour, DisplayKind, Isolation, Profile};
use terrarium_engine::sandbox::Driver;
use vte::prelude::*;

impl Scene {
    /// What a profile with a screen becomes.
    fn screen_plan(&self, command: &str) -> Plan {
        let mut profile = Profile::new("Untrusted Documents", vec![command.into()]);
        profile.isolation = Some(Isolation::Container);
        profile.colour = Colour::Red;
        profile.display.kind = DisplayKind::Window;
        let host = self.bridge.host().expect("a computer");
        plan(&profile, host).plan.expect("a plan")
    }

    /// Starts one, and waits for its picture.
    fn show_screen(&self, machine: &Machine) -> Rc<Screen> {
        self.fake.set_spice(&machine.socket);
        self.window.start(self.screen_plan("echo"));
        self.within(Duration::from_secs(60), "the screen is shown", || {
            self.the_screen().is_some_and(|screen| screen.is_shown() && screen.is_connected())
        });
        self.the_screen().expect("a screen")
    }
}

/// What is looked at in every window.
trait Looks {
    fn the_screen(&self) -> Option<Rc<Screen>>;
    fn has_keyboard(&self);
}

impl Looks for Shown {
    fn the_screen(&self) -> Option<Rc<Screen>> {
        self.window.runs.current().and_then(|tab| tab.screen.clone())
    }

    /// Gives the window the keyboard, as no window manager is there to do it.
    fn has_keyboard(&self) {
        let name = format!("terrarium test {}", glib::uuid_string_random());
        self.window.widget.set_title(Some(&name));
        let xdotool = |args: &[&str]| {
            let output = std::process::Command::new("xdotool").args(args).output().expect("xdotool");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let id = RefCell::new(String::new());
        self.until("the window has its name", || {
            id.replace(xdotool(&["search", "--name", &name]));
            !id.borrow().is_empty()
        });
        xdotool(&["windowfocus", &id.borrow()]);
        self.until("the window has the keyboard", || self.window.widget.is_active());
    }
}

/// A session that the test plays itself, with an agent.
fn play(screen: &Screen) -> (Link, spice_view::Teller, Rc<RefCell<Vec<Command>>>) {
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

#[gtk::test]
fn a_screen_is_shown_and_takes_the_size_of_its_page() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let screen = scene.show_screen(&machine);
    let first = scene.fake.screen().expect("it was started with a size");
    assert_eq!(Some(first), screen.wanted(), "it was started with its page's size");
    scene.pass(300);
    assert_eq!(Some(first), scene.fake.screen(), "and keeps it");
    assert!(scene.object::<gtk::Box>("line").opacity() == 1.0);
    for (width, height) in [(700, 500), (901, 655), (640, 420)] {
        scene.window.widget.set_default_size(width, height);
        scene.until("the sandbox is told", || {
            let told = scene.fake.screen();
            let now = told.map_or(0, |size| i32::try_from(size.width).unwrap_or(0));
            // A frame may be drawn around it.
            (width - 16..=width).contains(&now) && told == screen.wanted()
        });
    }
    scene.act("win.follow-size");
    let before = scene.fake.screen();
    scene.window.widget.set_default_size(800, 600);
    scene.pass(500);
    assert_eq!(scene.fake.screen(), before, "it does not follow");
    scene.act("win.follow-size");
    scene.until("it follows again", || scene.fake.screen() == screen.wanted());
}

#[gtk::test]
fn a_server_that_comes_again_is_shown_again() {
    let (scene, mut machine) = (Scene::new(), Machine::start());
    let screen = scene.show_screen(&machine);
    machine.kill();
    scene.until("the end is noticed", || !screen.is_connected());
    assert!(screen.is_shown() && screen.view.opacity() < 1.0, "the last picture stays, and is dim");
    scene.shows("Waiting for the display");
    machine.restart();
    scene.until("it is shown again", || screen.is_connected() && screen.view.opacity() == 1.0);
}

#[gtk::test]
fn a_server_that_stays_away_is_told_of_and_can_be_tried_again() {
    let (scene, mut machine) = (Scene::new(), Machine::start());
    scene.fake.set_spice(&machine.socket);
    machine.kill();
    scene.window.start(scene.screen_plan("echo"));
    scene.within(Duration::from_secs(60), "it says so", || scene.window.describe().contains("No Picture"));
    assert!(scene.object::<gtk::Box>("line").opacity() == 0.0, "there is nothing of the sandbox's");
    machine.restart();
    scene.object::<gtk::Button>("screen-again").emit_clicked();
    let screen = scene.the_screen().expect("a screen");
    scene.until("it is shown", || screen.is_shown() && screen.is_connected());
    // Init tells of a server that came up by itself.
    machine.kill();
    scene.within(Duration::from_secs(60), "it is given up", || !screen.is_shown());
    scene.fake.set_display(false, true);
    machine.restart();
    scene.fake.set_display(true, true);
    scene.until("it is shown again", || screen.is_shown() && screen.is_connected());
}

#[gtk::test]
fn who_takes_the_screen_over_is_not_pushed_out_unasked() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let screen = scene.show_screen(&machine);
    let next = Shown::new(scene.bridge.clone());
    next.until("the sandbox is listed", || next.card("Untrusted Documents").is_some());
    next.card("Untrusted Documents").expect("a card").emit_clicked();
    scene.shows("Shown in Another Window");
    next.until("it is shown there", || next.the_screen().is_some_and(|other| other.is_connected()));
    scene.pass(1500);
    assert!(!screen.is_connected(), "it has not come back by itself");
    scene.object::<gtk::Button>("screen-again").emit_clicked();
    scene.until("it is back", || screen.is_connected() && screen.is_shown());
    next.shows("Shown in Another Window");
}

#[gtk::test]
fn a_question_about_the_clipboard_is_asked_above_the_line() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let screen = scene.show_screen(&machine);
    let (_link, teller, commands) = play(&screen);
    scene.has_keyboard();
    screen.focus();
    scene.until("the view has the focus", || screen.view.has_focus());
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
            shoot(&scene, "asks");
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

#[gtk::test]
fn full_screen_shows_the_way_out_and_nothing_else() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let screen = scene.show_screen(&machine);
    let runs = &scene.window.runs;
    scene.act("win.fullscreen");
    scene.until("it is on", || runs.is_fullscreen());
    assert!(scene.object::<gtk::Revealer>("hint").reveals_child() && runs.shows_top());
    scene.until("the header goes", || !runs.shows_top());
    let whole = scene.window.widget.height();
    scene.until("the guest has it all", || {
        screen.wanted().is_some_and(|size| i32::try_from(size.height) == Ok(whole))
    });
    screen.view.emit_by_name::<()>("leave", &[]);
    scene.until("Ctrl+Alt leaves it", || !runs.is_fullscreen() && runs.shows_top());
    scene.act("win.fullscreen");
    scene.act("win.fullscreen");
    assert!(!runs.is_fullscreen() && runs.shows_top());
    scene.act("win.fullscreen");
    scene.fake.end(0);
    scene.shows("Exit code 0");
    scene.until("the end is not full screen", || !runs.is_fullscreen() && runs.shows_top());
}

#[gtk::test]
fn an_end_shows_the_last_picture() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let screen = scene.show_screen(&machine);
    scene.until("there is a picture", || screen.picture().is_some());
    scene.fake.end(0);
    scene.shows("Exit code 0");
    assert!(scene.object::<adw::PreferencesGroup>("last-picture-group").is_visible());
    assert!(!scene.object::<adw::PreferencesGroup>("output").is_visible());
    assert!(screen.picture().is_some() && screen.view.link().is_none());
}

#[gtk::test]
fn a_start_is_measured_by_the_last_one() {
    let (scene, machine) = (Scene::new(), Machine::start());
    scene.fake.slow.store(300, Ordering::SeqCst);
    scene.show_screen(&machine);
    scene.fake.end(0);
    scene.shows("Exit code 0");
    scene.until("the times are kept", || {
        let cache = &scene.bridge.host().expect("a computer").places.cache;
        std::fs::read_to_string(cache.join("starts.json")).is_ok_and(|text| text.contains("starts"))
    });
    scene.act("win.close-tab");
    scene.window.start(scene.screen_plan("echo"));
    let last = scene.object::<gtk::Label>("last-start");
    scene.until("the last start is told of", || last.is_visible() && last.label().contains("took 1."));
    let bar = scene.object::<gtk::ProgressBar>("bar");
    scene.until("the bar moves", || bar.fraction() > 0.3);
    scene.until("the screen is shown", || scene.the_screen().is_some_and(|screen| screen.is_shown()));
}

#[gtk::test]
fn a_shell_runs_behind_the_screen() {
    let (scene, machine) = (Scene::new(), Machine::start());
    scene.show_screen(&machine);
    scene.act("win.show-terminal");
    scene.shows("page: terminal");
    scene.act("win.new-shell");
    let switcher = || {
        crate::scene::walk(scene.window.widget.upcast_ref(), &|one| {
            one.downcast_ref::<gtk::Label>().is_some_and(|label| label.text() == "Shell 1")
        })
    };
    scene.until("there is a shell", || switcher().is_some());
    let shells = scene.object::<gtk::Stack>("terminals");
    let shell = crate::scene::walk(shells.visible_child().expect("a page").upcast_ref(), &|one| {
        one.is::<vte::Terminal>()
    });
    let shell = shell.and_downcast::<vte::Terminal>().expect("a terminal");
    scene.until("it takes input", || shell.is_input_enabled());
    shell.feed_child(b"abc");
    scene.until("it answers", || terrarium::pages::terminal::text(&shell).contains("abc"));
    shell.feed_child(b"q");
    scene.until("it ends", || switcher().is_none());
    scene.act("win.show-display");
    scene.shows("page: screen");
    assert_eq!(scene.fake.list().sandboxes.len(), 1);
}

/// Gives the window a size, and leaves pictures of it, light and dark.
fn shoot(scene: &Scene, name: &str) {
    let manager = adw::StyleManager::default();
    for (size, width, height) in [("wide", 1100, 760), ("narrow", 400, 700)] {
        for _ in 0..2 {
            // Narrow it needs less: the rest of the way comes after that.
            scene.window.widget.set_default_size(width, height);
            scene.pass(200);
        }
        let now = scene.window.widget.width();
        // A frame may be drawn around it.
        assert!((width - 16..=width).contains(&now), "{name}: {now} instead of {width}");
        for (scheme, look) in [(adw::ColorScheme::ForceLight, "light"), (adw::ColorScheme::ForceDark, "dark")]
        {
            manager.set_color_scheme(scheme);
            scene.pass(100);
            scene.picture(&format!("{name}-{size}-{look}"));
        }
    }
    manager.set_color_scheme(adw::ColorScheme::Default);
    scene.window.widget.set_default_size(1100, 760);
}

#[gtk::test]
fn every_page_fits_wide_and_narrow() {
    let (scene, mut machine) = (Scene::new(), Machine::start());
    scene.fake.slow.store(400, Ordering::SeqCst);
    scene.show_screen(&machine);
    scene.act("win.close-tab");
    scene.fake.slow.store(1500, Ordering::SeqCst);
    scene.window.start(scene.screen_plan("echo"));
    scene.shows("page: start");
    scene.pass(1500);
    shoot(&scene, "start");
    scene.until("the screen is shown", || scene.the_screen().is_some_and(|screen| screen.is_shown()));
    let screen = scene.the_screen().expect("a screen");
    shoot(&scene, "screen");
    scene.act("win.show-terminal");
    scene.act("win.new-shell");
    scene.until("it is talked to", || scene.fake.shells() == 1);
    shoot(&scene, "terminal");
    scene.act("win.show-display");
    scene.act("win.fullscreen");
    shoot(&scene, "fullscreen");
    scene.act("win.fullscreen");
    machine.kill();
    scene.within(Duration::from_secs(60), "it is given up", || !screen.is_shown());
    shoot(&scene, "no-picture");
    machine.restart();
    scene.object::<gtk::Button>("screen-again").emit_clicked();
    scene.until("the screen is shown", || screen.is_shown() && screen.is_connected());
    scene.pass(3000);
    scene.fake.end(0);
    scene.shows("Exit code 0");
    shoot(&scene, "end");
    scene.act("win.close-tab");
    scene.run("refuse this");
    scene.shows("Could Not Start");
    scene.object::<adw::ExpanderRow>("log-row").set_expanded(true);
    shoot(&scene, "failure");
}

#[gtk::test]
fn the_form_says_how_a_program_shows() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    scene.object::<gtk::CheckButton>("container").set_active(true);
    let clipboard = scene.object::<adw::ComboRow>("clipboard");
    assert!(!clipboard.is_visible());
    scene.object::<adw::ComboRow>("show-as").set_selected(1);
    scene.until("what passes can be chosen", || clipboard.is_visible());
    let below = scene.object::<adw::ActionRow>("display-message");
    assert!(below.is_visible() && below.title().contains("spice-vdagent"), "{}", below.title());
    scene.object::<gtk::Switch>("sound").set_active(true);
    let below = scene.object::<adw::ActionRow>("sound-message");
    scene.until("sound in a container is spoken of", || below.is_visible());
    clipboard.set_selected(3);
    let line = scene.object::<adw::ActionRow>("equivalent").subtitle().unwrap_or_default();
    assert!(line.contains("--display") && line.contains("--clipboard=out --sound"), "{line}");
    shoot(&scene, "form");
    scene.act("win.run");
    scene.until("it is started so", || scene.the_screen().is_some());
    assert_eq!(scene.the_screen().map(|screen| screen.policy()), Some(spice_view::ClipboardPolicy::Out));
}

#[gtk::test]
fn home_shows_what_a_screen_shows() {
    let (scene, machine) = (Scene::new(), Machine::start());
    scene.show_screen(&machine);
    scene.act("win.back");
    let card = || scene.card("Untrusted Documents");
    let picture = || {
        let found = crate::scene::walk(card()?.upcast_ref(), &|one| one.is::<gtk::Picture>());
        found.and_downcast::<gtk::Picture>()
    };
    let shown = || picture().and_then(|picture| picture.paintable()).and_downcast::<gtk::gdk::Texture>();
    scene.until("its tab's picture is on the card", || shown().is_some_and(|shown| shown.width() >= 640));
    scene.picture("home-own");
    scene.window.show("runs");
    scene.act("win.close-tab");
    scene.until("it is taken from the sandbox", || {
        // The fake's is green above.
        let mut bytes = Vec::new();
        shown().is_some_and(|shown| {
            bytes.resize(shown.width() as usize * shown.height() as usize * 4, 0);
            shown.download(&mut bytes, shown.width() as usize * 4);
            bytes[..3] == [0x47, 0x7f, 0x1a]
        })
    });
    scene.picture("home-asked");
    let (width, height) = picture().map_or((0, 0), |picture| (picture.width(), picture.height()));
    assert_eq!((width, height), (312, 160), "the guest's size moves nothing");
}

#[gtk::test]
fn a_sandbox_is_viewed_by_its_name() {
    let (scene, machine) = (Scene::new(), Machine::start());
    scene.show_screen(&machine);
    scene.act("win.close-tab");
    scene.window.view("Untrusted Documents".into());
    scene.until("it is shown", || scene.the_screen().is_some_and(|screen| screen.is_shown()));
    scene.window.view("Nothing".into());
    scene.pass(100);
    assert!(scene.the_screen().is_some_and(|screen| screen.is_shown()), "a name of nothing changes nothing");
}
