// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window against a driver without libvirt.

mod arrivals;
mod background;
mod begun;
#[path = "../scene/bus.rs"]
mod bus;
mod changes;
mod clipboard;
mod corners;
mod crowd;
mod decisions;
mod desktop;
mod editor;
mod edits;
mod endings;
#[path = "../fake/mod.rs"]
mod fake;
mod flows;
mod form;
mod home;
mod keyboard;
mod limits;
mod links;
mod logout;
mod looks;
mod many;
mod network;
mod newcomer;
mod plain;
mod profiles;
#[path = "../scene/qemu.rs"]
mod qemu;
#[path = "../scene/mod.rs"]
mod scene;
mod screens;
mod slips;
mod states;
mod stumbles;
mod undo;
mod waiting;

use adw::prelude::*;
use fake::Fake;
use scene::Shown;
use std::cell::RefCell;
use std::ops::Deref;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use terrarium::bridge::Bridge;
use terrarium_engine::host::{Connection, ConnectionState, Displays, Host, Kvm, KvmDevice, RootEntry, User};
use terrarium_engine::places::Places;
use terrarium_engine::sandbox::{Driver, State};
use terrarium_engine::uri::Uri;
use vte::prelude::*;

/// A window and the driver behind it.
struct Scene {
    shown: Shown,
    fake: Arc<Fake>,
    bridge: Bridge,
    folder: tempfile::TempDir,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.fake.hangs.store(false, Ordering::SeqCst);
        // What was answered by its word alone is still there, and the next
        // test would take it for its own.
        while let Some(question) = scene::dialog() {
            question.destroy();
        }
    }
}

impl Deref for Scene {
    type Target = Shown;

    fn deref(&self) -> &Shown {
        &self.shown
    }
}

impl Scene {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// With files that are there before the window is.
    fn with(prepare: impl FnOnce(&std::path::Path)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        prepare(folder.path());
        let fake = Arc::new(Fake::new(folder.path().to_owned()));
        let bridge = Bridge::with(host(folder.path().to_owned()), fake.clone());
        Self { shown: Shown::new(bridge.clone()), fake, bridge, folder }
    }
}

impl Scene {
    /// With a home folder that there is.
    fn with_home() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("home");
        std::fs::create_dir(&home).expect("a folder");
        let fake = Arc::new(Fake::new(folder.path().to_owned()));
        let mut host = host(folder.path().to_owned());
        host.user.home = home;
        let bridge = Bridge::with(host, fake.clone());
        Self { shown: Shown::new(bridge.clone()), fake, bridge, folder }
    }

    /// Where its files are.
    fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

/// A computer with containers and without any kernel for machines.
fn host(folder: PathBuf) -> Host {
    Host {
        arch: "x86_64".into(),
        family: terrarium_engine::host::Family::default(),
        caller: 1000,
        user: User {
            uid: 1000,
            gid: 1000,
            name: "me".into(),
            home: "/home/me".into(),
            shell: "/bin/sh".into(),
        },
        cpus: 4,
        memory: 8 << 30,
        kvm: Kvm { device: KvmDevice::Missing, processor: false },
        kernels: Vec::new(),
        connections: vec![
            Connection { uri: Uri::LxcSystem, state: ConnectionState::Works, confinement: None },
            Connection { uri: Uri::QemuSession, state: ConnectionState::Works, confinement: None },
        ],
        display: Displays {
            server: Some("/usr/lib/xorg/Xorg".into()),
            spiceqxl: true,
            keymaps: true,
            ..Displays::default()
        },
        root: vec![RootEntry::Directory { path: "/usr".into() }],
        hidden: Vec::new(),
        environment: std::collections::BTreeMap::new(),
        places: Places {
            config: folder.join("c"),
            data: folder.join("d"),
            cache: folder.join("k"),
            runtime: folder,
        },
        in_group_libvirt: true,
        network: terrarium_engine::host::Networks::default(),
        systemd: true,
        mixed_groups: false,
        folders: Vec::new(),
        qemu_group: None,
        mke2fs: Some("/usr/sbin/mke2fs".into()),
        nbd: false,
        unmapped: Vec::new(),
    }
}

