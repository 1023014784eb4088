// SPDX-License-Identifier: LGPL-2.1-or-later
//! Entries for the fuzz targets, run by the tests as well.

use crate::frame::{split_output, FrameError, OUTPUT_HEADER, OVERHEAD};
use crate::greeting::LENGTH;
use crate::news::{self, News, NEWS, SIZE};
use crate::picture::{self, PIXEL};
use crate::{agent, changes, contents, Decoder, Frame, Greeting, Scanner};

/// Limit of the payloads here, in bytes.
pub const LIMIT: usize = 512;
/// The client's nonce here.
pub const NONCE: [u8; 16] = [0x55; 16];

/// A picture of the screen, as whoever speaks for a sandbox sends it.
///
/// # Panics
/// When it has other pixels than its size says, or is not read back alike.
pub fn picture(bytes: &[u8]) {
    let Some((size, pixels)) = picture::parse(bytes) else { return };
    assert!(size.width > 0 && size.height > 0);
    assert_eq!(size.width as usize * size.height as usize * PIXEL, pixels.len());
    assert_eq!([&picture::header(size)[..], pixels].concat(), bytes);
}

/// What the copy of init at the X server says, and what it hears.
///
/// # Panics
/// When something that is understood is not understood alike once more, or a
/// size that was asked for is not within the bounds of a screen.
pub fn news(bytes: &[u8]) {
    if let Some(found) = bytes.first_chunk::<NEWS>().and_then(|bytes| News::decode(*bytes)) {
        assert_eq!(News::decode(found.encode()), Some(found));
    }
    if let Some(bytes) = bytes.first_chunk::<SIZE>() {
        let size = news::decode(*bytes);
        assert_eq!(news::encode(size), *bytes);
        assert_eq!(size.bounded().bounded(), size.bounded());
    }
}

/// A hostile stream between the agent's halves, in pieces of `size` bytes.
///
/// # Panics
/// When more is kept than a message that is to be, or what passes is not what
/// came.
pub fn agent(stream: &[u8], size: usize) {
    let is_kept = |header: &agent::Header| header.kind < agent::DATA && header.length as usize <= LIMIT;
    let mut decoder = agent::Decoder::default();
    let (mut passed, mut kept) = (Vec::new(), 0);
    for part in stream.chunks(size.max(1)) {
        decoder.feed(part);
        while let Some(piece) = decoder.piece(is_kept) {
            match piece {
                agent::Piece::Begin(header) => passed.extend(header.encode()),
                agent::Piece::Part(bytes) => passed.extend(bytes),
                agent::Piece::Message(message) => {
                    assert!(is_kept(&message.header) && message.content.len() <= LIMIT);
                    assert_eq!(message.with(agent::HTML).formats().pop(), Some(agent::HTML));
                    passed.extend(message.header.encode());
                    passed.extend(message.content);
                }
            }
            kept = passed.len();
        }
        assert!(decoder.kept() < LIMIT + agent::HEADER);
    }
    assert_eq!(passed, stream[..kept]);
    assert!(stream.len() - kept < LIMIT + agent::HEADER);
}

/// A hostile stream of frames, in pieces of `size` bytes.
///
/// # Panics
/// When the decoder keeps more than its limit, or finds something else than in
/// the same stream as one piece.
pub fn frames(stream: &[u8], size: usize) {
    let decode = |size: usize| {
        let mut decoder = Decoder::new(Greeting::new(NONCE).tag(), LIMIT);
        let mut found = Vec::new();
        for piece in stream.chunks(size.max(1)) {
            decoder.feed(piece);
            let end = drain(&mut decoder, &mut found);
            if end.is_some() {
                assert!(decoder.into_rest().len() < LIMIT + OVERHEAD + piece.len());
                return (found, end);
            }
            assert!(decoder.kept() < LIMIT + OVERHEAD);
        }
        (found, None)
    };
    assert_eq!(decode(size), decode(stream.len()));
}

