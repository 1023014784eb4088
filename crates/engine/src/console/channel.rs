// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sockets that init hands out: a container's SPICE server listens where only
//! init can connect to it.

use super::{from_json, to_json, Greeted};
use crate::error::{Error, FileAction};
use rustix::io::Errno;
use rustix::net::{
    recvmsg, sockopt::socket_type, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketType,
};
use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;
use terrarium_protocol::{frame, FromInit, Kind, ToInit};

/// How long init may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Greeted {
    /// Asks for a socket that is connected to the screen's SPICE server, and
    /// ends the conversation.
    ///
    /// # Errors
    /// There is no screen, or init does not answer.
    pub fn channel(mut self) -> Result<OwnedFd, Error> {
        let mut request = Vec::new();
        frame::encode(self.tag, Kind::Control, &to_json(&ToInit::Channel), &mut request);
        self.socket.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        self.socket.write_all(&request).map_err(failed)?;
        let mut descriptor = None;
        loop {
            while let Some(frame) =
                self.decoder.next_frame().map_err(|error| failed(io::Error::other(error)))?
            {
                match from_json(&frame.payload) {
                    Some(FromInit::Channel) => return checked(descriptor).map_err(failed),
                    Some(FromInit::Refused { why }) => return Err(Error::Refused(why)),
                    _ => {}
                }
            }
            let (piece, found) = self.receive().map_err(failed)?;
            descriptor = found.or(descriptor);
            self.decoder.feed(&piece);
        }
    }

    /// What arrives next, and the descriptor that came with it.
    fn receive(&self) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
        let mut piece = vec![0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut piece)];
        let length = recvmsg(&self.socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?.bytes;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let descriptors = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        let found = descriptors.flatten().last();
        piece.truncate(length);
        Ok((piece, found))
    }
}

/// Whatever comes from a sandbox has to be what was asked for.
fn checked(descriptor: Option<OwnedFd>) -> io::Result<OwnedFd> {
    let descriptor = descriptor.ok_or(Errno::BADMSG)?;
    match socket_type(&descriptor)? {
        SocketType::STREAM => Ok(descriptor),
        _ => Err(Errno::NOTSOCK.into()),
    }
}

fn failed(source: io::Error) -> Error {
    Error::File { action: FileAction::Connect, path: PathBuf::new(), source }
}
