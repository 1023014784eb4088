// SPDX-License-Identifier: LGPL-2.1-or-later
//! Entries for the fuzz targets, run by the tests as well.

use super::modules::Index;
use super::{decompress, vmlinux};

/// A kernel image that somebody prepared.
pub fn image(data: &[u8]) {
    let _ = vmlinux::has_pvh_entry(data);
    if data.len() < 1 << 16 {
        let _ = decompress::decompress(data, 1 << 20);
        let _ = vmlinux::extract(data);
    }
}

/// Index files that somebody prepared.
pub fn index(text: &str) {
    let index = Index::parse(text, text, text);
    let _ = index.closure(super::WANTED);
    let _ = index.closure(&["a", "b"]);
}
