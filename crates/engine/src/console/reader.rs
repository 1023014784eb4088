// SPDX-License-Identifier: LGPL-2.1-or-later
//! The thread that takes frames from the socket and calls the handler.

use super::writer::Outbox;
use super::{from_json, Console, Event, Handler};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Weak};
use terrarium_protocol::frame::split_output;
use terrarium_protocol::{Decoder, Frame, FromInit, Kind};

/// Starts the reader. It holds the console only while an event is handled, so
/// that a console nobody holds any more is closed.
pub fn spawn(
    console: &Console,
    mut socket: UnixStream,
    mut decoder: Decoder,
    outbox: Arc<Outbox>,
    mut handler: Handler,
) -> std::io::Result<()> {
    let weak = Arc::downgrade(&console.inner);
    std::thread::Builder::new().name("console-reader".into()).spawn(move || {
        read(&weak, &mut socket, &mut decoder, &outbox, &mut handler);
        // Not closed at once: if nobody holds the console any more, its last
        // word may still wait to be sent.
        outbox.finish();
        if let Some(inner) = weak.upgrade() {
            handler(&Console { inner }, Event::Closed);
        }
    })?;
    Ok(())
}

fn read(
    weak: &Weak<super::Inner>,
    socket: &mut UnixStream,
    decoder: &mut Decoder,
    outbox: &Outbox,
    handler: &mut Handler,
) {
    let mut piece = vec![0; 64 * 1024];
    loop {
        loop {
            let frame = match decoder.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "the sandbox's init sent something that is no frame");
                    return;
                }
            };
            let Some(event) = event(&frame, outbox) else { continue };
            let Some(inner) = weak.upgrade() else { return };
            outbox.pulse.begin(frame.payload.len());
            handler(&Console { inner }, event);
            outbox.pulse.end();
        }
        match socket.read(&mut piece) {
            Ok(0) => return,
            Ok(count) => decoder.feed(&piece[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// What a frame means; `None` if it needs no event.
fn event(frame: &Frame, outbox: &Outbox) -> Option<Event> {
    match frame.kind {
        Kind::Output => {
            let (stream, offset, bytes) = split_output(&frame.payload)?;
            // Whoever hears of it counts on.
            offset.checked_add(bytes.len() as u64)?;
            Some(Event::Output { stream, offset, bytes: bytes.to_vec() })
        }
        Kind::Control => match from_json(&frame.payload)? {
            FromInit::Stage(stage) => Some(Event::Stage(stage)),
            FromInit::Started { pid } => Some(Event::Started { pid }),
            FromInit::Full => Some(Event::Full),
            FromInit::Looking => Some(Event::Looking),
            FromInit::Failed(failure) => Some(Event::Failed(failure)),
            FromInit::Gone { stream, bytes } => Some(Event::Gone { stream, bytes }),
            FromInit::End { stream, offset } => Some(Event::End { stream, offset }),
            FromInit::Credit { offset } => {
                outbox.credit(offset);
                None
            }
            FromInit::InputClosed => {
                outbox.input_unwanted();
                Some(Event::InputClosed)
            }
            FromInit::Keyboard { yours } => Some(Event::Keyboard { yours }),
            FromInit::Resized(size) => Some(Event::Resized(size)),
            FromInit::Result(outcome) => Some(Event::Result(outcome)),
            FromInit::Refused { why } => Some(Event::Refused(why)),
            FromInit::Display(status) => Some(Event::Display(status)),
            FromInit::Pong { .. } => {
                outbox.pulse.answered();
                None
            }
            FromInit::Welcome(_) | FromInit::Channel => None,
        },
        Kind::Input => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrarium_protocol::{frame, Tag};

    #[test]
    fn output_beyond_all_offsets_is_none() {
        let outbox = Outbox::new(Tag(1), 0);
        for (offset, is_output) in [(7, true), (u64::MAX - 3, true), (u64::MAX - 2, false), (u64::MAX, false)]
        {
            let mut decoder = Decoder::new(Tag(1), 100);
            let mut bytes = Vec::new();
            frame::encode_output(Tag(1), 1, offset, b"abc", &mut bytes);
            decoder.feed(&bytes);
            let frame = decoder.next_frame().unwrap().unwrap();
            assert_eq!(event(&frame, &outbox).is_some(), is_output, "{offset}");
        }
    }
}
