// SPDX-License-Identifier: LGPL-2.1-or-later
//! A sandbox in which nothing runs, to look at a layer.

use super::super::real::Real;
use super::super::{directory, end, layers, Id, Layer, Start};
use super::create;
use super::made::{as_opened, prepare};
use crate::console::{greet, Console, Handler, Patience};
use crate::error::Error;
use crate::plan::{Instance, Plan};
use terrarium_protocol::layer::{Disk, BEFORE_FOLDER, BEFORE_SERIAL};
use terrarium_protocol::orders::{Lifetime, Size};
use terrarium_protocol::ToInit;

/// Starts a sandbox in which nothing runs, to look at a layer. `origin`: what
/// the layer began as a copy of, if something of it is to come back.
pub fn look(
    real: &Real,
    plan: &Plan,
    layer: &Layer,
    origin: Option<&mut layers::Ready>,
    handler: Handler,
) -> Result<(Id, Console), Error> {
    let how =
        Start { lifetime: Lifetime::Foreground, size: NO_SIZE, screen: None, scale: 1, unique_name: true };
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
            made.clean_up(real, &plan);
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
