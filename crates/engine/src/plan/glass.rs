// SPDX-License-Identifier: LGPL-2.1-or-later
//! How strong the glass is: isolation, connection, accelerator, kernel.

use super::build::Found;
use super::display::{is_wanted, kernel_lacks};
use super::shares::Shares;
use super::{AcceleratorReason, Export, IsolationReason, MachinePlan, ProblemKind};
use crate::host::{ConnectionState, Host, KvmDevice, RootEntry};
use crate::kernel::{self, Kernel, Video};
use crate::profile::{Accelerator, Isolation, NetworkMode, Passes, Profile};
use crate::uri::Uri;

/// What was chosen.
pub(super) struct Glass {
    pub(super) isolation: Isolation,
    pub(super) reason: IsolationReason,
    pub(super) connection: Uri,
    pub(super) kvm: bool,
    pub(super) accelerator_reason: AcceleratorReason,
    pub(super) kernel: Option<Kernel>,
    video: Option<Video>,
}

/// Chooses, and says what stands in the way.
pub(super) fn choose(profile: &Profile, host: &Host, found: &mut Found) -> Glass {
    let (isolation, reason) = isolation(profile, host);
    let connection = connection(profile, host, isolation, found);
    let (kvm, accelerator_reason) = accelerator(profile, host);
    let mut glass =
        Glass { isolation, reason, connection, kvm, accelerator_reason, kernel: None, video: None };
    if isolation == Isolation::Machine {
        if host.arch != "x86_64" {
            found.add("isolation", ProblemKind::Architecture { arch: host.arch.clone() });
        }
        if profile.machine.accelerator == Accelerator::Kvm && !host.kvm.works() {
            let reason = why_no_kvm(host);
            found.add("machine.accelerator", ProblemKind::KvmUnusable { reason });
        }
        glass.kernel = kernel(profile, host, found);
        glass.video = glass.kernel.as_ref().filter(|_| is_wanted(profile)).and_then(Kernel::video);
    }
    glass
}

fn isolation(profile: &Profile, host: &Host) -> (Isolation, IsolationReason) {
    if let Some(asked) = profile.isolation {
        return (asked, IsolationReason::Asked);
    }
    let has_kernel = host.arch == "x86_64" && host.kernels.iter().any(Kernel::is_usable);
    if host.kvm.works() && has_kernel && host.usable(&usual_machine(host)) {
        (Isolation::Machine, IsolationReason::KvmWorks)
    } else if host.usable(&Uri::LxcSystem) || !has_kernel {
        (Isolation::Container, IsolationReason::ContainerWorks)
    } else {
        (Isolation::Machine, IsolationReason::EmulationLeft)
    }
}

/// A session needs no group; root has none of its own.
fn usual_machine(host: &Host) -> Uri {
    if host.caller == 0 {
        Uri::QemuSystem
    } else {
        Uri::QemuSession
    }
}

/// Whether the caller may have machines of the system.
fn may_use_system(host: &Host) -> bool {
    (host.caller == 0 || host.in_group_libvirt) && host.usable(&Uri::QemuSystem)
}

fn connection(profile: &Profile, host: &Host, isolation: Isolation, found: &mut Found) -> Uri {
    let usual = match isolation {
        Isolation::Container => Uri::LxcSystem,
        // Only the system's machines are on networks of libvirt's.
        Isolation::Machine if super::network::needs_system(&profile.network) && may_use_system(host) => {
            Uri::QemuSystem
        }
        Isolation::Machine => usual_machine(host),
    };
    let field = "machine.connection";
    let uri = match profile.machine.connection.as_deref().map(Uri::from) {
        // A machine's connection says nothing about a container.
        Some(uri) if isolation == Isolation::Container && uri.is_known() && !uri.is_lxc() => usual,
        Some(uri) => uri,
        None => usual,
    };
    if !uri.is_known() && host.connection(&uri).is_none() {
        found.add(field, ProblemKind::Connection { uri: uri.as_str().to_owned() });
    } else if uri.is_lxc() != (isolation == Isolation::Container) {
        found.add(field, ProblemKind::ConnectionMismatch { uri: uri.as_str().to_owned() });
    } else {
        let state = host.connection(&uri).cloned().unwrap_or(ConnectionState::NotRunning);
        if !state.usable() {
            let field = if profile.isolation.is_some() { "isolation" } else { field };
            found.add(field, ProblemKind::ConnectionUnusable { uri: uri.clone(), state });
        }
    }
    uri
}

