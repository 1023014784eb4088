// SPDX-License-Identifier: LGPL-2.1-or-later
//! Makes a layer ready for a run: a fresh one, or the one that was kept.

use super::super::directory::{fault, make_private};
use super::{image, lock, remove, wait_until_free, Layer, Lock, Tag};
use crate::error::{Error, FileAction, LayerError};
use crate::plan::Plan;
use crate::profile::Changes;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{chown, symlink, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file of 8 KiB on average: there is an inode for each.
const OPTIONS: &[&str] = &["-q", "-F", "-t", "ext4", "-b", "4096", "-i", "8192", "-m", "0"];
/// Its tables are written when they are needed: making it takes milliseconds,
/// and little of the disk.
const EXTENDED: &str = "root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1,nodiscard";

/// LO_NAME_SIZE of the kernel, with its NUL.
const LOOP_NAME: usize = 64;

/// A layer that is locked for a start. A fresh one goes when this is dropped,
/// unless the start succeeded.
pub struct Ready {
    /// What it is.
    pub layer: Layer,
    fresh: bool,
    /// Open while libvirt may look for it here.
    file: Option<File>,
    _lock: Lock,
}

impl Ready {
    /// Its image.
    pub fn image(&self) -> PathBuf {
        image(&self.layer.folder)
    }

    /// A path of the image that libvirt's containers take: they refuse one that
    /// does not fit into a loop device's name (libvirt 9.0).
    ///
    /// # Errors
    /// The link cannot be made.
    pub fn short_path(&mut self, directory: &Path) -> Result<PathBuf, Error> {
        let (image, link) = (self.image(), directory.join("layer"));
        if link.as_os_str().len() < LOOP_NAME {
            symlink(&image, &link).map_err(fault(FileAction::Create, &link))?;
            return Ok(link);
        }
        let file = File::open(&image).map_err(fault(FileAction::Read, &image))?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        self.file = Some(file);
        Ok(path.into())
    }

    /// The sandbox has it open. One that is to leave nothing has no name any
    /// more from now on, so that it cannot be left.
    pub fn keep(mut self) {
        self.fresh &= self.layer.tag.changes == Changes::Discard;
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if self.fresh {
            let _ = remove(&self.layer.folder);
        }
    }
}

/// The layer for a run of this plan. `is_in_use`: whether a sandbox that runs
/// has the layer of this name.
///
/// # Errors
/// It is in use, was written by the other isolation, or cannot be made.
pub fn ready(
    plan: &Plan,
    uuid: &str,
    started: u64,
    is_in_use: impl FnOnce(&Path) -> Result<bool, Error>,
) -> Result<Ready, Error> {
    let all = plan.places.layers(plan.caller);
    let mode = if plan.caller == 0 { 0o711 } else { 0o700 };
    make_private(all.parent().unwrap_or(&all), mode)?;
    make_private(&all, mode)?;
    let kept = kept_id(&plan.name);
    // A run that is to be looked at goes on from what was kept, too.
    let goes_on = match plan.changes {
        Changes::Discard => false,
        Changes::Keep => true,
        Changes::Review => all.join(&kept).join("tag").exists(),
    };
    let id = if goes_on { kept } else { uuid.to_owned() };
    let folder = all.join(&id);
    make_private(&folder, mode)?;
    let held = lock(&folder)?;
    let tag = Tag {
        name: plan.name.clone(),
        uuid: uuid.to_owned(),
        isolation: plan.isolation,
        changes: plan.changes,
        size: plan.writable,
        started,
        command: crate::xml::command_line(plan),
    };
    let mut layer = Layer { folder: folder.clone(), tag };
    if let Some(old) = Layer::load(&folder) {
        if is_in_use(Path::new(&id))? {
            return Err(Error::Layer(LayerError::InUse { name: plan.name.clone() }));
        }
        if old.tag.isolation != plan.isolation {
            let (name, isolation) = (plan.name.clone(), old.tag.isolation);
            return Err(Error::Layer(LayerError::OfOther { name, isolation }));
        }
        wait_until_free(&folder, &plan.name)?;
        layer.tag.size = old.tag.size;
        layer.save()?;
        return Ok(Ready { layer, fresh: false, file: None, _lock: held });
    }
    let ready = Ready { layer, fresh: true, file: None, _lock: held };
    make(plan, &ready.image())?;
    // Last: what has no tag is half made.
    ready.layer.save()?;
    Ok(ready)
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
    Ok(Ready { layer: layer.clone(), fresh: false, file: None, _lock: held })
}

/// The folder of what is kept under a name.
pub fn kept_id(name: &str) -> String {
    format!("keep-{}", crate::plan::slug(name))
}

fn make(plan: &Plan, path: &Path) -> Result<(), Error> {
    let failed = || fault(FileAction::Create, path);
    let _ = fs::remove_file(path);
    let file = File::options().write(true).create_new(true).mode(0o600).open(path).map_err(failed())?;
    file.set_len(plan.writable).map_err(failed())?;
    // What nobody goes on from needs no journal.
    let mut command = Command::new(&plan.mke2fs);
    if plan.changes == Changes::Discard {
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
    let user = &plan.orders.user;
    if plan.caller == 0 {
        chown(path, Some(user.uid), Some(user.gid)).map_err(failed())?;
    }
    Ok(())
}
