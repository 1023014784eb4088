// SPDX-License-Identifier: LGPL-2.1-or-later
//! A server's first words: which forms it has for what follows.

use super::body::{Body, Lack};
use super::Refusal;
use crate::types::FailureKind;

const HEADER: u64 = 16;
/// Error, key, numbers of abilities and where they are.
const LEAST: u32 = 4 + 162 + 12;
const MOST: u32 = 4096;
/// Abilities by their bit: choosing how one proves oneself, SASL for that, and
/// short headers.
const CHOICE: u32 = 1;
const SASL: u32 = 1 << 2;
const SHORT: u32 = 1 << 3;

fn foreign(detail: &str) -> Lack {
    Lack::Refused(Refusal { kind: FailureKind::Protocol, detail: detail.to_owned() })
}

/// Its length, if what follows can be understood.
pub(super) fn check(bytes: &[u8]) -> Result<u64, Lack> {
    let header = Body::new(bytes, HEADER);
    if header.u32(0)?.to_le_bytes() != *b"REDQ" || header.u32(4)? != 2 {
        return Err(foreign("it does not speak SPICE"));
    }
    let size = header.u32(12)?;
    if !(LEAST..=MOST).contains(&size) {
        return Err(foreign("its greeting has an odd size"));
    }
    let body = Body::new(&bytes[16..], u64::from(size));
    let error = body.u32(0)?;
    let (common, at) = (body.u32(166)?, body.u32(174)?);
    // What it cannot do it does not say.
    let abilities = if common == 0 { 0 } else { body.u32(u64::from(at))? };
    if error == 0 && abilities & SHORT == 0 {
        return Err(foreign("it speaks a SPICE that is too old"));
    }
    if abilities & CHOICE != 0 && abilities & SASL != 0 {
        return Err(foreign("it wants SASL"));
    }
    Ok(HEADER + u64::from(size))
}
