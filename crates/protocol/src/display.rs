// SPDX-License-Identifier: LGPL-2.1-or-later
//! A sandbox's screen: what init is told about it, and what it says of it.

use crate::Bytes;
use serde::{Deserialize, Serialize};

/// Smallest size of a screen: what Xorg's drivers can do.
pub const SCREEN_MIN: ScreenSize = ScreenSize { width: 320, height: 200 };
/// Largest width and height of a screen, in pixels: what virtio-gpu and
/// spiceqxl can do.
pub const SCREEN_MAX: u32 = 8192;
/// Most pixels of a screen: 3840 × 2160, for which the graphics memory of a
/// container's server is made.
pub const SCREEN_PIXELS: u32 = 3840 * 2160;

/// Most pixels of a screen, across and down, for each of the desktop's.
pub const SCALE_MAX: u32 = 4;

/// What a sandbox with a screen gets beside its command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// Xorg's program.
    pub server: Bytes,
    /// Size of the screen when it comes up.
    pub size: ScreenSize,
    /// How many of its pixels, across and down, are for one of the desktop that
    /// shows it, from 1 to [`SCALE_MAX`]: programs draw that much larger.
    pub scale: u32,
    /// Monitors that may be there. Above 1 all that are connected are shown
    /// side by side, each in the size that it asks for.
    pub monitors: u32,
    /// Whether the server offers GLX; without it an emulated machine's comes
    /// up three seconds earlier.
    pub glx: bool,
    /// dbus-daemon's program, for a session bus at
    /// `/run/user/UID/bus`.
    pub bus: Option<Bytes>,
    /// Whether that takes a socket from whoever starts it, as systemd does: it
    /// is started by the first who connects.
    pub bus_on_demand: bool,
    /// SPICE's agent.
    pub agent: Option<Agent>,
    /// Programs that run to their end before the command starts, as the
    /// command's user: program and arguments of each.
    pub prepare: Vec<Vec<Bytes>>,
    /// The window manager, or a whole session: program and arguments.
    pub manager: Option<Vec<Bytes>>,
    /// Variables that the manager has beside the command's.
    pub manager_environment: Vec<(Bytes, Bytes)>,
    /// A file that the manager makes once it manages windows: the command
    /// waits for that, since a manager may lose a window that shows while it
    /// begins.
    pub manager_ready: Option<Bytes>,
    /// Whether the manager comes after the command's first window, and init
    /// stands in for it until then. It has to take the place of another.
    pub manager_late: bool,
    /// Whether windows of programs are to fill the screen. Some programs ask
    /// the manager for the contrary as they come up.
    pub fill: bool,
    /// Whether the command may use sound: a machine's devices, or the FIFO that a
    /// container's server plays.
    pub sound: bool,
    /// Who plays what programs send that speak PulseAudio alone.
    pub sound_server: Option<SoundServer>,
    /// Whether the command may use USB devices that are handed in.
    pub usb: bool,
}

/// SPICE's agent: clipboard, files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// spice-vdagentd, which talks to the SPICE server.
    pub daemon: Bytes,
    /// spice-vdagent, which talks to the display.
    pub client: Bytes,
    /// Whether it puts what is dropped on the screen into the home folder; it
    /// is the command's user for that.
    pub files: bool,
}

/// A server of sound, started by the first who connects to
/// `/run/user/UID/pulse/native`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoundServer {
    /// Program and arguments. It takes a listening socket from whoever starts
    /// it, as systemd has it.
    pub argv: Vec<Bytes>,
    /// Variables that it has beside the command's, or instead.
    pub environment: Vec<(Bytes, Bytes)>,
}

/// Size of a screen in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreenSize {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl ScreenSize {
    /// The nearest size that a screen can have: within the bounds, and small
    /// enough as a whole.
    #[must_use]
    pub fn bounded(self) -> Self {
        let width = self.width.clamp(SCREEN_MIN.width, SCREEN_MAX);
        let height = self.height.clamp(SCREEN_MIN.height, SCREEN_MAX);
        Self { width, height: height.min(SCREEN_PIXELS / width) }
    }
}

impl Default for ScreenSize {
    fn default() -> Self {
        Self { width: 1024, height: 768 }
    }
}

/// How the screen is, for whoever arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisplayStatus {
    /// The size that it was given last.
    pub size: ScreenSize,
    /// Whether the server is up.
    pub up: bool,
    /// Whether SPICE's agent runs beside it.
    pub agent: bool,
    /// Whether a program has a window on it; `None` while nobody counts them.
    pub has_windows: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_screen_is_never_too_large(width: u32, height: u32) {
            let size = ScreenSize { width, height }.bounded();
            prop_assert!(size.width >= SCREEN_MIN.width && size.height >= SCREEN_MIN.height);
            prop_assert!(size.width <= SCREEN_MAX && size.height <= SCREEN_MAX);
            prop_assert!(size.width * size.height <= SCREEN_PIXELS);
            prop_assert_eq!(size.bounded(), size);
        }
    }

    #[test]
    fn sizes_within_the_bounds_stay() {
        for (width, height) in [(320, 240), (1024, 768), (3840, 2160), (641, 483)] {
            let size = ScreenSize { width, height };
            assert_eq!(size.bounded(), size);
        }
        assert_eq!(ScreenSize { width: 5000, height: 5000 }.bounded().height, SCREEN_PIXELS / 5000);
    }
}
