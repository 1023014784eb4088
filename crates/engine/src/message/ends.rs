// SPDX-License-Identifier: LGPL-2.1-or-later
//! How it ended.

use super::{duration, fill};
use crate::sandbox::Cleared;
use gettextrs::gettext;
use nix::sys::signal::Signal;
use terrarium_protocol::message::{Ending, Failure, Outcome, Step};

/// Title and sentence of an end.
#[must_use]
pub fn outcome(outcome: &Outcome) -> (String, String) {
    let time = duration(outcome.duration);
    if outcome.out_of_memory && !matches!(outcome.ending, Ending::Exited { code: 0 }) {
        return (gettext("Out of Memory"), out_of_memory_after(&time));
    }
    // Many programs take TERM for a reason to exit by themselves.
    if outcome.stopped && matches!(outcome.ending, Ending::Exited { .. }) {
        return (gettext("Stopped"), stopped(&time));
    }
    match &outcome.ending {
        Ending::Exited { code: 0 } => {
            (gettext("Finished"), fill(&gettext("Exit code 0 after {time}"), &[("time", &time)]))
        }
        Ending::Exited { code } => {
            let values = [("code", code.to_string()), ("time", time)];
            let text = fill(
                &gettext("Exit code {code} after {time}"),
                &[("code", &values[0].1), ("time", &values[1].1)],
            );
            (gettext("Finished With an Error"), text)
        }
        Ending::Signalled { stopped: true, signal } if *signal == Signal::SIGKILL as i32 => {
            (gettext("Stopped"), killed(outcome.duration))
        }
        Ending::Signalled { stopped: true, .. } => (gettext("Stopped"), stopped(&time)),
        Ending::Signalled { signal, .. } => {
            let name = signal_name(*signal);
            let text = fill(&gettext("Signal {signal} after {time}"), &[("signal", &name), ("time", &time)]);
            (gettext("Ended by a Signal"), text)
        }
        Ending::Failed(problem) => (gettext("Could Not Start"), failure(problem)),
    }
}

fn stopped(time: &str) -> String {
    fill(&gettext("You stopped it after {time}"), &[("time", time)])
}

/// It was asked to end, did not within its time, and was killed after so many
/// milliseconds.
#[must_use]
pub fn killed(milliseconds: u64) -> String {
    let text = gettext("You stopped it after {time}; it did not end by itself and was killed");
    fill(&text, &[("time", &duration(milliseconds))])
}

/// An end in one word, for narrow places.
#[must_use]
pub fn status_word(ended: &Outcome) -> String {
    outcome(ended).0
}

/// `SIGSEGV (invalid memory access)`.
#[must_use]
pub fn signal_name(number: i32) -> String {
    let Ok(signal) = Signal::try_from(number) else { return number.to_string() };
    let meaning = match signal {
        Signal::SIGSEGV => gettext("invalid memory access"),
        Signal::SIGBUS => gettext("access to memory that is not there"),
        Signal::SIGABRT => gettext("it aborted"),
        Signal::SIGILL => gettext("invalid instruction"),
        Signal::SIGFPE => gettext("invalid arithmetic"),
        Signal::SIGKILL => gettext("killed"),
        Signal::SIGTERM => gettext("asked to end"),
        Signal::SIGINT => gettext("interrupted"),
        Signal::SIGPIPE => gettext("nobody read its output"),
        Signal::SIGSYS => gettext("forbidden system call"),
        _ => return signal.as_str().to_owned(),
    };
    format!("{} ({meaning})", signal.as_str())
}

/// A process was killed because memory ran out.
#[must_use]
pub fn out_of_memory() -> String {
    gettext("The command asked for more memory than it may use. Allow more memory and run it again.")
}

/// The same of one that ended for it.
fn out_of_memory_after(time: &str) -> String {
    let text = gettext(
        "After {time} the command asked for more memory than it may use. Allow more memory and run it again.",
    );
    fill(&text, &[("time", time)])
}

/// Output that is gone.
#[must_use]
pub fn gone(bytes: u64) -> String {
    let size = super::size(bytes);
    fill(&gettext("{size} of older output is gone: nobody read it in time."), &[("size", &size)])
}

