// SPDX-License-Identifier: LGPL-2.1-or-later
//! `terrariumctl run`: from options to a profile, a plan and a sandbox.

use crate::args::Run;
use crate::client::{Client, End};
use crate::fault::{remark, status, tell_cleared, Fault};
use crate::origin::Origin;
use crate::signals::{Signals, Target};
use crate::{files, network, terminal, window, Result};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use terrarium_engine::console::Console;
use terrarium_engine::host::{self, Connection, ConnectionState, Host, ProbeOptions};
use terrarium_engine::plan::{plan, Plan};
use terrarium_engine::profile::{store, Changes, DisplayKind, Isolation, Profile};
use terrarium_engine::sandbox::{Attach, Driver, Id, Layer, Progress, Real, Start, Stop};
use terrarium_engine::uri::Uri;
use terrarium_engine::{message, Error};
use terrarium_protocol::display::ScreenSize;
use terrarium_protocol::message::Outcome;
use terrarium_protocol::orders::Lifetime;

/// How long a sandbox that gave its result may take to go before it is
/// helped, in a foreground run: nobody waits for that but the next one.
const TRIES: u32 = 20;

/// Runs a command and returns its exit status.
pub fn run(options: &Run, signals: &Signals) -> Result {
    set_up_log(options);
    let mut host = host::probe(&ProbeOptions {
        user: options.user.clone(),
        kernel_path: options.kernpath.clone(),
        modules_path: options.kmodpath.clone(),
        ..ProbeOptions::default()
    });
    trust(&mut host, options);
    let (profile, origin) = profile(options, &host)?;
    let named = |fault: Fault| origin.named(options, fault);
    let planned = plan(&profile, &host);
    let verbose = options.verbose || options.debug;
    if verbose {
        planned.notes.iter().for_each(|note| eprintln!("terrariumctl: {}", message::note(note)));
    }
    let screen = window::size(options, profile.display.kind)?;
    let plan = planned.plan.ok_or_else(|| named(planned.problems.into()))?;
    let mut real = Real::new(&host);
    real.add_connection(plan.connection.clone());
    let done = start(&Arc::new(real), &plan, screen, options, signals).map_err(named);
    if done.is_ok() && !options.detach {
        tell_vanished(&plan, |field| origin.name(options, field));
    }
    done
}

/// `--any-uri`: the connection that was asked for counts as one of this
/// computer's.
fn trust(host: &mut Host, options: &Run) {
    let asked = options.connect.as_deref().filter(|_| options.any_uri).map(Uri::from);
    if let Some(uri) = asked.filter(|uri| host.connection(uri).is_none()) {
        host.connections.push(Connection { uri, state: ConnectionState::Likely, confinement: None });
    }
}

fn set_up_log(options: &Run) {
    let level = match (options.debug, options.verbose) {
        (true, _) => "debug",
        (false, true) => "info",
        (false, false) => "error",
    };
    let _ = tracing_subscriber::fmt().with_env_filter(level).with_writer(std::io::stderr).try_init();
}

fn start(
    real: &Arc<Real>,
    plan: &Plan,
    screen: Option<ScreenSize>,
    options: &Run,
    signals: &Signals,
) -> Result {
    let is_terminal = plan.orders.command.terminal.is_some();
    let client = Client::new(is_terminal && !options.detach, signals.clone());
    let how = Start {
        lifetime: if options.detach { Lifetime::Detached } else { Lifetime::Foreground },
        size: terminal::size(),
        screen,
        scale: options.display_scale.unwrap_or(1),
        unique_name: options.name.is_none() && options.profile.is_none(),
    };
    let outdated = real.outdated(plan);
    if !outdated.is_empty() {
        eprintln!("terrariumctl: {}", message::outdated(&outdated));
    }
    let verbose = options.verbose || options.debug;
    let copies = std::sync::atomic::AtomicBool::new(false);
    let progress = |step: Progress| {
        if let Progress::Boot(id) = &step {
            let (real, id) = (real.clone(), id.clone());
            signals.go_to(Target::Boot(Box::new(move || drop(real.stop(&id, Stop::Now)))));
        }
        // Of a copy once, so that nobody wonders what takes so long.
        let is_copy = matches!(step, Progress::Copy { .. });
        let is_told = is_copy && copies.swap(true, std::sync::atomic::Ordering::Relaxed);
        if (verbose || is_copy) && !is_told {
            eprintln!("terrariumctl: {}", message::progress(&step));
        }
        true
    };
    let handler = if options.detach { Box::new(|_: &Console, _| {}) } else { client.handler() };
    let started = real.start(plan, how, &progress, handler);
    if options.detach || started.is_err() {
        // Nothing is taken away any more; unless it just is, by a signal.
        signals.go_to(Target::Nobody);
    }
    let started = started?;
    if options.detach {
        // Closed by us, so that init does not wait for a reader.
        started.console.close();
        println!("{}", started.name);
        return Ok(0);
    }
    if plan.orders.display.is_some() && !options.headless {
        window::open(&started.name);
    }
    let end = client.converse(&started.console, true);
    let role = Role { keyboard: true, ends: true };
    finish(real.as_ref(), &started.id, &started.console, &client, end, role)
}

