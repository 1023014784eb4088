// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a plan shares of the host, looked at by the caller before a start.
//!
//! Every source is opened here as the caller and held open until the command
//! runs: its inode number is nobody else's as long. A container's init compares
//! it with what it mounts; what a machine's QEMU opened by its path is compared
//! by [`Held::check`].

mod images;
mod look;
mod mounts;
mod qcow2;
mod root;
pub mod stage;
mod written;

use super::list::Writer;
use super::loop_path::LoopPath;
use crate::error::Error;
use crate::plan::{judge, Export, Guarded, Plan, Problem, ProblemKind, ShareKind, ShareSource};
use crate::profile::{ImageFormat, Isolation};
pub use look::real;
use look::Seen;
use stage::Stage;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::orders::{HostSource, RootEntry, Share, Source};
use terrarium_protocol::Bytes;
pub use written::is_meant;
use written::Written;

/// Sources that are held open.
#[derive(Default)]
pub struct Held {
    sources: Vec<(String, Seen)>,
    images: Vec<images::HeldImage>,
    /// As long as libvirt may open them so.
    opened: Vec<LoopPath>,
}

impl Held {
    /// The images of `plan` by the paths that libvirt gets; `directory`: of the
    /// sandbox. A machine's QEMU takes paths of any length.
    ///
    /// # Errors
    /// See [`LoopPath::of`].
    pub fn image_paths(&mut self, plan: &Plan, directory: &Path) -> Result<Vec<PathBuf>, Error> {
        let mut paths = Vec::new();
        for image in &plan.images {
            if plan.isolation == Isolation::Machine || image.format == Some(ImageFormat::Qcow2) {
                paths.push(image.path.clone());
            } else {
                let short = LoopPath::of(&image.path, directory, &image.name)?;
                paths.push(short.path.clone());
                self.opened.push(short);
            }
        }
        Ok(paths)
    }

    /// After a machine was made: whether every path still leads to the same.
    ///
    /// # Errors
    /// One does not.
    pub fn check(&self) -> Result<(), Error> {
        let is_other = |(_, seen): &&(String, Seen)| !seen.is_still_there();
        self.images.iter().try_for_each(images::HeldImage::check)?;
        match self.sources.iter().find(is_other) {
            None => Ok(()),
            Some((field, seen)) => {
                Err(one_problem(field, ProblemKind::SourceChanged { path: seen.path.clone() }))
            }
        }
    }
}

fn one_problem(field: &str, what: ProblemKind) -> Error {
    Error::Problems(vec![Problem { field: field.to_owned(), what }])
}

/// Looks at all sources of `plan` and writes into it what there is to know of
/// them. `uuid`: of the sandbox.
///
/// # Errors
/// One cannot be shared.
pub fn settle(plan: &mut Plan, uuid: &str) -> Result<Held, Error> {
    let mut held = Held::default();
    let mut stage = Stage::new(plan, uuid);
    let guarded = look::real(&plan.guarded);
    let written = Written::read(plan);
    let mut files = Vec::new();
    held.sources = root::settle(plan, &guarded, &written, &mut stage)?;
    for source in plan.sources.clone() {
        if source.kind == ShareKind::KeptHome {
            look::make_home(plan, &source.path)?;
        }
        let problem = |what| one_problem(&source.field, what);
        let seen = Seen::open(&source, plan.caller == 0).map_err(problem)?;
        if source.kind != ShareKind::KeptHome {
            written.check(&source.path, &seen.path).map_err(problem)?;
        }
        if !seen.is_folder {
            files.push(source.share);
        }
        settle_one(plan, &source, &seen, &guarded, &mut stage)?;
        held.sources.push((source.field.clone(), seen));
    }
    held.images = images::settle(plan, &guarded, &written)?;
    none_in_files(plan, &files)?;
    places(plan)?;
    written.add(plan)?;
    Ok(held)
}

fn settle_one(
    plan: &mut Plan,
    source: &ShareSource,
    seen: &Seen,
    guarded: &[Guarded],
    stage: &mut Stage,
) -> Result<(), Error> {
    let problem = |what| one_problem(&source.field, what);
    let hidden = match source.kind {
        ShareKind::KeptHome => Vec::new(),
        _ => judge(&seen.path, source.writable, guarded).map_err(problem)?,
    };
    let is_machine = plan.isolation == Isolation::Machine;
    let shown = source.kind == ShareKind::Shown;
    if let Some(first) = hidden.first().filter(|_| shown && is_machine && plan.orders.user.privileged) {
        let (path, holds) = (seen.path.clone(), seen.path.join(first));
        return Err(problem(ProblemKind::HiddenFromRoot { path, holds }));
    }
    let staged = match source.kind {
        ShareKind::Copied => Some(stage.copy(seen, &hidden).map_err(|fault| fault.of(&source.field))?),
        _ if is_machine && !seen.is_folder => {
            Some(stage.link(seen, source.writable).map_err(|fault| fault.of(&source.field))?)
        }
        _ => None,
    };
    let share = &mut plan.orders.shares[source.share];
    let tag = tell(share, seen, staged.as_ref(), &hidden, shown);
    let exported = staged.map_or_else(|| seen.path.clone(), |staged| staged.folder);
    if is_machine && (exported.to_str().is_none_or(|text| text.contains(char::is_control))) {
        return Err(problem(ProblemKind::NotText { path: exported }));
    }
    found(plan, source.share, tag.as_deref(), &exported, &seen.path);
    Ok(())
}

