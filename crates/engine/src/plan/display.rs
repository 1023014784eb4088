// SPDX-License-Identifier: LGPL-2.1-or-later
//! The screen of a sandbox: what it is made of, what is missing for it, what
//! passes through it.

use super::build::{bytes, Found};
use super::{desktop, files, glass, sound, KernelPart, MachineOnly, Note, ProblemKind};
use crate::host::{Host, Piece};
use crate::kernel::{Feature, Kernel};
use crate::profile::{self, DisplayKind, Isolation, Manager, Passes, Profile};
use std::path::Path;
use terrarium_protocol::display::{Agent, Display, ScreenSize};
use terrarium_protocol::orders::File;
use terrarium_protocol::Bytes;

/// Below this much memory a machine with a window is said to be small.
const COMFORTABLE: u64 = 768 << 20;

/// Whether the profile asks for a screen.
pub(super) fn is_wanted(profile: &Profile) -> bool {
    profile.display.kind == DisplayKind::Window
}

/// Least memory of a sandbox with a screen.
pub(super) fn least_memory(isolation: Isolation) -> u64 {
    match isolation {
        Isolation::Container => 128 << 20,
        Isolation::Machine => 512 << 20,
    }
}

/// What no screen can do without.
#[must_use]
pub fn needed_for_screen(isolation: Isolation) -> &'static [Piece] {
    match isolation {
        Isolation::Container => &[Piece::Server, Piece::Spiceqxl, Piece::Keymaps],
        Isolation::Machine => &[Piece::Server, Piece::Modesetting, Piece::Evdev, Piece::Keymaps],
    }
}

/// What a kernel lacks for a screen.
#[must_use]
pub fn kernel_lacks(kernel: &Kernel) -> Vec<KernelPart> {
    let lacks =
        [(KernelPart::Screen, kernel.video().is_none()), (KernelPart::Input, !kernel.can(Feature::Input))];
    lacks.into_iter().filter(|(_, lacks)| *lacks).map(|(part, _)| part).collect()
}

/// What passes between the screen and the window that shows it.
pub(super) fn passes(profile: &Profile, isolation: Isolation) -> Passes {
    let wish = &profile.display;
    if !is_wanted(profile) {
        return Passes::default();
    }
    let machine = isolation == Isolation::Machine;
    Passes {
        sound: wish.sound,
        microphone: wish.microphone && machine,
        drop: wish.drop,
        usb: wish.usb && machine,
        monitors: wish.monitors,
    }
}

/// The screen, and everything that stands in its way.
pub(super) fn display(
    profile: &Profile,
    host: &Host,
    glass: &glass::Glass,
    found: &mut Found,
) -> Option<Display> {
    if !is_wanted(profile) {
        return None;
    }
    check_programs(host, glass.isolation, found);
    match glass.isolation {
        Isolation::Container => check_container(profile, found),
        Isolation::Machine => check_machine(profile, glass, found),
    }
    if profile.display.manager == Manager::Session {
        check_session(profile, host, found);
    }
    let here = &host.display;
    let is_late = is_lean(profile, host, glass);
    let passes = passes(profile, glass.isolation);
    Some(Display {
        server: bytes(here.server.as_deref().unwrap_or(Path::new(""))),
        size: ScreenSize::default(),
        scale: 1,
        monitors: passes.monitors,
        glx: glass.glx(),
        bus: here.bus.as_deref().map(bytes),
        bus_on_demand: here.bus_on_demand,
        agent: here.agent.as_ref().map(|agent| Agent {
            daemon: bytes(&agent.daemon),
            client: bytes(&agent.client),
            files: passes.drop,
        }),
        manager: manager(profile, host, is_late),
        manager_late: is_late,
        manager_ready: is_small(profile, host).then(|| desktop::openbox_ready(host).as_str().into()),
        manager_environment: if is_small(profile, host) {
            desktop::openbox_environment(host, is_late)
        } else {
            Vec::new()
        },
        fill: is_small(profile, host),
        prepare: keyboard(host).into_iter().collect(),
        sound: passes.sound || passes.microphone,
        sound_server: sound::server(host, glass.isolation, passes),
        usb: passes.usb,
    })
}

/// Whether the small window manager runs.
fn is_small(profile: &Profile, host: &Host) -> bool {
    profile.display.manager == Manager::Small && host.display.has(Piece::Manager)
}

/// Whether it has to come up with little work: where no processor helps.
fn is_lean(profile: &Profile, host: &Host, glass: &glass::Glass) -> bool {
    is_small(profile, host) && !glass.glx()
}

