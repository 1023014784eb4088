// SPDX-License-Identifier: LGPL-2.1-or-later
//! What doctor found.

use super::{connection_state, fill, shown};
use crate::doctor::{Finding, Severity, Subject};
use crate::host::{ConnectionState, LookedAt};
use crate::kernel::{Kernel, KernelProblem};
use crate::plan::{AcceleratorReason, Note};
use crate::profile::Isolation;
use crate::uri::Uri;
use gettextrs::gettext;

/// All findings under their headings, a line each.
#[must_use]
pub fn doctor(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for (severity, heading) in [
        (Severity::NeedsAttention, gettext("Needs attention")),
        (Severity::GoodToKnow, gettext("Good to know")),
        (Severity::Works, gettext("Works")),
    ] {
        let of_this: Vec<&Finding> = findings.iter().filter(|one| one.severity == severity).collect();
        if of_this.is_empty() {
            continue;
        }
        lines.push(heading);
        for one in of_this {
            lines.push(format!("  {}", finding(one)));
            lines.extend(
                one.fix.as_ref().map(|fix| {
                    format!("    {}", fill(&gettext("To fix it: {command}"), &[("command", fix)]))
                }),
            );
        }
    }
    lines
}

/// What is looked at, while that goes on.
#[must_use]
pub fn looking(what: &LookedAt) -> String {
    match what {
        LookedAt::Kernels => gettext("Looking at the kernels…"),
        LookedAt::Libvirt(uri) => fill(&gettext("Asking {uri}…"), &[("uri", &shown(uri.as_str()))]),
    }
}

/// One finding.
#[must_use]
pub fn finding(finding: &Finding) -> String {
    match &finding.subject {
        Subject::Connection { uri, state } => of_connection(uri, &connection(uri, state)),
        Subject::Kernel(kernel) => of_kernel(kernel),
        Subject::NoKernel => gettext("No kernel is installed that a virtual machine can use."),
        Subject::Kvm(AcceleratorReason::KvmWorks) => gettext("KVM works: virtual machines run at full speed."),
        Subject::Kvm(reason) => super::note(&Note::Emulated { reason: *reason }),
        Subject::AccessControl { uri, models } => access_control(uri, models),
        Subject::Windows { isolation, packages, .. } => windows(*isolation, packages),
        Subject::KernelWithoutWindows { version, part } => {
            fill(&super::displays::kernel_lacks(*part), &[("version", version)])
        }
        Subject::WindowsBetterWith { piece, .. } => super::displays::lacks(*piece),
        Subject::Layers(there) => super::layers::maker(*there),
        Subject::Qcow2InContainers(true) => gettext("Containers can use qcow2 images (nbd)."),
        Subject::Qcow2InContainers(false) => gettext("Containers can use raw images only: for qcow2 they need the kernel module nbd and qemu-nbd."),
        Subject::Networks { missing, lacks, filtered, .. } if missing.is_empty() && !lacks.is_empty() => {
            super::network::kernel_lacks(lacks, *filtered)
        }
        Subject::Networks { missing, ipv6: false, .. } if missing.is_empty() => {
            gettext("Everything is here for sandboxes with a network. They have no IPv6, as this computer’s kernel was started without it (ipv6.disable=1).")
        }
        Subject::Networks { missing, .. } if missing.is_empty() => {
            gettext("Everything is here for sandboxes with a network.")
        }
        Subject::Networks { missing, filtered: true, .. } if *missing == ["nftables"] => {
            gettext("Sandboxes can have a network, enforced by a filter of libvirt’s (nwfilter): slower, and without IPv6. With the package nftables it would be Terrarium’s own.")
        }
        Subject::Networks { missing, .. } => {
            let text = gettext("Sandboxes cannot have a network. Missing packages: {packages}");
            fill(&text, &[("packages", &missing.join(", "))])
        }
        Subject::Group(true) => gettext("You are in the group libvirt, which equals being root on this computer."),
        Subject::Group(false) => gettext("You are not in the group libvirt, without which there are neither containers nor networks with limits; virtual machines need no group. Joining it equals being root on this computer, and counts once you have logged in again."),
    }
}

/// People know what they run, and libvirt's name for it is there for who has to
/// look for it.
fn of_connection(uri: &Uri, text: &str) -> String {
    format!("{text} ({})", shown(uri.as_str()))
}

fn connection(uri: &Uri, state: &ConnectionState) -> String {
    match state {
        ConnectionState::Likely | ConnectionState::Works if *uri == Uri::QemuSystem => {
            gettext("Virtual machines with the system’s networks work here.")
        }
        _ => connection_state(uri, state),
    }
}

fn access_control(uri: &Uri, models: &[String]) -> String {
    let name = |model: &String| match model.as_str() {
        "apparmor" => "AppArmor".to_owned(),
        "selinux" => "SELinux".to_owned(),
        other => shown(other),
    };
    let text = if models.is_empty() {
        gettext("Neither AppArmor nor SELinux is active; Terrarium’s own confinement does not need them.")
    } else {
        let names = models.iter().map(name).collect::<Vec<_>>().join(", ");
        fill(&gettext("{name} confines libvirt’s side as well."), &[("name", &names)])
    };
    of_connection(uri, &text)
}

fn windows(isolation: Isolation, packages: &[&str]) -> String {
    let packages = packages.join(", ");
    let text = match (isolation, packages.is_empty()) {
        (Isolation::Container, true) => gettext("Everything is here for windows in containers."),
        (Isolation::Machine, true) => gettext("Everything is here for windows in virtual machines."),
        (Isolation::Container, false) => {
            gettext("Containers cannot show windows. Missing packages: {packages}")
        }
        (Isolation::Machine, false) => {
            gettext("Virtual machines cannot show windows. Missing packages: {packages}")
        }
    };
    fill(&text, &[("packages", &packages)])
}

fn of_kernel(kernel: &Kernel) -> String {
    let version = [("version", kernel.version.as_str())];
    match &kernel.problem {
        None => fill(&gettext("Kernel {version}: virtual machines can boot it."), &version),
        Some(KernelProblem::ImageUnreadable) => {
            fill(&gettext("Kernel {version}: its image can be read by the administrator only."), &version)
        }
        Some(KernelProblem::ModulesUnreadable) => {
            fill(&gettext("Kernel {version}: its modules are missing or cannot be read."), &version)
        }
        Some(KernelProblem::Lacks(modules)) => {
            let text = gettext(
                "Kernel {version}: it lacks the modules {modules}, so virtual machines cannot boot it.",
            );
            fill(&text, &[version[0], ("modules", &modules.join(", "))])
        }
    }
}
