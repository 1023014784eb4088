// SPDX-License-Identifier: LGPL-2.1-or-later
//! Verbs about sandboxes that run.

use crate::args::Exec;
use crate::client::{Client, End};
use crate::fault::{remark, status, tell_cleared, Fault};
use crate::run::{finish, give_up, Role, DONE};
use crate::signals::Signals;
use crate::{print, terminal, Result};
use serde_json::json;
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;
use terrarium_engine::host::{self, Host, ProbeOptions};
use terrarium_engine::plan;
use terrarium_engine::profile::{DisplayKind, Isolation};
use terrarium_engine::sandbox::{Attach, Driver, Real, State, Stop, Summary};
use terrarium_engine::{message, Error};
use terrarium_protocol::Bytes;

/// Milliseconds between TERM and KILL.
const GRACE: u32 = 10_000;

fn host() -> Host {
    host::probe(&ProbeOptions::default())
}

/// Asks libvirt, for a verb about a sandbox that runs.
pub fn driver() -> Real {
    Real::new(&host())
}

/// `list`
pub fn list(as_json: bool) -> Result {
    let driver = driver();
    let listing = driver.list();
    tell_cleared(&driver);
    for (uri, state) in &listing.unreachable {
        let error = Error::Connect { uri: uri.clone(), state: state.clone() };
        message::lines(&error).iter().for_each(|line| eprintln!("terrariumctl: {line}"));
    }
    if as_json {
        println!("{}", print::json(&listing.sandboxes.iter().map(to_json).collect()));
        return Ok(DONE);
    }
    let rows: Vec<[String; 4]> = listing.sandboxes.iter().map(row).collect();
    if !rows.is_empty() {
        print::table(&message::list_head(), &rows).iter().for_each(|line| println!("{line}"));
    } else if listing.unreachable.is_empty() && std::io::stdout().is_terminal() {
        // Not on standard output: a script counts no line.
        eprintln!("{}", message::none_runs());
    }
    Ok(DONE)
}

fn row(one: &Summary) -> [String; 4] {
    [
        message::shown(one.name()),
        message::isolation(one.isolation()),
        message::state(&one.state),
        message::shown(&one.metadata.command),
    ]
}

/// A sandbox as scripts see it.
pub fn to_json(one: &Summary) -> serde_json::Value {
    let state = match &one.state {
        State::Starting => "starting",
        State::Running => "running",
        State::Paused => "paused",
        State::Finished(_) => "finished",
        State::NotAnswering => "not-answering",
        State::Crashed => "crashed",
    };
    // The screen's status has one place, beside what else there is of it.
    let mut status = json!(one.status);
    let screen = status.as_object_mut().and_then(|status| status.remove("display"));
    json!({
        "name": one.name(),
        "state": state,
        "isolation": one.isolation(),
        "colour": one.colour(),
        "command": one.metadata.command,
        "network": one.metadata.network,
        "created": one.metadata.created,
        "connection": one.id.connection.as_str(),
        "domain": format!("terrarium-{}-{}", one.metadata.caller, one.id.number),
        "uuid": one.id.uuid,
        "display": {
            "kind": one.metadata.display,
            "clipboard": one.metadata.clipboard,
            "passes": one.metadata.passes,
            "status": screen,
        },
        "status": status,
    })
}

/// `attach`
pub fn attach(name: &str, from: Option<u64>, watch: bool, signals: Signals) -> Result {
    let driver = driver();
    let found = driver.find(name)?;
    if found.state == State::Crashed {
        return Err(crashed(&driver, &found));
    }
    let has_terminal = found.status.as_ref().is_some_and(|status| status.terminal.is_some());
    let client = Client::new(has_terminal && terminal::is_ours() && !watch, signals).that_lets_go();
    let how = Attach { keyboard: !watch, out: from, err: None };
    let console = driver.attach(&found.id, how, client.handler())?;
    if has_terminal && terminal::is_ours() && !watch {
        console.resize(terminal::size());
    }
    let end = client.converse(&console, !watch);
    finish(&driver, &found.id, &console, &client, end, Role { keyboard: !watch, ends: false })
}

/// What is known of a crash, which is told once.
fn crashed(driver: &Real, found: &Summary) -> Fault {
    let last_words = driver.last_words(&found.id);
    match driver.finish(&found.id, Duration::ZERO) {
        Ok(()) => Error::Crashed { last_words }.into(),
        Err(error) => error.into(),
    }
}

/// One that can be talked to.
pub fn living(driver: &Real, name: &str) -> std::result::Result<Summary, Fault> {
    let found = driver.find(name)?;
    match found.state {
        State::Crashed => Err(Error::Crashed { last_words: driver.last_words(&found.id) }.into()),
        _ => Ok(found),
    }
}

/// `exec`
pub fn exec(options: &Exec, signals: Signals) -> Result {
    let host = host();
    let driver = Real::new(&host);
    let found = living(&driver, &options.name)?;
    let has_terminal = options.tty || (!options.no_tty && terminal::is_ours());
    let mut environment = plan::environment(&host, has_terminal, false);
    if found.metadata.display == DisplayKind::Window {
        let machine = found.isolation() == Isolation::Machine;
        let (glx, fifo) = (!machine || host.kvm.works(), !machine && found.metadata.passes.sound);
        let passes = found.metadata.passes;
        let sound = passes.sound || passes.microphone;
        let desk = plan::Desk { glx, fifo, sound, scale: found.metadata.scale };
        environment.extend(plan::screen_environment(&host, desk));
    }
    for pair in &options.environment {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Fault::Usage(message::not_a_variable(pair)))?;
        if !plan::is_variable(name) {
            return Err(Fault::Usage(message::not_a_variable(pair)));
        }
        environment.retain(|(other, _)| other.as_slice() != name.as_bytes());
        environment.push((Bytes::from(name), Bytes::from(value)));
    }
    let directory = options.cwd.as_deref().unwrap_or(Path::new("~"));
    let directory = plan::from_home(directory, &host);
    let command = terrarium_protocol::orders::Command {
        argv: options.command.iter().map(|word| Bytes::from(word.as_bytes())).collect(),
        environment,
        directory: Bytes::from(directory.as_os_str().as_bytes()),
        terminal: has_terminal.then(terminal::size),
    };
    let client = Client::new(has_terminal, signals);
    let console = driver.exec(&found.id, command, client.handler())?;
    match client.converse(&console, true) {
        End::Result(outcome) => {
            console.received();
            console.close();
            remark(&outcome);
            Ok(status(&outcome))
        }
        End::LetGo => Ok(DONE),
        End::Silent(status) => Ok(give_up(&driver, None, &client, status)),
        End::Refused(why) => Err(Error::Refused(why).into()),
        End::Lost => Err(Error::Crashed { last_words: driver.last_words(&found.id) }.into()),
    }
}

/// `stop`
pub fn stop(name: &str, now: bool) -> Result {
    let driver = driver();
    let found = driver.find(name)?;
    driver.stop(&found.id, if now { Stop::Now } else { Stop::Gently { grace: GRACE } })?;
    tell_cleared(&driver);
    Ok(DONE)
}

/// `pause`
pub fn pause(name: &str) -> Result {
    let driver = driver();
    driver.pause(&living(&driver, name)?.id)?;
    Ok(DONE)
}

/// `resume`
pub fn resume(name: &str) -> Result {
    let driver = driver();
    driver.resume(&living(&driver, name)?.id)?;
    Ok(DONE)
}

/// How a sandbox's isolation is chosen on a command line.
pub fn glass_option(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Container => "--container",
        Isolation::Machine => "--machine",
    }
}