#[gtk::test]
fn a_command_is_typed_runs_and_its_result_is_shown() {
    let scene = Scene::new();
    scene.run("print 'hello from inside' 3");
    scene.shows("Exit code 3");
    // VTE draws what it was fed a little later.
    scene.shows("hello from inside");
    scene.until("the result is acknowledged", || scene.fake.received());
    let last = scene.object::<gtk::Label>("last-lines");
    scene.until("its last lines are shown", || last.label().contains("hello from inside"));
    let detail = scene.object::<gtk::Label>("end-detail").label();
    assert!(detail.contains(&terrarium_engine::message::duration(1200)), "{detail}");
    scene.act("win.run-again");
    scene.until("it is started again", || scene.fake.starts() == 2);
    scene.until("its result is acknowledged, too", || scene.fake.received());
    scene.shows("Exit code 3");
}

#[gtk::test]
fn keys_reach_the_command_and_its_answer_is_shown() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.terminal().feed_child(b"abc");
    scene.shows("abc");
    let clipboard = scene.window.widget.clipboard();
    clipboard.set_text("pasted");
    scene.act("win.paste");
    scene.shows("abcpasted");
    scene.act("win.copy");
    assert_eq!(copied(&scene), "pasted", "nothing is selected, so nothing is copied");
    scene.terminal().select_all();
    scene.act("win.copy");
    scene.until("the selection is copied", || copied(&scene).contains("abcpasted"));
    scene.terminal().feed_child(b"q");
    scene.shows("Exit code 0");
}

/// The text on the clipboard.
fn copied(scene: &Scene) -> String {
    let text = Rc::new(RefCell::new(None));
    let told = text.clone();
    scene.window.widget.clipboard().read_text_async(gtk::gio::Cancellable::NONE, move |read| {
        *told.borrow_mut() = Some(read.ok().flatten().map(String::from).unwrap_or_default());
    });
    scene.until("the clipboard is read", || text.borrow().is_some());
    text.take().unwrap_or_default()
}

#[gtk::test]
fn one_that_has_written_all_that_it_may_is_noted() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    let text = "The sandbox has written all";
    assert!(!scene::says(scene.window.widget.upcast_ref(), text));
    scene.fake.fill();
    scene.shows(&format!("[{text}"));
    // Also over a screen: with its name. It goes with its page.
    let note = format!(": {text}");
    let is_said = || scene::says(scene.window.widget.upcast_ref(), &note);
    scene.until("it is said", is_said);
    scene.act("win.back");
    scene.until("it is not said of anything else", || !is_said());
    scene.run("echo");
    scene.shows("phase: Running");
    scene.act("win.back");
    scene.fake.fill();
    scene.pass(500);
    assert!(!is_said(), "nobody sees its page");
    scene.window.show("runs");
    scene.until("who comes there is told", is_said);
    scene.fake.end(1);
    scene.shows("It had written all that it may");
    let tab = scene.window.runs.current().expect("a tab");
    let again =
        scene::find(tab.widget.upcast_ref(), "other").and_downcast::<gtk::Button>().expect("a button");
    scene.until("it may write more", || again.is_mapped());
    assert!(again.label().is_some_and(|label| label.contains("4 GiB")), "twice as much");
    again.emit_clicked();
    scene.until("it runs again", || scene.fake.starts() == 3);
}

#[gtk::test]
fn the_command_learns_the_size_of_the_terminal() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    for (width, height) in [(700, 500), (900, 650), (640, 420)] {
        let before = scene.fake.size();
        scene.window.widget.set_default_size(width, height);
        scene.until("another size is told", || scene.fake.size() != before);
        let terminal = scene.terminal();
        scene.until("it is the terminal's", || {
            scene.fake.size().is_some_and(|size| {
                i64::from(size.columns) == terminal.column_count()
                    && i64::from(size.rows) == terminal.row_count()
            })
        });
    }
}

