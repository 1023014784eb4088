// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is typed stays in the form, whatever is chosen above it; what has no
//! meaning with that is not in the profile that is run, saved or shown as a
//! command.

use super::Form;
use terrarium_engine::profile::{Isolation, NetworkMode, Profile};
use terrarium_engine::uri::Uri;

impl Form {
    /// What the form says.
    pub fn profile(&self) -> Profile {
        self.fitting(self.typed())
    }

    /// A profile without what the chosen mode of its network, and the chosen
    /// glass, would refuse.
    pub(super) fn fitting(&self, mut profile: Profile) -> Profile {
        let network = &mut profile.network;
        if network.mode != NetworkMode::Custom {
            network.interfaces.clear();
        }
        if !takes_hosts(network.mode) {
            network.allow.clear();
        }
        if network.mode == NetworkMode::None {
            network.block.clear();
            network.forwards.clear();
        }
        if self.isolation() == Isolation::Container {
            without_a_machine(&mut profile);
        }
        profile
    }
}

/// Whether a list of whom it may talk to says something.
pub(super) fn takes_hosts(mode: NetworkMode) -> bool {
    matches!(mode, NetworkMode::Custom | NetworkMode::Internet)
}

/// What only a virtual machine can have. What a container does not look at may
/// stay: the profile may be a machine elsewhere.
fn without_a_machine(profile: &mut Profile) {
    let display = &mut profile.display;
    (display.microphone, display.usb) = (false, false);
    display.monitors = display.monitors.min(1);
    let connection = &mut profile.machine.connection;
    if connection.as_deref().map(Uri::from).is_some_and(|uri| !uri.is_known()) {
        *connection = None;
    }
}
