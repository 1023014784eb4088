// SPDX-License-Identifier: LGPL-2.1-or-later
//! Failures as the protocol has them.

use nix::errno::Errno;
use terrarium_protocol::message::{Failure, Step};
use terrarium_protocol::Bytes;

/// The outcome of a step.
pub type Result<T> = std::result::Result<T, Failure>;

/// Turns an error number into a failure of `step` at `object`.
pub fn at<O: Into<Vec<u8>>>(step: Step, object: O) -> impl FnOnce(Errno) -> Failure {
    move |errno| Failure { step, object: Bytes(object.into()), errno: errno as i32 }
}

/// The same for errors of the standard library.
pub fn io_at<O: Into<Vec<u8>>>(step: Step, object: O) -> impl FnOnce(std::io::Error) -> Failure {
    move |error| Failure { step, object: Bytes(object.into()), errno: error.raw_os_error().unwrap_or(0) }
}
