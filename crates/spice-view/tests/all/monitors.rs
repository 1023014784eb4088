// SPDX-License-Identifier: LGPL-2.1-or-later
//! A guest with several monitors: one session, a view for each.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{mpsc, Arc, Mutex};

use spice_view::{Command, Cursor, Event, MonitorId};

use crate::input::shape;
use crate::server::{begin, heads, picture, shows, whiten, words, Channel, Manner, Server};
use crate::server::{CURSOR, DISPLAY, INPUTS, MAIN};
use crate::stage::{wait, Stage};

const BLACK: u32 = 0xff00_0000;
const WHITE: u32 = 0xffff_ffff;

fn count(stage: &Stage, colour: u32) -> usize {
    stage.draw().0.iter().filter(|pixel| **pixel == colour).count()
}

/// Two views of one session, each with its monitor.
fn two(server: &Server) -> (Stage, Stage, spice_view::Link) {
    let (one, two, link) = (Stage::new(200, 100), Stage::new(100, 100), server.link());
    two.view.set_monitor(1);
    one.connect(&link, 10);
    two.connect(&link, 10);
    (one, two, link)
}

/// Where the server hears the pointer: x, y and the monitor.
fn heard_at(server: &Server, seen: &mut Vec<(u32, u32, u8)>) {
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let positions =
        server.taken().into_iter().filter(|(kind, message, _)| (*kind, *message) == (INPUTS, 112));
    seen.extend(positions.map(|(.., at)| (number(&at[..4]), number(&at[4..8]), at[10])));
}

#[gtk::test]
fn two_monitors_of_one_surface() {
    let (say, said) = mpsc::channel();
    let said = Mutex::new(said);
    let server = Server::start(shows(move |channel| {
        picture(channel, 300, 100)?;
        heads(channel, &[[0, 0, 200, 100, 0, 0, 0], [1, 0, 100, 100, 200, 0, 0]])?;
        whiten(channel, 210, 0, 90, 100)?;
        if said.lock().unwrap().recv().is_ok() {
            heads(channel, &[[0, 0, 200, 100, 0, 0, 0]])?;
        }
        Ok(())
    }));
    let (one, two, link) = two(&server);
    wait(10, "each view shows its part", || count(&one, WHITE) == 0 && count(&two, WHITE) == 90 * 100);
    assert_eq!(one.view.monitors(), [MonitorId(0), MonitorId(1)]);

    // There is no agent: a tablet is told where on the whole it is.
    let mut seen = Vec::new();
    // Beside where the screen's own pointer happens to be.
    wait(10, "the pointer is heard of", || {
        link.send(Command::Position(MonitorId(1), 12, 34));
        heard_at(&server, &mut seen);
        seen.contains(&(212, 34, 1))
    });

    let told = Rc::new(Cell::new(false));
    two.view.connect_monitors_changed({
        let told = Rc::clone(&told);
        move |view| told.set(view.monitors() == [MonitorId(0)])
    });
    say.send(()).unwrap();
    wait(10, "the second one is gone", || told.get());
    assert_eq!((two.view.guest_width(), count(&two, WHITE)), (0, 0));
    assert!(link.picture(MonitorId(1)).is_none() && two.view.screenshot().is_none());
    assert_eq!(one.view.guest_width(), 200);
}

/// Two channels of pictures, each with a pointer of its own, and an agent.
fn two_channels() -> Manner {
    Manner::Speaks(Arc::new(|channel: &mut Channel| match (channel.kind, channel.number) {
        (MAIN, _) => {
            let all = [(DISPLAY, 0), (DISPLAY, 1), (INPUTS, 0), (CURSOR, 0), (CURSOR, 1)];
            begin(channel, true, &all)
        }
        (DISPLAY, 0) => {
            channel.hear()?;
            picture(channel, 200, 100)
        }
        (DISPLAY, _) => {
            channel.hear()?;
            picture(channel, 100, 50)?;
            whiten(channel, 0, 0, 100, 50)
        }
        (INPUTS, _) => channel.send(101, &[0, 0]),
        (CURSOR, number) => {
            let (kind, content) = shape(101, 0, 1, 1, (0, 0), &[number + 1, 0, 0, 255]);
            channel.send(kind, &content)
        }
        _ => Ok(()),
    }))
}