/// Takes every whole frame; gives the error that ended it, if one did.
fn drain(decoder: &mut Decoder, found: &mut Vec<Frame>) -> Option<FrameError> {
    loop {
        match decoder.next_frame() {
            Ok(Some(frame)) => {
                assert!(frame.payload.len() <= LIMIT);
                assert_eq!(split_output(&frame.payload).is_some(), frame.payload.len() >= OUTPUT_HEADER);
                found.push(frame);
            }
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

/// A hostile stream of whole conversations, in pieces of `size` bytes, as
/// either side reads it: greeting, frames until something is none, and the
/// next greeting.
///
/// # Panics
/// When more is kept than allowed, or something else is found than in the same
/// stream as one piece.
pub fn greeting(stream: &[u8], size: usize) {
    for scanner in [Scanner::for_client, || Scanner::for_echo(NONCE)] {
        let read = |size: usize| {
            let mut reader = Reader { scanner: scanner(), decoder: None, found: Vec::new() };
            stream.chunks(size.max(1)).for_each(|piece| reader.feed(piece));
            reader.found
        };
        assert_eq!(read(size), read(stream.len()));
    }
}

/// What is found in a stream.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Greeting(Greeting),
    Frame(Frame),
    End(FrameError),
}

struct Reader {
    scanner: Scanner,
    decoder: Option<Decoder>,
    found: Vec<Found>,
}

impl Reader {
    fn feed(&mut self, piece: &[u8]) {
        let mut piece = piece.to_vec();
        loop {
            let Some(mut decoder) = self.decoder.take().or_else(|| self.scan(&mut piece)) else { return };
            decoder.feed(&piece);
            let mut frames = Vec::new();
            let end = drain(&mut decoder, &mut frames);
            self.found.extend(frames.into_iter().map(Found::Frame));
            let Some(end) = end else {
                self.decoder = Some(decoder);
                return;
            };
            self.found.push(Found::End(end));
            piece = decoder.into_rest();
        }
    }

    /// A decoder for what comes after a greeting, which stays in `piece`.
    fn scan(&mut self, piece: &mut Vec<u8>) -> Option<Decoder> {
        let Some((greeting, rest)) = self.scanner.feed(piece) else {
            assert!(self.scanner.kept() < LENGTH);
            return None;
        };
        assert!(self.scanner.kept() == 0 && rest.len() <= piece.len());
        *piece = rest;
        self.found.push(Found::Greeting(greeting));
        Some(Decoder::new(greeting.tag(), LIMIT))
    }
}

/// A hostile stream of changes, in pieces of `size` bytes.
///
/// # Panics
/// When more is kept than a record, or something else is found than in the
/// same stream as one piece.
pub fn changes(stream: &[u8], size: usize) {
    let read = |size: usize| {
        let mut decoder = changes::Decoder::default();
        let mut found = Vec::new();
        for piece in stream.chunks(size.max(1)) {
            decoder.feed(piece);
            loop {
                match decoder.record() {
                    Ok(Some(record)) => found.push(record),
                    Ok(None) => break,
                    Err(changes::Broken) => return (found, false),
                }
            }
            assert!(decoder.kept() < changes::RECORD_MAX + 10);
        }
        (found, true)
    };
    assert_eq!(read(size), read(stream.len()));
    for record in read(stream.len()).0 {
        if let changes::Record::Change(change) = record {
            assert!(changes::is_plain(change.path.as_slice()) && change.path.0.len() <= changes::PATH_MAX);
        }
    }
}

/// A hostile file on its way out, in pieces of `size` bytes.
///
/// # Panics
/// When more is kept than a piece, or something else is found than in the
/// same stream at once.
pub fn contents(stream: &[u8], size: usize) {
    let read = |size: usize| {
        let mut decoder = contents::Decoder::default();
        let (mut found, mut reached) = (Vec::new(), 0);
        for part in stream.chunks(size.max(1)) {
            decoder.feed(part);
            loop {
                match decoder.piece() {
                    Ok(Some(piece)) => {
                        let before = std::mem::take(&mut reached);
                        if let contents::Piece::Bytes(offset, bytes) = &piece {
                            assert!(*offset >= before && bytes.len() <= contents::PIECE_MAX);
                            reached = offset + bytes.len() as u64;
                        }
                        found.push(piece);
                    }
                    Ok(None) => break,
                    Err(contents::Broken) => return (found, false),
                }
            }
            assert!(decoder.kept() < contents::PIECE_MAX + 12);
        }
        (found, true)
    };
    assert_eq!(read(size), read(stream.len()));
}
