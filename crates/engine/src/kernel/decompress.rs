// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whatever a kernel or a module is packed with.

use super::xz;
use std::io::{self, Read};

/// Magic of lz4's legacy frame, which kernels use.
const LZ4_LEGACY: &[u8] = &[0x02, 0x21, 0x4c, 0x18];
/// Largest block of that frame, unpacked.
const LZ4_BLOCK: usize = 8 * 1024 * 1024;

/// Unpacks `data`, told by its magic; as it is if that is none of them.
/// What comes after the packed data is ignored.
///
/// # Errors
/// It is broken, or gives more than `limit` bytes.
pub fn decompress(data: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    match data {
        [0x1f, 0x8b, ..] => bounded(flate2::read::GzDecoder::new(data), limit),
        _ if data.starts_with(xz::MAGIC) => {
            let out = xz::unpack(data, limit)?;
            (out.len() <= limit).then_some(out).ok_or_else(too_large)
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(data).map_err(io::Error::other)?;
            bounded(decoder, limit)
        }
        [0x04, 0x22, 0x4d, 0x18, ..] => bounded(lz4_flex::frame::FrameDecoder::new(data), limit),
        _ if data.starts_with(LZ4_LEGACY) => lz4_legacy(&data[LZ4_LEGACY.len()..], limit),
        _ if data.len() <= limit => Ok(data.to_vec()),
        _ => Err(too_large()),
    }
}

/// Whether [`decompress`] would unpack it.
pub fn is_packed(data: &[u8]) -> bool {
    const MAGICS: &[&[u8]] =
        &[&[0x1f, 0x8b, 8], xz::MAGIC, &[0x28, 0xb5, 0x2f, 0xfd], &[0x04, 0x22, 0x4d, 0x18], LZ4_LEGACY];
    MAGICS.iter().any(|magic| data.starts_with(magic))
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "it unpacks to more than a kernel has")
}

fn bounded(reader: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut out)?;
    if out.len() > limit {
        return Err(too_large());
    }
    Ok(out)
}

/// `length u32 | block` until the data ends, or what follows is no block.
fn lz4_legacy(mut data: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut block = vec![0; LZ4_BLOCK];
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        // The kernel's own size stands behind the last block.
        if length == 0 || length > rest.len() {
            break;
        }
        let count =
            lz4_flex::block::decompress_into(&rest[..length], &mut block).map_err(io::Error::other)?;
        if out.len() + count > limit {
            return Err(too_large());
        }
        out.extend_from_slice(&block[..count]);
        data = &rest[length..];
    }
    Ok(out)
}