#[gtk::test]
fn two_channels_of_pictures() {
    let server = Server::start(two_channels());
    let (one, two, link) = two(&server);
    wait(10, "each has its size", || (one.view.guest_width(), two.view.guest_width()) == (200, 100));
    wait(10, "each view shows its own", || count(&one, WHITE) == 0 && count(&two, WHITE) >= 100 * 50);
    assert_eq!(count(&one, BLACK), 200 * 100);
    // With an agent the place is that on the monitor.
    let mut seen = Vec::new();
    // Beside where the screen's own pointer happens to be.
    wait(10, "the pointer is heard of", || {
        link.send(Command::Position(MonitorId(1), 12, 34));
        heard_at(&server, &mut seen);
        seen.contains(&(12, 34, 1))
    });
    // Shown on another monitor, a view forgets what it showed.
    two.view.set_monitor(0);
    assert_eq!(two.view.guest_width(), 200);
    two.view.set_monitor(7);
    assert_eq!(two.view.guest_width(), 0);
    assert!(two.draw().0.iter().all(|pixel| *pixel == BLACK));
}

#[gtk::test]
fn each_channel_has_its_own_pointer() {
    let server = Server::start(two_channels());
    let stage = Stage::new(200, 100);
    let link = server.link();
    let shapes: Rc<std::cell::RefCell<Vec<(u32, Cursor)>>> = Rc::default();
    let _listener = link.listen({
        let shapes = Rc::clone(&shapes);
        move |event| match event {
            Event::Cursor(cursor) => shapes.borrow_mut().push((0, cursor.clone())),
            Event::CursorOn(monitor, cursor) => shapes.borrow_mut().push((monitor.0, cursor.clone())),
            _ => {}
        }
    });
    stage.connect(&link, 10);
    let blue = |monitor: u32| {
        let shapes = shapes.borrow();
        let last = shapes.iter().rev().find(|(id, _)| *id == monitor).map(|(_, cursor)| cursor.clone());
        last.and_then(|cursor| if let Cursor::Shape(image) = cursor { Some(image.rgba[2]) } else { None })
    };
    wait(10, "both have their pointer", || (blue(0), blue(1)) == (Some(1), Some(2)));
    // Who comes late hears of both.
    shapes.borrow_mut().clear();
    let _late = link.listen({
        let shapes = Rc::clone(&shapes);
        move |event| {
            if let Event::CursorOn(monitor, cursor) = event {
                shapes.borrow_mut().push((monitor.0, cursor.clone()));
            }
        }
    });
    assert_eq!(blue(1), Some(2));
}

#[gtk::test]
fn a_monitor_is_asked_for_and_turned_off() {
    let (_stage, guest, link) = crate::clipboard::begin_with(spice_view::ClipboardPolicy::Off);
    link.send(Command::Resize(MonitorId(0), 640, 480));
    link.send(Command::Resize(MonitorId(1), 320, 240));
    // The agent's message: how many, flags, then height, width, depth, x and y of each.
    let monitors = |guest: &crate::clipboard::Guest| guest.whole(2).pop();
    wait(10, "two are asked for", || {
        monitors(&guest).is_some_and(|m| m[..4] == words(&[2]) && m[28..36] == words(&[240, 320]))
    });
    link.send(Command::Resize(MonitorId(1), 0, 0));
    wait(10, "one is left", || monitors(&guest).is_some_and(|m| m[..4] == words(&[1])));
    link.send(Command::Resize(MonitorId(0), 0, 0));
    crate::stage::pass(1500);
    assert!(monitors(&guest).is_some_and(|m| m[..4] == words(&[1])), "the first stays");
}
