// SPDX-License-Identifier: LGPL-2.1-or-later
//! The start of a sandbox: from a plan to a command that runs.

use super::directory::{fault, make_private, Reservation, Wish};
use super::real::Real;
use super::sources::{self, Held};
use super::{
    directory, end, ids, layers, list, log, lonely, lost, network, program, set_ids, usage, Id, Layer,
    Progress, Start, Started, Tell,
};
use crate::console::{greet, Console, Event, Handler, Patience};
use crate::error::{DomainAction, Error, FileAction};
use crate::kernel;
use crate::plan::{Instance, Plan};
use crate::virt::Domain;
use crate::xml;
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use terrarium_init_image::INIT;
use terrarium_protocol::layer::{Disk, BEFORE_FOLDER, BEFORE_SERIAL};
use terrarium_protocol::message::{Failure, Step};
use terrarium_protocol::orders::{Lifetime, Size};
use terrarium_protocol::ToInit;

/// How often a number is tried that libvirt still has a domain for, and the
/// time between.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(300);
/// How long the starts of others are waited for.
const TURN: Duration = Duration::from_secs(5);

/// See [`super::Driver::start`].
pub fn start(
    real: &Real,
    plan: &Plan,
    how: Start,
    progress: &Tell<'_>,
    handler: Handler,
) -> Result<Started, Error> {
    let reach = network::prepare(real, plan)?;
    let mut tries = TRIES;
    let (made, mut plan, domain, held) = loop {
        let mut made = prepare(real, plan, how, progress, None)?;
        let _ = progress(Progress::Domain);
        let mut plan = plan.clone();
        plan.name.clone_from(&made.reservation.name);
        if let (Some(display), Some(size)) = (&mut plan.orders.display, how.screen) {
            display.size = size.bounded();
        }
        let created = network::filter(real, &plan, &made.instance, reach.as_ref())
            .and_then(|()| create(real, &mut plan, &mut made, progress));
        match created {
            Ok((domain, held)) => {
                // Whoever is to leave nothing has no file any more.
                made.layer.take().into_iter().for_each(layers::Ready::keep);
                break (made, plan, domain, held);
            }
            Err(error) => {
                let number = made.reservation.number;
                clean_up(real, &plan, made);
                tries -= 1;
                let again = lost_its_turn(&error)
                    || crate::network::filter::was_disturbed(&error)
                    || is_taken(real, &plan, number);
                if tries == 0 || !again {
                    return Err(error);
                }
            }
        }
        std::thread::sleep(BETWEEN);
    };
    let id = made.id(&plan);
    tracing::debug!(uuid = id.uuid, number = id.number, "the domain is there");
    let _ = progress(Progress::Boot(id.clone()));
    let begun = network::guard(real, &mut plan, &made.instance, reach.as_ref())
        .and_then(|()| converse(real, &plan, how, &made.instance, progress, handler, &id));
    match begun {
        Ok(console) => {
            // Until now no inode of a source could become another's.
            drop(held);
            if how.lifetime != Lifetime::Foreground {
                let metadata = xml::metadata(&plan, &made.instance);
                let _ = lost::remember(&made.instance.directory, &id, metadata);
            }
            made.reservation.keep();
            Ok(Started { id, name: plan.name.clone(), console })
        }
        Err(error) => {
            let _ = end::destroy(&domain, &id);
            drop(made);
            real.sweep();
            Err(error)
        }
    }
}

/// Starts a sandbox in which nothing runs, to look at a layer. `origin`: what
/// the layer began as a copy of, if something of it is to come back.
pub fn look(
    real: &Real,
    plan: &Plan,
    layer: &Layer,
    origin: Option<&mut layers::Ready>,
    handler: Handler,
) -> Result<(Id, Console), Error> {
    let how = Start { lifetime: Lifetime::Foreground, size: NO_SIZE, screen: None, unique_name: true };
    let mut made = prepare(real, plan, how, &|_| true, Some(layer.clone()))?;
    made.instance.looks = true;
    let mut plan = plan.clone();
    if let Some(origin) = origin {
        made.instance.before = Some(as_opened(&plan, &made.instance, origin, "before")?);
        let disk = match plan.machine {
            None => Disk::Folder(BEFORE_FOLDER.into()),
            Some(_) => Disk::Serial(BEFORE_SERIAL.into()),
        };
        plan.orders.layer.iter_mut().for_each(|layer| layer.before = Some(disk.clone()));
    }
    let domain = match create(real, &mut plan, &mut made, &|_| true) {
        Ok((domain, _)) => domain,
        Err(error) => {
            clean_up(real, &plan, made);
            return Err(error);
        }
    };
    let id = made.id(&plan);
    let begun = begin_look(&plan, &made.instance, handler);
    if begun.is_ok() {
        made.reservation.keep();
    } else {
        let _ = end::destroy(&domain, &id);
    }
    begun.map(|console| (id, console))
}

