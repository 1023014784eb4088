// SPDX-License-Identifier: LGPL-2.1-or-later
//! What works on this computer and what does not. Pure: the host was probed.

use crate::host::{ConnectionState, Host};
use crate::kernel::Kernel;
use crate::plan::AcceleratorReason;
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
    /// KVM.
    Kvm(AcceleratorReason),
    /// Mandatory access control, by name; `None`: there is none.
    AccessControl(Option<&'static str>),
    /// Whether the user is in group libvirt.
    Group(bool),
}

/// Everything worth saying, the most urgent first.
#[must_use]
pub fn examine(host: &Host) -> Vec<Finding> {
    let mut all: Vec<Finding> = host.connections.iter().map(|one| connection(&one.uri, &one.state)).collect();
    all.extend(host.kernels.iter().map(kernel));
    if host.kernels.is_empty() {
        let fix = Some("apt-get install linux-image-amd64".to_owned());
        all.push(Finding { severity: Severity::NeedsAttention, subject: Subject::NoKernel, fix });
    }
    let (severity, reason) = match crate::plan::no_kvm_reason(host) {
        None => (Severity::Works, AcceleratorReason::KvmWorks),
        Some(reason) => (Severity::GoodToKnow, reason),
    };
    let fix = (reason == AcceleratorReason::NotWritable).then(|| format!("adduser {} kvm", host.user.name));
    all.push(Finding { severity, subject: Subject::Kvm(reason), fix });
    let name = if host.mac.apparmor { Some("AppArmor") } else { host.mac.selinux.then_some("SELinux") };
    all.push(good_to_know(Subject::AccessControl(name)));
    if host.caller != 0 {
        all.push(good_to_know(Subject::Group(host.in_group_libvirt)));
    }
    all.sort_by_key(|finding| finding.severity);
    all
}

fn good_to_know(subject: Subject) -> Finding {
    Finding { severity: Severity::GoodToKnow, subject, fix: None }
}

fn connection(uri: &Uri, state: &ConnectionState) -> Finding {
    let fix = match state {
        ConnectionState::DriverMissing if uri.is_lxc() => Some("apt-get install libvirt-daemon-driver-lxc"),
        ConnectionState::DriverMissing => Some("apt-get install libvirt-daemon-driver-qemu qemu-system-x86"),
        ConnectionState::NotRunning => Some("systemctl start libvirtd"),
        _ => None,
    };
    let severity = match state {
        _ if state.usable() => Severity::Works,
        // The machine on the session connection needs no group.
        ConnectionState::NotAllowed => Severity::GoodToKnow,
        _ => Severity::NeedsAttention,
    };
    let subject = Subject::Connection { uri: uri.clone(), state: state.clone() };
    Finding { severity, subject, fix: fix.map(str::to_owned) }
}

fn kernel(kernel: &Kernel) -> Finding {
    let fix = match kernel.problem {
        Some(crate::kernel::KernelProblem::ImageUnreadable) => {
            Some(format!("chmod a+r {}", kernel.image.display()))
        }
        _ => None,
    };
    let severity = if kernel.is_usable() { Severity::Works } else { Severity::GoodToKnow };
    Finding { severity, subject: Subject::Kernel(kernel.clone()), fix }
}