/// A source that is not there any more when its sandbox has ended.
#[must_use]
pub fn vanished(path: &std::path::Path) -> String {
    let text =
        gettext("{path} vanished while the sandbox ran. What the sandbox wrote there may be gone, too.");
    fill(&text, &[("path", &super::shown(&path.to_string_lossy()))])
}

/// Most paths that are told of, and the longest.
const PATHS: usize = 20;

/// Set-id bits that were taken away, a line each. The names are the sandbox's.
#[must_use]
pub fn cleared(cleared: &Cleared) -> Vec<String> {
    let name = ("name", cleared.sandbox.as_str());
    let one = |path: &std::path::PathBuf| {
        let path = super::shown(&path.to_string_lossy());
        let text = gettext(
            "The sandbox “{name}” made {path} run as you for others (setuid or setgid); that was taken back.",
        );
        fill(&text, &[name, ("path", &path)])
    };
    let mut lines: Vec<String> = cleared.paths.iter().take(PATHS).map(one).collect();
    if let Some(more) = cleared.paths.len().checked_sub(PATHS).filter(|more| *more > 0) {
        let text = gettext("The sandbox “{name}” did so with {count} more files; that was taken back, too.");
        lines.push(fill(&text, &[name, ("count", &more.to_string())]));
    }
    if cleared.is_partial {
        let text = gettext("There is too much in the folders that the sandbox “{name}” could write to look at all of it. Look for setuid and setgid files yourself (find -perm /6000).");
        lines.push(fill(&text, &[name]));
    }
    lines
}

/// Why a command never ran.
#[must_use]
pub fn failure(failure: &Failure) -> String {
    let object = failure.object.to_string();
    let why = super::system_words(&std::io::Error::from_raw_os_error(failure.errno));
    let values = [("object", object.as_str()), ("why", why.as_str())];
    let text = match failure.step {
        Step::NotFound => gettext("The command {object} was not found in the sandbox. Check its name, or share the folder that it lies in."),
        Step::NotExecutable => gettext("The command {object} cannot be executed: {why}. Check its permissions."),
        Step::Directory => gettext("The sandbox cannot start in {object}: {why}. Choose another folder to start in."),
        Step::Module => gettext("The kernel module {object} could not be loaded: {why}. Choose another kernel, or use a container."),
        Step::Layer => gettext("The disk image that takes what the sandbox writes could not be used ({object}): {why}. See the log, and report it if it stays."),
        Step::Root => gettext("{object} could not be shown to the sandbox: {why}. See the log, and report it if it stays."),
        Step::Mount => gettext("No private file system could be made at {object}: {why}. Allow more memory, and report it if it stays."),
        Step::Share => gettext("{object} could not be shown in the sandbox: {why}. Check what you share, and where."),
        Step::Image => gettext("The image for {object} could not be used in the sandbox: {why}. Check it with the tools of its file system."),
        Step::FileSystem => gettext("The image for {object} begins with no file system that Terrarium knows. Use one without partitions that holds ext4, xfs, btrfs, vfat, exfat, iso9660, squashfs or erofs."),
        Step::Driver => gettext("The kernel of the sandbox has no driver for the file system on the image for {object}: {why}. Choose another kernel, or an image with ext4."),
        Step::Mask => gettext("{object} could not be hidden from the sandbox, so the sandbox was not started: {why}."),
        Step::Devices => gettext("{object} could not be set up in the sandbox: {why}."),
        Step::Network => gettext("The sandbox’s own network ({object}) could not be set up: {why}."),
        Step::Display => gettext("The sandbox’s display ({object}) could not be started: {why}."),
        Step::Streams => gettext("The sandbox’s terminal or streams ({object}) could not be made: {why}."),
        Step::Ids => gettext("The sandbox’s users could not be set up ({object}): {why}. Check that user namespaces are enabled, or use a virtual machine."),
        Step::Confine => gettext("The command could not be confined ({object}), so it was not started: {why}."),
    };
    fill(&text, &values)
}
