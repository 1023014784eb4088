// SPDX-License-Identifier: LGPL-2.1-or-later
//! What works on this computer and what does not. Pure: the host was probed.

mod fixes;
#[cfg(test)]
mod table_tests;
mod windows;

use fixes::Package;

use crate::host::{ConnectionState, Family, Host, Piece};
use crate::kernel::Kernel;
use crate::plan::{AcceleratorReason, KernelPart};
use crate::profile::Isolation;
use crate::uri::Uri;
use serde::Serialize;

/// One thing that was looked at. [`crate::message::finding`] has its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// A command that mends it, for the administrator.
    pub fix: Option<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something does not work.
    NeedsAttention,
    /// Worth knowing.
    GoodToKnow,
    /// It works.
    Works,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A libvirt connection.
    Connection {
        /// Which.
        uri: Uri,
        /// How it is.
        state: ConnectionState,
    },
    /// A kernel.
    Kernel(Kernel),
    /// No kernel at all.
    NoKernel,
    /// Whether the program is there that makes layers.
    Layers(bool),
    /// KVM.
    Kvm(AcceleratorReason),
    /// What mandatory access control a driver puts around its domains.
    AccessControl {
        /// Whose driver.
        uri: Uri,
        /// Names such as `apparmor`; empty: none.
        models: Vec<String>,
    },
    /// Whether containers can have qcow2 images.
    Qcow2InContainers(bool),
    /// Whether sandboxes can have a network.
    Networks {
        /// Packages without which they cannot.
        missing: Vec<&'static str>,
        /// What the kernel has not and nft needs.
        lacks: Vec<String>,
        /// Whether a filter of libvirt's does what nft would, slower.
        filtered: bool,
        /// Whether this computer has IPv6.
        ipv6: bool,
    },
    /// Whether the user is in group libvirt.
    Group(bool),
    /// Whether sandboxes of one kind can show windows.
    Windows {
        /// Which kind.
        isolation: Isolation,
        /// What they cannot do without and is not here.
        missing: Vec<Piece>,
        /// The packages that have it.
        packages: Vec<&'static str>,
    },
    /// No kernel of this computer can show a machine's windows.
    KernelWithoutWindows {
        /// The best one.
        version: String,
        /// What it has no driver for.
        part: KernelPart,
    },
    /// Something that windows are better with is not here.
    WindowsBetterWith {
        /// What.
        piece: Piece,
        /// The package that has it.
        package: &'static str,
    },
}

/// Everything worth saying, the most urgent first.
#[must_use]
pub fn examine(host: &Host) -> Vec<Finding> {
    // What a member of the group has is said once, of the group.
    let is_the_groups = |state: &ConnectionState| is_outside(host) && *state == ConnectionState::NotAllowed;
    let connections = host.connections.iter().filter(|one| !is_the_groups(&one.state));
    let mut all: Vec<Finding> = connections.map(|one| connection(host, &one.uri, &one.state)).collect();
    let any_boots = host.kernels.iter().any(Kernel::is_usable);
    all.extend(host.kernels.iter().map(|one| kernel(host, one, any_boots)));
    if !any_boots {
        let fix = Some(fixes::install(host.family, Package::Kernel));
        all.push(Finding { severity: Severity::NeedsAttention, subject: Subject::NoKernel, fix });
    }
    let (severity, reason) = match crate::plan::no_kvm_reason(host) {
        None => (Severity::Works, AcceleratorReason::KvmWorks),
        Some(reason) => (Severity::GoodToKnow, reason),
    };
    let fix = (reason == AcceleratorReason::NotWritable).then(|| fixes::join("kvm", host));
    all.push(Finding { severity, subject: Subject::Kvm(reason), fix });
    let asked = host.connections.iter().filter_map(|one| Some((&one.uri, one.confinement.clone()?)));
    all.extend(asked.map(|(uri, models)| good_to_know(Subject::AccessControl { uri: uri.clone(), models })));
    all.extend(windows::examine(host));
    all.push(layers(host));
    if host.usable(&Uri::LxcSystem) {
        let severity = if host.nbd { Severity::Works } else { Severity::GoodToKnow };
        all.push(Finding { severity, subject: Subject::Qcow2InContainers(host.nbd), fix: None });
    }
    // That all is there says nothing to those who may not use it.
    let networks = networks(host);
    if !is_outside(host) || networks.severity != Severity::Works {
        all.push(networks);
    }
    if host.caller != 0 {
        let fix = is_outside(host).then(|| fixes::join("libvirt", host));
        all.push(Finding { fix, ..good_to_know(Subject::Group(host.in_group_libvirt)) });
    }
    all.sort_by_key(|finding| finding.severity);
    all
}

/// Whether the caller could join the group.
fn is_outside(host: &Host) -> bool {
    host.caller != 0 && !host.in_group_libvirt
}

/// Without mke2fs nothing can be started.
fn layers(host: &Host) -> Finding {
    let there = host.mke2fs.is_some();
    let severity = if there { Severity::Works } else { Severity::NeedsAttention };
    let fix = if there { None } else { host.family.install(&["e2fsprogs"]) };
    Finding { severity, subject: Subject::Layers(there), fix }
}

