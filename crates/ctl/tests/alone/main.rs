// SPDX-License-Identifier: LGPL-2.1-or-later
//! Tests that compare the whole computer before and after. They run one after
//! another, and nothing else with sandboxes beside them.

#[macro_use]
#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod endings;
mod nothing;
