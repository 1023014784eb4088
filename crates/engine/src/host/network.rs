// SPDX-License-Identifier: LGPL-2.1-or-later
//! What there is for networked sandboxes.

use serde::{Deserialize, Serialize};
use std::path::Path;

/// Programs that Terrarium's own network takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Networks {
    /// nft, which enforces whom a sandbox may talk to.
    pub nft: bool,
    /// ebtables, with which libvirt's filters do so where there is no nft.
    pub ebtables: bool,
    /// dnsmasq, which libvirt resolves names with.
    pub dnsmasq: bool,
    /// Whether the kernel has IPv6.
    pub ipv6: bool,
}

/// Looks below `top`.
#[must_use]
pub fn probe(top: &Path) -> Networks {
    let has = |name: &str| {
        ["usr/sbin", "sbin", "usr/bin"].iter().any(|folder| top.join(folder).join(name).is_file())
    };
    let ipv6 = top.join("proc/sys/net/ipv6").is_dir();
    Networks { nft: has("nft"), ebtables: has("ebtables"), dnsmasq: has("dnsmasq"), ipv6 }
}
