// SPDX-License-Identifier: LGPL-2.1-or-later
//! The libvirt connections that Terrarium uses.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A libvirt connection. A profile can name the first three only: a libvirt
/// URI can run a program on this computer (`?command=`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Uri {
    /// Containers.
    LxcSystem,
    /// Machines of this user, without any group.
    QemuSession,
    /// Machines with libvirt's networks.
    QemuSystem,
    /// Any other, from `-c` with `--any-uri` only.
    Other(String),
}

impl Uri {
    /// What libvirt calls it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::LxcSystem => "lxc:///system",
            Self::QemuSession => "qemu:///session",
            Self::QemuSystem => "qemu:///system",
            Self::Other(text) => text,
        }
    }

    /// Whether a profile may name it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// Whether its domains are containers.
    #[must_use]
    pub fn is_lxc(&self) -> bool {
        // However it is reached: lxc+unix:///system is one, too.
        let scheme = self.as_str().split(':').next().unwrap_or_default();
        scheme.split('+').next() == Some("lxc")
    }
}

impl From<String> for Uri {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&str> for Uri {
    fn from(text: &str) -> Self {
        match text {
            "lxc:///" | "lxc:///system" => Self::LxcSystem,
            "qemu:///session" => Self::QemuSession,
            "qemu:///system" => Self::QemuSystem,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<Uri> for String {
    fn from(uri: Uri) -> Self {
        uri.as_str().to_owned()
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
