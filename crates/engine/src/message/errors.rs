// SPDX-License-Identifier: LGPL-2.1-or-later
//! What went wrong.

use super::options::with_option;
use super::sentence::or_meant;
use super::{fill, problem, shown};
use crate::error::{DomainAction, Error, FileAction};
use crate::host::ConnectionState;
use crate::kernel;
use crate::profile::{Expected, FaultKind};
use crate::sandbox::LastWords;
use crate::uri::Uri;
use gettextrs::gettext;
use std::path::Path;
use terrarium_protocol::message::Refusal;

/// One line for each problem.
#[must_use]
pub fn lines(fault: &Error) -> Vec<String> {
    match fault {
        Error::Problems(problems) => problems
            .iter()
            .map(|one| {
                let sentence = problem(one);
                format!("{}: {} {}", shown(&one.field), sentence.text, sentence.fix).trim_end().to_owned()
            })
            .collect(),
        Error::Profile { path, error } => {
            error.faults.iter().map(|fault| profile_fault(path, fault.line, &fault.what)).collect()
        }
        other => vec![error(other)],
    }
}

/// The same for somebody who sees which row it is about, and knows no key.
#[must_use]
pub fn without_keys(fault: &Error) -> String {
    let Error::Problems(problems) = fault else { return error(fault) };
    let sentences = problems.iter().map(problem).map(|one| format!("{} {}", one.text, one.fix));
    sentences.map(|one| one.trim_end().to_owned()).collect::<Vec<_>>().join(" ")
}

fn profile_fault(path: &Path, line: usize, what: &FaultKind) -> String {
    let path = shown(&path.to_string_lossy());
    let place = if line > 0 { format!("{path}:{line}") } else { path };
    let text = match what {
        FaultKind::Newer { version } => {
            let text = gettext(
                "The profile is of version {version}, which this Terrarium does not know. Update Terrarium.",
            );
            fill(&text, &[("version", &version.to_string())])
        }
        FaultKind::UnknownKey { key } if key == "color" => {
            let text = gettext("There is no key “{key}”. Write “{meant}”.");
            fill(&text, &[("key", key), ("meant", "colour")])
        }
        FaultKind::UnknownKey { key } => {
            fill(&gettext("There is no key “{key}”. Check its spelling, or remove it."), &[("key", key)])
        }
        FaultKind::Missing { key } => fill(&gettext("The key “{key}” is missing. Add it."), &[("key", key)]),
        FaultKind::WrongValue { key, expected } => {
            let text = gettext("The value of “{key}” has to be {expected}.");
            fill(&text, &[("key", key), ("expected", &expected_value(expected))])
        }
        FaultKind::Syntax { message } => {
            fill(&gettext("This cannot be understood as TOML: {why}."), &[("why", message)])
        }
    };
    format!("{place}: {text}")
}

fn expected_value(expected: &Expected) -> String {
    match expected {
        Expected::Text => gettext("text in quotes"),
        Expected::Number => gettext("a whole number"),
        Expected::Size => gettext("a size such as \"1 GiB\""),
        Expected::Flag => gettext("true or false"),
        Expected::OneOf(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            fill(&gettext("one of {words}"), &[("words", &words.join(", "))])
        }
        Expected::Texts => gettext("a list of texts in quotes"),
        Expected::Variables => gettext("a table of texts in quotes"),
        Expected::Table(_) => gettext("a table"),
        Expected::Tables(_) => gettext("a list of tables"),
    }
}

