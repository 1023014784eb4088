// SPDX-License-Identifier: LGPL-2.1-or-later
//! The kernel that runs here, and its modules.

use super::modules::Index;
use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

/// What is known of it below a folder. Its modules' index is read when it is
/// first needed.
pub struct Running {
    top: PathBuf,
    release: String,
    index: OnceCell<Option<Index>>,
}

impl Running {
    /// Looks below `top`.
    #[must_use]
    pub fn new(top: &Path) -> Self {
        let release = fs::read_to_string(top.join("proc/sys/kernel/osrelease")).unwrap_or_default();
        Self { top: top.to_owned(), release: release.trim().to_owned(), index: OnceCell::new() }
    }

    /// The first two numbers of its version.
    #[must_use]
    pub fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// Whether it has a module, loaded or not, or has it built in. `None`: it is
    /// not loaded, and who built this kernel has left no index.
    #[must_use]
    pub fn has(&self, module: &str) -> Option<bool> {
        if self.top.join("sys/module").join(module).exists() {
            return Some(true);
        }
        let read = || Index::read(&self.top.join("lib/modules").join(&self.release));
        self.index.get_or_init(read).as_ref().map(|index| index.has(module))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_missing() {
        let top = tempfile::tempdir().unwrap();
        let of = || Running::new(top.path());
        assert_eq!((of().version(), of().has("nbd")), (None, None));
        let put = |path: &str, text: &str| {
            let path = top.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
        assert_eq!((of().version(), of().has("nbd")), (Some((6, 1)), None));
        put("sys/module/nbd/uevent", "");
        assert_eq!((of().has("nbd"), of().has("nft_ct")), (Some(true), None));
        put("lib/modules/6.1.0-9-amd64/modules.dep", "kernel/net/netfilter/nft_ct.ko.xz:\n");
        put("lib/modules/6.1.0-9-amd64/modules.builtin", "kernel/net/netfilter/nft-log.ko\n");
        let found = ["nbd", "nft_ct", "nft_log", "nft_limit"].map(|name| of().has(name));
        assert_eq!(found, [Some(true), Some(true), Some(true), Some(false)]);
    }
}
