// SPDX-License-Identifier: LGPL-2.1-or-later
//! Keys and the pointer: from a real keyboard and mouse, as far as the X
//! server is concerned, to what the guest's server hears.

use std::cell::RefCell;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use gtk::glib;
use gtk::prelude::*;
use spice_view::{
    Button, ChannelKind, Command, Connector, Cursor, CursorImage, Event, Link, Locks, MonitorId, MouseMode,
    Options, ScaleMode,
};

use crate::server::{picture, shows, words, Channel, Manner, Server, CURSOR, DISPLAY, INPUTS, MAIN};
use crate::stage::{pass, wait, Player, Stage};

/// Keys by the number that X gives them, which is the kernel's and eight.
pub const A: u32 = 38;
pub const LEFT_CTRL: u32 = 37;
pub const LEFT_ALT: u32 = 64;
const RIGHT: u32 = 114;

pub fn xdotool(arguments: &[&str]) -> String {
    let output = std::process::Command::new("xdotool").args(arguments).output().expect("xdotool can be run");
    assert!(output.status.success(), "xdotool {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn keys(action: &str, codes: &[u32]) {
    for code in codes {
        xdotool(&[action, &code.to_string()]);
    }
}

/// Pastes in the window with the keyboard.
pub fn paste() {
    xdotool(&["key", "ctrl+v"]);
}

/// The number that X has for the stage's window.
pub fn find(stage: &Stage, name: &str) -> String {
    stage.window.set_title(Some(name));
    let mut id = String::new();
    wait(10, "the window has its name", || {
        id = std::process::Command::new("xdotool")
            .args(["search", "--name", name])
            .output()
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
            .unwrap_or_default();
        !id.is_empty()
    });
    id
}

/// Gives the keyboard to the stage's window; there is no window manager.
pub fn focus(stage: &Stage, name: &str) -> String {
    let id = find(stage, name);
    xdotool(&["windowfocus", &id]);
    stage.view.grab_focus();
    wait(10, "the window has the keyboard", || stage.window.is_active() && stage.view.has_focus());
    id
}

pub fn key(code: u32, down: bool) -> Command {
    Command::Key(spice_view::from_hardware(code).unwrap(), down)
}

/// The numbers of the kernel that the 105 keys of a PC keyboard have.
fn pc_keyboard() -> Vec<u32> {
    let numbers = [1..=83, 86..=88, 96..=100, 102..=111, 119..=119, 125..=127];
    numbers.into_iter().flatten().collect()
}

#[gtk::test]
fn every_key_of_a_pc_keyboard_is_the_guests() {
    let codes: std::collections::HashSet<_> =
        pc_keyboard().into_iter().filter_map(|number| spice_view::from_hardware(number + 8)).collect();
    assert_eq!(codes.len(), 105, "each has a code, and no two have the same");
}

#[gtk::test]
fn a_guest_with_other_locks_is_told_again() {
    let (stage, player) = played(300, 200);
    focus(&stage, "spice-view locks");
    let mut here = None;
    wait(10, "the locks are told", || {
        let told = player.taken().into_iter().find_map(|command| match command {
            Command::Locks(locks) => Some(locks),
            _ => None,
        });
        here = here.or(told);
        here.is_some()
    });
    let here = here.expect("locks");
    pass(600);
    player.taken();
    player.teller.tell(&Event::Locks(here));
    assert!(player.taken().is_empty(), "they are in step");
    let others = Locks { caps: !here.caps, ..here };
    player.teller.tell(&Event::Locks(others));
    assert_eq!(player.taken(), [Command::Locks(here)]);
    // One that insists does not keep us busy.
    player.teller.tell(&Event::Locks(others));
    assert!(player.taken().is_empty());
}

/// Waits until these commands came, in this order, with others between them.
pub fn expect(player: &Player, expected: &[Command]) {
    let mut seen = Vec::new();
    wait(10, &format!("{expected:?}"), || {
        seen.extend(player.taken());
        let mut rest = seen.iter();
        expected.iter().all(|command| rest.any(|other| other == command))
    });
}

pub fn played(width: i32, height: i32) -> (Stage, Player) {
    let (stage, player) = (Stage::new(width, height), Player::new());
    player.teller.tell(&Event::MouseMode(MouseMode::Absolute));
    stage.view.set_link(Some(&player.link));
    player.show(width.unsigned_abs(), height.unsigned_abs(), |_, _| 0x80_8080);
    (stage, player)
}

#[gtk::test]
fn keys_go_to_the_guest_and_none_sticks() {
    let (stage, player) = played(300, 200);
    focus(&stage, "spice-view keys");
    wait(10, "the locks are told", || player.taken().iter().any(|c| matches!(c, Command::Locks(_))));
    keys("key", &[A, RIGHT]);
    expect(&player, &[key(A, true), key(A, false), key(RIGHT, true), key(RIGHT, false)]);

    // Another window takes the keyboard while a key is down.
    keys("keydown", &[A]);
    expect(&player, &[key(A, true)]);
    let other = Stage::new(100, 100);
    focus(&other, "spice-view other");
    expect(&player, &[key(A, false)]);
    keys("keyup", &[A]);
    pass(100);
    assert!(!player.taken().contains(&key(A, false)), "it is let go once");
}

#[gtk::test]
fn ctrl_and_alt_alone_are_the_way_out() {
    let (stage, player) = played(300, 200);
    let column = gtk::Box::new(gtk::Orientation::Vertical, 0);
    let beside = gtk::Button::with_label("beside");
    stage.window.set_child(None::<&gtk::Widget>);
    column.append(&stage.view);
    column.append(&beside);
    stage.view.set_vexpand(true);
    stage.window.set_child(Some(&column));
    focus(&stage, "spice-view way out");
    stage.draw();
    stage.view.set_grab(true);
    let left = Rc::new(RefCell::new(0));
    stage.view.connect_leave({
        let left = Rc::clone(&left);
        move |_| *left.borrow_mut() += 1
    });

    keys("keydown", &[LEFT_CTRL, LEFT_ALT, A]);
    keys("keyup", &[A, LEFT_ALT, LEFT_CTRL]);
    expect(&player, &[key(A, true), key(LEFT_CTRL, false)]);
    assert!(stage.view.grab() && stage.view.has_focus() && *left.borrow() == 0);

    keys("keydown", &[LEFT_CTRL, LEFT_ALT]);
    keys("keyup", &[LEFT_ALT, LEFT_CTRL]);
    wait(10, "the focus goes on", || beside.has_focus());
    assert_eq!((stage.view.grab(), *left.borrow()), (false, 1));
    expect(&player, &[key(LEFT_ALT, false), key(LEFT_CTRL, false)]);
    keys("key", &[A]);
    pass(100);
    assert!(player.taken().is_empty(), "what is typed elsewhere is not the guest's");
}

#[gtk::test]
fn the_pointer_points_where_it_is() {
    let (stage, player) = played(400, 300);
    focus(&stage, "spice-view pointer");
    // The guest's picture is scaled by two.
    player.show(200, 150, |_, _| 0x40_4040);
    stage.draw();
    let at = |x: &str, y: &str| xdotool(&["mousemove", x, y]);
    let position = |x, y| Command::Position(MonitorId(0), x, y);
    for ((x, y), guest) in [
        (("0", "0"), (0, 0)),
        (("399", "0"), (199, 0)),
        (("0", "299"), (0, 149)),
        (("399", "299"), (199, 149)),
        (("200", "150"), (100, 75)),
    ] {
        at(x, y);
        expect(&player, &[position(guest.0, guest.1)]);
    }
    for (number, button) in [
        ("1", Button::Left),
        ("2", Button::Middle),
        ("3", Button::Right),
        ("8", Button::Side),
        ("9", Button::Extra),
    ] {
        xdotool(&["click", number]);
        expect(&player, &[Command::Button(button, true), Command::Button(button, false)]);
    }
    xdotool(&["click", "4"]);
    expect(&player, &[Command::Wheel(-1)]);
    xdotool(&["click", "--repeat", "3", "5"]);
    expect(&player, &[Command::Wheel(1), Command::Wheel(1), Command::Wheel(1)]);

    // On a screen of another size the same pixel is told once more.
    at("0", "0");
    expect(&player, &[position(0, 0)]);
    xdotool(&["click", "1"]);
    expect(&player, &[Command::Button(Button::Left, false)]);
    player.show(640, 480, |_, _| 0x40_4040);
    stage.draw();
    xdotool(&["click", "1"]);
    expect(&player, &[position(0, 0), Command::Button(Button::Left, true)]);

    // A button that is down when the session ends is not pressed in the next.
    xdotool(&["mousedown", "1"]);
    expect(&player, &[Command::Button(Button::Left, true)]);
    player.teller.tell(&Event::State(spice_view::State::Closed));
    assert!(player.taken().contains(&Command::Button(Button::Left, false)));
    xdotool(&["mouseup", "1"]);
}

/// Scrolls to the ends and the middle of a picture of that size at that zoom,
/// and clicks there.
fn click_where_scrolled(
    scrolled: &gtk::ScrolledWindow,
    player: &Player,
    zoom: f64,
    (width, height): (u32, u32),
) {
    let step = |whole: u32, page: i32, part: f64| (f64::from(whole) * zoom - f64::from(page)) * part;
    for part in [0.0, 0.5, 1.0] {
        let port = (scrolled.child().expect("a port").width(), scrolled.child().expect("a port").height());
        scrolled.hadjustment().set_value(step(width, port.0, part));
        scrolled.vadjustment().set_value(step(height, port.1, part));
        let corner = (scrolled.hadjustment().value(), scrolled.vadjustment().value());
        pass(100);
        for (x, y) in [(10, 10), (port.0 / 2, port.1 / 2), (port.0 - 10, port.1 - 10)] {
            player.taken();
            xdotool(&["mousemove", &x.to_string(), &y.to_string(), "click", "1"]);
            let at = |corner: f64, at: i32| ((corner + f64::from(at)) / zoom) as u32;
            let (guest_x, guest_y) = (at(corner.0, x), at(corner.1, y));
            let mut last = None;
            wait(10, "the click", || {
                let mut done = false;
                for command in player.taken() {
                    match command {
                        Command::Position(_, x, y) => last = Some((x, y)),
                        Command::Button(Button::Left, true) => done = true,
                        _ => {}
                    }
                }
                done
            });
            let found = last.expect("a place before the button");
            let far = found.0.abs_diff(guest_x).max(found.1.abs_diff(guest_y));
            assert!(far <= 1, "{x},{y} at {part} of {width}x{height}: {found:?}, not {guest_x},{guest_y}");
        }
    }
}

#[gtk::test]
fn clicks_in_a_zoomed_view_land_where_they_are_seen() {
    let (stage, player) = played(400, 300);
    focus(&stage, "spice-view zoomed");
    stage.window.set_child(None::<&gtk::Widget>);
    let port = gtk::Viewport::builder().child(&stage.view).scroll_to_focus(false).build();
    let scrolled = gtk::ScrolledWindow::builder().child(&port).overlay_scrolling(false).build();
    stage.window.set_child(Some(&scrolled));
    stage.view.set_scale_mode(ScaleMode::Actual);
    // As large as a screen can be, then a size that comes while it is zoomed
    // and scrolled to the end of the one before.
    for (zoom, size) in [(1.5, (3864, 2143)), (1.5, (2001, 3003)), (0.5, (3864, 2143))] {
        stage.view.set_zoom(zoom);
        player.show(size.0, size.1, |_, _| 0x40_4040);
        let natural = |side: u32| (f64::from(side) * zoom).ceil() as i32;
        wait(10, "it is zoomed", || {
            (stage.view.width(), stage.view.height()) == (natural(size.0), natural(size.1))
        });
        click_where_scrolled(&scrolled, &player, zoom, size);
    }
}

#[gtk::test]
fn relative_movements_are_in_the_guests_pixels() {
    let (stage, player) = played(400, 300);
    focus(&stage, "spice-view relative");
    player.teller.tell(&Event::MouseMode(MouseMode::Relative));
    player.show(200, 150, |_, _| 0x40_4040);
    stage.draw();
    xdotool(&["mousemove", "100", "100"]);
    pass(100);
    player.taken();
    let (mut x, mut y) = (0, 0);
    xdotool(&["mousemove", "141", "80"]);
    wait(10, "the pointer moved", || {
        for command in player.taken() {
            if let Command::Motion(dx, dy) = command {
                (x, y) = (x + dx, y + dy);
            }
        }
        (x, y) == (20, -10)
    });
}

#[gtk::test]
fn the_guests_pointer_is_drawn_where_the_guest_has_it() {
    let (stage, player) = played(200, 150);
    stage.view.set_scale_mode(ScaleMode::Actual);
    player.teller.tell(&Event::MouseMode(MouseMode::Relative));
    let image = CursorImage { width: 4, height: 4, hot_x: 1, hot_y: 2, rgba: [255, 0, 0, 255].repeat(16) };
    player.teller.tell(&Event::Cursor(Cursor::Shape(image)));
    player.teller.tell(&Event::CursorAt(50, 60));
    let (drawn, width) = stage.draw();
    let red: Vec<usize> = (0..drawn.len()).filter(|at| drawn[*at] == 0xffff_0000).collect();
    assert_eq!((red.len(), red[0]), (16, 58 * width + 49));
    player.teller.tell(&Event::MouseMode(MouseMode::Absolute));
    assert!(!stage.draw().0.contains(&0xffff_0000), "GTK shows it instead");
    assert!(stage.view.cursor().is_some_and(|cursor| cursor.hotspot_x() == 1 && cursor.hotspot_y() == 2));
    player.teller.tell(&Event::Cursor(Cursor::Hidden));
    assert!(stage.view.cursor().is_some_and(|cursor| cursor.name().as_deref() == Some("none")));
    player.teller.tell(&Event::Cursor(Cursor::Default));
    assert!(stage.view.cursor().is_none());
}

/// What the server's channel of input hears: message and content.
fn heard(server: &Server, seen: &mut Vec<(u16, Vec<u8>)>) {
    seen.extend(server.taken().into_iter().filter(|m| m.0 == INPUTS).map(|m| (m.1, m.2)));
}

#[gtk::test]
fn the_server_hears_scancodes_and_buttons() {
    let server = Server::start(shows(|channel| picture(channel, 64, 64)));
    let (stage, link) = (Stage::new(300, 200), server.link());
    stage.connect(&link, 10);
    let locks: Rc<RefCell<Vec<Locks>>> = Rc::default();
    let _listener = link.listen({
        let locks = Rc::clone(&locks);
        move |event| {
            if let Event::Locks(now) = event {
                locks.borrow_mut().push(*now);
            }
        }
    });
    let mut seen = Vec::new();
    // The channel of input may open after that of pictures.
    wait(10, "keys arrive", || {
        stage.view.send_keys(&"Ctrl+Delete".parse().unwrap());
        pass(50);
        heard(&server, &mut seen);
        seen.len() >= 4
    });
    let last: Vec<_> = seen.iter().rev().take(4).rev().cloned().collect();
    let code = |down: bool, code: u32| (if down { 101 } else { 102 }, words(&[code]));
    assert_eq!(last, [code(true, 0x1d), code(true, 0x53e0), code(false, 0xd3e0), code(false, 0x9d)]);

    pass(50);
    server.taken();
    seen.clear();
    stage.view.send_keys(&"Pause".parse().unwrap());
    link.send(Command::Position(MonitorId(0), 12, 34));
    link.send(Command::Button(Button::Right, true));
    link.send(Command::Wheel(-2));
    link.send(Command::Locks(Locks { caps: true, num: false, scroll: true }));
    wait(10, "all is heard", || {
        heard(&server, &mut seen);
        seen.iter().any(|(kind, content)| *kind == 103 && content == &[5, 0])
    });
    assert_eq!(seen[..4], [code(true, 0x1de1), code(true, 0x45), code(false, 0x9de1), code(false, 0xc5)]);
    assert!(seen.contains(&(112, [words(&[12, 34]), vec![0, 0, 0]].concat())), "{seen:?}");
    assert!(seen.contains(&(113, vec![3, 4, 0])), "{seen:?}");
    assert_eq!(seen.iter().filter(|m| **m == (113, vec![4, 4, 0])).count(), 2, "{seen:?}");
}

/// What is typed as soon as there is a picture waits for its channel.
#[gtk::test]
fn keys_before_their_channel_is_there_arrive() {
    let server = Server::start(shows(|channel| picture(channel, 64, 64)));
    let path = server.path();
    let late = Connector::new(move |kind| {
        let path = path.clone();
        async move {
            if kind == ChannelKind::Inputs {
                glib::timeout_future(Duration::from_millis(700)).await;
            }
            UnixStream::connect(path).map(Into::into)
        }
    });
    let link = spice_view::open(late, Options::default());
    let stage = Stage::new(300, 200);
    stage.connect(&link, 10);
    link.send(Command::Locks(Locks { caps: true, num: false, scroll: false }));
    link.send(key(A, true));
    link.send(key(A, false));
    let mut seen = Vec::new();
    wait(10, "keys arrive", || {
        heard(&server, &mut seen);
        seen.iter().any(|(kind, _)| *kind == 102)
    });
    let at = seen.iter().position(|(kind, _)| *kind == 101).expect("it goes down first");
    assert_eq!(seen[at..], [(101, words(&[0x1e])), (102, words(&[0x9e]))]);
    assert!(seen[..at].contains(&(103, vec![4, 0])), "after the locks: {seen:?}");
}

/// A server that sends these messages on its channel of the pointer.
fn pointing(messages: Vec<(u16, Vec<u8>)>) -> Manner {
    Manner::Speaks(std::sync::Arc::new(move |channel: &mut Channel| match channel.kind {
        MAIN => crate::server::begin(channel, false, &[(DISPLAY, 0), (INPUTS, 0), (CURSOR, 0)]),
        DISPLAY => {
            channel.hear()?;
            picture(channel, 64, 64)
        }
        INPUTS => channel.send(101, &[2, 0]),
        _ => messages.iter().try_for_each(|(kind, content)| channel.send(*kind, content)),
    }))
}

/// A pointer's message: init or set, with the shape as SPICE sends it.
pub fn shape(kind: u16, form: u8, width: u16, height: u16, hot: (u16, u16), data: &[u8]) -> (u16, Vec<u8>) {
    // Position; for init also the trail; whether it is seen.
    let mut content = vec![0; if kind == 101 { 8 } else { 4 }];
    content.push(1);
    content.extend([0, 0]);
    content.extend([1, 0, 0, 0, 0, 0, 0, 0, form]);
    for value in [width, height, hot.0, hot.1] {
        content.extend(value.to_le_bytes());
    }
    content.extend(data);
    (kind, content)
}

fn last_cursor(link: &Link) -> Rc<RefCell<Cursor>> {
    let cursor: Rc<RefCell<Cursor>> = Rc::default();
    let listener = link.listen({
        let cursor = Rc::clone(&cursor);
        move |event| {
            if let Event::Cursor(now) = event {
                cursor.replace(now.clone());
            }
        }
    });
    // It listens as long as the test runs.
    std::mem::forget(listener);
    cursor
}

#[gtk::test]
fn pointers_of_every_kind() {
    let alpha = [[1, 2, 3, 4].as_slice(), &[5, 6, 7, 8]].concat();
    // A column of eight: the mask, then what is turned over.
    let mono = [[0x00; 8], [0xff, 0, 0, 0, 0, 0, 0, 0]].concat();
    // Pixels, then a mask of what is seen through.
    let short = [[0x1f, 0].as_slice(), &[0x00, 0x7c], &[0x40]].concat();
    for (form, width, height, data) in [(0, 2, 1, alpha), (1, 8, 8, mono), (4, 2, 1, short)] {
        let server = Server::start(pointing(vec![shape(101, form, width, height, (1, 0), &data)]));
        let (stage, link) = (Stage::new(300, 200), server.link());
        let cursor = last_cursor(&link);
        stage.connect(&link, 10);
        wait(10, "the pointer has a shape", || matches!(*cursor.borrow(), Cursor::Shape(_)));
        let Cursor::Shape(image) = cursor.borrow().clone() else { unreachable!() };
        assert_eq!((image.width, image.height), (u32::from(width), u32::from(height)));
        assert_eq!((image.hot_x, image.hot_y), (1, 0));
        assert_eq!(image.rgba.len(), usize::from(width * height) * 4);
        match form {
            0 => assert_eq!(image.rgba, [3, 2, 1, 4, 7, 6, 5, 8]),
            1 => assert!(image.rgba.chunks_exact(4).any(|p| p[3] != 0), "it can be seen"),
            _ => assert_eq!(image.rgba[..4], [0, 0, 248, 255]),
        }
    }
}

#[gtk::test]
fn pointers_that_are_refused_are_the_default() {
    let large = vec![0x7f; 4 * 600 * 600];
    let messages = vec![
        shape(101, 0, 2, 1, (9, 9), &[1; 8]),
        shape(103, 0, 600, 600, (0, 0), &large),
        (105, vec![]),
        (104, vec![1, 0, 1, 0]),
    ];
    let server = Server::start(pointing(messages));
    let (stage, link) = (Stage::new(300, 200), server.link());
    let seen: Rc<RefCell<Vec<Cursor>>> = Rc::default();
    let _listener = link.listen({
        let seen = Rc::clone(&seen);
        move |event| {
            if let Event::Cursor(now) = event {
                seen.borrow_mut().push(now.clone());
            }
        }
    });
    stage.connect(&link, 10);
    wait(10, "the pointer was hidden and came back", || {
        let hidden = seen.borrow().iter().position(|cursor| *cursor == Cursor::Hidden);
        hidden.is_some_and(|at| seen.borrow().len() > at + 1)
    });
    let shapes: Vec<_> = seen.borrow().iter().filter(|c| matches!(c, Cursor::Shape(_))).cloned().collect();
    assert_eq!(shapes.len(), 1);
    assert!(matches!(&shapes[0], Cursor::Shape(image) if (image.hot_x, image.hot_y) == (1, 0)));
    assert_eq!(seen.borrow().last(), Some(&Cursor::Default));
}
