// SPDX-License-Identifier: LGPL-2.1-or-later
//! `DATA/written`: folders that sandboxes could write, ended by NUL. A link in
//! one of them may be a sandbox's own: followed for the next share, it would
//! give away what nobody meant.

use super::super::directory::{fault, make_private};
use crate::error::{Error, FileAction};
use crate::plan::{Plan, ProblemKind, ShareKind};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

const RECORD: &str = "written";
/// As many links as the kernel follows.
const LINKS: usize = 40;

/// The folders.
pub struct Written(Vec<PathBuf>);

impl Written {
    /// Those of all sandboxes so far.
    pub fn read(plan: &Plan) -> Self {
        Self::of(&plan.places.data)
    }

    fn of(data: &Path) -> Self {
        let text = fs::read(data.join(RECORD)).unwrap_or_default();
        let paths = text.split(|&byte| byte == 0).filter(|path| !path.is_empty());
        Self(paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect())
    }

    /// Fails if a link that may be a sandbox's leads out of what that could
    /// write. `path` was written by the user, `real` is what was opened.
    ///
    /// # Errors
    /// One does, or `path` leads elsewhere by now.
    pub fn check(&self, path: &Path, real: &Path) -> Result<(), ProblemKind> {
        let (found, links) = follow(path);
        for link in links {
            let leads_out = |folder: &&PathBuf| link.starts_with(folder) && !real.starts_with(folder);
            if self.0.iter().any(|folder| leads_out(&folder)) {
                return Err(ProblemKind::LinkOfSandbox { path: path.to_owned(), link });
            }
        }
        if found != real {
            return Err(ProblemKind::SourceChanged { path: path.to_owned() });
        }
        Ok(())
    }

    /// Adds what the sandbox of this plan may write.
    ///
    /// # Errors
    /// The disk will not have it.
    pub fn add(&self, plan: &Plan) -> Result<(), Error> {
        let of_user = plan.sources.iter().filter(|one| one.writable && one.kind == ShareKind::Shown);
        let new: Vec<&Path> = of_user.map(|one| one.path.as_path()).filter(|path| !self.has(path)).collect();
        if new.is_empty() {
            return Ok(());
        }
        make_private(&plan.places.data, if plan.caller == 0 { 0o711 } else { 0o700 })?;
        let path = plan.places.data.join(RECORD);
        let text: Vec<u8> =
            new.iter().flat_map(|path| [path.as_os_str().as_bytes(), &[0]].concat()).collect();
        let added = File::options().create(true).append(true).open(&path);
        added.and_then(|mut file| file.write_all(&text)).map_err(fault(FileAction::Write, &path))
    }

    fn has(&self, path: &Path) -> bool {
        self.0.iter().any(|one| one == path)
    }
}

/// Whether what was opened at a path is what the user meant: no link that may be
/// a sandbox's leads out of what that could write. `data`: Terrarium's own.
pub fn is_meant(data: &Path, path: &Path, opened: &impl AsRawFd) -> bool {
    let real = fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd()));
    let (Ok(path), Ok(real)) = (std::path::absolute(path), real) else { return false };
    Written::of(data).check(&path, &real).is_ok()
}

/// Where an absolute path leads, and the links on the way as they really lie.
fn follow(path: &Path) -> (PathBuf, Vec<PathBuf>) {
    let (mut done, mut links) = (PathBuf::from("/"), Vec::new());
    let mut left: Vec<PathBuf> = parts(path);
    while let Some(part) = left.pop() {
        if part.as_os_str() == ".." {
            done.pop();
            continue;
        }
        let next = done.join(&part);
        match fs::read_link(&next) {
            Ok(target) if links.len() < LINKS => {
                links.push(next);
                if target.is_absolute() {
                    done = PathBuf::from("/");
                }
                left.extend(parts(&target));
            }
            _ => done = next,
        }
    }
    (done, links)
}

/// Its names, the first one last.
fn parts(path: &Path) -> Vec<PathBuf> {
    let plain = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    plain.map(|part| PathBuf::from(part.as_os_str())).rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_that_may_be_a_sandboxs_do_not_lead_out() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        for name in ["shared/real", "other/inner", "mine"] {
            fs::create_dir_all(top.join(name)).unwrap();
        }
        for (target, link) in [
            ("../other", "shared/out"),
            ("real", "shared/in"),
            ("shared/out", "twice"),
            ("other", "users"),
            ("../shared/real", "mine/back"),
        ] {
            symlink(target, top.join(link)).unwrap();
        }
        symlink(top.join("other"), top.join("shared/absolute")).unwrap();
        let written = Written(vec![top.join("shared")]);
        let check = |path: &str| written.check(&top.join(path), &top.join(path).canonicalize().unwrap());
        for (path, link) in [
            ("shared/out", "shared/out"),
            ("shared/out/inner", "shared/out"),
            ("shared/absolute/inner", "shared/absolute"),
            ("twice/inner", "shared/out"),
        ] {
            let (path, link) = (path, top.join(link));
            let problem = ProblemKind::LinkOfSandbox { path: top.join(path), link };
            assert_eq!(check(path), Err(problem), "{path}");
        }
        for path in ["shared/in", "shared/real", "users/inner", "mine/back", "other"] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        // Exchanged since it was opened.
        let other = written.check(&top.join("mine"), &top.join("other"));
        assert_eq!(other, Err(ProblemKind::SourceChanged { path: top.join("mine") }));
    }
}
