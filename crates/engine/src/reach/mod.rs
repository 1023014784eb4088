// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox can reach, computed from its plan and not from what was
//! asked for: facts, the strongest first. The sentences are in
//! [`crate::message`]; every fact is said of every plan, as something that
//! the sandbox can or cannot, so that two of them can be compared.

mod grants;
mod seen;
#[cfg(test)]
mod tests;

pub use grants::Grants;
pub use seen::{Memory, Seen};

use crate::network::Usage;
use crate::plan::{Plan, ShareKind, ShareSource};
use crate::profile::{Changes, Clipboard, DisplayKind, Home, Interface, Isolation, NetworkMode};
use serde::Serialize;
use std::path::{Path, PathBuf};
use terrarium_protocol::guard::Base;

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The strongest first.
    pub facts: Vec<Fact>,
    /// What becomes of what it writes anywhere else.
    pub changes: Changes,
    /// The home directory, for paths to be written with `~`.
    pub home: PathBuf,
}

/// One thing that a sandbox can or cannot reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// Secrets that it sees, and how many of those that are known stay hidden.
    Secrets {
        /// What it sees.
        seen: Vec<Secret>,
        /// Places that are hidden wherever a share would show them.
        hidden: usize,
    },
    /// Files and folders of the host that it may change.
    Writes(Vec<PathBuf>),
    /// Folders in which it can reach programs of the host that listen.
    Sockets(Vec<PathBuf>),
    /// Devices.
    Devices {
        /// It may listen.
        microphone: bool,
        /// Some may be handed to it.
        usb: bool,
    },
    /// Whom it may talk to.
    Network {
        /// In one word.
        mode: NetworkMode,
        /// Whom alone, if that is custom; empty is the internet, or all that the
        /// networks reach that are not Terrarium's.
        allow: Vec<String>,
        /// It is on the network of Terrarium's own, which lets it go no further
        /// than the internet, or than those.
        own: bool,
        /// Networks of libvirt's that it is on, if that is custom.
        through: Vec<String>,
        /// It is in QEMU's user mode, which limits nothing.
        user: bool,
        /// Ports of this computer that lead to ports of its own.
        forwards: Vec<String>,
    },
    /// Whether the command is root inside.
    Root(bool),
    /// Whether it shares the host's kernel.
    Kernel(bool),
    /// Files and folders of the host that it may read, without the system's.
    Reads {
        /// As they are.
        shown: Vec<PathBuf>,
        /// Copies.
        copied: Vec<PathBuf>,
    },
    /// The home folder.
    Home(Home),
    /// The clipboard; `None` if nothing could pass.
    Clipboard(Option<Clipboard>),
    /// Whether files may be dropped into it.
    Drops(bool),
    /// Whether its sound is heard.
    Sound(bool),
    /// How much it may use.
    Limits {
        /// Bytes.
        memory: u64,
        /// Processors.
        cpus: u32,
        /// Bytes that it may write beside the folders that it has of the host.
        writable: u64,
    },
    /// The user's own screen and programs: never.
    Desktop,
}

/// A secret that is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Secret {
    /// Where it is.
    pub path: PathBuf,
    /// What shows it: a share, or the root.
    pub shown_by: PathBuf,
}

impl Secret {
    /// Whether it could be hidden and the rest still be shown.
    #[must_use]
    pub fn can_be_hidden(&self) -> bool {
        self.path != self.shown_by && self.path.starts_with(&self.shown_by)
    }
}

/// How much a fact weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Every sandbox has as much.
    Usual,
    /// It reaches something of the user's.
    Strong,
    /// It sees a secret.
    Secret,
}

impl Fact {
    /// Whether the sandbox can do it.
    #[must_use]
    pub fn can(&self) -> bool {
        match self {
            Self::Secrets { seen, .. } => !seen.is_empty(),
            Self::Writes(paths) | Self::Sockets(paths) => !paths.is_empty(),
            Self::Devices { microphone, usb } => *microphone || *usb,
            Self::Network { mode, .. } => *mode != NetworkMode::None,
            Self::Root(can) | Self::Kernel(can) | Self::Drops(can) | Self::Sound(can) => *can,
            Self::Reads { .. } | Self::Limits { .. } => true,
            Self::Home(home) => *home == Home::Readonly,
            Self::Clipboard(policy) => policy.is_some_and(|policy| policy != Clipboard::Off),
            Self::Desktop => false,
        }
    }

    /// How much it weighs.
    #[must_use]
    pub fn strength(&self) -> Strength {
        match self {
            _ if !self.can() => Strength::Usual,
            Self::Secrets { .. } => Strength::Secret,
            Self::Kernel(_) | Self::Limits { .. } | Self::Sound(_) | Self::Drops(_) => Strength::Usual,
            Self::Clipboard(policy) if *policy == Some(Clipboard::Ask) => Strength::Usual,
            Self::Reads { shown, copied } if shown.is_empty() && copied.is_empty() => Strength::Usual,
            _ => Strength::Strong,
        }
    }
}

/// How each fact is found, the strongest first.
const TABLE: &[fn(&Plan) -> Fact] = &[
    secrets,
    |plan| Fact::Writes(written(plan)),
    sockets,
    |plan| Fact::Devices { microphone: plan.passes.microphone, usb: plan.passes.usb },
    network,
    |plan| Fact::Root(plan.orders.user.privileged),
    |plan| Fact::Home(home(plan)),
    |plan| Fact::Reads { shown: reads(plan), copied: of_kind(plan, ShareKind::Copied) },
    clipboard,
    |plan| Fact::Drops(plan.passes.drop),
    |plan| Fact::Sound(plan.passes.sound),
    |plan| Fact::Kernel(plan.isolation == Isolation::Container),
    |plan| Fact::Limits { memory: plan.memory, cpus: plan.cpus, writable: plan.writable },
    |_| Fact::Desktop,
];

