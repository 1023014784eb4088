// SPDX-License-Identifier: LGPL-2.1-or-later
//! Entries for the fuzz targets, run by the tests as well.

use crate::frame::split_output;
use crate::{Decoder, Greeting, Scanner, Tag};

/// A hostile stream, in pieces of `size` bytes, through scanner and decoder.
///
/// # Panics
/// When one of them keeps more than its limit.
pub fn frames(stream: &[u8], size: usize) {
    const LIMIT: usize = 512;
    let tag: Tag = Greeting::new([0x55; 16]).tag();
    let mut scanner = Scanner::for_client();
    let mut decoder = Decoder::new(tag, LIMIT);
    for piece in stream.chunks(size.max(1)) {
        let _ = scanner.feed(piece);
        decoder.feed(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => {
                    assert!(frame.payload.len() <= LIMIT);
                    let _ = split_output(&frame.payload);
                }
                Ok(None) => break,
                Err(_) => {
                    let rest = std::mem::replace(&mut decoder, Decoder::new(tag, LIMIT)).into_rest();
                    assert!(rest.len() <= LIMIT + crate::frame::OVERHEAD + size);
                    break;
                }
            }
        }
    }
}
