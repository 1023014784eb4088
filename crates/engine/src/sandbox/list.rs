// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which sandboxes there are, and how they are.

use super::directory::Taken;
use super::real::Real;
use super::{directory, end, groups, lonely, lost, Id, Listing, Metadata, State, Summary};
use crate::console::{greet, Patience};
use crate::error::Error;
use crate::host::ConnectionState;
use crate::nearest::nearest;
use crate::uri::Uri;
use crate::virt::{Domain, Power};
use crate::xml::metadata::{self, NAMESPACE};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use terrarium_protocol::message::{self, Status};

/// A domain whose directory was removed or abandoned has been given up by its
/// client and is about to go; after this many seconds it needs help.
const LINGER: u64 = 10;

/// One domain of ours, not asked yet.
struct Found {
    id: Id,
    metadata: Metadata,
    domain: Domain,
}

/// See [`super::Driver::list`].
pub fn list(real: &Real) -> Listing {
    let mut listing = Listing::default();
    let mut crashed = Vec::new();
    let mut found = Vec::new();
    for uri in worth_asking(real) {
        match of_connection(real, &uri) {
            Ok(more) => found.extend(more),
            Err(error) => listing.unreachable.push((uri, failed(error))),
        }
    }
    if listing.unreachable.is_empty() {
        let taken: Vec<u32> = found.iter().map(|one| one.id.number).collect();
        directory::sweep(&real.places.runtime, &taken);
        crashed = lost::all(real, &taken);
        crate::sandbox::network::filter::sweep_beside(real, &taken);
        if real.caller == 0 {
            groups::sweep();
        }
        real.sweep();
    }
    // Those that nothing runs in are no sandboxes of anybody's.
    found.retain(|one| !one.metadata.looks);
    listing.sandboxes = ask_all(found);
    listing.sandboxes.extend(crashed);
    listing.sandboxes.sort_by_key(|one| one.id.number);
    listing
}

/// What an error of a connection's list says of it.
fn failed(error: Error) -> ConnectionState {
    match error {
        Error::Connect { state, .. } => state,
        Error::Libvirt { message, .. } => ConnectionState::Failed(message),
        // Nothing else comes of it.
        other => ConnectionState::Failed(other.to_string()),
    }
}

/// The connections that may know of sandboxes. The session's daemon is started
/// by asking it, so it is asked only if it runs, or if somebody has a sandbox
/// there. And whoever has one is asked also when nobody seems to listen: what
/// runs is not gone because libvirt is.
fn worth_asking(real: &Real) -> Vec<Uri> {
    let runtime = &real.places.runtime;
    let mut asked = directory::connections(runtime);
    let is_silent = |uri: &&Uri| **uri == Uri::QemuSession && !session_runs(runtime);
    asked.extend(real.connections.iter().filter(|uri| !is_silent(uri)).cloned());
    asked.sort_unstable();
    asked.dedup();
    asked
}

/// Whether a session's daemon listens beside our own runtime folder. The
/// kernel is asked: a daemon writes into its log whoever just knocks.
fn session_runs(runtime: &Path) -> bool {
    let folder = runtime.parent().unwrap_or(runtime).join("libvirt");
    let sockets = std::fs::read("/proc/net/unix").unwrap_or_default();
    ["virtqemud-sock", "libvirt-sock"].iter().any(|name| is_bound(&sockets, &folder.join(name)))
}

/// Whether a line of /proc/net/unix ends with this path.
fn is_bound(sockets: &[u8], path: &Path) -> bool {
    let ending = [b" ", path.as_os_str().as_bytes()].concat();
    sockets.split(|&byte| byte == b'\n').any(|line| line.ends_with(&ending))
}

