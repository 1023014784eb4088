// SPDX-License-Identifier: LGPL-2.1-or-later
#![doc = include_str!("../README.md")]

mod clipboard;
mod frame;
mod geometry;
mod keys;
mod link;
mod memory;
mod picture;
mod session;
mod types;
mod view;
mod wheel;
mod wire;

pub use clipboard::{ClipboardAsk, ClipboardPolicy, Direction};
pub use geometry::ScaleMode;
pub use keys::{from_evdev, from_hardware, Combo, Scancode, UnknownKey};
pub use link::{Link, Listener, Teller};
pub use memory::keep_memory;
pub use session::{open, BadUri, Connector, Opening, Options};
pub use types::*;
pub use view::{ScreenshotError, SpiceView};
#[doc(hidden)]
pub use wire::fuzz;
