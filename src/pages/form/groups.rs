// SPDX-License-Identifier: LGPL-2.1-or-later
//! The groups of the form whose rows are always the same, in the order in
//! which a user thinks of them.

use super::field::{Access, Field, Group, Signal};
use super::rows::{choice, entry, number, path_text, switch, text_path};
use super::words::{join, pairs, split};
use adw::prelude::*;
use gettextrs::gettext;
use terrarium_engine::message;
use terrarium_engine::profile::{Accelerator, Changes, Clipboard, DisplayKind, Home, Manager, NetworkMode};
use terrarium_engine::profile::{Until, MONITORS_MAX};

/// Where it starts: below the command.
pub fn directory(signal: &Signal) -> Field {
    entry(
        signal,
        ("command.directory", "directory"),
        &gettext("Start In"),
        Access {
            get: |profile| path_text(profile.command.directory.as_ref()),
            set: |profile, text| profile.command.directory = text_path(&text),
        },
    )
}

/// How it shows, and what passes between its screen and ours.
pub fn display(signal: &Signal, group: &Group) -> Vec<Field> {
    let kinds = vec![
        (DisplayKind::Terminal, gettext("Terminal")),
        (DisplayKind::Window, gettext("Window")),
        (DisplayKind::None, gettext("Nothing")),
    ];
    let policies = [Clipboard::Ask, Clipboard::Off, Clipboard::In, Clipboard::Out, Clipboard::Both];
    let policies = policies.map(|policy| (policy, super::words::policy(policy)));
    let fields = vec![
        choice(
            signal,
            ("display.kind", "show-as"),
            &gettext("Show As"),
            &kinds,
            Access { get: |profile| profile.display.kind, set: |profile, kind| profile.display.kind = kind },
        ),
        choice(
            signal,
            ("display.clipboard", "clipboard"),
            &gettext("Clipboard"),
            &policies,
            Access {
                get: |profile| profile.display.clipboard,
                set: |profile, policy| profile.display.clipboard = policy,
            },
        ),
        switch(
            signal,
            ("display.sound", "sound"),
            (&gettext("Sound"), &gettext("You hear what it plays, whenever it does.")),
            Access { get: |profile| profile.display.sound, set: |profile, on| profile.display.sound = on },
        ),
        switch(
            signal,
            ("display.microphone", "microphone"),
            (
                &gettext("Microphone"),
                &gettext("It hears what is said near this computer, as long as it runs."),
            ),
            Access {
                get: |profile| profile.display.microphone,
                set: |profile, on| profile.display.microphone = on,
            },
        )
        .probed(|profile| profile.display.microphone = true),
        switch(
            signal,
            ("display.drop", "drop"),
            (&gettext("Dropped Files"), &gettext("Files that you drop on it are copied into it.")),
            Access { get: |profile| profile.display.drop, set: |profile, on| profile.display.drop = on },
        ),
        switch(
            signal,
            ("display.usb", "usb"),
            (&gettext("USB Devices"), &gettext("You hand over each one by hand.")),
            Access { get: |profile| profile.display.usb, set: |profile, on| profile.display.usb = on },
        )
        .probed(|profile| profile.display.usb = true),
        number(
            signal,
            ("display.monitors", "monitors"),
            (&gettext("Monitors"), ""),
            (1.0, f64::from(MONITORS_MAX), 1.0),
            None,
            Access {
                get: |profile| profile.display.monitors.into(),
                set: |profile, count| profile.display.monitors = u32::try_from(count).unwrap_or(1),
            },
        )
        .probed(|profile| profile.display.monitors = 2),
    ];
    fields.into_iter().map(|field| field.in_group(group)).collect()
}

/// The home folder: the first of the folders.
pub fn home(signal: &Signal) -> Field {
    let options = vec![
        (Home::Private, gettext("Empty Each Time")),
        (Home::Kept, gettext("Kept for This Profile")),
        (Home::Readonly, gettext("Your Own, Read-Only")),
    ];
    choice(
        signal,
        ("files.home", "home-folder"),
        &gettext("Home Folder"),
        &options,
        Access { get: |profile| profile.files.home, set: |profile, home| profile.files.home = home },
    )
}

/// What becomes of the rest: the last of them.
pub fn changes(signal: &Signal) -> Field {
    let options = vec![
        (Changes::Discard, gettext("Discard")),
        (Changes::Keep, gettext("Keep for the Next Run")),
        (Changes::Review, gettext("Review at the End")),
    ];
    choice(
        signal,
        ("files.changes", "changes"),
        &gettext("Changes"),
        &options,
        Access {
            get: |profile| profile.files.changes,
            set: |profile, changes| profile.files.changes = changes,
        },
    )
}

