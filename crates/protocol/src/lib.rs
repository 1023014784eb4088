// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the engine and the init of a sandbox say to each other.
//!
//! A conversation runs over any byte stream: a unix socket (container) or a
//! virtio-serial port (machine). It has three layers, one module each:
//!
//! 1. [`greeting`]: both sides find each other in a stream that may still hold
//!    half of an older conversation, and agree on a *tag*;
//! 2. [`frame`]: bounded frames, each marked with that tag at both ends;
//! 3. [`message`] and [`orders`]: what the frames of kind [`Kind::Control`]
//!    hold. They derive serde's traits; both sides write them as JSON.
//!
//! This crate does no I/O and knows no operating system. Everything that it
//! decodes is taken to be hostile.

pub mod agent;
pub mod bytes;
pub mod changes;
pub mod contents;
pub mod display;
pub mod file_system;
pub mod frame;
pub mod fuzz;
pub mod greeting;
pub mod guard;
pub mod layer;
pub mod message;
pub mod mountinfo;
pub mod network;
pub mod news;
pub mod orders;
pub mod picture;
mod pieces;

pub use bytes::Bytes;
pub use frame::{Decoder, Frame, FrameError, Kind};
pub use greeting::{Greeting, Scanner, Tag};
pub use message::{FromInit, ToInit};
pub use orders::Orders;

/// Version of everything in this crate. Init refuses a client with another one.
pub const VERSION: u16 = 5;

/// Largest payload of a frame that init sends, in bytes.
pub const MAX_FROM_INIT: usize = 64 * 1024;

/// Largest payload of a frame that init accepts, in bytes: orders may hold
/// arguments and an environment of 2 MiB, each byte of which can take six
/// characters in JSON.
pub const MAX_TO_INIT: usize = 16 * 1024 * 1024;

/// How many bytes of a stream may be under way unacknowledged, in bytes; also
/// how much of a terminal's output is kept for whoever attaches later.
pub const WINDOW: u64 = 1024 * 1024;

#[cfg(test)]
mod tests;
