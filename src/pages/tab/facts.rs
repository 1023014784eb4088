// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is known of a sandbox, whether it was started here or found.

use spice_view::ClipboardPolicy;
use terrarium_engine::plan::Plan;
use terrarium_engine::profile::{Clipboard, Colour, DisplayKind, Icon, Isolation, NetworkMode, Passes};
use terrarium_engine::sandbox::Summary;

/// What does not change while it runs.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its mark.
    pub colour: Colour,
    /// What is on that mark.
    pub icon: Option<Icon>,
    /// How strong its glass is.
    pub isolation: Isolation,
    /// Whom it may talk to, as it was started.
    pub network: NetworkMode,
    /// How it shows.
    pub display: DisplayKind,
    /// What its profile lets through the clipboard.
    pub clipboard: ClipboardPolicy,
    /// What it may have beside pictures.
    pub passes: Passes,
    /// How much larger its programs draw.
    pub scale: u32,
}

impl From<&Plan> for Facts {
    fn from(plan: &Plan) -> Self {
        Self {
            colour: plan.colour,
            icon: plan.profile.icon,
            isolation: plan.isolation,
            network: plan.network,
            display: plan.display,
            clipboard: policy(plan.clipboard),
            passes: plan.passes,
            scale: 1,
        }
    }
}

impl From<&Summary> for Facts {
    fn from(one: &Summary) -> Self {
        Self {
            colour: one.colour(),
            icon: one.metadata.icon,
            isolation: one.isolation(),
            network: one.metadata.network,
            display: one.metadata.display,
            clipboard: policy(one.metadata.clipboard),
            passes: one.metadata.passes,
            scale: one.metadata.scale,
        }
    }
}

impl Facts {
    /// What its chip shows.
    pub fn icon(&self) -> &'static str {
        self.icon.map_or_else(|| icon(self.display), |icon| icon.themed())
    }
}

/// What the chip of such a sandbox shows.
pub fn icon(display: DisplayKind) -> &'static str {
    match display {
        DisplayKind::Window => "video-display-symbolic",
        DisplayKind::Terminal | DisplayKind::None => "utilities-terminal-symbolic",
    }
}

/// The other way round.
pub fn word(policy: ClipboardPolicy) -> Clipboard {
    match policy {
        ClipboardPolicy::Off => Clipboard::Off,
        ClipboardPolicy::In => Clipboard::In,
        ClipboardPolicy::Out => Clipboard::Out,
        ClipboardPolicy::Both => Clipboard::Both,
        ClipboardPolicy::Ask => Clipboard::Ask,
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
