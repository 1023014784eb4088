// SPDX-License-Identifier: LGPL-2.1-or-later
//! Entry for the fuzz target `wire`, run by the tests as well.

use std::collections::BTreeMap;

use super::{Filter, Refusal, HEADER, MORE, SMALL};
use crate::frame::MAX_BYTES;
use crate::types::ChannelKind;

const KINDS: [ChannelKind; 8] = [
    ChannelKind::Main,
    ChannelKind::Display,
    ChannelKind::Inputs,
    ChannelKind::Cursor,
    ChannelKind::Playback,
    ChannelKind::Record,
    ChannelKind::Usb,
    ChannelKind::Other,
];
/// A server's first words are no longer than this, in bytes.
const FIRST_WORDS: usize = 16 + 4096;

/// What a hostile server sends on one channel, after two bytes of ours: the
/// size of the pieces it comes in; and what channel it is, whether there are
/// decoders, and whether it has greeted already.
///
/// # Panics
/// When more waits than one message, other pieces have another end, or
/// spice-glib would find something that is not there in what is passed on.
pub fn wire(data: &[u8]) {
    let Some((&[size, how], sent)) = data.split_first_chunk() else { return };
    let channel = KINDS[usize::from(how % 8)];
    let decoders = how & 8 != 0;
    let greeting = if how & 16 != 0 { greeting() } else { Vec::new() };
    let stream = [&greeting, sent].concat();
    let run = |size| run(Filter::new(channel, decoders), &stream, size);
    let (passed, refusal) = run(usize::from(size).max(1));
    let (at_once, same) = run(stream.len().max(1));
    assert_eq!(refusal, same);
    // What comes together with something bad is not passed on any more.
    assert!(at_once == passed || (refusal.is_some() && at_once < passed));
    let passed = &stream[..passed];
    assert_eq!(Filter::new(channel, decoders).pass(passed), Ok(passed.len()));
    Reader { channel, decoders, surfaces: BTreeMap::new(), agent: Vec::new() }.read(passed);
}

/// How much is passed on, and why not all of it.
fn run(mut filter: Filter, stream: &[u8], size: usize) -> (usize, Option<Refusal>) {
    let (mut come, mut passed) = (0, 0);
    while come < stream.len() {
        come = (come + size).min(stream.len());
        match filter.pass(&stream[passed..come]) {
            Ok(more) => passed += more,
            Err(refusal) => return (passed, Some(refusal)),
        }
        // What has come as a whole does not wait.
        let waits = &stream[passed..come];
        let message = waits.first_chunk::<HEADER>().map_or(HEADER, |_| HEADER + number(waits, 2));
        assert!(waits.len() < if passed == 0 { FIRST_WORDS } else { message });
    }
    (passed, None)
}

/// A server's, with short headers, and its answer to a password.
fn greeting() -> Vec<u8> {
    let header = [&b"REDQ"[..], &[2, 0, 0, 0, 2, 0, 0, 0, 182, 0, 0, 0]].concat();
    let abilities = [1, 0, 0, 0, 0, 0, 0, 0, 178, 0, 0, 0, 0b1011, 0, 0, 0];
    [&header[..], &[0; 4], &[7; 162], &abilities, &[0; 4]].concat()
}

/// Reads what passed as spice-glib does, which looks at no length.
struct Reader {
    channel: ChannelKind,
    decoders: bool,
    surfaces: BTreeMap<usize, [usize; 2]>,
    /// What the agent says.
    agent: Vec<u8>,
}

impl Reader {
    fn read(&mut self, passed: &[u8]) {
        if passed.len() < 16 {
            return;
        }
        let mut rest = passed.get(16 + number(passed, 12) + 4..).unwrap_or_default();
        while !rest.is_empty() {
            let (kind, size) = (u16::from_le_bytes([rest[0], rest[1]]), number(rest, 2));
            let most = if self.channel == ChannelKind::Display { MAX_BYTES + MORE } else { SMALL };
            assert!(size as u64 <= most && !matches!(kind, 1 | 2 | 8), "{kind}: {size}");
            // Of the last one the end may not have come.
            let end = (HEADER + size).min(rest.len());
            self.message(kind, &rest[HEADER..end], size);
            rest = &rest[end..];
        }
        self.agent_has_said();
    }

