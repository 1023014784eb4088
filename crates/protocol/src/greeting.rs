// SPDX-License-Identifier: LGPL-2.1-or-later
//! How a conversation begins: `magic | version u16 | nonce`.
//!
//! The client sends a [`Greeting`] with a fresh nonce, init answers with one
//! that echoes it. Each side throws away what comes before the greeting it
//! waits for: a virtio-serial port may still hold half a frame of a client
//! that was killed, and answers that it never read.

/// Marks a greeting of a client.
const FROM_CLIENT: &[u8; 14] = b"\0Terrarium?\r\n\0";
/// Marks a greeting of init.
const FROM_INIT: &[u8; 14] = b"\0Terrarium!\r\n\0";

/// Bytes of a nonce.
pub const NONCE: usize = 16;
/// Bytes of a greeting on the wire.
pub const LENGTH: usize = 14 + 2 + NONCE;

/// Marks the frames of one conversation; made from its nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(pub u32);

/// Who sends a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The engine: the window or terrariumctl.
    Client,
    /// Pid 1 of the sandbox.
    Init,
}

/// The first thing that each side says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// [`crate::VERSION`] of the sender.
    pub version: u16,
    /// Chosen at random by the client, echoed by init.
    pub nonce: [u8; NONCE],
}

impl Greeting {
    /// A greeting of this version.
    #[must_use]
    pub fn new(nonce: [u8; NONCE]) -> Self {
        Self { version: crate::VERSION, nonce }
    }

    /// Its bytes on the wire.
    #[must_use]
    pub fn encode(&self, side: Side) -> [u8; LENGTH] {
        let mut out = [0; LENGTH];
        out[..14].copy_from_slice(magic(side));
        out[14..16].copy_from_slice(&self.version.to_le_bytes());
        out[16..].copy_from_slice(&self.nonce);
        out
    }

    /// The tag of the conversation that it begins: never zero, so that zeros
    /// (see [`padding`]) end any frame that was left unfinished.
    #[must_use]
    pub fn tag(&self) -> Tag {
        let [a, b, c, d, ..] = self.nonce;
        Tag(u32::from_le_bytes([a, b, c, d]) | 1)
    }
}

/// Zeros that push a reader out of a frame of up to `limit` bytes of which it
/// has seen the beginning only.
#[must_use]
pub fn padding(limit: usize) -> Vec<u8> {
    vec![0; limit + crate::frame::OVERHEAD]
}

fn magic(side: Side) -> &'static [u8; 14] {
    match side {
        Side::Client => FROM_CLIENT,
        Side::Init => FROM_INIT,
    }
}

/// Looks for a greeting in a stream and forgets all that comes before it.
#[derive(Debug)]
pub struct Scanner {
    expects: Side,
    nonce: Option<[u8; NONCE]>,
    buffer: Vec<u8>,
}

impl Scanner {
    /// For a client: waits for init's echo of `nonce`.
    #[must_use]
    pub fn for_echo(nonce: [u8; NONCE]) -> Self {
        Self { expects: Side::Init, nonce: Some(nonce), buffer: Vec::new() }
    }

    /// For init: waits for any client.
    #[must_use]
    pub fn for_client() -> Self {
        Self { expects: Side::Client, nonce: None, buffer: Vec::new() }
    }

    /// Takes the next piece of the stream. Returns the greeting and what came
    /// after it in this piece. Keeps less than [`LENGTH`] bytes otherwise.
    pub fn feed(&mut self, piece: &[u8]) -> Option<(Greeting, Vec<u8>)> {
        self.buffer.extend_from_slice(piece);
        let magic = magic(self.expects);
        let mut from = 0;
        while let Some(at) = find(&self.buffer[from..], magic).map(|at| at + from) {
            let Some(bytes) = self.buffer.get(at..at + LENGTH) else {
                self.buffer.drain(..at);
                return None;
            };
            let version = u16::from_le_bytes([bytes[14], bytes[15]]);
            let mut nonce = [0; NONCE];
            nonce.copy_from_slice(&bytes[16..]);
            if self.nonce.is_none_or(|expected| expected == nonce) {
                let rest = self.buffer.split_off(at + LENGTH);
                self.buffer.clear();
                return Some((Greeting { version, nonce }, rest));
            }
            from = at + 1;
        }
        let keep = self.buffer.len().min(magic.len() - 1);
        self.buffer.drain(..self.buffer.len() - keep);
        None
    }

    /// How much is stored of what was fed, in bytes.
    pub(crate) fn kept(&self) -> usize {
        self.buffer.len()
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
