// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a server sends, looked at before spice-glib has it, which believes
//! sizes, rows and formats and reads and writes beyond what there is. No I/O:
//! bytes come in, and how many of them may be passed on comes out.

mod body;
mod cursor;
mod display;
pub mod fuzz;
mod greeting;
mod image;
mod other;

use crate::frame::MAX_BYTES;
use crate::types::{ChannelKind, FailureKind};
use body::{Body, Lack};

/// A message's type and size, in the short form.
const HEADER: usize = 6;
/// Beside its pixels a message of pictures has so many bytes at most.
const MORE: u64 = 1 << 20;
/// The largest message of any other channel, in bytes.
const SMALL: u64 = 16 << 20;

/// Why a server is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong with it.
    pub kind: FailureKind,
    /// The same for the log.
    pub detail: String,
}

/// What is passed on of one channel.
pub struct Filter {
    channel: ChannelKind,
    stage: Stage,
    /// Bytes of what was believed that have still to come.
    open: u64,
    surfaces: display::Surfaces,
    agent: other::Agent,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    /// Whether the password was right.
    Result,
    Messages,
}

impl Filter {
    /// Of a channel that begins. `decoders`: pictures may come compressed.
    pub fn new(channel: ChannelKind, decoders: bool) -> Filter {
        Filter {
            channel,
            stage: Stage::Greeting,
            open: 0,
            surfaces: display::Surfaces::new(decoders),
            agent: other::Agent::default(),
        }
    }

    /// How many of the bytes that came, and were not passed on, may be now.
    ///
    /// # Errors
    /// If none of the rest may ever be.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let mut passed = 0;
        loop {
            let rest = &bytes[passed..];
            let now = usize::try_from(self.open).map_or(rest.len(), |open| open.min(rest.len()));
            self.open -= now as u64;
            passed += now;
            if now == rest.len() {
                return Ok(passed);
            }
            match self.next(&rest[now..]) {
                Ok(length) => self.open = length,
                Err(Lack::More) => return Ok(passed),
                Err(Lack::Refused(refusal)) => return Err(refusal),
            }
        }
    }

    /// The length of what begins here, if it is believed.
    fn next(&mut self, bytes: &[u8]) -> Result<u64, Lack> {
        match self.stage {
            Stage::Greeting => {
                let length = greeting::check(bytes)?;
                self.stage = Stage::Result;
                Ok(length)
            }
            Stage::Result => {
                self.stage = Stage::Messages;
                Ok(4)
            }
            Stage::Messages => self.message(bytes),
        }
    }

    fn message(&mut self, bytes: &[u8]) -> Result<u64, Lack> {
        let header = Body::new(bytes, HEADER as u64);
        let (kind, size) = (header.u16(0)?, u64::from(header.u32(2)?));
        let most = if self.channel == ChannelKind::Display { MAX_BYTES + MORE } else { SMALL };
        if size > most {
            return Err(body::refused(format!("a message of {size} bytes")));
        }
        let body = Body::new(&bytes[HEADER..], size);
        other::check(kind)?;
        match self.channel {
            ChannelKind::Display => self.surfaces.check(kind, &body)?,
            ChannelKind::Cursor => cursor::check(kind, &body)?,
            ChannelKind::Main => self.agent.check(kind, &body)?,
            _ => {}
        }
        Ok(HEADER as u64 + size)
    }
}

#[cfg(test)]
mod tests;
