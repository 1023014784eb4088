// SPDX-License-Identifier: LGPL-2.1-or-later
//! The container of xz (tukaani.org/xz/xz-file-format.txt), as far as kernels
//! and their modules use it.
//!
//! It is read here and not by the library, which believes a file that asks for
//! four gigabytes of dictionary or for any number of index records. The index
//! is not read at all.

use lzma_rust2::filter::bcj::BcjReader;
use lzma_rust2::Lzma2Reader;
use std::io::{self, Read};

/// What a file begins with.
pub const MAGIC: &[u8] = b"\xfd7zXZ\0";
/// Least dictionary, in bytes.
const LEAST: usize = 4096;

/// Unpacks the first stream of `data`; at most `limit` bytes and one more, so
/// that more can be told from enough.
///
/// # Errors
/// It is broken, or has what no kernel has.
pub fn unpack(data: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let mut rest = data;
    let header = take(&mut rest, 12)?;
    let check = Check::of(header[7]).filter(|_| header.starts_with(MAGIC) && header[6] == 0);
    let check = check.ok_or_else(broken)?;
    same(crc32fast::hash(&header[6..8]).into(), &header[8..])?;
    let mut out = Vec::new();
    while out.len() <= limit && rest.first().ok_or_else(broken)? != &0 {
        let filters = Filters::read(&mut rest)?;
        let (before, start) = (rest.len(), out.len());
        filters.unpack(&mut rest, limit, &mut out)?;
        if out.len() > limit {
            break;
        }
        let used = before - rest.len();
        take(&mut rest, used.next_multiple_of(4) - used)?;
        check.verify(&out[start..], take(&mut rest, check.size())?)?;
    }
    Ok(out)
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is broken, or packed as no kernel is")
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> io::Result<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count).ok_or_else(broken)?;
    *rest = left;
    Ok(taken)
}

/// Compares a sum with its little-endian bytes.
fn same(sum: u64, bytes: &[u8]) -> io::Result<()> {
    if sum.to_le_bytes()[..bytes.len()] == *bytes {
        Ok(())
    } else {
        Err(broken())
    }
}

/// How a block's content is verified.
#[derive(Clone, Copy)]
enum Check {
    None,
    Crc32,
    Crc64,
}

impl Check {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::None),
            1 => Some(Self::Crc32),
            4 => Some(Self::Crc64),
            _ => None,
        }
    }

    fn size(self) -> usize {
        match self {
            Self::None => 0,
            Self::Crc32 => 4,
            Self::Crc64 => 8,
        }
    }

    fn verify(self, content: &[u8], bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Crc32 => same(crc32fast::hash(content).into(), bytes),
            Self::Crc64 => same(crc64(content), bytes),
        }
    }
}

/// CRC-64 of ECMA-182, reflected.
fn crc64(content: &[u8]) -> u64 {
    let table: [u64; 256] = std::array::from_fn(|index| {
        (0..8).fold(index as u64, |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0xc96c_5795_d787_0f42 } else { 0 })
    });
    !content.iter().fold(!0, |sum, byte| table[usize::from(sum as u8 ^ byte)] ^ (sum >> 8))
}

/// What a block went through: LZMA2, and before it perhaps the filter that
/// makes x86 programs smaller.
struct Filters {
    dictionary: usize,
    x86: Option<u32>,
}

impl Filters {
    fn read(rest: &mut &[u8]) -> io::Result<Self> {
        let size = (usize::from(*rest.first().ok_or_else(broken)?) + 1) * 4;
        let (mut header, sum) = take(rest, size)?.split_at(size - 4);
        same(crc32fast::hash(header).into(), sum)?;
        let flags = take(&mut header, 2)?[1];
        for present in [0x40, 0x80] {
            // The two sizes are what they turn out to be.
            if flags & present != 0 {
                number(&mut header)?;
            }
        }
        let x86 = match flags & 0x3f {
            0 => None,
            1 => Some(x86(&mut header)?),
            _ => return Err(broken()),
        };
        let &[0x21, 1, bits @ 0..=40] = take(&mut header, 3)? else { return Err(broken()) };
        let dictionary = (2 | usize::from(bits & 1)) << (bits / 2 + 11);
        Ok(Self { dictionary, x86 })
    }

    /// Nothing refers to what lies further back than the beginning, so that no
    /// dictionary needs to be larger than all that may come out.
    fn unpack(&self, rest: &mut &[u8], limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let dictionary = self.dictionary.min(limit.saturating_add(1)).max(LEAST);
        let lzma = Lzma2Reader::new(rest, u32::try_from(dictionary).map_err(|_| broken())?, None);
        let most = (limit - out.len()) as u64 + 1;
        match self.x86 {
            None => lzma.take(most).read_to_end(out)?,
            Some(offset) => BcjReader::new_x86(lzma, offset as usize).take(most).read_to_end(out)?,
        };
        Ok(())
    }
}

fn x86(header: &mut &[u8]) -> io::Result<u32> {
    match take(header, 2)? {
        [4, 0] => Ok(0),
        [4, 4] => Ok(u32::from_le_bytes(*take(header, 4)?.first_chunk().ok_or_else(broken)?)),
        _ => Err(broken()),
    }
}

/// A number of up to nine bytes, seven bits in each.
fn number(header: &mut &[u8]) -> io::Result<u64> {
    let mut value = 0;
    for shift in 0..9 {
        let byte = take(header, 1)?[0];
        value |= u64::from(byte & 0x7f) << (7 * shift);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(broken())
}