/// Domains of the caller on one connection.
fn of_connection(real: &Real, uri: &Uri) -> Result<Vec<Found>, Error> {
    let prefix = format!("terrarium-{}-", real.caller);
    let ours = real.pool.domains(uri)?.into_iter().filter(|domain| domain.name().starts_with(&prefix));
    let mut found = Vec::new();
    for domain in ours {
        let Some(metadata) = read_metadata(&domain).filter(|metadata| metadata.caller == real.caller) else {
            continue;
        };
        let id = Id { connection: uri.clone(), number: metadata.number, uuid: domain.uuid() };
        let lingers = age(&metadata) > LINGER && !directory::is_starting(&metadata.directory);
        // A daemon that died while it made a domain has left it behind, off.
        let is_ghost = !directory::is_wanted(&metadata.directory) || domain.power() == Power::Off;
        if !is_ghost && is_lost(&metadata, &domain, lonely::KEEPS_THE_RESULT) {
            let _ = end::destroy(&domain, &id);
        } else if !is_ghost {
            found.push(Found { id, metadata, domain });
        } else if lingers {
            let _ = end::destroy(&domain, &id);
        }
    }
    Ok(found)
}

/// Whether it was to end with its client, which is gone for so long.
fn is_lost(metadata: &Metadata, domain: &Domain, time: Duration) -> bool {
    let directory = &metadata.directory;
    if domain.power() == Power::Paused {
        // Its init cannot do anything about it.
        lonely::forget(directory);
        return false;
    }
    !directory::is_starting(directory) && lonely::is_for(directory, time)
}

fn age(metadata: &Metadata) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    now.saturating_sub(metadata.created)
}

/// What Terrarium wrote into a domain, whoever it belongs to.
pub fn read_metadata(domain: &Domain) -> Option<Metadata> {
    metadata::parse(&domain.metadata(NAMESPACE)?)
}

/// Asks every init side by side: one that does not answer costs its patience
/// once.
fn ask_all(found: Vec<Found>) -> Vec<Summary> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = found.into_iter().map(|one| scope.spawn(|| ask(one))).collect();
        asked.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    })
}

fn ask(one: Found) -> Option<Summary> {
    let Found { id, metadata, domain } = one;
    let summary = |state, status| Some(Summary { id: id.clone(), metadata: metadata.clone(), state, status });
    match domain.power() {
        Power::Off => return None,
        // libvirt makes a machine paused and then lets it go on.
        _ if directory::is_starting(&metadata.directory) => return summary(State::Starting, None),
        Power::Paused => return summary(State::Paused, None),
        Power::On => {}
    }
    let path = &metadata.directory;
    match directory::socket(path, id.connection.is_lxc()) {
        // All ports are in use: somebody converses with it, so it runs.
        Err(Error::Busy) => summary(State::Running, None),
        Err(_) => None,
        Ok((socket, lock)) => match greet(&socket, lock, Patience::LOOK) {
            Ok(greeted) => {
                let status = greeted.status.clone();
                let _ =
                    greeted.begin(&terrarium_protocol::ToInit::Query, Box::new(|_, _| {})).map(|c| c.close());
                if status.state == message::State::Waiting && !directory::is_starting(path) {
                    // Whoever was starting it is gone, and with them the command.
                    let _ = end::destroy(&domain, &id);
                    return None;
                }
                summary(state_of(&status), Some(status))
            }
            Err(_) if domain.power() == Power::Off => None,
            Err(_) if is_lost(&metadata, &domain, lonely::SILENT) => {
                let _ = end::destroy(&domain, &id);
                None
            }
            Err(_) => summary(State::NotAnswering, None),
        },
    }
}

fn state_of(status: &Status) -> State {
    match (&status.result, status.state) {
        (Some(outcome), _) => State::Finished(outcome.clone()),
        (None, message::State::Waiting | message::State::Starting) => State::Starting,
        (None, message::State::Running | message::State::Finished) => State::Running,
    }
}

