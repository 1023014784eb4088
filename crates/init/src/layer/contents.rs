// SPDX-License-Identifier: LGPL-2.1-or-later
//! Hands out regular files, without their holes.

use super::{beneath, place_of};
use crate::build::Kept;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{lseek, Whence};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use terrarium_protocol::contents::{encode, encode_failed, PIECE_MAX};
use terrarium_protocol::Bytes;

/// Writes them as [`terrarium_protocol::contents`] has it. One that cannot be
/// read does not keep the others.
pub fn write(layer: &Kept, paths: &[Bytes], out: File) -> nix::Result<()> {
    let mut out = BufWriter::with_capacity(PIECE_MAX, out);
    for path in paths {
        if let Err(Fault::File(why)) = one(layer, path.as_slice(), &mut out) {
            let mut word = Vec::new();
            encode_failed(u8::try_from(why as i32).unwrap_or(libc::EIO as u8), &mut word);
            out.write_all(&word).map_err(errno)?;
        }
    }
    out.flush().map_err(errno)
}

/// What went wrong.
enum Fault {
    /// With the file.
    File(Errno),
    /// Nobody takes it any more: the next word of it fails, too.
    Out,
}

impl From<Errno> for Fault {
    fn from(why: Errno) -> Self {
        Self::File(why)
    }
}

fn one(layer: &Kept, path: &[u8], out: &mut impl Write) -> Result<(), Fault> {
    let place = place_of(layer, path).ok_or(Errno::EINVAL)?;
    // A FIFO would wait, a device do anything: looked at first.
    let look = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let found = File::from(beneath(&layer.disk, &place, look)?);
    if !found.metadata().map_err(errno)?.is_file() {
        return Err(Errno::EINVAL.into());
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = File::from(beneath(&layer.disk, &place, flags)?);
    let length = file.metadata().map_err(errno)?.len();
    let mut at = 0;
    let mut piece = vec![0; usize::try_from(length).unwrap_or(PIECE_MAX).min(PIECE_MAX)];
    while at < length {
        // The next that is not a hole.
        at = match lseek(&file, at as i64, Whence::SeekData) {
            Ok(found) => found as u64,
            Err(Errno::ENXIO) => break,
            Err(_) => at,
        };
        let hole = lseek(&file, at as i64, Whence::SeekHole).map_or(length, |found| found as u64);
        while at < hole {
            let most = usize::try_from(hole - at).unwrap_or(PIECE_MAX).min(piece.len());
            let count = file.read_at(&mut piece[..most], at).map_err(errno)?;
            if count == 0 {
                break;
            }
            send(out, at, &piece[..count])?;
            at += count as u64;
        }
        if at < hole {
            break;
        }
    }
    send(out, length, &[])
}

fn send(out: &mut impl Write, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
    let mut message = Vec::with_capacity(bytes.len() + 16);
    encode(offset, bytes, &mut message);
    out.write_all(&message).map_err(|_| Fault::Out)
}

/// The number of an error of the standard library.
#[allow(clippy::needless_pass_by_value)] // for map_err
pub fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
