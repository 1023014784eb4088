// SPDX-License-Identifier: LGPL-2.1-or-later
//! A sandbox's screen: sockets for those who show it, and pictures of it.

use super::real::Real;
use super::{Id, Picture};
use crate::console::{Event, Patience};
use crate::error::{DomainAction, Error};
use std::os::fd::OwnedFd;
use std::sync::mpsc;
use std::time::Duration;
use terrarium_protocol::message::{stream, Refusal};
use terrarium_protocol::{picture, ToInit};

/// How long the pieces of a picture may take to arrive.
const ALL: Duration = Duration::from_secs(30);
/// Most of a log that is taken, in bytes.
const LOG_MAX: usize = 2 * 1024 * 1024;

/// See [`super::Driver::open_display`].
pub fn open(real: &Real, id: &Id) -> Result<OwnedFd, Error> {
    if id.connection.is_lxc() {
        return real.greet(id, Patience::ATTACH)?.channel();
    }
    real.domain_or_fail(id, DomainAction::Look)?.open_graphics()
}

/// See [`super::Driver::picture`].
pub fn picture(real: &Real, id: &Id) -> Result<Picture, Error> {
    let whole = gather(real, id, &ToInit::Picture, picture::MAX)?;
    // A server that has gone meanwhile leaves half a picture.
    let (size, pixels) = picture::parse(&whole).ok_or(Error::Refused(Refusal::NoScreen))?;
    Ok(Picture { size, pixels: pixels.to_vec() })
}

/// See [`super::Driver::log`].
pub fn log(real: &Real, id: &Id) -> Result<String, Error> {
    let whole = gather(real, id, &ToInit::Log, LOG_MAX)?;
    Ok(String::from_utf8_lossy(&whole).into_owned())
}

/// The whole output of what a request begins, but no more than `most` bytes.
fn gather(real: &Real, id: &Id, request: &ToInit, most: usize) -> Result<Vec<u8>, Error> {
    real.expect_running(id)?;
    let (tell, told) = mpsc::channel();
    let mut bytes = Vec::new();
    let handler = Box::new(move |console: &crate::console::Console, event| match event {
        Event::Output { stream: stream::OUT, offset, bytes: piece } => {
            console.ack(stream::OUT, offset + piece.len() as u64);
            if bytes.len() + piece.len() <= most {
                bytes.extend(piece);
            }
        }
        Event::Refused(why) => drop(tell.send(Err(Error::Refused(why)))),
        Event::Failed(failure) => drop(tell.send(Err(Error::Init(failure)))),
        Event::Result(_) => {
            console.received();
            drop(tell.send(Ok(std::mem::take(&mut bytes))));
        }
        Event::Closed => drop(tell.send(Err(Error::Crashed { last_words: None }))),
        _ => {}
    });
    let console = real.converse(id, Patience::ATTACH, request, handler)?;
    let late = |_| Error::NoAnswer { seconds: ALL.as_secs() };
    let whole = told.recv_timeout(ALL).map_err(late)?;
    console.close();
    whole
}
