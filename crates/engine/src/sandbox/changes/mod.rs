// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox has written: looked at, applied, kept, thrown away.
//!
//! | module | what |
//! |---|---|
//! | [`listing`] | what changed, as init told it, and kept with the layer |
//! | [`session`] | a sandbox in which nothing runs, that hands out contents |
//! | [`difference`] | a text against the host's |
//! | [`apply`] | puts something to its real place, or elsewhere |
//! | [`trash`] | where the old one goes |
//!
//! All that comes out of a sandbox is hostile. It is bounded and checked, and
//! nothing here opens anything of the host by a path that came with it but
//! through [`apply`], which follows no link.

mod apply;
mod difference;
mod listing;
mod session;
mod trash;

pub use apply::{apply, Applied, Apply};
pub use difference::{difference, real_place, Difference, Line, WHOLE_MAX};
pub use listing::{Changes, Entry, Kind};
pub use session::Review;

use super::layers::{self, Layer};
use super::real::Real;
use super::{list, Id};
use crate::error::{Error, FileAction, LayerError};
use crate::profile::Changes as Fate;
use std::fs;

/// See [`super::Driver::gather`].
pub fn gather(real: &Real, id: &Id) -> Result<(), Error> {
    let all = layers::all(&real.places, real.caller);
    let Some(layer) = all.into_iter().find(|layer| layer.tag.uuid == id.uuid) else { return Ok(()) };
    let found = session::of_running(real, id)?;
    listing::store(&layer.folder, &found)
}

/// See [`super::Driver::changes`].
pub fn of(real: &Real, layer: &Layer) -> Result<Changes, Error> {
    free(real, layer)?;
    if let Some(known) = listing::load(&layer.folder, &layer.tag) {
        return Ok(known);
    }
    let mut review = review(real, layer)?;
    let found = review.list()?;
    listing::store(&layer.folder, &found)?;
    Ok(listing::load(&layer.folder, &layer.tag).unwrap_or(found))
}

/// See [`super::Driver::review`].
pub fn review(real: &Real, layer: &Layer) -> Result<Box<dyn Review>, Error> {
    Ok(Box::new(session::begin(real, layer)?))
}

/// See [`super::Driver::keep`].
pub fn keep(real: &Real, layer: &Layer) -> Result<(), Error> {
    free(real, layer)?;
    let _held = layers::lock(&layer.folder)?;
    let kept = real.places.layers(real.caller).join(layers::kept_id(&layer.tag.name));
    let mut layer = layer.clone();
    if layer.folder != kept {
        if kept.join("tag").exists() {
            return Err(Error::Layer(LayerError::Kept { name: layer.tag.name }));
        }
        let _ = fs::remove_dir_all(&kept);
        fs::rename(&layer.folder, &kept).map_err(super::directory::fault(FileAction::Create, &kept))?;
        layer.folder = kept;
    }
    layer.tag.changes = Fate::Keep;
    layer.save()
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
