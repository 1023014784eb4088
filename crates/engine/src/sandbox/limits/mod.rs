// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much a sandbox that runs may use: what holds, and what can be changed.
//! A change holds until the sandbox ends, or until the next one.

mod affinity;
mod found;

use super::real::Real;
use super::{Driver, Id};
use crate::error::{DomainAction, Error, Fixed, LimitError};
use crate::host::Host;
use crate::plan::{plan, PROCESSES};
use crate::profile::{Isolation, Profile};
use crate::uri::Uri;
use crate::virt::{Bound, Domain};
use crate::xml::PERIOD;
use found::Found;
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a kernel may take to do with less memory.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at that.
const LOOKS: Duration = Duration::from_millis(100);

/// What holds for a sandbox that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// How strong its glass is.
    pub isolation: Isolation,
    /// Memory, in bytes.
    pub memory: u64,
    /// Most of it that can be given while it runs.
    pub memory_most: u64,
    /// Processors.
    pub cpus: u32,
    /// Most of them that can be given while it runs.
    pub cpus_most: u32,
    /// Processes.
    pub processes: u64,
    /// Bytes a second that go through each of its disks.
    pub disk: Option<u64>,
    /// What cannot be changed while it runs.
    pub fixed: Vec<Fixed>,
}

/// What to change; the rest stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitChange {
    /// `limits.memory`, in bytes.
    pub memory: Option<u64>,
    /// `limits.cpus`.
    pub cpus: Option<u32>,
    /// Bytes a second; `Some(None)` lifts it.
    pub disk: Option<Option<u64>>,
}

/// Holds a change against what a profile may say here, and against what can
/// be had while it runs.
///
/// # Errors
/// The same problems that a profile with these limits would have; or more was
/// asked for than can be had before the next start.
pub fn check(profile: &Profile, host: &Host, now: &Limits, change: &LimitChange) -> Result<(), Error> {
    let mut wanted = profile.clone();
    wanted.isolation = Some(now.isolation);
    wanted.limits.memory = change.memory.unwrap_or(now.memory);
    wanted.limits.cpus = Some(change.cpus.unwrap_or(now.cpus));
    let is_asked = |field: &str| match field {
        "limits.memory" => change.memory.is_some(),
        "limits.cpus" => change.cpus.is_some(),
        _ => false,
    };
    let problems: Vec<_> = plan(&wanted, host).problems;
    let problems: Vec<_> = problems.into_iter().filter(|one| is_asked(&one.field)).collect();
    if !problems.is_empty() {
        return Err(Error::Problems(problems));
    }
    let fixed = |one: Fixed| now.fixed.contains(&one).then_some(LimitError::Fixed(one));
    let refused = match change {
        LimitChange { memory: Some(memory), .. } if *memory > now.memory_most => {
            Some(LimitError::Memory { most: now.memory_most })
        }
        LimitChange { memory: Some(memory), .. }
            if *memory != now.memory && fixed(Fixed::Memory).is_some() =>
        {
            fixed(Fixed::Memory)
        }
        LimitChange { cpus: Some(cpus), .. } if *cpus > now.cpus_most => {
            Some(LimitError::Cpus { most: now.cpus_most })
        }
        LimitChange { disk: Some(_), .. } => fixed(Fixed::Disk),
        _ => None,
    };
    refused.map_or(Ok(()), |why| Err(Error::Limits(why)))
}

/// See [`Driver::limits`].
pub fn of(real: &Real, id: &Id) -> Result<Limits, Error> {
    let domain = real.domain_or_fail(id, DomainAction::Look)?;
    let found = Found::read(&domain.xml()?);
    Ok(if id.connection.is_lxc() {
        Limits {
            isolation: Isolation::Container,
            memory: found.bound.unwrap_or(found.memory),
            memory_most: real.host.memory,
            cpus: found.processors().unwrap_or(found.cpus),
            cpus_most: real.host.cpus,
            processes: PROCESSES,
            disk: None,
            fixed: vec![Fixed::Processes, Fixed::Disk],
        }
    } else {
        machine(id, &domain, &found)
    })
}

fn machine(id: &Id, domain: &Domain, found: &Found) -> Limits {
    let balloon = domain.balloon().filter(|_| found.balloon);
    let fixed = if found.balloon { vec![Fixed::Processes] } else { vec![Fixed::Memory, Fixed::Processes] };
    let bound = if id.connection == Uri::QemuSession { affinity::of(&id.uuid) } else { found.processors() };
    Limits {
        isolation: Isolation::Machine,
        memory: balloon.unwrap_or(found.current.unwrap_or(found.memory)),
        memory_most: found.memory,
        cpus: bound.unwrap_or(found.cpus).clamp(1, found.cpus.max(1)),
        cpus_most: found.cpus,
        processes: PROCESSES,
        disk: found.rate,
        fixed,
    }
}

/// See [`Driver::change_limits`].
pub fn change(real: &Real, id: &Id, change: &LimitChange) -> Result<(), Error> {
    let now = of(real, id)?;
    let profile = real.profile(id).unwrap_or_else(|| Profile::new("", Vec::new()));
    check(&profile, &real.host, &now, change)?;
    let domain = real.domain_or_fail(id, DomainAction::Limits)?;
    if let Some(memory) = change.memory.filter(|memory| *memory != now.memory) {
        match now.isolation {
            Isolation::Container => bind_memory(&domain, memory)?,
            Isolation::Machine => {
                real.expect_running(id)?;
                fill_balloon(&domain, memory)?;
            }
        }
    }
    if let Some(cpus) = change.cpus.filter(|cpus| *cpus != now.cpus) {
        bind_processors(id, &domain, now.cpus_most, cpus)?;
    }
    if let Some(rate) = change.disk {
        let disks = Found::read(&domain.xml()?).disks;
        disks.iter().try_for_each(|disk| domain.set_disk_rate(disk, rate.unwrap_or(0)))?;
    }
    Ok(())
}

