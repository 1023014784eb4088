// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window against a driver without libvirt: what is typed and clicked
//! goes in, what is shown comes out. Needs a display (xvfb-run will do).

mod fake;

use adw::prelude::*;
use fake::Fake;
use gtk::glib;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};
use terrarium::bridge::Bridge;
use terrarium::window::Window;
use terrarium_engine::host::{Connection, ConnectionState, Host, Kvm, KvmDevice, RootEntry, User};
use terrarium_engine::places::Places;
use terrarium_engine::uri::Uri;
use vte::prelude::*;

const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    static APP: adw::Application = {
        adw::init().expect("a display");
        let settings = gtk::Settings::default().expect("a display");
        settings.set_gtk_enable_animations(false);
        terrarium::look::load();
        let app = adw::Application::builder()
            .application_id("org.terrarium.Terrarium.Test")
            .flags(gtk::gio::ApplicationFlags::NON_UNIQUE)
            .build();
        app.register(gtk::gio::Cancellable::NONE).expect("an application");
        app
    };
}

/// A window and the driver behind it.
struct Scene {
    window: Rc<Window>,
    fake: Arc<Fake>,
    bridge: Bridge,
    _folder: tempfile::TempDir,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.fake.hangs.store(false, Ordering::SeqCst);
        self.window.widget.destroy();
    }
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let fake = Arc::new(Fake::new(folder.path().to_owned()));
        let bridge = Bridge::with(host(folder.path().to_owned()), fake.clone());
        let window = Window::new(&APP.with(Clone::clone), bridge.clone());
        let scene = Self { window, fake, bridge, _folder: folder };
        scene.until("the window is shown", || scene.window.widget.is_mapped());
        scene
    }

    /// Lets the main loop run until something is so.
    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        until(what, &|| self.window.describe(), is_so);
    }

    fn shows(&self, text: &str) {
        self.until(text, || self.window.describe().contains(text));
    }

    fn object<T: IsA<gtk::Widget>>(&self, id: &str) -> T {
        find(self.window.widget.upcast_ref(), id)
            .and_then(|found| found.downcast().ok())
            .unwrap_or_else(|| panic!("no {id}"))
    }

    fn act(&self, action: &str) {
        WidgetExt::activate_action(&self.window.widget, action, None).expect(action);
    }

    /// Types a command into the form and runs it.
    fn run(&self, command: &str) {
        self.act("win.new-run");
        self.object::<adw::EntryRow>("command").set_text(command);
        self.until("the command can be run", || self.object::<gtk::Button>("run-form").is_sensitive());
        self.act("win.run");
    }

    fn terminal(&self) -> vte::Terminal {
        let tab = self.window.runs.current().expect("a tab");
        let found = walk(tab.widget.upcast_ref(), &|one| one.is::<vte::Terminal>());
        found.and_then(|found| found.downcast().ok()).expect("a terminal")
    }
}

fn until(what: &str, shown: &dyn Fn() -> String, is_so: impl Fn() -> bool) {
    let context = glib::MainContext::default();
    let begun = Instant::now();
    // Wakes the loop up, so that the clock is looked at.
    let tick = glib::timeout_add_local(Duration::from_millis(10), || glib::ControlFlow::Continue);
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "in vain: {what}\n{}", shown());
        context.iteration(true);
    }
    tick.remove();
}

fn walk(widget: &gtk::Widget, is_it: &dyn Fn(&gtk::Widget) -> bool) -> Option<gtk::Widget> {
    if is_it(widget) {
        return Some(widget.clone());
    }
    let mut child = widget.first_child();
    while let Some(one) = child {
        if let Some(found) = walk(&one, is_it) {
            return Some(found);
        }
        child = one.next_sibling();
    }
    None
}

fn find(widget: &gtk::Widget, id: &str) -> Option<gtk::Widget> {
    walk(widget, &|one| one.buildable_id().is_some_and(|found| found == id))
}

/// A computer with containers and without any kernel for machines.
fn host(folder: PathBuf) -> Host {
    Host {
        arch: "x86_64".into(),
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
        qemu_group: None,
    }
}

#[gtk::test]
fn a_command_is_typed_runs_and_its_result_is_shown() {
    let scene = Scene::new();
    scene.run("print 'hello from inside' 3");
    scene.shows("Exit code 3");
    assert!(scene.window.describe().contains("hello from inside"), "{}", scene.window.describe());
    scene.until("the result is acknowledged", || scene.fake.received());
    assert!(scene.object::<gtk::Label>("last-lines").label().contains("hello from inside"));
    scene.act("win.run-again");
    scene.shows("Exit code 3");
}

#[gtk::test]
fn keys_reach_the_command_and_its_answer_is_shown() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.terminal().feed_child(b"abc");
    scene.shows("abc");
    scene.terminal().feed_child(b"q");
    scene.shows("Exit code 0");
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
    let next = Window::new(&APP.with(Clone::clone), scene.bridge.clone());
    let shown = || next.describe();
    let running = || {
        find(next.widget.upcast_ref(), "running")
            .and_then(|found| found.first_child())
            .and_then(|child| child.first_child())
    };
    until("the sandbox is listed", &shown, || running().is_some_and(|card| card.is::<gtk::Button>()));
    running().and_downcast::<gtk::Button>().expect("a card").emit_clicked();
    until("what was there is shown", &shown, || next.describe().contains("before"));
    let tab = next.runs.current().expect("a tab");
    tab.stop();
    until("it is stopped", &shown, || next.describe().contains("Stopped"));
    next.widget.destroy();
}

#[gtk::test]
fn closing_asks_while_something_runs() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.window.widget.close();
    let dialog = || {
        gtk::Window::list_toplevels().into_iter().find_map(|one| one.downcast::<adw::MessageDialog>().ok())
    };
    scene.until("it asks", || dialog().is_some_and(|dialog| dialog.is_visible()));
    assert!(scene.window.widget.is_visible());
    dialog().expect("the dialog").response("stop");
    scene.until("it is closed", || !scene.window.widget.is_visible());
    assert!(scene.bridge.host().is_some());
}