/// Sources that are not there any more: what the command saw is not what the
/// user has.
fn tell_vanished(plan: &Plan, named: impl Fn(&str) -> String) {
    let sources = plan.sources.iter().map(|one| (&one.field, &one.path));
    let images = plan.images.iter().map(|one| (&one.field, &one.path));
    for (field, path) in sources.chain(images).filter(|(_, path)| !path.exists()) {
        eprintln!("terrariumctl: {}: {}", message::shown(&named(field)), message::vanished(path));
    }
}

/// What a client is to its sandbox.
#[derive(Clone, Copy)]
pub struct Role {
    /// Whether it types.
    pub keyboard: bool,
    /// Whether the sandbox ends with it.
    pub ends: bool,
}

/// What is left to do when a conversation about the command has ended.
pub fn finish(
    driver: &dyn Driver,
    id: &Id,
    console: &Console,
    client: &Client,
    mut end: End,
    Role { keyboard, ends }: Role,
) -> Result {
    let mut latest: Option<Console> = None;
    for _ in 0..TRIES {
        match end {
            End::Result(outcome) => {
                return Ok(conclude(driver, id, latest.as_ref().unwrap_or(console), client, &outcome));
            }
            End::LetGo => {
                // The terminal may be gone.
                let _ = writeln!(std::io::stderr(), "\r\nterrariumctl: {}", message::let_go());
                tell_full(client);
                return Ok(0);
            }
            End::Refused(why) => return Err(Error::Refused(why).into()),
            End::Silent(status) => return Ok(give_up(driver, Some(id).filter(|_| ends), client, status)),
            End::Lost => {
                if !driver.exists(id)? {
                    break;
                }
                end = match again(driver, id, client, keyboard) {
                    Some((console, end)) => {
                        latest = Some(console);
                        end
                    }
                    None => End::Lost,
                };
            }
        }
    }
    let last_words = driver.last_words(id);
    driver.finish(id, Duration::ZERO)?;
    tell_cleared(driver);
    Err(Error::Crashed { last_words }.into())
}

/// Nobody in there does what signals ask for: we end all the same, and so does
/// the sandbox that was `ours`.
pub fn give_up(driver: &dyn Driver, ours: Option<&Id>, client: &Client, status: u8) -> u8 {
    client.is_over(status);
    eprintln!("terrariumctl: {}", message::is_silent(ours.is_some()));
    if let Some(Err(error)) = ours.map(|id| driver.stop(id, Stop::Now)) {
        Fault::Engine(error).print();
    }
    status
}

/// What follows the command's own result; the status to end with.
fn conclude(driver: &dyn Driver, id: &Id, console: &Console, client: &Client, outcome: &Outcome) -> u8 {
    // While init is there; else they are told when they are asked for.
    let changed = driver.gather(id).ok().flatten();
    // One that has changed nothing is gone with its sandbox.
    let layer = reviewed(driver, id);
    driver.received(id, console);
    console.close();
    client.is_over(status(outcome));
    let left = driver.finish(id, Duration::from_secs(3));
    remark(outcome);
    if let (Some(changed), Some(layer)) = (changed, layer) {
        eprintln!("terrariumctl: {}", message::to_review(changed.totals.changes, &layer.tag.name));
        crate::changes::tell_what_is_in_place(&layer);
    }
    tell_cleared(driver);
    tell_full(client);
    // What the command did counts; what is left is swept later.
    if let Err(error) = left {
        Fault::Engine(error).print();
    }
    status(outcome)
}

/// It has written all that it may: said once nothing is in the terminal's way.
fn tell_full(client: &Client) {
    if client.is_full() {
        let _ = writeln!(std::io::stderr(), "terrariumctl: {}", message::layer_full());
    }
}

/// The conversation with a sandbox that is still there goes on where it was,
/// if somebody answers; else a moment has passed.
fn again(driver: &dyn Driver, id: &Id, client: &Client, keyboard: bool) -> Option<(Console, End)> {
    let how = Attach { keyboard, out: Some(client.offsets().out()), err: Some(client.offsets().err()) };
    let Ok(console) = driver.attach(id, how, client.handler()) else {
        std::thread::sleep(Duration::from_millis(100));
        return None;
    };
    let end = client.converse(&console, keyboard);
    Some((console, end))
}

