// SPDX-License-Identifier: LGPL-2.1-or-later
//! Servers that mean harm, or are broken: the view says so, and goes on.

use std::sync::Arc;

use spice_view::{Command, Event, Failure, FailureKind, MonitorId, State};

use crate::server::{begin, heads, picture, shows, whiten, words, Manner, Server, DISPLAY, INPUTS, MAIN};
use crate::stage::{pass, pixels_of, wait, Stage};

/// Connects, and gives the failure that must come of it.
fn failure(manner: Manner) -> Failure {
    let (server, stage) = (Server::start(manner), Stage::new(300, 200));
    stage.view.set_link(Some(&server.link()));
    let mut failure = None;
    wait(15, "it fails", || {
        if let State::Failed(why) = stage.view.state() {
            failure = Some(why);
        }
        failure.is_some()
    });
    failure.unwrap()
}

/// Bytes without order that are the same each time.
pub fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[gtk::test]
fn a_server_that_closes_at_once() {
    assert_eq!(failure(Manner::Closes).kind, FailureKind::Protocol);
}

#[gtk::test]
fn a_server_that_stalls() {
    assert_eq!(failure(Manner::Stalls).kind, FailureKind::Timeout);
}

#[gtk::test]
fn a_server_that_stalls_after_half_a_greeting() {
    assert_eq!(failure(Manner::Says(b"REDQ\x02\0\0\0".to_vec())).kind, FailureKind::Timeout);
}

#[gtk::test]
fn a_server_that_says_anything() {
    for seed in 0..8 {
        assert_eq!(failure(Manner::Says(noise(1000, seed))).kind, FailureKind::Protocol);
    }
    assert_eq!(failure(Manner::Floods(noise(4096, 99))).kind, FailureKind::Protocol);
    // A greeting that announces four gigabytes, and one that floods behind it.
    let mut greeting = b"REDQ".to_vec();
    greeting.extend(words(&[2, 2, u32::MAX]));
    let kind = failure(Manner::Says(greeting.clone())).kind;
    assert!(matches!(kind, FailureKind::Protocol | FailureKind::Timeout), "{kind:?}");
}

#[gtk::test]
fn a_server_that_is_not_there() {
    let stage = Stage::new(300, 200);
    let link = spice_view::open(spice_view::Connector::unix("/nonexistent/socket"), Default::default());
    stage.view.set_link(Some(&link));
    wait(
        10,
        "it fails",
        || matches!(stage.view.state(), State::Failed(ref why) if why.kind == FailureKind::Unreachable),
    );
}

#[gtk::test]
fn a_server_without_pictures() {
    let script = |channel: &mut crate::server::Channel| match channel.kind {
        MAIN => begin(channel, false, &[(INPUTS, 0)]),
        _ => Ok(()),
    };
    assert_eq!(failure(Manner::Speaks(Arc::new(script))).kind, FailureKind::Timeout);
}

#[gtk::test]
fn pictures_that_are_refused() {
    for (width, height, format) in [(20_000, 10, 32), (10, 20_000, 96), (16_384, 16_384, 32), (64, 64, 8)] {
        let script = move |channel: &mut crate::server::Channel| {
            channel.send(314, &words(&[0, width, height, format, 1]))?;
            channel.send(102, &[])
        };
        let failure = failure(shows(script));
        assert_eq!(failure.kind, FailureKind::Refused, "{width}x{height} as {format}: {failure}");
    }
}

#[gtk::test]
fn a_picture_is_drawn_and_its_part_changes() {
    let server = Server::start(shows(|channel| {
        picture(channel, 300, 200)?;
        whiten(channel, 10, 20, 30, 40)
    }));
    let (stage, link) = (Stage::new(300, 200), server.link());
    stage.connect(&link, 10);
    let white = |pixels: &[u32]| pixels.iter().filter(|pixel| **pixel == 0xffff_ffff).count();
    wait(10, "white is drawn", || {
        link.picture(MonitorId(0)).is_some_and(|picture| white(&pixels_of(&picture)) == 30 * 40)
    });
    let (drawn, width) = stage.draw();
    assert_eq!((white(&drawn), drawn[20 * width + 10], drawn[20 * width + 9]), (1200, u32::MAX, 0xff00_0000));
}

