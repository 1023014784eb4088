// SPDX-License-Identifier: LGPL-2.1-or-later
//! The start of a sandbox: from a plan to a command that runs.
//!
//! What is there before the domain is ([`made`]), the domain, and what is said
//! to its init ([`converse`]). [`look`] starts one in which nothing runs.

mod converse;
mod look;
mod made;

pub use look::look;

use super::real::Real;
use super::sources::{self, Held};
use super::{
    end, layers, list, log, lost, network, set_ids, usage, Id, Lifetime, Progress, Start, Started, Tell,
};
use crate::console::{Console, Handler};
use crate::error::{DomainAction, Error};
use crate::plan::{set_scale, Plan};
use crate::sandbox::network::filter::was_disturbed;
use crate::sandbox::network::lease;
use crate::virt::Domain;
use crate::xml;
use made::Made;
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::time::{Duration, Instant};

/// How often a number is tried that libvirt still has a domain for, and the
/// time between.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(300);
/// How long a filter of libvirt's is tried that somebody disturbs: it may be
/// nobody, and nothing that ends.
const DISTURBED: Duration = Duration::from_secs(15);
/// How long the starts of others are waited for.
const TURN: Duration = Duration::from_secs(5);

/// See [`super::Driver::start`].
pub fn start(
    real: &Real,
    plan: &Plan,
    how: Start,
    progress: &Tell<'_>,
    handler: Handler,
) -> Result<Started, Error> {
    let reach = network::prepare(real, plan)?;
    let mut booted = boot(real, plan, how, progress, reach.as_ref())?;
    let id = booted.made.id(&booted.plan);
    tracing::debug!(uuid = id.uuid, number = id.number, "the domain is there");
    let _ = progress(Progress::Boot(id.clone()));
    let begun = network::guard(real, &mut booted.plan, &booted.made.instance, reach.as_ref())
        .and_then(|()| converse::converse(real, &booted, how, progress, handler, &id));
    match begun {
        Ok(console) => Ok(booted.goes_on(id, how, console)),
        Err(error) => {
            let _ = end::destroy(&booted.domain, &id);
            lease::give_back(real, &id.connection, &booted.made.instance.directory);
            drop(booted);
            real.sweep();
            Err(error)
        }
    }
}

/// A sandbox whose domain is there.
struct Booted {
    made: Made,
    /// As it was settled for this run.
    plan: Plan,
    domain: Domain,
    held: Held,
}

impl Booted {
    fn goes_on(self, id: Id, how: Start, console: Console) -> Started {
        // Until now no inode of a source could become another's.
        drop(self.held);
        let instance = &self.made.instance;
        if how.lifetime != Lifetime::Foreground {
            let _ = lost::remember(&instance.directory, &id, xml::metadata(&self.plan, instance));
        }
        self.made.reservation.keep();
        Started { id, name: self.plan.name, console }
    }
}

/// Makes a domain; once more with another number where somebody else was
/// quicker.
fn boot(
    real: &Real,
    plan: &Plan,
    how: Start,
    progress: &Tell<'_>,
    reach: Option<&network::Prepared>,
) -> Result<Booted, Error> {
    let (mut tries, mut failed) = (TRIES, None);
    loop {
        let mut made = made::prepare(real, plan, how, progress, None)?;
        let _ = progress(Progress::Domain);
        let mut plan = plan.clone();
        plan.name.clone_from(&made.reservation.name);
        if let (Some(display), Some(size)) = (&mut plan.orders.display, how.screen) {
            display.size = size.bounded();
        }
        set_scale(&mut plan.orders, how.scale);
        let created = network::filter(real, &plan, &made.instance, reach)
            .and_then(|()| create(real, &mut plan, &mut made, progress));
        let error = match created {
            Ok((domain, held)) => {
                // Whoever is to leave nothing has no file any more.
                made.layer.take().into_iter().for_each(layers::Ready::keep);
                return Ok(Booted { made, plan, domain, held });
            }
            Err(error) => error,
        };
        let number = made.reservation.number;
        made.clean_up(real, &plan);
        tries -= 1;
        let since = failed.get_or_insert_with(Instant::now).elapsed();
        if tries == 0 || !(is_in_the_way(&plan, &error, since) || is_taken(real, &plan, number)) {
            return Err(error);
        }
        std::thread::sleep(BETWEEN);
    }
}