/// Without these no sandbox has a network.
fn networks(host: &Host) -> Finding {
    let on_debian = matches!(host.family, Family::Debian | Family::Other);
    let dnsmasq = if on_debian { "dnsmasq-base" } else { "dnsmasq" };
    let network = &host.network;
    let filtered = !network.can_guard() && network.ebtables;
    // A package brings no module of the kernel.
    let all = [(network.nft || !network.lacks.is_empty(), "nftables"), (network.dnsmasq, dnsmasq)];
    let missing: Vec<&'static str> =
        all.iter().filter(|(is_there, _)| !is_there).map(|(_, name)| *name).collect();
    let works = missing.is_empty() && network.lacks.is_empty();
    let severity = if works { Severity::Works } else { Severity::GoodToKnow };
    let fix = if missing.is_empty() { None } else { host.family.install(&missing) };
    let (lacks, ipv6) = (network.lacks.clone(), network.ipv6);
    Finding { severity, subject: Subject::Networks { missing, lacks, filtered, ipv6 }, fix }
}

fn good_to_know(subject: Subject) -> Finding {
    Finding { severity: Severity::GoodToKnow, subject, fix: None }
}

fn connection(host: &Host, uri: &Uri, state: &ConnectionState) -> Finding {
    let fix = match state {
        ConnectionState::DriverMissing if uri.is_lxc() => {
            Some(fixes::install(host.family, Package::Containers))
        }
        ConnectionState::DriverMissing => Some(fixes::install(host.family, Package::Machines)),
        ConnectionState::NotRunning => Some(fixes::start(host, uri)),
        ConnectionState::NotAllowed => Some(fixes::join("libvirt", host)),
        _ => None,
    };
    let severity = match state {
        _ if state.usable() => Severity::Works,
        // The machine on the session connection needs no group.
        ConnectionState::NotAllowed => Severity::GoodToKnow,
        _ => Severity::NeedsAttention,
    };
    Finding { severity, subject: Subject::Connection { uri: uri.clone(), state: state.clone() }, fix }
}

/// A kernel that cannot be booted matters only if no other one can.
fn kernel(host: &Host, kernel: &Kernel, any_boots: bool) -> Finding {
    let fix = match kernel.problem {
        Some(crate::kernel::KernelProblem::ImageUnreadable) => {
            Some(format!("chmod a+r {}", crate::quote::quote(&kernel.image.to_string_lossy())))
        }
        // Of its own it will not get them; another one has them.
        Some(_) if !any_boots => Some(fixes::install(host.family, Package::Kernel)),
        _ => None,
    };
    let severity = match (kernel.is_usable(), any_boots) {
        (true, _) => Severity::Works,
        (false, true) => Severity::GoodToKnow,
        (false, false) => Severity::NeedsAttention,
    };
    Finding { severity, subject: Subject::Kernel(kernel.clone()), fix }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::KernelProblem;
    use crate::xml::tests::host;

    fn severity(host: &Host, is: impl Fn(&Subject) -> bool) -> Option<(Severity, Option<String>)> {
        let all = examine(host);
        let found = all.into_iter().find(|finding| is(&finding.subject))?;
        Some((found.severity, found.fix))
    }

    #[test]
    fn a_kernel_matters_when_there_is_no_other() {
        let mut host = host();
        let mut locked = host.kernels[0].clone();
        locked.problem = Some(KernelProblem::ImageUnreadable);
        locked.image = "/boot/my kernel".into();
        let is_locked = |subject: &Subject| matches!(subject, Subject::Kernel(kernel) if !kernel.is_usable());
        host.kernels.push(locked);
        let fix = Some("chmod a+r '/boot/my kernel'".to_owned());
        assert_eq!(severity(&host, is_locked), Some((Severity::GoodToKnow, fix.clone())));
        host.kernels.remove(0);
        assert_eq!(severity(&host, is_locked), Some((Severity::NeedsAttention, fix)));
        let none = severity(&host, |subject| *subject == Subject::NoKernel).unwrap();
        assert!(none.0 == Severity::NeedsAttention && none.1.is_some());
    }

    #[test]
    fn each_driver_says_what_confines_its_domains() {
        let mut host = host();
        host.connections[0].confinement = Some(vec!["apparmor".into()]);
        host.connections[1].confinement = Some(Vec::new());
        let words: Vec<String> = examine(&host)
            .iter()
            .filter(|finding| matches!(finding.subject, Subject::AccessControl { .. }))
            .map(crate::message::finding)
            .collect();
        assert_eq!(words.len(), 2);
        assert!(words[0].starts_with("AppArmor ") && words[0].ends_with(" (lxc:///system)"), "{words:?}");
        assert!(words[1].ends_with(" (qemu:///session)"), "{words:?}");
    }

    #[test]
    fn what_is_broken_comes_first_with_its_fix() {
        let mut host = host();
        host.connections[0].state = ConnectionState::DriverMissing;
        host.connections[2].state = ConnectionState::NotAllowed;
        let all = examine(&host);
        assert!(all.windows(2).all(|two| two[0].severity <= two[1].severity));
        assert_eq!(all[0].fix.as_deref(), Some("apt-get install libvirt-daemon-driver-lxc"));
        let group =
            severity(&host, |subject| matches!(subject, Subject::Connection { uri: Uri::QemuSystem, .. }));
        assert_eq!(group.unwrap().1.as_deref(), Some("sudo usermod -aG libvirt ada"));
        let is_system =
            |subject: &Subject| matches!(subject, Subject::Connection { uri: Uri::QemuSystem, .. });
        assert_eq!(severity(&host, is_system).unwrap().0, Severity::GoodToKnow);
    }
}
