// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window: shows and edits; decides nothing about sandboxes.
//!
//! ```text
//! AdwApplicationWindow            window/
//!   AdwToastOverlay
//!     AdwLeaflet (page stack)
//!       home                      pages/home/      what runs, profiles, welcome
//!       form                      pages/form/      what to run, how strong
//!       runs                      pages/runs/      tabs, one sandbox each, under one header
//!         a tab                   pages/tab/       talks with the sandbox
//!           start                 pages/start/     what a start does, measured by the last one
//!           terminal              pages/terminal.rs
//!           screen                pages/screen/    the SPICE widget, its session, what passes
//!           end                   pages/end/       how it ended, what is left
//! ```
//!
//! [`bridge`] is the only way from the main loop to the engine: everything
//! that may block runs on a thread of its own, and answers on the main loop.

pub mod application;
pub mod apps;
pub mod bridge;
pub mod command_line;
pub mod frames;
pub mod launcher;
pub mod library;
pub mod look;
pub mod pages;
pub mod renderer;
pub mod search;
pub mod settings;
pub mod spoken;
pub mod window;

pub use application::{run, APP_ID};
