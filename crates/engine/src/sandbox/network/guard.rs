// SPDX-License-Identifier: LGPL-2.1-or-later
//! The guard, from the engine's side: started when it is needed, and told
//! everything that is to hold.
//!
//! What is to hold for a sandbox lies in `RUNTIME/N/network`. Whoever changes
//! it does so under one lock and then tells the guard about all of them, so
//! that a guard that died, and was started again, knows what the old one did.
//! One of an earlier version of Terrarium is ended and started anew in just
//! that way: its rules stay until the new one's replace them, in one step.

use super::filter::{self, Filter};
use super::follow::Named;
use super::own::Own;
use crate::error::{Error, FileAction, NetworkError};
use crate::network::names;
use crate::sandbox::{fault, install_init, lock, make_private, random_uuid, Real};
use crate::uri::Uri;
use crate::virt::Domain;
use crate::xml;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use terrarium_protocol::guard::{FromGuard, Port, Rules, ToGuard, MAX, VERSION};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a guard is started while the one before it goes.
const TRIES: u32 = 30;
const BETWEEN: Duration = Duration::from_millis(100);

/// What holds for one sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The network that it is on.
    pub own: Own,
    /// Itself.
    pub port: Port,
    /// The names of its lists.
    #[serde(default)]
    pub named: Named,
    /// What enforces it instead of the guard.
    #[serde(default)]
    pub filter: Option<Filter>,
}

/// The file of a sandbox's directory.
pub fn file(directory: &Path) -> PathBuf {
    directory.join("network")
}

/// What holds for the sandbox of a directory.
pub fn read(directory: &Path) -> Option<Saved> {
    serde_json::from_slice(&fs::read(file(directory)).ok()?).ok()
}

/// Makes something hold for a sandbox; returns once it does.
///
/// # Errors
/// It does not; what held before still does.
pub fn hold(real: &Real, directory: &Path, saved: &Saved) -> Result<(), Error> {
    let _lock = lock(&real.places.runtime.join("guard.lock"))?;
    hold_locked(real, directory, saved)
}

fn hold_locked(real: &Real, directory: &Path, saved: &Saved) -> Result<(), Error> {
    let path = file(directory);
    let before = fs::read(&path).ok();
    let text = serde_json::to_vec(saved).unwrap_or_default();
    write(&path, &text)?;
    let done = match &saved.filter {
        Some(filter) => filter::define(real, filter, &saved.port, saved),
        None => tell(real, saved),
    };
    done.inspect_err(|_| match &before {
        Some(before) => drop(write(&path, before)),
        None => drop(fs::remove_file(&path)),
    })
}

/// Whole, or as it was.
fn write(path: &Path, text: &[u8]) -> Result<(), Error> {
    let fresh = path.with_extension("new");
    fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path)).map_err(fault(FileAction::Write, path))
}

/// Changes what holds for a sandbox that runs; nobody else does meanwhile.
/// `change` says whether the guard is to hear of it.
pub fn change(real: &Real, directory: &Path, change: impl FnOnce(&mut Saved) -> bool) -> Result<(), Error> {
    let _lock = lock(&real.places.runtime.join("guard.lock"))?;
    let mut saved = read(directory).ok_or(Error::Network(NetworkError::NotOwn))?;
    if change(&mut saved) {
        return hold_locked(real, directory, &saved);
    }
    write(&file(directory), &serde_json::to_vec(&saved).unwrap_or_default())
}

/// Whom a sandbox talked to.
pub fn report(real: &Real, port: &Port) -> Result<Vec<terrarium_protocol::guard::Contact>, Error> {
    let mut stream = connect(real)?;
    match ask(&mut stream, &ToGuard::Report { interface: port.interface.clone() })? {
        FromGuard::Report(contacts) => Ok(contacts),
        _ => Err(guard(&"an answer to another question")),
    }
}

fn guard(why: &dyn std::fmt::Display) -> Error {
    Error::Network(NetworkError::Guard { why: why.to_string() })
}

