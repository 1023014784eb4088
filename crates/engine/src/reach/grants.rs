// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a reach grants, as words that can be kept and compared: who allowed
//! them once is asked again when there are more.

use super::{Fact, Reach};
use crate::profile::{Clipboard, Home, NetworkMode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// What is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants(BTreeSet<String>);

impl Grants {
    /// What a reach grants beyond what every sandbox has.
    #[must_use]
    pub fn of(reach: &Reach) -> Self {
        Self(reach.facts.iter().flat_map(words).collect())
    }

    /// Whether there is something in `self` that `allowed` does not have.
    #[must_use]
    pub fn exceed(&self, allowed: &Self) -> bool {
        self.0.iter().any(|word| !allowed.has(word))
    }

    /// Whether it is granted, perhaps as part of something larger.
    fn has(&self, word: &str) -> bool {
        if self.0.contains(word) {
            return true;
        }
        let Some((kind, path)) = word.split_once(':').filter(|(_, path)| path.starts_with('/')) else {
            return false;
        };
        let holds = |granted: &String| {
            let Some((other, above)) = granted.split_once(':') else { return false };
            let enough = other == kind || (kind == "read" && other == "write");
            enough && above.starts_with('/') && Path::new(path).starts_with(above)
        };
        self.0.iter().any(holds)
    }
}

fn words(fact: &Fact) -> Vec<String> {
    let paths = |kind: &str, paths: &[std::path::PathBuf]| -> Vec<String> {
        paths.iter().map(|path| format!("{kind}:{}", path.display())).collect()
    };
    let flags = |flags: &[(&str, bool)]| -> Vec<String> {
        flags.iter().filter(|(_, on)| *on).map(|(word, _)| (*word).to_owned()).collect()
    };
    match fact {
        Fact::Secrets { seen, .. } => {
            seen.iter().map(|secret| format!("secret:{}", secret.path.display())).collect()
        }
        Fact::Writes(all) => paths("write", all),
        // They come with what may be written.
        Fact::Sockets(_) | Fact::Limits { .. } | Fact::Desktop => Vec::new(),
        Fact::Devices { microphone, usb } => flags(&[("microphone", *microphone), ("usb", *usb)]),
        Fact::Network { mode, allow, through, user, forwards, own: _ } => {
            let mut all = flags(&[
                ("internet", matches!(mode, NetworkMode::Internet | NetworkMode::Full)),
                ("local-network", *mode == NetworkMode::Full),
                ("custom-network", *mode == NetworkMode::Custom && allow.is_empty()),
                ("user-network", *user),
            ]);
            let each = |kind: &str, names: &[String]| -> Vec<String> {
                names.iter().map(|name| format!("{kind}:{name}")).collect()
            };
            all.extend([each("host", allow), each("network", through), each("forward", forwards)].concat());
            all
        }
        Fact::Root(root) => flags(&[("root", *root)]),
        Fact::Kernel(shared) => flags(&[("kernel", *shared)]),
        Fact::Reads { shown, copied } => [paths("read", shown), paths("read", copied)].concat(),
        Fact::Home(home) => flags(&[("home", *home == Home::Readonly), ("kept-home", *home == Home::Kept)]),
        Fact::Clipboard(policy) => {
            let is = |wanted: &[Clipboard]| policy.is_some_and(|policy| wanted.contains(&policy));
            flags(&[
                ("clipboard-ask", policy.is_some_and(|policy| policy != Clipboard::Off)),
                ("clipboard-in", is(&[Clipboard::In, Clipboard::Both])),
                ("clipboard-out", is(&[Clipboard::Out, Clipboard::Both])),
            ])
        }
        Fact::Drops(on) => flags(&[("drop", *on)]),
        Fact::Sound(on) => flags(&[("sound", *on)]),
    }
}
