// SPDX-License-Identifier: LGPL-2.1-or-later
//! Gives up every privilege, in the child that becomes the command.

use crate::build::Place;
use nix::errno::Errno;
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use nix::unistd::{setgroups, setresgid, setresuid, Gid, Uid};
use terrarium_protocol::orders::{Limits, User};

/// The allow list, what it cannot say, and what nobody knew; see `build.rs`.
static ALLOW: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/allow.bpf"));
static DENY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/deny.bpf"));
static FAMILIES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/families.bpf"));
static SETID: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/setid.bpf"));
static NEWER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/newer.bpf"));

/// Highest number that a capability may ever have.
const LAST_CAPABILITY: libc::c_ulong = 63;

/// Limits, ids, capabilities, no_new_privs: everything but seccomp.
pub fn drop_privileges(user: &User, limits: Limits, place: Place) -> Result<(), Errno> {
    set_limits(limits)?;
    let (uid, gid) = if user.privileged { (0, 0) } else { (user.uid, user.gid) };
    setgroups(&[])?;
    setresgid(Gid::from_raw(gid), Gid::from_raw(gid), Gid::from_raw(gid))?;
    if !user.privileged {
        drop_bounding_set()?;
    }
    setresuid(Uid::from_raw(uid), Uid::from_raw(uid), Uid::from_raw(uid))?;
    if !user.privileged {
        clear_capabilities()?;
    }
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    // Without a user namespace of its own (in a machine) root inside keeps its
    // power over the guest; seccomp bounds it all the same.
    debug_assert!(place == Place::Machine || uid != 0 || user.privileged);
    Ok(())
}

/// How many processes there may be.
pub fn bound_processes(limits: Limits) -> Result<(), Errno> {
    lower(Resource::RLIMIT_NPROC, limits.processes, limits.processes)
}

fn set_limits(limits: Limits) -> Result<(), Errno> {
    bound_processes(limits)?;
    lower(Resource::RLIMIT_NOFILE, 1024, limits.files)?;
    // No core, and not 0: with that the kernel would still feed one to a
    // program of the host's that it is told to start for it (core(5)). With 1
    // it starts none; the filter keeps it so.
    lower(Resource::RLIMIT_CORE, 1, 1)
}

/// Never above what init itself may: that takes a privilege it lacks.
fn lower(resource: Resource, soft: u64, hard: u64) -> Result<(), Errno> {
    let hard = getrlimit(resource)?.1.min(hard);
    setrlimit(resource, soft.min(hard), hard)
}

fn drop_bounding_set() -> Result<(), Errno> {
    for capability in 0..=LAST_CAPABILITY {
        match prctl(libc::PR_CAPBSET_DROP, capability) {
            // Above the last one that this kernel has.
            Err(Errno::EINVAL) => break,
            other => other?,
        }
    }
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong)
}

/// The kernel's header and data of capset(2), version 3.
#[repr(C)]
pub struct CapabilityHeader {
    version: u32,
    pid: i32,
}

impl CapabilityHeader {
    /// About whoever asks.
    pub fn of_this_process() -> Self {
        Self { version: 0x2008_0522, pid: 0 }
    }
}

fn clear_capabilities() -> Result<(), Errno> {
    let header = CapabilityHeader::of_this_process();
    let none = [0u32; 6];
    // SAFETY: capset reads a header and, for version 3, two triples of u32
    // that outlive the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) }).map(drop)
}

/// The options that take one integer.
pub fn prctl(option: libc::c_int, value: libc::c_ulong) -> Result<(), Errno> {
    let zero: libc::c_ulong = 0;
    // SAFETY: the options used here take integers, which are all given.
    Errno::result(unsafe { libc::prctl(option, value, zero, zero, zero) }).map(drop)
}

/// Installs the filters; the last thing before exec. `writes_outside`: files
/// of the host may be written, so none may become setuid or setgid.
pub fn filter(writes_outside: bool) -> Result<(), Errno> {
    if writes_outside {
        load(SETID)?;
    }
    [DENY, FAMILIES, ALLOW, NEWER].into_iter().try_for_each(load)
}

/// Installs one filter.
pub fn load(program: &[u8]) -> Result<(), Errno> {
    let mut instructions: Vec<libc::sock_filter> = program
        .chunks_exact(8)
        .map(|bytes| libc::sock_filter {
            code: u16::from_ne_bytes([bytes[0], bytes[1]]),
            jt: bytes[2],
            jf: bytes[3],
            k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        })
        .collect();
    let length = u16::try_from(instructions.len()).map_err(|_| Errno::EINVAL)?;
    let filter = libc::sock_fprog { len: length, filter: instructions.as_mut_ptr() };
    // SAFETY: the program and its instructions outlive the call; the kernel
    // checks them and copies.
    Errno::result(unsafe {
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter, 0, 0)
    })
    .map(drop)
}
