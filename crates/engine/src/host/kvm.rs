// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether KVM works. `/dev/kvm` may be there where the processor, itself
//! emulated, has no support for it.

use super::{Kvm, KvmDevice, User};
use nix::unistd::{access, AccessFlags, Gid, Uid};
use std::ffi::CString;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// As far as `user`, whom QEMU runs as, is concerned.
pub fn kvm(user: &User) -> Kvm {
    Kvm {
        device: device(Path::new("/dev/kvm"), user),
        processor: has_support(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
    }
}

fn device(path: &Path, user: &User) -> KvmDevice {
    let Ok(metadata) = path.metadata() else { return KvmDevice::Missing };
    if !metadata.file_type().is_char_device() {
        return KvmDevice::Missing;
    }
    let writable = if Uid::effective().as_raw() == user.uid {
        access(path, AccessFlags::R_OK | AccessFlags::W_OK).is_ok()
    } else {
        may_write(metadata.mode(), metadata.uid(), metadata.gid(), user)
    };
    if writable {
        KvmDevice::Writable
    } else {
        KvmDevice::NotWritable
    }
}

/// What the mode says about another user; an access list is not looked at.
fn may_write(mode: u32, owner: u32, group: u32, user: &User) -> bool {
    let bits = if owner == user.uid {
        mode >> 6
    } else if groups_of(user).iter().any(|gid| gid.as_raw() == group) {
        mode >> 3
    } else {
        mode
    };
    bits & 0o6 == 0o6
}

/// All groups that a user has after a login.
fn groups_of(user: &User) -> Vec<Gid> {
    let gid = Gid::from_raw(user.gid);
    let name = CString::new(user.name.as_str()).ok();
    name.and_then(|name| nix::unistd::getgrouplist(&name, gid).ok()).unwrap_or_else(|| vec![gid])
}

/// Whether the processor's flags name vmx or svm.
fn has_support(cpuinfo: &str) -> bool {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    flags.split_whitespace().any(|flag| flag == "vmx" || flag == "svm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_alone_is_not_enough() {
        assert!(has_support("processor : 0\nflags\t\t: fpu svm sse\n"));
        assert!(has_support("flags : vmx"));
        assert!(!has_support("flags : fpu vmx_foo\nvmx flags : vnmi\n"));
        assert_eq!(device(Path::new("/dev/no-such-device"), &User::nobody()), KvmDevice::Missing);
    }

    #[test]
    fn another_user_is_judged_by_the_mode() {
        let user = User { uid: 4242, gid: 4343, name: "no such user".into(), ..User::nobody() };
        assert!(may_write(0o666, 0, 0, &user));
        assert!(may_write(0o660, 0, 4343, &user) && may_write(0o600, 4242, 0, &user));
        assert!(!may_write(0o660, 0, 0, &user) && !may_write(0o662, 0, 0, &user));
    }
}
