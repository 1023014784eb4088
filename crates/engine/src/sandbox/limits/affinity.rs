// SPDX-License-Identifier: LGPL-2.1-or-later
//! On which processors a QEMU of the caller's runs.

use crate::error::{DomainAction, Error};
use nix::sched::{sched_getaffinity, sched_setaffinity, CpuSet};
use nix::unistd::{getuid, Pid};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// The process of a machine, by what libvirt calls it with.
fn process(uuid: &str) -> Option<Pid> {
    let wanted = |folder: &PathBuf| {
        let own = fs::metadata(folder).is_ok_and(|about| about.uid() == getuid().as_raw());
        let line = if own { fs::read(folder.join("cmdline")).unwrap_or_default() } else { Vec::new() };
        let mut words = line.split(|byte| *byte == 0);
        words.any(|word| word == b"-uuid") && words.next().is_some_and(|word| word == uuid.as_bytes())
    };
    let folder = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path()).find(wanted)?;
    folder.file_name()?.to_str()?.parse().ok().map(Pid::from_raw)
}

fn in_set(set: &CpuSet) -> Vec<usize> {
    (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect()
}

/// How many processors it may run on.
pub fn of(uuid: &str) -> Option<u32> {
    let set = sched_getaffinity(process(uuid)?).ok()?;
    u32::try_from(in_set(&set).len()).ok()
}

/// Has it run on so many of the caller's processors, beginning at one that
/// differs for each sandbox; `None`: on all of them.
pub fn set(uuid: &str, bound: Option<(u32, u32)>) -> Result<(), Error> {
    let failed = |message: String| Error::Libvirt { action: DomainAction::Limits, message };
    let process = process(uuid).ok_or_else(|| failed(String::new()))?;
    let all = sched_getaffinity(Pid::from_raw(0)).map_err(|errno| failed(errno.desc().to_owned()))?;
    let all = in_set(&all);
    let mut set = CpuSet::new();
    for cpu in chosen(&all, bound) {
        set.set(cpu).map_err(|errno| failed(errno.desc().to_owned()))?;
    }
    // Threads that begin meanwhile have it of those that begin them.
    for _ in 0..2 {
        let threads = fs::read_dir(format!("/proc/{process}/task"));
        for thread in threads.map_err(|error| failed(error.to_string()))?.flatten() {
            let Some(id) = thread.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            match sched_setaffinity(Pid::from_raw(id), &set) {
                Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
                Err(errno) => return Err(failed(errno.desc().to_owned())),
            }
        }
    }
    Ok(())
}

fn chosen(all: &[usize], bound: Option<(u32, u32)>) -> Vec<usize> {
    let Some((count, first)) = bound else { return all.to_vec() };
    let turned = all.iter().cycle().skip(first as usize % all.len().max(1));
    turned.take((count as usize).min(all.len())).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sandbox_begins_elsewhere_and_none_has_more() {
        assert_eq!(chosen(&[0, 2, 5], None), [0, 2, 5]);
        assert_eq!(chosen(&[0, 2, 5], Some((2, 1))), [2, 5]);
        assert_eq!(chosen(&[0, 2, 5], Some((2, 2))), [5, 0]);
        assert_eq!(chosen(&[0, 2, 5], Some((9, 0))), [0, 2, 5]);
        assert!(chosen(&[], Some((1, 1))).is_empty());
    }

    #[test]
    fn who_is_not_there_is_not_found() {
        assert_eq!(of("00000000-0000-4000-8000-00000000dead"), None);
        assert!(set("00000000-0000-4000-8000-00000000dead", None).is_err());
    }
}
