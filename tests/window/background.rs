// SPDX-License-Identifier: LGPL-2.1-or-later
//! A window that leaves something running, and the desktop's portal for that,
//! on a bus of the test's own.

use crate::bus::Bus;
use crate::{answer_to_closing, Scene};
use adw::prelude::*;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::sandbox::{Driver, State};

const PORTAL: &str = "<node><interface name='org.freedesktop.portal.Background'>\
    <method name='RequestBackground'><arg type='s' direction='in'/><arg type='a{sv}' direction='in'/>\
    <arg type='o' direction='out'/></method></interface></node>";

/// What the portal does when it is asked.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Answers,
    Refuses,
    Hangs,
}

/// Nothing is started on it.
pub fn bus() -> Bus {
    Bus::start([("XDG_DATA_DIRS", "/nonexistent"), ("XDG_DATA_HOME", "/nonexistent")])
}

pub fn connect(bus: &Bus) -> gio::DBusConnection {
    let flags =
        gio::DBusConnectionFlags::AUTHENTICATION_CLIENT | gio::DBusConnectionFlags::MESSAGE_BUS_CONNECTION;
    gio::DBusConnection::for_address_sync(&bus.address, flags, None, gio::Cancellable::NONE).expect("a bus")
}

/// What it was asked.
type Asked = Rc<RefCell<Vec<glib::Variant>>>;

fn portal(bus: &gio::DBusConnection, manner: Manner) -> Asked {
    let asked = Asked::default();
    let (told, node) = (asked.clone(), gio::DBusNodeInfo::for_xml(PORTAL).expect("an interface"));
    let interface = node.lookup_interface("org.freedesktop.portal.Background").expect("an interface");
    let held = RefCell::new(Vec::new());
    let registered = bus
        .register_object("/org/freedesktop/portal/desktop", &interface)
        .method_call(move |_, _, _, _, _, arguments, call| {
            told.borrow_mut().push(arguments);
            match manner {
                Manner::Answers => {
                    let path = glib::variant::ObjectPath::try_from("/request/1".to_owned()).expect("a path");
                    call.return_value(Some(&(path,).to_variant()));
                }
                Manner::Refuses => {
                    call.return_dbus_error("org.freedesktop.portal.Error.NotAllowed", "no");
                }
                Manner::Hangs => held.borrow_mut().push(call),
            }
        })
        .build();
    registered.expect("an object");
    has_name(bus, "org.freedesktop.portal.Desktop");
    asked
}

/// Others on the bus find it by this name.
pub fn has_name(bus: &gio::DBusConnection, own: &str) {
    let wish = (own, 0_u32).to_variant();
    let (name, path) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
    let (flags, patience) = (gio::DBusCallFlags::NONE, 5000);
    bus.call_sync(
        Some(name),
        path,
        name,
        "RequestName",
        Some(&wish),
        None,
        flags,
        patience,
        gio::Cancellable::NONE,
    )
    .expect("the name");
}

/// Closes a window in which something runs, and keeps that.
fn closed(manner: Option<Manner>) -> (Vec<glib::Variant>, Duration) {
    let bus = bus();
    let (scene, begun) = (Scene::new(), Cell::new(Instant::now()));
    let server = connect(&bus);
    let asked = manner.map(|manner| portal(&server, manner));
    scene.window.speak_on(&connect(&bus));
    scene.run("echo");
    scene.shows("phase: Running");
    answer_to_closing(&scene, "_Keep Running");
    begun.set(Instant::now());
    scene.until("it is closed", || !scene.window.widget.is_visible());
    let is_there = || gtk::Window::list_toplevels().iter().any(|one| one == &scene.window.widget);
    scene.until("it is gone", || !is_there());
    assert_eq!(scene.fake.list().sandboxes[0].state, State::Running);
    (asked.map(|asked| asked.take()).unwrap_or_default(), begun.get().elapsed())
}

#[gtk::test]
fn the_desktop_is_asked_whether_programs_may_run_on() {
    let (asked, _) = closed(Some(Manner::Answers));
    assert_eq!(asked.len(), 1, "{asked:?}");
    let options = glib::VariantDict::new(Some(&asked[0].child_value(1)));
    let reason = options.lookup::<String>("reason").expect("text").unwrap_or_default();
    assert!(reason.contains("run on"), "{reason}");
    assert_eq!(options.lookup::<bool>("autostart"), Ok(Some(false)));
}

#[gtk::test]
fn they_run_on_without_an_answer() {
    assert_eq!(closed(Some(Manner::Refuses)).0.len(), 1);
    let (asked, took) = closed(Some(Manner::Hangs));
    assert!(asked.len() == 1 && took < Duration::from_secs(5), "{took:?}");
    let (asked, took) = closed(None);
    assert!(asked.is_empty() && took < Duration::from_secs(3), "{took:?}");
}
