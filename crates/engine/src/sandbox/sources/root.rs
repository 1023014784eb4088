// SPDX-License-Identifier: LGPL-2.1-or-later
//! Another root than this computer's: the same names of a folder, each looked
//! at as the caller and compared like every source.

use super::look::Seen;
use super::stage::{Stage, Staged};
use super::written::Written;
use super::{bytes, one_problem, path_of};
use crate::error::Error;
use crate::host::{root_entries, RootEntry};
use crate::plan::{judge, Export, Guarded, Plan, ProblemKind, ShareKind, ShareSource};
use crate::profile::Isolation;
use nix::fcntl::{openat2, OFlag, OpenHow, ResolveFlag};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use terrarium_protocol::orders::{self, HostSource, Share, Source};
use terrarium_protocol::Bytes;

const FIELD: &str = "files.root";
/// Largest list of users or groups that is read, in bytes.
const LIST_MAX: u64 = 1 << 20;

/// Looks at the folder of `plan`, if it has one, and writes into the plan what
/// is shown of it.
///
/// # Errors
/// It cannot be shown.
pub fn settle(
    plan: &mut Plan,
    guarded: &[Guarded],
    written: &Written,
    stage: &mut Stage,
) -> Result<Vec<(String, Seen)>, Error> {
    let Some(path) = plan.root.clone() else { return Ok(Vec::new()) };
    let problem = |what| one_problem(FIELD, what);
    let any = plan.caller == 0;
    let top = Seen::open(&source(&path), any).map_err(problem)?;
    written.check(&path, &top.path).map_err(problem)?;
    let entries = root_entries(&top.path);
    let has = |name: &str| entries.iter().any(|entry| entry.path() == Path::new(name));
    if !top.is_folder || !has("/usr") && !has("/bin") {
        return Err(problem(ProblemKind::NoSystem { path: top.path }));
    }
    plan.root = Some(top.path.clone());
    let mut held = Vec::new();
    for entry in entries {
        match entry {
            RootEntry::Link { path, target } => {
                plan.orders.root.push(orders::RootEntry::Link { path: bytes(&path), target: bytes(&target) });
            }
            RootEntry::Directory { path } => held.extend(directory(plan, &top, &path, guarded)?),
        }
    }
    // Root has a name everywhere.
    if !plan.orders.user.privileged {
        user(plan, &top, stage)?;
    }
    held.push((FIELD.to_owned(), top));
    Ok(held)
}

fn source(path: &Path) -> ShareSource {
    ShareSource {
        field: FIELD.into(),
        share: 0,
        path: path.to_owned(),
        writable: false,
        kind: ShareKind::Shown,
    }
}

/// One directory of it, unless a link on the way leads elsewhere.
fn directory(
    plan: &mut Plan,
    top: &Seen,
    path: &Path,
    guarded: &[Guarded],
) -> Result<Option<(String, Seen)>, Error> {
    let problem = |what| one_problem(FIELD, what);
    let there = top.path.join(path.strip_prefix("/").unwrap_or(path));
    let seen = Seen::open(&source(&there), plan.caller == 0).map_err(problem)?;
    if seen.path != there {
        return Ok(None);
    }
    hide(plan, path, &there, guarded).map_err(problem)?;
    let tag = plan.machine.as_mut().map(|machine| {
        let tag = format!("root{}", machine.exports.len());
        machine.exports.push(Export { path: there.clone(), tag: tag.clone(), writable: false });
        tag
    });
    let mounted = seen.mounted.iter().map(|point| bytes(point)).collect();
    let source = HostSource {
        path: bytes(&there),
        device: seen.device,
        inode: seen.inode,
        mounted,
        ..HostSource::default()
    };
    plan.orders.root.push(orders::RootEntry::Show { path: bytes(path), tag, source: Some(source) });
    Ok(Some((FIELD.to_owned(), seen)))
}