/// The layer of a sandbox that has just ended, if it is to be looked at.
fn reviewed(driver: &dyn Driver, id: &Id) -> Option<Layer> {
    let is_it = |layer: &Layer| layer.tag.uuid == id.uuid && layer.tag.changes == Changes::Review;
    driver.layers().into_iter().find(is_it)
}

/// The profile that the options describe.
fn profile(options: &Run, host: &Host) -> std::result::Result<(Profile, Origin), Fault> {
    let mut profile = match &options.profile {
        Some(name) => store::resolve(&host.places, name)?,
        None => Profile::new(String::new(), Vec::new()),
    };
    let origin = Origin::of(&profile);
    if !options.command.is_empty() {
        profile.command.argv.clone_from(&options.command);
    } else if options.shell {
        profile.command.argv = vec![host.user.shell.clone().into_os_string()];
    }
    if options.profile.is_none() {
        profile.name = default_name(&profile.command.argv);
        let terminal = options.tty || options.shell || terminal::is_ours();
        profile.display.kind = if terminal { DisplayKind::Terminal } else { DisplayKind::None };
    }
    if let Some(name) = &options.name {
        profile.name.clone_from(name);
    }
    // Nobody sees it in a terminal where there is none; later somebody may.
    let unseen = profile.display.kind == DisplayKind::Terminal && !terminal::is_ours() && !options.detach;
    if options.tty {
        profile.display.kind = DisplayKind::Terminal;
    } else if options.no_tty || (options.profile.is_some() && unseen) {
        profile.display.kind = DisplayKind::None;
    }
    window::set_display(&mut profile, options);
    files::set(&mut profile, options)?;
    network::set(&mut profile, options)?;
    set_glass(&mut profile, options)?;
    set_rest(&mut profile, options)?;
    if let Some(file) = options.profile.as_deref().filter(|name| store::is_file(name)) {
        store::keeps_its_own(&host.places, Path::new(file), &profile)?;
    }
    Ok((profile, origin))
}

fn set_glass(profile: &mut Profile, options: &Run) -> std::result::Result<(), Fault> {
    if let Some(text) = &options.connect {
        let uri = Uri::from(text.as_str());
        if !uri.is_known() && !options.any_uri {
            return Err(Fault::Usage(message::uri_refused(text)));
        }
        profile.isolation = Some(if uri.is_lxc() { Isolation::Container } else { Isolation::Machine });
        profile.machine.connection = Some(uri.as_str().to_owned());
    }
    if options.container {
        profile.isolation = Some(Isolation::Container);
    } else if options.machine {
        profile.isolation = Some(Isolation::Machine);
    }
    profile.security.privileged |= options.privileged;
    if let Some(accelerator) = options.accelerator {
        profile.machine.accelerator = accelerator.into();
    }
    if let Some(version) = &options.kernver {
        profile.machine.kernel = Some(version.clone());
    }
    if let Some(path) = &options.kernpath {
        profile.machine.kernel_path = Some(path.clone());
    }
    if let Some(path) = &options.kmodpath {
        profile.machine.modules_path = Some(path.clone());
    }
    Ok(())
}

fn set_rest(profile: &mut Profile, options: &Run) -> std::result::Result<(), Fault> {
    for pair in &options.environment {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Fault::Usage(message::not_a_variable(pair)))?;
        profile.command.environment.insert(name.to_owned(), value.to_owned());
    }
    if let Some(directory) = &options.cwd {
        profile.command.directory = Some(directory.clone());
    }
    if let Some(until) = options.until {
        profile.command.until = Some(until.into());
    }
    if let Some(text) = &options.memory {
        profile.limits.memory = terrarium_engine::profile::parse_size(text)
            .ok_or_else(|| Fault::Usage(message::not_a_size(text)))?;
    }
    if let Some(cpus) = options.cpus {
        profile.limits.cpus = Some(cpus);
    }
    Ok(())
}

/// The command's own name, as far as it can be one.
fn default_name(argv: &[OsString]) -> String {
    let program = argv.first().map(Path::new).and_then(Path::file_name).unwrap_or_default();
    let name: String = program
        .to_string_lossy()
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_.+".contains(*c))
        .take(40)
        .collect();
    if name.is_empty() {
        "sandbox".to_owned()
    } else {
        name
    }
}

/// The status of a verb that did what it should.
pub const DONE: u8 = 0;
