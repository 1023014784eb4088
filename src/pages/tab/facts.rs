// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is known of a sandbox, whether it was started here or found.

use spice_view::ClipboardPolicy;
use terrarium_engine::plan::Plan;
use terrarium_engine::profile::{Clipboard, Colour, DisplayKind, Isolation, NetworkMode};
use terrarium_engine::sandbox::Summary;

/// What does not change while it runs.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its mark.
    pub colour: Colour,
    /// How strong its glass is.
    pub isolation: Isolation,
    /// Whom it may talk to; not known of one that was found.
    pub network: Option<NetworkMode>,
    /// How it shows.
    pub display: DisplayKind,
    /// What its profile lets through the clipboard.
    pub clipboard: ClipboardPolicy,
    /// What it may have beside pictures.
    pub rights: Rights,
}

/// What a screen may have beside pictures, keys and pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Whether its sound is heard.
    pub sound: bool,
    /// Whether it hears the microphone.
    pub microphone: bool,
    /// Whether files may be dropped on it.
    pub drop: bool,
}

impl From<&Plan> for Facts {
    fn from(plan: &Plan) -> Self {
        Self {
            colour: plan.colour,
            isolation: plan.isolation,
            network: Some(plan.network),
            display: plan.display,
            clipboard: policy(plan.clipboard),
            rights: Rights::default(),
        }
    }
}

impl From<&Summary> for Facts {
    fn from(one: &Summary) -> Self {
        Self {
            colour: one.colour(),
            isolation: one.isolation(),
            network: None,
            display: one.metadata.display,
            clipboard: policy(one.metadata.clipboard),
            rights: Rights::default(),
        }
    }
}

/// The profile's word in the view's.
fn policy(clipboard: Clipboard) -> ClipboardPolicy {
    match clipboard {
        Clipboard::Off => ClipboardPolicy::Off,
        Clipboard::In => ClipboardPolicy::In,
        Clipboard::Out => ClipboardPolicy::Out,
        Clipboard::Both => ClipboardPolicy::Both,
        Clipboard::Ask => ClipboardPolicy::Ask,
    }
}
