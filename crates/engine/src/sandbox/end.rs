// SPDX-License-Identifier: LGPL-2.1-or-later
//! How sandboxes are ended and cleaned up after.

use super::real::Real;
use super::{changes, directory, lost, Id, Stop};
use crate::console::{Event, Handler, Patience};
use crate::error::Error;
use crate::sandbox::network::lease;
use crate::virt::{Domain, Power};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use terrarium_protocol::message::Outcome;
use terrarium_protocol::ToInit;

/// How long a domain may take to go by itself once its init has ended.
const LEAVE: Duration = Duration::from_secs(3);
/// How long init may take, beyond the grace, to drain and to send its result.
const DRAIN: Duration = Duration::from_secs(4);

/// See [`super::Driver::stop`].
pub fn stop(real: &Real, id: &Id, how: Stop) -> Result<Option<Outcome>, Error> {
    let Some(domain) = real.domain(id)? else {
        finish(real, id, Duration::ZERO)?;
        return Ok(None);
    };
    let Stop::Gently { grace } = how else {
        finish(real, id, Duration::ZERO)?;
        return Ok(None);
    };
    if domain.power() == Power::Paused {
        domain.resume()?;
    }
    let outcome = ask(real, id, grace);
    finish(real, id, if outcome.is_some() { LEAVE } else { Duration::ZERO })?;
    Ok(outcome)
}

/// Asks init to end its command. `None` if it does not answer in time.
fn ask(real: &Real, id: &Id, grace: u32) -> Option<Outcome> {
    let (tell, told) = mpsc::channel();
    let handler: Handler = Box::new(move |console, event| match event {
        // Looked at by nobody here; acknowledged so that the result follows.
        Event::Output { stream, offset, bytes } => console.ack(stream, offset + bytes.len() as u64),
        Event::Result(outcome) => drop(tell.send(outcome)),
        _ => {}
    });
    let request = ToInit::Attach { keyboard: false, out: None, err: None };
    let console = real.converse(id, Patience::LOOK, &request, handler).ok()?;
    console.stop(grace);
    let outcome = told.recv_timeout(Duration::from_millis(grace.into()) + DRAIN).ok()?;
    // What it has changed is told by its sandbox later, if not now.
    let _ = changes::gather(real, id);
    super::Driver::received(real, id, &console);
    console.close();
    Some(outcome)
}

/// See [`super::Driver::finish`].
pub fn finish(real: &Real, id: &Id, wait: Duration) -> Result<(), Error> {
    lost::expect_end(&real.directory(id), &id.uuid);
    if let Some(domain) = real.domain(id)? {
        if !gone_within(real, id, wait) {
            destroy(&domain, id)?;
            gone_within(real, id, LEAVE);
        }
    }
    if directory::is_of(&real.directory(id), &id.uuid) {
        // Before anybody else has its number, and with it the same leases.
        lease::give_back(real, &id.connection, &real.directory(id));
    }
    directory::remove(&real.places.runtime, id.number, &id.uuid);
    changes::drop_unchanged(&real.places, real.caller, &id.uuid);
    real.sweep();
    Ok(())
}

/// libvirt kills a paused container at once; one that runs gets TERM and is
/// looked at every 200 ms (virCgroupKillPainfully).
pub fn destroy(domain: &Domain, id: &Id) -> Result<(), Error> {
    if id.connection.is_lxc() && domain.power() == Power::On {
        let _ = domain.pause();
    }
    domain.destroy()
}

/// Until libvirt does not know it any more: a domain that is off still has
/// its name, and the next one could not have it.
fn gone_within(real: &Real, id: &Id, wait: Duration) -> bool {
    let begun = Instant::now();
    loop {
        if matches!(real.domain(id), Ok(None)) {
            return true;
        }
        if begun.elapsed() >= wait {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
