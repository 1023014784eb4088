// SPDX-License-Identifier: LGPL-2.1-or-later
//! What there is for networked sandboxes.

use crate::kernel::Running;
use serde::{Deserialize, Serialize};
use std::path::Path;
use terrarium_protocol::guard::NEEDS;

/// What Terrarium's own network takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Networks {
    /// nft, which enforces whom a sandbox may talk to.
    pub nft: bool,
    /// What the guard's rules take and the kernel certainly has not, as its
    /// modules are called.
    pub lacks: Vec<String>,
    /// ebtables, with which libvirt's filters do so where there is no nft.
    pub ebtables: bool,
    /// dnsmasq, which libvirt resolves names with.
    pub dnsmasq: bool,
    /// Whether the kernel has IPv6.
    pub ipv6: bool,
}

impl Networks {
    /// Whether the guard can enforce anything.
    #[must_use]
    pub fn can_guard(&self) -> bool {
        self.nft && self.lacks.is_empty()
    }
}

/// Looks below `top`.
#[must_use]
pub fn probe(top: &Path, running: &Running) -> Networks {
    let has = |name: &str| {
        ["usr/sbin", "sbin", "usr/bin"].iter().any(|folder| top.join(folder).join(name).is_file())
    };
    let ipv6 = top.join("proc/sys/net/ipv6").is_dir();
    let lacks = lacks(running);
    Networks { nft: has("nft"), lacks, ebtables: has("ebtables"), dnsmasq: has("dnsmasq"), ipv6 }
}

fn lacks(running: &Running) -> Vec<String> {
    let is_in_nf_tables = |until: (u32, u32)| running.version().is_none_or(|version| version >= until);
    let wanted = NEEDS.iter().filter(|need| !need.until.is_some_and(is_in_nf_tables));
    let missing = wanted.filter(|need| running.has(need.module) == Some(false));
    missing.map(|need| need.module.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a kernel of that version with an index of these modules lacks.
    fn of(release: &str, modules: Option<&[&str]>, loaded: &[&str]) -> Vec<String> {
        let top = tempfile::tempdir().unwrap();
        let put = |path: String, text: &str| {
            let path = top.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("proc/sys/kernel/osrelease".into(), release);
        if let Some(modules) = modules {
            let lines: String = modules.iter().map(|name| format!("kernel/net/{name}.ko:\n")).collect();
            put(format!("lib/modules/{release}/modules.dep"), &lines);
        }
        loaded.iter().for_each(|name| put(format!("sys/module/{name}/refcnt"), "1"));
        lacks(&Running::new(top.path()))
    }

    #[test]
    fn a_kernel_lacks_what_its_index_does_not_have() {
        const ALL: &[&str] = &["nf_tables", "nft_ct", "nft_fib_inet", "nft_limit", "nft_log", "nft_objref"];
        let none: [&str; 0] = [];
        let without = |name: &str| ALL.iter().copied().filter(|one| *one != name).collect::<Vec<_>>();
        assert_eq!(of("6.1.0-9", Some(ALL), &[]), none);
        assert_eq!(of("6.1.0-9", Some(&[]), &[]), ALL);
        for name in ALL {
            assert_eq!(of("6.1.0-9", Some(&without(name)), &[]), [*name]);
            assert_eq!(of("6.1.0-9", Some(&without(name)), &[name]), none, "it is loaded");
        }
        assert_eq!(of("6.1.0-9", None, &["nf_tables"]), none, "nobody knows");
        // From then on it is no module.
        assert_eq!(of("6.2.0", Some(&without("nft_objref")), &[]), none);
        assert_eq!(of("odd", Some(&without("nft_objref")), &[]), none);
        assert_eq!(of("5.15.0", Some(&without("nft_objref")), &[]), ["nft_objref"]);
    }
}
