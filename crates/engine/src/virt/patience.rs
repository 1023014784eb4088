// SPDX-License-Identifier: LGPL-2.1-or-later
//! How long calls of libvirt have been under way. A daemon that hangs holds
//! its callers for good, so somebody else has to say what is waited for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

static CALLS: Mutex<Vec<(u64, Instant)>> = Mutex::new(Vec::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A call that is under way; it has returned when this is dropped.
pub struct Call(u64);

/// Before a call of libvirt that may block.
pub fn call() -> Call {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    CALLS.lock().unwrap_or_else(PoisonError::into_inner).push((number, Instant::now()));
    Call(number)
}

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.lock().unwrap_or_else(PoisonError::into_inner).retain(|(number, _)| *number != self.0);
    }
}

/// How long the oldest call that is under way has taken by now.
#[must_use]
pub fn longest_call() -> Option<Duration> {
    let calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
    calls.iter().map(|(_, begun)| begun.elapsed()).max()
}