/// A shell draws its line anew for every size that it is told of.
#[gtk::test]
fn who_comes_back_tells_no_size_but_its_own() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.terminal().feed_child(b"before");
    scene.shows("before");
    let terminal = scene.terminal();
    let is_told = || scene.fake.size().map(|size| i64::from(size.columns)) == Some(terminal.column_count());
    scene.until("its size is told", is_told);
    let before = scene.fake.size();
    scene.window.widget.destroy();
    for _ in 0..5 {
        let _ = scene.fake.take_sizes();
        let next = Shown::new(scene.bridge.clone());
        next.until("it is at Home", || next.card("echo").is_some());
        next.card("echo").expect("a card").emit_clicked();
        next.shows("before");
        next.pass(300);
        let all = scene.fake.take_sizes();
        assert!(!all.is_empty() && all.iter().all(|one| Some(*one) == before), "{all:?}, not {before:?}");
    }
}

#[gtk::test]
fn much_output_leaves_the_window_usable() {
    let scene = Scene::new();
    scene.run("flood 20000000");
    let (longest, last) = (std::cell::Cell::new(Duration::ZERO), std::cell::Cell::new(Instant::now()));
    scene.until("it ends", || {
        longest.set(longest.get().max(last.replace(Instant::now()).elapsed()));
        scene.window.runs.current().is_some_and(|tab| tab.phase() == terrarium::pages::tab::Phase::Ended)
    });
    assert!(longest.get() < Duration::from_millis(1000), "the main loop stood still for {:?}", longest.get());
    scene.shows("Exit code 0");
    let text = scene.window.describe();
    assert!(text.lines().count() > 10_000, "only {} lines are kept", text.lines().count());
    // 20 000 000 bytes end in the middle of a line of 66.
    let rest = 20_000_000 % 66;
    assert_eq!(text.lines().last().map(str::len), Some(rest), "the end is missing");
}

#[gtk::test]
fn who_loses_the_keyboard_can_take_it_back() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    let other = scene.fake.take_keyboard().expect("another client");
    let prompt = scene.object::<gtk::Revealer>("prompt");
    scene.until("it is said", || prompt.reveals_child());
    scene.object::<gtk::Button>("take-keyboard").emit_clicked();
    scene.until("it is back", || !prompt.reveals_child());
    drop(other);
}

#[gtk::test]
fn a_sandbox_that_is_gone_has_crashed() {
    let scene = Scene::new();
    scene.run("crash");
    scene.shows("Crashed");
    scene.run("vanish");
    scene.shows("name: vanish");
    scene.shows("Crashed");
}

#[gtk::test]
fn a_start_that_fails_says_why_and_loses_nothing() {
    let scene = Scene::new();
    scene.run("refuse this");
    scene.shows("Could Not Start");
    scene.shows("/proc/self/uid_map");
    scene.object::<gtk::Button>("other").emit_clicked();
    scene.until("the form is back", || scene.window.shows("form"));
    assert_eq!(scene.object::<adw::EntryRow>("command").text(), "refuse this");
}

#[gtk::test]
fn a_command_that_is_not_there_can_be_changed() {
    let scene = Scene::new();
    scene.run("missing this");
    scene.shows("Could Not Start");
    scene.object::<gtk::Button>("other").emit_clicked();
    scene.until("the form is back", || scene.window.shows("form"));
}

#[gtk::test]
fn what_cannot_work_here_says_why() {
    let scene = Scene::new();
    scene.act("win.new-run");
    let row = scene.object::<adw::ActionRow>("machine-row");
    scene.until("machines are not offered", || !row.is_sensitive());
    let below = scene.object::<adw::ActionRow>("machine-message");
    assert!(below.is_visible() && below.title().contains("kernel"), "{}", below.title());
    assert!(!scene.object::<gtk::Button>("run-form").is_sensitive());
    scene.object::<adw::EntryRow>("directory").set_text("not/absolute");
    let below = scene.object::<adw::ActionRow>("directory-message");
    scene.until("a wrong folder is named", || below.is_visible());
}

#[gtk::test]
fn a_libvirt_that_hangs_stops_nothing_but_itself() {
    let scene = Scene::new();
    scene.fake.hangs.store(true, Ordering::SeqCst);
    let notice = scene.object::<gtk::Revealer>("notice");
    let begun = Instant::now();
    scene.until("it says what it waits for", || notice.reveals_child());
    assert!(begun.elapsed() < Duration::from_secs(6));
    scene.act("win.new-run");
    assert!(scene.window.shows("form"));
    scene.fake.hangs.store(false, Ordering::SeqCst);
    scene.until("it works again", || !notice.reveals_child());
}

