// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where Terrarium keeps what.

use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Longest path of a socket of ours, in bytes; the kernel takes 107.
pub const SOCKET_PATH_MAX: usize = 100;

/// Four directories; none needs to exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Places {
    /// Profiles lie in `profiles` below it.
    pub config: PathBuf,
    /// Kept homes and layers.
    pub data: PathBuf,
    /// Kernels, initrds and init.
    pub cache: PathBuf,
    /// Sockets of running sandboxes.
    pub runtime: PathBuf,
}

impl Places {
    /// The places of user `uid` whose home is `home`; `variable` looks up the
    /// environment. An XDG variable that is not an absolute path is ignored,
    /// as the XDG base directory specification demands.
    #[must_use]
    pub fn new(uid: u32, home: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let xdg = |name: &str, fallback: &str| {
            absolute(variable(name)).unwrap_or_else(|| home.join(fallback)).join("terrarium")
        };
        let cache =
            if uid == 0 { PathBuf::from("/var/cache/terrarium") } else { xdg("XDG_CACHE_HOME", ".cache") };
        Self {
            config: xdg("XDG_CONFIG_HOME", ".config"),
            data: xdg("XDG_DATA_HOME", ".local/share"),
            cache,
            runtime: Self::runtime(uid, home, &variable),
        }
    }

    fn runtime(uid: u32, home: &Path, variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
        if uid == 0 {
            return PathBuf::from("/run/terrarium");
        }
        if let Some(path) = absolute(variable("XDG_RUNTIME_DIR")).filter(|path| path.is_dir()) {
            return path.join("terrarium");
        }
        let run_user = PathBuf::from(format!("/run/user/{uid}"));
        if run_user.is_dir() {
            return run_user.join("terrarium");
        }
        let state = absolute(variable("XDG_STATE_HOME")).unwrap_or_else(|| home.join(".local/state"));
        state.join("terrarium/run")
    }

    /// The folder of the profiles.
    #[must_use]
    pub fn profiles(&self) -> PathBuf {
        self.config.join("profiles")
    }

    /// The folder of the layers: what sandboxes write. Root's sandboxes run as
    /// somebody else, who must get through to it.
    #[must_use]
    pub fn layers(&self, caller: u32) -> PathBuf {
        let above = if caller == 0 { &self.cache } else { &self.data };
        above.join("layers")
    }

    /// The private directory of sandbox `number`.
    #[must_use]
    pub fn sandbox(&self, number: u32) -> PathBuf {
        self.runtime.join(number.to_string())
    }
}

fn absolute(value: Option<OsString>) -> Option<PathBuf> {
    value.map(PathBuf::from).filter(|path| path.is_absolute())
}