fn accelerator(profile: &Profile, host: &Host) -> (bool, AcceleratorReason) {
    match profile.machine.accelerator {
        Accelerator::Emulation => (false, AcceleratorReason::Asked),
        Accelerator::Kvm => (true, AcceleratorReason::Asked),
        Accelerator::Auto if host.kvm.works() => (true, AcceleratorReason::KvmWorks),
        Accelerator::Auto => (false, why_no_kvm(host)),
    }
}

/// Why KVM does not work here; `None` if it does.
#[must_use]
pub fn no_kvm_reason(host: &Host) -> Option<AcceleratorReason> {
    (!host.kvm.works()).then(|| why_no_kvm(host))
}

fn why_no_kvm(host: &Host) -> AcceleratorReason {
    match host.kvm.device {
        KvmDevice::Missing => AcceleratorReason::NoDevice,
        _ if !host.kvm.processor => AcceleratorReason::NoProcessorSupport,
        KvmDevice::NotWritable => AcceleratorReason::NotWritable,
        KvmDevice::Writable => AcceleratorReason::KvmWorks,
    }
}

fn kernel(profile: &Profile, host: &Host, found: &mut Found) -> Option<Kernel> {
    let asked = &profile.machine;
    let fits = |kernel: &&Kernel| {
        asked.kernel.as_ref().is_none_or(|version| *version == kernel.version)
            && asked.kernel_path.as_ref().is_none_or(|path| *path == kernel.image)
            && asked.modules_path.as_ref().is_none_or(|path| *path == kernel.modules)
    };
    let named =
        asked.kernel.clone().or_else(|| asked.kernel_path.as_ref().map(|path| path.display().to_string()));
    let named = named.or_else(|| asked.modules_path.as_ref().map(|path| path.display().to_string()));
    let shows = |kernel: &&Kernel| !is_wanted(profile) || kernel_lacks(kernel).is_empty();
    let mut usable = host.kernels.iter().filter(fits).filter(|kernel| kernel.is_usable());
    let first = usable.clone().next();
    let chosen = usable.find(shows).or(first).cloned();
    if chosen.is_none() {
        match named {
            Some(asked) => found.add("machine.kernel", ProblemKind::Kernel { asked }),
            None => found.add("isolation", ProblemKind::NoKernel { found: host.kernels.clone() }),
        }
    }
    chosen
}

impl Glass {
    /// Whether a screen offers GLX: starting it costs an emulated processor
    /// three seconds, and it would be slow.
    pub(super) fn glx(&self) -> bool {
        self.isolation == Isolation::Container || self.kvm
    }

    /// The machine's part of the plan.
    pub(super) fn machine(
        &self,
        host: &Host,
        passes: Passes,
        shares: &Shares,
        network: NetworkMode,
    ) -> Option<MachinePlan> {
        let kernel = self.kernel.clone().filter(|_| self.isolation == Isolation::Machine)?;
        let directories = host.root.iter().filter_map(|entry| match entry {
            RootEntry::Directory { path } => Some(path.clone()),
            RootEntry::Link { .. } => None,
        });
        let export = |(number, path)| Export { path, tag: format!("root{number}"), writable: false };
        let directories = directories.filter(|_| shares.root.is_none());
        let exports = directories.enumerate().map(export).chain(shares.exports.iter().cloned());
        let mut wanted = kernel::wanted(self.video, passes.sound || passes.microphone, passes.usb);
        if network != NetworkMode::None {
            wanted.push("virtio_net");
        }
        let group = host.qemu_group.as_deref().unwrap_or(&host.user.name);
        Some(MachinePlan {
            kvm: self.kvm,
            accelerator_reason: self.accelerator_reason,
            kernel,
            modules: wanted.into_iter().map(str::to_owned).collect(),
            file_systems: shares.file_systems(),
            video: self.video,
            exports: exports.collect(),
            dac_label: (self.connection == Uri::QemuSystem).then(|| format!("{}:{group}", host.user.name)),
        })
    }
}
