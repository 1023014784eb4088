// SPDX-License-Identifier: LGPL-2.1-or-later
//! A layer becomes the one that the next run goes on from. At every moment
//! either what was kept before is, or this one: they change places in one
//! step. Whoever is killed after that leaves what was kept before under the
//! name of a run, where the next sweep finds it.

use super::super::changes::forget_kept;
use super::super::directory::fault;
use super::{image, kept_id, lock, remove, Layer};
use crate::error::{Error, FileAction, LayerError};
use crate::profile::Changes;
use rustix::fs::{renameat_with, RenameFlags, CWD};
use std::fs::{self, File};
use std::path::Path;

/// Keeps a layer that is locked. `all`: the folder of all layers. `is_in_use`:
/// see [`super::ready`].
///
/// # Errors
/// What is kept is in use, or is another than the one that this began as.
pub fn keep(
    all: &Path,
    layer: &Layer,
    is_in_use: impl FnOnce(&Path) -> Result<bool, Error>,
) -> Result<(), Error> {
    let kept = all.join(kept_id(&layer.tag.name));
    let mut layer = layer.clone();
    if layer.folder != kept {
        take_place(&kept, &layer, is_in_use)?;
        layer.folder = kept;
    }
    (layer.tag.changes, layer.tag.from) = (Changes::Keep, None);
    layer.save()?;
    forget_kept(&layer.folder);
    Ok(())
}

fn take_place(
    kept: &Path,
    layer: &Layer,
    is_in_use: impl FnOnce(&Path) -> Result<bool, Error>,
) -> Result<(), Error> {
    let failed = || fault(FileAction::Create, kept);
    let _held = if kept.exists() { Some(lock(kept)?) } else { None };
    let name = || layer.tag.name.clone();
    // What was written must be there after a power cut, too.
    File::open(image(&layer.folder)).and_then(|file| file.sync_all()).map_err(failed())?;
    let Some(old) = Layer::load(kept) else {
        let _ = fs::remove_dir_all(kept);
        return fs::rename(&layer.folder, kept).map_err(failed());
    };
    if is_in_use(&old.id())? {
        return Err(Error::Layer(LayerError::InUse { name: name() }));
    }
    if layer.tag.from != Some(old.mark()) {
        return Err(Error::Layer(LayerError::Kept { name: name() }));
    }
    let exchanged = renameat_with(CWD, &layer.folder, CWD, kept, RenameFlags::EXCHANGE);
    exchanged.map_err(std::io::Error::from).map_err(failed())?;
    if let Some(all) = kept.parent() {
        File::open(all).and_then(|all| all.sync_all()).map_err(failed())?;
    }
    // What cannot be removed now is swept.
    let _ = remove(&layer.folder);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{layer, places};
    use super::super::{all, sweep};
    use super::*;

    fn free(_: &Path) -> Result<bool, Error> {
        Ok(false)
    }

    #[test]
    fn one_takes_the_place_of_what_it_began_as() {
        let top = tempfile::tempdir().unwrap();
        let places = places(top.path());
        let folder = places.layers(1000);
        let old = layer(&places, "keep-x", Changes::Keep);
        let mut new = layer(&places, "one", Changes::Review);
        fs::write(image(&new.folder), "new").unwrap();
        // It began as something else.
        let refused = keep(&folder, &new, free);
        assert!(matches!(refused, Err(Error::Layer(LayerError::Kept { .. }))));
        new.tag.from = Some(old.mark());
        let refused = keep(&folder, &new, |_| Ok(true));
        assert!(matches!(refused, Err(Error::Layer(LayerError::InUse { .. }))));
        let held = lock(&old.folder).unwrap();
        assert!(keep(&folder, &new, free).is_err());
        drop(held);
        assert_eq!(fs::read(image(&old.folder)).unwrap(), b"x");
        keep(&folder, &new, free).unwrap();
        assert_eq!(fs::read(image(&old.folder)).unwrap(), b"new");
        let [kept] = &all(&places, 1000)[..] else { panic!("one is left") };
        assert_eq!((kept.tag.uuid.as_str(), kept.tag.changes, &kept.tag.from), ("one", Changes::Keep, &None));
        // Another one that began as the old one has come too late.
        let mut late = layer(&places, "two", Changes::Review);
        late.tag.from = Some(old.mark());
        assert!(matches!(keep(&folder, &late, free), Err(Error::Layer(LayerError::Kept { .. }))));
        fs::remove_dir_all(&kept.folder).unwrap();
        keep(&folder, &late, free).unwrap();
        assert_eq!(all(&places, 1000)[0].tag.uuid, "two");
    }

    /// Whoever is killed between two steps: what was kept, or what is to be.
    #[test]
    fn who_is_killed_leaves_the_old_or_the_new() {
        let top = tempfile::tempdir().unwrap();
        let places = places(top.path());
        let old = layer(&places, "keep-x", Changes::Keep);
        let mut new = layer(&places, "one", Changes::Review);
        new.tag.from = Some(old.mark());
        new.save().unwrap();
        sweep(&places, 1000);
        assert_eq!(all(&places, 1000).len(), 2, "it has not begun");
        renameat_with(CWD, &new.folder, CWD, &old.folder, RenameFlags::EXCHANGE).unwrap();
        let kept = Layer::load(&old.folder).unwrap();
        assert_eq!((kept.tag.uuid.as_str(), kept.tag.changes), ("one", Changes::Keep));
        sweep(&places, 1000);
        assert!(!new.folder.exists() && kept.folder.exists(), "the old one is only left");
    }
}