/// Whom it may talk to.
pub fn network(signal: &Signal, group: &Group) -> Vec<Field> {
    let options = vec![
        (NetworkMode::None, gettext("None")),
        (NetworkMode::Internet, gettext("Internet Only")),
        (NetworkMode::Full, gettext("Internet and LAN")),
        (NetworkMode::Custom, gettext("Custom")),
    ];
    let access =
        Access { get: |profile| profile.network.mode, set: |profile, mode| profile.network.mode = mode };
    let fields = [
        choice(signal, ("network.mode", "network"), &gettext("Access"), &options, access),
        entry(
            signal,
            ("network.allow", "network-allow"),
            &allow_title(NetworkMode::Custom),
            Access {
                get: |profile| join(profile.network.allow.iter().cloned()),
                set: |profile, text| profile.network.allow = split(&text),
            },
        ),
        entry(
            signal,
            ("network.block", "network-block"),
            &gettext("Never To (10.0.0.0/8 …)"),
            Access {
                get: |profile| join(profile.network.block.iter().cloned()),
                set: |profile, text| profile.network.block = split(&text),
            },
        ),
        entry(
            signal,
            ("network.dns", "network-dns"),
            &gettext("Name Servers"),
            Access {
                get: |profile| join(profile.network.dns.iter().cloned()),
                set: |profile, text| profile.network.dns = split(&text),
            },
        ),
        entry(
            signal,
            ("network.forwards", "network-forwards"),
            &gettext("Ports of This Computer (8080:80 …)"),
            Access {
                get: |profile| join(profile.network.forwards.iter().cloned()),
                set: |profile, text| profile.network.forwards = split(&text),
            },
        ),
    ];
    fields.into_iter().map(|field| field.in_group(group)).collect()
}

/// What the list of whom it may talk to is called: beside the internet it adds,
/// else it is all.
pub fn allow_title(mode: NetworkMode) -> String {
    match mode {
        NetworkMode::Internet => gettext("Also To (10.0.0.5:631 …)"),
        _ => gettext("Only To (example.org:443/tcp …)"),
    }
}

/// How much memory it may use.
pub fn memory(signal: &Signal, name: &str) -> Field {
    number(
        signal,
        ("limits.memory", name),
        (&gettext("Memory"), &gettext("In MiB")),
        (1.0, 1_048_576.0, 64.0),
        None,
        Access {
            get: |profile| profile.limits.memory >> 20,
            set: |profile, size| profile.limits.memory = size << 20,
        },
    )
}

/// On how many processors; `zero`: a word for as many as there are.
pub fn processors(signal: &Signal, name: &str, zero: Option<String>) -> Field {
    let least = if zero.is_some() { 0.0 } else { 1.0 };
    number(
        signal,
        ("limits.cpus", name),
        (&gettext("Processors"), ""),
        (least, 4096.0, 1.0),
        zero,
        Access {
            get: |profile| profile.limits.cpus.unwrap_or(0).into(),
            set: |profile, count| {
                profile.limits.cpus = u32::try_from(count).ok().filter(|count| *count > 0);
            },
        },
    )
}

/// How much it may use.
pub fn limits(signal: &Signal, group: &Group) -> Vec<Field> {
    let fields = [
        memory(signal, "memory"),
        processors(signal, "cpus", Some(gettext("Automatic"))),
        number(
            signal,
            ("files.writable", "writable"),
            (&gettext("Disk"), &gettext("In MiB; what it may write beside its folders")),
            (1.0, 1_048_576.0, 256.0),
            None,
            Access {
                get: |profile| profile.files.writable >> 20,
                set: |profile, size| profile.files.writable = size << 20,
            },
        ),
    ];
    fields.into_iter().map(|field| field.in_group(group)).collect()
}