    /// No message of the agent's is larger than a picture.
    fn agent_has_said(&mut self) {
        let all = std::mem::take(&mut self.agent);
        let mut rest = &all[..];
        while rest.len() >= 20 {
            assert!(number(rest, 16) as u64 <= MAX_BYTES);
            rest = rest.get(20 + number(rest, 16)..).unwrap_or_default();
        }
    }

    fn message(&mut self, kind: u16, body: &[u8], size: usize) {
        match (self.channel, kind) {
            (ChannelKind::Main, 101 | 102 | 111 | 112 | 116..=118) => panic!("it leads elsewhere"),
            (ChannelKind::Main, 107 | 115) => self.agent_has_said(),
            (ChannelKind::Main, 109) => self.agent.extend(body),
            (ChannelKind::Cursor, 101) => pointer(&body[9..], size - 9),
            (ChannelKind::Cursor, 103) => pointer(&body[5..], size - 5),
            (ChannelKind::Display, 314) => self.surface(body),
            (ChannelKind::Display, 315) => drop(self.surfaces.remove(&number(body, 0))),
            (ChannelKind::Display, 104 | 302..=308 | 312 | 313) => self.drawing(kind, body, size),
            (ChannelKind::Display, 3..=7 | 102 | 103 | 105..=108 | 317) => {}
            (ChannelKind::Display, _) => assert!(self.decoders, "{kind}"),
            _ => {}
        }
    }

    fn surface(&mut self, body: &[u8]) {
        self.surfaces.insert(number(body, 0), [number(body, 4), number(body, 8)]);
        let pixels: usize = self.surfaces.values().map(|[width, height]| width * height).sum();
        assert!(pixels as u64 * 4 <= 2 * MAX_BYTES && self.surfaces.len() <= 4096);
    }

    fn drawing(&self, kind: u16, body: &[u8], size: usize) {
        lies_in(&body[4..], self.surfaces[&number(body, 0)]);
        let clips = if body[20] == 0 { 0 } else { 4 + number(body, 21) * 16 };
        let at = 21 + clips;
        let source = match kind {
            303..=305 | 312 => Some(at),
            313 => Some(at + 2),
            _ => None,
        };
        if let Some(at) = source {
            let image = self.image(&body[number(body, at)..], size);
            lies_in(&body[at + 4..], image);
        }
        let brush = match kind {
            302 => at,
            303 => at + 20,
            _ => return,
        };
        if body[brush] == 2 {
            self.image(&body[number(body, brush + 1)..], size);
        }
    }

    /// How large it is.
    fn image(&self, image: &[u8], size: usize) -> [usize; 2] {
        let named = [number(image, 10), number(image, 14)];
        match image[8] {
            0 => {
                let bits = [1, 1, 1, 4, 4, 8, 16, 24, 32, 32, 8][usize::from(image[18])];
                let [width, height, stride] = [20, 24, 28].map(|at| number(image, at));
                assert!((width * bits).div_ceil(8) <= stride && stride * height <= size);
                assert_eq!([width, height], named);
                named
            }
            104 => self.surfaces[&number(image, 18)],
            kind => {
                assert!(self.decoders, "{kind}");
                named
            }
        }
    }
}

/// The pixels of a pointer, after what comes before its flags.
fn pointer(shape: &[u8], size: usize) {
    let flags = shape[0];
    if flags & 1 != 0 {
        return;
    }
    let [width, height] = [11, 13].map(|at| usize::from(u16::from_le_bytes([shape[at], shape[at + 1]])));
    let least = match shape[10] {
        // One that is known from before brings none.
        _ if flags & 4 != 0 => 0,
        0 | 6 => width * height * 4,
        1 => width.div_ceil(8) * height * 2,
        2 => width.div_ceil(2) * height + 64,
        4 => width * height * 2,
        kind => panic!("a pointer of kind {kind}"),
    };
    assert!(19 + least <= size, "{width}x{height} in {size}");
}

/// Whether a rectangle lies in what is so large.
fn lies_in(edges: &[u8], [width, height]: [usize; 2]) {
    let [top, left, bottom, right] = [0, 4, 8, 12].map(|at| number(edges, at));
    assert!(top <= bottom && bottom <= height && left <= right && right <= width);
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}