fn create(
    real: &Real,
    plan: &mut Plan,
    made: &mut Made,
    progress: &Tell<'_>,
) -> Result<(Domain, Held), Error> {
    let mut held = sources::settle(plan, &made.instance.uuid)?;
    if !plan.sources.is_empty() || !plan.images.is_empty() || plan.root.is_some() {
        sources::none_in(plan, &held, &list::writers(real)?)?;
    }
    made.instance.images = held.image_paths(plan, &made.instance.directory)?;
    made.take_layer(real, plan, progress)?;
    set_ids::note(plan, &made.instance.uuid)?;
    let text = xml::domain(plan, &made.instance);
    tracing::debug!(connection = plan.connection.as_str(), "libvirt is asked for this domain:\n{text}");
    let log = log::begin_anew(real, &plan.connection, made.instance.number);
    plan.orders.log = log.map(|path| path.into_os_string().into_vec().into());
    // Ours is closed as soon as libvirt has it: when the container dies, so
    // does the last copy, and whoever waits there learns it.
    let listener = made.listener.take();
    let files: Vec<_> = listener.iter().map(AsFd::as_fd).collect();
    let domain = {
        let _turn = plan.machine.is_none().then(take_turns);
        real.pool.create(&plan.connection, &text, &files)?
    };
    if let Some(layer) = made.layer.as_ref().filter(|_| plan.machine.is_none()) {
        usage::begin(&made.instance.directory, &layer.image());
    }
    // QEMU has opened its sources by now.
    held.check()?;
    Ok((domain, held))
}

/// libvirt looks for a loop device that is free and then takes it: it fails,
/// slowly, if somebody else has taken that in between (9.0). So containers
/// start one after another, whoever starts them; who does not get the turn
/// goes on without.
fn take_turns() -> Option<Flock<File>> {
    let begun = Instant::now();
    loop {
        // What everybody has, and nobody else locks.
        let file = File::open("/sys/devices/virtual").ok()?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => return Some(held),
            Err(_) if begun.elapsed() > TURN => return None,
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Whether somebody else was in the way, who may not be any more. `since`: that
/// long nothing came of it.
fn is_in_the_way(plan: &Plan, error: &Error, since: Duration) -> bool {
    let may_be_filters = since < DISTURBED && network::has_filter(plan);
    lost_its_turn(error) || may_be_filters && was_disturbed(error)
}

/// Whether a container failed because somebody else took its loop device.
fn lost_its_turn(error: &Error) -> bool {
    matches!(error, Error::Libvirt { message, .. } if message.contains("loop device"))
}

/// Whether libvirt has another domain of that name, one that is just going.
fn is_taken(real: &Real, plan: &Plan, number: u32) -> bool {
    let name = plan.domain_name(number);
    let domains = real.pool.domains(&plan.connection).unwrap_or_default();
    domains.iter().any(|domain| domain.name() == name)
}

/// A random (version 4) UUID.
pub fn random_uuid() -> Result<String, Error> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Libvirt { action: DomainAction::Create, message: error.to_string() })?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DomainAction;

    #[test]
    fn who_lost_its_loop_device_tries_again() {
        let said =
            |message: &str| Error::Libvirt { action: DomainAction::Create, message: message.to_owned() };
        assert!(lost_its_turn(&said("Unable to attach /x.img to loop device: Device or resource busy")));
        assert!(!lost_its_turn(&said("Cannot access backing file '/x' of storage file '/y'")));
    }

    #[test]
    fn who_is_disturbed_tries_again_for_a_while_and_only_with_a_filter() {
        use crate::profile::{Interface, Isolation, Network, NetworkMode, Profile};
        let of = |filter: Option<&str>| {
            let mut profile = Profile::new("x", vec!["true".into()]);
            profile.isolation = Some(Isolation::Container);
            let one = Interface {
                source: Some("default".into()),
                filter: filter.map(str::to_owned),
                ..Interface::default()
            };
            profile.network =
                Network { mode: NetworkMode::Custom, interfaces: vec![one], ..Network::default() };
            crate::plan::plan(&profile, &crate::xml::tests::host()).plan.unwrap()
        };
        let (filtered, plain) = (of(Some("clean-traffic")), of(None));
        let said =
            |message: &str| Error::Libvirt { action: DomainAction::Create, message: message.to_owned() };
        let unknown = said("An error occurred, but the cause is unknown");
        let raced = said("'/usr/sbin/ebtables -t nat': CHAIN_ADD failed (File exists)");
        let never = said("'/usr/sbin/ebtables -t nat': CHAIN_ADD failed (Operation not supported)");
        for (plan, error, since, again) in [
            (&filtered, &raced, Duration::ZERO, true),
            (&filtered, &unknown, DISTURBED / 2, true),
            (&filtered, &raced, DISTURBED, false),
            (&filtered, &never, Duration::ZERO, false),
            (&plain, &unknown, Duration::ZERO, false),
            (
                &plain,
                &said("Unable to attach /x.img to loop device: Device or resource busy"),
                DISTURBED,
                true,
            ),
        ] {
            assert_eq!(is_in_the_way(plan, error, since), again, "{error:?} after {since:?}");
        }
    }
}