#[gtk::test]
fn a_window_that_is_gone_leaves_its_sandbox_to_the_next() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.terminal().feed_child(b"before");
    scene.shows("before");
    // As if it had been killed: nothing is asked, nothing is closed.
    scene.window.widget.destroy();
    let next = Shown::new(scene.bridge.clone());
    next.until("the sandbox is listed", || next.card("echo").is_some());
    next.card("echo").expect("a card").emit_clicked();
    next.shows("before");
    next.window.runs.current().expect("a tab").stop();
    next.shows("Stopped");
}

#[gtk::test]
fn one_that_cannot_be_attached_to_is_left_alone() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.window.widget.destroy();
    scene.fake.busy.store(true, Ordering::SeqCst);
    let next = Shown::new(scene.bridge.clone());
    next.until("the sandbox is listed", || next.card("echo").is_some());
    next.card("echo").expect("a card").emit_clicked();
    next.shows("No Connection");
    assert_eq!(scene.fake.list().sandboxes[0].state, State::Running);
    scene.fake.busy.store(false, Ordering::SeqCst);
    next.object::<gtk::Button>("other").emit_clicked();
    next.shows("kernel:");
}

#[gtk::test]
fn what_somebody_else_pauses_and_resumes_is_seen() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    let id = scene.window.runs.current().and_then(|tab| tab.id()).expect("a sandbox");
    scene.fake.pause(&id).expect("paused");
    scene.shows("subtitle: Paused");
    // A window that finds it so comes to talk to it.
    scene.window.widget.destroy();
    let next = Shown::new(scene.bridge.clone());
    next.until("the sandbox is listed", || next.card("echo").is_some());
    next.card("echo").expect("a card").emit_clicked();
    next.shows("subtitle: Paused");
    scene.fake.resume(&id).expect("resumed");
    next.shows("kernel:");
    assert!(!next.window.describe().contains("Paused"));
    next.terminal().feed_child(b"abc");
    next.shows("abc");
}

#[gtk::test]
fn who_is_quicker_than_the_first_look_at_the_computer_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, looked) = (folder.path().to_owned(), Arc::new(AtomicBool::new(false)));
    let wait = looked.clone();
    let shown = Shown::new(Bridge::new(move || {
        while !wait.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
        (host(path.clone()), Arc::new(Fake::new(path.clone())))
    }));
    shown.act("win.new-run");
    shown.object::<adw::EntryRow>("command").set_text("print quick 4");
    shown.object::<gtk::CheckButton>("container").set_active(true);
    shown.act("win.run");
    looked.store(true, Ordering::SeqCst);
    shown.shows("Exit code 4");
}

/// A window in which something runs is closed, and this is the answer.
fn closed_with(answer: &str) -> Scene {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    answer_to_closing(&scene, answer);
    scene
}

fn answer_to_closing(scene: &Scene, answer: &str) {
    scene.window.widget.close();
    scene.until("it asks", || scene::dialog().is_some());
    assert!(scene.window.widget.is_visible());
    let has_label = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Button>()
            .and_then(|button| button.label())
            .is_some_and(|label| label == answer)
    };
    let button = scene::walk(scene::dialog().expect("the dialog").upcast_ref(), &has_label).expect(answer);
    button.downcast::<gtk::Button>().expect("a button").emit_clicked();
    scene.until("the question is gone", || scene::dialog().is_none());
}

#[gtk::test]
fn closing_asks_while_something_runs() {
    let scene = closed_with("_Cancel");
    assert!(scene.window.widget.is_visible());
    assert_eq!(scene.fake.list().sandboxes[0].state, State::Running);
    let scene = closed_with("_Keep Running");
    scene.until("it is closed", || !scene.window.widget.is_visible());
    assert_eq!(scene.fake.list().sandboxes[0].state, State::Running);
    let scene = closed_with("_Stop");
    scene.until("it is closed", || !scene.window.widget.is_visible());
    let state = scene.fake.list().sandboxes.first().map(|one| one.state.clone());
    assert!(matches!(state, None | Some(State::Finished(_))), "{state:?}");
}