const NO_SIZE: Size = Size { columns: 80, rows: 24 };

fn begin_look(plan: &Plan, instance: &Instance, handler: Handler) -> Result<Console, Error> {
    let mut orders = plan.orders.clone();
    orders.id_base = instance.id_base;
    let (socket, lock) = directory::socket(&instance.directory, plan.machine.is_none())?;
    greet(&socket, lock, Patience::START)?.begin(&ToInit::Look(Box::new(orders)), handler)
}

/// What exists of a sandbox before its domain does. Dropping it removes its
/// directory.
struct Made {
    reservation: Reservation,
    instance: Instance,
    listener: Option<UnixListener>,
    /// Until its domain has it.
    layer: Option<layers::Ready>,
    /// Before it is ready.
    making: Option<layers::Making>,
    /// The layer that is to be looked at.
    existing: Option<Layer>,
}

/// The layer that the run gets, and what is told to init of it.
fn layer(real: &Real, plan: &mut Plan, made: &mut Made, progress: &Tell<'_>) -> Result<(), Error> {
    let in_use = |layer: &Path| list::has_layer(real, layer);
    let (uuid, started) = (made.instance.uuid.as_str(), made.instance.created);
    let mut ready = match &made.existing {
        Some(layer) => layers::existing(layer, in_use)?,
        None => {
            let watch = |bytes, of| progress(Progress::Copy { bytes, of });
            layers::ready(plan, (uuid, started), made.making.take(), in_use, &watch)?
        }
    };
    made.instance.image = as_opened(plan, &made.instance, &mut ready, "layer")?;
    made.instance.layer = ready.layer.id();
    made.layer = Some(ready);
    if plan.orders.user.privileged {
        let found = layers::unreadable(&plan.orders);
        plan.orders.layer.iter_mut().for_each(|layer| layer.unreadable.clone_from(&found));
    }
    Ok(())
}

/// A layer's image by the path that libvirt gets. `name`: see
/// [`layers::Ready::short_path`].
fn as_opened(
    plan: &Plan,
    instance: &Instance,
    ready: &mut layers::Ready,
    name: &str,
) -> Result<PathBuf, Error> {
    match plan.machine {
        None => ready.short_path(&instance.directory, name),
        Some(_) => Ok(ready.image()),
    }
}

impl Made {
    fn id(&self, plan: &Plan) -> Id {
        let (number, uuid) = (self.instance.number, self.instance.uuid.clone());
        Id { connection: plan.connection.clone(), number, uuid }
    }
}