/// What a sandbox of this plan can reach.
#[must_use]
pub fn reach(plan: &Plan) -> Reach {
    Reach {
        facts: TABLE.iter().map(|fact| fact(plan)).collect(),
        changes: plan.changes,
        home: real_home(plan),
    }
}

impl Reach {
    /// What holds now of the network of a sandbox that runs, and may be other
    /// than what it was started with. Only Terrarium's own network changes.
    pub fn network_is(&mut self, usage: &Usage) {
        for fact in &mut self.facts {
            let Fact::Network { mode, allow, own, through, user, forwards } = fact else { continue };
            let leads = !usage.cut && (usage.policy.base != Base::Nobody || !usage.allowed.is_empty());
            allow.clone_from(&usage.allowed);
            *own = leads;
            if usage.cut {
                forwards.clear();
            }
            *mode = match usage.policy.base {
                Base::Internet if leads => NetworkMode::Internet,
                Base::All if leads => NetworkMode::Full,
                _ if leads || *user || !through.is_empty() || !forwards.is_empty() => NetworkMode::Custom,
                _ => NetworkMode::None,
            };
        }
    }
}

fn of_kind(plan: &Plan, kind: ShareKind) -> Vec<PathBuf> {
    plan.sources.iter().filter(|source| source.kind == kind).map(|source| source.path.clone()).collect()
}

/// What of the host is shown, apart from homes that are Terrarium's own.
fn shown(plan: &Plan, writable: bool) -> Vec<PathBuf> {
    let apart = |kind| matches!(kind, ShareKind::Copied | ShareKind::KeptHome);
    let wanted = plan.sources.iter().filter(|source| !apart(source.kind) && source.writable == writable);
    let images = plan.images.iter().filter(|image| image.writable == writable);
    let mut paths: Vec<PathBuf> = wanted.map(|source| source.path.clone()).collect();
    paths.extend(images.map(|image| image.path.clone()));
    paths.dedup();
    paths
}

/// What of the user's a sandbox writes in place: nothing of that is among its
/// changes.
#[must_use]
pub fn written(plan: &Plan) -> Vec<PathBuf> {
    shown(plan, true)
}

/// The real home folder, if anything shows it.
fn home(plan: &Plan) -> Home {
    let real = real_home(plan);
    let shows = |source: &&ShareSource| source.kind == ShareKind::Shown && real.starts_with(&source.path);
    if plan.sources.iter().any(|source| shows(&source)) {
        Home::Readonly
    } else {
        plan.profile.files.home
    }
}

/// As [`TABLE`] knows it: where the sandbox has its own.
fn real_home(plan: &Plan) -> PathBuf {
    PathBuf::from(plan.orders.user.home.to_string())
}

fn reads(plan: &Plan) -> Vec<PathBuf> {
    let home = real_home(plan);
    let root = plan.root.iter().cloned();
    shown(plan, false).into_iter().filter(|path| *path != home).chain(root).collect()
}

fn secrets(plan: &Plan) -> Fact {
    let shares = || plan.sources.iter().filter(|source| source.kind != ShareKind::KeptHome);
    let root = plan.orders.root.iter().filter_map(|entry| match entry {
        terrarium_protocol::orders::RootEntry::Show { path, .. } => Some(PathBuf::from(path.to_string())),
        terrarium_protocol::orders::RootEntry::Link { .. } => None,
    });
    let tops: Vec<PathBuf> = shares().map(|source| source.path.clone()).chain(root).collect();
    let shows =
        |secret: &Path| tops.iter().find(|top| secret.starts_with(top) || top.starts_with(secret)).cloned();
    let seen = plan
        .unmasked
        .iter()
        .filter_map(|path| shows(path).map(|shown_by| Secret { path: path.clone(), shown_by }));
    let seen: Vec<Secret> = seen.collect();
    let hidden = plan.secrets.saturating_sub(plan.unmasked.len());
    Fact::Secrets { seen, hidden }
}

fn network(plan: &Plan) -> Fact {
    let wish = &plan.profile.network;
    let custom = plan.network == NetworkMode::Custom;
    let interfaces = || wish.interfaces.iter().filter(|_| custom);
    let is_own = |one: &Interface| one.source.is_none() && !one.user;
    let has_one = plan.network != NetworkMode::None;
    Fact::Network {
        mode: plan.network,
        allow: wish.allow.clone(),
        own: has_one && (interfaces().next().is_none() || interfaces().any(is_own)),
        through: interfaces().filter_map(|one| one.source.clone()).collect(),
        user: interfaces().any(|one| one.user),
        forwards: wish.forwards.iter().filter(|_| has_one).cloned().collect(),
    }
}

/// A read-only share has sockets of its own; a machine's are its kernel's.
fn sockets(plan: &Plan) -> Fact {
    let container = plan.isolation == Isolation::Container;
    let is_image = |path: &PathBuf| plan.images.iter().any(|image| image.path == *path);
    let folders = shown(plan, true).into_iter().filter(|path| container && !is_image(path));
    Fact::Sockets(folders.collect())
}

fn clipboard(plan: &Plan) -> Fact {
    Fact::Clipboard(match (plan.display, plan.clipboard) {
        (DisplayKind::Window, policy) => Some(policy),
        // A terminal has a way out (OSC 52), and is never told what is copied.
        (DisplayKind::Terminal, Clipboard::Ask) => Some(Clipboard::Ask),
        (DisplayKind::Terminal, Clipboard::Out | Clipboard::Both) => Some(Clipboard::Out),
        _ => None,
    })
}
