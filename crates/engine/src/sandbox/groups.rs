// SPDX-License-Identifier: LGPL-2.1-or-later
//! Control groups that libvirt leaves behind.
//!
//! Where no systemd keeps them, libvirt removes a domain's groups itself, once
//! each: if its last process is not quite gone by then, they stay for ever.
//! Their names have a process's number, so that they are never used again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Younger ones may be just being made.
const AGE: Duration = Duration::from_secs(10);

/// Where libvirt makes them: version 1 of cgroups has several trees.
const TREES: &str = "/sys/fs/cgroup";

/// Removes those of Terrarium's domains that nobody is in. The kernel refuses
/// all others, and everybody but root.
pub fn sweep() {
    let trees = entries(Path::new(TREES)).into_iter().chain([PathBuf::from(TREES)]);
    for group in trees.flat_map(|tree| entries(&tree.join("machine"))) {
        if is_ours(&group) && is_old(&group) {
            let _ = fs::remove_dir(group);
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// `lxc-4711-terrarium-1000-1.libvirt-lxc`
fn is_ours(group: &Path) -> bool {
    let name = group.file_name().unwrap_or_default().to_string_lossy();
    name.contains("-terrarium-") && (name.ends_with(".libvirt-lxc") || name.ends_with(".libvirt-qemu"))
}

fn is_old(group: &Path) -> bool {
    let age = |metadata: fs::Metadata| metadata.modified().ok().and_then(|time| time.elapsed().ok());
    fs::symlink_metadata(group).ok().and_then(age).is_some_and(|age| age > AGE)
}

#[cfg(test)]
mod tests {
    use super::is_ours;
    use std::path::Path;

    #[test]
    fn only_groups_of_our_domains_are_swept() {
        assert!(is_ours(Path::new("/sys/fs/cgroup/cpu/machine/lxc-47-terrarium-1000-1.libvirt-lxc")));
        for other in ["lxc-47-web.libvirt-lxc", "terrarium-1", "lxc-47-terrarium-1000-1", "user.slice"] {
            assert!(!is_ours(Path::new(other)), "{other}");
        }
    }
}
