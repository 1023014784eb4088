// SPDX-License-Identifier: LGPL-2.1-or-later
//! `[network]`: whom a sandbox may talk to.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `[network]`. All values are text as people write it; the plan reads them
/// and names what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Whom it may talk to.
    pub mode: NetworkMode,
    /// Custom: whom alone, such as `example.org:443/tcp` or `10.0.0.0/8`;
    /// internet: whom beside that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Whom never, written alike.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub block: Vec<String>,
    /// Addresses of the servers that resolve names; by default those of its
    /// networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,
    /// Ports of this computer's 127.0.0.1 that lead to ports of the sandbox,
    /// such as `8080:80`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forwards: Vec<String>,
    /// Custom: its interfaces; by default one on Terrarium's own network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
}

/// `network.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkMode {
    /// Nobody.
    #[default]
    None,
    /// The world, but neither this computer nor its networks.
    Internet,
    /// All that this computer reaches, and itself.
    Full,
    /// What the other keys say.
    Custom,
}

/// One of `network.interfaces`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Interface {
    /// A network of libvirt's; by default Terrarium's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// QEMU's user mode, for machines of the session.
    pub user: bool,
    /// Whether it asks for its address.
    pub dhcp: bool,
    /// Its hardware address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Its addresses: `IP/PREFIX` or `IP/PREFIX%BROADCAST`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Routes through it: `NET/PREFIX%GATEWAY`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// A filter of libvirt's (nwfilter).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The filter's parameters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Most bytes a second that it receives, such as `"10 MiB"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbound: Option<String>,
    /// Most bytes a second that it sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound: Option<String>,
}