/// Tells the guard about all sandboxes on this one's network.
fn tell(real: &Real, saved: &Saved) -> Result<(), Error> {
    let rules = ToGuard::Rules(Box::new(rules(&real.places.runtime, saved)?));
    // One that just ends may hear us no more.
    let mut answer = start_and_ask(real, &rules).or_else(|_| start_and_ask(real, &rules));
    if !matches!(answer, Ok(FromGuard::Done { .. })) && end_an_earlier_one(real)? {
        answer = start_and_ask(real, &rules);
    }
    match answer? {
        FromGuard::Done { missing } if missing.contains(&saved.port.interface) => {
            Err(Error::Network(NetworkError::Missing { interface: saved.port.interface.clone() }))
        }
        FromGuard::Done { .. } => Ok(()),
        FromGuard::Failed { why } => Err(guard(&why)),
        FromGuard::Report(_) | FromGuard::Version(_) => Err(guard(&"an answer to another question")),
    }
}

/// Ends a guard that an earlier version of Terrarium started. Returns whether
/// there was one.
fn end_an_earlier_one(real: &Real) -> Result<bool, Error> {
    let Ok(mut stream) = connect(real) else { return Ok(false) };
    match ask(&mut stream, &ToGuard::Version) {
        Ok(FromGuard::Version(version)) if version > VERSION => {
            return Err(Error::Network(NetworkError::Newer));
        }
        Ok(FromGuard::Version(version)) if version == VERSION => return Ok(false),
        // The first ones did not know the question.
        _ => {}
    }
    let name = names::guard(real.caller());
    let all = real.pool.domains(&Uri::LxcSystem)?;
    all.iter().filter(|one| one.name() == name).try_for_each(Domain::destroy)?;
    Ok(true)
}

/// What sandboxes have, whether they have a network or not.
pub fn directories(runtime: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(runtime).into_iter().flatten().flatten();
    let numbered =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok()));
    numbered.map(|entry| entry.path()).collect()
}

fn rules(runtime: &Path, saved: &Saved) -> Result<Rules, Error> {
    let mut ports = Vec::new();
    for directory in directories(runtime) {
        let Ok(text) = fs::read(file(&directory)) else { continue };
        // Whoever left somebody out would take their rules away.
        let other: Saved = serde_json::from_slice(&text).map_err(|_| Error::Network(NetworkError::Newer))?;
        if other.own == saved.own && other.filter.is_none() {
            ports.push(port(&other));
        }
    }
    if !ports.iter().any(|one| one.interface == saved.port.interface) {
        ports.push(port(saved));
    }
    let own = &saved.own;
    Ok(Rules {
        version: VERSION,
        bridge: own.bridge.clone(),
        gateway: own.gateway,
        gateway6: own.gateway6,
        net: own.net,
        net6: own.net6,
        ports,
    })
}

/// With the names of its lists.
fn port(saved: &Saved) -> Port {
    Port { names: saved.named.names(), ..saved.port.clone() }
}

fn start_and_ask(real: &Real, message: &ToGuard) -> Result<FromGuard, Error> {
    let mut stream = connect(real).or_else(|_| start(real))?;
    ask(&mut stream, message)
}

fn folder(real: &Real) -> PathBuf {
    real.places.runtime.join("guard")
}

fn connect(real: &Real) -> Result<UnixStream, Error> {
    let path = folder(real).join("c");
    UnixStream::connect(&path).map_err(fault(FileAction::Connect, &path))
}

/// Starts the guard: a container that has this computer's network, and power
/// over nothing else.
fn start(real: &Real) -> Result<UnixStream, Error> {
    let folder = folder(real);
    make_private(&folder, 0o700)?;
    let init = install_init(real)?;
    let path = folder.join("c");
    let mut tries = TRIES;
    loop {
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).map_err(fault(FileAction::Listen, &path))?;
        let text = xml::guard(real.caller(), &random_uuid()?, &init);
        match real.pool.create(&Uri::LxcSystem, &text, &[listener.as_fd()]) {
            Ok(_) => return connect(real),
            // The one before has its name until it is gone.
            Err(_) if tries > 0 => tries -= 1,
            Err(error) => return Err(error),
        }
        std::thread::sleep(BETWEEN);
    }
}

fn ask(stream: &mut UnixStream, message: &ToGuard) -> Result<FromGuard, Error> {
    let talk = || -> std::io::Result<FromGuard> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let text = serde_json::to_vec(message)?;
        stream.write_all(&(text.len() as u32).to_le_bytes())?;
        stream.write_all(&text)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut text = vec![0; length];
        stream.read_exact(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    };
    let mut talk = talk;
    talk().map_err(|error| guard(&error))
}
