// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox has written: looked at, applied, kept, thrown away.
//!
//! | module | what |
//! |---|---|
//! | [`listing`] | what changed, as init told it, and kept with the layer |
//! | [`session`] | a sandbox in which nothing runs, that hands out contents |
//! | [`ahead`] | many small files at once |
//! | [`moves`] | what was moved, as far as that can be told |
//! | [`earlier`] | what a run found as it was kept |
//! | [`choose`] | what belongs to a change, and to all others |
//! | [`decided`] | what was decided about those that wait |
//! | [`waiting`] | what nobody has decided about yet |
//! | [`difference`] | a text against the host's |
//! | [`picture`] | a picture that may be hostile |
//! | [`apply`] | puts something to its real place, or elsewhere |
//! | [`trash`] | where the old one goes |
//!
//! All that comes out of a sandbox is hostile. It is bounded and checked, and
//! nothing here opens anything of the host by a path that came with it but
//! through [`apply`], which follows no link.

mod ahead;
mod apply;
#[cfg(test)]
mod asked_tests;
mod choose;
mod decided;
mod difference;
mod earlier;
mod listing;
mod moves;
#[cfg(test)]
mod original_tests;
mod picture;
mod session;
#[cfg(test)]
mod tests;
mod trash;
mod waiting;

pub use ahead::Ahead;
pub(super) use apply::fresh_name;
pub use apply::{apply, check as check_apply, questions, sync, Applied, Apply, Guards, Question, Why};
pub use choose::all_of;
pub use decided::{load as decisions, store as note_decisions, Decision};
pub use difference::{copied_from, difference, is_copy, original, real_place, Difference, Line, WHOLE_MAX};
pub use listing::{below, Changes, Entry, Kind};
pub(super) use listing::{forget_kept, hand_on, set_aside};
pub use picture::{check as check_picture, Picture, PICTURE_MAX};
pub use session::{Review, Several, Sink, Watch};
pub(super) use waiting::drop_unchanged;
pub use waiting::{waiting, Counted, Told, Waiting};

use super::layers::{self, Layer};
use super::real::Real;
use super::{list, Driver, Id};
use crate::error::{Error, LayerError, NotApplied};
use crate::plan::Plan;
use crate::profile::Changes as Fate;
use std::path::Path;
use terrarium_protocol::Bytes;

/// See [`super::Driver::gather`].
pub fn gather(real: &Real, id: &Id) -> Result<Option<Changes>, Error> {
    let all = layers::all(&real.places, real.caller);
    let Some(layer) = all.into_iter().find(|layer| layer.tag.uuid == id.uuid) else { return Ok(None) };
    let found = session::of_running(real, id)?;
    listing::store(&layer.folder, &found)?;
    Ok(Some(listing::load(&layer.folder, &layer.tag).unwrap_or(found)))
}

/// See [`super::Driver::outdated`].
pub fn outdated(real: &Real, plan: &Plan) -> Vec<Bytes> {
    let kept = real.places.layers(real.caller).join(layers::kept_id(&plan.name));
    let Some(layer) = Layer::load(&kept).filter(|_| plan.changes != Fate::Discard) else { return Vec::new() };
    let found = listing::load(&layer.folder, &layer.tag).unwrap_or_default();
    let all = found.all.into_iter().filter(|entry| entry.outdated);
    all.map(|entry| entry.change.path).collect()
}

/// See [`super::Driver::changes`].
pub fn of(real: &Real, layer: &Layer, watch: &Watch<'_>) -> Result<Changes, Error> {
    know_kept(real, layer);
    // What was told at the end of a run is known before its sandbox is gone.
    if let Some(known) = listing::load(&layer.folder, &layer.tag) {
        return Ok(known);
    }
    free(real, layer)?;
    let mut review = review(real, layer)?;
    let found = review.list(watch)?;
    listing::store(&layer.folder, &found)?;
    Ok(listing::load(&layer.folder, &layer.tag).unwrap_or(found))
}