/// One paragraph.
#[must_use]
pub fn error(error: &Error) -> String {
    match error {
        Error::Problems(_) | Error::Profile { .. } => lines(error).join("\n"),
        Error::NoFile { path } => {
            let text = gettext("{path} is not a file. Name a file with a profile.");
            fill(&text, &[("path", &path.display().to_string())])
        }
        Error::NotText => gettext("The profile has arguments or paths that are not text, which no file can hold. Use names in UTF-8."),
        Error::ProfileExists { name } => {
            let text = gettext("There is a profile with the name “{name}” already. Choose another name.");
            fill(&text, &[("name", name)])
        }
        Error::File { action, path, source } => file(*action, path, source),
        Error::Connect { uri, state } => connection_state(uri, state),
        Error::Libvirt { action, message } => libvirt(*action, message),
        Error::Init(failure) => super::failure(failure),
        Error::Refused(why) => refusal(*why),
        Error::Crashed { last_words } => crashed(last_words.as_ref()),
        Error::Paused => gettext("The sandbox is paused and does not answer. Resume it first."),
        Error::NoAnswer { seconds } => {
            let text = gettext("The sandbox did not answer within {seconds} s. Try again, or stop it.");
            fill(&text, &[("seconds", &seconds.to_string())])
        }
        Error::Version { theirs } => {
            let text = gettext("The sandbox was started by another version of Terrarium (protocol {version}). Use that version, or stop the sandbox.");
            fill(&text, &[("version", &theirs.to_string())])
        }
        Error::Busy => {
            gettext("Four windows or terminals use this virtual machine already. Close one of them.")
        }
        Error::NameTaken { name, ended } => name_taken(name, *ended),
        Error::NoSuchSandbox { name, like } => {
            let text = gettext("There is no sandbox with the name “{name}”.");
            let text = fill(&text, &[("name", name)]);
            or_meant(&text, like.as_deref(), &gettext("“terrariumctl list” shows those that run."))
        }
        Error::NoSuchProfile { name, like } => {
            let text = gettext("There is no profile with the name “{name}”.");
            let text = fill(&text, &[("name", name)]);
            let list = gettext("“terrariumctl profile list” shows them; a file needs a / in its name, or the ending .terrarium.");
            or_meant(&text, like.as_deref(), &list)
        }
        Error::NoSuchName { name, like } => {
            let text = gettext("There is neither a sandbox nor a profile with the name “{name}”.");
            let text = fill(&text, &[("name", name)]);
            let list = gettext("“terrariumctl list” and “terrariumctl profile list” show what there is.");
            or_meant(&text, like.as_deref(), &list)
        }
        Error::Network(error) => super::network::error(error),
        Error::Limits(error) => super::limits::error(error),
        Error::Kernel(error) => kernel_error(error),
        Error::Layer(error) => super::layers::error(error),
        Error::LedElsewhere { path } => fill(
            &gettext("{path} was not written: the way to the chosen folder leads through a link that a sandbox may have made. See where the link leads, and choose that folder by its own path."),
            &[("path", &path.display().to_string())],
        ),
        Error::Cancelled => gettext("The start was cancelled."),
    }
}

fn name_taken(name: &str, ended: bool) -> String {
    let text = if ended {
        gettext("The sandbox with the name “{name}” has ended, and nobody has fetched its result. “terrariumctl attach {quoted}” fetches it, and then the name is free; or choose another one.")
    } else {
        gettext("A sandbox with the name “{name}” runs already. Choose another name, or stop that one.")
    };
    fill(&text, &[("name", name), ("quoted", &super::quote(name))])
}

fn file(action: FileAction, path: &Path, source: &std::io::Error) -> String {
    let text = match action {
        FileAction::Read => gettext("{path} could not be read: {why}."),
        FileAction::Write => gettext("{path} could not be written: {why}."),
        FileAction::Create => gettext("{path} could not be made: {why}."),
        FileAction::Remove => gettext("{path} could not be removed: {why}."),
        FileAction::Listen => gettext("No socket could be made at {path}: {why}."),
        FileAction::Run => gettext("{path} could not be run: {why}."),
        FileAction::Connect => gettext("The sandbox could not be reached at {path}: {why}."),
    };
    let text = fill(&text, &[("path", &path.display().to_string()), ("why", &super::system_words(source))]);
    let full = source.raw_os_error() == Some(28);
    if full {
        format!("{text} {}", gettext("Make room on the disk and try again."))
    } else {
        text
    }
}

fn libvirt(action: DomainAction, message: &str) -> String {
    let text = match action {
        DomainAction::List => gettext("The sandboxes could not be listed: {why}"),
        DomainAction::Create => gettext("libvirt could not make the sandbox: {why}"),
        DomainAction::Look => gettext("libvirt could not report on the sandbox: {why}"),
        DomainAction::Pause => gettext("The sandbox could not be paused: {why}"),
        DomainAction::Resume => gettext("The sandbox could not be resumed: {why}"),
        DomainAction::Destroy => gettext("The sandbox could not be ended: {why}"),
        DomainAction::Network => gettext("libvirt could not set up the network: {why}"),
        DomainAction::Limits => gettext("The limits could not be changed: {why}"),
    };
    let gone = gettext("the sandbox is gone.");
    fill(&text, &[("why", if message.is_empty() { &gone } else { message })])
}

