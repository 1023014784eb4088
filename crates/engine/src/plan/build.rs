// SPDX-License-Identifier: LGPL-2.1-or-later
//! The plan, part by part; every part names its own problems.

use super::shares::{self, Shares};
use super::{
    display, files, glass, layer, network, AcceleratorReason, Note, Plan, Planned, Problem, ProblemKind,
};
use crate::host::Host;
use crate::profile::{self, DisplayKind, Isolation, Profile};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::orders::{self, Command, Lifetime, Limits, Orders, Size};
use terrarium_protocol::Bytes;

/// The kernel's bound on one argument (MAX_ARG_STRLEN), with its NUL.
const ARGUMENT_MAX: usize = 128 * 1024;
/// The kernel's bound on all of them, a quarter of the usual stack of 8 MiB.
const ARGUMENTS_MAX: usize = 2 * 1024 * 1024;
/// Processes and threads of the user in one sandbox.
pub const PROCESSES: u64 = 4096;
/// Open files of one process, at most.
const FILES: u64 = 65_536;
/// Longest name, in characters.
const NAME_MAX: usize = 200;

/// Problems as they are found.
#[derive(Default)]
pub(super) struct Found(Vec<Problem>);

impl Found {
    pub(super) fn add(&mut self, field: impl Into<String>, what: ProblemKind) {
        self.0.push(Problem { field: field.into(), what });
    }

    /// Whether something was found already.
    pub(super) fn has(&self, is_it: impl Fn(&ProblemKind) -> bool) -> bool {
        self.0.iter().any(|problem| is_it(&problem.what))
    }
}

/// What would happen if this profile were run on this host. Opens nothing.
#[must_use]
pub fn plan(profile: &Profile, host: &Host) -> Planned {
    let mut found = Found::default();
    check_name(&profile.name, &mut found);
    let glass = glass::choose(profile, host, &mut found);
    if host.user.uid == 0 || host.user.gid == 0 {
        found.add("user", ProblemKind::RootUser);
    }
    let shares = shares::shares(profile, host, glass.isolation, &mut found);
    let command = command(profile, host, &glass, &shares, &mut found);
    let display = display::display(profile, host, &glass, &mut found);
    layer::check(profile, host, &mut found);
    let reach = network::network(
        profile,
        host,
        glass.isolation,
        &glass.connection,
        glass.kernel.as_ref(),
        &mut found,
    );
    let memory = memory(profile, host, glass.isolation, &mut found);
    let cpus = cpus(profile, host, &glass, &mut found);
    check_runtime(host, &mut found);
    let mut notes = notes(profile, host, &glass);
    notes.extend(shares.notes.iter().cloned());
    notes.extend(network::notes(reach.as_ref(), host));
    let passes = display::passes(profile, glass.isolation);
    let plan = found.0.is_empty().then(|| Plan {
        name: profile.name.clone(),
        colour: profile.colour,
        isolation: glass.isolation,
        isolation_reason: glass.reason,
        connection: glass.connection.clone(),
        display: profile.display.kind,
        clipboard: profile.display.clipboard,
        passes,
        changes: profile.files.changes,
        lingers: false,
        writable: profile.files.writable,
        mke2fs: host.mke2fs.clone().unwrap_or_default(),
        network: profile.network.mode,
        reach,
        memory,
        cpus,
        machine: glass.machine(host, passes, &shares, profile.network.mode),
        orders: orders(profile, host, &glass, command, display, memory, &shares),
        fields: shares.fields.clone(),
        sources: shares.sources.clone(),
        images: shares.images.clone(),
        root: shares.root.clone(),
        fresh_home: files::fresh_home(profile, host),
        guarded: if shares.looks_at_nothing() { Vec::new() } else { shares.guarded.clone() },
        caller: host.caller,
        user_name: host.user.name.clone(),
        places: host.places.clone(),
        secrets: shares.known_secrets(),
        unmasked: shares.unmasked.clone(),
        profile: profile.clone(),
    });
    Planned { plan, problems: found.0, notes }
}

