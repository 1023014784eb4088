// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox can reach: as a sheet before it runs, beside the form, and
//! of one that runs.

mod limits;
mod live;
mod pane;
mod sheet;

pub use live::Live;
pub(crate) use pane::unbroken;
pub use pane::Pane;
pub use sheet::{show, Ask};
