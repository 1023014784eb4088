// SPDX-License-Identifier: LGPL-2.1-or-later
//! Makes the seccomp filters as BPF, so that init carries bytes and no C.
//!
//! Filters are stacked, since a rule cannot say "any ioctl but these":
//! `allow.bpf` is a list of what is allowed, `deny.bpf` and `families.bpf`
//! refuse single values, `setid.bpf` the modes that it says, and `newer.bpf`
//! answers system calls that did not exist when this was built as an older
//! kernel does. The kernel heeds the strictest; among refusals
//! that of the filter that was loaded last.

use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use std::fs::File;
use std::path::Path;

#[path = "src/syscalls.rs"]
mod syscalls;

/// Namespace flags of clone(2) and unshare(2); none may be made inside.
const CLONE_NEW: u64 = 0x7e02_0000;
/// Fakes input to a terminal; hands out a console's selection.
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;

/// The limit of core files.
const RLIMIT_CORE: u64 = 4;

/// Families of sockets that Docker's default profile refuses: the kernel's
/// cryptography, and the hypervisor with its other guests.
const AF_ALG: u32 = 38;
const AF_VSOCK: u32 = 40;
/// Families that the guard talks with; no path and no name of this computer
/// lies in them.
const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;
const AF_NETLINK: u64 = 16;
/// Bits of a file's mode that make others run it as its owner or group.
const S_ISUID: u64 = 0o4000;
const S_ISGID: u64 = 0o2000;
/// With one of these open(2) heeds its mode.
const O_CREAT: u64 = 0o100;
const O_TMPFILE: u64 = 0o20_000_000;
const EPERM: i32 = 1;
const ENOSYS: i32 = 38;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/syscalls.rs");
    let out = std::env::var("OUT_DIR")?;
    export(&allow()?, &Path::new(&out).join("allow.bpf"))?;
    export(&guard()?, &Path::new(&out).join("guard.bpf"))?;
    export(&deny()?, &Path::new(&out).join("deny.bpf"))?;
    std::fs::write(Path::new(&out).join("families.bpf"), families())?;
    export(&no_setid()?, &Path::new(&out).join("setid.bpf"))?;
    Ok(std::fs::write(Path::new(&out).join("newer.bpf"), newer(last_known()?))?)
}

fn export(filter: &ScmpFilterContext, path: &Path) -> Result<()> {
    Ok(filter.export_bpf(File::create(path)?)?)
}

/// i386 too, for programs of 32 bits. x32 is refused whole: no program of a
/// distribution uses it, and it is a second way to every system call.
fn with_arches(default: ScmpAction) -> Result<ScmpFilterContext> {
    let mut filter = ScmpFilterContext::new(default)?;
    filter.add_arch(ScmpArch::X8664)?;
    filter.add_arch(ScmpArch::X86)?;
    filter.set_act_badarch(ScmpAction::Errno(ENOSYS))?;
    Ok(filter)
}

fn allow() -> Result<ScmpFilterContext> {
    let mut filter = with_arches(ScmpAction::Errno(EPERM))?;
    for name in syscalls::ALLOWED {
        // One that this libseccomp does not know is not allowed.
        if let Ok(call) = ScmpSyscall::from_name(name) {
            filter.add_rule(ScmpAction::Allow, call)?;
        }
    }
    let no_namespaces = ScmpArgCompare::new(0, ScmpCompareOp::MaskedEqual(CLONE_NEW), 0);
    filter.add_rule_conditional(ScmpAction::Allow, ScmpSyscall::from_name("clone")?, &[no_namespaces])?;
    for persona in [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff] {
        let is = ScmpArgCompare::new(0, ScmpCompareOp::Equal, persona);
        filter.add_rule_conditional(ScmpAction::Allow, ScmpSyscall::from_name("personality")?, &[is])?;
    }
    // The flags of clone3 lie in memory, where a filter cannot look: programs
    // fall back to clone.
    for name in ["clone3"].iter().chain(syscalls::UNKNOWN) {
        if let Ok(call) = ScmpSyscall::from_name(name) {
            filter.add_rule(ScmpAction::Errno(ENOSYS), call)?;
        }
    }
    Ok(filter)
}

/// The guard's: what it does, and nothing else.
fn guard() -> Result<ScmpFilterContext> {
    let mut filter = ScmpFilterContext::new(ScmpAction::Errno(EPERM))?;
    for name in syscalls::GUARD {
        if let Ok(call) = ScmpSyscall::from_name(name) {
            filter.add_rule(ScmpAction::Allow, call)?;
        }
    }
    for family in [AF_INET, AF_INET6, AF_NETLINK] {
        let is = ScmpArgCompare::new(0, ScmpCompareOp::Equal, family);
        filter.add_rule_conditional(ScmpAction::Allow, ScmpSyscall::from_name("socket")?, &[is])?;
    }
    filter.add_rule(ScmpAction::Errno(ENOSYS), ScmpSyscall::from_name("clone3")?)?;
    Ok(filter)
}

fn deny() -> Result<ScmpFilterContext> {
    let mut filter = with_arches(ScmpAction::Allow)?;
    for request in [TIOCSTI, TIOCLINUX] {
        refuse(&mut filter, "ioctl", 1, request)?;
    }
    keep_core_limit(&mut filter)?;
    Ok(filter)
}