fn notes(profile: &Profile, host: &Host, glass: &glass::Glass) -> Vec<Note> {
    let mut notes = Vec::new();
    let emulated = glass.isolation == Isolation::Machine && !glass.kvm;
    if emulated && glass.accelerator_reason != AcceleratorReason::Asked {
        notes.push(Note::Emulated { reason: glass.accelerator_reason });
    }
    if profile.security.privileged {
        notes.push(Note::Privileged);
        let is_container = glass.isolation == Isolation::Container && profile.files.root.is_none();
        if is_container && !host.unmapped.is_empty() {
            notes.push(Note::StaysReadOnly { paths: host.unmapped.clone() });
        }
    }
    notes.extend(display::notes(profile, host, glass.isolation));
    notes
}

fn orders(
    profile: &Profile,
    host: &Host,
    glass: &glass::Glass,
    command: Command,
    display: Option<terrarium_protocol::display::Display>,
    memory: u64,
    shares: &Shares,
) -> Orders {
    let usual = if display.is_some() { profile::Until::All } else { profile::Until::Command };
    Orders {
        host_name: super::slug(&profile.name),
        root: if shares.root.is_none() { files::root(host, glass.isolation) } else { Vec::new() },
        mounts: files::private(host, memory),
        layer: Some(layer::orders(profile, glass.isolation)),
        masks: shares.root_masks(host),
        shares: shares.orders.clone(),
        disks: shares.disks.clone(),
        user: orders::User {
            uid: host.user.uid,
            gid: host.user.gid,
            home: bytes(&files::home(host)),
            privileged: profile.security.privileged,
        },
        id_base: 0,
        folders: files::folders(profile, host),
        files: display::files(profile, host, glass.isolation)
            .into_iter()
            .chain(files::user_dirs(profile, host))
            .collect(),
        network: None,
        display,
        log: None,
        command,
        limits: Limits { processes: PROCESSES, files: FILES },
        until: until_of(profile, usual),
        lifetime: Lifetime::Foreground,
    }
}

fn until_of(profile: &Profile, usual: profile::Until) -> orders::Until {
    match profile.command.until.unwrap_or(usual) {
        profile::Until::Command => orders::Until::Command,
        profile::Until::All => orders::Until::All,
    }
}

pub(super) fn bytes(path: &Path) -> Bytes {
    Bytes::from(path.as_os_str().as_bytes())
}

fn check_name(name: &str, found: &mut Found) {
    // Characters that turn the direction of text could make a prompt lie.
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let bad = |c: char| c == '/' || c.is_control() || turns(c);
    if name.trim().is_empty() || name.chars().count() > NAME_MAX || name.contains(bad) {
        found.add("name", ProblemKind::Name { name: name.to_owned() });
    }
}

fn command(
    profile: &Profile,
    host: &Host,
    glass: &glass::Glass,
    shares: &Shares,
    found: &mut Found,
) -> Command {
    let argv = &profile.command.argv;
    check_words(argv, found);
    let is_hidden = |path: &&Path| files::is_hidden(path, host) && !shares.show(path);
    if let Some(program) = argv.first().map(Path::new).filter(is_hidden) {
        let share = program.parent().unwrap_or(program).to_owned();
        found.add("command.argv[0]", ProblemKind::NotShown { path: program.to_owned(), share });
    }
    let terminal = profile.display.kind == DisplayKind::Terminal;
    let mut environment = super::environment(host, terminal, profile.security.privileged);
    if display::is_wanted(profile) {
        let fifo = display::has_fifo(profile, glass.isolation);
        let wish = &profile.display;
        let sound = wish.sound || wish.microphone;
        let desk = super::Desk { glx: glass.glx(), fifo, sound, scale: 1 };
        environment.extend(super::screen_environment(host, desk));
    }
    add_variables(profile, &mut environment, found);
    check_length(argv, &environment, found);
    Command {
        argv: argv.iter().map(|word| Bytes::from(word.as_bytes())).collect(),
        environment,
        directory: bytes(&directory(profile, host, shares, found)),
        terminal: terminal.then_some(Size { columns: 80, rows: 24 }),
    }
}

