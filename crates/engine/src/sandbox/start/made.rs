// SPDX-License-Identifier: LGPL-2.1-or-later
//! What exists of a sandbox before its domain does.

use super::super::directory::{self, fault, make_private, Reservation, Wish};
use super::super::real::Real;
use super::super::{end, ids, layers, list, program, Id, Layer, Progress, Start, State, Tell};
use super::random_uuid;
use crate::error::{Error, FileAction};
use crate::kernel;
use crate::plan::{Instance, MachinePlan, Plan};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use terrarium_init_image::INIT;

/// Dropping it removes its directory.
pub struct Made {
    pub reservation: Reservation,
    pub instance: Instance,
    pub listener: Option<UnixListener>,
    /// Until its domain has it.
    pub layer: Option<layers::Ready>,
    /// Before it is ready.
    making: Option<layers::Making>,
    /// The layer that is to be looked at.
    existing: Option<Layer>,
}

/// Makes it. `existing`: the layer that is to be looked at.
pub fn prepare(
    real: &Real,
    plan: &Plan,
    how: Start,
    progress: &Tell<'_>,
    existing: Option<Layer>,
) -> Result<Made, Error> {
    let uuid = random_uuid()?;
    // While libvirt is asked for all others.
    let making = existing.is_none().then(|| layers::Making::begin(plan, &uuid));
    let programs = Programs::prepare(plan, progress)?;
    let (reservation, blocks) = reserve(real, plan, how)?;
    reservation.belongs_to(&uuid)?;
    // By now the directories of starts that were struck are gone.
    layers::sweep(&plan.places, plan.caller);
    directory::keep_profile(&reservation.path, &plan.profile);
    let number = reservation.number;
    let instance = Instance {
        number,
        uuid,
        id_base: ids::choose(plan.caller, number, &blocks),
        directory: reservation.path.clone(),
        init: programs.init,
        kernel: programs.kernel,
        initrd: programs.initrd,
        image: PathBuf::new(),
        layer: PathBuf::new(),
        before: None,
        images: Vec::new(),
        looks: false,
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    };
    let listener = if plan.machine.is_none() { Some(listen(&instance.directory)?) } else { None };
    Ok(Made { reservation, instance, listener, layer: None, making, existing })
}

impl Made {
    /// How the sandbox is known.
    pub fn id(&self, plan: &Plan) -> Id {
        let (number, uuid) = (self.instance.number, self.instance.uuid.clone());
        Id { connection: plan.connection.clone(), number, uuid }
    }

    /// The layer that the run gets, and what is told to init of it.
    pub fn take_layer(&mut self, real: &Real, plan: &mut Plan, progress: &Tell<'_>) -> Result<(), Error> {
        let in_use = |layer: &Path| list::has_layer(real, layer);
        let (uuid, started) = (self.instance.uuid.as_str(), self.instance.created);
        let mut ready = match &self.existing {
            Some(layer) => layers::existing(layer, in_use)?,
            None => {
                let watch = |bytes, of| progress(Progress::Copy { bytes, of });
                layers::ready(plan, (uuid, started), self.making.take(), in_use, &watch)?
            }
        };
        self.instance.image = as_opened(plan, &self.instance, &mut ready, "layer")?;
        self.instance.layer = ready.layer.id();
        self.layer = Some(ready);
        if plan.orders.user.privileged {
            let found = layers::unreadable(&plan.orders);
            plan.orders.layer.iter_mut().for_each(|layer| layer.unreadable.clone_from(&found));
        }
        Ok(())
    }

    /// After a create that failed there is a domain all the same if libvirt
    /// died in the middle of it.
    pub fn clean_up(self, real: &Real, plan: &Plan) {
        let id = self.id(plan);
        let gone = match real.domain(&id) {
            Ok(None) => true,
            Ok(Some(domain)) => end::destroy(&domain, &id).is_ok(),
            Err(_) => false,
        };
        if gone {
            drop(self);
            real.sweep();
        } else {
            self.reservation.abandon();
        }
    }
}

/// A layer's image by the path that libvirt gets. `name`: see
/// [`layers::Ready::short_path`].
pub fn as_opened(
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

/// What runs first: a container's init, or a machine's kernel and initrd.
#[derive(Default)]
struct Programs {
    init: PathBuf,
    kernel: PathBuf,
    initrd: PathBuf,
}

impl Programs {
    fn prepare(plan: &Plan, progress: &Tell<'_>) -> Result<Self, Error> {
        let cache = cache(plan)?;
        match &plan.machine {
            None => Ok(Self { init: program::install(&cache)?, ..Self::default() }),
            Some(machine) => Self::of_a_machine(machine, &cache, progress),
        }
    }

    fn of_a_machine(machine: &MachinePlan, cache: &Path, progress: &Tell<'_>) -> Result<Self, Error> {
        let _ = progress(Progress::Kernel);
        let modules: Vec<&str> = machine.modules.iter().map(String::as_str).collect();
        let cache = cache.join("kernel");
        let boot = kernel::prepare(&cache, &machine.kernel, &modules, &machine.file_systems, INIT)
            .map_err(Error::Kernel)?;
        Ok(Self { init: PathBuf::new(), kernel: boot.kernel, initrd: boot.initrd })
    }
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

/// A number and a name, and the blocks of ids that others have.
fn reserve(real: &Real, plan: &Plan, how: Start) -> Result<(Reservation, Vec<u32>), Error> {
    let mut blocks = Vec::new();
    let wish = Wish { name: &plan.name, unique: how.unique_name, connection: &plan.connection };
    let reservation = directory::reserve(&plan.places.runtime, &wish, || {
        let (taken, used) = list::in_use(real)?;
        blocks = used;
        Ok(taken)
    });
    let reservation = reservation.map_err(|error| taken_by(real, error))?;
    Ok((reservation, blocks))
}

/// A name may be taken by a sandbox that has ended.
fn taken_by(real: &Real, error: Error) -> Error {
    let Error::NameTaken { name, .. } = error else { return error };
    let ended = list::find(real, &name).is_ok_and(|found| matches!(found.state, State::Finished(_)));
    Error::NameTaken { name, ended }
}

/// A container's socket. Init takes clients of the uid that listens here.
fn listen(directory: &Path) -> Result<UnixListener, Error> {
    let path = directory.join("c");
    UnixListener::bind(&path).map_err(fault(FileAction::Listen, &path))
}
