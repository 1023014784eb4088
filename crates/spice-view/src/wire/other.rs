// SPDX-License-Identifier: LGPL-2.1-or-later
//! Messages that are no pictures: those that every channel has, and the agent's.

use super::body::{refused, Body, Lack};
use crate::frame::MAX_BYTES;

/// Sent on every channel: to another server, and lists of messages.
const MIGRATE: u16 = 1;
const MIGRATE_DATA: u16 = 2;
const LIST: u16 = 8;
/// Sent on the main channel: to another server, in several ways.
const ELSEWHERE: [u16; 7] = [101, 102, 111, 112, 116, 117, 118];
const AGENT_CONNECTED: [u16; 2] = [107, 115];
const AGENT_DATA: u16 = 109;
/// What the agent's messages begin with, and where in it their size is.
const AGENT_HEADER: usize = 20;
const AGENT_SIZE: usize = 16;

/// What no channel may say: nobody goes to another server, and in lists there
/// would be messages in messages.
pub(super) fn check(kind: u16) -> Result<(), Lack> {
    match kind {
        MIGRATE | MIGRATE_DATA => Err(refused("it sends the viewer elsewhere")),
        LIST => Err(refused("a list of messages")),
        _ => Ok(()),
    }
}

/// The agent's own messages, which come in pieces of any size.
#[derive(Default)]
pub(super) struct Agent {
    header: Vec<u8>,
    /// Bytes of a message that have still to come.
    open: u64,
}

impl Agent {
    pub(super) fn check(&mut self, kind: u16, body: &Body) -> Result<(), Lack> {
        if ELSEWHERE.contains(&kind) {
            return Err(refused("it sends the viewer elsewhere"));
        }
        if AGENT_CONNECTED.contains(&kind) {
            *self = Agent::default();
        }
        if kind == AGENT_DATA {
            self.piece(body.whole()?)?;
        }
        Ok(())
    }

    fn piece(&mut self, mut bytes: &[u8]) -> Result<(), Lack> {
        while !bytes.is_empty() {
            let now = usize::try_from(self.open).map_or(bytes.len(), |open| open.min(bytes.len()));
            (self.open, bytes) = (self.open - now as u64, &bytes[now..]);
            let missing = (AGENT_HEADER - self.header.len()).min(bytes.len());
            self.header.extend(&bytes[..missing]);
            bytes = &bytes[missing..];
            let size = self.header.get(AGENT_SIZE..AGENT_HEADER).and_then(|size| size.try_into().ok());
            if let Some(size) = size.map(u32::from_le_bytes) {
                if u64::from(size) > MAX_BYTES {
                    return Err(refused(format!("a message of the agent's of {size} bytes")));
                }
                self.open = size.into();
                self.header.clear();
            }
        }
        Ok(())
    }
}