/// With a limit of 0 the host's program for crashes would be started, with 1 it
/// is not. Who sets another one wants no core or gets none anyway, and is told
/// that it was done; who asks for the old one meanwhile would be lied to.
fn keep_core_limit(filter: &mut ScmpFilterContext) -> Result<()> {
    let is_core =
        |argument: u32| ScmpArgCompare::new(argument, ScmpCompareOp::MaskedEqual(0xffff_ffff), RLIMIT_CORE);
    let pointer = |argument: u32, how: ScmpCompareOp| ScmpArgCompare::new(argument, how, 0);
    let done = ScmpAction::Errno(0);
    filter.add_rule_conditional(done, ScmpSyscall::from_name("setrlimit")?, &[is_core(0)])?;
    for (action, old) in [(done, ScmpCompareOp::Equal), (ScmpAction::Errno(EPERM), ScmpCompareOp::NotEqual)] {
        let sets = [is_core(1), pointer(2, ScmpCompareOp::NotEqual), pointer(3, old)];
        filter.add_rule_conditional(action, ScmpSyscall::from_name("prlimit64")?, &sets)?;
    }
    Ok(())
}

/// No file that the command makes or has runs as its owner or group: in a
/// folder of the host it would do so there. The mode of openat2 lies in memory,
/// where a filter cannot look: programs fall back to openat.
fn no_setid() -> Result<ScmpFilterContext> {
    let mut filter = with_arches(ScmpAction::Allow)?;
    let has = |argument: u32, bit: u64| ScmpArgCompare::new(argument, ScmpCompareOp::MaskedEqual(bit), bit);
    let refuse = ScmpAction::Errno(EPERM);
    for bit in [S_ISUID, S_ISGID] {
        for (name, mode) in [
            ("chmod", 1),
            ("creat", 1),
            ("fchmod", 1),
            ("fchmodat", 2),
            ("mkdir", 1),
            ("mkdirat", 2),
            ("mknod", 1),
            ("mknodat", 2),
        ] {
            filter.add_rule_conditional(refuse, ScmpSyscall::from_name(name)?, &[has(mode, bit)])?;
        }
        // This libseccomp may not know it; then it is refused whole.
        if let Ok(call) = ScmpSyscall::from_name("fchmodat2") {
            filter.add_rule_conditional(refuse, call, &[has(2, bit)])?;
        }
        for (name, flags) in [("open", 1), ("openat", 2)] {
            for flag in [O_CREAT, O_TMPFILE] {
                let both = [has(flags, flag), has(flags + 1, bit)];
                filter.add_rule_conditional(refuse, ScmpSyscall::from_name(name)?, &both)?;
            }
        }
    }
    filter.add_rule(ScmpAction::Errno(ENOSYS), ScmpSyscall::from_name("openat2")?)?;
    Ok(filter)
}

/// The kernel looks at the low 32 bits of these arguments only, so must the
/// filter.
fn refuse(filter: &mut ScmpFilterContext, call: &str, argument: u32, value: u64) -> Result<()> {
    let is = ScmpArgCompare::new(argument, ScmpCompareOp::MaskedEqual(0xffff_ffff), value);
    filter.add_rule_conditional(ScmpAction::Errno(EPERM), ScmpSyscall::from_name(call)?, &[is])?;
    Ok(())
}

/// The highest number of a system call that libseccomp has a name for. Since
/// 2019 all architectures count alike.
fn last_known() -> Result<u32> {
    let known = |number: &i32| ScmpSyscall::from(*number).get_name_by_arch(ScmpArch::X8664).is_ok();
    let last = (400..1000).rev().find(known).ok_or("libseccomp knows no system call")?;
    Ok(u32::try_from(last)?)
}

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const IS: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const IS_ABOVE: u16 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
/// Where seccomp's data has the number, the architecture and the lower half
/// of the first argument.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FIRST: u32 = 16;

/// `socket(family) => EPERM`, by hand: for i386 libseccomp would make a rule
/// for socketcall, too. Its arguments lie in memory, where a filter cannot
/// look; as with Docker, programs of 32 bits reach all families through it.
fn families() -> Vec<u8> {
    const AMD64: u32 = 0xc000_003e;
    const I386: u32 = 0x4000_0003;
    program(&[
        (LOAD, 0, 0, ARCHITECTURE),
        (IS, 0, 2, AMD64),
        (LOAD, 0, 0, NUMBER),
        (IS, 3, 7, 41),
        (IS, 0, 6, I386),
        (LOAD, 0, 0, NUMBER),
        (IS, 0, 4, 359),
        (LOAD, 0, 0, FIRST),
        (IS, 1, 0, AF_ALG),
        (IS, 0, 1, AF_VSOCK),
        (RETURN, 0, 0, ERRNO | EPERM as u32),
        (RETURN, 0, 0, ALLOW),
    ])
}

/// `number above last => ENOSYS`, by hand: libseccomp compares arguments only.
fn newer(last: u32) -> Vec<u8> {
    program(&[
        (LOAD, 0, 0, NUMBER),
        (IS_ABOVE, 0, 1, last),
        (RETURN, 0, 0, ERRNO | ENOSYS as u32),
        (RETURN, 0, 0, ALLOW),
    ])
}

/// Instructions (code, how far to jump if so, if not, operand) as bytes.
fn program(instructions: &[(u16, u8, u8, u32)]) -> Vec<u8> {
    let bytes = |&(code, yes, no, value): &(u16, u8, u8, u32)| {
        let [a, b] = code.to_ne_bytes();
        let [w, x, y, z] = value.to_ne_bytes();
        [a, b, yes, no, w, x, y, z]
    };
    instructions.iter().flat_map(bytes).collect()
}
