// SPDX-License-Identifier: LGPL-2.1-or-later
//! Entries for the fuzz targets, run by the tests as well.

use super::modules::{self, Index};
use super::{decompress, vmlinux};

/// Most that an image is unpacked to here, in bytes.
const LIMIT: usize = 1 << 20;

/// A kernel image that somebody prepared.
///
/// # Panics
/// When more is unpacked than allowed, or a kernel is found that cannot be
/// started.
pub fn image(data: &[u8]) {
    let _ = vmlinux::has_pvh_entry(data);
    if let Ok(unpacked) = decompress::decompress(data, LIMIT) {
        assert!(unpacked.len() <= LIMIT);
    }
    if let Some(kernel) = vmlinux::extract(data, LIMIT) {
        assert!(kernel.len() <= LIMIT.max(data.len()) && vmlinux::has_pvh_entry(&kernel));
    }
}

/// Index files that somebody prepared: one text is all three.
///
/// # Panics
/// When a module is to be loaded twice, or one that no line names.
pub fn index(text: &str) {
    let index = Index::parse(text, text, text);
    for wanted in [super::BASE, &["a", "b"]] {
        let order = index.closure(wanted);
        let once: std::collections::BTreeSet<String> = order.iter().map(|path| modules::name(path)).collect();
        assert!(once.len() == order.len() && once.iter().all(|name| index.has(name)));
    }
}
