// SPDX-License-Identifier: LGPL-2.1-or-later
//! How sessions and views end, and that nothing is left of them.

use std::sync::Arc;

use gtk::prelude::*;
use spice_view::{CloseReason, Command, Link, Options, State};

use crate::server::{begin, picture, shows, Channel, Manner, Server, DISPLAY, INPUTS, MAIN};
use crate::stage::{pass, wait, Stage};

/// The files that this process has open.
fn list() -> Vec<String> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(std::fs::read_link(entry.path()).ok()?.display().to_string()))
        .collect();
    names.sort();
    names
}

fn files() -> usize {
    list().len()
}

/// The memory of this process, in bytes.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Waits until no more files are open than that: the server's threads need time.
fn await_files(most: usize) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    wait(20, "files are closed", || files() <= most || std::time::Instant::now() > end);
    let list = list();
    assert!(list.len() <= most, "{} files instead of {most}: {list:#?}", list.len());
}

fn large() -> Manner {
    shows(|channel| picture(channel, 1024, 768))
}

#[gtk::test]
fn fifty_beginnings_leave_nothing_behind() {
    let server = Server::start(large());
    let (stage, link) = (Stage::new(300, 200), server.link());
    let again = |times: usize| {
        for _ in 0..times {
            stage.view.reconnect();
            assert_eq!(stage.view.state(), State::Connecting);
            stage.connect(&link, 10);
            wait(10, "there is a picture", || stage.view.guest_width() == 1024);
        }
    };
    stage.connect(&link, 10);
    again(10);
    pass(100);
    let (open, before) = (files(), memory());
    again(50);
    await_files(open);
    // One picture is 3 MiB here and 3 MiB more at spice-glib.
    let grown = memory().saturating_sub(before);
    assert!(grown < 24 << 20, "{grown} bytes more");

    // And one that is given up before it is there.
    for _ in 0..50 {
        stage.view.reconnect();
        pass(1);
    }
    stage.connect(&link, 10);
    await_files(open);
}

#[gtk::test]
fn closing_says_why() {
    let server = Server::start(large());
    let (stage, link) = (Stage::new(300, 200), server.link());
    stage.connect(&link, 10);
    assert_eq!(link.close_reason(), None);
    link.send(Command::Close);
    assert_eq!((stage.view.state(), stage.view.close_reason()), (State::Closed, Some(CloseReason::Asked)));
    link.send(Command::Close);
    stage.view.reconnect();
    assert_eq!((link.state(), link.close_reason()), (State::Connecting, None));
    stage.connect(&link, 10);
}

/// A server that closes all of a session's connections when told, and then
/// greets nobody any more.
fn leaving(goes_on: bool) -> (Server, std::sync::mpsc::Sender<()>) {
    let (say, said) = std::sync::mpsc::channel();
    let said = std::sync::Mutex::new(said);
    let script = move |channel: &mut Channel| match channel.kind {
        MAIN => {
            begin(channel, false, &[(DISPLAY, 0), (INPUTS, 0)])?;
            said.lock().unwrap().recv().ok();
            channel.close(goes_on)
        }
        DISPLAY => {
            channel.hear()?;
            picture(channel, 64, 64)
        }
        _ => channel.send(101, &[0, 0]),
    };
    (Server::start(Manner::Speaks(Arc::new(script))), say)
}

#[gtk::test]
fn a_server_that_goes_on_without_us_and_one_that_does_not() {
    for (goes_on, reason) in [(true, CloseReason::TakenOver), (false, CloseReason::Ended)] {
        let (server, say) = leaving(goes_on);
        let (stage, link) = (Stage::new(300, 200), server.link());
        stage.connect(&link, 10);
        wait(10, "there is a picture", || stage.view.guest_width() == 64);
        say.send(()).unwrap();
        wait(10, "the end is told", || stage.view.state() == State::Closed);
        assert_eq!(link.close_reason(), Some(reason));
        assert_eq!(stage.view.guest_width(), 64, "the last picture is kept");
    }
}

#[gtk::test]
fn what_is_done_while_the_end_is_looked_into() {
    // Begun anew: the old end is not told. Closed: it is told at once, as asked.
    let stage = Stage::new(300, 200);
    for again in [true, false] {
        let (server, say) = leaving(false);
        let link = server.link();
        stage.connect(&link, 10);
        say.send(()).unwrap();
        pass(300);
        if !stage.view.state().is_connected() {
            // It was looked into already; on a slow machine there is nothing to see.
            continue;
        }
        link.send(if again { Command::Reconnect } else { Command::Close });
        let expected =
            if again { (State::Connecting, None) } else { (State::Closed, Some(CloseReason::Asked)) };
        assert_eq!((link.state(), link.close_reason()), expected);
        pass(1500);
        if !again {
            assert_eq!((link.state(), link.close_reason()), expected);
        }
    }
}

/// A view is dropped, with its window, in a state.
fn dropped_in(begin: impl Fn(&Stage) -> Link) {
    let before = files();
    let weak = {
        let stage = Stage::new(300, 200);
        stage.view.set_clipboard_policy(spice_view::ClipboardPolicy::Both);
        let _link = begin(&stage);
        stage.view.downgrade()
    };
    wait(10, "nobody keeps the view", || weak.upgrade().is_none());
    await_files(before);
}

#[gtk::test]
fn a_view_can_go_in_any_state() {
    let (shows, stalls) = (Server::start(large()), Server::start(Manner::Stalls));
    let closes = Server::start(Manner::Closes);
    // The first window and the first session leave things of GTK's behind.
    Stage::new(300, 200).connect(&shows.link(), 10);
    pass(200);
    let nowhere = || spice_view::open(spice_view::Connector::unix("/nonexistent"), Options::default());
    let with = |link: Link| {
        move |stage: &Stage| {
            stage.view.set_link(Some(&link));
            link.clone()
        }
    };
    for _ in 0..5 {
        dropped_in(|_| Link::new(|_| |_| ()));
        dropped_in(|stage| with(stalls.link())(stage));
        dropped_in(|stage| {
            pass(20);
            with(closes.link())(stage)
        });
        dropped_in(|stage| with(nowhere())(stage));
        dropped_in(|stage| {
            let link = shows.link();
            stage.connect(&link, 10);
            link
        });
        dropped_in(|stage| {
            let link = shows.link();
            stage.connect(&link, 10);
            link.send(Command::Close);
            link
        });
        dropped_in(|stage| {
            let (server, say) = leaving(false);
            let link = server.link();
            stage.connect(&link, 10);
            say.send(()).unwrap();
            pass(100);
            link
        });
    }
}

#[gtk::test]
fn a_session_outlives_its_views() {
    let server = Server::start(large());
    let link = server.link();
    for _ in 0..3 {
        let stage = Stage::new(300, 200);
        stage.connect(&link, 10);
        wait(10, "there is a picture", || stage.view.guest_width() == 1024);
        stage.view.set_link(None);
        assert_eq!((stage.view.guest_width(), stage.view.state()), (0, State::Idle));
    }
    assert!(link.state().is_connected());
}
