// SPDX-License-Identifier: LGPL-2.1-or-later
//! What holds, as a filter of libvirt's (nwfilter): where there is no nft.
//!
//! Every sandbox has one of its own, with its addresses in it, in place before
//! its interface is. libvirt runs ebtables once for each rule, which takes some
//! milliseconds each; and ebtables sees a packet's headers and nothing else:
//! not to what it belongs, nor which address a neighbour claims in IPv6, so
//! there is none. Filters outlive domains, and a restart of this computer; what
//! is left of one is taken away by whoever sees that its sandbox is gone.

mod rules;

use super::guard::Saved;
use super::here;
use crate::error::Error;
use crate::network::names;
use crate::sandbox::{lock, Real};
use crate::uri::Uri;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;
use terrarium_protocol::guard::Port;
use terrarium_protocol::network::Net;

/// How often a change that was disturbed is tried, and the time between. On a
/// computer that is busy an interface takes seconds to go.
const TRIES: u32 = 15;
const BETWEEN: Duration = Duration::from_millis(200);

/// What is said of that which no other try changes, in the words of ebtables,
/// libvirt and the kernel.
const FOR_GOOD: [&str; 6] = [
    "Operation not permitted",
    "Permission denied",
    "not supported",
    "Function not implemented",
    "missing kernel module",
    "' in path",
];

/// The filter of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Its name.
    pub name: String,
    /// Always the same for a name: libvirt changes a filter only under its own.
    pub uuid: String,
    /// Who has it.
    pub connection: Uri,
    /// The networks of this computer that it knows.
    pub here: Vec<Net>,
}

impl Filter {
    /// For the sandbox of that number.
    pub fn new(caller: u32, number: u32, connection: &Uri) -> Self {
        Self {
            name: names::filter(caller, number),
            uuid: format!("54455252-4152-4d49-8d00-{caller:08x}{:04x}", number & 0xffff),
            connection: connection.clone(),
            here: here::networks(),
        }
    }
}

/// Says that there may be filters.
fn mark(real: &Real) -> PathBuf {
    real.places.runtime.join("filters")
}

/// Has libvirt take it, also for a sandbox that runs.
pub fn define(real: &Real, filter: &Filter, port: &Port, saved: &Saved) -> Result<(), Error> {
    let _lock = lock(&mark(real).with_extension("lock"))?;
    let _ = std::fs::write(mark(real), "");
    let text = rules::xml(filter, port, saved);
    // What held before still does.
    patiently(TRIES, || real.pool.define_filter(&filter.connection, &text))
}

/// Tries again: libvirt sets or looks through the rules of all interfaces that
/// have filters, and fails when anybody else changes rules, or when one of the
/// interfaces is just going. It says so, or that the cause is unknown.
fn patiently(mut tries: u32, mut once: impl FnMut() -> Result<(), Error>) -> Result<(), Error> {
    loop {
        tries -= 1;
        match once() {
            Err(Error::Libvirt { message, .. }) if tries > 0 && !is_for_good(&message) => {
                std::thread::sleep(BETWEEN);
            }
            done => return done,
        }
    }
}

/// Whether libvirt's ebtables failed, as it does when anybody else changes
/// rules of the kernel in the same moment (ebtables-nft 1.8.9), which libvirt
/// may not say. It takes back what it had begun.
pub fn was_disturbed(error: &Error) -> bool {
    let Error::Libvirt { message, .. } = error else { return false };
    let may_be = ["ebtables", "the cause is unknown"].iter().any(|words| message.contains(words));
    may_be && !is_for_good(message)
}

fn is_for_good(message: &str) -> bool {
    FOR_GOOD.iter().any(|words| message.contains(words))
}

/// Takes away those of sandboxes that are gone.
pub fn sweep(real: &Real) {
    if mark(real).exists() {
        let is_gone = |number: u32| !real.places.sandbox(number).exists();
        let _ = take_away(real, 1, is_gone);
    }
}

/// The same, for who knows the numbers of all domains: one that crashed keeps
/// its directory until somebody is told.
pub fn sweep_beside(real: &Real, taken: &[u32]) {
    if mark(real).exists() {
        let is_starting = |number: u32| crate::sandbox::is_starting(&real.places.sandbox(number));
        let _ = take_away(real, 1, |number| !taken.contains(&number) && !is_starting(number));
    }
}

/// Takes all away; the caller has no sandbox with a network any more. Returns
/// whether there was any.
pub fn remove(real: &Real) -> Result<bool, Error> {
    take_away(real, TRIES, |_| true)
}

fn take_away(real: &Real, tries: u32, is_gone: impl Fn(u32) -> bool) -> Result<bool, Error> {
    let is_system = |uri: &&Uri| matches!(uri, Uri::LxcSystem | Uri::QemuSystem);
    let Some(uri) = real.connections.iter().find(is_system) else { return Ok(false) };
    // Nobody begins one with a number that was just free.
    let _lock = lock(&mark(real).with_extension("lock"))?;
    let prefix = names::filters(real.caller());
    let (mut any, mut left, mut done) = (false, false, Ok(()));
    for filter in real.pool.filters(uri)? {
        let number = filter.name().strip_prefix(&prefix).and_then(|number| number.parse().ok());
        match number {
            Some(number) if is_gone(number) => {
                any = true;
                if let Err(error) = patiently(tries, || filter.remove()) {
                    (left, done) = (true, Err(error));
                }
            }
            Some(_) => left = true,
            None => {}
        }
    }
    if !left {
        let _ = std::fs::remove_file(mark(real));
    }
    done.map(|()| any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_disturbed_tries_again_and_who_can_never_does_not() {
        let said = |message: &str| {
            let message =
                format!("Failure to execute command '/usr/sbin/ebtables --concurrent -t nat': {message}");
            Error::Libvirt { action: crate::error::DomainAction::Create, message }
        };
        for (message, again) in [
            ("ebtables v1.8.9 (nf_tables):  RULE_DELETE failed (No such file or directory)", true),
            ("ebtables v1.8.9 (nf_tables):  CHAIN_ADD failed (File exists): chain libvirt-J-vnet0", true),
            ("Could not fetch rule set generation id: Device or resource busy", true),
            ("", true),
            ("Could not fetch rule set generation id: Permission denied (you must be root)", false),
            ("RULE_APPEND failed (Operation not supported): rule in chain libvirt-J-vnet0", false),
            ("Extension mark revision 0 not supported, missing kernel module?", false),
            ("Fatal: can't open lock file: Operation not permitted", false),
            ("Cannot find 'ebtables' in path: No such file or directory", false),
        ] {
            assert_eq!(was_disturbed(&said(message)), again, "{message}");
            let mut count = 0;
            let done = patiently(2, || {
                count += 1;
                Err(said(message))
            });
            assert!(done.is_err() && count == if again { 2 } else { 1 }, "{message}: {count}");
        }
        let other = |message: &str| Error::Libvirt {
            action: crate::error::DomainAction::Create,
            message: message.into(),
        };
        assert!(!was_disturbed(&other("no")));
        assert!(was_disturbed(&other("An error occurred, but the cause is unknown")));
    }
}
