// SPDX-License-Identifier: LGPL-2.1-or-later
//! Makes the seccomp filters as BPF, so that init carries bytes and no C.
//!
//! Two filters are stacked, since a rule cannot say "any ioctl but these":
//! `allow.bpf` is a list of what is allowed, `deny.bpf` refuses single values.

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

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/syscalls.rs");
    let out = std::env::var("OUT_DIR")?;
    export(&allow()?, &Path::new(&out).join("allow.bpf"))?;
    export(&deny()?, &Path::new(&out).join("deny.bpf"))
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
    filter.set_act_badarch(ScmpAction::Errno(libc_enosys()))?;
    Ok(filter)
}

const fn libc_enosys() -> i32 {
    38
}

fn allow() -> Result<ScmpFilterContext> {
    let mut filter = with_arches(ScmpAction::Errno(1))?;
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
    // AF_VSOCK reaches the hypervisor's host.
    let no_vsock = ScmpArgCompare::new(0, ScmpCompareOp::NotEqual, 40);
    filter.add_rule_conditional(ScmpAction::Allow, ScmpSyscall::from_name("socket")?, &[no_vsock])?;
    // The flags of clone3 lie in memory, where a filter cannot look: programs
    // fall back to clone.
    for name in ["clone3"].iter().chain(syscalls::UNKNOWN) {
        if let Ok(call) = ScmpSyscall::from_name(name) {
            filter.add_rule(ScmpAction::Errno(libc_enosys()), call)?;
        }
    }
    Ok(filter)
}

fn deny() -> Result<ScmpFilterContext> {
    let mut filter = with_arches(ScmpAction::Allow)?;
    let ioctl = ScmpSyscall::from_name("ioctl")?;
    for request in [TIOCSTI, TIOCLINUX] {
        // The kernel looks at the low 32 bits only, so must the filter.
        let is = ScmpArgCompare::new(1, ScmpCompareOp::MaskedEqual(0xffff_ffff), request);
        filter.add_rule_conditional(ScmpAction::Errno(1), ioctl, &[is])?;
    }
    Ok(filter)
}
