// SPDX-License-Identifier: LGPL-2.1-or-later
//! Programs that a command may begin with: those that a sandbox sees, too.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use terrarium_engine::host::Host;
use terrarium_engine::plan;

/// Where programs lie on any computer, whatever `PATH` says here.
const FOLDERS: &[&str] =
    &["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/games"];

/// What is typed for each program: its name where a sandbox finds it by that,
/// else its path. `path` is this user's `PATH`. Reads folders.
pub(super) fn programs(host: &Host, path: &OsStr) -> Vec<String> {
    let all = plan::environment(host, false, false);
    let own = all.iter().find(|(name, _)| name.as_slice() == b"PATH").map(|(_, path)| path.to_string());
    let searched: HashSet<PathBuf> = real(std::env::split_paths(&own.unwrap_or_default())).collect();
    let wanted = std::env::split_paths(path).chain(FOLDERS.iter().map(PathBuf::from));
    listed(real(wanted).filter(|folder| plan::shows(folder, host)), &searched)
}

/// Whether a program, as [`programs`] has it, begins like this: its path, or
/// the name at its end.
pub(super) fn begins(program: &str, text: &str) -> bool {
    program.starts_with(text) || super::command::base_name(program).starts_with(text)
}

/// Absolute folders that are there, without links: on most computers `/bin` is
/// another name of `/usr/bin`.
fn real(folders: impl Iterator<Item = PathBuf>) -> impl Iterator<Item = PathBuf> {
    folders.filter(|folder| folder.is_absolute()).filter_map(|folder| folder.canonicalize().ok())
}

/// Programs in these folders, each once: by name in those that are searched.
fn listed(folders: impl Iterator<Item = PathBuf>, searched: &HashSet<PathBuf>) -> Vec<String> {
    let all: BTreeSet<PathBuf> = folders.collect();
    let (by_name, by_path): (Vec<&PathBuf>, Vec<&PathBuf>) =
        all.iter().partition(|folder| searched.contains(*folder));
    let names: BTreeSet<String> = by_name.into_iter().flat_map(|folder| inside(folder)).collect();
    let path = |folder: &Path, name: String| folder.join(name).into_os_string().into_string().ok();
    let others = by_path.into_iter().flat_map(|folder| {
        let own = inside(folder).into_iter().filter(|name| !names.contains(name));
        own.filter_map(|name| path(folder, name)).collect::<BTreeSet<_>>()
    });
    names.iter().cloned().chain(others).collect()
}

/// Names of the programs in a folder.
fn inside(folder: &Path) -> Vec<String> {
    let is_program = |entry: &std::fs::DirEntry| {
        std::fs::metadata(entry.path())
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(is_program).filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(folder: &Path, name: &str, mode: u32) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join(name), "").unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn programs_are_offered_once_and_as_they_are_found() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        let (bin, tool) = (top.join("usr/bin"), top.join("opt/tool/bin"));
        program(&bin, "cat", 0o755);
        program(&bin, "notes.txt", 0o644);
        program(&tool, "cat", 0o755);
        program(&tool, "tool", 0o755);
        std::os::unix::fs::symlink("usr/bin", top.join("bin")).unwrap();
        let all =
            [top.join("bin"), tool.clone(), bin.clone(), tool.clone(), top.join("gone"), "relative".into()];
        let found = listed(real(all.into_iter()), &HashSet::from([bin]));
        let by_path = tool.join("tool").into_os_string().into_string().unwrap();
        assert_eq!(found, ["cat", by_path.as_str()]);
        assert!(
            begins(&by_path, "to") && begins(&by_path, top.to_str().unwrap()) && !begins(&by_path, "ool")
        );
    }
}