/// Writes into the plan where a source really is.
fn found(plan: &mut Plan, share: usize, tag: Option<&str>, exported: &Path, real: &Path) {
    let exports = plan.machine.iter_mut().flat_map(|machine| &mut machine.exports);
    let is_it = |export: &&mut Export| tag == Some(export.tag.as_str());
    exports.filter(is_it).for_each(|export| export.path = exported.to_owned());
    let sources = plan.sources.iter_mut().filter(|one| one.share == share);
    sources.for_each(|one| one.path = real.to_owned());
}

/// Writes into the orders what was seen; the tag of its device.
fn tell(
    share: &mut Share,
    seen: &Seen,
    staged: Option<&stage::Staged>,
    hidden: &[PathBuf],
    shown: bool,
) -> Option<String> {
    let target = path_of(&share.target);
    if shown {
        share.masks.extend(hidden.iter().map(|one| bytes(&target.join(one))));
        share.masks.sort();
        share.masks.dedup();
    }
    let Source::Host(host) = &mut share.source else { return None };
    let container_copy = staged.filter(|_| host.tag.is_none());
    let (path, device, inode) = match container_copy {
        Some(staged) => (staged.folder.join(&staged.name), staged.device, staged.inode),
        None => (seen.path.clone(), seen.device, seen.inode),
    };
    let name = staged.map_or(Path::new(""), |staged| &staged.name);
    let is_named = !seen.is_folder || host.copied;
    *host = HostSource {
        path: bytes(&path),
        device,
        inode,
        file: is_named.then(|| bytes(name)),
        tag: host.tag.clone(),
        copied: host.copied,
        mounted: seen.mounted.iter().map(|point| bytes(point)).collect(),
    };
    host.tag.clone()
}

/// What a share came from.
fn field(plan: &Plan, share: usize) -> &str {
    plan.fields.get(share).map_or("files.mounts", String::as_str)
}

/// Nothing can be shown in what is a file. `files`: the shares that are.
fn none_in_files(plan: &Plan, files: &[usize]) -> Result<(), Error> {
    let shares = &plan.orders.shares;
    for (index, inner) in shares.iter().enumerate() {
        let path = path_of(&inner.target);
        let outer = shares[..index].iter().rposition(|one| path.starts_with(path_of(&one.target)));
        let Some(outer) = outer.filter(|outer| files.contains(outer)) else { continue };
        let file = path_of(&shares[outer].target);
        if path != file {
            return Err(one_problem(field(plan, index), ProblemKind::PlaceInFile { path, file }));
        }
    }
    Ok(())
}

/// A place in a share that may be written has to be there already.
fn places(plan: &Plan) -> Result<(), Error> {
    let shares = &plan.orders.shares;
    for (index, inner) in shares.iter().enumerate() {
        let target = path_of(&inner.target);
        let outer = shares[..index].iter().rfind(|one| target.starts_with(path_of(&one.target)));
        let Some(outer) = outer.filter(|outer| outer.writable) else { continue };
        let Source::Host(host) = &outer.source else { continue };
        let (top, share) = (path_of(&outer.target), path_of(&host.path));
        let Ok(rest) = target.strip_prefix(&top) else { continue };
        if !rest.as_os_str().is_empty() && share.join(rest).symlink_metadata().is_err() {
            return Err(one_problem(field(plan, index), ProblemKind::NoPlace { path: target, share }));
        }
    }
    Ok(())
}

fn root_sources(plan: &Plan) -> Vec<PathBuf> {
    let source = |entry: &RootEntry| match entry {
        RootEntry::Show { source: Some(source), .. } => Some(path_of(&source.path)),
        _ => None,
    };
    plan.orders.root.iter().filter_map(source).collect()
}

/// Fails if a sandbox that runs may exchange a source for another, or has an
/// image.
///
/// # Errors
/// One may, or has.
pub fn none_in(plan: &Plan, held: &Held, writers: &[Writer]) -> Result<(), Error> {
    images::none_in_use(plan, &held.images, writers)?;
    let sources = plan.sources.iter().map(|source| (&source.field, &source.path));
    let images = plan.images.iter().map(|image| (&image.field, &image.path));
    let of_root = root_sources(plan);
    let root = "files.root".to_owned();
    let of_root = of_root.iter().map(|path| (&root, path));
    for (field, path) in sources.chain(images).chain(of_root) {
        let is_above = |folder: &PathBuf| path.starts_with(folder) && path != folder;
        if let Some(writer) = writers.iter().find(|writer| writer.writable.iter().any(is_above)) {
            let (path, sandbox) = (path.clone(), writer.name.clone());
            return Err(one_problem(field, ProblemKind::SourceInSandbox { path, sandbox }));
        }
    }
    Ok(())
}

fn path_of(bytes: &Bytes) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes.as_slice()))
}

fn bytes(path: &Path) -> Bytes {
    Bytes::from(path.as_os_str().as_bytes())
}
