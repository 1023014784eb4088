// SPDX-License-Identifier: LGPL-2.1-or-later
//! What stands in the way of a run.

use super::sentence::{both, Sentence};
use super::{connection_state, fill, size};
use crate::kernel::{Kernel, KernelProblem};
use crate::plan::{AcceleratorReason, Note, Problem, ProblemKind};
use gettextrs::gettext;

/// The sentence of a problem.
#[must_use]
pub fn problem(problem: &Problem) -> Sentence {
    match &problem.what {
        ProblemKind::NoCommand => both(gettext("There is no command to run."), gettext("Say which.")),
        ProblemKind::Nul => {
            both(gettext("The text holds a NUL byte, which no program can be given."), gettext("Remove it."))
        }
        ProblemKind::ArgumentTooLong { length } => {
            let text = gettext("This argument is {size} long; Linux takes 128 KiB.");
            both(fill(&text, &[("size", &size(*length as u64))]), gettext("Put the argument into a file."))
        }
        ProblemKind::ArgumentsTooLong { length, limit } => {
            let text = gettext("Arguments and variables are {size} long together; Linux takes {limit}.");
            let values = [("size", size(*length as u64)), ("limit", size(*limit as u64))];
            let text = fill(&text, &[("size", &values[0].1), ("limit", &values[1].1)]);
            both(text, gettext("Put some of the arguments into a file."))
        }
        ProblemKind::VariableName { name } => both(
            fill(&gettext("“{name}” cannot be the name of a variable."), &[("name", name)]),
            gettext("Use a name without spaces and “=” that does not begin with a digit."),
        ),
        ProblemKind::Name { name } => both(
            fill(
                &gettext("“{name}” cannot be the name of a sandbox."),
                &[("name", &name.escape_debug().to_string())],
            ),
            gettext("Use up to 200 characters, without slashes."),
        ),
        ProblemKind::RootUser => both(
            gettext("The command would run as root of this computer, or as a user that does not exist."),
            gettext("Name an ordinary user (-S)."),
        ),
        ProblemKind::Network(what) => super::network::problem(what),
        other => of_this_computer(other),
    }
}

/// Problems that depend on paths and on what the computer has.
fn of_this_computer(what: &ProblemKind) -> Sentence {
    match what {
        ProblemKind::NotAbsolute { path } => both(
            fill(&gettext("{path} is not an absolute path."), &[("path", &path.display().to_string())]),
            gettext("Write it from / or ~/ on, without “..”."),
        ),
        ProblemKind::NotShown { path, share } => both(
            fill(&gettext("The sandbox does not see {path}."), &[("path", &path.display().to_string())]),
            fill(&gettext("Share the folder {path} read-only."), &[("path", &share.display().to_string())]),
        ),
        ProblemKind::Memory { asked, least, most } => {
            let values = [size(*asked), size(*least), size(*most)];
            let text = gettext(
                "{asked} of memory cannot be given: a sandbox needs {least}, this computer has {most}.",
            );
            let text = fill(&text, &[("asked", &values[0]), ("least", &values[1]), ("most", &values[2])]);
            both(text, gettext("Choose a size between them."))
        }
        ProblemKind::Cpus { asked, most } => {
            let values = [asked.to_string(), most.to_string()];
            let text = gettext("{asked} processors cannot be given: this computer has {most}.");
            both(
                fill(&text, &[("asked", &values[0]), ("most", &values[1])]),
                gettext("Choose 1 or more, up to that."),
            )
        }
        ProblemKind::Connection { uri } => both(
            fill(&gettext("The connection {uri} may not be named in a profile."), &[("uri", uri)]),
            gettext("Use lxc:///system, qemu:///session or qemu:///system."),
        ),
        ProblemKind::ConnectionMismatch { uri } => both(
            fill(&gettext("The connection {uri} does not have this kind of sandbox."), &[("uri", uri)]),
            gettext("Leave the connection out, or choose the other kind."),
        ),
        ProblemKind::ConnectionUnusable { uri, state } => both(connection_state(uri, state), String::new()),
        ProblemKind::Architecture { arch } => both(
            fill(
                &gettext("Virtual machines are offered on x86_64 only; this computer is {arch}."),
                &[("arch", arch)],
            ),
            gettext("Use a container."),
        ),
        ProblemKind::NoKernel { found } => both(no_kernel(found), kernel_fix(found)),
        ProblemKind::Kernel { asked } => both(
            fill(
                &gettext("The kernel {asked} is not here, or cannot be used by a virtual machine."),
                &[("asked", asked)],
            ),
            gettext("“terrariumctl doctor” lists those that can."),
        ),
        ProblemKind::KvmUnusable { reason } => {
            both(accelerator(*reason), gettext("Set the accelerator to “auto” or “emulation”."))
        }
        ProblemKind::NoIsolation => both(
            gettext("Neither containers nor virtual machines work here."),
            gettext("“terrariumctl doctor” says why."),
        ),
        ProblemKind::RuntimeTooLong { path } => both(
            fill(
                &gettext("The folder for sockets has too long a path: {path}."),
                &[("path", &path.display().to_string())],
            ),
            gettext("Set XDG_RUNTIME_DIR to a shorter one."),
        ),
        // The others were said by `problem` already.
        other => super::displays::problem(other)
            .or_else(|| super::files::problem(other))
            .or_else(|| super::layers::problem(other))
            .unwrap_or_else(|| both(String::new(), String::new())),
    }
}