fn prepare(
    real: &Real,
    plan: &Plan,
    how: Start,
    progress: &Tell<'_>,
    existing: Option<Layer>,
) -> Result<Made, Error> {
    let uuid = random_uuid()?;
    // While libvirt is asked for all others.
    let making = existing.is_none().then(|| layers::Making::begin(plan, &uuid));
    let cache = cache(plan)?;
    let (init, boot) = match &plan.machine {
        None => (program::install(&cache)?, None),
        Some(machine) => {
            let _ = progress(Progress::Kernel);
            let modules: Vec<&str> = machine.modules.iter().map(String::as_str).collect();
            let boot = kernel::prepare(
                &cache.join("kernel"),
                &machine.kernel,
                &modules,
                &machine.file_systems,
                INIT,
            );
            (PathBuf::new(), Some(boot.map_err(Error::Kernel)?))
        }
    };
    let mut blocks = Vec::new();
    let wish = Wish { name: &plan.name, unique: how.unique_name };
    let reservation = directory::reserve(&plan.places.runtime, &wish, || {
        let (taken, used) = list::in_use(real)?;
        blocks = used;
        Ok(taken)
    });
    let reservation = reservation.map_err(|error| taken_by(real, error))?;
    let number = reservation.number;
    reservation.belongs_to(&uuid)?;
    // By now the directories of starts that were struck are gone.
    layers::sweep(&plan.places, plan.caller);
    directory::keep_profile(&reservation.path, &plan.profile);
    let (kernel, initrd) = boot.map_or_else(Default::default, |boot| (boot.kernel, boot.initrd));
    let instance = Instance {
        number,
        uuid,
        id_base: ids::choose(plan.caller, number, &blocks),
        directory: reservation.path.clone(),
        init,
        kernel,
        initrd,
        image: PathBuf::new(),
        layer: PathBuf::new(),
        before: None,
        looks: false,
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    };
    let listener = if plan.machine.is_none() { Some(listen(&instance.directory)?) } else { None };
    Ok(Made { reservation, instance, listener, layer: None, making, existing })
}

/// A container's socket. Init takes clients of the uid that listens here.
/// A name may be taken by a sandbox that has ended.
fn taken_by(real: &Real, error: Error) -> Error {
    let Error::NameTaken { name, .. } = error else { return error };
    let ended = list::find(real, &name).is_ok_and(|found| matches!(found.state, super::State::Finished(_)));
    Error::NameTaken { name, ended }
}

fn listen(directory: &Path) -> Result<UnixListener, Error> {
    let path = directory.join("c");
    UnixListener::bind(&path).map_err(fault(FileAction::Listen, &path))
}

fn create(
    real: &Real,
    plan: &mut Plan,
    made: &mut Made,
    progress: &Tell<'_>,
) -> Result<(Domain, Held), Error> {
    let held = sources::settle(plan, &made.instance.uuid)?;
    if !plan.sources.is_empty() || !plan.images.is_empty() || plan.root.is_some() {
        sources::none_in(plan, &held, &list::writers(real)?)?;
    }
    layer(real, plan, made, progress)?;
    set_ids::note(plan, &made.instance.uuid)?;
    let text = xml::domain(plan, &made.instance);
    tracing::debug!(connection = plan.connection.as_str(), "libvirt is asked for this domain:\n{text}");
    let log = log::begin_anew(real, &plan.connection, made.instance.number);
    plan.orders.log = log.map(|path| path.into_os_string().into_vec().into());
    // Ours is closed as soon as libvirt has it: when the container dies, so
    // does the last copy, and whoever waits there learns it.
    let listener = made.listener.take();
    let files: Vec<_> = listener.iter().map(AsFd::as_fd).collect();
    let domain = {
        let _turn = plan.machine.is_none().then(take_turns);
        real.pool.create(&plan.connection, &text, &files)?
    };
    if let Some(layer) = made.layer.as_ref().filter(|_| plan.machine.is_none()) {
        usage::begin(&made.instance.directory, &layer.image());
    }
    // QEMU has opened its sources by now.
    held.check()?;
    Ok((domain, held))
}

