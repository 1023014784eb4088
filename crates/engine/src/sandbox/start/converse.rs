// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is said to a sandbox's init until the command runs.

use super::super::real::Real;
use super::super::{directory, log, lonely, Id, Progress, Start, Tell};
use super::Booted;
use crate::console::{greet, Console, Event, Handler, Patience};
use crate::error::Error;
use std::sync::mpsc;
use terrarium_protocol::message::{Failure, Refusal, Stage, Step};
use terrarium_protocol::orders::{Lifetime, Orders};
use terrarium_protocol::ToInit;

/// Gives init its orders, and waits until the command runs.
pub fn converse(
    real: &Real,
    booted: &Booted,
    how: Start,
    progress: &Tell<'_>,
    handler: Handler,
    id: &Id,
) -> Result<Console, Error> {
    let directory = &booted.made.instance.directory;
    let crashed = || Error::Crashed { last_words: log::last_words(real, id) };
    let (socket, lock) = directory::socket(directory, booted.plan.machine.is_none())?;
    let ends_with_us = how.lifetime == Lifetime::Foreground;
    let held = if ends_with_us { Some(lonely::begin(directory)?) } else { None };
    let greeted = greet(&socket, lock, Patience::START).map_err(|error| {
        if log::is_gone(real, id) {
            crashed()
        } else {
            error
        }
    })?;
    let (tell, told) = mpsc::channel();
    let orders = ToInit::Start(Box::new(orders(booted, how)));
    let console = greeted.holding(held).begin(&orders, watch(tell, handler))?;
    loop {
        match told.recv() {
            Ok(First::Stage(stage)) => drop(progress(Progress::Inside(stage))),
            Ok(First::Runs) => return Ok(console),
            Ok(First::Failed(failure)) => return Err(Error::Init(failure)),
            Ok(First::Refused(why)) => return Err(Error::Refused(why)),
            Ok(First::Closed) | Err(_) => return Err(crashed()),
        }
    }
}

/// The plan's, with what only this run knows.
fn orders(booted: &Booted, how: Start) -> Orders {
    let mut orders = booted.plan.orders.clone();
    orders.id_base = booted.made.instance.id_base;
    orders.lifetime = how.lifetime;
    if orders.command.terminal.is_some() {
        orders.command.terminal = Some(how.size);
    }
    orders
}

/// What a start waits for.
enum First {
    Stage(Stage),
    Runs,
    Failed(Failure),
    Refused(Refusal),
    Closed,
}

/// Hears what the start needs and passes the rest on. A failure of the
/// sandbox itself is the start's error and not an event.
fn watch(tell: mpsc::Sender<First>, mut handler: Handler) -> Handler {
    let mut begun = false;
    let mut failed = false;
    Box::new(move |console, event| {
        if !begun {
            match &event {
                Event::Stage(stage) => drop(tell.send(First::Stage(*stage))),
                Event::Started { .. } | Event::Result(_) if !failed => {
                    begun = true;
                    let _ = tell.send(First::Runs);
                }
                Event::Failed(failure) if is_the_commands(failure) => {}
                Event::Failed(failure) => {
                    failed = true;
                    let _ = tell.send(First::Failed(failure.clone()));
                }
                Event::Refused(why) => drop(tell.send(First::Refused(*why))),
                Event::Closed => drop(tell.send(First::Closed)),
                _ => {}
            }
        }
        if !failed {
            handler(console, event);
        }
    })
}

/// Whether a failure is the command's own: then it is a result (126, 127).
fn is_the_commands(failure: &Failure) -> bool {
    matches!(failure.step, Step::NotFound | Step::NotExecutable)
}
