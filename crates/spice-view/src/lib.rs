// SPDX-License-Identifier: LGPL-2.1-or-later
//! A GTK 4 widget that shows a SPICE session.

pub mod frame;
pub mod geometry;
pub mod keys;
pub mod types;
pub mod wheel;
