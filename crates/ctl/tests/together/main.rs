// SPDX-License-Identifier: LGPL-2.1-or-later
//! What sandboxes do, shown with real ones that run side by side. One program,
//! so that no processor waits for the longest test of each file.

#[macro_use]
#[path = "../common/mod.rs"]
mod common;

mod bombs;
mod calls;
mod changes;
mod clients;
mod confinement;
mod display;
mod doors;
mod files;
mod guest;
mod help;
mod holds;
mod hostile;
mod ids;
mod images;
mod kept;
mod limits;
mod options;
mod races;
mod root;
mod sandboxes;
mod shut;
mod silent;
mod sound;
mod streams;
mod terminal;
mod words;
