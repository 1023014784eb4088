// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sandboxes with a screen. The driver is a fake, the SPICE server is QEMU's.

use crate::qemu::Machine;
use crate::scene::Shown;
use crate::Scene;
use adw::prelude::*;
use spice_view::ScaleMode;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use terrarium::pages::screen::Screen;
use terrarium_engine::kernel::Kernel;
use terrarium_engine::plan::{plan, AcceleratorReason, MachinePlan, Plan};
use terrarium_engine::profile::{Colour, DisplayKind, Isolation, Profile};
use terrarium_engine::sandbox::Driver;
use terrarium_protocol::display::ScreenSize;
use vte::prelude::*;

impl Scene {
    /// What a profile with a screen becomes.
    pub fn screen_plan(&self, command: &str) -> Plan {
        let mut profile = Profile::new("Untrusted Documents", vec![command.into()]);
        profile.isolation = Some(Isolation::Container);
        profile.colour = Colour::Red;
        profile.display.kind = DisplayKind::Window;
        let host = self.bridge.host().expect("a computer");
        plan(&profile, host).plan.expect("a plan")
    }

    /// Starts one, and waits for its picture.
    pub fn show_screen(&self, machine: &Machine) -> Rc<Screen> {
        self.fake.set_spice(&machine.socket);
        self.window.start(self.screen_plan("echo"));
        self.within(Duration::from_secs(60), "the screen is shown", || {
            self.the_screen().is_some_and(|screen| screen.is_shown() && screen.is_connected())
        });
        self.the_screen().expect("a screen")
    }
}

/// What is looked at in every window.
pub trait Looks {
    fn the_screen(&self) -> Option<Rc<Screen>>;
}

impl Looks for Shown {
    fn the_screen(&self) -> Option<Rc<Screen>> {
        self.window.runs.current().and_then(|tab| tab.screen.clone())
    }
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

/// There is no kernel on the scene's computer.
fn a_machine() -> MachinePlan {
    let kernel = Kernel {
        version: "6.1".into(),
        image: "/boot/vmlinuz".into(),
        modules: "/lib/modules".into(),
        features: Vec::new(),
        problem: None,
    };
    MachinePlan {
        kvm: false,
        accelerator_reason: AcceleratorReason::NoDevice,
        kernel,
        modules: Vec::new(),
        file_systems: Vec::new(),
        video: None,
        exports: Vec::new(),
        dac_label: None,
    }
}

/// QEMU says that nothing is displayed, in a picture of its own.
#[gtk::test]
fn a_machines_screen_is_shown_once_its_guest_has_drawn() {
    let (scene, machine) = (Scene::new(), Machine::start());
    scene.fake.set_spice(&machine.socket);
    let mut plan = scene.screen_plan("echo");
    (plan.isolation, plan.machine) = (Isolation::Machine, Some(a_machine()));
    scene.window.start(plan);
    let view = || scene.the_screen().map(|screen| screen.view.clone());
    scene.within(Duration::from_secs(60), "a picture", || view().is_some_and(|view| view.guest_width() > 0));
    let screen = scene.the_screen().expect("a screen");
    // It has another size than init gave the screen.
    scene.pass(300);
    assert!(screen.is_connected() && screen.is_beginning() && !screen.is_shown());
    scene.fake.set_screen_size(ScreenSize { width: 12, height: 34 });
    scene.pass(300);
    assert!(!screen.is_shown());
    let (width, height) = (screen.view.guest_width(), screen.view.guest_height());
    scene.fake.set_screen_size(ScreenSize { width, height });
    scene.until("it is shown", || screen.is_shown());
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

/// The next server greets before anybody knows that the last one is gone: that
/// looks as if somebody else were its viewer.
#[gtk::test]
fn a_server_that_follows_another_at_once_is_nobodys() {
    for told_first in [true, false] {
        let (scene, mut machine, next) = (Scene::new(), Machine::start(), Machine::start());
        let screen = scene.show_screen(&machine);
        scene.fake.set_display(true, true);
        scene.pass(100);
        scene.fake.set_spice(&next.socket);
        if told_first {
            scene.fake.set_display(false, true);
            scene.pass(100);
        }
        machine.kill();
        scene.until("the end is noticed", || !screen.is_connected());
        if told_first {
            scene.until("it is shown again", || screen.is_connected());
            scene.fake.set_display(true, true);
        } else {
            scene.shows("Shown in Another Window");
            scene.fake.set_display(false, true);
            scene.pass(100);
            scene.fake.set_display(true, true);
        }
        scene.until("it is shown", || screen.is_connected() && screen.is_shown());
        scene.pass(500);
        assert!(screen.is_connected() && screen.is_shown());
    }
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
fn the_menu_of_a_screen_does_what_it_says() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let screen = scene.show_screen(&machine);
    scene.act("win.grab");
    assert!(screen.view.grab());
    scene.shows("Shortcuts go to the sandbox · Ctrl+Alt leaves it");
    // What Ctrl+Alt does to the view.
    screen.view.set_grab(false);
    scene.until("it is told no more", || !scene.window.describe().contains("Ctrl+Alt leaves it"));
    scene.act("win.grab");
    assert!(screen.view.grab(), "the menu knows that it was off");

    let scale = |word: &str| {
        let widget = &scene.window.widget;
        WidgetExt::activate_action(widget, "win.scale", Some(&word.to_variant())).expect("an action");
    };
    scene.act("win.follow-size");
    scene.window.widget.set_default_size(400, 300);
    scale("actual");
    assert_eq!(screen.scale(), ScaleMode::Actual);
    let size = || (screen.view.width(), screen.view.height());
    let guest = || (screen.view.guest_width() as i32, screen.view.guest_height() as i32);
    scene.until("it is as large as the guest", || size() == guest());
    scale("fit");
    scene.until("it fits", || screen.scale() == ScaleMode::Fit && size().0 < guest().0);

    scene.act("win.copy-screenshot");
    let copied = || scene.window.widget.clipboard().formats();
    scene.until("it is on the clipboard", || copied().contains_type(gtk::gdk::Texture::static_type()));
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

/// What is kept may be many gigabytes.
#[gtk::test]
fn a_copy_before_a_start_shows_how_far_it_is_and_can_be_ended() {
    let scene = Scene::new();
    scene.fake.copies.store(1024, Ordering::SeqCst);
    scene.window.start(scene.screen_plan("echo"));
    let (bar, note) = (scene.object::<gtk::ProgressBar>("bar"), scene.object::<gtk::Label>("start-note"));
    scene.until("it is told", || note.is_visible() && note.label().contains("of 1 GiB"));
    let before = bar.fraction();
    scene.until("the bar moves", || bar.fraction() > before && bar.fraction() < 0.9);
    scene.object::<gtk::Button>("cancel").emit_clicked();
    scene.until("it is ended", || scene.window.runs.current().is_none());
    assert!(scene.fake.list().sandboxes.is_empty(), "nothing was started");
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
    let screen = scene.the_screen().expect("a screen");
    scene.until("the screen has the keyboard", || screen.view.is_focus());
    let keys = scene.object::<adw::TabView>("view").shortcuts();
    assert_eq!(keys, adw::TabViewShortcuts::NONE, "no key of the guest's leads to another tab");
}

#[gtk::test]
fn a_sandbox_is_viewed_by_its_name() {
    let (scene, machine) = (Scene::new(), Machine::start());
    scene.show_screen(&machine);
    scene.act("win.close-tab");
    scene.view("Untrusted Documents".into());
    scene.until("it is shown", || scene.the_screen().is_some_and(|screen| screen.is_shown()));
}
