// SPDX-License-Identifier: LGPL-2.1-or-later
//! Hands out one regular file, without its holes.

use super::{beneath, place_of};
use crate::build::Kept;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{lseek, Whence};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use terrarium_protocol::contents::{encode, PIECE_MAX};

/// Writes it as [`terrarium_protocol::contents`] has it.
pub fn write(layer: &Kept, path: &[u8], mut out: File) -> nix::Result<()> {
    let place = place_of(layer, path).ok_or(Errno::EINVAL)?;
    // A FIFO would wait, a device do anything: looked at first.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let found =
        File::from(beneath(&layer.disk, &place, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)?);
    if !found.metadata().map_err(errno)?.is_file() {
        return Err(Errno::EINVAL);
    }
    let file = File::from(beneath(&layer.disk, &place, flags)?);
    let length = file.metadata().map_err(errno)?.len();
    let mut at = 0;
    let mut piece = vec![0; PIECE_MAX];
    while at < length {
        // The next that is not a hole.
        at = match lseek(&file, at as i64, Whence::SeekData) {
            Ok(found) => found as u64,
            Err(Errno::ENXIO) => break,
            Err(_) => at,
        };
        let hole = lseek(&file, at as i64, Whence::SeekHole).map_or(length, |found| found as u64);
        while at < hole {
            let most = usize::try_from(hole - at).unwrap_or(PIECE_MAX).min(PIECE_MAX);
            let count = file.read_at(&mut piece[..most], at).map_err(errno)?;
            if count == 0 {
                break;
            }
            send(&mut out, at, &piece[..count])?;
            at += count as u64;
        }
        if at < hole {
            break;
        }
    }
    send(&mut out, length, &[])
}

fn send(out: &mut File, offset: u64, bytes: &[u8]) -> nix::Result<()> {
    let mut message = Vec::with_capacity(bytes.len() + 16);
    encode(offset, bytes, &mut message);
    out.write_all(&message).map_err(errno)
}

/// The number of an error of the standard library.
#[allow(clippy::needless_pass_by_value)] // for map_err
pub fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
