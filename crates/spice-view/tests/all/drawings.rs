// SPDX-License-Identifier: LGPL-2.1-or-later
//! Surfaces and drawings that lie about their size, their rows and their
//! pixels, as the protocol lets a server do: it is refused before spice-glib
//! believes it. What is plain is drawn.

use std::sync::{mpsc, Arc, Mutex};

use spice_view::{FailureKind, State};

use crate::hostile::noise;
use crate::input::shape;
use crate::server::{begin, picture, shows, words, Channel, Manner, Server, CURSOR, DISPLAY, INPUTS, MAIN};
use crate::stage::{wait, Stage};

const SIDE: u32 = 64;
const ALL: [u32; 4] = [0, 0, SIDE, SIDE];
const SURFACE: u8 = 104;

/// An image as it comes with a drawing; of a surface `size` is its number.
#[derive(Clone)]
struct Image {
    kind: u8,
    format: u8,
    flags: u8,
    size: (u32, u32),
    stride: u32,
    data: usize,
}

/// One of four bytes a pixel, from top to bottom.
const HONEST: Image = Image {
    kind: 0,
    format: 8,
    flags: 4,
    size: (SIDE, SIDE),
    stride: SIDE * 4,
    data: (SIDE * SIDE * 4) as usize,
};

impl Image {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, 0, self.kind, 0];
        bytes.extend(words(&[self.size.0, self.size.1]));
        if self.kind == SURFACE {
            bytes.extend(words(&[self.size.0]));
            return bytes;
        }
        bytes.extend([self.format, self.flags]);
        bytes.extend(words(&[self.size.0, self.size.1, self.stride, 0]));
        bytes.resize(bytes.len() + self.data, 0x7f);
        bytes
    }
}

/// A message: its type and content.
type Message = (u16, Vec<u8>);

/// Left, top, right, bottom.
fn edges([left, top, right, bottom]: [u32; 4]) -> Vec<u8> {
    words(&[top, left, bottom, right])
}

fn base(surface: u32, to: [u32; 4]) -> Vec<u8> {
    [words(&[surface]), edges(to), vec![0]].concat()
}

/// A drawing of a kind with an image: what comes between the image's part and
/// the image, whose place is known by then.
fn with_image(kind: u16, to: [u32; 4], lead: &[u8], part: [u32; 4], rest: &[u8], image: &Image) -> Message {
    let mut content = [base(0, to), lead.to_vec()].concat();
    let at = content.len() + 4 + 16 + rest.len();
    content.extend(words(&[u32::try_from(at).unwrap()]));
    content.extend(edges(part));
    content.extend(rest);
    content.extend(image.bytes());
    (kind, content)
}

