// SPDX-License-Identifier: LGPL-2.1-or-later
//! Logging out waits while something would be lost: with a session manager on
//! a bus of the test's own, which a program has from its first moment. So the
//! test runs itself once more there.

use crate::background::{bus, connect, has_name};
use crate::changes::{answer, question};
use crate::fake::entry;
use crate::{answer_to_closing, Scene};
use adw::prelude::*;
use gtk::{gio, glib};
use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::profile::Changes;
use terrarium_protocol::changes::What;
use vte::prelude::*;

const NAME: &str = "org.gnome.SessionManager";
const MANAGER: &str = "<node><interface name='org.gnome.SessionManager'>\
    <method name='Inhibit'><arg type='s' direction='in'/><arg type='u' direction='in'/>\
    <arg type='s' direction='in'/><arg type='u' direction='in'/><arg type='u' direction='out'/></method>\
    <method name='Uninhibit'><arg type='u' direction='in'/></method></interface></node>";
/// Set for who runs on that bus.
const INNER: &str = "TERRARIUM_TEST_LOGOUT";

/// What a session manager is told: why it is to wait, and `-` when not any more.
fn manager(server: &gio::DBusConnection) -> Rc<RefCell<Vec<String>>> {
    let told = Rc::new(RefCell::new(Vec::new()));
    let (heard, node) = (told.clone(), gio::DBusNodeInfo::for_xml(MANAGER).expect("an interface"));
    let interface = node.lookup_interface(NAME).expect("an interface");
    let registered = server.register_object("/org/gnome/SessionManager", &interface).method_call(
        move |_, _, _, _, method, arguments, call| {
            if method == "Inhibit" {
                let why = arguments.child_value(2).get::<String>().expect("a text");
                heard.borrow_mut().push(why);
                let cookie = u32::try_from(heard.borrow().len()).expect("a few");
                return call.return_value(Some(&(cookie,).to_variant()));
            }
            heard.borrow_mut().push("-".into());
            call.return_value(None);
        },
    );
    registered.build().expect("an object");
    has_name(server, NAME);
    told
}

/// What happens on that bus.
fn run_and_lose() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.terminal().feed_child(b"q");
    scene.shows("phase: Ended");
    scene.pass(1200);
    // Its files live as long as its tab.
    let added = |path: &str| vec![entry(path, What::Added, Some(9))];
    scene.run_and_leave(added("/home/me/.cache/x"), Changes::Discard);
    scene.pass(1200);
    scene.act("win.close-tab");
    scene.run_and_leave(added("/home/me/report.txt"), Changes::Discard);
    scene.pass(1200);
    scene.act("win.close-tab");
    scene.until("it asks", || question().is_some());
    answer(&scene, "discard");
    scene.pass(1200);
    // What runs on without a window is held up by nobody.
    scene.run("echo");
    scene.shows("phase: Running");
    answer_to_closing(&scene, "_Keep Running");
    scene.until("it is closed", || !scene.window.widget.is_visible());
    scene.pass(500);
}

#[gtk::test]
fn logging_out_waits_while_something_would_be_lost() {
    if std::env::var_os(INNER).is_some() {
        return run_and_lose();
    }
    let bus = bus();
    let server = connect(&bus);
    let told = manager(&server);
    let name = "logout::logging_out_waits_while_something_would_be_lost";
    let own = std::env::current_exe().expect("this program");
    let mut inner = Command::new(own)
        .args(["--exact", name])
        .envs([("DBUS_SESSION_BUS_ADDRESS", &*bus.address), (INNER, "1"), ("NO_AT_BRIDGE", "1")])
        .env("GTK_A11Y", "none")
        .stdout(Stdio::inherit())
        .spawn()
        .expect("a program");
    let (context, begun) = (glib::MainContext::default(), Instant::now());
    let status = loop {
        context.iteration(false);
        if let Some(status) = inner.try_wait().expect("a status") {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{told:?}");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{told:?}");
    while context.iteration(false) {}
    let (runs, files) = ("Programs run in sandboxes", "Files that a sandbox wrote would be thrown away");
    let told = told.take();
    // Each of the three runs, the files of one of them, and what runs on.
    assert_eq!(told, [runs, "-", runs, "-", runs, "-", files, "-", runs, "-"]);
}