fn check_words(argv: &[OsString], found: &mut Found) {
    if argv.first().is_none_or(|program| program.is_empty()) {
        found.add("command.argv", ProblemKind::NoCommand);
    }
    for (index, word) in argv.iter().enumerate() {
        let field = format!("command.argv[{index}]");
        if word.as_bytes().contains(&0) {
            found.add(field, ProblemKind::Nul);
        } else if word.len() >= ARGUMENT_MAX {
            found.add(field, ProblemKind::ArgumentTooLong { length: word.len() });
        }
    }
}

fn add_variables(profile: &Profile, environment: &mut Vec<(Bytes, Bytes)>, found: &mut Found) {
    for (name, value) in &profile.command.environment {
        let field = format!("command.environment.{name}");
        if !super::is_variable(name) {
            found.add(field, ProblemKind::VariableName { name: name.clone() });
        } else if name.contains('\0') || value.contains('\0') {
            found.add(field, ProblemKind::Nul);
        } else if name.len() + value.len() + 1 >= ARGUMENT_MAX {
            found.add(field, ProblemKind::ArgumentTooLong { length: name.len() + value.len() + 1 });
        } else {
            environment.retain(|(other, _)| other.as_slice() != name.as_bytes());
            environment.push((Bytes::from(name.as_str()), Bytes::from(value.as_str())));
        }
    }
}

fn check_length(argv: &[OsString], environment: &[(Bytes, Bytes)], found: &mut Found) {
    // The kernel counts a pointer and a NUL for each.
    const EACH: usize = size_of::<usize>() + 1;
    let word = |word: &OsString| word.len() + EACH;
    let pair = |(name, value): &(Bytes, Bytes)| name.0.len() + 1 + value.0.len() + EACH;
    let length = argv.iter().map(word).sum::<usize>() + environment.iter().map(pair).sum::<usize>();
    if length > ARGUMENTS_MAX {
        found.add("command.argv", ProblemKind::ArgumentsTooLong { length, limit: ARGUMENTS_MAX });
    }
}

fn directory(profile: &Profile, host: &Host, shares: &Shares, found: &mut Found) -> PathBuf {
    let Some(path) = &profile.command.directory else { return files::home(host) };
    let path = files::from_home(path, host);
    let field = "command.directory";
    if path.as_os_str().as_bytes().contains(&0) {
        found.add(field, ProblemKind::Nul);
    } else if !path.is_absolute() || path.components().any(|part| part == std::path::Component::ParentDir) {
        found.add(field, ProblemKind::NotAbsolute { path: path.clone() });
    } else if files::is_hidden(&path, host) && !files::is_private(&path, host) && !shares.show(&path) {
        found.add(field, ProblemKind::NotShown { path: path.clone(), share: path.clone() });
    }
    path
}

fn memory(profile: &Profile, host: &Host, isolation: Isolation, found: &mut Found) -> u64 {
    let least = match isolation {
        _ if display::is_wanted(profile) => display::least_memory(isolation),
        Isolation::Container => 16 << 20,
        // A kernel, its modules and a shell fit with some room.
        Isolation::Machine => 192 << 20,
    };
    let asked = profile.limits.memory;
    if asked < least || asked > host.memory {
        found.add("limits.memory", ProblemKind::Memory { asked, least, most: host.memory });
    }
    asked
}

fn cpus(profile: &Profile, host: &Host, glass: &glass::Glass, found: &mut Found) -> u32 {
    // An emulated machine is slower with two: measured, 4.6 s to start against 2.4 s.
    let emulated = glass.isolation == Isolation::Machine && !glass.kvm;
    let cpus = profile.limits.cpus.unwrap_or(if emulated { 1 } else { host.cpus.clamp(1, 2) });
    if cpus == 0 || cpus > host.cpus {
        found.add("limits.cpus", ProblemKind::Cpus { asked: cpus, most: host.cpus });
    }
    cpus
}

fn check_runtime(host: &Host, found: &mut Found) {
    let longest = host.places.sandbox(99_999).join("0.lock");
    if longest.as_os_str().len() > crate::places::SOCKET_PATH_MAX {
        found.add("runtime", ProblemKind::RuntimeTooLong { path: host.places.runtime.clone() });
    }
}
