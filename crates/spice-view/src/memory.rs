// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a process can do for pictures that follow each other.

/// What may stay with the process after it was given back, in bytes.
#[cfg(target_env = "gnu")]
const KEPT: libc::c_int = 64 << 20;

/// Has the C library keep up to 64 MiB of memory that was given back to it.
///
/// A picture of 1920x1080 pixels is 8 MB, which pass through several hands:
/// each time the kernel is asked for that memory anew it clears it first. It
/// holds for the whole process, so that a program calls it and the widget does
/// not: best before the first session, and once. Without glibc it does nothing.
pub fn keep_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: these change thresholds of malloc and nothing else. The second
    // is the greatest that malloc takes.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT / 2);
    }
}
