// SPDX-License-Identifier: LGPL-2.1-or-later
//! As whom init makes files and mounts overlays. An overlay keeps the
//! credentials of whoever mounted it, and looks at what it shows with them.

use nix::errno::Errno;
use nix::unistd::{setfsgid, setfsuid, setresuid, Uid};

/// SECBIT_NO_SETUID_FIXUP: capabilities stay whatever the ids are.
const KEEP_CAPABILITIES: libc::c_ulong = 1 << 2;
const SYS_ADMIN: u32 = 21;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// Effective, permitted, inheritable: low half, high half.
type Sets = [u32; 6];

fn header() -> Header {
    Header { version: 0x2008_0522, pid: 0 }
}

fn get() -> nix::Result<Sets> {
    let mut sets = Sets::default();
    let header = header();
    // SAFETY: for version 3 capget writes two triples of u32 that outlive the
    // call.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, &raw const header, sets.as_mut_ptr()) })?;
    Ok(sets)
}

fn set(sets: &Sets) -> nix::Result<()> {
    let header = header();
    // SAFETY: for version 3 capset reads two triples of u32 that outlive the
    // call.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) }).map(drop)
}

/// From now on files that init makes belong to these ids.
pub fn act_as((uid, gid): (u32, u32)) -> nix::Result<()> {
    // SAFETY: takes an integer.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_SECUREBITS, KEEP_CAPABILITIES, 0, 0, 0) })?;
    setfsgid(gid.into());
    setfsuid(uid.into());
    Ok(())
}

/// Does something as a user without any power over files, who may mount.
pub fn powerless<T>(
    user: (u32, u32),
    then: (u32, u32),
    work: impl FnOnce() -> nix::Result<T>,
) -> nix::Result<T> {
    let all = get()?;
    let mut few = all;
    (few[0], few[3]) = (1 << SYS_ADMIN, 0);
    act_as(user)?;
    let done = set(&few).and_then(|()| work());
    set(&all)?;
    act_as(then)?;
    done
}

/// This process is another user from now on, with all its capabilities.
pub fn become_with_all(uid: u32) -> nix::Result<()> {
    let (all, id) = (get()?, Uid::from_raw(uid));
    let keep = |on: libc::c_ulong| {
        // SAFETY: takes an integer.
        Errno::result(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, on, 0, 0, 0) })
    };
    keep(1)?;
    setresuid(id, id, id)?;
    set(&all)?;
    keep(0).map(drop)
}

/// As init usually acts.
pub fn act_as_oneself() -> nix::Result<()> {
    act_as((0, 0))?;
    // SAFETY: takes an integer.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_SECUREBITS, 0, 0, 0, 0) }).map(drop)
}