fn manager(profile: &Profile, host: &Host, is_late: bool) -> Option<Vec<Bytes>> {
    match profile.display.manager {
        Manager::None => None,
        Manager::Small => {
            let ready = desktop::openbox_ready(host);
            host.display.openbox.as_deref().map(|program| desktop::openbox(program, &ready, is_late))
        }
        Manager::Session => Some(profile.display.session.iter().map(|word| word.as_str().into()).collect()),
    }
}

/// What gives the screen's keyboard the layout that it has here.
fn keyboard(host: &Host) -> Option<Vec<Bytes>> {
    let here = &host.display;
    let program = here.setxkbmap.as_deref().filter(|_| !here.keyboard.is_usual())?;
    let options = here.keyboard.options();
    Some(std::iter::once(bytes(program)).chain(options.iter().map(|word| word.as_str().into())).collect())
}

/// Whether sound goes into a FIFO that the container's server plays.
pub(super) fn has_fifo(profile: &Profile, isolation: Isolation) -> bool {
    is_wanted(profile) && profile.display.sound && isolation == Isolation::Container
}

/// Files that the screen's programs read.
pub(super) fn files(profile: &Profile, host: &Host, isolation: Isolation) -> Vec<File> {
    if !is_wanted(profile) {
        return Vec::new();
    }
    let openbox = is_small(profile, host).then(|| desktop::openbox_files(&host.display.look));
    let alsa = has_fifo(profile, isolation).then(sound::alsa_file);
    openbox.into_iter().flatten().chain(desktop::gtk_files(&host.display.look)).chain(alsa).collect()
}

/// What is worth knowing about a screen.
pub(super) fn notes(profile: &Profile, host: &Host, isolation: Isolation) -> Vec<Note> {
    if !is_wanted(profile) {
        return Vec::new();
    }
    let wish = &profile.display;
    let mut pieces = vec![Piece::Agent, Piece::Bus];
    pieces.extend((wish.sound || wish.microphone).then_some(Piece::Sound));
    if wish.manager == Manager::Small {
        pieces.insert(1, Piece::Manager);
    }
    let missing = pieces.into_iter().filter(|piece| !host.display.has(*piece));
    let mut notes: Vec<Note> =
        missing.map(|piece| Note::DisplayLacks { piece, family: host.family }).collect();
    if isolation == Isolation::Machine && profile.limits.memory < COMFORTABLE {
        notes.push(Note::LittleMemory { asked: profile.limits.memory, better: COMFORTABLE });
    }
    notes
}

fn check_programs(host: &Host, isolation: Isolation, found: &mut Found) {
    for piece in needed_for_screen(isolation).iter().filter(|piece| !host.display.has(**piece)) {
        found.add("display.kind", ProblemKind::DisplayLacks { piece: *piece, family: host.family });
    }
}

/// What the container's SPICE server cannot do.
fn check_container(profile: &Profile, found: &mut Found) {
    let wish = &profile.display;
    for (what, field, asked) in [
        (MachineOnly::Microphone, "display.microphone", wish.microphone),
        (MachineOnly::Usb, "display.usb", wish.usb),
        (MachineOnly::Monitors, "display.monitors", wish.monitors > 1),
    ] {
        if asked {
            found.add(field, ProblemKind::MachinesOnly { what });
        }
    }
    if wish.monitors == 0 {
        found.add("display.monitors", ProblemKind::Monitors { asked: 0, most: 1 });
    }
}

fn check_machine(profile: &Profile, glass: &glass::Glass, found: &mut Found) {
    let Some(kernel) = &glass.kernel else { return };
    let lacks = |part| ProblemKind::KernelLacks { version: kernel.version.clone(), part };
    for part in kernel_lacks(kernel) {
        found.add("display.kind", lacks(part));
    }
    let wish = &profile.display;
    if (wish.sound || wish.microphone) && !kernel.can(Feature::Sound) {
        let field = if wish.sound { "display.sound" } else { "display.microphone" };
        found.add(field, lacks(KernelPart::Sound));
    }
    let most = kernel.video().map_or(profile::MONITORS_MAX, |video| video.monitors());
    if wish.monitors == 0 || wish.monitors > most {
        found.add("display.monitors", ProblemKind::Monitors { asked: wish.monitors, most });
    }
}

fn check_session(profile: &Profile, host: &Host, found: &mut Found) {
    let words = &profile.display.session;
    let field = "display.session";
    match words.first().filter(|program| !program.is_empty()).map(Path::new) {
        None => found.add(field, ProblemKind::NoSession),
        Some(program) if files::is_hidden(program, host) => {
            let share = program.parent().unwrap_or(program).to_owned();
            found.add(format!("{field}[0]"), ProblemKind::NotShown { path: program.to_owned(), share });
        }
        Some(_) => {}
    }
    for (index, _) in words.iter().enumerate().filter(|(_, word)| word.contains('\0')) {
        found.add(format!("{field}[{index}]"), ProblemKind::Nul);
    }
}