#[gtk::test]
fn monitors_beyond_the_picture_are_cut_or_left_out() {
    let server = Server::start(shows(|channel| {
        picture(channel, 400, 100)?;
        let all = [
            [0, 0, 200, 100, 0, 0, 0],
            [1, 0, u32::MAX, u32::MAX, 200, 0, 0],
            [2, 0, 100, 100, 4000, 0, 0],
            [0, 0, 400, 100, 0, 0, 0],
            [7, 5, 400, 100, 0, 0, 0],
        ];
        heads(channel, &all)
    }));
    let (stage, link) = (Stage::new(300, 200), server.link());
    stage.connect(&link, 10);
    wait(10, "two monitors are left", || link.monitors() == [MonitorId(0), MonitorId(1)]);
    let size = |id| link.picture(MonitorId(id)).map(|picture| (picture.width(), picture.height()));
    wait(10, "both have a picture", || size(0) == Some((200, 100)) && size(1) == Some((200, 100)));
}

#[gtk::test]
fn noise_on_an_open_channel_hangs_nothing() {
    for seed in 0..6 {
        let manner = shows(move |channel| {
            picture(channel, 64, 64)?;
            for at in 0..50 {
                channel.send(2000 + at, &noise(usize::from(at) * 7, seed))?;
            }
            channel.raw(&noise(5, seed))
        });
        let (server, stage) = (Server::start(manner), Stage::new(300, 200));
        let link = server.link();
        stage.view.set_link(Some(&link));
        wait(10, "the picture came or the session ended", || {
            stage.view.guest_width() == 64 || matches!(stage.view.state(), State::Failed(_))
        });
        pass(50);
        link.send(Command::Close);
        assert!(!stage.view.state().is_connected());
    }
}

#[gtk::test]
fn a_server_that_closes_in_the_middle_of_a_message() {
    let manner = shows(|channel| {
        picture(channel, 64, 64)?;
        // The client drew what it got before it says that the marker is known.
        channel.send(4, &words(&[1, 0, 0]))?;
        while channel.hear()?.0 != 3 {}
        std::thread::sleep(std::time::Duration::from_millis(300));
        channel.raw(&[0x3a, 1, 0xff, 0, 0, 0, 1, 2, 3])?;
        Err(std::io::ErrorKind::BrokenPipe.into())
    });
    let (server, stage) = (Server::start(manner), Stage::new(300, 200));
    let link = server.link();
    stage.view.set_link(Some(&link));
    wait(10, "there is a picture", || stage.view.guest_width() == 64);
    wait(10, "the end is noticed", || matches!(stage.view.state(), State::Closed | State::Failed(_)));
    assert_eq!(stage.view.guest_width(), 64, "the last picture is kept");
}

#[gtk::test]
fn too_many_channels_are_left_out() {
    let manner = Manner::Speaks(Arc::new(|channel| match channel.kind {
        MAIN => {
            let channels: Vec<_> = (0..=255).map(|number| (DISPLAY, number)).collect();
            begin(channel, false, &channels)
        }
        _ => picture(channel, 32, 32),
    }));
    let (server, stage) = (Server::start(manner), Stage::new(300, 200));
    let link = server.link();
    let dropped = std::rc::Rc::new(std::cell::Cell::new(0));
    let _listener = link.listen({
        let dropped = std::rc::Rc::clone(&dropped);
        move |event| {
            if matches!(event, Event::Dropped(_)) {
                dropped.set(dropped.get() + 1);
            }
        }
    });
    stage.connect(&link, 10);
    wait(10, "sixteen are used", || link.monitors().len() == 16);
    wait(10, "the others are not", || dropped.get() == 240);
}

#[gtk::test]
fn monitors_with_ever_new_numbers_are_forgotten() {
    let manner = shows(|channel| {
        picture(channel, 64, 64)?;
        for id in 0..2000 {
            heads(channel, &[[id, 0, 64, 64, 0, 0, 0]])?;
        }
        Ok(())
    });
    let (server, stage) = (Server::start(manner), Stage::new(300, 200));
    let link = server.link();
    stage.connect(&link, 10);
    wait(20, "the last one is there", || link.monitors() == [MonitorId(1999)]);
    let kept = (0..2000).filter(|id| link.picture(MonitorId(*id)).is_some()).count();
    assert!(kept <= 1, "{kept} pictures are kept");
}