/// A control group of version 1 refuses less than is used; one of version 2
/// would kill for it, so that the memory is asked for first.
fn bind_memory(domain: &Domain, memory: u64) -> Result<(), Error> {
    let used = || domain.load().map_or(0, |(_, used)| used);
    let in_use = |_| Error::Limits(LimitError::InUse { asked: memory, used: used() });
    if !Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        return match domain.set_memory_bound(memory) {
            Err(error) if used() <= memory => Err(error),
            other => other.map_err(in_use),
        };
    }
    domain.set_memory_pressure(Some(memory))?;
    let fits = within(|| used() <= memory);
    let bound = if fits { domain.set_memory_bound(memory) } else { Ok(()) };
    domain.set_memory_pressure(None)?;
    bound?;
    if fits {
        Ok(())
    } else {
        Err(Error::Limits(LimitError::InUse { asked: memory, used: used() }))
    }
}

/// The kernel inside hands over what it has free, and may have less than that.
fn fill_balloon(domain: &Domain, memory: u64) -> Result<(), Error> {
    let before = domain.balloon();
    domain.set_balloon(memory)?;
    let left = || domain.balloon().unwrap_or(0);
    // What it cannot give it goes on trying to.
    if within(|| left() <= memory) {
        return Ok(());
    }
    let left = left();
    if let Some(before) = before {
        domain.set_balloon(before)?;
    }
    Err(Error::Limits(LimitError::NotGiven { asked: memory, left }))
}

fn within(is_so: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(LOOKS);
    }
    true
}

/// A session's libvirt has no control groups; there QEMU is the caller's, who
/// may say on which processors it runs.
fn bind_processors(id: &Id, domain: &Domain, most: u32, cpus: u32) -> Result<(), Error> {
    let quota = PERIOD * u64::from(cpus);
    match &id.connection {
        uri if uri.is_lxc() => domain.set_quota(Bound::Container, PERIOD, quota),
        Uri::QemuSession => {
            affinity::set(&id.uuid, if cpus == most { None } else { Some((cpus, id.number)) })
        }
        _ => domain.set_quota(Bound::Machine, PERIOD, quota),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ProblemKind;
    use crate::xml::tests::host;

    fn now(isolation: Isolation, fixed: &[Fixed]) -> Limits {
        Limits {
            isolation,
            memory: 1 << 30,
            memory_most: 2 << 30,
            cpus: 1,
            cpus_most: 2,
            processes: 4096,
            disk: None,
            fixed: fixed.to_vec(),
        }
    }

    fn tried(now: &Limits, change: LimitChange) -> Result<(), Error> {
        check(&Profile::new("x", vec!["true".into()]), &host(), now, &change)
    }

    #[test]
    fn what_no_profile_may_say_no_change_may() {
        let now = now(Isolation::Machine, &[]);
        for memory in [0, 1 << 20, u64::MAX] {
            let refused = tried(&now, LimitChange { memory: Some(memory), ..LimitChange::default() });
            assert!(
                matches!(&refused, Err(Error::Problems(all))
                    if matches!(all.as_slice(), [one] if matches!(one.what, ProblemKind::Memory { .. }))),
                "{memory}: {refused:?}"
            );
        }
        for cpus in [0, 9999] {
            let refused = tried(&now, LimitChange { cpus: Some(cpus), ..LimitChange::default() });
            assert!(matches!(&refused, Err(Error::Problems(all)) if all.len() == 1), "{cpus}: {refused:?}");
        }
        assert!(tried(&now, LimitChange { memory: Some(256 << 20), cpus: Some(2), disk: None }).is_ok());
    }

    #[test]
    fn no_more_can_be_had_than_there_is_before_the_next_start() {
        let machine = now(Isolation::Machine, &[]);
        let refused = tried(&machine, LimitChange { memory: Some(3 << 30), ..LimitChange::default() });
        assert!(
            matches!(refused, Err(Error::Limits(LimitError::Memory { most })) if most == 2 << 30),
            "{refused:?}"
        );
        let refused = tried(
            &Limits { cpus_most: 1, ..machine },
            LimitChange { cpus: Some(2), ..LimitChange::default() },
        );
        assert!(matches!(refused, Err(Error::Limits(LimitError::Cpus { most: 1 }))), "{refused:?}");
    }

    #[test]
    fn what_is_fixed_stays_and_is_named() {
        let fixed = now(Isolation::Machine, &[Fixed::Memory, Fixed::Disk]);
        let refused = tried(&fixed, LimitChange { memory: Some(512 << 20), ..LimitChange::default() });
        assert!(matches!(refused, Err(Error::Limits(LimitError::Fixed(Fixed::Memory)))), "{refused:?}");
        let same = LimitChange { memory: Some(fixed.memory), ..LimitChange::default() };
        assert!(tried(&fixed, same).is_ok(), "what is as it was is no change");
        let refused = tried(&fixed, LimitChange { disk: Some(None), ..LimitChange::default() });
        assert!(matches!(refused, Err(Error::Limits(LimitError::Fixed(Fixed::Disk)))), "{refused:?}");
    }
}