/// See [`super::Driver::find`].
pub fn find(real: &Real, name: &str) -> Result<Summary, Error> {
    let listing = list(real);
    let domain_name = |one: &Summary| format!("terrarium-{}-{}", one.metadata.caller, one.id.number);
    let is = |one: &&Summary| one.name() == name || one.id.uuid == name || domain_name(one) == name;
    let named: Vec<&Summary> = listing.sandboxes.iter().filter(is).collect();
    // Of two with the same name the one that lives.
    if let Some(one) = named.iter().find(|one| one.state != State::Crashed).or(named.first()) {
        return Ok((*one).clone());
    }
    match listing.unreachable.into_iter().next() {
        Some((uri, state)) => Err(Error::Connect { uri, state }),
        None => {
            let like = nearest(name, listing.sandboxes.iter().map(Summary::name)).map(str::to_owned);
            Err(Error::NoSuchSandbox { name: name.to_owned(), like })
        }
    }
}

/// What of the host a sandbox has, and may write.
pub struct Writer {
    /// Its name.
    pub name: String,
    /// Folders and files.
    pub writable: Vec<PathBuf>,
    /// Its disks, and whether it writes each.
    pub images: Vec<(PathBuf, bool)>,
}

/// The caller's sandboxes that may write something.
pub fn writers(real: &Real) -> Result<Vec<Writer>, Error> {
    let mut writers = Vec::new();
    for uri in worth_asking(real) {
        let all = real.pool.domains(&uri)?;
        let metadata = all.iter().filter_map(read_metadata).filter(|one| one.caller == real.caller);
        let of = |one: Metadata| Writer { name: one.name, writable: one.writable, images: one.images };
        writers.extend(metadata.map(of).filter(|one| !one.writable.is_empty() || !one.images.is_empty()));
    }
    Ok(writers)
}

/// Whether one of the caller's domains has this layer.
pub fn has_layer(real: &Real, layer: &Path) -> Result<bool, Error> {
    for uri in worth_asking(real) {
        let all = real.pool.domains(&uri)?;
        let mut metadata = all.iter().filter_map(read_metadata).filter(|one| one.caller == real.caller);
        if metadata.any(|one| one.layer.as_deref() == Some(layer)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the caller's domains have, and the id blocks of everybody's.
pub fn in_use(real: &Real) -> Result<(Taken, Vec<u32>), Error> {
    let (mut taken, mut blocks) = (Taken::default(), Vec::new());
    for uri in worth_asking(real) {
        for domain in real.pool.domains(&uri)? {
            let domain_name = domain.name();
            let Some(rest) = domain_name.strip_prefix("terrarium-") else { continue };
            let mine = rest.strip_prefix(&format!("{}-", real.caller));
            taken.numbers.extend(mine.and_then(|number| number.parse::<u32>().ok()));
            let Some(metadata) = read_metadata(&domain) else { continue };
            blocks.push(metadata.id_base);
            if mine.is_none() || metadata.caller != real.caller {
                continue;
            }
            if is_lost(&metadata, &domain, lonely::KEEPS_THE_RESULT) {
                let id = Id { connection: uri.clone(), number: metadata.number, uuid: domain.uuid() };
                let _ = end::destroy(&domain, &id);
            } else if directory::is_wanted(&metadata.directory) {
                taken.names.push(metadata.name);
            }
        }
    }
    Ok((taken, blocks))
}

#[cfg(test)]
mod tests {
    use super::is_bound;
    use std::path::Path;

    #[test]
    fn a_socket_is_known_by_its_whole_path() {
        let sockets =
            b"Num RefCount ... Path\n0: 2 0 10000 1 1 7 /run/user/7/libvirt/libvirt-sock\n1: 2 0 0 1 3 8\n";
        assert!(is_bound(sockets, Path::new("/run/user/7/libvirt/libvirt-sock")));
        assert!(!is_bound(sockets, Path::new("/libvirt/libvirt-sock")));
        assert!(!is_bound(sockets, Path::new("/run/user/7/libvirt/virtqemud-sock")));
    }
}