/// Hides what is secret there; fails if that cannot be.
fn hide(plan: &mut Plan, path: &Path, there: &Path, guarded: &[Guarded]) -> Result<(), ProblemKind> {
    let hidden = judge(there, false, guarded)?;
    let is_machine = plan.isolation == Isolation::Machine;
    if let Some(first) = hidden.first().filter(|_| is_machine && plan.orders.user.privileged) {
        return Err(ProblemKind::HiddenFromRoot { path: there.to_owned(), holds: there.join(first) });
    }
    if is_machine && there.to_str().is_none_or(|text| text.contains(char::is_control)) {
        return Err(ProblemKind::NotText { path: there.to_owned() });
    }
    plan.orders.masks.extend(hidden.iter().map(|one| bytes(&path.join(one))));
    Ok(())
}

/// The user has a name there, too, and a shell that is there.
fn user(plan: &mut Plan, top: &Seen, stage: &mut Stage) -> Result<(), Error> {
    let user = plan.orders.user.clone();
    let shell = shell(plan, top);
    let name = plan.user_name.clone();
    let passwd = format!("{name}:x:{}:{}::{}:{shell}\n", user.uid, user.gid, user.home);
    let group = format!("{name}:x:{}:\n", user.gid);
    for (file, id, line) in [("etc/passwd", user.uid, passwd), ("etc/group", user.gid, group)] {
        let list = read(top, file);
        let has = list.split(|&byte| byte == b'\n').any(|line| id_of(line) == Some(id));
        let target = Path::new("/").join(file);
        let is_covered = plan.orders.shares.iter().any(|share| target.starts_with(path_of(&share.target)));
        if has || is_covered || line.matches(':').count() > 6 {
            continue;
        }
        let gap = if list.is_empty() || list.ends_with(b"\n") { "" } else { "\n" };
        let content = [&list, gap.as_bytes(), line.as_bytes()].concat();
        let staged = stage.write(&content).map_err(|fault| fault.of(FIELD))?;
        show(plan, &target, &staged);
    }
    Ok(())
}

/// The user's shell, or what every system has.
fn shell(plan: &mut Plan, top: &Seen) -> String {
    let environment = &mut plan.orders.command.environment;
    let Some((_, shell)) = environment.iter_mut().find(|(name, _)| name.as_slice() == b"SHELL") else {
        return "/bin/sh".into();
    };
    let path = path_of(shell);
    if inside(top, &path).is_none() {
        *shell = Bytes::from("/bin/sh");
    }
    shell.to_string()
}

/// Opens what lies at a path inside the folder; links stay inside, too.
fn inside(top: &Seen, path: &Path) -> Option<File> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let file = File::from(openat2(&top.file, path, how).ok()?);
    file.metadata().is_ok_and(|found| found.is_file()).then_some(file)
}

fn read(top: &Seen, path: &str) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(file) = inside(top, Path::new(path)) {
        let _ = file.take(LIST_MAX).read_to_end(&mut text);
    }
    text
}

fn id_of(line: &[u8]) -> Option<u32> {
    std::str::from_utf8(line.split(|&byte| byte == b':').nth(2)?).ok()?.parse().ok()
}

/// A file that was made for this sandbox.
fn show(plan: &mut Plan, target: &Path, staged: &Staged) {
    let tag = plan.machine.as_mut().map(|machine| {
        let tag = format!("share{}", plan.orders.shares.len());
        machine.exports.push(Export { path: staged.folder.clone(), tag: tag.clone(), writable: false });
        tag
    });
    let source = HostSource {
        path: bytes(
            &fs::canonicalize(&staged.folder).unwrap_or_else(|_| staged.folder.clone()).join(&staged.name),
        ),
        device: staged.device,
        inode: staged.inode,
        tag,
        file: Some(bytes(&staged.name)),
        ..HostSource::default()
    };
    let source = Source::Host(source);
    plan.orders.shares.push(Share { target: bytes(target), source, writable: false, masks: Vec::new() });
}
