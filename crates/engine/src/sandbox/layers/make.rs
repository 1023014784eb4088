// SPDX-License-Identifier: LGPL-2.1-or-later
//! Makes a layer ready for a run: a fresh one, the one that was kept, or a copy
//! of that.

use super::super::changes::{hand_on, set_aside};
use super::super::directory::fault;
use super::super::loop_path::LoopPath;
use super::{claim, copy, image, lock, remove, wait_until_free, Layer, Lock, Tag, KEPT};
use crate::error::{Error, FileAction, LayerError};
use crate::places::Places;
use crate::plan::{Plan, ShareKind, ShareSource};
use crate::profile::Changes;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{chown, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

/// A file of 8 KiB on average: there is an inode for each.
const OPTIONS: &[&str] = &["-q", "-F", "-t", "ext4", "-b", "4096", "-i", "8192", "-m", "0"];
/// Bytes of paths of copies that are written down.
const COPIES_MAX: usize = 16 * 1024;
/// Its tables are written when they are needed: making it takes milliseconds,
/// and little of the disk.
const EXTENDED: &str = "root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1,nodiscard";

/// A layer that is locked for a start. A fresh one goes when this is dropped,
/// unless the start succeeded.
pub struct Ready {
    /// What it is.
    pub layer: Layer,
    fresh: bool,
    /// Somebody looks at it before it goes.
    lingers: bool,
    /// Open while libvirt may look for it here.
    opened: Option<LoopPath>,
    _lock: Lock,
}

impl Ready {
    /// Its image.
    pub fn image(&self) -> PathBuf {
        image(&self.layer.folder)
    }

    /// A path of the image that libvirt's containers take. `name`: of a link in
    /// the sandbox's directory.
    ///
    /// # Errors
    /// See [`LoopPath::of`].
    pub fn short_path(&mut self, directory: &Path, name: &str) -> Result<PathBuf, Error> {
        let short = LoopPath::of(&self.image(), directory, name)?;
        Ok(self.opened.insert(short).path.clone())
    }

    /// The sandbox has it open. One that is to leave nothing has no name any
    /// more from now on, so that it cannot be left.
    pub fn keep(mut self) {
        self.fresh &= self.layer.tag.changes == Changes::Discard && !self.lingers;
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if self.fresh {
            let _ = remove(&self.layer.folder);
        }
    }
}

/// A layer of one run that is being made while other things are done.
pub struct Making(Option<JoinHandle<Result<Ready, Error>>>);

impl Making {
    /// Begins, if this plan needs a fresh one. `uuid`: of the sandbox.
    pub fn begin(plan: &Plan, uuid: &str) -> Self {
        if !matches!(beginning(plan), Beginning::Fresh) {
            return Self(None);
        }
        let (plan, uuid) = (plan.clone(), uuid.to_owned());
        Self(Some(std::thread::spawn(move || fresh(&plan, &uuid, &uuid))))
    }

    fn finish(&mut self) -> Option<Result<Ready, Error>> {
        self.0.take().and_then(|thread| thread.join().ok())
    }
}

impl Drop for Making {
    /// Nothing half made may outlive this.
    fn drop(&mut self) {
        self.finish();
    }
}

/// What a plan's layer begins as.
enum Beginning {
    Fresh,
    /// What is kept in this folder, if there is anything.
    Kept(String),
    /// A copy of it: what the run changes may be thrown away.
    Copy(String),
}

fn beginning(plan: &Plan) -> Beginning {
    let kept = kept_id(&plan.name);
    let is_there = || plan.places.layers(plan.caller).join(&kept).join("tag").exists();
    match plan.changes {
        Changes::Keep => Beginning::Kept(kept),
        // A run that is to be looked at goes on from what was kept, too.
        Changes::Review if is_there() => Beginning::Copy(kept),
        Changes::Review | Changes::Discard => Beginning::Fresh,
    }
}

/// The folder of this name, locked.
fn folder(plan: &Plan, id: &str) -> Result<(PathBuf, Lock), Error> {
    claim(&plan.places.layers(plan.caller), id, if plan.caller == 0 { 0o711 } else { 0o700 })
}

fn tag(plan: &Plan, uuid: &str) -> Tag {
    Tag {
        name: plan.name.clone(),
        uuid: uuid.to_owned(),
        isolation: plan.isolation,
        changes: plan.changes,
        size: plan.writable,
        started: 0,
        command: crate::xml::command_line(plan),
        colour: plan.colour,
        icon: plan.profile.icon,
        root: plan.profile.files.root.clone(),
        from: None,
        copies: copies(plan),
        written: written(plan),
    }
}

/// What is copied into it, as long as that leaves a tag short; with whole
/// paths, as changes have them.
fn copies(plan: &Plan) -> Vec<(PathBuf, PathBuf)> {
    let pair = |one: &ShareSource| {
        let target = plan.orders.shares.get(one.share)?.target.as_slice();
        Some((one.path.clone(), PathBuf::from(OsStr::from_bytes(target))))
    };
    let copied = plan.sources.iter().filter(|one| one.kind == ShareKind::Copied);
    let mut left = COPIES_MAX;
    let fits = |(source, target): &(PathBuf, PathBuf)| {
        let length = source.as_os_str().len() + target.as_os_str().len();
        // What is no text has no place in JSON.
        let is_text = source.to_str().is_some() && target.to_str().is_some();
        let fits = is_text && left >= length;
        left -= if fits { length } else { 0 };
        fits
    };
    copied.filter_map(pair).filter(fits).collect()
}

/// What it may write in place, as long as that leaves a tag short, too.
fn written(plan: &Plan) -> Vec<PathBuf> {
    let mut left = COPIES_MAX;
    let fits = |path: &PathBuf| {
        let fits = path.to_str().is_some_and(|path| left >= path.len());
        left -= if fits { path.as_os_str().len() } else { 0 };
        fits
    };
    crate::reach::written(plan).into_iter().filter(fits).collect()
}

/// A fresh one, without its tag on the disk: what has none is half made.
fn fresh(plan: &Plan, id: &str, uuid: &str) -> Result<Ready, Error> {
    made((plan, uuid), folder(plan, id)?)
}

fn made((plan, uuid): (&Plan, &str), (folder, held): (PathBuf, Lock)) -> Result<Ready, Error> {
    let layer = Layer { folder, tag: tag(plan, uuid) };
    let ready = Ready { layer, fresh: true, lingers: plan.lingers, opened: None, _lock: held };
    make(plan, &ready.image())?;
    Ok(ready)
}

/// The layer for a run of this plan. `making`: begun for it. `is_in_use`:
/// whether a sandbox that runs has the layer of this name. `watch`: see
/// [`copy::sparse`].
///
/// # Errors
/// It is in use, was written by the other isolation, or cannot be made.
pub fn ready(
    plan: &Plan,
    (uuid, started): (&str, u64),
    making: Option<Making>,
    is_in_use: impl FnOnce(&Path) -> Result<bool, Error>,
    watch: &dyn Fn(u64, u64) -> bool,
) -> Result<Ready, Error> {
    let made = making.and_then(|mut making| making.finish());
    let mut ready = match (beginning(plan), made) {
        (Beginning::Kept(id), _) => kept(plan, &id, uuid, is_in_use)?,
        (Beginning::Copy(id), made) => {
            // It has the name of the copy.
            drop(made);
            copied(plan, &id, uuid, is_in_use, watch)?
        }
        (Beginning::Fresh, Some(made)) => made?,
        (Beginning::Fresh, None) => fresh(plan, uuid, uuid)?,
    };
    // By now it has its name.
    let (size, from) = (ready.layer.tag.size, ready.layer.tag.from.take());
    ready.layer.tag = Tag { size, from, started, ..tag(plan, uuid) };
    ready.layer.save()?;
    Ok(ready)
}

/// The one that was kept, or the first that will be.
fn kept(
    plan: &Plan,
    id: &str,
    uuid: &str,
    is_in_use: impl FnOnce(&Path) -> Result<bool, Error>,
) -> Result<Ready, Error> {
    let (folder, held) = folder(plan, id)?;
    let Some(layer) = usable(plan, &folder, is_in_use)? else { return made((plan, uuid), (folder, held)) };
    // What it held is not what it will hold.
    set_aside(&folder);
    Ok(Ready { layer, fresh: false, lingers: false, opened: None, _lock: held })
}

/// A copy of the one that was kept. That one stays as it is.
fn copied(
    plan: &Plan,
    id: &str,
    uuid: &str,
    is_in_use: impl FnOnce(&Path) -> Result<bool, Error>,
    watch: &dyn Fn(u64, u64) -> bool,
) -> Result<Ready, Error> {
    // Nobody goes on from it while it is read.
    let (old, _held) = folder(plan, id)?;
    let Some(old) = usable(plan, &old, is_in_use)? else { return fresh(plan, uuid, uuid) };
    let (folder, held) = folder(plan, uuid)?;
    let tag = Tag { size: old.tag.size, from: Some(old.mark()), ..tag(plan, uuid) };
    let layer = Layer { folder, tag };
    let ready = Ready { layer, fresh: true, lingers: false, opened: None, _lock: held };
    let path = ready.image();
    copy::sparse(&image(&old.folder), &path, watch).map_err(|error| match copy::is_cancelled(&error) {
        true => Error::Cancelled,
        false => fault(FileAction::Create, &path)(error),
    })?;
    give(plan, &path)?;
    hand_on(&old, &ready.layer.folder)?;
    Ok(ready)
}

/// What is kept in a folder that is locked, if anything is.
fn usable(
    plan: &Plan,
    folder: &Path,
    is_in_use: impl FnOnce(&Path) -> Result<bool, Error>,
) -> Result<Option<Layer>, Error> {
    let Some(layer) = Layer::load(folder) else { return Ok(None) };
    if is_in_use(&layer.id())? {
        return Err(Error::Layer(LayerError::InUse { name: plan.name.clone() }));
    }
    if layer.tag.isolation != plan.isolation {
        let (name, isolation) = (plan.name.clone(), layer.tag.isolation);
        return Err(Error::Layer(LayerError::OfOther { name, isolation }));
    }
    wait_until_free(folder, &plan.name)?;
    Ok(Some(layer))
}

/// A layer to be looked at.
///
/// # Errors
/// It is in use.
pub fn existing(layer: &Layer, is_in_use: impl FnOnce(&Path) -> Result<bool, Error>) -> Result<Ready, Error> {
    let held = lock(&layer.folder)?;
    if is_in_use(&layer.id())? {
        return Err(Error::Layer(LayerError::InUse { name: layer.tag.name.clone() }));
    }
    wait_until_free(&layer.folder, &layer.tag.name)?;
    Ok(Ready { layer: layer.clone(), fresh: false, lingers: false, opened: None, _lock: held })
}

/// What a layer began as a copy of, if that is what is still kept. It is locked
/// as long as this is there.
///
/// # Errors
/// It is in use.
pub fn origin(
    places: &Places,
    caller: u32,
    layer: &Layer,
    is_in_use: impl FnOnce(&Path) -> Result<bool, Error>,
) -> Result<Option<Ready>, Error> {
    let kept = places.layers(caller).join(kept_id(&layer.tag.name));
    let is_it =
        |kept: &Layer| layer.tag.from == Some(kept.mark()) && kept.tag.isolation == layer.tag.isolation;
    let load = || Layer::load(&kept).filter(is_it);
    let Some(found) = load() else { return Ok(None) };
    let ready = existing(&found, is_in_use)?;
    // Until it was locked another could take its place.
    Ok(load().map(|_| ready))
}

/// The folder of what is kept under a name.
pub fn kept_id(name: &str) -> String {
    format!("{KEPT}{}", crate::plan::folder_name(name))
}

fn make(plan: &Plan, path: &Path) -> Result<(), Error> {
    let failed = || fault(FileAction::Create, path);
    let _ = fs::remove_file(path);
    let file = File::options().write(true).create_new(true).mode(0o600).open(path).map_err(failed())?;
    file.set_len(plan.writable).map_err(failed())?;
    // What nobody goes on from needs no journal.
    let mut command = Command::new(&plan.mke2fs);
    if plan.changes == Changes::Discard && !plan.lingers {
        command.args(["-O", "^has_journal"]);
    }
    command.args(OPTIONS).args(["-E", EXTENDED]).arg(path);
    // Ctrl+C is not for it: it takes milliseconds, and is waited for.
    command.env_clear().process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let done = command.output().map_err(fault(FileAction::Run, &plan.mke2fs))?;
    if !done.status.success() {
        let words = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        return Err(Error::Layer(LayerError::NotMade { words }));
    }
    give(plan, path)
}

/// Root's machines run as somebody else. A container's image stays root's: this
/// computer's kernel reads it, and nobody else may write it.
fn give(plan: &Plan, path: &Path) -> Result<(), Error> {
    let user = &plan.orders.user;
    if plan.caller == 0 && plan.machine.is_some() {
        chown(path, Some(user.uid), Some(user.gid)).map_err(fault(FileAction::Create, path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::copies;
    use crate::plan::plan;
    use crate::profile::{Include, Isolation, Profile};
    use crate::xml::tests::host;

    #[test]
    fn copies_are_known_by_their_whole_paths() {
        let mut profile = Profile::new("x", vec!["true".into()]);
        profile.isolation = Some(Isolation::Container);
        let include = |source: &str, target: &str| Include { source: source.into(), target: target.into() };
        profile.files.include = vec![include("~/a.txt", "~/b/a.txt"), include("work/x", "/tmp/x")];
        let plan = plan(&profile, &host()).plan.unwrap();
        let all = copies(&plan);
        let all: Vec<_> =
            all.iter().map(|(from, to)| (from.to_str().unwrap(), to.to_str().unwrap())).collect();
        assert_eq!(all, [("/home/ada/a.txt", "/home/ada/b/a.txt"), ("/home/ada/work/x", "/tmp/x")]);
    }
}
