// SPDX-License-Identifier: LGPL-2.1-or-later
//! One request and its answer. The client is the owner's own engine; what it
//! says is bounded and checked all the same.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use terrarium_protocol::guard::{FromGuard, ToGuard, MAX};

/// How long a client may take for each piece.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connected client.
pub struct Client(UnixStream);

impl Client {
    /// It shall not hold the guard up.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        let stream = UnixStream::from(fd);
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    /// Its request; nothing if it is none.
    pub fn request(&mut self) -> Option<ToGuard> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).ok()?;
        let length = usize::try_from(u32::from_le_bytes(length)).ok().filter(|&length| length <= MAX)?;
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// The answer.
    pub fn answer(&mut self, message: &FromGuard) {
        let bytes = serde_json::to_vec(message).unwrap_or_default();
        let length = (bytes.len() as u32).to_le_bytes();
        let _ = self.0.write_all(&length).and_then(|()| self.0.write_all(&bytes));
    }
}