/// What weakens or bounds the glass.
pub fn confinement(signal: &Signal, group: &Group) -> Vec<Field> {
    let root =
        gettext("The command is root of the sandbox and of nothing outside it. It can do more harm inside.");
    let until = vec![
        (None, gettext("Automatic")),
        (Some(Until::Command), gettext("With the Command")),
        (Some(Until::All), gettext("With the Last Process")),
    ];
    let fields = [
        switch(
            signal,
            ("security.privileged", "privileged"),
            (&gettext("Root Inside"), &root),
            Access {
                get: |profile| profile.security.privileged,
                set: |profile, on| profile.security.privileged = on,
            },
        ),
        entry(
            signal,
            ("files.unmask", "unmask"),
            &gettext("Secrets It Sees (~/.ssh …)"),
            Access {
                get: |profile| join(profile.files.unmask.iter().map(|path| path.display().to_string())),
                set: |profile, text| {
                    profile.files.unmask = split(&text).into_iter().map(Into::into).collect();
                },
            },
        ),
        choice(
            signal,
            ("command.until", "until"),
            &gettext("Ends"),
            &until,
            Access {
                get: |profile| profile.command.until,
                set: |profile, until| profile.command.until = until,
            },
        ),
    ];
    let mut fields: Vec<Field> = fields.into_iter().map(|field| field.in_group(group)).collect();
    let words = gettext("The command can read what is named here, and tell it to whomever it may talk to.");
    fields
        .iter_mut()
        .filter(|field| field.key == "files.unmask")
        .for_each(|field| field.explain(group, &words));
    fields
}

/// What it finds in its environment.
fn variables(signal: &Signal) -> Field {
    let field = entry(
        signal,
        ("command.environment", "environment"),
        &gettext("Variables (NAME=VALUE …)"),
        Access {
            get: |profile| {
                join(profile.command.environment.iter().map(|(name, value)| format!("{name}={value}")))
            },
            set: |profile, text| profile.command.environment = pairs(&text).into_iter().collect(),
        },
    );
    let row = field.row.clone().downcast::<adw::EntryRow>().ok();
    field.refusing(move || {
        let text = row.as_ref()?.text();
        let first = split(&text).into_iter().find(|word| !word.contains('='));
        first.map(|word| message::not_a_variable(&message::shown(&word)))
    })
}

/// What few need.
pub fn advanced(signal: &Signal, group: &Group) -> Vec<Field> {
    let managers = vec![
        (Manager::Small, gettext("Fills the Screen")),
        (Manager::None, gettext("Nothing")),
        (Manager::Session, gettext("A Desktop of Its Own")),
    ];
    let accelerators = vec![
        (Accelerator::Auto, gettext("Automatic")),
        (Accelerator::Kvm, gettext("KVM")),
        (Accelerator::Emulation, gettext("Emulation")),
    ];
    let fields = [
        variables(signal),
        choice(
            signal,
            ("display.manager", "manager"),
            &gettext("Window Manager"),
            &managers,
            Access {
                get: |profile| profile.display.manager,
                set: |profile, manager| profile.display.manager = manager,
            },
        ),
        entry(
            signal,
            ("display.session", "session"),
            &gettext("Desktop’s Command"),
            Access {
                get: |profile| join(profile.display.session.iter().cloned()),
                set: |profile, text| profile.display.session = split(&text),
            },
        ),
        choice(
            signal,
            ("machine.accelerator", "accelerator"),
            &gettext("Acceleration"),
            &accelerators,
            Access {
                get: |profile| profile.machine.accelerator,
                set: |profile, accelerator| profile.machine.accelerator = accelerator,
            },
        ),
        entry(
            signal,
            ("files.root", "root"),
            &gettext("Another System’s Root"),
            Access {
                get: |profile| path_text(profile.files.root.as_ref()),
                set: |profile, text| profile.files.root = text_path(&text),
            },
        ),
        entry(
            signal,
            ("machine.kernel_path", "kernel-path"),
            &gettext("Kernel’s Image"),
            Access {
                get: |profile| path_text(profile.machine.kernel_path.as_ref()),
                set: |profile, text| profile.machine.kernel_path = text_path(&text),
            },
        ),
        entry(
            signal,
            ("machine.modules_path", "modules-path"),
            &gettext("Kernel’s Modules"),
            Access {
                get: |profile| path_text(profile.machine.modules_path.as_ref()),
                set: |profile, text| profile.machine.modules_path = text_path(&text),
            },
        ),
        entry(
            signal,
            ("machine.kernel", "kernel"),
            &gettext("Kernel’s Version"),
            Access {
                get: |profile| profile.machine.kernel.clone().unwrap_or_default(),
                set: |profile, text| {
                    profile.machine.kernel = Some(text).filter(|text| !text.trim().is_empty());
                },
            },
        ),
        entry(
            signal,
            ("machine.connection", "connection"),
            &gettext("Connection"),
            Access {
                get: |profile| profile.machine.connection.clone().unwrap_or_default(),
                set: |profile, text| {
                    profile.machine.connection = Some(text).filter(|text| !text.trim().is_empty());
                },
            },
        ),
    ];
    fields.into_iter().map(|field| field.in_group(group)).collect()
}
