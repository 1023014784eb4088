// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window: shows and edits; decides nothing about sandboxes.
//!
//! ```text
//! AdwApplicationWindow            window.rs
//!   AdwToastOverlay
//!     AdwLeaflet (page stack)
//!       home                      pages/home.rs    what runs, profiles, welcome
//!       form                      pages/form.rs    what to run, how strong
//!       runs                      pages/runs.rs    tabs, one sandbox each
//!         a tab                   pages/tab.rs     start, terminal, end, failure
//! ```
//!
//! [`bridge`] is the only way from the main loop to the engine: everything
//! that may block runs on a thread of its own, and answers on the main loop.

pub mod application;
pub mod bridge;
pub mod look;
pub mod pages;
pub mod window;

pub use application::{run, APP_ID};
