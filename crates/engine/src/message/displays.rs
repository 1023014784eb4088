// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox with a screen lacks, and what it cannot have.

use super::sentence::{both, Sentence};
use super::{fill, size};
use crate::host::{Family, Piece};
use crate::plan::{KernelPart, MachineOnly, Note, ProblemKind};
use crate::profile::Clipboard;
use gettextrs::gettext;
use terrarium_protocol::display::{DisplayStatus, SCREEN_MIN};

/// Problems with a screen; `None` for all others.
pub(super) fn problem(what: &ProblemKind) -> Option<Sentence> {
    let sentence = match what {
        ProblemKind::DisplayLacks { piece, family } => both(lacks(*piece), install(*piece, *family)),
        ProblemKind::KernelLacks { version, part } => {
            both(fill(&kernel_lacks(*part), &[("version", version)]), kernel_fix(*part))
        }
        ProblemKind::NoSession => both(
            gettext("A session is to manage the windows, but the profile does not say which."),
            gettext("Set display.session, such as [\"xfce4-session\"], or choose the small window manager."),
        ),
        ProblemKind::MachinesOnly { what } => {
            both(machines_only(*what), gettext("Use a virtual machine, or leave the setting at its default."))
        }
        ProblemKind::Monitors { asked, most } => {
            let values = [asked.to_string(), most.to_string()];
            let text =
                gettext("The screen cannot have {asked} monitors: it has at least 1 and at most {most}.");
            both(
                fill(&text, &[("asked", &values[0]), ("most", &values[1])]),
                gettext("Choose a number between them."),
            )
        }
        _ => return None,
    };
    Some(sentence)
}

/// Remarks about a screen; empty for all others.
pub(super) fn note(note: &Note) -> String {
    match note {
        Note::DisplayLacks { piece, family } => format!("{} {}", lacks(*piece), install(*piece, *family)),
        Note::LittleMemory { asked, better } => {
            let values = [size(*asked), size(*better)];
            let text = gettext(
                "{asked} of memory is little for a virtual machine with a window; {better} is better.",
            );
            fill(&text, &[("asked", &values[0]), ("better", &values[1])])
        }
        _ => String::new(),
    }
}

/// What does not work without it.
pub(super) fn lacks(piece: Piece) -> String {
    match piece {
        Piece::Server => gettext("Sandboxes with windows need the display server Xorg, which is not installed."),
        Piece::Spiceqxl => gettext("Containers with windows need Xorg’s driver for SPICE (spiceqxl), which is not installed."),
        Piece::Modesetting => gettext("Virtual machines with windows need Xorg’s driver for screens (modesetting), which is not installed."),
        Piece::Evdev => gettext("Virtual machines with windows need Xorg’s driver for keyboards (evdev), which is not installed."),
        Piece::Keymaps => gettext("Sandboxes with windows need xkbcomp, which is not installed: Xorg has no keyboard without it."),
        Piece::Agent => gettext("SPICE’s agent is not installed: neither the clipboard nor dropped files reach sandboxes with windows."),
        Piece::Manager => gettext("The window manager openbox is not installed: windows in sandboxes can be neither moved nor switched."),
        Piece::Sound => gettext("PulseAudio is not installed: programs in sandboxes that know it alone are not heard. Those that play through ALSA are, in containers one at a time."),
        Piece::Bus => gettext("D-Bus (dbus-daemon) is not installed: some programs do not work in sandboxes without it."),
    }
}

fn install(piece: Piece, family: Family) -> String {
    let package = [("package", piece.package(family))];
    if family == Family::Other {
        fill(&gettext("Install the package that is called {package} on Debian."), &package)
    } else {
        fill(&gettext("Install the package {package}."), &package)
    }
}

/// What a kernel cannot do for a window.
pub(super) fn kernel_lacks(part: KernelPart) -> String {
    match part {
        KernelPart::Screen => gettext("The kernel {version} has no driver for the screen of a virtual machine (virtio_gpu, qxl or bochs)."),
        KernelPart::Input => gettext("The kernel {version} has no driver for keyboard and pointer of a virtual machine (virtio_input, evdev)."),
        KernelPart::Disk => gettext("The kernel {version} has no driver for the disks of a virtual machine (virtio_blk, ext4)."),
        KernelPart::Sound => gettext("The kernel {version} has no driver for the sound of a virtual machine (snd_hda_intel, snd_hda_codec_generic)."),
    }
}

fn kernel_fix(part: KernelPart) -> String {
    match part {
        KernelPart::Sound => gettext(
            "Choose another kernel, such as that of the package linux-image-amd64, or leave sound off.",
        ),
        _ => gettext(
            "Choose another kernel, such as that of the package linux-image-amd64, or use a container.",
        ),
    }
}

fn machines_only(what: MachineOnly) -> String {
    match what {
        MachineOnly::Microphone => gettext("Only virtual machines can listen to the microphone."),
        MachineOnly::Usb => gettext("Only virtual machines can be handed USB devices."),
        MachineOnly::Monitors => gettext("Only virtual machines can have more than one monitor."),
    }
}

/// `--display-size` that is none.
#[must_use]
pub fn not_a_screen_size(text: &str) -> String {
    let template = gettext("“{text}” is not a size of a screen. Write WIDTHxHEIGHT, such as 1280x720: at least {width}x{height}, and no more pixels than 3840x2160 has.");
    fill(
        &template,
        &[
            ("text", text),
            ("width", &SCREEN_MIN.width.to_string()),
            ("height", &SCREEN_MIN.height.to_string()),
        ],
    )
}

/// An option about the screen without one.
#[must_use]
pub fn needs_screen(option: &str) -> String {
    let text = gettext("{option} is about a screen, and the command has none. Add --display.");
    fill(&text, &[("option", option)])
}

/// Nothing to open a window on.
#[must_use]
pub fn no_desktop() -> String {
    gettext("There is no desktop here to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set). “terrariumctl screenshot” saves a picture.")
}

/// Only terrariumctl is installed.
#[must_use]
pub fn no_window_program() -> String {
    gettext("The sandbox cannot be shown: the program “terrarium” is neither beside terrariumctl nor in PATH. Install it, or use --headless.")
}

/// The window program could not be started.
#[must_use]
pub fn window_not_opened(error: &std::io::Error) -> String {
    let why = super::system_words(error);
    fill(&gettext("The window could not be opened: {why}."), &[("why", &why)])
}

/// A sandbox with a screen was started where nobody can see it.
#[must_use]
pub fn unseen(name: &str) -> String {
    let text = gettext("There is no desktop here, so the program runs unseen. “terrariumctl screenshot {name}” shows its screen; --headless says that this is meant.");
    fill(&text, &[("name", name)])
}

/// How a screen is.
#[must_use]
pub fn screen(status: DisplayStatus) -> String {
    if !status.up {
        return gettext("does not run");
    }
    let values = [status.size.width.to_string(), status.size.height.to_string()];
    let size = fill(&gettext("{width} × {height}"), &[("width", &values[0]), ("height", &values[1])]);
    if status.agent {
        size
    } else {
        format!("{size}, {}", gettext("without SPICE’s agent"))
    }
}

/// How the clipboard passes.
#[must_use]
pub fn clipboard(policy: Clipboard) -> String {
    match policy {
        Clipboard::Off => gettext("does not pass"),
        Clipboard::In => gettext("into the sandbox"),
        Clipboard::Out => gettext("out of the sandbox"),
        Clipboard::Both => gettext("both ways"),
        Clipboard::Ask => gettext("asks each time"),
    }
}