/// Nobody was told what was kept that a run went on from, as that one crashed:
/// it is looked at now, as long as it is there.
fn know_kept(real: &Real, layer: &Layer) {
    if !listing::lacks_kept(layer) {
        return;
    }
    let origin = || {
        let in_use = |id: &Path| list::has_layer(real, id);
        let ready = layers::origin(&real.places, real.caller, layer, in_use).ok()??;
        // Its own sandbox takes it.
        Some(ready.layer.clone())
    };
    let looked = origin().and_then(|kept| of(real, &kept, &|_| true).ok());
    if let Some(kept) = looked.and_then(|_| origin()) {
        listing::know_kept(&kept, &layer.folder);
    }
}

/// See [`super::Driver::review`].
pub fn review(real: &Real, layer: &Layer) -> Result<Box<dyn Review>, Error> {
    Ok(Box::new(session::begin(real, layer, None)?))
}

/// See [`super::Driver::restorer`].
pub fn restorer(real: &Real, layer: &Layer) -> Result<Box<dyn Review>, Error> {
    let in_use = |id: &Path| list::has_layer(real, id);
    let origin = layers::origin(&real.places, real.caller, layer, in_use)?;
    let origin = origin.ok_or_else(|| Error::Layer(LayerError::Kept { name: layer.tag.name.clone() }))?;
    Ok(Box::new(session::begin(real, layer, Some(origin))?))
}

/// Takes these out of a layer, and what was moved there back, so that all is
/// as it was before the run. `open`: a review of it, if there is one. One that
/// cannot do this is ended, and there is none then.
///
/// # Errors
/// What an earlier run has kept there is needed and is not kept any more; or
/// as [`Review::forget`].
pub fn take_out(
    driver: &dyn Driver,
    layer: &Layer,
    found: &Changes,
    paths: &[Bytes],
    open: &mut Option<Box<dyn Review>>,
) -> Result<(), Error> {
    if let Some(kept) = choose::kept_earlier(found, paths) {
        // Two kernels must not have one disk.
        drop(open.take());
        let mut review = driver.restorer(layer).map_err(|error| match error {
            Error::Layer(LayerError::Kept { .. }) => {
                Error::Layer(LayerError::KeptEarlier { path: kept.change.path.0.clone() })
            }
            other => other,
        })?;
        return review.forget(paths);
    }
    let mut review = open.take().map_or_else(|| driver.review(layer), Ok)?;
    let done = review.forget(paths);
    *open = Some(review);
    done
}

/// See [`super::Driver::keep`].
pub fn keep(real: &Real, layer: &Layer) -> Result<(), Error> {
    free(real, layer)?;
    let _held = layers::lock(&layer.folder)?;
    layers::keep(&real.places.layers(real.caller), layer, |id: &Path| list::has_layer(real, id))
}

/// See [`super::Driver::keep_only`].
pub fn keep_only(real: &Real, layer: &Layer, paths: &[Bytes]) -> Result<(), Error> {
    let found = of(real, layer, &|_| true)?;
    if found.totals.partial {
        return Err(Error::Layer(LayerError::Partial));
    }
    let is_there = |path: &&Bytes| found.find(path.as_slice()).is_some();
    if let Some(missing) = paths.iter().find(|path| !is_there(path)) {
        let (path, why) = (missing.0.clone(), NotApplied::Unchanged);
        return Err(Error::Layer(LayerError::NotApplied { path, why }));
    }
    let rest = choose::all_but(&found, paths);
    if !rest.is_empty() {
        let mut open = None;
        take_out(real, layer, &found, &rest, &mut open)?;
        let mut review = open.map_or_else(|| review(real, layer), Ok)?;
        let left = review.list(&|_| true)?;
        listing::store(&layer.folder, &left)?;
    }
    keep(real, layer)
}

/// See [`super::Driver::discard`].
pub fn discard(real: &Real, layer: &Layer) -> Result<(), Error> {
    free(real, layer)?;
    let _held = layers::lock(&layer.folder)?;
    layers::remove(&layer.folder)
}

/// Fails if a sandbox has the layer.
fn free(real: &Real, layer: &Layer) -> Result<(), Error> {
    if list::has_layer(real, &layer.id())? {
        return Err(Error::Layer(LayerError::InUse { name: layer.tag.name.clone() }));
    }
    Ok(())
}
