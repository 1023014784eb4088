// SPDX-License-Identifier: LGPL-2.1-or-later
//! Gives up everything but the power over this computer's network.
//!
//! What stays is CAP_NET_ADMIN (rules, their log) and CAP_NET_RAW (which nft
//! wants for some of them), also for the nft that it runs; an id that nobody
//! else has, so that it owns no file; a root that is read-only; and the system
//! calls that this takes.

use crate::confine::{load, prctl, CapabilityHeader};
use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{setrlimit, Resource};
use nix::sys::signal::Signal;
use nix::unistd::{setgroups, setresgid, setresuid, Gid, Uid};

static FILTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guard.bpf"));

const NET_ADMIN: libc::c_ulong = 12;
const NET_RAW: libc::c_ulong = 13;
const KEPT: [libc::c_ulong; 2] = [NET_ADMIN, NET_RAW];
const LAST_CAPABILITY: libc::c_ulong = 63;

/// Above the blocks of the sandboxes' ids, below what is negative as a signed
/// number.
const OWN_ID: u32 = 0x7fff_0000;

/// Once and for all.
pub fn confine() -> Result<(), Errno> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_NOFILE, 64, 64)?;
    for capability in 0..=LAST_CAPABILITY {
        if KEPT.contains(&capability) {
            continue;
        }
        match prctl(libc::PR_CAPBSET_DROP, capability) {
            // Above the last one that this kernel has.
            Err(Errno::EINVAL) => break,
            other => other?,
        }
    }
    prctl(libc::PR_SET_KEEPCAPS, 1)?;
    setgroups(&[])?;
    setresgid(Gid::from_raw(OWN_ID), Gid::from_raw(OWN_ID), Gid::from_raw(OWN_ID))?;
    setresuid(Uid::from_raw(OWN_ID), Uid::from_raw(OWN_ID), Uid::from_raw(OWN_ID))?;
    keep()?;
    // Another user's id took this away: who controls the container is gone,
    // so is the guard.
    set_pdeathsig(Signal::SIGKILL)?;
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    load(FILTER)
}

/// Has the kept ones and no other, and passes them on to nft.
fn keep() -> Result<(), Errno> {
    let bits = KEPT.iter().fold(0u32, |bits, capability| bits | 1 << capability);
    let header = CapabilityHeader::of_this_process();
    // Effective, permitted, inheritable; the upper halves are empty.
    let sets = [bits, bits, bits, 0, 0, 0];
    // SAFETY: capset reads a header and, for version 3, two triples of u32
    // that outlive the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) })?;
    let raise = libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong;
    for capability in KEPT {
        // SAFETY: this option takes integers, which are all given.
        Errno::result(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, raise, capability, 0, 0) })?;
    }
    Ok(())
}