/// libvirt looks for a loop device that is free and then takes it: it fails,
/// slowly, if somebody else has taken that in between (9.0). So containers
/// start one after another, whoever starts them; who does not get the turn
/// goes on without.
fn take_turns() -> Option<Flock<File>> {
    let begun = Instant::now();
    loop {
        // What everybody has, and nobody else locks.
        let file = File::open("/sys/devices/virtual").ok()?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => return Some(held),
            Err(_) if begun.elapsed() > TURN => return None,
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Whether a container failed because somebody else took its loop device.
fn lost_its_turn(error: &Error) -> bool {
    matches!(error, Error::Libvirt { message, .. } if message.contains("loop device"))
}

/// Whether libvirt has another domain of that name, one that is just going.
fn is_taken(real: &Real, plan: &Plan, number: u32) -> bool {
    let name = plan.domain_name(number);
    let domains = real.pool.domains(&plan.connection).unwrap_or_default();
    domains.iter().any(|domain| domain.name() == name)
}

/// After a create that failed there is a domain all the same if libvirt died
/// in the middle of it.
fn clean_up(real: &Real, plan: &Plan, made: Made) {
    let id = made.id(plan);
    let gone = match real.domain(&id) {
        Ok(None) => true,
        Ok(Some(domain)) => end::destroy(&domain, &id).is_ok(),
        Err(_) => false,
    };
    if gone {
        drop(made);
        real.sweep();
    } else {
        made.reservation.abandon();
    }
}

fn converse(
    real: &Real,
    plan: &Plan,
    how: Start,
    instance: &Instance,
    progress: &Tell<'_>,
    handler: Handler,
    id: &Id,
) -> Result<crate::console::Console, Error> {
    let mut orders = plan.orders.clone();
    orders.id_base = instance.id_base;
    orders.lifetime = how.lifetime;
    if orders.command.terminal.is_some() {
        orders.command.terminal = Some(how.size);
    }
    let (tell, told) = mpsc::channel();
    let crashed = || Error::Crashed { last_words: log::last_words(real, &id.connection, id.number) };
    let (socket, lock) = directory::socket(&instance.directory, plan.machine.is_none())?;
    let ends_with_us = how.lifetime == Lifetime::Foreground;
    let held = if ends_with_us { Some(lonely::begin(&instance.directory)?) } else { None };
    let greeted =
        greet(&socket, lock, Patience::START)
            .map_err(|error| if gone(real, id) { crashed() } else { error })?;
    let console = greeted.holding(held).begin(&ToInit::Start(Box::new(orders)), watch(tell, handler))?;
    loop {
        match told.recv() {
            Ok(First::Stage(stage)) => drop(progress(Progress::Inside(stage))),
            Ok(First::Runs) => return Ok(console),
            Ok(First::Failed(failure)) => return Err(Error::Init(failure)),
            Ok(First::Refused(why)) => return Err(Error::Refused(why)),
            Ok(First::Closed) | Err(_) => {
                gone(real, id);
                return Err(crashed());
            }
        }
    }
}

/// Whether the domain has gone; it may take a moment to be seen.
fn gone(real: &Real, id: &Id) -> bool {
    for _ in 0..20 {
        match real.domain(id) {
            Ok(Some(_)) => std::thread::sleep(Duration::from_millis(50)),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// What a start waits for.
enum First {
    Stage(terrarium_protocol::message::Stage),
    Runs,
    Failed(Failure),
    Refused(terrarium_protocol::message::Refusal),
    Closed,
}

/// Hears what the start needs and passes the rest on. A failure of the
/// sandbox itself is the start's error and not an event.
fn watch(tell: mpsc::Sender<First>, mut handler: Handler) -> Handler {
    let mut begun = false;
    let mut failed = false;
    Box::new(move |console, event| {
        if !begun {
            match &event {
                Event::Stage(stage) => drop(tell.send(First::Stage(*stage))),
                Event::Started { .. } | Event::Result(_) if !failed => {
                    begun = true;
                    let _ = tell.send(First::Runs);
                }
                Event::Failed(failure) if is_the_commands(failure) => {}
                Event::Failed(failure) => {
                    failed = true;
                    let _ = tell.send(First::Failed(failure.clone()));
                }
                Event::Refused(why) => drop(tell.send(First::Refused(*why))),
                Event::Closed => drop(tell.send(First::Closed)),
                _ => {}
            }
        }
        if !failed {
            handler(console, event);
        }
    })
}

/// Whether a failure is the command's own: then it is a result (126, 127).
fn is_the_commands(failure: &Failure) -> bool {
    matches!(failure.step, Step::NotFound | Step::NotExecutable)
}

/// The cache; root's sandboxes run as somebody else, who must read it there,
/// and libvirt gives a file to one user at a time.
fn cache(plan: &Plan) -> Result<PathBuf, Error> {
    if plan.caller == 0 {
        make_private(&plan.places.cache, 0o755)?;
        let path = plan.places.cache.join(plan.orders.user.uid.to_string());
        make_private(&path, 0o755)?;
        return Ok(path);
    }
    make_private(&plan.places.cache, 0o700)?;
    Ok(plan.places.cache.clone())
}

/// A random (version 4) UUID.
pub fn random_uuid() -> Result<String, Error> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Libvirt { action: DomainAction::Create, message: error.to_string() })?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}
