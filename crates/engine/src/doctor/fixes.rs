// SPDX-License-Identifier: LGPL-2.1-or-later
//! Commands that mend something, for the administrator of this distribution.

use crate::host::{Family, Host};
use crate::uri::Uri;

/// What may have to be installed.
#[derive(Clone, Copy)]
pub enum Package {
    /// libvirt's driver for containers.
    Containers,
    /// libvirt's driver for machines, and QEMU.
    Machines,
    /// A kernel with 9p.
    Kernel,
}

/// The command that installs it.
pub fn install(family: Family, package: Package) -> String {
    let [debian, fedora, suse, arch] = match package {
        Package::Containers => {
            ["libvirt-daemon-driver-lxc", "libvirt-daemon-lxc", "libvirt-daemon-lxc", "libvirt"]
        }
        Package::Machines => [
            "libvirt-daemon-driver-qemu qemu-system-x86",
            "libvirt-daemon-qemu qemu-system-x86-core",
            "libvirt-daemon-qemu qemu-x86",
            "libvirt qemu-system-x86",
        ],
        Package::Kernel => ["linux-image-amd64", "kernel-modules", "kernel-default", "linux"],
    };
    match family {
        Family::Debian | Family::Other => format!("apt-get install {debian}"),
        Family::Fedora => format!("dnf install {fedora}"),
        Family::Suse => format!("zypper install {suse}"),
        Family::Arch => format!("pacman -S {arch}"),
    }
}

/// The command that makes the caller a member of a group.
pub fn join(group: &str, host: &Host) -> String {
    format!("sudo usermod -aG {group} {}", crate::quote::quote(&host.user.name))
}

/// The command that starts the daemon behind a connection: Debian's and
/// Arch's is one, others have one for each driver.
pub fn start(host: &Host, uri: &Uri) -> String {
    let modular = matches!(host.family, Family::Fedora | Family::Suse);
    let daemon = match (modular, uri.is_lxc()) {
        (false, _) => "libvirtd",
        (true, true) => "virtlxcd",
        (true, false) => "virtqemud",
    };
    if host.systemd {
        return format!("systemctl enable --now {daemon}.socket");
    }
    // The system's bus and polkitd are the distribution's matter.
    let daemons = format!("virtlogd --daemon; {daemon} --daemon");
    if host.mixed_groups && uri.is_lxc() {
        format!("unshare --mount sh -c 'umount /sys/fs/cgroup/unified; {daemons}'")
    } else {
        daemons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_distribution_has_its_own_words() {
        assert_eq!(install(Family::Debian, Package::Kernel), "apt-get install linux-image-amd64");
        assert!(install(Family::Fedora, Package::Containers).starts_with("dnf install "));
        let mut host = crate::xml::tests::host();
        assert_eq!(start(&host, &Uri::LxcSystem), "systemctl enable --now libvirtd.socket");
        host.family = Family::Fedora;
        assert_eq!(start(&host, &Uri::LxcSystem), "systemctl enable --now virtlxcd.socket");
        host.systemd = false;
        assert_eq!(start(&host, &Uri::QemuSystem), "virtlogd --daemon; virtqemud --daemon");
        host.mixed_groups = true;
        assert!(start(&host, &Uri::LxcSystem).contains("umount /sys/fs/cgroup/unified; virtlogd"));
    }
}