fn crashed(last_words: Option<&LastWords>) -> String {
    match last_words {
        None => gettext("The sandbox ended unexpectedly, and its result is lost. Run it again; the log of libvirt may tell why."),
        Some(LastWords::Said(words)) => {
            let text = gettext("The sandbox ended unexpectedly, and its result is lost. Run it again. libvirt’s log says last: {words}");
            fill(&text, &[("words", &shown(words))])
        }
        Some(LastWords::In(path)) => {
            let text = gettext("The sandbox ended unexpectedly, and its result is lost. Run it again; {path}, which root can read, may tell why.");
            fill(&text, &[("path", &shown(&path.display().to_string()))])
        }
    }
}

/// A log is asked for where there is none.
#[must_use]
pub fn no_log(name: &str) -> String {
    let text = gettext("The sandbox “{name}” has no log: it has no screen, and only what a screen’s programs write is kept there. Its output is shown by: terrariumctl attach {quoted}");
    fill(&text, &[("name", name), ("quoted", &super::quote(name))])
}

fn refusal(why: Refusal) -> String {
    match why {
        Refusal::AlreadyStarted => gettext("The sandbox has a command already."),
        Refusal::NotStarted => gettext("The sandbox has not started its command yet. Try again in a moment."),
        Refusal::Finished => {
            gettext("The sandbox’s command has ended. “terrariumctl attach” fetches its result.")
        }
        Refusal::NoScreen => {
            gettext("The sandbox has no screen, or its display does not run. Look at its log.")
        }
        Refusal::NoLayer => {
            gettext("What the sandbox has written cannot be looked at while something runs in it.")
        }
        Refusal::Malformed => gettext("The sandbox did not understand what it was asked."),
        Refusal::Busy => {
            gettext("Too many programs run in this sandbox already. Wait for one of them to end.")
        }
        Refusal::Version => gettext("The sandbox was started by another version of Terrarium."),
    }
}

fn kernel_error(error: &kernel::Error) -> String {
    match error {
        kernel::Error::File { path, source } => {
            let text = gettext("The virtual machine’s kernel could not be prepared: {path}: {why}.");
            let text =
                fill(&text, &[("path", &path.display().to_string()), ("why", &super::system_words(source))]);
            let full = source.raw_os_error() == Some(28);
            if full {
                format!("{text} {}", gettext("Make room on the disk and try again."))
            } else {
                text
            }
        }
        kernel::Error::Format { path, expected } => {
            let text = match expected {
                kernel::Expected::Image => gettext("{path} is not a Linux kernel. Choose another kernel."),
                kernel::Expected::Module => gettext("{path} is not a kernel module. Choose another kernel."),
                kernel::Expected::Index => {
                    gettext("{path} has no list of modules (modules.dep). Choose another kernel.")
                }
            };
            fill(&text, &[("path", &path.display().to_string())])
        }
    }
}

/// Why a connection cannot be used.
#[must_use]
pub fn connection_state(uri: &Uri, state: &ConnectionState) -> String {
    let what = if uri.is_lxc() { gettext("Containers") } else { gettext("Virtual machines") };
    let text = match state {
        ConnectionState::Likely | ConnectionState::Works => gettext("{what} work here."),
        ConnectionState::DriverMissing if uri.is_lxc() => gettext("{what} need libvirt’s driver for them. Install the package libvirt-daemon-driver-lxc."),
        ConnectionState::DriverMissing => gettext("{what} need libvirt’s driver for them. Install the packages libvirt-daemon-driver-qemu and qemu-system-x86."),
        ConnectionState::NotRunning => gettext("{what} need libvirt, which does not run. Start the service libvirtd."),
        ConnectionState::NotAllowed if uri.is_lxc() => gettext("{what} can be used by members of the group libvirt only; being in it equals being root on this computer. Use a virtual machine{option}, which needs no group, or ask the administrator."),
        ConnectionState::NotAllowed => gettext("{what} with the system’s networks can be used by members of the group libvirt only; being in it equals being root on this computer. Use the connection qemu:///session, which needs no group."),
        ConnectionState::Failed(_) => gettext("{what} cannot be used. libvirt says: {why}"),
    };
    let why = if let ConnectionState::Failed(why) = state { why } else { "" };
    fill(&with_option(&text, "--machine"), &[("what", &what), ("why", why)])
}