fn no_kernel(found: &[Kernel]) -> String {
    match found.first().and_then(|kernel| kernel.problem.as_ref()) {
        None => gettext("No kernel is installed that a virtual machine can use."),
        Some(KernelProblem::ImageUnreadable) => {
            gettext("The kernels in /boot can be read by the administrator only.")
        }
        Some(KernelProblem::ModulesUnreadable) => {
            gettext("The kernels that are installed have no modules that can be read.")
        }
        Some(KernelProblem::Lacks(modules)) => {
            let text =
                gettext("The kernels that are installed lack what a virtual machine needs: {modules}.");
            fill(&text, &[("modules", &modules.join(", "))])
        }
    }
}

fn kernel_fix(found: &[Kernel]) -> String {
    if found.iter().any(|kernel| kernel.problem == Some(KernelProblem::ImageUnreadable)) {
        gettext("Allow reading them (chmod a+r /boot/vmlinuz-*), or use a container.")
    } else {
        gettext("Install the package linux-image-amd64, or use a container.")
    }
}

/// A remark of a plan.
#[must_use]
pub fn note(note: &Note) -> String {
    match note {
        Note::Emulated { reason } => {
            format!(
                "{} {}",
                gettext("The virtual machine is emulated, which is slower."),
                accelerator(*reason)
            )
        }
        Note::UserModeReachesHost => super::network::user_mode(),
        Note::FilteredByLibvirt { lack } => super::network::filtered(lack),
        Note::Privileged => gettext("The command is root of the sandbox and of nothing outside it."),
        other => super::files::note(other).unwrap_or_else(|| super::displays::note(other)),
    }
}

/// Why a machine is or is not accelerated.
fn accelerator(reason: AcceleratorReason) -> String {
    match reason {
        AcceleratorReason::Asked => gettext("The profile asks for it."),
        AcceleratorReason::KvmWorks => gettext("KVM works here."),
        AcceleratorReason::NoDevice => gettext("This computer has no KVM (/dev/kvm)."),
        AcceleratorReason::NotWritable => gettext("You may not use KVM (/dev/kvm); ask the administrator to add you to the group kvm."),
        AcceleratorReason::NoProcessorSupport => gettext("The processor offers no virtualization (neither vmx nor svm); it may be switched off in the firmware."),
    }
}