/// How it is copied, its scaling, and no mask.
const PUT: [u8; 16] = [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn copy(to: [u32; 4], part: [u32; 4], image: &Image) -> Message {
    with_image(304, to, &[], part, &PUT, image)
}

fn drawn(image: &Image) -> Message {
    copy(ALL, ALL, image)
}

fn surface(number: u32, width: u32, height: u32, format: u32) -> Message {
    (314, words(&[number, width, height, format, u32::from(number == 0)]))
}

fn stream(number: u32, codec: u8, on: u32) -> Message {
    let content =
        [words(&[on, number]), vec![0, codec], words(&[0, 0, 64, 64, 64, 64, 0, 0, 64, 64]), vec![0]];
    (122, content.concat())
}

/// Every way to draw that is let through, on every kind of surface.
fn plain() -> Vec<Message> {
    let mask = [0; 13];
    let solid = [vec![1], words(&[0x00ff_0000])].concat();
    let opaque = [solid.clone(), PUT.to_vec()].concat();
    let pattern_at = u32::try_from(base(0, ALL).len() + 13 + 15).unwrap();
    let pattern = [vec![2], words(&[pattern_at, 3, 3])].concat();
    let mut all = Vec::new();
    for format in [32, 96, 16, 80] {
        all.push(surface(0, SIDE, SIDE, format));
        all.push(surface(1, SIDE, SIDE, format));
        for (bitmap, bits) in [(6, 16), (7, 24), (8, 32), (9, 32)] {
            for flags in [0, 4] {
                let stride = SIDE * bits / 8;
                let data = (stride * SIDE) as usize;
                let image = Image { format: bitmap, flags, stride, data, ..HONEST };
                all.extend([drawn(&image), copy([5, 5, 40, 60], [1, 2, 3, 4], &image)]);
                all.push(with_image(303, ALL, &[], ALL, &opaque, &image));
                all.push(with_image(305, ALL, &[], ALL, &[&[0x10], &PUT[1..]].concat(), &image));
                all.push(with_image(312, ALL, &[], ALL, &words(&[0x7f7f7f, 0x7f7f7f]), &image));
                all.push(with_image(313, ALL, &[0, 0x55], ALL, &[], &image));
                let filled = [base(0, ALL), pattern.clone(), vec![8, 0], mask.to_vec(), image.bytes()];
                all.push((302, filled.concat()));
            }
        }
        all.push(drawn(&Image { kind: SURFACE, size: (1, 0), ..HONEST }));
        all.extend([8, 0x10, 0x20, 0x100, 0x200, 0x400].map(|way: u16| {
            let filled = [base(0, ALL), solid.clone(), way.to_le_bytes().to_vec(), mask.to_vec()];
            (302, filled.concat())
        }));
        all.extend([306, 307, 308].map(|kind| (kind, [base(0, ALL), mask.to_vec()].concat())));
        all.push((104, [base(0, [10, 10, 60, 60]), words(&[3, 3])].concat()));
        all.extend([(315, words(&[1])), (315, words(&[0]))]);
    }
    all
}

/// Bitmaps whose rows or pixels are not what they are said to be.
fn bitmaps() -> Vec<Vec<Message>> {
    let odd = |change: fn(&mut Image)| {
        let mut image = HONEST;
        change(&mut image);
        vec![drawn(&image)]
    };
    vec![
        // Rows that overlap, run backwards, or lie beyond the message.
        odd(|image| (image.stride, image.data) = (16, 16 * 64)),
        odd(|image| (image.size, image.stride, image.data) = ((8000, 1), 4, 4)),
        odd(|image| image.stride = 256_u32.wrapping_neg()),
        odd(|image| (image.stride, image.data) = (0, 0)),
        odd(|image| image.stride = 0x7fff_fffc),
        odd(|image| image.data = 64),
        odd(|image| (image.size.1, image.stride, image.data) = (0, 0x8000_0000, 0)),
        odd(|image| image.size = (0x4000_0000, 1)),
        // Pixels and images that there are not, and those that are compressed.
        odd(|image| image.format = 0),
        odd(|image| image.format = 5),
        odd(|image| image.format = 77),
        odd(|image| image.flags = 2),
        odd(|image| (image.kind, image.size) = (SURFACE, (7, 0))),
    ]
}

/// Drawings and parts of images where there is nothing.
fn places() -> Vec<Vec<Message>> {
    let far = [0x7fff_0000, 0x7fff_0000, 0x7fff_ffff, 0x7fff_ffff];
    let around = [0xffff_0000, 0xffff_0000, 0x7fff_ffff, 0x7fff_ffff];
    vec![
        vec![copy(far, ALL, &HONEST)],
        vec![copy(around, ALL, &HONEST)],
        vec![copy([64, 64, 0, 0], ALL, &HONEST)],
        vec![copy(ALL, [1000, 1000, 1064, 1064], &HONEST)],
        vec![copy(ALL, [0x8000_0000, 0, 0x7fff_ffff, 64], &HONEST)],
        vec![copy(ALL, [5, 5, 5, 5], &HONEST)],
        vec![with_image(304, ALL, &[], ALL, &[&[8, 0, 127], &PUT[3..]].concat(), &HONEST)],
        vec![surface(1, SIDE, SIDE, 16), drawn(&Image { kind: SURFACE, size: (1, 0), ..HONEST })],
        vec![(104, [base(0, ALL), words(&[0x7fff_ff00, 0xffff_0000])].concat())],
        vec![(304, [base(0, ALL), words(&[0]), edges(ALL), PUT.to_vec()].concat())],
        vec![(304, [base(0, ALL), words(&[0xffff_fff0]), edges(ALL), PUT.to_vec()].concat())],
        vec![(307, [words(&[0]), edges(ALL), vec![1], words(&[0x1000_0001])].concat())],
        vec![(307, [base(0, ALL), vec![0; 9], words(&[20])].concat())],
    ]
}

/// Surfaces that cannot be, and what is drawn on those that are not.
fn surfaces() -> Vec<Vec<Message>> {
    let on = |surface: u32| (307, [base(surface, ALL), vec![0; 13]].concat());
    vec![
        // Surfaces whose bytes are more than a number holds, that are there
        // already, or are not there any more.
        vec![surface(0, 0x10001, 0x4000, 32), on(0)],
        vec![surface(1, 0x10001, 0x4000, 32), on(1)],
        vec![surface(1, u32::MAX, 0x4000, 32)],
        vec![surface(1, 0x7000, 0x4000, 32)],
        vec![surface(1, SIDE, SIDE, 7777)],
        vec![surface(1, SIDE, SIDE, 32), surface(1, SIDE, SIDE, 32)],
        vec![(314, words(&[0, SIDE, SIDE, 32, 0]))],
        vec![(314, words(&[9, SIDE, SIDE, 32, 1]))],
        vec![surface(0, 32, 32, 32), on(0)],
        vec![(315, words(&[0])), on(0)],
        vec![on(55)],
        (1..6).map(|number| surface(number, 8192, 8192, 32)).collect(),
        vec![(101, words(&[0x10001, 0x4000, 32])), on(0)],
        // Streams, lists of messages, other servers.
        vec![stream(0x8000_0001, 1, 0)],
        vec![stream(1, 1, 4)],
        vec![(123, words(&[900, 0, 4, 0]))],
        vec![(8, words(&[1, 0xffff_ff00]))],
        vec![(1, words(&[0]))],
        vec![(321, words(&[0, 0, 64, 64]))],
    ]
}

/// What is sent once the client has a picture, and must be refused.
fn lies() -> Vec<Vec<Message>> {
    let mut all = [bitmaps(), places(), surfaces()].concat();
    all.extend([1, 99, 100, 101, 102, 103, 105, 106, 107, 108, 109].map(|kind| {
        let coded = Image { kind, ..HONEST };
        vec![drawn(&coded)]
    }));
    all
}

/// A server whose display shows a picture, and then sends what it is told.
fn telling() -> (Server, mpsc::Sender<Vec<Message>>) {
    let (say, said) = mpsc::channel::<Vec<Message>>();
    let said = Mutex::new(said);
    let server = Server::start(shows(move |channel| {
        picture(channel, SIDE, SIDE)?;
        let Ok(messages) = said.lock().unwrap().recv() else { return Ok(()) };
        messages.iter().try_for_each(|(kind, content)| channel.send(*kind, content))
    }));
    (server, say)
}

fn refusal(stage: &Stage) -> Option<String> {
    match stage.view.state() {
        State::Failed(failure) => {
            assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
            Some(failure.detail)
        }
        _ => None,
    }
}

#[gtk::test]
fn what_lies_about_itself_is_refused() {
    let (stage, (server, say)) = (Stage::new(64, 64), telling());
    let link = server.link();
    stage.connect(&link, 10);
    for (at, messages) in lies().into_iter().enumerate() {
        wait(10, "the picture is shown", || {
            stage.view.guest_width() == SIDE && stage.view.state().is_connected()
        });
        say.send(messages).unwrap();
        wait(10, &format!("lie {at} is refused"), || refusal(&stage).is_some());
        assert_eq!(stage.view.guest_width(), SIDE, "the last picture is kept");
        stage.view.reconnect();
    }
}

#[gtk::test]
fn what_is_plain_is_drawn() {
    let (stage, (server, say)) = (Stage::new(64, 64), telling());
    stage.connect(&server.link(), 10);
    let white = |stage: &Stage| stage.draw().0.iter().filter(|pixel| **pixel == 0xffff_ffff).count();
    assert_eq!(white(&stage), 0);
    let mut messages = plain();
    // On a surface of another size, so that it is the last that is seen.
    messages.extend([surface(0, SIDE / 2, SIDE, 32), (307, [base(0, [0, 0, 32, 64]), vec![0; 13]].concat())]);
    say.send(messages).unwrap();
    wait(20, "all was drawn", || stage.view.guest_width() == SIDE / 2 && white(&stage) == 32 * 64);
    assert!(stage.view.state().is_connected());
}

/// How often something is changed in what is plain.
const CHANGES: u32 = 400;

#[gtk::test]
fn what_is_changed_at_random_is_drawn_or_refused() {
    let (stage, (server, say)) = (Stage::new(64, 64), telling());
    stage.connect(&server.link(), 10);
    let plain = plain();
    for seed in 0..CHANGES {
        wait(10, "a picture", || stage.view.guest_width() == SIDE && stage.view.state().is_connected());
        let dice: Vec<usize> = noise(12, seed).into_iter().map(usize::from).collect();
        let mut messages =
            vec![surface(1, SIDE, SIDE, 32), plain[(dice[0] * 256 + dice[1]) % plain.len()].clone()];
        let content = &mut messages[1].1;
        for change in dice[2..6].chunks_exact(2) {
            // Most of what it says of itself is in its first bytes.
            let at = change[0] % content.len().min(100);
            content[at] = [0, 1, 4, 0x7f, 0x80, 0xff, 0x10, 0x40][change[1] % 8];
        }
        messages.push(surface(0, SIDE / 2, SIDE, 32));
        say.send(messages).unwrap();
        let drawn = || stage.view.guest_width() == SIDE / 2;
        wait(10, "it is drawn or refused", || drawn() || refusal(&stage).is_some());
        stage.view.reconnect();
    }
}

/// A server one of whose channels says something once it is open.
fn saying(on: u8, kind: u16, content: Vec<u8>) -> Manner {
    Manner::Speaks(Arc::new(move |channel: &mut Channel| {
        match channel.kind {
            MAIN => begin(channel, true, &[(DISPLAY, 0), (INPUTS, 0), (CURSOR, 0)])?,
            DISPLAY => {
                channel.hear()?;
                picture(channel, SIDE, SIDE)?;
            }
            _ => {}
        }
        if channel.kind == on {
            channel.send(kind, &content)
        } else {
            Ok(())
        }
    }))
}

#[gtk::test]
fn what_no_channel_may_say_is_refused() {
    let far = [words(&[5900, 0, 30, 10]), b"127.0.0.1\0".to_vec(), words(&[0, 0])].concat();
    let agent = |size: u32| [words(&[1, 4, 0, 0, size]), vec![0; 40]].concat();
    let (kind, short) = shape(101, 0, 400, 400, (0, 0), &[1; 64]);
    let mut all = vec![
        (CURSOR, kind, short),
        (CURSOR, 103, shape(103, 1, 64, 64, (0, 0), &[1; 64]).1),
        (CURSOR, 103, shape(103, 6, 64, 64, (0, 0), &[1; 64 * 64 * 4]).1),
        (CURSOR, 103, shape(103, 9, 64, 64, (0, 0), &[1; 64]).1),
        // An agent's message of 4 GiB, and its beginning in the middle of another.
        (MAIN, 109, agent(u32::MAX)),
        (MAIN, 109, [agent(40), agent(u32::MAX)].concat()),
    ];
    all.extend([101, 111, 116].map(|kind| (MAIN, kind, far.clone())));
    for channel in [MAIN, DISPLAY, INPUTS, CURSOR] {
        all.extend([1, 2, 8].map(|kind| (channel, kind, words(&[1, 0xffff_fff0]))));
    }
    let stage = Stage::new(64, 64);
    for (channel, kind, content) in all {
        let server = Server::start(saying(channel, kind, content));
        stage.view.set_link(Some(&server.link()));
        wait(10, &format!("{kind} on {channel} is refused"), || refusal(&stage).is_some());
    }
}
